"""The selection of an explorer: as a filter, as SQL and as a line of code."""

import ast
import re
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.explorers import EVENTS, START, choose, explorers, run
from support.hostile_text import PAYLOADS

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.report.explorer_selection import (
    NOTHING,
    Selection,
    Values,
    find_conversions,
    merge_values,
    quote,
)
from te_audit_frames.schema import to_arrow

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")


def test_the_code_is_what_a_person_would_write():
    explorer, _ = explorers()
    first = START.isoformat()
    choose(explorer, time=[first, first], event_type=[["User login."]], person=[["7"], ["(none)"]])
    assert re.sub("explorer [0-9a-f]{8}", "explorer 00000000", explorer.code) == (
        'taf.between(taf.where(events, events["event"].isin(["User login."]) & '
        '((events["user"].isin(["7"]) | events["user"].isna()) & events["uid"].isna()), label="explorer 00000000"), '
        'start="2026-03-27T00:00:00Z", end="2026-03-27T00:00:01Z")'
    )
    choose(explorer, week=[[7.6, 17.4], [0, 5]])
    hour = 'events["date"].dt.tz_convert("Europe/Berlin").dt'
    assert re.sub("explorer [0-9a-f]{8}", "explorer 00000000", explorer.code) == (
        f'taf.where(events, {hour}.day_of_week.between(0, 4) & {hour}.hour.between(8, 16), label="explorer 00000000")'
    )


def test_filters_of_different_choices_have_different_names():
    explorer, _ = explorers()
    labels = {}
    for name, chosen in {
        "a": {"person": [["Ada"]]},
        "a in March": {"person": [["Ada"]], "time": [START.isoformat()] * 2},
        "b": {"address": [["192.0.2.1"]]},
    }.items():
        choose(explorer, **chosen)
        labels[name] = explorer._selection.label
    # `concat` joins receipts of one filter: that of the same choice in another period is the same.
    assert labels["a"] == labels["a in March"] != labels["b"]


def test_columns_of_other_types_are_read_too():
    events = EVENTS.iloc[[0, 1, 4]].assign(uid=[7, 8, 7], event=EVENTS["event"].astype("category"))
    explorer = taf.explore(events)
    choose(explorer, person=[["Ada Lovelace"]], event_type=[["User login."]])
    assert len(explorer.events) == 1
    pd.testing.assert_frame_equal(run(explorer.code, events=events), explorer.events)


@pytest.mark.parametrize(
    "uids",
    [
        pd.Series([9332.0, None, 9333.0]),
        pd.Series([9332.0, 9331.5, 9333.5]),
        pd.Series([9332.0, None, 9333.0], dtype="category"),
        *(
            pytest.param(uids, marks=pytest.mark.full)
            for uids in (
                pd.Series([9332, None, 9333], dtype="object"),
                pd.Series([9332, 9331, 9333], dtype="category"),
                pd.Series([9332, None, 9333], dtype="Int64"),
                pd.Series(["9332", None, "9333"], dtype="category"),
                pd.Series([b"9332", None, b"9333"]),
            )
        ),
    ],
    ids=lambda uids: f"{uids.dtype} of {type(uids[0]).__name__}, {uids[1]}",
)
def test_a_choice_is_found_in_ids_of_any_type_or_refused(uids):
    events = EVENTS.iloc[[0, 1, 4]].reset_index(drop=True).assign(uid=uids, user=["Ada", "Bob", "Cy"])
    if uids[2] == 9333.5:
        with pytest.raises(InvalidArgument, match=r"column 'uid'.*astype\(\"str\"\)"):
            taf.explore(events)
        return
    explorer = taf.explore(events)
    choose(explorer, person=[["Ada"]])
    assert explorer.events.index.tolist() == run(explorer.code, events=events).index.tolist() == [0]


def test_numbers_of_arrow_that_duckdb_writes_otherwise_are_refused():
    table = to_arrow(EVENTS.iloc[:2])
    at = table.column_names.index("uid")
    with pytest.raises(InvalidArgument, match=r"column 'uid'.*double.*pa\.string\(\)"):
        taf.explore(table.set_column(at, "uid", pa.array([7.0, None])))


TEXTS = st.text() | st.sampled_from([text for text in PAYLOADS if not re.search("[\ud800-\udfff]", text)])


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_code_holds_any_text_as_it_is_and_shows_none_of_it(texts):
    line = Selection(choices=((Values("event", tuple(texts)),),)).to_code({})
    assert line.isprintable()
    constants = [node.value for node in ast.walk(ast.parse(line, mode="eval")) if isinstance(node, ast.Constant)]
    assert [text for text in constants if text in texts] == [text for text in texts if text in constants]
    assert set(texts) <= set(constants)


@given(TEXTS.filter(lambda text: "\0" not in text))
def test_a_literal_of_sql_is_the_text(text):
    assert duckdb.execute(f"SELECT {quote(text)}").fetchall() == [(text,)]


def test_nothing_chosen_limits_nothing():
    nothing = Selection()
    assert nothing.apply(EVENTS, {}).equals(EVENTS)
    assert (nothing.to_sql(), nothing.to_code({}), nothing.to_code({}, name="log", load=True)) == (
        "",
        "events",
        "log.load()",
    )
    assert Selection(choices=((), ())).to_code({}) == "events"


def test_the_end_of_a_period_is_not_in_it():
    start = START + timedelta(hours=1.5)
    for end, number in ((start + timedelta(seconds=1), 1), (START + timedelta(hours=26), 1)):
        selection = Selection(start=start, end=end)
        assert len(selection.apply(EVENTS, {})) == number
        assert len(duckdb.from_arrow(to_arrow(EVENTS)).filter(selection.to_sql()).fetchall()) == number


def test_a_range_without_numbers_selects_no_event_and_one_end_is_enough_for_a_period():
    assert Selection(days=NOTHING).apply(EVENTS, {}).empty
    assert Selection(end=START + timedelta(seconds=1)).apply(EVENTS, {})["uid"].tolist() == ["7"]
    assert 'end="2026-03-27T00:00:01Z"' in Selection(end=START + timedelta(seconds=1)).to_code({})


VALUES = st.builds(
    Values,
    st.sampled_from(["uid", "user", "event"]),
    st.lists(st.sampled_from(["7", "Ada", "User login.", "(none)", "O'Hara"]), max_size=2, unique=True).map(tuple),
    st.none() | st.just("aid"),
    st.booleans(),
).filter(lambda values: values.texts or values.with_null)
RANGES = st.none() | st.tuples(st.integers(0, 6), st.integers(0, 6))


@given(
    st.lists(st.lists(VALUES, max_size=2).map(tuple), max_size=2).map(tuple),
    RANGES,
    RANGES,
    st.sampled_from(["UTC", "Europe/Berlin", "UTC+05:30", "UTC-09:30"]),
)
def test_the_filter_the_code_and_the_sql_select_the_same_events(choices, days, hours, zone):
    selection = Selection(choices=choices, days=days, hours=hours, zone=zone)
    selected = selection.apply(EVENTS, {})
    pd.testing.assert_frame_equal(run(selection.to_code({}), events=EVENTS), selected)
    relation = duckdb.from_arrow(to_arrow(EVENTS.assign(extra=EVENTS.index.astype("str"))))
    sql = selection.to_sql()
    found = (relation.filter(sql) if sql else relation).project("extra").fetchall()
    assert sorted(int(row) for (row,) in found) == selected.index.tolist()


def test_a_filter_is_named_by_what_was_chosen_and_not_by_the_period():
    chosen = ((Values("uid", ("7",)),),)
    names = {
        Selection(choices=chosen).label,
        Selection(datetime(2026, 1, 1, tzinfo=UTC), choices=chosen).label,
        Selection(choices=((Values("uid", ("8",)),),)).label,
        Selection(choices=chosen, days=(0, 4)).label,
    }
    assert len(names) == 3
    assert all(re.fullmatch("explorer [0-9a-f]{8}", name) for name in names)


def test_clicked_values_of_one_column_are_together():
    texts = {
        "Ada": Values("uid", ("7",)),
        "Ben": Values("uid", ("8",)),
        "Eve": Values("user", ("Eve",), "uid"),
        "(none)": Values("user", (), "uid", with_null=True),
    }
    assert merge_values([["Ada"], ["Eve"], ["(none)"], ["Ben"]], texts) == [
        Values("uid", ("7", "8")),
        Values("user", ("Eve",), "uid", with_null=True),
    ]
    assert merge_values(["Ada"], texts) == [Values("uid", ("7",))]
    assert merge_values([], texts) == []


def test_text_needs_no_conversion_and_what_cannot_be_found_again_is_refused():
    facets = {"person": {"Ada": Values("uid", ("7",))}}
    assert find_conversions(EVENTS, facets) == {}
    assert find_conversions(EVENTS.assign(uid=7), facets) == {"uid": '.astype("str")'}
    assert find_conversions(EVENTS.assign(uid=7.5), {}) == {}
    with pytest.raises(InvalidArgument, match=r"column 'uid', of the type float64.*astype"):
        find_conversions(EVENTS.assign(uid=pd.Series([9332.0, 9331.5] * 4)), facets)
