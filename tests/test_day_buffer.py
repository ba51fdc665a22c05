"""Events by day, until no page can still add to a day."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.periods import Period
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.day_buffer import DayBuffer

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PERIOD = Period(START, START + 3 * DAY + timedelta(hours=5))


def batch(*moments):
    table = pa.Table.from_pylist([{"date": moment, "event": str(n)} for n, moment in enumerate(moments)], ARROW_SCHEMA)
    return table.combine_chunks().to_batches()[0]


def dates(batches):
    return [moment for each in batches for moment in each["date"].to_pylist()]


def test_a_day_is_released_once_nothing_is_missing_of_it():
    buffer = DayBuffer(PERIOD)
    assert buffer.days == [date(2026, 1, day) for day in (1, 2, 3, 4)]
    newest = PERIOD.end - timedelta(hours=1)
    assert buffer.add(batch(newest, START + 2 * DAY)) == set()
    left = [Period(START, START + 2 * DAY + timedelta(hours=1))]
    assert [(day, dates(held)) for day, held in buffer.take_complete(left)] == [(date(2026, 1, 4), [newest])]
    assert buffer.waiting() == buffer.days[:3]
    assert repr(buffer) == "DayBuffer(3 of 4 days waiting)"
    released = [day for day, _ in buffer.take_complete([])]
    assert released == [date(2026, 1, 3), date(2026, 1, 2), date(2026, 1, 1)]
    assert buffer.waiting() == []


def test_a_late_event_is_named_by_its_day_and_dropped():
    buffer = DayBuffer(PERIOD)
    list(buffer.take_complete([Period(START, START + DAY)]))
    assert buffer.add(batch(START, START + DAY)) == {date(2026, 1, 2)}
    assert [dates(held) for _, held in buffer.take_complete([])] == [[START]]


def test_events_without_a_date_are_kept_apart():
    buffer = DayBuffer(PERIOD)
    assert not buffer.has_undated
    buffer.add(batch(None, START, None))
    assert buffer.has_undated
    assert dates(buffer.undated()) == [None, None]
    assert buffer.undated() == []
    assert [dates(held) for _, held in buffer.take_complete([])] == [[], [], [], [START]]


@given(st.lists(st.integers(0, 3 * 86_400 + 5 * 3_600 - 1), max_size=20), st.integers(1, 5))
@settings(max_examples=examples(40), deadline=None)
def test_no_event_is_lost_whatever_the_order(seconds, size):
    buffer = DayBuffer(PERIOD)
    moments = [START + timedelta(seconds=second) for second in seconds]
    for low in range(0, len(moments), size):
        assert buffer.add(batch(*moments[low : low + size])) == set()
    released = {day: dates(held) for day, held in buffer.take_complete([])}
    assert sorted(moment for held in released.values() for moment in held) == sorted(moments)
    assert all(moment.date() == day for day, held in released.items() for moment in held)
