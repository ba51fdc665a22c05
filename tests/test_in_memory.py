"""Reading from memory: what a check asks for, no more, and the same from pandas and from Arrow."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import START, drawn_rows, event, frame, table

import te_audit_frames as taf
from te_audit_frames.checks.in_memory import NO_PAIRS, NO_TEXTS, Plan, read_column, read_memory
from te_audit_frames.checks.selection import select
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_events


def is_deleted_test(action: str, name: str, outcome: str) -> bool:
    return (action, name) == ("delete", "test")


def plan(*columns: str, **stated) -> Plan:
    keep = stated.get("keep")
    default = {"present": frozenset(COLUMNS), "people": False, "keep": None, "with_object": True, "vocabulary": None}
    tables = load_vocabulary() if keep else None
    return Plan(["date", *columns], **default | {"tables": tables, "bounds": (None, None)} | stated)


def test_resources_that_are_none_are_refused():
    events = frame(event(0, "x")).assign(resources=pd.Series([{"a": 1}], dtype="object"))
    with pytest.raises(taf.NotAnAuditFrame, match="'resources' cannot be read"):
        select(events, ["resources"])


@given(drawn_rows(), st.sampled_from([None, is_deleted_test]), st.booleans())
def test_pandas_and_arrow_give_the_same_part(drawn, keep, bounded):
    bounds = (START + timedelta(minutes=10), START + timedelta(minutes=50)) if bounded else (None, None)
    asked = plan("event", "uid", "user", "ip_address", people=True, keep=keep, bounds=bounds)
    one, other = (read_memory(events, asked) for events in (to_events(table(drawn)), table(drawn)))
    assert one.rows.equals(other.rows)
    assert one.rows.schema.types == [ARROW_SCHEMA.field(name).type for name in asked.reading()]
    assert (one.events, one.undated, one.first, one.last) == (other.events, other.undated, other.first, other.last)
    pd.testing.assert_frame_equal(one.texts, other.texts)
    pd.testing.assert_frame_equal(one.pairs, other.pairs)
    dates = [row["date"] for row in drawn]
    inside = [date for date in dates if date and (not bounded or bounds[0] <= date < bounds[1])]
    assert (one.events, one.undated) == (len(inside), dates.count(None))
    assert (one.first, one.last) == (min(inside, default=None), max(inside, default=None))


def test_bounds_are_half_open_to_the_microsecond():
    step = timedelta(microseconds=1)
    events = frame(*(event(0, "x", str(n), date=START + n * step) for n in range(4)))
    part = read_memory(events, plan("uid", bounds=(START + step, START + 3 * step)))
    assert part.rows["uid"].to_pylist() == ["1", "2"]


def test_what_nobody_asks_for_is_empty_but_typed():
    part = read_memory(frame(event(0, "x")), plan("event"))
    assert part.texts is NO_TEXTS
    assert part.pairs is NO_PAIRS
    asked = read_memory(frame(event(0, "x")), plan("event", keep=is_deleted_test, people=True))
    assert asked.texts.dtypes.equals(NO_TEXTS.dtypes)
    assert asked.pairs.dtypes.equals(NO_PAIRS.dtypes)


def test_pairs_have_their_newest_date_and_an_absent_column_is_null():
    events = frame(event(0, "x"), event(5, "x"), event(3, "x", None, user="Ada"), event(9, "x", date=None))
    pairs = read_memory(events, plan(people=True)).pairs
    found = pairs.astype("object").where(pairs.notna(), None)
    assert found.values.tolist() == [
        ["7", "Ada", 2, START + timedelta(minutes=5)],
        [None, "Ada", 1, START + timedelta(minutes=3)],
    ]
    without = read_memory(events.drop(columns="uid"), plan(people=True, present=frozenset(COLUMNS) - {"uid"})).pairs
    assert without[["user", "events"]].values.tolist() == [["Ada", 3]]
    assert without["uid"].isna().all()


def test_only_texts_of_the_period_are_classified_each_once():
    asked = []

    def keep(action: str, name: str, outcome: str) -> bool:
        asked.append(action)
        return action == "delete"

    events = frame(*[event(n, "Test deleted.") for n in range(5)], event(90, "User login."), event(91, None, date=None))
    part = read_memory(events, plan("event", keep=keep, bounds=(None, START + timedelta(minutes=60))))
    assert asked == ["delete"]
    assert (part.rows.num_rows, part.texts.values.tolist()) == (5, [["Test deleted.", 5]])


@pytest.mark.parametrize(
    ("text", "with_object", "may_be_kept"),
    [
        ("Test deleted.", True, True),
        ("Report deleted.", True, False),
        ("Deleted", True, True),  # the resource may be a test
        ("Deleted", False, False),
        ("Flux capacitor", True, False),
        (None, True, False),
    ],
)
def test_a_text_may_be_kept_if_a_resource_could_make_it_so(text, with_object, may_be_kept):
    asked = plan("event", keep=is_deleted_test, with_object=with_object)
    assert asked.may_keep(text) is may_be_kept


def test_a_resource_decides_nothing_if_nobody_knows_what_was_done():
    asked = plan("event", keep=lambda action, name, outcome: name == "test")
    assert asked.may_keep("Deleted")
    assert not asked.may_keep("Flux capacitor")


@pytest.mark.parametrize(
    ("stated", "read"),
    [
        ({}, ["date", "event"]),
        ({"keep": is_deleted_test}, ["date", "event", "resources"]),
        ({"keep": is_deleted_test, "with_object": False}, ["date", "event"]),
        ({"keep": is_deleted_test, "present": frozenset({"date", "event"})}, ["date", "event"]),
        ({"present": frozenset({"date"})}, ["date"]),
    ],
)
def test_resources_are_read_only_if_they_may_decide(stated, read):
    assert plan("event", **stated).reading() == read


def test_columns_that_are_not_there_are_absent_in_their_order():
    assert plan("user", "uid", "event", present=frozenset({"date", "event"})).absent == ("user", "uid")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["7", None]),
        pd.Series(["7", None], dtype="category"),
        pd.Series(["7", None], dtype="object"),
        pd.Series([7, None], dtype="Int64"),
        pa.chunked_array([["7"], [None]], pa.string()),
        pa.chunked_array([["7", None]]).dictionary_encode(),
    ],
    ids=["str", "category", "object", "Int64", "chunks", "dictionary"],
)
def test_a_column_of_text_is_read_as_text(values):
    found = read_column(values, "uid")
    assert (found.type, found.to_pylist()) == (pa.large_string(), ["7", None])


RESOURCES = [[{"type": "testName", "name": None}], [], None]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(RESOURCES, dtype="object"),
        frame(*(event(0, "x", resources=some) for some in RESOURCES))["resources"],
        pa.chunked_array([RESOURCES[:1], RESOURCES[1:]], pa.list_(pa.struct([("type", "string"), ("name", "string")]))),
    ],
    ids=["objects", "arrow", "chunks"],
)
def test_resources_of_any_kind_are_read_as_those_of_events(values):
    found = read_column(values, "resources")
    assert (found.type, found.to_pylist()) == (ARROW_SCHEMA.field("resources").type, RESOURCES)
