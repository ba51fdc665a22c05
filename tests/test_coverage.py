"""The records of the days of an archive: how they merge, what they prove, and how they are kept."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.storage.archive_receipt import receipt_of
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading, oldest_kept
from te_audit_frames.storage.scope import Scope

DAY = date(2026, 4, 10)
LOOKBACK = timedelta(hours=72)
ALL = Scope(True, ("1", "2"))


def at(day, hour=0):
    return datetime(2026, 4, day, hour, tzinfo=UTC)


def reading(read_to, fetched_at=None, *, scope=ALL, is_import=False):
    return Reading(read_to, fetched_at or read_to, is_import, scope)


def covering(*readings, events=3):
    return Coverage({DAY: DayRecord(events, tuple(readings))})


GROUPS = st.lists(st.sampled_from("12"), unique=True).map(lambda names: tuple(sorted(names)))
SCOPES = st.builds(Scope, st.booleans(), GROUPS, GROUPS, st.booleans())
INSTANTS = st.integers(0, 120).map(lambda hour: at(9) + timedelta(hours=hour))
READINGS = st.builds(Reading, INSTANTS, INSTANTS, st.booleans(), SCOPES)
RECORDS = st.builds(DayRecord, st.integers(0, 5), st.lists(READINGS, max_size=4).map(tuple)).map(
    lambda record: DayRecord(record.events, ()).merged(record)
)
DAYS = st.integers(0, 3).map(lambda number: DAY + timedelta(days=number))
COVERAGES = st.builds(Coverage, st.dictionaries(DAYS, RECORDS, max_size=3), st.none() | DAYS)


@given(COVERAGES, COVERAGES, COVERAGES)
@settings(max_examples=examples(60), deadline=None)
def test_the_order_of_writers_does_not_matter(a, b, c):
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(a) == a


@given(RECORDS, RECORDS)
@settings(max_examples=examples(60, brief=30), deadline=None)
def test_a_hidden_group_stays_hidden_until_a_reading_sees_it(a, b):
    both = a.merged(b)
    seen = {group for reading in both.readings for group in reading.scope.groups}
    assert a.hidden | b.hidden <= both.hidden | seen


@given(COVERAGES)
@settings(max_examples=examples(60), deadline=None)
def test_a_coverage_comes_back_from_its_file(coverage):
    content = coverage.dump()
    assert Coverage.load(content, file="coverage.json") == coverage
    assert Coverage.load(content, file="coverage.json").dump() == content


def test_without_a_file_nothing_is_known():
    assert Coverage.load(None, file="coverage.json") == Coverage()


@pytest.mark.parametrize("change", [lambda text: text.replace(b'"events":3', b'"events":4'), lambda text: text[:-9]])
def test_a_changed_file_is_refused(change):
    with pytest.raises(taf.DamagedFile, match=r"coverage\.json is damaged.*Restore it from a backup"):
        Coverage.load(change(covering().dump()), file="coverage.json")


@pytest.mark.parametrize(
    ("later", "earlier", "supersedes"),
    [
        (reading(at(12)), reading(at(11)), True),
        (reading(at(11)), reading(at(12)), False),
        (reading(at(12), scope=Scope(True, ("1",))), reading(at(11)), False),
        (reading(at(12), is_import=True), reading(at(11)), False),
        (reading(at(12), scope=Scope(True, ("1", "2"), own_log_only=True)), reading(at(11)), False),
    ],
)
def test_a_reading_supersedes_one_that_adds_nothing(later, earlier, supersedes):
    assert later.supersedes(earlier) is supersedes
    assert len(DayRecord(1, (earlier,)).merged(DayRecord(2, (later,))).readings) == 2 - (
        supersedes or earlier.supersedes(later)
    )


@pytest.mark.parametrize(
    ("readings", "complete"),
    [
        ([], False),
        ([reading(at(11))], True),
        ([reading(at(10, 23))], False),
        ([reading(at(11), datetime(2028, 4, 11, tzinfo=UTC))], False),  # the vendor had forgotten a part of the day
        ([reading(at(11), scope=Scope(True, ("1",), ("2",)))], False),
        ([reading(at(11), scope=Scope(True, ("1",), ("2",))), reading(at(12))], True),
        ([reading(at(11), scope=Scope(True, ("1",), ("2",))), reading(at(12), scope=Scope(True, ("1",)))], False),
        ([reading(at(11), scope=Scope(False, ("1",)))], True),
        ([reading(at(11), scope=Scope(False, ("1",))), reading(at(10, 5))], False),
    ],
)
def test_a_day_is_complete_if_it_was_read_to_its_end_with_the_widest_scope(readings, complete):
    assert covering(*readings).is_complete(DAY) is complete


def test_a_part_of_a_day_can_be_complete():
    coverage = covering(reading(at(10, 12)))
    assert coverage.is_complete(DAY, until=at(10, 12))
    assert not coverage.is_complete(DAY, until=at(10, 13))


def test_a_later_reading_that_knows_nothing_of_a_hidden_group_does_not_make_its_day_complete():
    early = covering(reading(at(11), scope=Scope(True, ("1",), ("2",))))
    assert not early.merged(covering(reading(at(12), scope=Scope(True, ("1",))))).is_complete(DAY)
    assert early.merged(covering(reading(at(12)))).is_complete(DAY)


@pytest.mark.parametrize(
    ("record", "needs"),
    [
        (covering(), True),
        (covering(reading(at(14))), False),
        (covering(reading(at(13, 23))), True),  # the lookback was not over
        (covering(reading(at(14), scope=Scope(True, ("1",)))), True),
        (Coverage(), True),
    ],
)
def test_a_sync_reads_days_that_may_have_new_events(record, needs):
    assert record.needs(DAY, ALL, LOOKBACK) is needs


def test_readings_from_the_future_are_left_out():
    healed = covering(reading(at(20)), reading(at(11))).possible_at(at(15))
    assert healed.records[DAY].readings == (reading(at(11)),)
    assert Coverage({DAY: DayRecord(0, (reading(at(20)),))}).possible_at(at(9)) == Coverage()


def test_a_file_that_is_gone_or_lost_events_does_not_back_its_record():
    coverage = covering(reading(at(11)))
    assert coverage.backed_by({DAY: 3}) == coverage
    assert coverage.backed_by({DAY: 2}).records == {}
    assert coverage.backed_by({}).records == {}
    assert coverage.backed_by({DAY: 9}) == coverage


def test_the_table_has_a_row_for_every_day_and_shows_gaps():
    two = Coverage({DAY: DayRecord(3, (reading(at(14)),)), DAY + timedelta(days=2): DayRecord(1, ())})
    frame = two.to_frame()
    assert frame["day"].dt.day.tolist() == [10, 11, 12]
    assert frame["gap"].tolist() == [False, True, False]
    assert frame["complete"].tolist() == [True, False, False]
    assert frame["sealed"].tolist() == [True, False, False]
    assert frame["events"].isna().tolist() == [False, True, False]
    assert frame["scope"].iloc[0] == "all account groups"
    assert list(Coverage().to_frame().dtypes) == list(frame.dtypes)


class CountingDict(dict):
    """Records that count how often one of them is looked up."""

    looked_up = 0

    def get(self, *args):
        self.looked_up += 1
        return super().get(*args)

    def __getitem__(self, day):
        self.looked_up += 1
        return super().__getitem__(day)


def test_a_day_of_long_ago_does_not_cost_a_look_up_of_every_day_since():
    records = CountingDict({date(1, 1, 5): DayRecord(1, ()), DAY: DayRecord(3, (reading(at(14)),))})
    coverage = Coverage(records)
    frame = coverage.to_frame()
    assert len(frame) == (DAY - date(1, 1, 5)).days + 1
    assert frame.loc[~frame["gap"], "day"].dt.year.tolist() == [1, 2026]
    assert receipt_of(coverage, (None, None), counts={}, events=4).notes == [
        f"not complete: {len(frame) + 3:,} days of the period; see Archive.coverage()"
    ]
    assert records.looked_up <= 20


@given(COVERAGES)
@settings(max_examples=examples(60), deadline=None)
def test_the_table_agrees_with_the_records(coverage):
    frame = coverage.to_frame()
    if not coverage.records:
        assert frame.empty
        return
    days = [day.date() for day in frame["day"]]
    assert days == [coverage.first + timedelta(days=n) for n in range(len(days))]
    assert days[-1] == max(coverage.records)
    for day, row in zip(days, frame.to_dict("records"), strict=True):
        record = coverage.records.get(day)
        assert (row["gap"], row["complete"]) == (record is None, coverage.is_complete(day))
        assert (None if pd.isna(row["events"]) else row["events"]) == (record and record.events)
        latest = record.latest if record else None
        assert pd.isna(row["fetched_at"]) if latest is None else row["fetched_at"] == latest.fetched_at


def test_the_vendor_keeps_two_years_also_from_a_leap_day():
    assert oldest_kept(datetime(2028, 2, 29, 5, tzinfo=UTC)) == datetime(2026, 2, 28, 5, tzinfo=UTC)
    assert oldest_kept(datetime(2026, 4, 10, tzinfo=UTC)) == datetime(2024, 4, 10, tzinfo=UTC)


def test_a_coverage_says_what_it_covers():
    assert repr(covering()) == "Coverage(1 day, 2026-04-10 to 2026-04-10, 3 events)"
    assert repr(Coverage()) == "Coverage(no days)"
