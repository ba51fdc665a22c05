"""Selection: the few columns and rows that a check needs, as a small pandas frame, from any engine or an archive.

`in_memory`, `in_engine` and `in_archive` read the parts, which are joined here, so that all give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.checks.in_archive import count_undated, read_in_chunks
from te_audit_frames.checks.in_engine import read_engine
from te_audit_frames.checks.in_memory import (
    NO_PAIRS,
    NO_TEXTS,
    Keep,
    Part,
    Plan,
    is_open,
    read_memory,
)
from te_audit_frames.checks.people import group_people, number_people, plain_texts
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.reading import UNCLASSIFIED
from te_audit_frames.checks.vocabulary import classify_events
from te_audit_frames.periods import Instant, to_bounds
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, require_columns, to_events

CLASSES = ["action", "object", "outcome"]


@dataclass(frozen=True, eq=False)
class Selection:
    """The events that a check is about, and what was counted while they were read.

    Attributes
    ----------
    rows : pandas.DataFrame
        The events in ascending `date`, events of one moment in the order of their other columns. It has the requested
        columns with the dtypes of the audit frame, filled with nulls if the events lack them; `person`, the position of
        each event's person in `people` (int64); and, if classes were asked for, `action`, `object` and `outcome`.
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
        How many of these events have a text that no rule of the vocabulary knows; 0 if no classes were asked for.
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
        Columns that the events must have, besides `date`.
    optional : sequence of str
        Columns that the events may lack.
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
        `events` is neither a frame nor an archive, or another argument is wrong.

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
        undated = count_undated(events) if bounds == (None, None) else 0
    else:
        parts = [
            read_memory(events, plan) if isinstance(events, pd.DataFrame | pa.Table) else read_engine(events, plan)
        ]
        undated = parts[0].undated
    return _join(parts, plan, undated)


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
        known = {text: plan.read(text) for text in plain_texts(counts.index.to_series())}
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
    readings = [plan.read(text) for text in plain_texts(pd.Series(texts))]
    return rows.assign(
        **{
            name: pd.array([getattr(reading, name) for reading in readings], dtype="str").take(codes)
            for name in CLASSES
        }
    )
