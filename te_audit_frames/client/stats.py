"""What arrived, counted page by page, and the receipt made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import requests

from te_audit_frames.periods import Period, iso
from te_audit_frames.receipt import Receipt
from te_audit_frames.version import VERSION


@dataclass
class Tally:
    """What arrived so far.

    Attributes
    ----------
    events, pages, undated, coerced : int
        How many were kept, read, without a date, set aside.
    account_groups : Counter
        Events per `aid`.
    """

    events: int = 0
    pages: int = 0
    undated: int = 0
    coerced: int = 0
    account_groups: Counter[str] = field(default_factory=Counter)
    _uids: set[str] = field(default_factory=set)

    def add(self, kept: pa.RecordBatch, *, pages: int = 1, coerced: int = 0) -> None:
        """Count a page, or several, and the events that are used of it."""
        self.pages += pages
        self.coerced += coerced
        self.events += kept.num_rows
        self.undated += kept["date"].null_count
        for group in kept["aid"].value_counts().to_pylist():
            self.account_groups[group["values"] or ""] += group["counts"]
        if len(self._uids) < 2:
            self._uids.update(pc.unique(kept["uid"].drop_null()).to_pylist())

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
        **costs: Any,
    ) -> Receipt:
        """Write the receipt: what was asked for, as the caller of this says, and what was counted here."""
        return Receipt(
            source=source,
            requested=requested,
            resolved={"start": iso(period.start), "end": iso(period.end)} if period else None,
            scope=scope,
            complete=complete,
            events=self.events,
            pages=self.pages,
            undated=self.undated,
            coerced=self.coerced,
            order=order,
            account_groups=dict(sorted(self.account_groups.items())),
            fetched_at=iso(fetched_at.replace(microsecond=0)),
            versions=_versions(),
            notes=notes + self._remarks(order),
            **costs,
        )

    def _remarks(self, order: str) -> list[str]:
        remarks = []
        if len(self._uids) == 1:
            remarks.append(
                "only one uid was seen: the token may be limited to its own log "
                "(it needs the permission `View activity log for all users in account group`)"
            )
        if self.undated:
            remarks.append("events without a date are last in the frame, and left out of activity")
        if order == "none":
            remarks.append("events came out of the order of their dates, so their pages were read one after the other")
        return remarks


def _versions() -> dict[str, str]:
    libraries = {"pandas": pd, "pyarrow": pa, "requests": requests}
    return {"te-audit-frames": VERSION} | {name: library.__version__ for name, library in libraries.items()}
