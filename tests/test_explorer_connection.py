"""The connection of an explorer: what the browser asks, and what it cannot reach."""

import duckdb
import pytest
from support.explorers import EVENTS, event, explorers, frame

import te_audit_frames as taf
from te_audit_frames.report.explorer_connection import FACETS, KEPT, PLAIN, Connection
from te_audit_frames.report.explorer_database import Database

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")


def test_a_query_of_the_browser_is_answered_with_few_values_as_text():
    events = frame(*(event(0, ipAddress=f"192.0.2.{number}") for number in [*range(200), 7, 7]))
    connection: Connection = taf.explore(events)._database.connection
    counted = connection.query('SELECT count(*) AS "x", "address" FROM "events" GROUP BY "address" ORDER BY "address"')
    assert counted.to_arrow_table().to_pylist()[0] == {"x": 3, "address": "192.0.2.7"}
    assert len(counted.to_arrow_table()) == 10
    described = connection.query('DESC SELECT "address" AS "column" FROM "events" AS "source"').to_arrow_table()
    assert described["column_type"].to_pylist() == ["VARCHAR"]
    rows = connection.query('SELECT "time", "address" FROM "events" LIMIT 3 OFFSET 0').to_arrow_table()
    assert str(rows.schema.field("address").type) in ("string", "large_string")


def test_what_is_chosen_is_answered_for_the_bars_that_are_shown():
    connection = explorers()[0]._database.connection.copy()
    bars = 'SELECT count(*) AS "x", "address"{} FROM "events" AS "source"{} GROUP BY "address" ORDER BY "address"'
    shown = connection.query(bars.format("", "")).to_arrow_table()["address"].to_pylist()
    # The other query can be about fewer events, such as those up to an edge of a brush instead of its whole pixel.
    chosen = bars.format(""", ("address" IN ('192.0.2.2')) AS "__\"""", """ WHERE "event_type" <> 'User login.'""")
    answer = connection.query(chosen).to_arrow_table().to_pylist()
    assert [row["address"] for row in answer] == shown
    assert [row["address"] for row in answer if row["__"]] == ["192.0.2.2"]


def test_tables_of_counts_do_not_pile_up():
    connection = taf.explore(EVENTS)._database.connection

    def make(number: int) -> None:
        table = f'"mosaic"."preagg_{number:x}"'
        connection.execute(
            f'CREATE SCHEMA IF NOT EXISTS "mosaic"; CREATE TABLE IF NOT EXISTS {table} AS SELECT 1 AS "x"'
        )

    for number in range(KEPT):
        make(number)
    make(0)  # a choice that came back is in use again
    make(KEPT)
    there = connection.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'mosaic'").fetchall()
    assert {name for (name,) in there} == {f"preagg_{number:x}" for number in range(KEPT + 1) if number != 1}


def test_the_browser_reaches_no_file(tmp_path):
    connection = explorers()[0]._database.connection
    with pytest.raises(duckdb.PermissionException):
        connection.execute(f"COPY events TO '{tmp_path / 'stolen.csv'}'")


@pytest.fixture(scope="module")
def connection():
    database = Database.of(EVENTS, "UTC")
    yield database.connection
    database.connection.close()


BARS = 'SELECT count(*) AS "x", "{0}" FROM "events" GROUP BY "{0}" ORDER BY "{0}"'


@pytest.mark.full
@pytest.mark.parametrize("facet", FACETS)
def test_bars_of_every_facet_are_text_and_the_largest_come_first(connection, facet):
    table = connection.query(BARS.format(facet)).to_arrow_table()
    assert str(table.schema.field(facet).type) in ("string", "large_string")
    numbers = table["x"].to_pylist()
    assert numbers == sorted(numbers, reverse=True)
    assert sum(numbers) == len(EVENTS)


def test_what_is_chosen_without_any_bars_is_answered_too(connection):
    chosen = """SELECT count(*) AS "x", "person", ("person" IN ('O''Hara')) AS "__" FROM "events" """
    answer = connection.query(f'{chosen}GROUP BY "person" ORDER BY "person"').to_arrow_table()
    assert not any(answer["__"].to_pylist())


def test_a_quote_in_a_bar_that_is_shown_is_no_end_of_a_text():
    database = Database.of(frame(event(0, user="O'Hara"), event(1, user="x'); DROP TABLE events; --")), "UTC")
    connection = database.connection
    shown = connection.query(BARS.format("person")).to_arrow_table()["person"].to_pylist()
    chosen = """SELECT count(*) AS "x", "person", ("person" IN ('O''Hara')) AS "__" FROM "events" """
    answer = connection.query(f'{chosen}GROUP BY "person" ORDER BY "person"').to_arrow_table().to_pylist()
    assert [row["person"] for row in answer] == shown
    assert [row["person"] for row in answer if row["__"]] == ["O'Hara"]
    assert len(connection.query("FROM events").fetchall()) == 2
    connection.close()


@pytest.mark.full
def test_views_of_a_copy_are_about_the_same_events_and_close_with_them():
    connection = Database.of(EVENTS, "UTC").connection
    other = connection.copy()
    assert other.query("SELECT count(*) FROM events").fetchall() == [(len(EVENTS),)]
    connection.close()
    with pytest.raises(duckdb.ConnectionException):
        other.query("FROM events")


def test_a_query_is_answered_while_the_result_of_another_is_being_read(connection):
    reader = connection.query('SELECT "time" FROM "events" ORDER BY 1').to_arrow_reader(2)
    first = reader.read_next_batch()
    assert connection.query('SELECT count(*) FROM "events"').fetchall() == [(len(EVENTS),)]
    assert len(first) + len(reader.read_all()) == len(EVENTS)


def test_a_description_is_of_columns_of_text(connection):
    described = connection.query('DESC SELECT "person" FROM "events"').fetchall()
    assert described[0][1] == "VARCHAR"
    assert connection.query(f'SELECT count(*) FROM "{PLAIN}"').fetchall() == [(0,)]


def test_other_queries_are_run_as_they_are(connection):
    assert connection.query("SELECT 'GROUP BY', 7").fetchall() == [("GROUP BY", 7)]
