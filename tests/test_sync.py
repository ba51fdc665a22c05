"""One sync: which clock it trusts, and what it keeps of a log whose events are out of order."""

import os
import signal
import subprocess
import sys
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from support.rawserver import RawServer, client_of, page, whole
from support.world import DAY, NOW, ClockAt, World, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.coverage import COVERAGE, Coverage, DayRecord, Reading
from te_audit_frames.storage.day_file import dump, name_of
from te_audit_frames.storage.local_store import LocalStore

HOUR = timedelta(hours=1)
LENGTH = 30  # days of a log that is out of order


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


# ---- clocks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "local"), [(9 * DAY, 0 * DAY), (0 * DAY, 9 * DAY)], ids=["the server's is ahead", "ours is ahead"]
)
def test_a_day_counts_as_read_only_if_it_is_over_by_both_clocks(archive, server, local):
    world = World(*many(15), now=NOW + server)
    world.local = NOW + local
    with pytest.warns(taf.AuditFramesWarning, match=r"clock \(.*\) is ahead of .* by 9 days.*Set the clock"):
        report = world.sync(archive)
    ahead = (server - local).total_seconds()
    assert report.clock_ahead_seconds == pytest.approx(ahead)
    assert "is ahead of" in report.notes[0]
    assert "is ahead of" in report.summary
    coverage = archive.coverage()
    assert coverage["day"].max() == pd.Timestamp(NOW).floor("D")
    assert (coverage["read_to"] < NOW).all()
    assert (coverage["fetched_at"] <= NOW).all()
    assert coverage.loc[coverage["sealed"], "day"].max() == pd.Timestamp("2026-04-16", tz="UTC")
    assert not taf.receipt(archive.load(start="2026-04-20", end="2026-04-25")).complete
    # Once both clocks are right, nothing has been skipped.
    world.events.append(event(NOW + 20 * HOUR))
    world.now = world.local = NOW + 2 * DAY
    assert world.sync(archive, start=None).notes == []
    assert keys(archive.load()) == told(world)


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_a_small_difference_between_the_clocks_causes_no_warning(archive, seconds):
    world = World(*many(3))
    world.local = NOW + timedelta(seconds=seconds)
    report = world.sync(archive)
    assert (report.notes, report.clock_ahead_seconds) == ([], -seconds)
    assert archive.coverage()["fetched_at"].max() == min(NOW, world.local)


def test_with_a_clock_years_behind_no_archive_is_made(archive, tmp_path):
    world = World(*many(3))
    world.local = datetime.fromisoformat("1970-01-01T00:05:00Z")
    with pytest.raises(taf.ArchiveError, match=r"server's clock .* is ahead of this machine's \(1970.* and sync again"):
        world.sync(archive, start=None)
    assert not list((tmp_path / "te-audit").rglob("*.parquet"))


def test_an_archive_with_records_of_future_days_heals(archive, tmp_path):
    """An earlier version left such records after one answer with a clock 20 days ahead."""
    world = World(*many(15))
    world.sync(archive)
    place = LocalStore(str(tmp_path / "te-audit"))
    scope = Coverage.load(place.read(COVERAGE), file=COVERAGE).latest.scope
    wrong = Reading(NOW + 20 * DAY, NOW + 20 * DAY, False, scope)
    days = [NOW.date() + number * DAY for number in range(-5, 20)]
    notes = Coverage.load(place.read(COVERAGE), file=COVERAGE).merged(
        Coverage({day: DayRecord(0, (wrong,)) for day in days})
    )
    with place.writing():
        for day in days[6:]:
            place.update(name_of(day), lambda content: dump(ARROW_SCHEMA.empty_table()))
        place.update(COVERAGE, lambda content: notes.dump())
        (tmp_path / "te-audit/_meta/manifest.json").unlink()
    assert archive.coverage().set_index("day").loc["2026-04-25", "complete"]
    world.now += DAY
    world.events += [event(NOW + 5 * HOUR), event(NOW - 3 * DAY, "late")]
    world.sync(archive, start=None)
    coverage = archive.coverage()
    assert coverage["day"].max() == pd.Timestamp("2026-04-21", tz="UTC")
    assert coverage["fetched_at"].max() == world.now
    assert not coverage.set_index("day").loc["2026-04-21", "complete"]
    world.now += 20 * DAY
    world.events.append(event(NOW + 12 * DAY))
    world.sync(archive, start=None)
    assert keys(archive.load()) == told(world)
    assert archive.coverage().iloc[:-1]["complete"].all()


# ---- disorder ----------------------------------------------------------------------------------------------------


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
from test_sync import LENGTH, Storage, many, shuffled
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
