"""The database of an explorer: its rows, its names for values, and its hours."""

from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.explorers import EVENTS, HOSTILE, choose, event, explorers, frame, run

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.report.explorer_database import Database, whole_seconds
from te_audit_frames.schema import to_arrow

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")


def test_people_and_groups_of_one_name_are_kept_apart():
    facets = explorers()[0]._database.facets
    assert {"Ada Lovelace", "Ada", "7"} <= set(facets["person"])
    assert {"Stores", "Shops", "(none)"} == set(facets["account_group"])
    twins = frame(*(event(0, uid=uid, user="Ada") for uid in "123"))
    assert sorted(taf.explore(twins)._database.facets["person"]) == ["Ada [1]", "Ada [2]", "Ada [3]"]


def test_views_whose_columns_are_missing_are_left_out():
    explorer = taf.explore(EVENTS[["date", "user"]])
    assert list(explorer._database.facets) == ["person"]
    choose(explorer, person=[["Ada"]])
    assert len(explorer.events) == len(run(explorer.code, events=EVENTS)) == 3
    undated = taf.explore(EVENTS[EVENTS["date"].isna()])
    views, _ = undated._make_views()
    assert "by_time" not in views.spec["params"]


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        (EVENTS.iloc[:0], InvalidArgument, "there are none, so there is nothing to explore"),
        (EVENTS[["event"]], NotAnAuditFrame, "no column 'date'"),
        (pd.DataFrame({"a": [1]}), NotAnAuditFrame, "does not hold audit events"),
        (EVENTS.assign(date=EVENTS["date"].dt.tz_localize(None)), NotAnAuditFrame, "time zone"),
        (pl.DataFrame({"date": ["yesterday"]}), NotAnAuditFrame, "not timestamps"),
        ("te-audit/", InvalidArgument, "is a path, not a frame"),
        (7, InvalidArgument, "not a supported frame"),
        (pd.concat([EVENTS, EVENTS[["event"]]], axis=1), InvalidArgument, "two columns called 'event'"),
        (duckdb.sql("SELECT now() AS date, 'shop' AS resources"), InvalidArgument, "DuckDB cannot read them"),
    ],
)
def test_bad_input_gets_a_clear_error(events, error, message):
    with pytest.raises(error, match=message):
        taf.explore(events)


def rows(events, columns, zone="UTC"):
    database = Database.of(events, zone)
    found = database.connection.query(f"SELECT {columns} FROM events ORDER BY ALL").fetchall()
    database.connection.close()
    return found


LIBRARIES = {
    "pyarrow": to_arrow,
    "polars lazy": lambda events: pl.from_arrow(to_arrow(events)).lazy(),
    "duckdb": lambda events: duckdb.from_arrow(to_arrow(events)),
}


def everything(events):
    database = Database.of(events, "Europe/Berlin")
    found = sorted(database.connection.query("SELECT * FROM events").fetchall(), key=repr)
    database.connection.close()
    return database.rows, database.undated, database.resources, database.facets, found


@pytest.fixture(scope="module")
def expected():
    return everything(EVENTS)


@pytest.mark.full
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_has_the_same_rows_and_the_same_names(library, expected):
    found = everything(LIBRARIES[library](EVENTS))
    assert found == expected
    assert found[:3] == (8, 1, True)


def test_time_is_in_whole_seconds_and_an_undated_event_has_none():
    times = rows(frame({"date": "2026-03-29T03:00:00.999999Z"}, {"event": "x"}), '"time", hour_of_day')
    assert sorted(times, key=repr) == sorted([(datetime(2026, 3, 29, 3), 3.5), (None, None)], key=repr)


@pytest.mark.full
@pytest.mark.parametrize(
    ("zone", "clock"),
    [("UTC", (23.5, 6.5)), ("Asia/Kathmandu", (5.5, 0.5)), ("America/Lima", (18.5, 6.5)), ("UTC+00:30", (0.5, 0.5))],
)
def test_hours_and_days_are_those_of_the_zone(zone, clock):
    assert rows(frame({"date": "2026-03-29T23:45:00Z"}), "hour_of_day, day_of_week", zone) == [clock]


@pytest.mark.full
@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_dates_far_away_are_rows_like_others(year):
    found = rows(frame({"date": f"{year:04}-12-30T12:00:00Z"}, event(0)), '"time"')
    assert (datetime(year, 12, 30, 12),) in found


def test_resources_are_a_short_text_that_acts_on_nothing():
    many = [{"type": "testName", "name": name} for name in ("\u202ea\n\x1b[31m", HOSTILE, None, "d")]
    given = (many, None, [{"type": "t", "name": "x" * 500}])
    sent = frame(*(event(at, resources=each) for at, each in enumerate(given)))
    one, none, few = (text for _, text in rows(sent, '"time", resources'))
    assert not set(one) & set("\u202e\n\x1b")
    assert one.endswith(", …")
    assert HOSTILE in one
    assert none in (None, "")
    assert len(few) == 200


@pytest.mark.full
def test_a_value_that_is_missing_is_a_value_to_choose():
    database = Database.of(frame(event(0, uid="7", user="Ada"), event(1, user="Eve"), event(2)), "UTC")
    assert set(database.facets["person"]) == {"Ada", "Eve", "(none)"}
    assert database.facets["person"]["(none)"].with_null
    assert database.facets["person"]["Eve"].unless == "uid"
    assert database.facets["person"]["Ada"].texts == ("7",)


@pytest.mark.full
def test_the_name_of_a_person_is_the_latest():
    renamed = frame(event(1, uid="7", user="Ada Byron"), event(0, uid="7", user="Ada"), {"uid": "7", "user": "A."})
    assert list(Database.of(renamed, "UTC").facets["person"]) == ["Ada Byron"]


@pytest.mark.full
def test_a_text_that_looks_like_the_absence_of_one_is_another_value():
    facets = Database.of(frame(event(0, event="(none)"), event(1)), "UTC").facets["event_type"]
    assert len(facets) == 2
    assert {values.with_null for values in facets.values()} == {True, False}


@pytest.mark.parametrize(
    "sql", ["SET enable_external_access = true", "ATTACH 'x.db'", "INSTALL httpfs", "FROM read_csv('/etc/passwd')"]
)
def test_a_statement_of_the_browser_opens_nothing(sql):
    connection = explorers()[0]._database.connection
    with pytest.raises(duckdb.Error):
        connection.execute(sql)


SECOND = timedelta(seconds=1)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 5), timezones=st.just(UTC))


@given(INSTANTS, INSTANTS)
def test_a_period_has_every_whole_second_between_two_moments_and_no_other(first, last):
    start, end = whole_seconds(first, last)
    seconds = [datetime(2026, 1, 1, tzinfo=UTC) + number * SECOND for number in range(7)]
    assert [each for each in seconds if start <= each < end] == [each for each in seconds if first <= each <= last]
    assert start <= end
    assert start.microsecond == end.microsecond == 0
