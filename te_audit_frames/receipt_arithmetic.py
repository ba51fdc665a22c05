"""The arithmetic of receipts: cut one to a part of its period, join several, and compare their scopes and filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from te_audit_frames.periods import Period
from te_audit_frames.receipt_json import dump_period, load_period
from te_audit_frames.receipts import Receipt

_CUT = "only a part of what was fetched was read: the fetch was of "


def narrowed(
    plain: Mapping[str, Any], *, start: datetime | None, end: datetime | None, rows: int, of: int
) -> dict[str, Any]:
    """Return a stored receipt for a frame that was cut to a part of its period.

    Parameters
    ----------
    plain : mapping
        The receipt of the whole frame, as `Receipt.to_dict` wrote it.
    start, end : datetime or None
        The half-open part that was kept, in UTC. None keeps the bound of the whole.
    rows, of : int
        How many rows the part has, and how many rows the whole frame had.

    Returns
    -------
    dict
        The receipt with `resolved` and `events` of the part, and with a note about the cut. If the receipt has no
        period, only `events` changes. See `counted_of` for the value of `events`.

    Examples
    --------
    >>> from te_audit_frames.periods import to_instant
    >>> from te_audit_frames.receipt_arithmetic import narrowed
    >>> january = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    >>> fetched = {"resolved": january, "events": 9, "notes": []}
    >>> part = narrowed(fetched, start=to_instant("2026-01-20", argument="start"), end=None, rows=4, of=9)
    >>> part["resolved"]["start"], part["events"]
    ('2026-01-20T00:00:00Z', 4)
    """
    part = {**plain, "events": counted_of(plain, rows=rows, of=of)}
    if not plain.get("resolved"):
        return part
    fetched = load_period(plain["resolved"])
    low = min(max(start or fetched.start, fetched.start), fetched.end)
    high = max(min(end or fetched.end, fetched.end), low)
    notes = list(plain.get("notes", []))
    if (low, high) != (fetched.start, fetched.end) and not any(str(note).startswith(_CUT) for note in notes):
        notes.append(f"{_CUT}{fetched}")
    return part | {"resolved": dump_period(Period(low, high)), "notes": notes}


def counted_of(plain: Mapping[str, Any], *, rows: int, of: int) -> int:
    """Return the `events` of a receipt after its frame was cut from `of` rows to `rows`.

    Usually this is `rows`. If plain pandas had changed the number of rows before, the frame and its receipt differed.
    The same difference is kept, so that the change is still recognised.
    """
    return rows + abs(int(plain.get("events", of)) - of)


def joined(
    receipts: Sequence[Receipt],
    *,
    events: int,
    undated: int,
    account_groups: Mapping[str, int],
    rows: int | None = None,
) -> Receipt:
    """Return one receipt for several frames that were joined.

    It is complete if every receipt is complete, the periods touch or overlap, and all frames have the same scope and
    filters. Otherwise its notes state what is missing or differs.

    Parameters
    ----------
    receipts : sequence of Receipt
        The receipts of the frames, at least one.
    events, undated, account_groups
        The values of these fields for the joined frame.
    rows : int, optional
        The number of rows of the joined frame.

    Returns
    -------
    Receipt

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.receipt_arithmetic import joined
    >>> pages = taf.receipt(taf.read_pages([b'{"auditEvents": []}']))
    >>> joined([pages, pages], events=0, undated=0, account_groups={}).parts
    2
    """
    counts: dict[str, Any] = {
        "events": events,
        "undated": undated,
        "account_groups": dict(account_groups),
        "rows": rows,
    }
    if len(receipts) == 1:
        return replace(receipts[0], **counts)
    # A cut outside the frame's period leaves an empty period, which covers no events.
    relevant = [each for each in receipts if each.period is None or each.period.days > 0] or list(receipts)
    period, faults = _joined_period(relevant)
    if not is_same_scope([each for each in relevant if each.source != "pages"]):
        scopes = dict.fromkeys(map(_name_of_scope, relevant))
        faults.append(f"the frames have different scopes: {'; '.join(scopes)}")
    if not is_same_filter(relevant):
        faults.append(
            "the frames were filtered differently; if the filters mean the same, give them one label in where()"
        )
    if (partial := sum(not each.complete for each in relevant)) > 0:
        faults.append(f"{partial:,} of the {len(relevant):,} frames {'are' if partial > 1 else 'is'} not complete")
    fetches = _fetches(relevant)
    unchecked = sum(not each.checked for each in fetches)
    notes = [note for each in relevant for note in each.notes if note != f"{_CUT}{period}"]
    if 0 < unchecked < len(fetches):
        notes.append(
            f"{unchecked:,} of the {len(fetches):,} joined fetches {'were' if unchecked > 1 else 'was'} not checked"
        )
    notes += [f"not complete: {fault}" for fault in faults]
    resolved = dump_period(period) if period else None
    orders = {each.order for each in relevant} - {"unknown"}
    sources = {each.source for each in relevant}
    latest = max(relevant, key=lambda each: each.fetched_at)
    return Receipt(
        source=sources.pop() if len(sources) == 1 else "mixed",
        requested={"window": None, "start": None, "end": None, **(resolved or {}), "default": False},
        resolved=resolved,
        scope=latest.scope,
        complete=not faults,
        pages=sum(each.pages for each in fetches),
        requests=sum(each.requests for each in fetches),
        retries=sum(each.retries for each in fetches),
        throttled=sum(each.throttled for each in fetches),
        waited_seconds=round(sum(each.waited_seconds for each in fetches), 3),
        coerced=sum(each.coerced for each in fetches),
        order=orders.pop() if len(orders) == 1 else "unknown",
        checked=_joined_checks([each.checked for each in fetches if each.checked]),
        filters=_joined_filters(relevant),
        parts=sum(each.parts for each in relevant),
        fetched_at=latest.fetched_at,
        versions=latest.versions,
        notes=list(dict.fromkeys(notes)),
        **counts,
    )


_CLOCKS = timedelta(minutes=5)
"""How far two clocks may differ. A period that ends more than this after its fetch extended into the future."""

_MOST_GAPS = 5


def _joined_period(receipts: Sequence[Receipt]) -> tuple[Period | None, list[str]]:
    """Return the period from the first start to the last end, and sentences about what it lacks."""
    periods = [each.period for each in receipts if each.period is not None]
    without = len(receipts) - len(periods)
    faults = []
    if without:
        verb = "have" if without > 1 else "has"
        faults.append(f"{without:,} of the {len(receipts):,} frames {verb} no period, so overlaps cannot be recognised")
    if not periods:
        return None, faults
    seen = sorted(
        Period(each.period.start, _seen_to(each, each.period, receipts)) for each in receipts if each.period is not None
    )
    gaps, reached = [], seen[0].end
    for each in seen[1:]:
        if each.start > reached:
            gaps.append(str(Period(reached, each.start)))
        reached = max(reached, each.end)
    if len(gaps) > _MOST_GAPS:
        gaps[_MOST_GAPS:] = [f"{len(gaps) - _MOST_GAPS:,} more"]
    if gaps:
        faults.append(f"no frame has the events of {', '.join(gaps)}")
    return Period(seen[0].start, reached), faults


def _seen_to(receipt: Receipt, period: Period, others: Sequence[Receipt]) -> datetime:
    """Return the end of the period, or the time of the fetch if a later fetch covers what was then the future."""
    if receipt.source != "api" or not receipt.fetched_at:
        return period.end
    now = datetime.fromisoformat(receipt.fetched_at)
    ahead = timedelta(seconds=max(receipt.checked.get("clock_ahead_seconds") or 0.0, 0.0))
    is_followed = any(
        other.period is not None and other.period.end > now and not is_same_fetch(other, receipt) for other in others
    )
    return max(period.start, now) if is_followed and period.end > now + ahead + _CLOCKS else period.end


def is_same_fetch(one: Receipt, other: Receipt) -> bool:
    """Return whether two receipts are from parts of the same fetch."""
    return _identity(one) == _identity(other)


def _identity(receipt: Receipt) -> tuple[Any, ...]:
    """Return the fields that identify a fetch. All parts of one fetch share them."""
    counted = receipt.pages, receipt.requests, receipt.retries, receipt.throttled, receipt.waited_seconds
    return receipt.source, receipt.fetched_at, str(receipt.scope), str(receipt.requested), *counted


def _fetches(receipts: Sequence[Receipt]) -> list[Receipt]:
    return list({_identity(each): each for each in receipts}.values())


def is_same_scope(receipts: Sequence[Receipt]) -> bool:
    """Return whether fetches asked for the same account groups, as far as the receipts show it."""
    asked = {(each.scope.get("aid"), bool(each.scope.get("all_account_groups"))) for each in receipts}
    if asked != {(None, False)}:
        return len(asked) < 2
    # The login account groups of two tokens can only be distinguished by the events in them.
    groups = [set(each.account_groups) - {""} for each in receipts]
    return not any(one and other and not one & other for one in groups for other in groups)


def is_same_filter(receipts: Sequence[Receipt]) -> bool:
    """Return whether frames were filtered in the same way: by filters with the same labels, or else the same masks."""
    meanings = [[each["label"] or f"mask {each['digest']}" for each in receipt.filters] for receipt in receipts]
    return all(meaning == meanings[0] for meaning in meanings)


def _name_of_scope(receipt: Receipt) -> str:
    if receipt.scope.get("aid") or receipt.scope.get("all_account_groups"):
        return receipt.scope_name
    # The login account groups of two tokens can only be distinguished by the events in them.
    return " ".join([receipt.scope_name, ", ".join(sorted(receipt.account_groups))]).strip()


def _joined_filters(receipts: Sequence[Receipt]) -> list[dict[str, Any]]:
    if not is_same_filter(receipts):
        return list({str(each): each for receipt in receipts for each in receipt.filters}.values())
    several = {str(receipt.filters): receipt.filters for receipt in receipts}.values()
    return [
        {**each[0], "kept": sum(one["kept"] for one in each), "of": sum(one["of"] for one in each)}
        for each in zip(*several, strict=True)
    ]


def _joined_checks(checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the counts, and take the smallest margin, all differences, and the clock that is furthest off."""
    both: dict[str, Any] = {}
    for name in dict.fromkeys(name for each in checks for name in each):
        values = [each[name] for each in checks if each.get(name) is not None]
        if not values:
            both[name] = None
        elif name == "margin_seconds":
            both[name] = min(values)
        elif name == "clock_ahead_seconds":
            both[name] = max(values, key=abs)
        elif isinstance(values[0], list):
            both[name] = list(dict.fromkeys(one for value in values for one in value))
        else:
            both[name] = sum(values)
    return both
