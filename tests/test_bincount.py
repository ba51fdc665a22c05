"""Groups in memory: the same as plain Python makes, for any integers and nulls."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.analysis import bincount
from te_audit_frames.analysis.bincount import Groups

START = datetime(1969, 12, 31, 23, 59, tzinfo=UTC)
FLAG = st.none() | st.booleans()
DATE = st.none() | st.integers(0, 200).map(lambda second: START + timedelta(seconds=second, microseconds=5))
NUMBER = st.none() | st.integers(-3, 3) | st.sampled_from([-(2**40), 2**40])
NAME = st.none() | st.sampled_from(["Ada", "ada", "Ben", ""])
ROWS = st.lists(st.tuples(NUMBER, FLAG, DATE, NAME), max_size=30)
TYPES = {"a": pa.int64(), "b": pa.bool_(), "date": pa.timestamp("us", "UTC"), "name": pa.large_string()}

Rows = Sequence[tuple[Any, ...]]


def table(rows: Rows) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [[]] * len(TYPES)
    return pa.table({name: pa.array(list(values), TYPES[name]) for name, values in zip(TYPES, columns, strict=True)})


def plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def keys(groups: Groups, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(map(plain, row)) for row in groups.keys[list(names)].astype(object).itertuples(index=False)]


@given(rows=ROWS)
def test_each_group_has_its_events_and_its_first_and_last_date(rows: Rows) -> None:
    groups = Groups.of(table(rows), ["a", "b"])

    dates = defaultdict(list)
    for a, b, date, _ in rows:
        dates[a, b] += [date] if date else []
    found = keys(groups, "a", "b")
    assert dict(zip(found, groups.events, strict=True)) == Counter((a, b) for a, b, *_ in rows)
    assert [found[number] for number in groups.of_rows] == [(a, b) for a, b, *_ in rows]
    ends = groups.find_ends()
    for key, first, last in zip(found, ends["first"], ends["last"], strict=True):
        assert plain(first) == min(dates[key], default=None)
        assert plain(last) == max(dates[key], default=None)
    assert set(ends.dtypes.astype(str)) == {"datetime64[us, UTC]"}


@given(rows=ROWS.map(lambda rows: [row for row in rows if row[2]]), step=st.sampled_from([1, 7, 3600]))
def test_steps_are_numbered_from_1970_also_before_it(rows: Rows, step: int) -> None:
    groups = Groups.of(table(rows), ["b"], step=step)

    expected = Counter((int(date.timestamp() // step), b) for _, b, date, _ in rows)
    assert dict(zip(keys(groups, "step", "b"), groups.events, strict=True)) == expected


@pytest.mark.parametrize("most", [0, 2**20])
@given(rows=ROWS, others=st.sampled_from([["a"], ["a", "b"]]))
def test_distinct_values_are_counted_without_null_in_a_bitmap_and_in_order(
    most: int, rows: Rows, others: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bincount, "_FEW_PLACES", most)  # with 0, places without a row are left out too
        groups = Groups.of(table(rows), ["b"])
        counts = groups.count_distinct(others)
        forced = groups._count_in_order(
            bincount.Places.of([bincount.Digit.of(groups.rows[name]) for name in others], len(rows)), "uint64"
        )

    values = defaultdict(set)
    for a, b, *_ in rows:
        value = (a,) if others == ["a"] else (a, b)
        values[b] |= set() if all(part is None for part in value) else {value}
    expected = {(b,): len(found) for b, found in values.items()}
    assert dict(zip(keys(groups, "b"), counts, strict=True)) == expected
    assert forced.tolist() == counts.tolist()


@given(rows=ROWS)
def test_the_latest_text_is_the_greatest_of_those_with_the_latest_date(rows: Rows) -> None:
    groups = Groups.of(table(rows), ["b"])

    texts = defaultdict(list)
    for _, b, date, name in rows:
        texts[b] += [] if name is None else [(date or datetime(1, 1, 1, tzinfo=UTC), name)]
    expected = [max(texts[b])[1] if texts[b] else None for (b,) in keys(groups, "b")]
    assert [plain(text) for text in groups.find_latest("name")] == expected


def test_columns_of_many_values_together_do_not_overflow() -> None:
    spread = [number * 10**12 for number in range(-3_000, 3_000)]
    rows = pa.table({name: pa.array(np.roll(spread, shift)) for shift, name in enumerate("abcdefgh")})
    groups = Groups.of(rows, rows.column_names)

    assert groups.events.tolist() == [1] * len(spread)
    assert set(groups.keys.itertuples(index=False, name=None)) == set(zip(*rows.to_pydict().values(), strict=True))
    assert groups.count_distinct(["a", "b"]).tolist() == [1] * len(spread)
