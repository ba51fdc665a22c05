"""The days of a sync as they are read: what is kept of a log whose events are out of order."""

import os
import signal
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from support.rawserver import RawServer, client_of, page, whole
from support.world import DAY, NOW, ClockAt, World, event, keys, many, told

import te_audit_frames as taf

HOUR = DAY / 24
LENGTH = 30  # days of a log that is out of order


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


class Storage(RawServer):
    """Serves events in the order in which they were stored, and undated events in every answer."""

    def __init__(self, events, *, page_size=5, fails_after=None):
        self.events = events
        self._page_size = page_size
        self._fails_after = fails_after
        super().__init__(self._answer)

    def _answer(self, request):
        if self._fails_after is not None and len(self.requests) > self._fails_after:
            return whole({"title": "Down", "status": 503}, 503)
        query = request.query
        if request.path.endswith("/account-groups"):
            return whole({"accountGroups": [{"aid": "1"}]})
        if "window" in query:
            return whole(page(startDate="2026-04-20T09:59:58Z", endDate="2026-04-20T10:00:00Z"))
        low, high, at = query["startDate"], query["endDate"], int(query.get("cursor", 0))
        inside = [one for one in self.events if "date" not in one or low <= one["date"] <= high]
        more = f"/v7/audit-user-events?startDate={low}&endDate={high}&cursor={at + self._page_size}"
        following = more if at + self._page_size < len(inside) else None
        return whole(page(*inside[at : at + self._page_size], following=following, startDate=low, endDate=high))

    def sync(self, archive, *, workers=1, **how):
        client = client_of(self, workers=workers, retries=0, clock=ClockAt(NOW))
        # Without a lookback, which would use up most answers before the server fails.
        return archive.sync(client, **{"start": NOW - LENGTH * DAY, "lookback": "1s", **how})


def newest_first(events):
    return sorted(events, key=lambda one: one.get("date", "9"), reverse=True)


def shuffled(events):
    """Days out of order, as if some rows had been stored late."""
    return sorted(events, key=lambda one: zlib.crc32((one["event"] + one["date"][:10]).encode()) % 7)


def one_late(events):
    """In order, except for one event that was stored two weeks late."""
    events = newest_first(events)
    return [*events[:40], *events[41:150], events[40], *events[150:]]


def undated_first(events):
    return [{"event": "no date", "aid": "1", "uid": "u"}, *newest_first(events)]


def undated_in_between(events):
    events = newest_first(events)
    return [*events[:95], {"event": "no date", "aid": "1", "uid": "u"}, *events[95:]]


@pytest.mark.full
@pytest.mark.few(count=1)
@pytest.mark.parametrize("order", [shuffled, undated_first, undated_in_between])
@pytest.mark.parametrize("workers", [1, 4])
def test_undated_and_unordered_events_are_kept_while_reading_and_a_sync_resumes(archive, order, workers):
    log = order(many(LENGTH))
    with Storage(log) as server:
        server.sync(taf.Archive(f"{archive.location}-whole"), workers=workers)
        needed = len(server.requests)
    # The server fails each time after a part of the requests of a whole sync.
    kept = [0]
    for _ in range(20):
        with Storage(log, fails_after=needed // 3) as server:
            try:
                server.sync(archive, workers=workers, start=NOW - LENGTH * DAY if kept == [0] else None)
                break
            except taf.ServerError:
                kept.append(len(archive.load()))
                assert archive.verify().ok
    assert kept == sorted(set(kept)), "each sync keeps more than the one before"
    assert len(kept) > 1
    events = archive.load()
    assert keys(events.dropna(subset="date")) == told(World(*log))
    assert events["date"].isna().sum() == sum("date" not in one for one in log)
    assert archive.coverage().iloc[:-1]["complete"].all()
    assert archive.verify().ok


@pytest.mark.full
def test_a_day_is_read_again_if_an_event_arrives_after_it_seemed_complete(archive):
    """With one worker. With several, the fetch itself finds such an event."""
    with Storage(one_late(many(LENGTH))) as server:
        server.sync(archive)
    assert keys(archive.load()) == told(World(*many(LENGTH)))
    assert archive.coverage().iloc[:-1]["complete"].all()
    assert archive.verify().ok


@pytest.mark.parametrize("order", [shuffled, undated_first])
def test_a_log_out_of_order_costs_few_more_requests(archive, order):
    log = order(many(LENGTH))
    with Storage(log, page_size=25) as server:
        report = server.sync(archive)
    assert report.events_added == len(log)
    assert report.requests <= 2 * len(log) / 25 + 20


KILLED = """
import sys
sys.path[:0] = {path!r}
from test_sync_reader import LENGTH, Storage, many, shuffled
import te_audit_frames as taf
import os, signal

class Fatal(Storage):
    def _answer(self, request):
        if len(self.requests) == {after}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._answer(request)

with Fatal(shuffled(many(LENGTH)), page_size=4) as server:
    server.sync(taf.Archive({place!r}))
"""


@pytest.mark.full  # it starts Python
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_kill_loses_one_piece_of_a_log_out_of_order(archive):
    program = KILLED.format(path=[str(Path(__file__).parent)], place=archive.location, after=40)
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(archive.load()) > 40
    assert archive.verify().ok
    with Storage(shuffled(many(LENGTH))) as server:
        server.sync(archive, start=None)
    assert keys(archive.load().dropna(subset="date")) == told(World(*many(LENGTH)))


@pytest.mark.parametrize("order", [newest_first, shuffled])
def test_a_late_event_is_counted_and_reported_whatever_the_order_of_the_log(archive, order):
    log = many(6)
    late = event(NOW - 30 * HOUR, "late")
    with Storage(order(log)) as server:
        server.sync(archive, start=NOW - 6 * DAY)
    with Storage(order([*log, late])) as server:
        report = server.sync(archive, lookback="72h", start=None)
    assert list(report.new_events["event"]) == ["late"]
    assert (report.events_added, report.late_events, report.vanished_events) == (1, 1, 0)
    assert report.latest_late_seconds == 30 * 3600
