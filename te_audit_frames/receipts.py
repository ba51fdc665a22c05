"""The receipt: what was asked for, what came back and whether that is complete; how receipts are cut and joined.

It is kept in `events.attrs` as plain JSON types, and in the footer of every Parquet file. It is small, because pandas
copies attrs with every operation. The module is long because cutting and joining receipts need all of their fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Period, iso
from te_audit_frames.safe_text import aligned
from te_audit_frames.schema import ATTRS_KEY


@dataclass(frozen=True)
class Receipt:
    """What was asked for, what came back, and whether that is complete.

    Attributes
    ----------
    source : str
        ``"api"`` for a fetch, ``"pages"`` for saved pages, ``"archive"`` for what an archive has, ``"mixed"`` for
        frames of several of these that were joined.
    requested : dict
        `window`, `start` and `end` as asked for, as text; `default` if none was given.
    resolved : dict or None
        The half-open UTC period the events stand for: `start` and `end` in ISO 8601. None for saved pages.
    scope : dict
        `aid` and `all_account_groups`. With neither, the API took the token's login account group.
    complete : bool
        Whether every page of the resolved period arrived.
    events, pages, requests, retries, throttled : int
        How many. `throttled` counts the 429 answers; a retry is a repeated request after a failed one.
    waited_seconds : float
        The time that workers waited for the budget, added up.
    undated, coerced : int
        Events without a date, and values that ``errors="coerce"`` set aside.
    order : str
        The order of dates as observed: ``"newest first"``, ``"oldest first"``, ``"none"`` where events were out of
        order, ``"unknown"`` where no two dates differed.
    account_groups : dict
        Events per `aid`; the key of events without one is empty.
    checked : dict
        How a fetch was checked, empty where nothing was: `ranges` and `ranges_unconfirmed` (pages whose answer named
        the range that was asked for, or none that could be compared), `seams` (cuts whose two sides were compared),
        `margin_seconds` (the least that was read past a cut; None without cuts), `windows` and `window_events` (parts
        of the period that were read a second time, and the events in them), `differences` (what the second reading
        found, as text), `clock_ahead_seconds` (the server's clock minus the local one; None where it gave no time).
    filters : list of dict
        What `te_audit_frames.where` left of the events: for each filter its `label`, a `digest` of its mask, and how
        many rows were `kept` `of` how many.
    parts : int
        From how many frames `te_audit_frames.concat` joined this one; 1 where none were joined.
    fetched_at : str
        When, in UTC by the local clock.
    versions : dict
        Of this package, pandas, pyarrow and requests.
    notes : list of str
        What a reader should know.
    rows : int or None
        The rows of the frame that the receipt was read from. Not stored.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = client.fetch_events(window="104w")
    >>> taf.receipt(events).complete, taf.receipt(events).events
    (True, 100)
    """

    source: str
    requested: dict[str, Any]
    resolved: dict[str, str] | None
    scope: dict[str, Any]
    complete: bool
    events: int
    pages: int
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    waited_seconds: float = 0.0
    undated: int = 0
    coerced: int = 0
    order: str = "unknown"
    account_groups: dict[str, int] = field(default_factory=dict)
    checked: dict[str, Any] = field(default_factory=dict)
    filters: list[dict[str, Any]] = field(default_factory=list)
    parts: int = 1
    fetched_at: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: int | None = None

    @property
    def period(self) -> Period | None:
        """The resolved period. None for saved pages."""
        if self.resolved is None:
            return None
        return Period(datetime.fromisoformat(self.resolved["start"]), datetime.fromisoformat(self.resolved["end"]))

    @property
    def scope_name(self) -> str:
        """The account groups that were asked for, in words."""
        if self.scope.get("aid"):
            return f"account group {self.scope['aid']}"
        if self.scope.get("all_account_groups"):
            return "every account group of the token"
        return "not known" if self.source == "pages" else "the token's login account group"

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt in plain JSON types, as `events.attrs` and Parquet footers hold it."""
        plain = asdict(self)
        del plain["rows"]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], *, rows: int | None = None) -> Receipt:
        """Return the receipt that `to_dict` wrote, without what a later version added."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{**{key: value for key, value in plain.items() if key in known}, "rows": rows})

    def lines(self) -> list[tuple[str, str]]:
        """Return (name, value) pairs for display."""
        asked = {key: value for key, value in self.requested.items() if value is not None and key != "default"}
        lines = [
            ("complete", "yes" if self.complete else "no"),
            ("asked for", ", ".join(f"{key} {value}" for key, value in asked.items()) or self.source),
        ]
        if self.period:
            lines.append(("period (UTC)", f"{self.period}, the end excluded"))
        lines.append(("scope", self.scope_name))
        if self.source == "archive":
            lines.append(("events", f"{self.events:,}"))
        else:
            lines.append(("events", f"{self.events:,} on {self.pages:,} page{'s' * (self.pages != 1)}, {self.order}"))
        lines += [
            ("filter", f"{each['label'] or 'unnamed'}: {each['kept']:,} of {each['of']:,} events kept")
            for each in self.filters
        ]
        if self.parts > 1:
            lines.append(("joined from", f"{self.parts:,} frames"))
        if self.rows is not None and self.rows != self.events:
            lines.append(("rows now", f"{self.rows:,}: the frame is no longer what was fetched"))
        if self.checked and self.complete:
            lines.append(("checked", _checked(self.checked)))
        if self.requests:
            lines.append(
                ("requests", f"{self.requests:,}, of these {self.retries:,} retries and {self.throttled:,} throttled")
            )
        if self.waited_seconds:
            lines.append(("waited", f"{self.waited_seconds:.1f} s for the rate limit"))
        if self.undated:
            lines.append(("without date", f"{self.undated:,}"))
        if self.coerced:
            lines.append(("set aside", f"{self.coerced:,} values, in `extra`"))
        if self.account_groups:
            groups = sorted(self.account_groups.items(), key=lambda group: (-group[1], group[0]))
            shown = ", ".join(f"{aid or '(none)'}: {count:,}" for aid, count in groups[:5])
            more = f" and {len(groups) - 5} more" if len(groups) > 5 else ""
            lines.append(("events per aid", shown + more))
        lines.append(("fetched at", self.fetched_at))
        return lines + [("note", note) for note in self.notes]

    def __repr__(self) -> str:
        return aligned("Receipt", self.lines())

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(what)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for what, value in self.lines()
        )
        return f"<table><caption style='caption-side:top;text-align:left'>Receipt</caption>{rows}</table>"


def _checked(checked: Mapping[str, Any]) -> str:
    """Return how a fetch was checked, in one line."""
    parts = []
    if seams := checked.get("seams"):
        parts.append(f"{seams:,} seam{'s' * (seams != 1)}")
    if windows := checked.get("windows"):
        events = f"{checked.get('window_events', 0):,} events"
        parts.append(f"{windows:,} window{'s' * (windows != 1)} with {events}")
    differences = list(checked.get("differences", []))
    if parts:
        parts.append("; ".join(differences) if differences else "all equal")
    else:
        parts = [*differences, "every query was read to its last page"]
    if not checked.get("ranges"):
        parts.append("ranges were not confirmed")
    return ", ".join(parts)


def receipt(events: pd.DataFrame) -> Receipt:
    """Return the receipt of a frame.

    Parameters
    ----------
    events : pandas.DataFrame
        Events from `fetch_events`, `read_pages` or `read_parquet`, filtered since or not.

    Returns
    -------
    Receipt
        Its `rows` is the length of `events` now, and its repr says when that is not what was fetched.

    Raises
    ------
    InvalidArgument
        The frame carries no receipt, or a damaged one; pandas drops it when frames with different receipts are
        concatenated.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": []}'])
    >>> taf.receipt(events).source
    'pages'
    """
    found = stored_receipt(events)
    if found is None:
        raise InvalidArgument(
            "events: this frame carries no receipt. fetch_events(), read_pages() and read_parquet() give one; "
            "pandas drops it from frames that it concatenates or builds: te_audit_frames.concat() keeps it, and "
            "with_receipt() restores it."
        )
    return found


def stored_receipt(events: pd.DataFrame) -> Receipt | None:
    """Return the receipt in a frame's attrs, or None if it has none.

    Parameters
    ----------
    events : pandas.DataFrame
        Any frame.

    Returns
    -------
    Receipt or None

    Raises
    ------
    InvalidArgument
        The receipt is damaged.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.receipts import stored_receipt
    >>> stored_receipt(pd.DataFrame()) is None
    True
    """
    plain = getattr(events, "attrs", {}).get(ATTRS_KEY)
    if not isinstance(plain, Mapping):
        return None
    if fault := fault_of(plain):
        raise InvalidArgument(
            f"events: the receipt in events.attrs[{ATTRS_KEY!r}] is damaged: {fault}. Fetch or load the events again."
        )
    return Receipt.from_dict(plain, rows=len(events))


_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "source": (str,),
    "requested": (dict,),
    "resolved": (dict, type(None)),
    "scope": (dict,),
    "complete": (bool,),
    "events": (int,),
    "pages": (int,),
    "requests": (int,),
    "retries": (int,),
    "throttled": (int,),
    "waited_seconds": (float, int),
    "undated": (int,),
    "coerced": (int,),
    "order": (str,),
    "account_groups": (dict,),
    "checked": (dict,),
    "filters": (list,),
    "parts": (int,),
    "fetched_at": (str,),
    "versions": (dict,),
    "notes": (list,),
}
_FILTER_TYPES: dict[str, tuple[type, ...]] = {
    "label": (str, type(None)),
    "digest": (str,),
    "kept": (int,),
    "of": (int,),
}
_CHECKED_TYPES: dict[str, tuple[type, ...]] = {
    "ranges": (int,),
    "ranges_unconfirmed": (int,),
    "seams": (int,),
    "margin_seconds": (float, int, type(None)),
    "windows": (int,),
    "window_events": (int,),
    "differences": (list,),
    "clock_ahead_seconds": (float, int, type(None)),
}
_REQUIRED = ("source", "requested", "resolved", "scope", "complete", "events", "pages")


def fault_of(plain: object) -> str | None:
    """Return what is wrong with a stored receipt, or None if `Receipt.from_dict` can read it.

    Fields that a later version added are not checked.

    Parameters
    ----------
    plain : object
        What stands in `events.attrs` or in the metadata of a file, which may come from anywhere.

    Examples
    --------
    >>> from te_audit_frames.receipts import fault_of
    >>> fault_of({"source": "api"})
    "it has no 'requested'"
    """
    if not isinstance(plain, Mapping):
        return "it is not a JSON object"
    for name in _REQUIRED:
        if name not in plain:
            return f"it has no {name!r}"
    if fault := _wrong_type(plain, _FIELD_TYPES) or _wrong_type(plain.get("checked", {}), _CHECKED_TYPES):
        return fault
    for each in plain.get("filters", []):
        if not isinstance(each, dict) or not _FILTER_TYPES.keys() <= each.keys() or _wrong_type(each, _FILTER_TYPES):
            return "its 'filters' are not all complete"
    if not all(_is_kind(count, (int,)) for count in plain.get("account_groups", {}).values()):
        return "its 'account_groups' are not all counted"
    for name, texts in (
        ("notes", plain.get("notes", [])),
        ("differences", plain.get("checked", {}).get("differences", [])),
    ):
        if not all(isinstance(text, str) for text in texts):
            return f"its {name!r} are not all text"
    if plain["resolved"] is not None and not _is_period(plain["resolved"]):
        return "its 'resolved' is not a period"
    fetched_at = plain.get("fetched_at", "")
    return None if fetched_at == "" or _utc_moment(fetched_at) else "its 'fetched_at' is not a moment in UTC"


def _wrong_type(plain: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> str | None:
    for name, kinds in types.items():
        if name in plain and not _is_kind(plain[name], kinds):
            return f"its {name!r} is of the wrong type, {type(plain[name]).__name__}"
    return None


def _is_kind(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _is_period(resolved: Mapping[str, Any]) -> bool:
    start, end = _utc_moment(resolved.get("start")), _utc_moment(resolved.get("end"))
    return start is not None and end is not None and start <= end


def _utc_moment(text: Any) -> datetime | None:
    """Return a moment in UTC that leaves room for a few days' arithmetic; None if the text is not one."""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.utcoffset() == timedelta(0) and 1 < moment.year < datetime.max.year else None
    except (TypeError, ValueError):
        return None


_CUT = "only a part of what was fetched was read: the fetch was of "


def narrowed(
    plain: Mapping[str, Any], *, start: datetime | None, end: datetime | None, rows: int, of: int
) -> dict[str, Any]:
    """Return a stored receipt, rewritten for a frame that holds only a part of its period.

    Parameters
    ----------
    plain : mapping
        What `Receipt.to_dict` wrote.
    start, end : datetime or None
        The half-open part that was read, in UTC.
    rows, of : int
        How many rows the part has, and how many the whole had. Where the whole had not as many as its receipt, the part
        does not either.

    Returns
    -------
    dict
        The same, its `resolved` cut to that part, its `events` those of the part, and a note that says so.

    Examples
    --------
    >>> from te_audit_frames.periods import to_instant
    >>> from te_audit_frames.receipts import narrowed
    >>> january = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    >>> fetched = {"resolved": january, "events": 9, "notes": []}
    >>> part = narrowed(fetched, start=to_instant("2026-01-20", argument="start"), end=None, rows=4, of=9)
    >>> part["resolved"]["start"], part["events"]
    ('2026-01-20T00:00:00Z', 4)
    """
    part = {**plain, "events": counted_of(plain, rows=rows, of=of)}
    if not plain.get("resolved"):
        return part
    fetched = Period(*(datetime.fromisoformat(plain["resolved"][bound]) for bound in ("start", "end")))
    low = min(max(start or fetched.start, fetched.start), fetched.end)
    high = max(min(end or fetched.end, fetched.end), low)
    notes = list(plain.get("notes", []))
    if (low, high) != (fetched.start, fetched.end) and not any(str(note).startswith(_CUT) for note in notes):
        notes.append(f"{_CUT}{fetched}")
    return part | {"resolved": {"start": iso(low), "end": iso(high)}, "notes": notes}


def counted_of(plain: Mapping[str, Any], *, rows: int, of: int) -> int:
    """Return the `events` of a receipt after its frame was cut from `of` rows to `rows`.

    If the frame already had fewer rows than its receipt has events, it was cut by other means, and the difference is
    kept.
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
    """Return the joined receipt of frames that were concatenated.

    Periods that touch or overlap make one. The result is complete if every receipt is, nothing lies between the
    periods, and all have the same scope and filters; otherwise its notes say what is missing.

    Parameters
    ----------
    receipts : sequence of Receipt
        At least one.
    events, undated, account_groups
        What the joined frame has.
    rows : int, optional
        The rows of the joined frame.

    Returns
    -------
    Receipt

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.receipts import joined
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
    spoken = [each for each in receipts if each.period is None or each.period.days > 0] or list(receipts)
    period, faults = _joined_period(spoken)
    if not is_same_scope([each for each in spoken if each.source != "pages"]):
        scopes = dict.fromkeys(map(_name_of_scope, spoken))
        faults.append(f"the frames have different scopes: {'; '.join(scopes)}")
    if not is_same_filter(spoken):
        faults.append("the frames were filtered differently; give filters that mean the same one label in where()")
    if (partial := sum(not each.complete for each in spoken)) > 0:
        faults.append(f"{partial:,} of the {len(spoken):,} frames {'are' if partial > 1 else 'is'} not complete")
    fetches = _fetches(spoken)
    unchecked = sum(not each.checked for each in fetches)
    notes = [note for each in spoken for note in each.notes if note != f"{_CUT}{period}"]
    if 0 < unchecked < len(fetches):
        notes.append(
            f"{unchecked:,} of the {len(fetches):,} joined fetches {'were' if unchecked > 1 else 'was'} not checked"
        )
    notes += [f"not complete: {fault}" for fault in faults]
    resolved = {"start": iso(period.start), "end": iso(period.end)} if period else None
    orders = {each.order for each in spoken} - {"unknown"}
    sources = {each.source for each in spoken}
    latest = max(spoken, key=lambda each: each.fetched_at)
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
        filters=_joined_filters(spoken),
        parts=sum(each.parts for each in spoken),
        fetched_at=latest.fetched_at,
        versions=latest.versions,
        notes=list(dict.fromkeys(notes)),
        **counts,
    )


_CLOCKS = timedelta(minutes=5)
"""By how much two clocks may differ before a period counts as reaching into the future of its fetch."""

_MOST_GAPS = 5


def _joined_period(receipts: Sequence[Receipt]) -> tuple[Period | None, list[str]]:
    """Return the period from the first start to the last end, and what is missing in between."""
    periods = [each.period for each in receipts if each.period is not None]
    without = len(receipts) - len(periods)
    faults = []
    if without:
        verb = "have" if without > 1 else "has"
        faults.append(f"{without:,} of the {len(receipts):,} frames {verb} no period, so overlaps are not known")
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
    """Return the end of what a fetch could see; what lay in its future belongs to later fetches."""
    if receipt.source != "api" or not receipt.fetched_at:
        return period.end
    now = datetime.fromisoformat(receipt.fetched_at)
    ahead = timedelta(seconds=max(receipt.checked.get("clock_ahead_seconds") or 0.0, 0.0))
    is_followed = any(
        other.period is not None and other.period.end > now and not is_same_fetch(other, receipt) for other in others
    )
    return max(period.start, now) if is_followed and period.end > now + ahead + _CLOCKS else period.end


def is_same_fetch(one: Receipt, other: Receipt) -> bool:
    """Return whether two receipts belong to parts of one frame."""
    return _identity(one) == _identity(other)


def _identity(receipt: Receipt) -> tuple[Any, ...]:
    """Return what identifies a fetch; parts of one frame have the same."""
    counted = receipt.pages, receipt.requests, receipt.retries, receipt.throttled, receipt.waited_seconds
    return receipt.source, receipt.fetched_at, str(receipt.scope), str(receipt.requested), *counted


def _fetches(receipts: Sequence[Receipt]) -> list[Receipt]:
    return list({_identity(each): each for each in receipts}.values())


def is_same_scope(receipts: Sequence[Receipt]) -> bool:
    """Return whether fetches asked for the same account groups, as far as that can be known."""
    asked = {(each.scope.get("aid"), bool(each.scope.get("all_account_groups"))) for each in receipts}
    if asked != {(None, False)}:
        return len(asked) < 2
    # Login groups of different tokens look alike, but for the events in them.
    groups = [set(each.account_groups) - {""} for each in receipts]
    return not any(one and other and not one & other for one in groups for other in groups)


def is_same_filter(receipts: Sequence[Receipt]) -> bool:
    """Return whether the filters of frames mean the same: they have the same label, or the same mask."""
    meanings = [[each["label"] or f"mask {each['digest']}" for each in receipt.filters] for receipt in receipts]
    return all(meaning == meanings[0] for meaning in meanings)


def _name_of_scope(receipt: Receipt) -> str:
    if receipt.scope.get("aid") or receipt.scope.get("all_account_groups"):
        return receipt.scope_name
    # Login account groups of different tokens differ only by the events in them.
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
    """Return joined checks: summed counts, the least margin, all differences, and the clock that is furthest off."""
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


def attach_receipt(events: pd.DataFrame, receipt: Receipt) -> pd.DataFrame:
    """Attach a receipt to a new frame, and return the frame."""
    events.attrs[ATTRS_KEY] = receipt.to_dict()
    return events
