"""The history of a review, and the gaps in what it reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from typing import Any

import narwhals as nw
import pandas as pd

from te_audit_frames.analysis.archived import EventArchive, is_archive
from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.checks.baseline import Baseline, read_baseline
from te_audit_frames.checks.history_counts import Part
from te_audit_frames.checks.in_engine import utc_dates
from te_audit_frames.periods import iso
from te_audit_frames.receipts import stored_receipt


def list_missing(events: Any) -> list[str]:
    """Return notes about events of the period that are missing."""
    if is_archive(events):
        return _gaps(events, "the archive under review", None)
    stored = stored_receipt(events) if isinstance(events, pd.DataFrame) else None
    if stored is None or stored.resolved is None or stored.complete:
        return []
    return ["the events are incomplete, by their receipt: what is missing was not reviewed"]


def read_history(
    history: Any, start: datetime | None, parts: Sequence[Part], vocabulary: str | PathLike[str] | None
) -> tuple[Baseline, list[str]]:
    """Read what was before a period, and return notes on what was left out, and on gaps."""
    if history is None or isinstance(history, Baseline):
        return read_baseline(history), []
    past = read_baseline(history, parts=parts, end=start, vocabulary=vocabulary)
    notes = []
    last = _last_day(history) if is_archive(history) else _last_date(history)
    if start is not None and last is not None and last >= start:
        notes.append(f"the history reaches into the period: what is not older than {iso(start)} was left out")
    if is_archive(history):
        notes += _gaps(history, "the history", start)
    if not past.events:
        advice = "; between() cuts events and their period together" if notes else ""
        notes.append(f"the history has no events before the period{advice}")
    return past, notes


def _last_date(history: Any) -> datetime | None:
    lazy = as_lazy(history)
    last = collect(lazy.select(utc_dates(lazy).alias("date")).select(nw.col("date").max()))["date"]
    return None if not len(last) or pd.isna(last.iloc[0]) else pd.Timestamp(last.iloc[0]).to_pydatetime()


def _last_day(archive: EventArchive) -> datetime | None:
    coverage = archive.coverage()
    days = coverage.loc[coverage["events"].fillna(0) > 0, "day"].tolist()
    return None if not days else (pd.Timestamp(max(days)) + pd.Timedelta(days=1, microseconds=-1)).to_pydatetime()


def _gaps(archive: EventArchive, what: str, until: datetime | None) -> list[str]:
    """Return a note about the days that are missing in an archive, or not complete."""
    coverage = archive.coverage()
    if until is not None:
        coverage = coverage[pd.to_datetime(coverage["day"], utc=True) < until]
    if "complete" not in coverage:
        return []
    gaps = int((~coverage["complete"].fillna(False).astype("bool")).sum())
    days = "1 day that is" if gaps == 1 else f"{gaps:,} days that are"
    return [f"{what} has {days} missing or not complete"] if gaps else []
