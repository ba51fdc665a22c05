"""A practice API whose clock and events change between the syncs of an archive, and the truth about it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pandas as pd

import te_audit_frames as taf
from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 4, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)


class ClockAt(Clock):
    """A machine whose local clock stands still, and whose waits are real."""

    def __init__(self, moment):
        self.moment = moment

    def now(self):
        return self.moment


def client_at(api, moment, **policy):
    """A client of a practice API, on a machine whose clock stands at a moment."""
    return taf.Client(token=api.token, base_url=api.url, progress=False, clock=ClockAt(moment), **policy)


class World:
    """A practice API whose clock and events can be changed between syncs."""

    def __init__(self, *events, now=NOW, **options):
        self.now = now
        self.events = list(events)
        self.local = None  # the machine's own clock; by default it agrees with the server's
        self.options = {"rate_limit": None, "page_size": 50, "max_parameter": "ignored"} | options
        self.requests = []

    def sync(self, archive, *, workers=4, **how):
        with Sandbox(self.events, now=self.now, **self.options) as api:
            client = client_at(api, self.local or self.now, workers=workers, retries=1)
            try:
                return archive.sync(client, **{"start": NOW - 20 * DAY, **how})
            finally:
                self.requests = api.requests


def event(moment, name="User login.", **fields):
    return {"date": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "event": name, "aid": "1", "uid": "u", **fields}


def many(days, a_day=7):
    return [
        event(NOW - number * DAY - (k + 1) * timedelta(hours=1), f"event {k}")
        for number in range(days)
        for k in range(a_day)
    ]


def keys(events):
    return Counter(zip(events["date"], events["event"], events["aid"], events["uid"], strict=True))


def told(world):
    rows = [(pd.Timestamp(e["date"]), e["event"], str(e["aid"]), e["uid"]) for e in world.events if e.get("date")]
    return Counter(rows)
