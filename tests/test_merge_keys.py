"""Columns as integer keys: equal where values are equal."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import rows, table

from te_audit_frames.merge_keys import KeyColumns, join_keys, match_keys
from te_audit_frames.schema import ARROW_SCHEMA

SMALL = st.lists(st.integers(0, 3), max_size=12).map(lambda numbers: np.array(numbers, dtype=np.int64))
HUGE = st.integers(-(2**61), 2**61)


@given(rows(), st.sampled_from(["aid", "event", "uid", "user", "ip_address"]))
@settings(max_examples=examples(50), deadline=None)
def test_equal_values_have_equal_numbers_and_null_is_zero(drawn, name):
    numbers = KeyColumns(table(drawn))[name].tolist()
    pairs = set(zip((row[name] for row in drawn), numbers, strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({number for _, number in pairs})
    assert all((value is None) == (number == 0) for value, number in pairs)


def test_null_and_empty_resources_are_the_same():
    events = [{"resources": None}, {"resources": []}, {"resources": [{"type": "t", "name": "n"}]}]
    assert KeyColumns(pa.Table.from_pylist(events, ARROW_SCHEMA))["resources"].tolist() == [0, 0, 1]


def test_an_id_and_a_name_of_the_same_text_are_different():
    events = [{"user": "7"}, {"uid": "7", "user": "x"}, {"uid": "7", "user": "y"}, {}]
    person = KeyColumns(pa.Table.from_pylist(events, ARROW_SCHEMA)).person.tolist()
    assert person[0] != person[1] == person[2]
    assert person[3] == 0


def test_seconds_are_rounded_down_also_before_1970_and_undated_rows_are_equal():
    moments = [datetime(1969, 12, 31, 23, 59, 59, 900_000, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), None, None]
    second = KeyColumns(pa.Table.from_pylist([{"date": moment} for moment in moments], ARROW_SCHEMA)).second.tolist()
    assert second[:2] == [-1, 0]
    assert second[2] == second[3] < -(2**60)


def test_taken_rows_keep_their_numbers():
    columns = KeyColumns(pa.Table.from_pylist([{"user": name} for name in "abca"], ARROW_SCHEMA))
    assert columns.take(np.array([3, 1]))["user"].tolist() == columns["user"][[3, 1]].tolist()
    assert repr(columns) == "KeyColumns(rows=4)"


@given(st.lists(st.tuples(HUGE, HUGE, st.integers(0, 3)), min_size=1, max_size=10))
@settings(max_examples=examples(60), deadline=None)
def test_joined_keys_are_equal_if_all_columns_are(drawn):
    columns = [np.array(column, dtype=np.int64) for column in zip(*drawn, strict=True)]
    joined = join_keys(columns).tolist()
    pairs = set(zip(drawn, joined, strict=True))
    assert len(pairs) == len(set(drawn)) == len(set(joined))
    assert sorted(set(joined)) == list(range(len(set(joined))))


@given(SMALL, SMALL)
@settings(max_examples=examples(60), deadline=None)
def test_matches_are_one_to_one_of_equal_keys_and_as_many_as_possible(left, right):
    on_left, on_right = match_keys(left, right)
    assert left[on_left].tolist() == right[on_right].tolist()
    assert len(set(on_left.tolist())) == len(on_left) == len(set(on_right.tolist()))
    common = sum(min((left == key).sum(), (right == key).sum()) for key in range(4))
    assert len(on_left) == common
