"""The receipt of events: what was asked for, what came back, and whether that is complete.

A receipt is kept as plain JSON types in `events.attrs` and in the footer of every Parquet file. It is small, because
pandas copies attrs with every operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pandas as pd

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Period
from te_audit_frames.receipt_json import fault_of, load_period
from te_audit_frames.safe_text import aligned, number_of
from te_audit_frames.schema import ATTRS_KEY, DIRECTORY_KEY


@dataclass(frozen=True)
class Receipt:
    """What was asked for, what came back, and whether that is complete.

    Attributes
    ----------
    source : str
        Where the events are from: ``"api"`` (a fetch), ``"pages"`` (saved pages), ``"archive"``, or ``"mixed"`` after
        `te_audit_frames.concat` joined frames from several of these.
    requested : dict
        The arguments `window`, `start` and `end` as text, each None if it was not given. If none was given, `default`
        is True and `window` is the default. Empty for saved pages.
    resolved : dict or None
        The half-open UTC period that the events stand for: `start` and `end` in ISO 8601. None for saved pages, and for
        an archive without coverage.
    scope : dict
        The arguments `aid` and `all_account_groups`. If neither is set, the fetch covered the login account group of
        the token.
    complete : bool
        Whether every page of the resolved period arrived.
    events : int
        The number of events.
    pages : int
        The number of pages that the events were on.
    requests, retries, throttled : int
        The number of requests, how many of them repeated a failed one, and how many were answered with 429.
    waited_seconds : float
        How long workers waited for the rate limit in total, in seconds.
    undated : int
        The number of events without a date.
    coerced : int
        The number of values that ``errors="coerce"`` moved to the column `extra`.
    order : str
        The order of dates that was observed: ``"newest first"``, ``"oldest first"``, ``"none"`` if events were out of
        order, or ``"unknown"`` if no two dates differed.
    account_groups : dict
        The number of events per `aid`. The key of events without an `aid` is empty.
    checked : dict
        How a fetch was checked; empty if nothing was. Its keys:

        - `ranges`: the number of pages whose answer confirmed the range that was asked for;
        - `ranges_unconfirmed`: the number of pages whose answer gave no range to compare;
        - `seams`: the number of cuts between slices at which both sides were compared;
        - `margin_seconds`: the shortest time by which slices were read past their cuts; None without cuts;
        - `windows`, `window_events`: the number of parts of the period that were read twice, and of events in them;
        - `differences`: what differed at the second reading, as a list of text;
        - `clock_ahead_seconds`: the clock of the server minus the local clock; None if the server gave no time.
    filters : list of dict
        The filters that `te_audit_frames.where` applied. Each has its `label`, a `digest` of its mask, the number of
        rows that were `kept`, and the number `of` rows before.
    parts : int
        How many frames `te_audit_frames.concat` joined; 1 if none were joined.
    fetched_at : str
        When the events were fetched, in ISO 8601, UTC, by the local clock.
    versions : dict
        The versions of this package and, except for an archive, of pandas, pyarrow and requests.
    notes : list of str
        Anything else that a reader should know, in sentences.
    rows : int or None
        The number of rows of the frame that the receipt was read from. It is not stored.

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
        """The period of `resolved`, or None."""
        return None if self.resolved is None else load_period(self.resolved)

    @property
    def scope_name(self) -> str:
        """The account groups that were requested, in words."""
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
        """Return the receipt that `to_dict` wrote. Fields that a later version added are ignored."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{**{key: value for key, value in plain.items() if key in known}, "rows": rows})

    def lines(self) -> list[tuple[str, str]]:
        """Return the receipt as pairs of name and value for display."""
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
            lines.append(("events", f"{self.events:,} on {number_of(self.pages, 'page')}, {self.order}"))
        lines += [
            ("filter", f"{each['label'] or 'unnamed'}: {each['kept']:,} of {number_of(each['of'], 'event')} kept")
            for each in self.filters
        ]
        if self.parts > 1:
            lines.append(("joined from", f"{self.parts:,} frames"))
        if self.rows is not None and self.rows != self.events:
            lines.append(("rows now", f"{self.rows:,}: the frame has changed since the fetch"))
        if self.checked and self.complete:
            lines.append(("checked", _checked(self.checked)))
        if self.requests:
            lines.append(
                (
                    "requests",
                    f"{self.requests:,}, of these {number_of(self.retries, 'retry', 'retries')} and "
                    f"{self.throttled:,} throttled",
                )
            )
        if self.waited_seconds:
            lines.append(("waited", f"{self.waited_seconds:.1f} s for the rate limit"))
        if self.undated:
            lines.append(("without date", f"{self.undated:,}"))
        if self.coerced:
            lines.append(("set aside", f"{number_of(self.coerced, 'value')}, in `extra`"))
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
        parts.append(f"{number_of(seams, 'seam')}")
    if windows := checked.get("windows"):
        events = number_of(checked.get("window_events", 0), "event")
        parts.append(f"{number_of(windows, 'window')} with {events}")
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
        Events from `fetch_events`, `read_pages` or `read_parquet`.

    Returns
    -------
    Receipt
        Its `rows` is the current length of `events`. If that differs from the number of events, for example after a
        plain pandas filter, the repr points it out.

    Raises
    ------
    InvalidArgument
        The frame has no receipt, or a damaged one. `pandas.concat` drops it if the frames have different receipts;
        `te_audit_frames.concat` keeps it.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": []}'])
    >>> taf.receipt(events).source
    'pages'
    """
    found = stored_receipt(events)
    if found is None and DIRECTORY_KEY in getattr(events, "attrs", {}):
        raise InvalidArgument("events: these are people or account groups; directory_receipt() reads their receipt.")
    if found is None:
        raise InvalidArgument(
            "events: this frame carries no receipt. Frames from fetch_events(), read_pages() and read_parquet() have "
            "one. pandas drops it when it concatenates or builds frames; te_audit_frames.concat() keeps it, and "
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


def attach_receipt(events: pd.DataFrame, receipt: Receipt) -> pd.DataFrame:
    """Attach a receipt to a new frame, and return the frame."""
    events.attrs[ATTRS_KEY] = receipt.to_dict()
    return events
