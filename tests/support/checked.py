"""What the tests of checked fetches share: a time of their own, keys of events, and what a fetch has to bring."""

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))

WORKERS = pytest.mark.parametrize("workers", [1, 8])  # alone, and with slices


class Time(Clock):
    """A time that goes on with each of the server's answers; the local clock may differ from it. Waits take no time."""

    def __init__(self, *, step=0.0, local_error=timedelta(0)):
        self.step, self.local_error = step, local_error
        self._seconds = self._waited = 0.0
        self._lock = threading.Lock()

    def tick(self):
        """Go on, and return the server's time."""
        with self._lock:
            self._seconds += self.step
            return NOW + timedelta(seconds=self._seconds)

    @property
    def server_now(self):
        return NOW + timedelta(seconds=self._seconds)

    def now(self):
        return self.server_now + self.local_error

    def monotonic(self):
        return time.monotonic() + self._waited

    def wait(self, condition, seconds):
        with self._lock:
            self._waited += seconds


def practice(events, clock=None, **options):
    """Return a practice server that runs on this clock."""
    clock = clock or Time()
    return Sandbox(events, now=clock.tick, **{"rate_limit": None, "page_size": 20} | options)


def client_of(api, clock=None, **policy):
    policy = {"clock": clock or Time(), "progress": False, "deadline": 60.0, "retries": 3} | policy
    return taf.Client(token=api.token, base_url=api.url, **policy)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def event(moment, number, aid="1", **fields):
    """Return an event; its number is its uid, so that no two are equal unless they are meant to be."""
    return {"date": iso(moment), "aid": aid, "event": "Test changed.", "uid": str(number), **fields}


def spread_out(count, over, *, aids=("1",), before=NOW):
    """Return so many events, evenly over a length of time, in turn of each account group."""
    step = over / max(count, 1)
    return [event(before - SECOND - k * step, k, aids[k % len(aids)]) for k in range(count)]


def keys(events):
    """Return the multiset of events of a frame or of JSON values: date, account group and uid of each."""
    if isinstance(events, pd.DataFrame):
        dates = events["date"].astype("object").where(events["date"].notna(), None)
        uids = events["uid"].astype("object").where(events["uid"].notna(), None)
        rows = zip(dates, events["aid"], uids, strict=True)
        return Counter((None if date is None else date.to_pydatetime(), aid, uid) for date, aid, uid in rows)
    return Counter((moment_of(one), one["aid"], one.get("uid")) for one in events)


def moment_of(one):
    try:
        return datetime.fromisoformat(one["date"])
    except (KeyError, ValueError):
        return None


GROUPS = ("1", "2", "3")
LOG = spread_out(400, 40 * DAY, aids=GROUPS)
PAGES = len(LOG) / 20
PERIOD = {"start": NOW - 60 * DAY, "end": NOW}
EVERYTHING = {"all_account_groups": True}


def fetch(api, clock=None, *, workers=8, policy=None, **question):
    """Fetch, and hold the frame against what the server has: what was there at the start, and has not been removed."""
    whole_time = {"start": NOW - 900 * DAY, "end": NOW + 900 * DAY}
    scope = {"aid": question.get("aid"), "all_account_groups": question.get("all_account_groups", False)}
    before = api.truth(**whole_time, **scope)
    requests = len(api.requests)
    events = client_of(api, clock, workers=workers, **(policy or {})).fetch_events(**question | scope)
    asked = [request for request in api.requests[requests:] if request.path.endswith("audit-user-events")]
    after = api.truth(**whole_time, **scope)
    paid = taf.receipt(events)
    assert paid.complete
    low, high = paid.period.start, paid.period.end
    came, earlier, later = keys(events), inside(keys(before), low, high), inside(keys(after), low, high)
    assert earlier & later <= came, f"{(earlier & later - came).total()} events are missing"
    assert came <= earlier | later, f"{(came - (earlier | later)).total()} events too many"
    return events, paid, asked


def inside(multiset, low, high):
    return type(multiset)({key: count for key, count in multiset.items() if low <= key[0] < high})
