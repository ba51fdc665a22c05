"""The receipt: what was asked for, what came back, and whether that is complete.

It travels in `events.attrs` as plain JSON types, small, since pandas copies attrs with every operation, and it goes
into the footer of every Parquet file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

import pandas as pd

from te_audit_frames.errors import InvalidRequest
from te_audit_frames.periods import Period, iso
from te_audit_frames.safe_text import printable
from te_audit_frames.schema import ATTRS_KEY


@dataclass(frozen=True)
class Receipt:
    """What was asked for, what came back, and whether that is complete.

    Attributes
    ----------
    source : str
        ``"api"`` for a fetch, ``"pages"`` for saved pages, ``"archive"`` for what an archive has.
    requested : dict
        `window`, `start` and `end` as asked for, as text; `default` where nothing was.
    resolved : dict or None
        The half-open UTC period the events stand for: `start` and `end` in ISO 8601. None for saved pages.
    scope : dict
        `aid` and `all_account_groups`. Without an `aid` the API takes the token's login account group.
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
        How a fetch was checked, empty where nothing was: `ranges` and `ranges_unconfirmed` (pages whose answer named the
        range that was asked for, or none that could be compared), `seams` (cuts whose two sides were compared),
        `margin_seconds` (the least that was read past a cut; None without cuts), `windows` and `window_events` (parts
        of the period that were read a second time, and the events in them), `differences` (what the second reading
        found, as text), `clock_ahead_seconds` (the server's clock minus the local one; None where it gave no time).
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
    ...     events = client.fetch_events(window="104w", all_account_groups=True)
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

    def to_dict(self) -> dict[str, Any]:
        """Write the receipt in plain JSON types, as `events.attrs` and Parquet footers hold it."""
        plain = asdict(self)
        del plain["rows"]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], *, rows: int | None = None) -> Receipt:
        """Read what `to_dict` wrote; what a later version added is left out."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{**{key: value for key, value in plain.items() if key in known}, "rows": rows})

    def lines(self) -> list[tuple[str, str]]:
        """List what the receipt says, as (what, value) pairs for display."""
        asked = {key: value for key, value in self.requested.items() if value is not None and key != "default"}
        scope = "every account group of the token" if self.scope.get("all_account_groups") else "one account group"
        if self.scope.get("aid"):
            scope += f", aid {self.scope['aid']}"
        elif not self.scope.get("all_account_groups"):
            scope += ", the token's login group"
        lines = [
            ("complete", "yes" if self.complete else "no"),
            ("asked for", ", ".join(f"{key} {value}" for key, value in asked.items()) or self.source),
        ]
        if self.period:
            lines.append(("period (UTC)", f"{self.period}, the end excluded"))
        if self.source == "api":
            lines.append(("scope", scope))
        if self.source == "archive":
            lines.append(("events", f"{self.events:,}"))
        else:
            lines.append(("events", f"{self.events:,} on {self.pages:,} page{'s' * (self.pages != 1)}, {self.order}"))
        if self.rows is not None and self.rows != self.events:
            lines.append(("rows now", f"{self.rows:,}: the frame is no longer what was fetched"))
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
        width = max(len(what) for what, _ in self.lines())
        return "\n".join(["Receipt", *(f"  {what:<{width}}  {printable(value)}" for what, value in self.lines())])

    def _repr_html_(self) -> str:
        import html

        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(what)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for what, value in self.lines()
        )
        return f"<table><caption style='caption-side:top;text-align:left'>Receipt</caption>{rows}</table>"


def receipt(events: pd.DataFrame) -> Receipt:
    """Read the receipt of a frame.

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
    InvalidRequest
        The frame carries no receipt; pandas drops it when frames with different receipts are concatenated.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": []}'])
    >>> taf.receipt(events).source
    'pages'
    """
    plain = getattr(events, "attrs", {}).get(ATTRS_KEY)
    if not isinstance(plain, Mapping):
        raise InvalidRequest(
            "events: this frame carries no receipt. fetch_events(), read_pages() and read_parquet() give one; "
            "pandas drops it from frames that were concatenated or built anew."
        )
    return Receipt.from_dict(plain, rows=len(events))


def narrowed(plain: Mapping[str, Any], *, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """Rewrite a stored receipt for a frame that holds only a part of its period.

    Parameters
    ----------
    plain : mapping
        What `Receipt.to_dict` wrote.
    start, end : datetime or None
        The half-open part that was read, in UTC.

    Returns
    -------
    dict
        The same, its `resolved` cut to that part, and a note that says so.

    Examples
    --------
    >>> from te_audit_frames.periods import to_instant
    >>> from te_audit_frames.receipt import narrowed
    >>> fetched = {"resolved": {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}, "notes": []}
    >>> narrowed(fetched, start=to_instant("2026-01-20", argument="start"), end=None)["resolved"]["start"]
    '2026-01-20T00:00:00Z'
    """
    if not plain.get("resolved"):
        return dict(plain)
    fetched = Period(*(datetime.fromisoformat(plain["resolved"][bound]) for bound in ("start", "end")))
    low = min(max(start or fetched.start, fetched.start), fetched.end)
    high = max(min(end or fetched.end, fetched.end), low)
    note = f"only a part of what was fetched was read: the fetch was of {fetched}"
    resolved = {"start": iso(low), "end": iso(high)}
    return {**plain, "resolved": resolved, "notes": [*plain.get("notes", []), note]}


def with_receipt(events: pd.DataFrame, paid: Receipt) -> pd.DataFrame:
    """Attach a receipt to a frame that was just made."""
    events.attrs[ATTRS_KEY] = paid.to_dict()
    return events
