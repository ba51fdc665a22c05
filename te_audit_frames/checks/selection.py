"""Selection: the few columns and rows that a check needs, as a small pandas frame, from any engine or an archive.

Frames in memory are read by `in_memory`. What engines and archives need is here, with the joining of the parts, since
all of it has to give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import PathLike
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis.archived import EventArchive, is_archive
from te_audit_frames.analysis.group_columns import NAIVE, as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.checks.in_memory import (
    NO_PAIRS,
    NO_TEXTS,
    Bounds,
    Keep,
    Part,
    Plan,
    is_open,
    read_column,
    read_memory,
)
from te_audit_frames.checks.loading import load_vocabulary
from te_audit_frames.checks.people import PAIR, group_people, number_people
from te_audit_frames.checks.reading import UNCLASSIFIED
from te_audit_frames.checks.vocabulary import classify_events
from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.periods import Instant, to_bounds
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, SOURCES, require_columns, to_events

CLASSES = ["action", "object", "outcome"]

_CHUNK = 500_000  # events of an archive that are in memory at once


@dataclass(frozen=True, eq=False)
class Selection:
    """The events that a check is about, and what was counted while they were read.

    Attributes
    ----------
    rows : pandas.DataFrame
        The events in ascending `date`, events of one moment in the order of their other columns. It has the requested
        columns with the dtypes of the audit frame, those that the events do not have as nulls; `person`, the position
        of each event's person in `people` (int64); and, if classes were asked for, `action`, `object` and `outcome`.
    people : pandas.DataFrame
        One row per person of all dated events, not only of `rows`: `uid`, `user` (the newest name) and `events`.
        Events that name nobody make a person with nulls. Empty without ``people=True``.
    events : int
        How many dated events were read.
    undated : int
        How many events have no date. They are never among the rows.
    first_event, last_event : datetime or None
        The dates of the first and the last event that was read.
    unclassified : int
        How many events that were read no rule of the vocabulary knows; 0 if no classes were asked for.
    unclassified_texts : tuple of str
        Their different texts, most frequent first.
    absent : tuple of str
        The optional columns that the events do not have.
    """

    rows: pd.DataFrame
    people: pd.DataFrame
    events: int = 0
    undated: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    unclassified: int = 0
    unclassified_texts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def select(
    events: Any,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    people: bool = True,
    keep: Keep | None = None,
    with_object: bool = True,
    vocabulary: str | PathLike[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
) -> Selection:
    """Read what a check needs from a frame of any library or from an archive.

    With `keep`, the different event texts are classified first. The engine then filters by text, so that other events
    are never collected. An archive is read half a million events at a time.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events. They are not changed.
    columns : sequence of str
        Columns of events that there must be, besides `date`.
    optional : sequence of str
        Columns of events that may be absent.
    people : bool
        Read `uid` and `user` too, and number the people by them. One of the two must be there.
    keep : callable, optional
        Which action, object and outcome to keep. It must depend on its arguments alone. By default, all events are
        kept, and not classified.
    with_object : bool
        Let the type of an event's resource stand in for an object that its text does not name, as `classify_events`
        does. False saves reading the resources if objects do not matter.
    vocabulary : path, optional
        See `classify_events`.
    start, end : str, datetime, date or pandas.Timestamp, optional
        Only events of this half-open period.

    Returns
    -------
    Selection

    Raises
    ------
    NotAnAuditFrame
        A needed column is missing, or cannot be read as what it should hold.
    InvalidArgument
        `events` is no frame and no archive, or another argument is wrong.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.checks.selection import select
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T08:00:00Z", "event": "User login.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada L."}]}'''
    >>> found = select(taf.read_pages([page]), ["event"], keep=lambda action, object, outcome: action == "delete")
    >>> found.rows[["event", "person", "action", "object"]]
               event  person  action object
    0  Test deleted.       0  delete   test
    >>> found.people
      uid    user  events
    0   7  Ada L.       2
    """
    bounds = to_bounds(start, end)
    if is_archive(events):
        present: Iterable[str] = COLUMNS
    elif isinstance(events, pd.DataFrame | pa.Table):
        present = [str(name) for name in (events.columns if isinstance(events, pd.DataFrame) else events.column_names)]
    else:
        events = as_lazy(events)
        present = events.collect_schema().names()
    known = frozenset(present)
    require_columns(known, ["date", *(["event"] if keep else []), *columns])
    if people and not known & {"uid", "user"}:
        require_columns(known, ["uid", "user"])
    tables = load_vocabulary(vocabulary) if keep else None
    wanted = dict.fromkeys(
        ["date", *columns, *optional, *(["uid", "user"] if people else []), *(["event"] if keep else [])]
    )
    plan = Plan(list(wanted), known, people, keep, with_object, vocabulary, tables, bounds)
    if is_archive(events):
        parts = [read_memory(chunk, plan) for chunk in read_in_chunks(events, plan.reading(), bounds)]
        undated = _count_undated(events) if bounds == (None, None) else 0
    else:
        parts = [read_memory(events, plan) if isinstance(events, pd.DataFrame | pa.Table) else _query(events, plan)]
        undated = parts[0].undated
    return _join(parts, plan, undated)


# ---- archives -------------------------------------------------------------------------------------------------------


def read_in_chunks(archive: EventArchive, columns: Sequence[str], bounds: Bounds) -> Iterator[pd.DataFrame]:
    """Load some columns of an archive, a few days at a time, so that memory does not grow with the archive.

    Events without a date are left out.

    Parameters
    ----------
    archive : Archive
        Where to read.
    columns : sequence of str
        What to read.
    bounds : tuple of datetime or None
        The half-open period; None is open.

    Yields
    ------
    pandas.DataFrame
        Some days, oldest first; whole days, but for the bounds.
    """
    since, until = bounds
    coverage = archive.coverage()
    days = coverage[coverage["events"].fillna(0) > 0].sort_values("day")
    chunks = days["events"].astype("int64").cumsum() // _CHUNK
    for _, some in days.groupby(chunks)["day"]:
        start, end = some.min().to_pydatetime(), some.max().to_pydatetime() + timedelta(days=1)
        start, end = max(start, since or start), min(end, until or end)
        if start < end:
            yield archive.load(start=start, end=end, columns=columns)


def _count_undated(archive: EventArchive) -> int:
    # Only the call without a period lists the file of the events without a date.
    if len(archive.files()) == len(archive.files(start="0002-01-01", end="9999-01-01")):
        return 0
    return int(archive.load(columns=["date"])["date"].isna().sum())


# ---- frames with an engine ------------------------------------------------------------------------------------------


def _query(frame: nw.LazyFrame[Any], plan: Plan) -> Part:
    kinds = frame.collect_schema()
    dated = frame.select(utc_dates(frame), *(as_text(name, kinds[name]) for name in plan.reading() if name != "date"))
    counts = collect(
        dated.select(
            nw.len().alias("all"),
            nw.col("date").is_null().cast(nw.Int64).sum().alias("undated"),
        )
    ).iloc[0]
    undated = int(counts["undated"]) if counts["all"] else 0
    dated = dated.filter(inside(plan.bounds))
    ends = collect(
        dated.select(nw.len().alias("all"), nw.col("date").min().alias("first"), nw.col("date").max().alias("last"))
    ).iloc[0]
    texts, pairs, kept = NO_TEXTS, NO_PAIRS, dated
    if plan.keep is not None:
        texts = collect(dated.group_by("event").agg(nw.len().alias("events")))
        texts["event"] = pd.array(_plain(texts["event"]), dtype="str")
        chosen = [text for text in _plain(texts["event"]) if plan.may_keep(text)]
        kept = dated.filter(is_any_of("event", chosen))
    if plan.people:
        there = [name for name in PAIR if name in plan.present]
        pairs = collect(dated.group_by(*there).agg(nw.len().alias("events"), nw.col("date").max().alias("last")))
        for name in PAIR:
            pairs[name] = pd.array(_plain(pairs[name]) if name in pairs else [None] * len(pairs), dtype="str")
    rows = kept.collect().to_arrow()
    return Part(
        pa.table({name: read_column(rows[name], name) for name in plan.reading()}),
        int(ends["all"]),
        undated,
        ends["first"].to_pydatetime() if ends["all"] else None,
        ends["last"].to_pydatetime() if ends["all"] else None,
        texts,
        pairs[[*PAIR, "events", "last"]],
    )


def utc_dates(frame: nw.LazyFrame[Any]) -> nw.Expr:
    """Return the dates of events in UTC; raise NotAnAuditFrame if they are no dates, or in no time zone."""
    kind = frame.collect_schema()["date"]
    if not isinstance(kind, nw.Datetime):
        raise NotAnAuditFrame(f"column 'date' holds {kind}, not timestamps. {SOURCES}")
    if kind.time_zone is None:
        raise NotAnAuditFrame(NAIVE)
    # Polars does not compare timestamps of different zones.
    return nw.col("date").dt.convert_time_zone("UTC") if frame.implementation.is_polars() else nw.col("date")


def as_text(name: str, kind: Any) -> nw.Expr:
    """Return a column of events as text, unless it holds the resources."""
    return nw.col(name) if name == "resources" or isinstance(kind, nw.String) else nw.col(name).cast(nw.String)


def inside(bounds: Bounds) -> nw.Expr:
    """Return whether an event has a date, and lies in the half-open period."""
    start, end = bounds
    mask = ~nw.col("date").is_null()
    if start is not None:
        mask &= nw.col("date") >= nw.lit(start)
    if end is not None:
        mask &= nw.col("date") < nw.lit(end)
    return mask


def is_any_of(name: str, values: Sequence[str | None]) -> nw.Expr:
    """Return whether a column has one of these values; None stands for null."""
    known = [value for value in values if value is not None]
    null = nw.col(name).is_null()
    mask = nw.col(name).is_in(known).fill_null(False) if known else null & ~null
    return mask | null if len(known) < len(values) else mask


def _plain(values: pd.Series) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


# ---- the parts together ---------------------------------------------------------------------------------------------


def _join(parts: Sequence[Part], plan: Plan, undated: int) -> Selection:
    schema = pa.schema([ARROW_SCHEMA.field(name) for name in plan.reading()])
    table = _in_order(pa.concat_tables([schema.empty_table(), *(part.rows for part in parts)]))
    for name in plan.absent:
        table = table.append_column(ARROW_SCHEMA.field(name), pa.nulls(len(table), ARROW_SCHEMA.field(name).type))
    rows = to_events(table)
    people = group_people(pd.concat([NO_PAIRS, *(part.pairs for part in parts)], ignore_index=True))
    texts = pd.concat([NO_TEXTS, *(part.texts for part in parts)], ignore_index=True)
    unclassified: list[tuple[str | None, int]] = []
    if plan.keep is not None:
        counts = texts.groupby("event", dropna=False)["events"].sum().sort_values(ascending=False, kind="stable")
        known = {text: plan.read(text) for text in _plain(counts.index.to_series())}
        unclassified = [
            (text, int(count))
            for (text, reading), count in zip(known.items(), counts, strict=True)
            if reading.action == UNCLASSIFIED
        ]
        open_texts = [text for text, reading in known.items() if is_open(reading) and plan.may_keep(text)]
        rows = _classified(rows, plan, plan.with_object and bool(open_texts))
    rows = rows[[*plan.columns, *(CLASSES if plan.keep else [])]]
    if plan.people:
        rows = rows.assign(person=number_people(rows, people))
    firsts = [part.first for part in parts if part.first is not None]
    lasts = [part.last for part in parts if part.last is not None]
    return Selection(
        rows,
        people,
        events=sum(part.events for part in parts),
        undated=undated,
        first_event=min(firsts, default=None),
        last_event=max(lasts, default=None),
        unclassified=sum(count for _, count in unclassified),
        unclassified_texts=tuple(text for text, _ in unclassified if text is not None),
        absent=plan.absent,
    )


def _in_order(table: pa.Table) -> pa.Table:
    """Sort by date, and events of one moment by their other columns, so that the order of the input does not matter."""
    micros = table["date"].cast(pa.int64()).to_numpy()
    order = np.argsort(micros, kind="stable")
    ranked = micros[order]
    ties = np.flatnonzero(ranked[1:] == ranked[:-1])
    keys = [name for name in table.column_names if name not in ("date", "resources")]
    if len(ties) and keys:
        tied = np.union1d(ties, ties + 1)
        rows = table.select(["date", *keys]).take(pa.array(order[tied]))
        order[tied] = order[tied][pc.sort_indices(rows, [(name, "ascending") for name in rows.column_names])]
    return table if (np.diff(order) == 1).all() else table.take(pa.array(order))


def _classified(rows: pd.DataFrame, plan: Plan, may_differ: bool) -> pd.DataFrame:
    assert plan.keep is not None  # noqa: S101  # nosec B101
    if may_differ:
        names = ["event", *(["resources"] if "resources" in rows else [])]
        classes = classify_events(rows[names], vocabulary=plan.vocabulary)[CLASSES]
        numbers, triples = pd.MultiIndex.from_frame(classes).factorize()
        kept = np.array([plan.keep(*triple) for triple in triples], dtype="bool")[numbers]
        classified: pd.DataFrame = rows.join(classes).loc[kept].reset_index(drop=True)
        return classified
    codes, texts = pd.factorize(rows["event"], use_na_sentinel=False)
    readings = [plan.read(text) for text in _plain(pd.Series(texts))]
    return rows.assign(
        **{
            name: pd.array([getattr(reading, name) for reading in readings], dtype="str").take(codes)
            for name in CLASSES
        }
    )
