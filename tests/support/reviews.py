"""A small organisation under review: what its people do every working day, and what the checks of a review share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pandas as pd

import te_audit_frames as taf
from support.histories import frame
from te_audit_frames.checks.baseline import Baseline, read_baseline
from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.rarity import Weeks
from te_audit_frames.checks.judging.review_context import ReviewContext
from te_audit_frames.checks.selection import select

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = 30
PARTS = ["moments", "networks", "texts"]


def at(day: float, hour: float, text: str, uid: str = "7", **more):
    """Write one event, so many days after the Monday under review."""
    names = {"7": "Ada", "8": "Ben", "9": "Cleo"}
    row = {"date": MONDAY + timedelta(days=day, hours=hour), "event": text, "uid": uid, "user": names.get(uid, uid)}
    return row | {"aid": "1", "account_group_name": "Shops", "ip_address": f"203.0.113.{uid}"} | more


def working_days(weeks: int = WEEKS, *, text: str = "Test updated.", uids: str = "789"):
    """Write what people did on the working days before: an event in the morning and one in the afternoon."""
    days = [day for day in range(-7 * weeks, 0) if day % 7 < 5]
    return [at(day, hour + int(uid) / 10, text, uid) for day in days for hour in (9, 14) for uid in uids]


HISTORY = frame(*working_days())


def found(review: taf.Review) -> list[tuple[str, str, str | None]]:
    rows = review.findings
    return list(zip(rows["severity"], rows["check"], rows["user"], strict=True))


def status(review: taf.Review) -> dict[str, str]:
    return dict(zip(review.assessed["check"], review.assessed["status"], strict=True))


def context_of(events: pd.DataFrame, history: pd.DataFrame | None = None, **more: Any) -> ReviewContext:
    """Return what the checks of a review share, as `review` makes it for events since the Monday."""
    now = read_baseline(events, parts=PARTS)
    past = _nothing() if history is None else read_baseline(history, parts=PARTS)
    span = None if history is None else (MONDAY - history["date"].min()) / timedelta(days=1)
    selection = select(events, ["event"], optional=["aid", "account_group_name", "ip_address"])
    stated = {"users": None, "tz": "UTC", "vocabulary": None, "has_history": history is not None} | more
    return ReviewContext(events, past, now, Weeks(past, now, span), selection, **stated)


@cache
def _nothing() -> Baseline:
    return read_baseline(None, parts=PARTS)


def finding(check, severity, hour=0.0, *, length=0.0, uid="7", text="Test deleted.", chance=0.01):
    """Make a finding about a person, so many hours after nine on the Monday."""
    first = pd.Timestamp(MONDAY) + pd.Timedelta(hours=9 + hour)
    row = {
        "uid": uid,
        "user": None if uid is None else f"User {uid}",
        "first_event": first,
        "last_event": first + pd.Timedelta(hours=length),
        "events": 3,
        "event_texts": [text],
    }
    return Finding(check, severity, row, "Something happened.", chance)
