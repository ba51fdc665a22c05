"""The merge of two readings: what counts as the same event, what is added, and that their order does not matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.merge import count_fewer, merge
from te_audit_frames.schema import ARROW_SCHEMA, in_order

Row = dict[str, Any]

START = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = {"u": "Ada", "v": "Bob", "w": "Ada"}  # two people with the same name
BASE = {
    "date": START,
    "aid": "1",
    "account_group_name": "Shops",
    "event": "Test deleted.",
    "uid": "u",
    "user": "Ada",
    "ip_address": "10.0.0.1",
    "resources": [{"type": "testName", "name": "shop"}],
}


def reading(*rows: Row) -> pa.Table:
    return in_order(pa.Table.from_pylist(list(rows), ARROW_SCHEMA).to_batches())


def row(**fields: Any) -> Row:
    return BASE | fields


def resource(name: str | None) -> list[Row]:
    return [{"type": "testName", "name": name}]


@pytest.mark.parametrize(
    "fields",
    [
        {"resources": resource("renamed")},
        {"resources": None},
        {"resources": []},
        {"ip_address": None},
        {"uid": None},
        {"user": None},
        {"uid": None, "user": None},
        {"aid": None},
        {"account_group_name": None},
        {"aid": None, "account_group_name": None},
        {"user": "Renamed", "account_group_name": "Renamed"},
        {"ip_address": None, "uid": None, "resources": resource("renamed")},
        {"date": START + timedelta(milliseconds=300)},
    ],
    ids=str,
)
def test_an_event_that_changed_between_two_readings_is_kept_once(fields: Row) -> None:
    for before, after in ((row(**fields), row()), (row(), row(**fields))):
        merged = merge(reading(before), reading(after))
        assert (merged.rows.num_rows, merged.added.num_rows, merged.vanished.num_rows) == (1, 0, 0)
        (kept,) = merged.rows.to_pylist()
        # A value is never lost, and a null value is filled in.
        assert all(kept[name] for name in BASE)
        assert all(kept[name] == before[name] for name in BASE if before[name])


@pytest.mark.parametrize(
    "fields",
    [
        {"date": START + timedelta(seconds=1)},
        {"date": None},
        {"event": "Test created."},
        {"event": None},
        {"aid": "2"},
        {"aid": None, "account_group_name": "Lab"},
        {"uid": "v"},
        {"uid": None, "user": "Bob"},
    ],
    ids=str,
)
def test_events_of_different_classes_are_two(fields: Row) -> None:
    merged = merge(reading(row()), reading(row(**fields)))
    assert (merged.rows.num_rows, merged.added.num_rows, merged.vanished.num_rows, merged.paired) == (2, 1, 1, 0)


def test_equal_events_and_two_tests_deleted_in_one_second_stay_two() -> None:
    for other in (row(), row(resources=resource("other"))):
        both = reading(row(), other)
        assert merge(both, both).rows.equals(both)
        assert merge(reading(row()), both).rows.equals(both)
        assert merge(both, reading(other)).rows.equals(both)
        assert merge(both, reading(row(resources=resource("renamed")), other)).rows.equals(both)


def test_of_a_surplus_the_row_that_resembles_none_is_added() -> None:
    before = reading(row(uid=None, resources=resource("b")), row(uid=None, resources=resource("a")))
    after = reading(*(row(resources=resource(name)) for name in "cab"))
    merged = merge(before, after)
    assert (merged.paired, merged.filled) == (2, 2)
    assert merged.added.to_pylist() == [row(resources=resource("c"), extra=None)]
    assert merged.rows.equals(after)


def test_the_known_limit_two_of_three_are_kept() -> None:
    a, b, c = (row(resources=resource(name)) for name in "abc")
    assert merge(reading(a, b), reading(b, c)).rows.equals(reading(a, b))


def test_the_known_limit_the_grouping_matters_if_a_person_has_two_names() -> None:
    a, b = reading(*[row(user="Bob")] * 2), reading(*[row(uid=None)] * 2)
    c = reading(row())
    assert merge(merge(a, b).rows, c).rows.num_rows == 4
    assert merge(a, merge(b, c).rows).rows.num_rows == 3


def test_rows_that_the_reading_could_not_see_pair_with_equal_rows_only() -> None:
    hidden = reading(row(uid=None, user=None))
    assert merge(hidden, reading(row())).rows.num_rows == 1
    assert merge(hidden, reading(row()), visible=pa.array([False])).rows.num_rows == 2
    assert merge(hidden, reading(row()), visible=pa.array([None], pa.bool_())).rows.num_rows == 1
    twice = reading(row(uid=None, user=None), row(uid=None, user=None, ip_address=None))
    assert merge(twice, hidden, visible=pa.array([False, False])).rows.num_rows == 2


def test_an_unknown_person_gives_way_where_two_known_ones_need_it() -> None:
    """Otherwise, the count would depend on which of three readings are merged first."""
    a, b = reading(row(), row(uid=None, user=None)), reading(row(uid="v", user="Bob"), row(uid=None, user=None))
    c = reading(row(), row(uid="v", user="Bob"))
    assert merge(merge(a, b).rows, c).rows.num_rows == merge(a, merge(b, c).rows).rows.num_rows == 2


def test_what_a_reading_has_fewer_of_is_counted_by_class() -> None:
    archived = reading(row(), row(), row(resources=resource("x")), row(uid="v"), row(uid="w"))
    found = merge(archived, reading(row(), row(uid="v")))
    fewer = {one["uid"]: (one["archived"], one["read"]) for one in count_fewer(archived, found.vanished).to_pylist()}
    assert fewer == {"u": (3, 1), "w": (1, 0)}
    assert count_fewer(archived, found.vanished.slice(0, 0)).num_rows == 0


# ---- the algebra -------------------------------------------------------------------------------------------------

person = st.sampled_from([*PEOPLE.items(), *((None, name) for name in PEOPLE.values()), (None, None), (None, "Eve")])


@st.composite
def readings(draw: st.DrawFn) -> pa.Table:
    """Rows of few classes, some with null fields, and some with changed names."""
    found = []
    for _ in range(draw(st.integers(0, 7))):
        uid, user = draw(person)
        found.append(
            {
                "date": START + timedelta(seconds=draw(st.integers(0, 1))),
                "aid": draw(st.sampled_from("112")),
                "account_group_name": draw(st.sampled_from(["Shops", "Renamed", None])),
                "event": draw(st.sampled_from(["a", "a", "b"])),
                "uid": uid,
                "user": user,
                "ip_address": draw(st.sampled_from([None, "10.0.0.1", "10.0.0.2"])),
                "resources": draw(st.sampled_from([None, [], resource("x"), resource("y"), resource(None)])),
            }
        )
    return reading(*found)


Totals = dict[tuple[Any, ...], Counter[tuple[str | None, str | None]]]


def totals(*tables: pa.Table) -> Counter[tuple[Any, ...]]:
    """Count the events of several readings. A second implementation, from the leaves of the tree to its root."""
    several: list[Totals] = []
    for table in tables:
        counts: Totals = defaultdict(Counter)
        for one in table.to_pylist():
            counts[one["date"], one["event"], one["aid"]][one["uid"], one["user"]] += 1
        several.append(counts)
    together: Counter[tuple[Any, ...]] = Counter()
    for moment in {moment for counts in several for moment in counts}:
        here = [counts[moment] for counts in several]
        all_named = 0
        for name in {*PEOPLE.values(), "Eve"}:
            ids = sum(max(each[uid, name] for each in here) for uid in PEOPLE)
            named = max(sum(count for (_, user), count in each.items() if user == name) for each in here)
            together[*moment, name] = max(ids, named)
            all_named += together[*moment, name]
            for uid in PEOPLE:
                together[*moment, name, uid] = max(each[uid, name] for each in here)
        together[moment] = max(all_named, *(each.total() for each in here))
    return together


@pytest.mark.full
@settings(max_examples=examples(100), deadline=None)
@given(readings(), readings(), readings())
def test_totals_do_not_depend_on_the_order_of_readings_or_on_repetition(a: pa.Table, b: pa.Table, c: pa.Table) -> None:
    both = merge(a, b)
    assert totals(both.rows) == totals(a, b)
    assert totals(merge(b, a).rows) == totals(a, b)
    assert totals(merge(both.rows, c).rows) == totals(merge(a, merge(b, c).rows).rows) == totals(a, b, c)
    assert both.rows.num_rows == a.num_rows + both.added.num_rows
    assert both.vanished.num_rows + b.num_rows - both.added.num_rows == a.num_rows
    for again in (merge(both.rows, both.rows), merge(both.rows, a), merge(both.rows, b)):
        assert again.added.num_rows == 0
    assert merge(both.rows, both.rows).rows.equals(both.rows)


@settings(max_examples=examples(50), deadline=None)
@given(readings())
def test_no_event_is_lost_and_two_equal_readings_are_one(a: pa.Table) -> None:
    merged = merge(a, a)
    assert merged.rows.equals(a)
    assert (merged.added.num_rows, merged.vanished.num_rows, merged.paired, merged.filled) == (0, 0, 0, 0)
    shuffled = a.take(pa.array(list(range(a.num_rows))[::-1], pa.int64()))
    assert totals(merge(a, shuffled).rows) == totals(a)


ROWS = st.fixed_dictionaries(
    {
        "date": st.sampled_from([None, START]),
        "event": st.sampled_from([None, "a"]),
        **{name: st.sampled_from([None, "1", "2"]) for name in ("aid", "account_group_name", "uid", "user")},
        "ip_address": st.sampled_from([None, "10.0.0.1"]),
        "resources": st.sampled_from([None, resource("x")]),
    }
)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(ROWS, max_size=6), st.lists(ROWS, max_size=6))
def test_each_reading_fits_into_the_merge_whatever_is_null(left: list[Row], right: list[Row]) -> None:
    a, b = reading(*left), reading(*right)
    both = merge(a, b)
    assert max(a.num_rows, b.num_rows) <= both.rows.num_rows <= a.num_rows + b.num_rows
    assert both.rows.num_rows == a.num_rows + both.added.num_rows
    # A row may gain values. It never loses or changes one.
    kept = [{name: one[name] for name in BASE} for one in both.rows.to_pylist()]
    for mine in a.to_pylist():
        fits = [
            one
            for one in kept
            if all(value is None or one[name] == value for name, value in mine.items() if name in BASE)
        ]
        assert fits
    assert merge(both.rows, a).added.num_rows == 0
    assert merge(both.rows, b).added.num_rows == 0
    assert merge(b, a).rows.num_rows == both.rows.num_rows
    assert merge(both.rows, both.rows).rows.num_rows == both.rows.num_rows
