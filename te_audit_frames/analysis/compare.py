"""Comparison of two periods: what happened more, less, for the first time or no longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.dimensions import parse_by
from te_audit_frames.analysis.grouping import Grouper
from te_audit_frames.analysis.tails import two_sided
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Instant, Period, iso, parse_zone, to_bounds
from te_audit_frames.receipts import Receipt, stored_receipt
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import COLUMNS

_FIGURES = ("before", "now", "before_per_day", "now_per_day", "ratio", "change", "p_value", "p_adjusted", "complete")


def compare(
    events: Any,
    *,
    before: tuple[Instant, Instant] | Period,
    now: tuple[Instant, Instant] | Period,
    by: str | Sequence[str],
    tz: str | tzinfo | None = None,
    incomplete: Literal["raise", "allow"] = "raise",
) -> pd.DataFrame:
    """Compare how often things happened in two periods.

    The periods may be of different lengths: rates per day are compared, not counts.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark, with `date` and the columns of `by`. Of an archive,
        only the two periods are read.
    before, now : tuple of two instants, or Period
        The half-open periods `[start, end)`. `before` ends no later than `now` starts.
    by : str or list of str
        What to compare: ``"user"``, ``"account_group"``, ``"event"``, ``"ip_address"``, or any other column; see
        `summarize`.
    tz : str or datetime.tzinfo, optional
        The zone of instants that have none.
    incomplete : {"raise", "allow"}
        What to do if the receipt of the events does not cover both periods. A period that was read only in part would
        seem quieter than it was.

    Returns
    -------
    pandas.DataFrame
        One row per key that occurs in either period. Changes that are least likely by chance come first. The columns:

        - the columns of `by` (str), as in `summarize`;
        - `before` and `now` (int64), the events; `before_per_day` and `now_per_day` (float64);
        - `ratio` (float64): the rate of `now` divided by that of `before`; infinite if `before` has no events;
        - `change` (str): ``"new"``, ``"gone"``, ``"more"``, ``"fewer"`` or ``"same"``, by the rates alone;
        - `p_value` (float64): the probability that chance alone makes the rates differ at least this much, if
          events are independent;
        - `p_adjusted` (float64): `p_value` adjusted for the number of rows, by Holm's method;
        - `complete` (bool): whether a receipt proves that the events cover both periods.

        Events without a date are left out.

    Raises
    ------
    InvalidArgument
        An argument is wrong; the periods overlap; or the receipt does not cover them, and `incomplete` is ``"raise"``.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Rule.* If the rate did not change, the number of events in `now`, out of those in both periods, is binomial. The
    probability is the share of `now` in the length of both periods. `p_value` is twice the smaller exact tail. Audit
    events come in bursts and are not independent: one afternoon of editing is already unlikely by this measure. So use
    it to rank changes; it proves nothing.

    *What it cannot see.* Weekdays: compare whole weeks with whole weeks. Frames without a receipt, such as those of
    other libraries, may lack part of a period. Then `complete` is False, but no error is raised.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> dates = pd.to_datetime(["2026-03-02T08:00Z", *["2026-03-09T08:00Z"] * 8, "2026-03-10T08:00Z"])
    >>> events = pd.DataFrame({"date": dates, "event": ["Test created."] * 2 + ["Test deleted."] * 8})
    >>> changes = taf.compare(events, before=("2026-03-02", "2026-03-09"), now=("2026-03-09", "2026-03-16"), by="event")
    >>> changes[["event", "before", "now", "change", "p_value"]]
               event  before  now change   p_value
    0  Test deleted.       0    8    new  0.007812
    1  Test created.       1    1   same  1.000000
    """
    if incomplete not in ("raise", "allow"):
        raise InvalidArgument(f"incomplete: {incomplete!r} is neither 'raise' nor 'allow'")
    if by is None:
        raise InvalidArgument('by: None names no column. Choose what to compare, for example by="event".')
    zone = None if tz is None else parse_zone(tz)
    periods = _period("before", before, zone), _period("now", now, zone)
    if periods[0].end > periods[1].start:
        raise InvalidArgument(
            f"now: {periods[1]} does not start after before: {periods[0]}. The periods must not overlap, and `before` "
            "must be the earlier one."
        )
    frames = _frames(events, periods, by)
    doubts = [_doubt(frame, period) for frame, period in zip(frames, periods, strict=True)]
    if incomplete == "raise":
        for doubt in filter(None, doubts):
            raise InvalidArgument(f'{doubt} Choose another period, fetch the rest, or pass incomplete="allow".')
    proven = all(doubt == "" for doubt in doubts)
    return _compare(frames, periods, by, proven)


def _period(name: str, value: Any, zone: tzinfo | None) -> Period:
    if isinstance(value, Period):
        return value
    advice = f'{name}: {value!r} is not a period. Right is, for example, {name}=("2026-01-01", "2026-01-08").'
    if not isinstance(value, tuple | list) or len(value) != 2 or value[0] is None or value[1] is None:
        raise InvalidArgument(advice)
    try:
        start, end = to_bounds(value[0], value[1], zone=zone)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}") from None
    if start is None or end is None:
        raise InvalidArgument(advice)
    return Period(start, end)


def _frames(events: Any, periods: tuple[Period, Period], by: str | Sequence[str]) -> tuple[Any, Any]:
    """Return the events of each period. A frame that is not an archive is returned twice."""
    if not is_archive(events):
        return events, events
    columns = [name for dimension in parse_by(by, COLUMNS) for name in dimension.columns.values()]
    wanted = list(dict.fromkeys(["date", *columns]))
    first, second = (events.load(start=period.start, end=period.end, columns=wanted) for period in periods)
    return first, second


def _doubt(frame: Any, period: Period) -> str | None:
    """Return why events may not cover a period: empty text if they do, None if there is no receipt."""
    receipt = stored_receipt(frame) if isinstance(frame, pd.DataFrame) else None
    if receipt is None or (receipt.period is None and receipt.source != "archive"):
        return None
    if receipt.period is None:
        return f"events: the archive has not read any of {period} to its end."
    if receipt.events != len(frame):
        return (
            f"events: the receipt counts {number_of(receipt.events, 'event')} and the frame has "
            f"{len(frame):,}: plain pandas cut "
            "it, so it is not known what is missing. Cut with between() and where()."
        )
    covered = receipt.period.start, _seen_to(receipt)
    if period.start < covered[0] or period.end > covered[1]:
        return f"events: they cover {iso(covered[0])} to {iso(covered[1])}, and not all of {period}."
    return "" if receipt.complete else "events: their receipt says that they are not complete."


def _seen_to(receipt: Receipt) -> datetime:
    assert receipt.period is not None  # noqa: S101 - the caller checked  # nosec B101
    if not receipt.fetched_at:
        return receipt.period.end
    return min(receipt.period.end, datetime.fromisoformat(receipt.fetched_at))


def _compare(
    frames: tuple[Any, Any], periods: tuple[Period, Period], by: str | Sequence[str], proven: bool
) -> pd.DataFrame:
    if frames[0] is not frames[1]:  # they are from an archive
        frames = (pd.concat(frames, ignore_index=True),) * 2
    grouper = Grouper.of(frames[0], by)
    names = [name for dimension in grouper.dimensions for name in dimension.columns.values()]
    for name in set(names) & set(_FIGURES):
        raise InvalidArgument(
            f"by: the result has a column {name!r} of its own. Rename yours, for example "
            f'events.rename(columns={{{name!r}: "my_{name}"}}).'
        )
    keys = grouper.identity
    counted = []
    for name, period in zip(("before", "now"), periods, strict=True):
        groups = _within(grouper, period).count(keys)
        counted.append(groups[[*keys, "events"]].assign(**{name: groups["events"].astype("int64")}))
    both = pd.concat(counted, ignore_index=True)
    groups = both.groupby(keys, dropna=False, sort=True)[["before", "now"]].sum().astype("int64").reset_index()
    result = grouper.name(groups).join(_figures(groups, periods))
    result["complete"] = proven
    ranks = groups[keys].assign(p=result["p_value"], size=-(result["before"] + result["now"]))
    order = ranks.sort_values(["p", "size", *keys], kind="stable").index
    return result.reindex(order).reset_index(drop=True)


def _within(grouper: Grouper, period: Period) -> Grouper:
    date = nw.col("date")
    rows = grouper.frame.select("date", *grouper.identity)
    return replace(grouper, frame=rows.filter((date >= nw.lit(period.start)) & (date < nw.lit(period.end))))


def _figures(groups: pd.DataFrame, periods: tuple[Period, Period]) -> pd.DataFrame:
    days = [(period.end - period.start) / timedelta(days=1) for period in periods]
    figures = groups[["before", "now"]].copy()
    figures["before_per_day"], figures["now_per_day"] = figures["before"] / days[0], figures["now"] / days[1]
    with np.errstate(divide="ignore"):
        figures["ratio"] = figures["now_per_day"].to_numpy() / figures["before_per_day"].to_numpy()
    # Each count is multiplied by the other period's length, because dividing by its own would round.
    lengths = [(period.end - period.start) // timedelta(microseconds=1) for period in periods]
    counts = zip(figures["before"].tolist(), figures["now"].tolist(), strict=True)
    figures["change"] = pd.array([_change(b * lengths[1], n * lengths[0]) for b, n in counts], dtype="str")
    chance = lengths[1] / sum(lengths)
    counts = zip(figures["before"].tolist(), figures["now"].tolist(), strict=True)
    figures["p_value"] = np.array([two_sided(n, b + n, chance) for b, n in counts], dtype="float64")
    figures["p_adjusted"] = _holm(figures["p_value"].to_numpy())
    return figures


def _change(before: int, now: int) -> str:
    if not before:
        return "new"
    if not now:
        return "gone"
    return "same" if before == now else "more" if now > before else "fewer"


def _holm(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(p_values, kind="stable")
    adjusted = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    result = np.empty(len(order))
    result[order] = np.minimum(adjusted, 1)
    return result
