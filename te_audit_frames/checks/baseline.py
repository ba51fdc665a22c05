"""Baseline: what people did before, as counts that stay small however long their history is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.group_columns import as_lazy, column_to_arrow
from te_audit_frames.analysis.grouping import Grouper
from te_audit_frames.checks.history_counts import PARTS, HistoryCounts, Part
from te_audit_frames.checks.in_archive import read_in_chunks
from te_audit_frames.checks.in_engine import as_text, inside, utc_dates
from te_audit_frames.checks.networks import V4, V6
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import Bounds, Instant, to_bounds
from te_audit_frames.schema import COLUMNS

_NOTHING = pd.DataFrame(
    {
        "date": pd.array([], dtype="datetime64[us, UTC]"),
        "uid": pd.array([], dtype="str"),
        "event": pd.array([], dtype="str"),
    }
)


@dataclass(frozen=True, eq=False)
class Baseline:
    """A history in aggregated form. A part that was not read is empty.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per person: `uid`, `user` (the newest name), `events` (int64) and `last` (the date of the newest
        event). Other parts name people by their position here, as `person` (int64).
    moments : pandas.DataFrame
        `person`, `quarter` (the quarter of an hour, counted since 1970 in UTC; int64) and `events` (int64), in this
        order. Quarters fit every time zone; days and hours can be made of them.
    networks : pandas.DataFrame
        `person`, `network` (str), `first`, `last` (``datetime64[us, UTC]``) and `events`. Events without an address,
        and failed log-ins, are left out.
    texts : pandas.DataFrame
        `person`, `event` (str), `week` (the Monday, ``datetime64[us, UTC]``) and `events`.
    groups : pandas.DataFrame
        `person`, `aid`, `account_group_name` (str) and `events`.
    absent : tuple of str
        Columns that the history does not have.
    """

    people: pd.DataFrame
    moments: pd.DataFrame
    networks: pd.DataFrame
    texts: pd.DataFrame
    groups: pd.DataFrame
    absent: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """The dated events of the history."""
        return int(self.people["events"].sum())

    @property
    def last_event(self) -> datetime | None:
        """The date of the last event."""
        last = self.people["last"].max()
        return None if pd.isna(last) else last.to_pydatetime()

    def active_days(self) -> pd.Series:
        """Count the UTC days on which each person acted (int64, by the position in `people`)."""
        days = pd.DataFrame({"person": self.moments["person"], "day": self.moments["quarter"] // 96}).drop_duplicates()
        return days.groupby("person").size().reindex(self.people.index, fill_value=0).astype("int64")


def read_baseline(
    history: Any,
    *,
    parts: Collection[Part] = PARTS,
    start: Instant | None = None,
    end: Instant | None = None,
    v4: int = V4,
    v6: int = V6,
    vocabulary: str | PathLike[str] | None = None,
    argument: str = "history",
) -> Baseline:
    """Read a history into counts: per person by quarter of an hour, network, event text and account group.

    One reading serves all checks. Frames of other libraries are grouped by their own engine. An archive is read half a
    million events at a time, so memory grows with the number of different quarters, not with the number of events.

    Parameters
    ----------
    history : frame of any supported library, Archive, Baseline, or None
        What happened before; None is nothing. A baseline is returned as it is.
    parts : collection of {"moments", "networks", "texts", "groups"}
        What to count.
    start, end : str, datetime, date or pandas.Timestamp, optional
        Only events of this half-open period.
    v4, v6 : int
        How many leading bits make a network.
    vocabulary : path, optional
        A table of words of your own; see `classify_events`.
    argument : str
        What messages call the history.

    Returns
    -------
    Baseline

    Raises
    ------
    NotAnAuditFrame
        `date` is missing, or both `uid` and `user` are, or `event` if texts are counted.
    InvalidArgument
        `history` is neither a frame nor an archive, or another argument is wrong.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.checks.baseline import read_baseline
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T08:01:00Z", "event": "User login.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T08:14:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"}]}'''
    >>> baseline = read_baseline(taf.read_pages([page]))
    >>> baseline.moments["events"].tolist(), baseline.active_days().tolist()
    ([2], [1])
    """
    if isinstance(history, Baseline):
        return history
    bounds = to_bounds(start, end)
    counts = HistoryCounts(tuple(part for part in PARTS if part in parts), v4, v6, vocabulary)
    try:
        return _count(_NOTHING if history is None else history, counts, bounds)
    except NotAnAuditFrame as error:
        raise NotAnAuditFrame(f"{argument}: {error}", missing=error.missing) from None
    except InvalidArgument as error:
        raise InvalidArgument(f"{argument}: {str(error).removeprefix('events: ')}") from None


def _count(history: Any, counts: HistoryCounts, bounds: Bounds) -> Baseline:
    if is_archive(history):
        present: Sequence[str] = COLUMNS
        for chunk in read_in_chunks(history, counts.columns(present), bounds):
            counts.add(*_in_memory(chunk, counts.columns(present)))
    elif isinstance(history, pd.DataFrame | pa.Table):
        present = [str(name) for name in getattr(history, "column_names", history.columns)]
        grouper, values = _in_memory(history, counts.columns(present))
        kept = Grouper(grouper.frame.filter(inside(bounds)), [])
        counts.add(kept, values)
    else:
        lazy = as_lazy(history)
        kinds = lazy.collect_schema()
        present = kinds.names()
        columns = [as_text(name, kinds[name]) for name in counts.columns(present) if name != "date"]
        counts.add(Grouper(lazy.select(utc_dates(lazy), *columns).filter(inside(bounds)), []), {})
    people, frames, absent = counts.total(present)
    return Baseline(people, **frames, absent=absent)


def _in_memory(events: pd.DataFrame | pa.Table, names: Sequence[str]) -> tuple[Grouper, dict[str, pa.Array]]:
    """Encode text as integers, which are grouped many times faster, and return what each integer means."""
    columns, values = {}, {}
    for name in names:
        array = column_to_arrow(events[name], name)
        if name != "date":
            encoded = array.dictionary_encode()
            array, values[name] = encoded.indices, encoded.dictionary
        columns[name] = array
    lazy = nw.from_native(pa.table(columns)).lazy()
    return Grouper(lazy.filter(~nw.col("date").is_null()), []), values
