"""The days that a sync has read: when they are written, when they are recorded, and what is compared."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.coverage import Coverage
from te_audit_frames.storage.day_file import midnight
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.storage.sync_days import SyncDays
from te_audit_frames.storage.sync_plan import DAYS_PER_WRITE
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.table import read_coverage

END = datetime(2026, 4, 20, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = END.date()
YESTERDAY = TODAY - DAY


def batches(*moments, **fields):
    rows = [{"date": moment, "event": "User login.", "aid": "1", "uid": "u", **fields} for moment in moments]
    return pa.Table.from_pylist(rows, ARROW_SCHEMA).to_batches()


def at(day, hour=9):
    return midnight(day) + timedelta(hours=hour)


class Run:
    """The days of one sync into a store."""

    def __init__(self, store, *, end=END):
        self.report = SyncReport("te-audit", "", "")
        self.observer = ScopeObserver(True, Scope(True))
        self.writer = ArchiveWriter(store, alone=True, survey=lambda: ({}, set()))
        self.writer.begin()
        self.days = SyncDays(store, self.writer, self.report, read_coverage(store), self.observer, now=end, end=end)

    def read(self, day, *moments, **fields):
        for batch in batches(*moments, **fields):
            self.observer.add_fetched(batch)
        return self.days.add([(day, batches(*moments, **fields))])

    def finish(self):
        self.days.write()
        self.days.record_all()
        self.writer.finish()
        self.days.report_scope()


@pytest.fixture
def store(tmp_path):
    store = LocalStore(str(tmp_path))
    with store.writing():
        yield store


def test_days_are_held_until_there_are_enough_of_them(store):
    run = Run(store)
    for number in range(DAYS_PER_WRITE - 1):
        assert run.read(TODAY - number * DAY) == 1
    assert (store.names("events"), run.days.read) == ([], {})
    assert repr(run.days) == f"SyncDays(0 days read, {DAYS_PER_WRITE - 1} to be written)"
    run.read(TODAY - 40 * DAY)
    assert len(store.names("events")) == len(run.days.read) == DAYS_PER_WRITE
    assert set(read_coverage(store).records) == set(run.days.read)
    assert run.report.days_added == DAYS_PER_WRITE


def test_no_day_is_recorded_before_those_that_show_the_scope(store):
    run = Run(store)
    run.days.scope_days = {YESTERDAY}
    run.read(TODAY)
    run.days.write()
    assert read_coverage(store) == Coverage()
    run.read(YESTERDAY)
    run.days.write()
    assert set(read_coverage(store).records) == {TODAY, YESTERDAY}


def test_a_day_that_was_not_read_to_its_end_after_all_loses_its_record_and_keeps_its_events(store):
    run = Run(store)
    run.read(TODAY, at(TODAY))
    run.read(YESTERDAY, at(YESTERDAY))
    run.days.forget([YESTERDAY])
    assert set(read_coverage(store).records) == set(run.days.read) == {TODAY}
    assert len(store.names("events")) == 2
    run.days.forget([TODAY])
    assert read_coverage(store).records == {}


def test_late_and_vanished_events_are_counted(store):
    first = Run(store)
    first.read(YESTERDAY, at(YESTERDAY, 8), at(YESTERDAY, 9))
    first.finish()
    second = Run(store, end=END + DAY)
    second.read(YESTERDAY, at(YESTERDAY, 9), at(YESTERDAY, 11), at(YESTERDAY, 12))
    second.finish()
    report = second.report
    assert (report.events_added, report.late_events, report.vanished_events) == (2, 2, 1)
    assert report.latest_late_seconds == (END - at(YESTERDAY, 11)).total_seconds()
    assert (report.fewer_keys, report.fewer[0]["archived"], report.fewer[0]["read"]) == (1, 1, 0)
    assert (report.days_read, report.days_added, report.days_changed) == (1, 0, 1)
    assert report.scope == "all account groups"


def test_events_after_the_end_of_a_sync_are_not_expected_again(store):
    first = Run(store)
    first.read(TODAY, at(TODAY, 8), at(TODAY, 9))
    first.finish()
    earlier = Run(store, end=at(TODAY, 9))
    earlier.read(TODAY, at(TODAY, 8))
    earlier.finish()
    assert (earlier.report.vanished_events, earlier.report.fewer_keys) == (0, 0)


def test_undated_events_are_kept_and_counted_and_give_no_day(store):
    run = Run(store)
    run.days.add_undated([])
    run.days.add_undated(batches(None, None))
    run.finish()
    assert run.report.undated_events == 2
    assert run.report.days_read == 0
    assert len(store.names("events")) == 1
    assert read_coverage(store).records == {}


def test_a_day_that_is_read_twice_keeps_the_record_of_the_sync_before_and_is_counted_once(store):
    first = Run(store)
    first.read(YESTERDAY, at(YESTERDAY, 8), at(YESTERDAY, 9))
    first.finish()
    before = read_coverage(store)
    second = Run(store, end=END + DAY)
    second.read(YESTERDAY, at(YESTERDAY, 8), at(YESTERDAY, 10))  # a first reading, which misses two events
    second.read(TODAY, at(TODAY))
    second.days.write()
    second.days.forget([YESTERDAY, TODAY, TODAY - 9 * DAY])
    assert read_coverage(store) == before
    second.read(YESTERDAY, *(at(YESTERDAY, hour) for hour in (8, 9, 10, 11)))
    second.read(TODAY, at(TODAY))
    second.finish()
    report = second.report
    assert (report.events_added, report.late_events, len(report.new_events)) == (3, 2, 3)
    assert (report.vanished_events, report.fewer_keys) == (0, 0)
    assert (report.days_added, report.days_changed) == (1, 1)


def test_pairs_of_a_day_that_is_read_twice_are_counted_once(store):
    first = Run(store)
    first.read(YESTERDAY, at(YESTERDAY), resources=[{"type": "testName", "name": "shop"}])
    first.finish()
    second = Run(store, end=END + DAY)
    for _ in range(2):
        second.read(YESTERDAY, at(YESTERDAY), resources=[{"type": "testName", "name": "renamed"}])
        second.days.forget([YESTERDAY])
    assert second.report.paired_events == 1
