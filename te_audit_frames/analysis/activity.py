"""Events per hour, day, week or month of a time zone.

Engines do not agree on the days of a time zone. So the engine only counts events per short step of UTC. Each step lies
within one hour of the zone's clock. pandas then assigns these few steps to the periods of the zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from te_audit_frames.analysis.archived import load_columns
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.freq import (
    PLAUSIBLE,
    Freq,
    check_freq,
    find_periods,
    list_periods,
    step_seconds,
)
from te_audit_frames.analysis.grouping import Grouper, collect, rank
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import parse_zone
from te_audit_frames.receipts import Receipt, stored_receipt

MOST_ROWS = 2_000_000
"""The most rows of a result. More would fill the memory with zeros."""

Moments = tuple[pd.Timestamp, pd.Timestamp]
"""A first and a last moment; NaT if there are none."""

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def activity(
    events: Any,
    *,
    freq: Freq = "D",
    by: str | Sequence[str] | None = None,
    tz: str | tzinfo = "UTC",
    top: int | None = None,
) -> pd.DataFrame:
    """Count events per hour, day, week or month of a time zone.

    A period without events gets a row with a count of zero if it is covered. The receipt of a fetched frame or the
    coverage of an archive defines which time is covered. Frames of Polars, DuckDB and other libraries have no receipt;
    for them, the time between the first and the last event counts as covered. Events without a date are left out.

    If a frame was filtered by plain pandas, it has fewer rows than its receipt has events. Then only periods between
    its first and its last event can be complete. Filter with `between` and `where` instead, which change the receipt
    too.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. In an archive, all events are counted, and only the
        needed columns are read.
    freq : {"D", "h", "W", "MS"}
        Days, hours, weeks from Monday, or months. An hour that is repeated when clocks go back counts as two hours.
    by : str or list of str, optional
        Count separately per value of these columns; see `summarize`.
    tz : str or datetime.tzinfo
        The time zone of the periods, such as ``"Europe/Berlin"``.
    top : int, optional
        Keep the `top` groups with the most events, and combine the others as ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        One row per period and group. Periods are in ascending order, and groups in the order of `summarize`. The
        columns:

        - `period` (``datetime64[us, tz]``): the first instant of the period;
        - the columns of `by`, as in `summarize`: `uid` and `user` for a user;
        - `events` (int64);
        - `complete` (bool): False if the data does not cover the whole period, so that the count may be too small.

    Raises
    ------
    InvalidArgument
        An argument has none of the values above, a date is implausible, or there would be more than two million rows.
    NotAnAuditFrame
        A needed column is missing, or has values that its type cannot hold.
    ArchiveError, FileError, StoreError
        An archive cannot be read.

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
    events: Any, *, freq: Freq, by: str | Sequence[str] | None = None, tz: str | tzinfo = "UTC", top: int | None = None
) -> tuple[pd.DataFrame, Sequence[Dimension], Moments]:
    """Return the result of `activity`, the dimensions of `by`, and the first and the last moment covered."""
    check_freq(freq)
    zone = parse_zone(tz)
    events = load_columns(events, by)
    grouper = Grouper.of(events, by).dated()
    folded, keys = grouper.fold(top)
    seen = _find_first_and_last(grouper)
    receipt = _receipt(events)
    periods = list_periods(seen, _fetched_period(receipt), freq=freq, zone=zone, is_cut=_is_cut(events))
    steps = _count_steps(folded, keys, step_seconds(zone, seen))
    if keys:
        groups = rank(steps.groupby(keys, dropna=False)["events"].sum().reset_index(), grouper.identity)
        column = steps[keys].merge(groups.reset_index(), on=keys, how="left")["index"]
    else:
        groups, column = pd.DataFrame(index=[0]), pd.Series(0, index=steps.index)

    shape = len(periods), len(groups)
    if np.prod(shape) > MOST_ROWS:
        raise InvalidArgument(
            f"by: {shape[1]:,} values of {by!r} in {shape[0]:,} periods make more than {MOST_ROWS:,} rows. Keep only "
            "the largest groups, for example with top=20, or choose a longer freq."
        )
    counts = np.zeros(shape, dtype="int64")
    np.add.at(counts, (find_periods(steps["step"], periods["period"], freq), column), steps["events"])

    names = grouper.name(groups)
    result = periods[["period"]].loc[np.repeat(periods.index, shape[1])].reset_index(drop=True)
    result[names.columns] = names.loc[np.tile(names.index, shape[0])].reset_index(drop=True)
    result["events"] = counts.ravel()
    result["complete"] = np.repeat(periods["complete"].to_numpy() & (receipt is None or receipt.complete), shape[1])
    return result, grouper.dimensions, find_covered(events, seen)


def hours_of_week(hourly: pd.DataFrame) -> pd.DataFrame:
    """Add up hourly counts by weekday and hour of the day, by the clock of their time zone.

    Parameters
    ----------
    hourly : pandas.DataFrame
        The result of ``activity(events, freq="h")``.

    Returns
    -------
    pandas.DataFrame
        The number of events (int64). The rows are the weekdays from Monday, the columns are the hours from 0 to 23.

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
    """Return the first and the last moment that events cover.

    Parameters
    ----------
    events : frame of any supported library
        The events. If they have a receipt, its period is covered, unless plain pandas removed rows.
    seen : tuple of pandas.Timestamp
        The dates of the first and the last event; NaT if there are none.

    Returns
    -------
    tuple of pandas.Timestamp
        The two moments, both included; NaT if nothing is known to be covered.
    """
    period = _fetched_period(_receipt(events))
    if period is None or _is_cut(events):
        return seen
    start, end = max(period[0], PLAUSIBLE[0]), min(period[1], PLAUSIBLE[1])
    first, last = pd.Series([start, seen[0]]).min(), pd.Series([end - pd.Timedelta("1us"), seen[1]]).max()
    return first, max(first, last)


def _count_steps(grouper: Grouper, keys: list[str], seconds: int) -> pd.DataFrame:
    """Count events per group and step of UTC. The column `step` is the start of the step."""
    steps = grouper.count(keys, step=seconds)
    steps["step"] = pd.to_datetime(steps["step"].astype("int64") * seconds, unit="s", utc=True)
    return steps.astype({"events": "int64"})


def _find_first_and_last(grouper: Grouper) -> Moments:
    ends = collect(grouper.frame.select(first=nw.col("date").min(), last=nw.col("date").max()))
    return ends["first"].iloc[0], ends["last"].iloc[0]


def _is_cut(events: Any) -> bool:
    """Return whether plain pandas removed rows. It is not known from which part of the period they were."""
    receipt = _receipt(events)
    return receipt is not None and receipt.events != receipt.rows


def _receipt(events: Any) -> Receipt | None:
    return stored_receipt(events) if isinstance(events, pd.DataFrame) else None


def _fetched_period(receipt: Receipt | None) -> Moments | None:
    """Return the period of a receipt, up to the time of the fetch."""
    if receipt is None or receipt.period is None:
        return None
    start, end = map(pd.Timestamp, receipt.period)
    fetched = pd.Timestamp(receipt.fetched_at or end)
    return start, max(start, min(end, fetched))
