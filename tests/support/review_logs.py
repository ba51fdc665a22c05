"""A log in which something deserves a look, for the tests of what the command review prints."""

import json
from functools import cache

import pandas as pd

import te_audit_frames as taf
from support.command_line import HOSTILE

NIGHT, MORNING = "2026-04-20T02:00:00Z", "2026-04-20T09:00:00Z"


def sent(date, event, uid, user, group):
    date = date.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"date": date, "event": event, "uid": uid, "user": user, "aid": group, "accountGroupName": group}


def night_log():
    """A hundred quiet days of two people; then a mass deletion at night, and an alert rule that is deleted by day."""
    ada, grace = ("7", "Ada (ada@example.com)", "Labs"), ("8", HOSTILE, "Shops")
    days = pd.date_range("2026-01-05T09:00Z", periods=100, freq="D")
    quiet = [sent(day, "Test updated.", *who) for day in days for who in (ada, grace)]
    night = [sent(date, "Test deleted.", *ada) for date in pd.date_range(NIGHT, periods=12, freq="min")]
    return [*quiet, *night, sent(pd.Timestamp(MORNING), "Alert rule deleted.", *grace)]


@cache
def night_review():
    """Review the night and the day of the log, with the days before as the history."""
    events = taf.read_pages([json.dumps({"auditEvents": night_log()}).encode()])
    return taf.review(taf.between(events, start="2026-04-20", end="2026-04-21"), history=events)
