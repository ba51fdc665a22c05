"""A server that pages through a list of events, and what tests of fetches share about it."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pandas as pd

import te_audit_frames as taf
from support.rawserver import RawServer, page, whole

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def frame_of(events):
    """The audit frame of raw events, built without a fetch."""
    return taf.read_pages([json.dumps({"auditEvents": events}).encode()])


class Log(RawServer):
    """A server that pages through `events` as they stand, and can ignore what it is asked for."""

    def __init__(self, events, *, size=3, ignores_dates=False, **envelope):
        self.events, self.size, self.ignores_dates, self.envelope = events, size, ignores_dates, envelope
        super().__init__(self.answer)

    STAMP = format_datetime(NOW, usegmt=True)

    def answer(self, request):
        query = request.query
        found = [event for event in self.events if self.ignores_dates or self.is_asked_for(event, query)]
        offset = int(query.get("cursor", "0").rpartition("-")[2])
        following = None
        if offset + self.size < len(found):
            dates = "&".join(f"{name}={query[name]}" for name in ("startDate", "endDate", "window") if name in query)
            following = f"?{dates}&cursor={query.get('startDate', '')}-{offset + self.size}"
        return whole(page(*found[offset : offset + self.size], following=following, **self.envelope), Date=self.STAMP)

    @staticmethod
    def is_asked_for(event, query):
        date = event.get("date")
        return date is None or query.get("startDate", "") <= date <= query.get("endDate", "9")


MINUTE = {"start": NOW - 60 * SECOND, "end": NOW, "all_account_groups": False}


def second(number, **more):
    return {"date": iso(NOW - (60 - number) * SECOND), "uid": str(number), **more}


def within_minute(events):
    return frame_of([event for event in events if event.get("date") is None or event["date"] < iso(NOW)])


def assert_no_thread_stays():
    until = time.monotonic() + 3
    while busy := [thread for thread in threading.enumerate() if thread.name.startswith("te-audit-frames")]:
        assert time.monotonic() < until, busy
        time.sleep(0.02)


def same(frame, expected):
    pd.testing.assert_frame_equal(frame, expected)
