"""From what an archive knows of its days to a frame's receipt, and from a receipt to what is known of the days."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd

from te_audit_frames.periods import Period, iso
from te_audit_frames.receipt import Receipt
from te_audit_frames.schema import ATTRS_KEY
from te_audit_frames.storage.coverage import Coverage, Reading, Scope
from te_audit_frames.storage.day import ONE_DAY, midnight
from te_audit_frames.storage.selection import Bounds
from te_audit_frames.version import VERSION

_LATE = timedelta(hours=72)


def receipt_of(coverage: Coverage, bounds: Bounds, *, events: int, groups: list[str] | None = None) -> Receipt:
    """Write the receipt of events from an archive.

    Parameters
    ----------
    coverage : Coverage
        What is known of each day.
    bounds : Bounds
        The period asked for; without a bound, from or to where the archive reaches.
    events : int
        How many there were.
    groups : list of str, optional
        The account groups asked for.

    Returns
    -------
    Receipt
        `complete` if every day of the period was read to its end, or to the period's.
    """
    since, until = bounds
    latest = coverage.latest
    period = None
    if latest is not None:
        start = since or midnight(min(coverage.notes))
        period = Period(start, max(start, until or latest.read_to))
    doubtful = sum(not coverage.is_complete(day, until=period.end) for day in _days(period)) if period else 0
    notes = [f"{doubtful:,} days of the period are not complete; Archive.coverage() tells which"] if doubtful else []
    requested = {"window": None, "start": since and iso(since), "end": until and iso(until), "default": False}
    return Receipt(
        source="archive",
        requested=requested,
        resolved={"start": iso(period.start), "end": iso(period.end)} if period else None,
        scope={
            "aid": ", ".join(groups) if groups is not None else None,
            "all_account_groups": latest is not None and latest.scope.all_account_groups,
        },
        complete=period is not None and not doubtful,
        events=events,
        pages=0,
        fetched_at=iso(latest.fetched_at) if latest else "",
        versions={"te-audit-frames": VERSION},
        notes=notes,
    )


def readings_of(events: pd.DataFrame) -> dict[date, Reading]:
    """Tell which days a frame stands for in full, by its receipt: none, if that does not prove it."""
    plain = events.attrs.get(ATTRS_KEY)
    if not isinstance(plain, dict):
        return {}
    paid = Receipt.from_dict(plain)
    period = paid.period
    is_proof = paid.source == "api" and paid.complete and paid.events == len(events) and not paid.scope.get("aid")
    if period is None or not is_proof:
        return {}
    scope = Scope(bool(paid.scope.get("all_account_groups")))
    fetched_at = datetime.fromisoformat(paid.fetched_at)
    over = min(period.end, fetched_at - _LATE)  # days that ended by then need no second look
    return {
        day: Reading(period.end, fetched_at, midnight(day) + ONE_DAY <= over, scope)
        for day in _days(period)
        if midnight(day) >= period.start
    }


def _days(period: Period) -> list[date]:
    first = period.start.date()
    count = -((midnight(first) - period.end) // ONE_DAY)
    return [first + number * ONE_DAY for number in range(count)]
