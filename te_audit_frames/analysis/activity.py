"""When it happened: events counted per hour, day, week or month of a time zone.

No engine truncates to a zone's days portably. So the engine counts by steps of UTC, short enough that the zone's clock
does not change within one, and pandas sorts these few steps into the zone's periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from te_audit_frames.analysis.dimensions import parse_by
from te_audit_frames.analysis.freq import (
    PLAUSIBLE,
    check_freq,
    find_periods,
    list_periods,
    step_seconds,
)
from te_audit_frames.analysis.grouping import Grouper, collect, rank
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import parse_zone
from te_audit_frames.receipts import stored_receipt

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST_ROWS = 2_000_000

Moments = tuple[pd.Timestamp, pd.Timestamp]

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def activity(
    events: Any,
    *,
    freq: str = "D",
    by: str | Sequence[str] | None = None,
    tz: str | tzinfo = "UTC",
    top: int | None = None,
) -> pd.DataFrame:
    """Count events per period of time, in a zone's own hours, days, weeks or months.

    A period that is covered and has no events is a row of zero. What is covered stands in the receipt that a fetched
    frame carries; without one (Polars, DuckDB and the other libraries carry none) it is what lies between the first
    and the last event. Events without a date are left out.

    A frame with fewer rows than its receipt was cut by plain pandas. Then only periods between its first and last event
    are complete. Use `between` and `where`, which change the receipt too.

    Parameters
    ----------
    events : frame of any supported library
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark.
    freq : {"D", "h", "W", "MS"}
        Days, hours, weeks from Monday, or months. An hour that the clock strikes twice is two hours.
    by : {"user", "account_group", "event", "ip_address"} or list of these, optional
        What to count apart.
    tz : str or datetime.tzinfo
        The zone whose clock and calendar it is, such as ``"Europe/Berlin"``.
    top : int, optional
        Keep this many of `by`, the ones with most events, and fold the rest into ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        One row per period and value of `by`, ascending in time and, within a period, in the order that `summarize`
        has: `period` (``datetime64[us, tz]``, its first instant), the columns of `by` as in `summarize` (a user has
        `uid` and `user`), `events` (int64), `complete` (bool; False where the data does not cover the period from
        its start to its end, so that its count may be too small).

    Raises
    ------
    InvalidArgument
        `freq`, `by`, `tz` or `top` is not one of the above, or there would be more than two million rows.
    NotAnAuditFrame
        A column that is needed is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> events = pd.DataFrame({"date": pd.to_datetime(["2026-03-01T23:30Z", "2026-03-04T08:00Z"])})
    >>> taf.activity(events, freq="D", tz="Europe/Berlin")
                         period  events  complete
    0 2026-03-02 00:00:00+01:00       1     False
    1 2026-03-03 00:00:00+01:00       0      True
    2 2026-03-04 00:00:00+01:00       1     False
    """
    return count_activity(events, freq=freq, by=by, tz=tz, top=top)[0]


def count_activity(
    events: Any, *, freq: str, by: str | Sequence[str] | None = None, tz: str | tzinfo = "UTC", top: int | None = None
) -> tuple[pd.DataFrame, Moments]:
    """Return what `activity` returns, and the first and the last moment that its counts cover."""
    check_freq(freq)
    zone = parse_zone(tz)
    dimensions = [] if by is None else parse_by(by)
    grouper = Grouper.of(events, dimensions).dated()
    identity = [column for dimension in dimensions for column in dimension.identity]
    folded, keys = grouper.fold(identity, top)
    seen = _find_first_and_last(grouper)
    receipt = _receipt(events)
    # A frame that plain pandas cut has lost rows of the receipt's period, and nobody knows of which part.
    is_cut = isinstance(events, pd.DataFrame) and receipt.get("events", len(events)) != len(events)
    periods = list_periods(seen, _resolved(receipt), freq=freq, zone=zone, is_cut=is_cut)
    steps = _count_steps(folded, keys, step_seconds(zone, seen))
    if keys:
        groups = rank(steps.groupby(keys, dropna=False)["events"].sum().reset_index(), identity)
        column = steps[keys].merge(groups.reset_index(), on=keys, how="left")["index"]
    else:
        groups, column = pd.DataFrame(index=[0]), pd.Series(0, index=steps.index)

    shape = len(periods), len(groups)
    if np.prod(shape) > MOST_ROWS:
        raise InvalidArgument(
            f"by: {shape[1]:,} values of {by!r} in each of {shape[0]:,} periods are more rows than {MOST_ROWS:,}. "
            "Keep the largest, for example with top=20, or take a longer freq."
        )
    counts = np.zeros(shape, dtype="int64")
    np.add.at(counts, (find_periods(steps["step"], periods["period"], freq), column), steps["events"])

    names = grouper.name(groups, dimensions)
    result = periods[["period"]].loc[np.repeat(periods.index, shape[1])].reset_index(drop=True)
    result[names.columns] = names.loc[np.tile(names.index, shape[0])].reset_index(drop=True)
    result["events"] = counts.ravel()
    result["complete"] = np.repeat(periods["complete"].to_numpy() & receipt.get("complete", True), shape[1])
    return result, find_covered(events, seen)


def hours_of_week(hourly: pd.DataFrame) -> pd.DataFrame:
    """Add up hours to a week of 7 x 24, by the wall clock of the hours' zone.

    Parameters
    ----------
    hourly : pandas.DataFrame
        What ``activity(events, freq="h")`` gives.

    Returns
    -------
    pandas.DataFrame
        Events (int64) by weekday, Monday first, and hour of the day, 0 to 23.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.analysis.activity import hours_of_week
    >>> events = pd.DataFrame({"date": pd.to_datetime(["2026-03-01T23:30Z", "2026-03-04T08:00Z"])})
    >>> hours_of_week(taf.activity(events, freq="h", tz="Europe/Berlin")).loc["Monday", 0:2].to_list()
    [1, 0, 0]
    """
    week = np.zeros((7, 24), dtype="int64")
    np.add.at(week, (hourly["period"].dt.day_of_week, hourly["period"].dt.hour), hourly["events"])
    return pd.DataFrame(week, index=pd.Index(WEEKDAYS, name="weekday"), columns=pd.RangeIndex(24, name="hour"))


def find_covered(events: Any, seen: Moments) -> Moments:
    """Find the first and the last moment that counts of some events cover.

    Parameters
    ----------
    events : frame of any supported library
        What is counted; a receipt that it carries says what was asked for.
    seen : tuple of pandas.Timestamp
        The first and the last event's date; NaT if there are none.

    Returns
    -------
    tuple of pandas.Timestamp
        Both are included. NaT if there are neither events nor a receipt.
    """
    asked = _resolved(_receipt(events))
    if asked is None:
        return seen
    start, end = max(asked[0], PLAUSIBLE[0]), min(asked[1], PLAUSIBLE[1])
    first, last = pd.Series([start, seen[0]]).min(), pd.Series([end - pd.Timedelta("1us"), seen[1]]).max()
    return first, max(first, last)


def _count_steps(grouper: Grouper, keys: list[str], seconds: int) -> pd.DataFrame:
    """Count events by step of UTC; `step` is its start."""
    steps = grouper.count(keys, step=seconds)
    steps["step"] = pd.to_datetime(steps["step"].astype("int64") * seconds, unit="s", utc=True)
    return steps.astype({"events": "int64"})


def _find_first_and_last(grouper: Grouper) -> Moments:
    ends = collect(grouper.frame.select(first=nw.col("date").min(), last=nw.col("date").max()))
    return ends["first"].iloc[0], ends["last"].iloc[0]


def _receipt(events: Any) -> Mapping[str, Any]:
    receipt = stored_receipt(events) if isinstance(events, pd.DataFrame) else None
    return {} if receipt is None else receipt.to_dict()


def _resolved(receipt: Mapping[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Read for which period the events speak: what was asked for, as far as it had passed when it was fetched."""
    if not receipt.get("resolved"):
        return None
    start, end = (pd.Timestamp(receipt["resolved"][bound]) for bound in ("start", "end"))
    fetched = pd.Timestamp(receipt.get("fetched_at") or end)
    return start, max(start, min(end, fetched))
