"""The hours, days, weeks and months of a time zone, and which of them some events speak for."""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache

import pandas as pd

from te_audit_frames.errors import InvalidRequest

FREQUENCIES = ("h", "D", "W", "MS")

# Dates outside these are some clock's mistake, and zero rows all the way to them would be of no use.
PLAUSIBLE = (pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC"))


def check_freq(freq: str) -> None:
    """Refuse what is not one of `FREQUENCIES`."""
    if freq not in FREQUENCIES:
        raise InvalidRequest(f'freq: {freq!r} is not one of {", ".join(map(repr, FREQUENCIES))}. For example freq="D".')


@lru_cache
def step_seconds(zone: tzinfo) -> int:
    """Find the longest step of UTC within which the zone's clock neither changes nor strikes the hour."""
    days = pd.date_range(*PLAUSIBLE, freq="D")
    offsets = (days.tz_convert(zone).tz_localize(None) - days.tz_localize(None)) // pd.Timedelta("1s")
    return next(seconds for seconds in (3600, 900, 60, 1) if not (offsets % seconds).any())


def list_periods(
    seen: tuple[pd.Timestamp, pd.Timestamp],
    covered: tuple[pd.Timestamp, pd.Timestamp] | None,
    *,
    freq: str,
    zone: tzinfo,
    is_cut: bool = False,
) -> pd.DataFrame:
    """List every period that holds events or is covered.

    Parameters
    ----------
    seen : tuple of pandas.Timestamp
        The first and the last event's date; NaT where there are none.
    covered : tuple of pandas.Timestamp or None
        The half-open period that was asked for, as the receipt has it. Without one, what lies between the first
        and the last event is taken as covered.
    freq : str
        One of `FREQUENCIES`.
    zone : datetime.tzinfo
        Whose clock and calendar.
    is_cut : bool
        Whether the events are fewer than the receipt speaks of. Then nothing before the first event and behind the last
        one is known.

    Returns
    -------
    pandas.DataFrame
        Ascending, without gaps: `period` and `end` (its first instant and that of the next one, in the zone), and
        `complete` (whether it is covered from start to end).
    """
    if covered is not None:
        covered = max(covered[0], PLAUSIBLE[0]), min(covered[1], PLAUSIBLE[1])
    start, end = covered or seen
    first, last = pd.Series([start, seen[0]]).min(), pd.Series([end, seen[1]]).max()
    if pd.isnull([first]).any():
        first = last = PLAUSIBLE[0]  # no period follows from this, but their types do
    if first < PLAUSIBLE[0] or last > PLAUSIBLE[1]:
        raise InvalidRequest(
            f"events: their dates reach from {first.isoformat():.10} to {last.isoformat():.10}. Leave out the "
            'implausible ones, for example with te_audit_frames.between(events, start="2010-01-01").'
        )
    bounds = _bounds(first, last, freq, zone)
    periods = pd.DataFrame({"period": bounds[:-1], "end": bounds[1:]})
    known = pd.Series([start, seen[0]]).max(skipna=False), pd.Series([end, seen[1]]).min(skipna=False)
    since, until = known if is_cut else (start, end)
    periods["complete"] = (periods["period"] >= since) & (periods["end"] <= until)
    reached = (periods["period"] < end) | (periods["period"] <= seen[1])
    return periods[(periods["end"] > first) & reached].reset_index(drop=True)


def list_edges(periods: pd.Series, freq: str) -> pd.DatetimeIndex:
    """List the first instants of the periods and of the one that follows: where a drawing of them has its edges."""
    bounds = _bounds(periods.iloc[0], periods.iloc[-1], freq, periods.dt.tz)
    first = int(bounds.searchsorted(periods.iloc[0]))
    return bounds[first : first + len(periods) + 1]


def _bounds(first: pd.Timestamp, last: pd.Timestamp, freq: str, zone: tzinfo) -> pd.DatetimeIndex:
    """List the first instants of all periods from that of `first` to the one after that of `last`, or a few more."""
    # Whatever the clock does, the period that holds an instant begins and ends within this distance of it.
    reach = pd.Timedelta({"h": "3h", "D": "3D", "W": "10D", "MS": "34D"}[freq])
    step = f"{step_seconds(zone)}s"
    instants = pd.date_range((first - reach).floor(step), last + reach, freq=step, unit="us").tz_convert(zone)
    wall = instants.tz_localize(None)
    if freq == "h":
        # Less its offset, so that an hour which the clock strikes twice is two hours.
        turns = wall.floor("h") - (wall - instants.tz_convert(None))
    else:
        turns = wall.to_period({"D": "D", "W": "W-SUN", "MS": "M"}[freq]).to_timestamp()
    return instants[1:][turns[1:] != turns[:-1]]
