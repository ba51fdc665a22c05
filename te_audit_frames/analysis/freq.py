"""Hours, days, weeks and months of a time zone, and which of them the events cover."""

from __future__ import annotations

import math
from datetime import tzinfo
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.errors import InvalidArgument

Freq = Literal["h", "D", "W", "MS"]
"""Hours, days, weeks from Monday and months, under their names in pandas."""

FREQUENCIES: tuple[str, ...] = get_args(Freq)

# A date outside this range is a mistake. A row for every empty day up to it would be useless.
PLAUSIBLE = (pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC"))

# The range in which a zone's changes are looked up: wide enough for a whole period around either date.
_LOOKED_AT = (pd.Timestamp("1989-11-01", tz="UTC"), pd.Timestamp("2100-03-01", tz="UTC"))


def check_freq(freq: str) -> None:
    """Raise `InvalidArgument` if `freq` is not one of `FREQUENCIES`."""
    if freq not in FREQUENCIES:
        raise InvalidArgument(
            f'freq: {freq!r} is not one of {", ".join(map(repr, FREQUENCIES))}. For example freq="D".'
        )


def step_seconds(zone: tzinfo, seen: tuple[pd.Timestamp, pd.Timestamp]) -> int:
    """Return the longest step of UTC that always lies within one hour of the zone's clock.

    Parameters
    ----------
    zone : datetime.tzinfo
        The time zone.
    seen : tuple of pandas.Timestamp
        The dates of the first and the last event; NaT if there are none.

    Returns
    -------
    int
        The step in seconds. Usually it is an hour, half an hour or a quarter of an hour; it is shorter only if the
        clock changed at an odd minute between the two events.
    """
    if pd.isnull([*seen]).any():
        return 3600
    offsets, changes = _clock(zone, *seen)
    return math.gcd(3600, *offsets.tolist(), *changes.tolist())


def list_periods(
    seen: tuple[pd.Timestamp, pd.Timestamp],
    covered: tuple[pd.Timestamp, pd.Timestamp] | None,
    *,
    freq: str,
    zone: tzinfo,
    is_cut: bool = False,
) -> pd.DataFrame:
    """Return all periods that have events or are covered, and those in between.

    Parameters
    ----------
    seen : tuple of pandas.Timestamp
        The dates of the first and the last event; NaT if there are none.
    covered : tuple of pandas.Timestamp or None
        The half-open period of the receipt. If it is None, the time between the first and the last event counts as
        covered.
    freq : str
        One of `FREQUENCIES`.
    zone : datetime.tzinfo
        The time zone of the periods.
    is_cut : bool
        Whether the frame has fewer events than its receipt states. Then nothing is known about the time before the
        first event and after the last one.

    Returns
    -------
    pandas.DataFrame
        One row per period, ascending and without gaps: `period` (its first instant, in the zone), `end` (the first
        instant of the next period), and `complete` (whether the period is covered from start to end).

    Raises
    ------
    InvalidArgument
        A date is outside the plausible range.
    """
    if covered is not None:
        covered = max(covered[0], PLAUSIBLE[0]), min(covered[1], PLAUSIBLE[1])
    start, end = covered or seen
    first, last = pd.Series([start, seen[0]]).min(), pd.Series([end, seen[1]]).max()
    if pd.isnull([first]).any():
        first = last = PLAUSIBLE[0]  # gives no period, but an empty frame with the right dtypes
    if first < PLAUSIBLE[0] or last > PLAUSIBLE[1]:
        raise InvalidArgument(
            f"events: their dates range from {first.isoformat():.10} to {last.isoformat():.10}. Leave out the "
            'implausible ones, for example with te_audit_frames.between(events, start="2010-01-01").'
        )
    periods = _periods_around(first, last, freq, zone)
    known = pd.Series([start, seen[0]]).max(skipna=False), pd.Series([end, seen[1]]).min(skipna=False)
    since, until = known if is_cut else (start, end)
    periods["complete"] = (periods["period"] >= since) & (periods["end"] <= until)
    reached = (periods["period"] < end) | (periods["period"] <= seen[1])
    return periods[(periods["end"] > first) & reached].reset_index(drop=True)


def list_edges(periods: pd.Series, freq: str) -> pd.DatetimeIndex:
    """Return the edges of bars: the first instant of each period, and the end of the last one."""
    last = periods.iloc[-1]
    around = _periods_around(last, last, freq, periods.dt.tz)
    return pd.DatetimeIndex([*periods, around["end"][around["period"] == last].iloc[0]])


def find_periods(instants: pd.Series, periods: pd.Series, freq: str) -> npt.NDArray[np.int64]:
    """Return for each instant the position of its period. `periods` are the first instants of the periods."""
    if freq == "h":
        return np.asarray(periods.searchsorted(instants, side="right") - 1)
    # Calendar days are compared, not instants: if the clock goes back over midnight, a day continues after the next one
    # has begun.
    days = _ordinals(pd.DatetimeIndex(periods), freq)
    return np.asarray(days.searchsorted(_ordinals(pd.DatetimeIndex(instants).tz_convert(periods.dt.tz), freq)))


def _periods_around(first: pd.Timestamp, last: pd.Timestamp, freq: str, zone: tzinfo) -> pd.DataFrame:
    """Return `period` and `end` of the periods from `first` to `last`, and of a few before and after."""
    # The period of an instant begins and ends within this distance of it, however the clock changes.
    reach = pd.Timedelta({"h": "3h", "D": "3D", "W": "10D", "MS": "34D"}[freq])
    low, high = (moment.tz_convert("UTC").floor("s") for moment in (first - reach, last + reach))
    offsets, changes = _clock(zone, low, high)
    # A period begins at a full hour or at midnight under one of these offsets, or when the clock changes.
    strike = 3600 if freq == "h" else 86_400
    bounds = np.array([low.timestamp(), high.timestamp() + strike], dtype=np.int64)
    strikes = [np.arange(*((bounds + offset) // strike), dtype=np.int64) * strike - offset for offset in offsets]
    moments = np.sort(np.concatenate([*strikes, changes]), kind="stable")
    instants = _at(moments, zone)
    keys = pd.DataFrame({"turn": _ordinals(instants, freq)})
    if freq == "h":
        # An hour that is repeated when the clock goes back counts as two hours.
        keys["offset"] = _offsets(moments, zone)
    begins = keys.ne(keys.shift()).any(axis=1).to_numpy()
    turns = pd.DataFrame({"turn": keys["turn"], "period": instants})[begins].iloc[1:]
    turns["end"] = turns["period"].shift(-1)
    turns = turns.iloc[:-1]
    if freq != "h":
        # If the clock goes back over midnight, a day or month begins twice. It is still one period.
        turns = turns.groupby("turn").agg(period=("period", "first"), end=("end", "last"))
    return turns[["period", "end"]].reset_index(drop=True)


def _ordinals(instants: pd.DatetimeIndex, freq: str) -> npt.NDArray[np.int64]:
    """Return the ordinal number of the hour, day, week or month that the local clock shows."""
    wall = instants.tz_localize(None).to_period({"h": "h", "D": "D", "W": "W-SUN", "MS": "M"}[freq])
    return np.asarray(wall.asi8)


# ---- offsets of a zone, in whole seconds since 1970 -----------------------------------------------------------------


def _clock(
    zone: tzinfo, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the offsets from UTC that a zone has between two moments, and the moments of its changes in between."""
    moments = _changes(zone)
    between = moments[(moments > first.timestamp()) & (moments <= last.timestamp())]
    start = np.array([math.floor(first.timestamp())], dtype=np.int64)
    return np.unique(_offsets(np.concatenate([start, between]), zone)), between


@lru_cache
def _changes(zone: tzinfo) -> npt.NDArray[np.int64]:
    """Return the first second of every new offset from UTC, found by bisecting the days on which it changes."""
    first, last = (int(bound.timestamp()) for bound in _LOOKED_AT)
    days = np.arange(first, last, 86_400, dtype=np.int64)
    offsets = _offsets(days, zone)
    changed = np.flatnonzero(offsets[1:] != offsets[:-1])
    low, high, aim = days[changed], days[changed + 1], offsets[changed + 1]
    found = []
    while len(low):
        begins = _halve(low, high, zone)
        found.append(begins)
        # On a day with two changes, the offset after the first one is not yet the last offset of the day.
        again = _offsets(begins, zone) != aim
        low, high, aim = begins[again], high[again], aim[again]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *found]))


def _halve(low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], zone: tzinfo) -> npt.NDArray[np.int64]:
    """Return for each pair of `low` and `high` the first second at which the offset differs from that at `low`."""
    before = _offsets(low, zone)
    while (high - low > 1).any():
        middle = (low + high) // 2
        is_old = _offsets(middle, zone) == before
        low, high = np.where(is_old, middle, low), np.where(is_old, high, middle)
    return high


def _offsets(moments: npt.NDArray[np.int64], zone: tzinfo) -> npt.NDArray[np.int64]:
    wall = _at(moments, zone).tz_localize(None).as_unit("s").asi8
    return np.asarray(wall - moments)


def _at(moments: npt.NDArray[np.int64], zone: tzinfo) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(moments.astype("datetime64[s]")).as_unit("us").tz_localize("UTC").tz_convert(zone)
