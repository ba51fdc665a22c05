"""Queries that run in the engine of a frame: nulls, bounds and zones mean the same as in pandas."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import LIBRARIES
from support.histories import START, event, frame, table

import te_audit_frames as taf
from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.checks.in_engine import as_text, inside, is_any_of, utc_dates
from te_audit_frames.checks.selection import select

ENGINES = {name: make for name, make in LIBRARIES.items() if name.startswith(("polars", "duckdb"))}


def rows_of(lazy) -> list[tuple[object, ...]]:
    found = collect(lazy).astype("object")
    return list(found.where(found.notna(), None).itertuples(index=False, name=None))


def test_dates_without_a_zone_are_refused():
    events = frame(event(0, "x"))
    naive = events.assign(date=events["date"].dt.tz_localize(None))
    for source in (naive, pl.from_pandas(naive.drop(columns="resources"))):
        with pytest.raises(taf.NotAnAuditFrame, match="without a time zone"):
            select(source, ["event"])


@pytest.mark.parametrize("make", LIBRARIES.values(), ids=LIBRARIES)
def test_dates_are_the_same_moments_whatever_their_zone(make):
    lazy = as_lazy(make(table([event(0, "x"), event(1, "x", date=None)])))
    assert rows_of(lazy.select(utc_dates(lazy))) == [(START,), (None,)]


@pytest.mark.parametrize(
    "events",
    [
        pl.DataFrame({"date": ["2026-03-02T08:00:00Z"]}),
        pl.DataFrame({"date": [START.date()]}),
        duckdb.sql("select 7 as date"),
        pa.table({"date": ["2026-03-02"]}),
    ],
    ids=["text", "day", "number", "arrow"],
)
def test_dates_that_are_none_are_refused_with_what_they_are(events):
    with pytest.raises(taf.NotAnAuditFrame, match=r"column 'date' holds .*, not timestamps"):
        utc_dates(as_lazy(events))


STEP = timedelta(microseconds=1)
BOUNDS = st.none() | st.integers(-1, 3).map(lambda number: START + number * STEP)


@pytest.mark.few(count=2)
@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@given(st.lists(st.none() | st.integers(0, 2), max_size=6), BOUNDS, BOUNDS)
def test_what_lies_inside_is_half_open_and_has_a_date(make, drawn, start, end):
    dates = [None if number is None else START + number * STEP for number in drawn]
    lazy = as_lazy(make(table([event(0, "x", date=date) for date in dates])))
    expected = [
        (date,)
        for date in dates
        if date is not None and (start is None or date >= start) and (end is None or date < end)
    ]
    found = rows_of(lazy.select(utc_dates(lazy)).filter(inside((start, end))))
    assert sorted(found) == sorted(expected)


def test_the_ends_of_the_calendar_are_bounds_too():
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    for make in ENGINES.values():
        lazy = as_lazy(make(table([event(0, "x", date=date) for date in (first, START, last)])))
        assert rows_of(lazy.select(utc_dates(lazy)).filter(inside((first, last)))) == [(first,), (START,)]


TEXTS = st.sampled_from(["x", "", "null", "'; drop table events; --", None])


@pytest.mark.few(count=2)
@pytest.mark.parametrize("make", ENGINES.values(), ids=ENGINES)
@given(st.lists(TEXTS, max_size=6), st.lists(TEXTS, max_size=3))
def test_none_among_the_values_stands_for_null_and_no_value_for_nothing(make, drawn, values):
    lazy = as_lazy(make(table([event(0, text) for text in drawn])))
    found = rows_of(lazy.filter(is_any_of("event", values)).select("event"))
    assert sorted(found, key=str) == sorted([(text,) for text in drawn if text in values], key=str)


def test_numbers_become_text_and_resources_stay():
    events = pl.DataFrame({"uid": [7, None], "resources": [[{"type": "testName", "name": "shop"}], None]})
    lazy = as_lazy(events)
    kinds = lazy.collect_schema()
    found = pl.DataFrame(lazy.select(*(as_text(name, kinds[name]) for name in kinds.names())).collect().to_arrow())
    assert found["uid"].to_list() == ["7", None]
    assert found["resources"].to_list() == events["resources"].to_list()
