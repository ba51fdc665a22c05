"""Frames of ten days with the receipt of a fetch, as tests of cuts and joins need them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.receipts import Receipt
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, in_order, to_arrow, to_events

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def fetch_receipt(start: datetime = START, end: datetime = START + 10 * DAY, **what: Any) -> Receipt:
    return Receipt(
        **{
            "source": "api",
            "requested": {"window": None, "start": start.isoformat(), "end": end.isoformat(), "default": False},
            "resolved": {"start": start.isoformat(), "end": end.isoformat()},
            "scope": {"aid": None, "all_account_groups": True},
            "complete": True,
            "events": 0,
            "pages": 2,
            "requests": 3,
            "account_groups": {"1": 1},
            "checked": {
                "seams": 2,
                "margin_seconds": 60.0,
                "windows": 1,
                "differences": [],
                "clock_ahead_seconds": 1.0,
            },
            "fetched_at": (end + HOUR).isoformat(),
            **what,
        }
    )


def frame(*dates: datetime | None, receipt: Receipt | None = None, **fields: Any) -> pd.DataFrame:
    drawn = [{"date": moment, "aid": "1", "event": "User login.", "uid": "u"} | fields for moment in dates]
    return with_fetch_receipt(
        to_events(in_order(pa.Table.from_pylist(drawn, ARROW_SCHEMA).to_batches())), receipt or fetch_receipt()
    )


def with_fetch_receipt(events: pd.DataFrame, receipt: Receipt) -> pd.DataFrame:
    events.attrs[ATTRS_KEY] = receipt.to_dict() | {
        "events": len(events),
        "undated": int(events["date"].isna().sum()),
        "account_groups": events["aid"].fillna("").value_counts().sort_index().to_dict(),
    }
    return events


def as_multiset(events: pd.DataFrame) -> Counter[str]:
    return Counter(map(str, to_arrow(events).to_pylist()))


TEN_DAYS = [START + n * DAY + HOUR for n in range(10)]


def fetched(start: int, end: int, *more: datetime, **what: Any) -> pd.DataFrame:
    inside = [moment for moment in TEN_DAYS if START + start * DAY <= moment < START + end * DAY]
    return frame(*inside, *more, receipt=fetch_receipt(START + start * DAY, START + end * DAY, **what))


def complete_days(events: pd.DataFrame, **how: Any) -> int:
    return int(taf.activity(events, **how)["complete"].sum())


HOURS = st.integers(0, 10 * 24 - 1).map(lambda hour: START + hour * HOUR)
CUTS = st.lists(st.integers(-30, 11 * 24).map(lambda hour: START + hour * HOUR), max_size=4, unique=True)


def drawn_frame(some: list[dict[str, Any]]) -> pd.DataFrame:
    return with_fetch_receipt(
        to_events(in_order(pa.Table.from_pylist(some, ARROW_SCHEMA).to_batches())), fetch_receipt()
    )


def split(events: pd.DataFrame, cuts: list[datetime]) -> list[pd.DataFrame]:
    edges = [None, *sorted(cuts), None]
    return [taf.between(events, start=low, end=high) for low, high in pairwise(edges)]
