"""Whole epoch seconds: from dates, moments and periods, and back."""

from datetime import timedelta

import pyarrow as pa
import pytest

from te_audit_frames.client.epoch import UNDATED, epoch_second, instant, join_ranges, second_range, seconds_of
from te_audit_frames.periods import EPOCH, Period
from te_audit_frames.schema import ARROW_SCHEMA


def test_ranges_that_touch_become_one():
    assert join_ranges([(8, 9), (5, 7), (1, 3), (3, 4), (5, 6)]) == [(1, 4), (5, 7), (8, 9)]


@pytest.mark.parametrize(
    ("microseconds", "second"), [(0, 0), (999_999, 0), (1_000_000, 1), (-1, -1), (-1_000_000, -1), (None, UNDATED)]
)
def test_a_date_is_in_the_second_that_it_falls_in_before_1970_too(microseconds, second):
    dates = pa.array([microseconds], pa.int64()).cast(ARROW_SCHEMA.field("date").type)
    batch = pa.RecordBatch.from_arrays([dates], names=["date"])
    assert seconds_of(batch).tolist() == [second]
    if microseconds is not None:
        assert epoch_second(EPOCH + timedelta(microseconds=microseconds)) == second
        assert instant(second) <= EPOCH + timedelta(microseconds=microseconds) < instant(second + 1)


def test_a_period_touches_the_seconds_of_both_its_ends():
    half = timedelta(milliseconds=500)
    assert second_range(Period(instant(10), instant(12))) == (10, 12)
    assert second_range(Period(instant(10) + half, instant(12) + half)) == (10, 13)
