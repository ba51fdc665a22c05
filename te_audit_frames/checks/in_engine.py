"""What a check asks of events, read from a frame of another library, whose own engine runs the queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.group_columns import NAIVE
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.checks.in_memory import NO_PAIRS, NO_TEXTS, Part, Plan, read_column
from te_audit_frames.checks.people import PAIR, plain_texts
from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.periods import Bounds
from te_audit_frames.schema import SOURCES


def read_engine(frame: nw.LazyFrame[Any], plan: Plan) -> Part:
    """Return what a plan asks of a frame."""
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
        texts["event"] = pd.array(plain_texts(texts["event"]), dtype="str")
        chosen = [text for text in plain_texts(texts["event"]) if plan.may_keep(text)]
        kept = dated.filter(is_any_of("event", chosen))
    if plan.people:
        there = [name for name in PAIR if name in plan.present]
        pairs = collect(dated.group_by(*there).agg(nw.len().alias("events"), nw.col("date").max().alias("last")))
        for name in PAIR:
            pairs[name] = pd.array(plain_texts(pairs[name]) if name in pairs else [None] * len(pairs), dtype="str")
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
