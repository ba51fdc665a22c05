"""Every counter of one fetch, and the receipt made from them."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import requests

from te_audit_frames.periods import Period, iso
from te_audit_frames.receipt_json import dump_period
from te_audit_frames.receipts import Receipt
from te_audit_frames.version import VERSION


@dataclass
class FetchStats:
    """The counters of one fetch.

    Attributes
    ----------
    events : int
        Events kept.
    pages : int
        Pages read.
    undated : int
        Events without a date.
    coerced : int
        Values that no column could hold, kept in `extra`.
    account_groups : Counter
        Events per `aid`.
    requests, retries, throttled : int
        Requests sent, requests repeated after a failure, and answers with status 429.
    waited_seconds : float
        How long workers waited for the rate limit, in seconds, all workers together.
    """

    events: int = 0
    pages: int = 0
    undated: int = 0
    coerced: int = 0
    account_groups: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    waited_seconds: float = 0.0
    _uids: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, *, requests: int = 0, retries: int = 0, throttled: int = 0, waited_seconds: float = 0.0) -> None:
        """Count requests and waits. Any thread may call this."""
        with self._lock:
            self.requests += requests
            self.retries += retries
            self.throttled += throttled
            self.waited_seconds += waited_seconds

    def add(self, kept: pa.RecordBatch, *, pages: int = 1, coerced: int = 0) -> None:
        """Count pages and the events kept from them."""
        self.pages += pages
        self.coerced += coerced
        self.events += kept.num_rows
        self.undated += kept["date"].null_count
        for group in kept["aid"].value_counts().to_pylist():
            self.account_groups[group["values"] or ""] += group["counts"]
        if len(self._uids) < 2:
            self._uids.update(pc.unique(kept["uid"].drop_null()).to_pylist())

    def forget_events(self) -> None:
        """Set the counts of events and pages to zero; requests and waits stay counted."""
        self.events = self.pages = self.undated = self.coerced = 0
        self.account_groups.clear()
        self._uids.clear()

    def receipt(
        self,
        *,
        source: str,
        requested: dict[str, Any],
        period: Period | None,
        scope: dict[str, Any],
        complete: bool,
        order: str,
        fetched_at: datetime,
        notes: list[str],
        checked: dict[str, Any] | None = None,
    ) -> Receipt:
        """Return the receipt: the query and checks as given, and what was counted here."""
        return Receipt(
            source=source,
            requested=requested,
            resolved=dump_period(period) if period else None,
            scope=scope,
            complete=complete,
            events=self.events,
            pages=self.pages,
            undated=self.undated,
            coerced=self.coerced,
            order=order,
            account_groups=dict(sorted(self.account_groups.items())),
            fetched_at=iso(fetched_at.replace(microsecond=0)),
            versions=library_versions(),
            notes=notes + self._remarks(order),
            checked=checked or {},
            requests=self.requests,
            retries=self.retries,
            throttled=self.throttled,
            waited_seconds=round(self.waited_seconds, 3),
        )

    def _remarks(self, order: str) -> list[str]:
        remarks = []
        if len(self._uids) == 1:
            remarks.append(
                "only one uid was seen: the token may be limited to its own log "
                "(it needs the permission `View activity log for all users in account group`)"
            )
        if self.undated:
            remarks.append("events without a date are last in the frame, and not part of activity")
        if order == "none":
            remarks.append("events were not in the order of their dates, so every query was read to its last page")
        return remarks


def library_versions() -> dict[str, str]:
    """Return the versions of this package and of the libraries that a fetch uses."""
    libraries = {"pandas": pd, "pyarrow": pa, "requests": requests}
    return {"te-audit-frames": VERSION} | {name: library.__version__ for name, library in libraries.items()}
