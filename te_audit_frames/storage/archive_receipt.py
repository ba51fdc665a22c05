"""Conversion between the coverage of an archive and the receipts of frames, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from te_audit_frames.periods import Period, iso
from te_audit_frames.receipt_json import dump_period
from te_audit_frames.receipts import Receipt
from te_audit_frames.schema import ATTRS_KEY
from te_audit_frames.storage.coverage import Coverage
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.filters import Bounds
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.version import VERSION

_CLOCKS = timedelta(days=1)
"""How wrong the clock may have been by which a frame's receipt says when it was fetched."""


def receipt_of(
    coverage: Coverage,
    bounds: Bounds,
    *,
    counts: Mapping[date | None, int],
    events: int,
    groups: list[str] | None = None,
) -> Receipt:
    """Write the receipt of events from an archive.

    Parameters
    ----------
    coverage : Coverage
        What is known of each day.
    bounds : Bounds
        The period asked for; without a bound, from or to where the archive reaches.
    counts : mapping of date to int
        How many events the file of each day has in fact; a day that had more once is not complete.
    events : int
        How many events the receipt is for.
    groups : list of str, optional
        The account groups asked for.

    Returns
    -------
    Receipt
        `complete` if every day of the period was read to its end, or to the period's.
    """
    since, until = bounds
    latest, first = coverage.latest, coverage.first
    period, notes, complete = None, [], False
    if latest is not None and first is not None:
        start = since or midnight(first)
        period = Period(start, max(start, until or latest.read_to))
        days = _days(period)
        backed = coverage.backed_by(counts, days)
        doubtful = sum(not backed.is_complete(day, until=period.end) for day in days)
        complete = not doubtful and period.start < period.end
        if doubtful:
            notes = [f"not complete: {doubtful:,} day{'s' * (doubtful > 1)} of the period; see Archive.coverage()"]
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
    """Return the period whose events a file holds in full, with its receipt; None if the receipt does not prove one."""
    plain = attrs.get(ATTRS_KEY)
    if not isinstance(plain, dict):
        return None
    receipt = Receipt.from_dict(plain)
    is_fetch = receipt.source == "api" and receipt.parts == 1 and not receipt.filters
    is_proof = is_fetch and receipt.complete and receipt.events == rows and not receipt.scope.get("aid")
    period = receipt.period
    if period is None or not is_proof or not receipt.fetched_at:
        return None
    # A period may end in the future, of which the fetch saw nothing; nor can it have been fetched in the future.
    fetched_at = min(datetime.fromisoformat(receipt.fetched_at), datetime.now(UTC))
    end = min(period.end, fetched_at - _CLOCKS)
    receipt = replace(receipt, fetched_at=iso(fetched_at))
    return (Period(period.start, end), receipt) if period.start < end else None


def whole_days(period: Period) -> list[date]:
    """List the days that a period has from their beginning."""
    return [day for day in _days(period) if midnight(day) >= period.start]


def observer_of(coverage: Coverage, days: Iterable[date], *, all_account_groups: bool) -> ScopeObserver:
    """Begin to look at what a frame has of some days, with what is known to be hidden in them."""
    records = [coverage.records[day] for day in days if day in coverage.records]
    hidden = sorted({group for record in records for group in record.hidden})
    own_log_only = any(reading.scope.own_log_only for record in records for reading in record.readings)
    return ScopeObserver(
        all_account_groups, Scope(all_account_groups, without=tuple(hidden), own_log_only=own_log_only)
    )


def _days(period: Period) -> list[date]:
    first = period.start.date()
    count = -((midnight(first) - period.end) // ONE_DAY)
    return [first + number * ONE_DAY for number in range(count)]
