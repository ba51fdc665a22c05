"""Events per hour, day, week or month of a time zone.

No two engines truncate to the days of a time zone in the same way. So the engine counts by short steps of UTC, within
which the zone's clock does not change, and pandas assigns these few steps to the zone's periods.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

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
from te_audit_frames.receipts import stored_receipt

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOST_ROWS = 2_000_000

Moments = tuple[pd.Timestamp, pd.Timestamp]

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

    A covered period without events is a row of zero. The receipt of a fetched frame says what is covered. Without a
    receipt (frames of Polars, DuckDB and other libraries have none), the time between the first and the last event
    counts as covered. Events without a date are left out.

    A frame with fewer rows than its receipt was filtered by plain pandas. Then only periods between its first and last
    event are complete. Use `between` and `where`, which change the receipt too.

    Parameters
    ----------
    events : frame of any supported library
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark.
    freq : {"D", "h", "W", "MS"}
        Days, hours, weeks from Monday, or months. An hour that is repeated when clocks go back counts as two hours.
    by : str or list of str, optional
        What to count separately; see `summarize`.
    tz : str or datetime.tzinfo
        The time zone of the periods, such as ``"Europe/Berlin"``.
    top : int, optional
        Keep the `top` groups with the most events and fold the rest into ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        One row per period and group, ascending in time and, within a period, in the order of `summarize`: `period`
        (``datetime64[us, tz]``, its first instant), the columns of `by` as in `summarize` (a user has `uid` and
        `user`), `events` (int64), `complete` (bool). `complete` is False if the data does not cover the whole
        period, so that its count may be too small.

    Raises
    ------
    InvalidArgument
        An argument is not one of the above, or there would be more than two million rows.
    NotAnAuditFrame
        A needed column is missing.

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
    """Return what `activity` returns, the dimensions of `by`, and the first and the last moment that counts cover."""
    check_freq(freq)
    zone = parse_zone(tz)
    grouper = Grouper.of(events, by).dated()
    folded, keys = grouper.fold(top)
    seen = _find_first_and_last(grouper)
    receipt = _receipt(events)
    periods = list_periods(seen, _resolved(receipt), freq=freq, zone=zone, is_cut=_is_cut(events))
    steps = _count_steps(folded, keys, step_seconds(zone, seen))
    if keys:
        groups = rank(steps.groupby(keys, dropna=False)["events"].sum().reset_index(), grouper.identity)
        column = steps[keys].merge(groups.reset_index(), on=keys, how="left")["index"]
    else:
        groups, column = pd.DataFrame(index=[0]), pd.Series(0, index=steps.index)

    shape = len(periods), len(groups)
    if np.prod(shape) > MOST_ROWS:
        raise InvalidArgument(
            f"by: {shape[1]:,} values of {by!r} in {shape[0]:,} periods make more than {MOST_ROWS:,} rows. Keep the "
            "largest groups, for example top=20, or choose a longer freq."
        )
    counts = np.zeros(shape, dtype="int64")
    np.add.at(counts, (find_periods(steps["step"], periods["period"], freq), column), steps["events"])

    names = grouper.name(groups)
    result = periods[["period"]].loc[np.repeat(periods.index, shape[1])].reset_index(drop=True)
    result[names.columns] = names.loc[np.tile(names.index, shape[0])].reset_index(drop=True)
    result["events"] = counts.ravel()
    result["complete"] = np.repeat(periods["complete"].to_numpy() & receipt.get("complete", True), shape[1])
    return result, grouper.dimensions, find_covered(events, seen)


def hours_of_week(hourly: pd.DataFrame) -> pd.DataFrame:
    """Add up the hours of a week, 7 x 24, by the clock of their time zone.

    Parameters
    ----------
    hourly : pandas.DataFrame
        The result of ``activity(events, freq="h")``.

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
    """Return the first and the last moment that counts of these events cover.

    Parameters
    ----------
    events : frame of any supported library
        The events. If they carry a receipt, it says which period they cover, unless plain pandas removed rows.
    seen : tuple of pandas.Timestamp
        The dates of the first and the last event; NaT if there are none.

    Returns
    -------
    tuple of pandas.Timestamp
        Both are included. NaT if nothing is known to be covered.
    """
    period = _resolved(_receipt(events))
    if period is None or _is_cut(events):
        return seen
    start, end = max(period[0], PLAUSIBLE[0]), min(period[1], PLAUSIBLE[1])
    first, last = pd.Series([start, seen[0]]).min(), pd.Series([end - pd.Timedelta("1us"), seen[1]]).max()
    return first, max(first, last)


def _count_steps(grouper: Grouper, keys: list[str], seconds: int) -> pd.DataFrame:
    """Count events per step of UTC; `step` is its start."""
    steps = grouper.count(keys, step=seconds)
    steps["step"] = pd.to_datetime(steps["step"].astype("int64") * seconds, unit="s", utc=True)
    return steps.astype({"events": "int64"})


def _find_first_and_last(grouper: Grouper) -> Moments:
    ends = collect(grouper.frame.select(first=nw.col("date").min(), last=nw.col("date").max()))
    return ends["first"].iloc[0], ends["last"].iloc[0]


def _is_cut(events: Any) -> bool:
    """Whether plain pandas removed rows of the receipt's period. Nobody knows which part of it they were from."""
    return isinstance(events, pd.DataFrame) and _receipt(events).get("events", len(events)) != len(events)


def _receipt(events: Any) -> Mapping[str, Any]:
    receipt = stored_receipt(events) if isinstance(events, pd.DataFrame) else None
    return {} if receipt is None else receipt.to_dict()


def _resolved(receipt: Mapping[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """Return the period that a receipt covers: the requested one, up to the time of the fetch."""
    if not receipt.get("resolved"):
        return None
    start, end = (pd.Timestamp(receipt["resolved"][bound]) for bound in ("start", "end"))
    fetched = pd.Timestamp(receipt.get("fetched_at") or end)
    return start, max(start, min(end, fetched))
