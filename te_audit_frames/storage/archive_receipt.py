"""Conversion between the coverage of an archive and the receipts of frames, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from te_audit_frames.periods import Bounds, Period, iso
from te_audit_frames.receipt_json import dump_period
from te_audit_frames.receipts import Receipt
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ATTRS_KEY
from te_audit_frames.storage.coverage import Coverage
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.version import VERSION

_CLOCK_TOLERANCE = timedelta(days=1)
"""The largest assumed error of the clock that set a receipt's `fetched_at`."""


def receipt_of(
    coverage: Coverage,
    bounds: Bounds,
    *,
    counts: Mapping[date | None, int],
    events: int,
    groups: list[str] | None = None,
) -> Receipt:
    """Return the receipt of events that were loaded from an archive.

    Parameters
    ----------
    coverage : Coverage
        The archive's record of each day.
    bounds : Bounds
        The requested period. A bound of None means the start or the end of the archive.
    counts : mapping of date to int
        The number of events in each day's file. A day that once had more is not complete.
    events : int
        The number of events that were loaded.
    groups : list of str, optional
        The requested account groups.

    Returns
    -------
    Receipt
        It is complete if every day was read to its end, or to the end of the period.
    """
    since, until = bounds
    latest, first = coverage.latest, coverage.first
    period, notes, complete = None, [], False
    if latest is not None and first is not None:
        start = since or midnight(first)
        period = Period(start, max(start, until or latest.read_to))
        # Only recorded days can be complete, so only they are examined: there may be centuries without a record.
        first_day, count = _days(period)
        backed = coverage.backed_by(counts)
        doubtful = count - sum(
            backed.is_complete(day, until=period.end) for day in backed.records if 0 <= (day - first_day).days < count
        )
        complete = not doubtful and period.start < period.end
        if doubtful:
            notes = [f"not complete: {number_of(doubtful, 'day')} of the period; see Archive.coverage()"]
        elif not complete:
            notes = [f"not complete: the archive was read up to {iso(latest.read_to)}"]
    requested = {"window": None, "start": since and iso(since), "end": until and iso(until), "default": False}
    return Receipt(
        source="archive",
        requested=requested,
        resolved=dump_period(period) if period else None,
        scope={
            "aid": ", ".join(groups) if groups is not None else None,
            "all_account_groups": latest is not None and latest.scope.all_account_groups,
        },
        complete=complete,
        events=events,
        pages=0,
        fetched_at=iso(latest.fetched_at) if latest else "",
        versions={"te-audit-frames": VERSION},
        notes=notes,
    )


def proven_period(attrs: Mapping[Any, Any], *, rows: int) -> tuple[Period, Receipt] | None:
    """Return the period for which a file provably holds all events, and the file's receipt.

    Return None if the receipt proves no period.
    """
    plain = attrs.get(ATTRS_KEY)
    if not isinstance(plain, dict):
        return None
    receipt = Receipt.from_dict(plain)
    is_fetch = receipt.source == "api" and receipt.parts == 1 and not receipt.filters
    is_proof = is_fetch and receipt.complete and receipt.events == rows and not receipt.scope.get("aid")
    period = receipt.period
    if period is None or not is_proof or not receipt.fetched_at:
        return None
    # Neither the events nor the fetch itself can lie in the future, whatever the receipt states.
    fetched_at = min(datetime.fromisoformat(receipt.fetched_at), datetime.now(UTC))
    end = min(period.end, fetched_at - _CLOCK_TOLERANCE)
    receipt = replace(receipt, fetched_at=iso(fetched_at))
    return (Period(period.start, end), receipt) if period.start < end else None


def whole_days(period: Period) -> list[date]:
    """List the days that begin within a period. The last of them may end after it."""
    first, count = _days(period)
    return [first + number * ONE_DAY for number in range(midnight(first) < period.start, count)]


def observer_of(coverage: Coverage, days: Iterable[date], *, all_account_groups: bool) -> ScopeObserver:
    """Return an observer that starts with the restrictions recorded for some days."""
    records = [coverage.records[day] for day in days if day in coverage.records]
    hidden = sorted({group for record in records for group in record.hidden})
    own_log_only = any(reading.scope.own_log_only for record in records for reading in record.readings)
    return ScopeObserver(
        all_account_groups, Scope(all_account_groups, without=tuple(hidden), own_log_only=own_log_only)
    )


def _days(period: Period) -> tuple[date, int]:
    """Return the first day that a period touches, and how many it touches."""
    first = period.start.date()
    return first, -((midnight(first) - period.end) // ONE_DAY)
