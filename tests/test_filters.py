"""Which columns and which period a reader wants."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.filters import check_columns, within

MOMENTS = st.integers(0, 6).map(lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second))


def test_columns_are_all_one_or_some_in_their_order():
    assert check_columns(None) == COLUMNS
    assert check_columns("event") == ("event",)
    assert check_columns(["event", "date"]) == ("event", "date")
    assert check_columns([]) == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["price"], "columns: 'price' is not a column of events; the columns are date, aid"),
        (["aid", "aid"], "columns: 'aid' is given twice"),
    ],
)
def test_wrong_columns_are_named(columns, message):
    with pytest.raises(taf.InvalidArgument, match=message):
        check_columns(columns)


@given(st.lists(st.none() | MOMENTS, max_size=8), st.none() | MOMENTS, st.none() | MOMENTS)
@settings(max_examples=examples(50), deadline=None)
def test_the_start_belongs_to_a_period_and_the_end_does_not(dates, start, end):
    rows = pa.Table.from_pylist([{"date": moment} for moment in dates], ARROW_SCHEMA)
    expected = [
        moment is not None and (start is None or start <= moment) and (end is None or moment < end) for moment in dates
    ]
    assert [bool(value) for value in within(rows, (start, end)).to_pylist()] == expected
