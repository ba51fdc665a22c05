"""Counting by place: the same groups as plain Python counts, for any integers and nulls."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.analysis import bincount

START = datetime(1969, 12, 31, 23, 59, tzinfo=UTC)
FLAG = st.none() | st.booleans()
DATE = st.none() | st.integers(0, 200).map(lambda second: START + timedelta(seconds=second, microseconds=5))
ROWS = st.lists(st.tuples(st.none() | st.integers(-3, 3), FLAG, DATE), max_size=30)


def table(rows):
    columns = list(zip(*rows, strict=True)) or [[], [], []]
    types = (pa.int64(), pa.bool_(), pa.timestamp("us", "UTC"))
    return pa.table(
        {
            name: pa.chunked_array([pa.array(list(values), kind)])
            for name, values, kind in zip(("a", "b", "date"), columns, types, strict=True)
        }
    )


def none(value):
    return None if pd.isna(value) else value


def keys(groups, *names):
    return [tuple(none(value) for value in row) for row in groups[list(names)].astype(object).itertuples(index=False)]


@given(rows=ROWS.filter(bool))
def test_it_counts_each_group_and_finds_its_first_and_last_date(rows):
    groups = bincount.count(table(rows), ["a", "b"])

    dates = defaultdict(list)
    for a, b, date in rows:
        dates[a, b] += [date] if date else []
    assert dict(zip(keys(groups, "a", "b"), groups["events"], strict=True)) == Counter((a, b) for a, b, _ in rows)
    for key, first, last in zip(keys(groups, "a", "b"), groups["first"], groups["last"], strict=True):
        assert none(first) == min(dates[key], default=None)
        assert none(last) == max(dates[key], default=None)
    assert str(groups["first"].dtype) == str(groups["last"].dtype) == "datetime64[us, UTC]"


@given(rows=ROWS.map(lambda rows: [row for row in rows if row[2]]).filter(bool), step=st.sampled_from([1, 7, 3600]))
def test_steps_are_numbered_from_1970_also_before_it(rows, step):
    groups = bincount.count(table(rows), ["b"], step=step)

    expected = Counter((int(date.timestamp() // step), b) for _, b, date in rows)
    assert dict(zip(keys(groups, "step", "b"), groups["events"], strict=True)) == expected


@given(rows=st.lists(st.tuples(st.none() | st.integers(0, 5), FLAG, DATE), min_size=1, max_size=30))
def test_distinct_values_are_counted_without_null(rows):
    groups = bincount.count_distinct(table(rows), ["b"], ["a"])

    values = defaultdict(set)
    for a, b, _ in rows:
        values[b] |= set() if a is None else {a}
    assert dict(zip(keys(groups, "b"), groups["distinct"], strict=True)) == {
        (b,): len(found) for b, found in values.items()
    }


def test_too_many_places_are_not_counted():
    events = table([(0, True, START), (2**40, False, START)])

    assert bincount.count(events, ["a"]) is None
    assert bincount.count_distinct(events, ["b"], ["a"]) is None
    assert len(bincount.count(events, ["b"])) == 2
