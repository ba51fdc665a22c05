"""The database of an explorer: one table of events in DuckDB, in the form that the browser asks about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.dimensions import Dimension, parse_by
from te_audit_frames.analysis.group_columns import as_lazy, column_names
from te_audit_frames.analysis.labels import list_labels
from te_audit_frames.checks.in_archive import count_undated, read_in_chunks
from te_audit_frames.checks.in_engine import as_text, utc_dates
from te_audit_frames.checks.in_memory import read_column
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.frames import dates_of
from te_audit_frames.report.explorer_selection import Values, quote
from te_audit_frames.report.explorer_spec import TABLE, TOP, WEEK
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, require_columns

if TYPE_CHECKING:
    import duckdb

FACETS = {"event_type": "event", "person": "user", "account_group": "account_group", "address": "ip_address"}
"""The columns of the table that people choose values of, and the dimension of events that each shows."""

KEPT = 48
"""How many tables of counts are kept. The browser makes six for each choice, and on many events they are large."""

PLAIN = "event_columns"
"""An empty table with the columns of the events, in which facets are text."""

# What the browser asks: the count of each value, with or without what is chosen; and the first rows.
_FACET = re.compile('"(' + "|".join(FACETS) + ')"')
_BY_FACET = re.compile(f'GROUP BY {_FACET.pattern} ORDER BY "\\1"$')
_ROWS = re.compile(f'SELECT ("[a-z_]+"(?:, "[a-z_]+")*) FROM "{TABLE}"')  # noqa: S608
_COUNTS = re.compile(r'CREATE TABLE IF NOT EXISTS ("mosaic"\."\w+")')
_CAST = r'"\1"::VARCHAR AS "\1"'

_OTHERS = ("dask", "pyspark")
_STEP = 900  # seconds: every time zone is off UTC by a multiple of it

# What a browser could show as something else: control characters, and characters that turn the direction of text.
_UNSEEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+"


class Connection:
    """A DuckDB connection for the widget, which asks for `query` and `execute`.

    Every statement gets a cursor of its own. With only one connection, DuckDB 2 answers that it is busy as long as the
    result of the statement before is still being read.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, counts: dict[str, None] | None = None) -> None:
        self._connection = connection
        self._counts = {} if counts is None else counts  # the tables of counts, those that were used last at the end
        self._shown: dict[str, list[str]] = {}  # the values of each facet that the browser has

    def copy(self) -> Connection:
        """Return another one to the same database, for other views."""
        return Connection(self._connection, self._counts)

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Run a query, and return its result as a relation."""
        cursor = self._connection.cursor()
        found = cursor.sql(self._adapted(sql))
        if (counted := _BY_FACET.search(sql)) and not _asks_for_chosen(sql, counted[1]):
            table = found.to_arrow_table()
            self._shown[counted[1]] = table[counted[1]].to_pylist()
            return cursor.from_arrow(table)
        return found

    def _adapted(self, sql: str) -> str:
        """Return a query of the browser in the form that is quick on this table.

        Facets are of the type ENUM. Described, such a type is a list of all its values, and so is its dictionary in
        Arrow; a log can have 100,000 addresses. So the browser sees text, and gets the few values that it shows.
        """
        if sql.startswith("DESC"):
            return sql.replace(f'"{TABLE}"', f'"{PLAIN}"')
        if found := _BY_FACET.search(sql):
            facet = found[1]
            counts, shown = f"{sql[: found.start()]}GROUP BY ALL", self._shown.get(facet)
            if _asks_for_chosen(sql, facet) and shown:
                # The browser matches the answer to its bars by their position, so it has to be about the same values.
                values = ", ".join(f"({at}, {quote(text)})" for at, text in enumerate(shown))
                return (
                    f'SELECT coalesce("x", 0) AS "x", text AS "{facet}", coalesce("__", false) AS "__" '  # noqa: S608
                    f'FROM (VALUES {values}) AS shown(place, text) LEFT JOIN ({counts}) ON "{facet}"::VARCHAR = text '
                    "ORDER BY place"
                )
            largest = f'{counts} ORDER BY "x" DESC, "{facet}" LIMIT {TOP}'
            return f'SELECT * REPLACE ("{facet}"::VARCHAR AS "{facet}") FROM ({largest})'  # noqa: S608
        if found := _ROWS.match(sql):
            return f"SELECT {_FACET.sub(_CAST, found[1])}{sql[found.end(1) :]}"
        return sql

    def execute(self, sql: str) -> None:
        """Run a statement that has no result."""
        cursor = self._connection.cursor()
        cursor.execute(sql)
        if made := _COUNTS.search(sql):
            # The last ones are in use. A choice that comes back makes its tables again.
            self._counts.pop(made[1], None)
            self._counts[made[1]] = None
            for name in list(self._counts)[:-KEPT]:
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
                del self._counts[name]


def _asks_for_chosen(sql: str, facet: str) -> bool:
    """Return whether a query asks which bars are chosen, in order to fade the others."""
    return sql.startswith(f'SELECT count(*) AS "x", "{facet}", (')


@dataclass(frozen=True)
class Database:
    """Events in DuckDB, for an explorer.

    Attributes
    ----------
    connection : Connection
        The database. Its table `events` has a row per event, with `time` (in UTC, whole seconds), the facets,
        `resources`, `hour_of_day` and `day_of_week` as far as the events have them.
    facets : dict of str to dict
        The values of each facet, by the text that shows them.
    resources : bool
        Whether the table has the column `resources`.
    rows, undated : int
        How many events there are, and how many of them have no date.
    """

    connection: Connection
    facets: Mapping[str, Mapping[str, Values]]
    resources: bool
    rows: int
    undated: int

    @classmethod
    def of(cls, events: Any, zone: str) -> Database:
        """Read events into a new database.

        Raises
        ------
        InvalidArgument
            `events` is no frame and no archive, or there are no events.
        NotAnAuditFrame
            The events have no dates.
        """
        import duckdb

        present = list(COLUMNS) if is_archive(events) else _check_columns(events)
        wanted = [name for name in COLUMNS if name in present and name != "extra"]
        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'")
        schema = ", ".join(f'"{name}" {_duckdb_type(name)}' for name in wanted)
        connection.execute(f"CREATE TABLE source ({schema})")
        for part in _read(events, wanted):
            connection.register("part", part)
            connection.execute(f"INSERT INTO source SELECT {', '.join(map(_selected, wanted))} FROM part")  # noqa: S608
            connection.unregister("part")
        rows, undated = connection.execute('SELECT count(*), count(*) - count("date") FROM source').fetchall()[0]
        if not rows:
            raise InvalidArgument("events: there are none, so there is nothing to explore. Read a longer period.")
        facets = {}
        for facet, by in FACETS.items():
            dimension = parse_by(by, COLUMNS)[0]
            if dimension.key in wanted or dimension.label in wanted:
                facets[facet] = _name_values(connection, facet, dimension, wanted)
        _name_hours(connection, zone)
        _make_table(connection, list(facets), wanted)
        return cls(Connection(connection), facets, "resources" in wanted, int(rows), int(undated))


def _check_columns(events: Any) -> Sequence[str]:
    if isinstance(events, pd.DataFrame | pa.Table):
        names = column_names(events)
    else:
        frame = as_lazy(events)
        if str(frame.implementation).lower().rpartition(".")[2] in _OTHERS:
            raise InvalidArgument(
                "events: Dask and Spark frames cannot be explored. Filter one, and turn it into pandas with compute() "
                "or toPandas()."
            )
        names = column_names(frame)
    if not set(COLUMNS) & set(names):
        require_columns(names, COLUMNS)
    require_columns(names, ["date"])
    return names


def _duckdb_type(name: str) -> str:
    return "TIMESTAMPTZ" if name == "date" else "VARCHAR"


def _selected(name: str) -> str:
    """Return how a column is read: resources as the text of the first three."""
    if name != "resources":
        return f'"{name}"'
    shown = "list_transform(resources[:3], lambda r: concat_ws(': ', r.type, r.name))"
    text = f"left(array_to_string({shown}, ', ') || if(len(resources) > 3, ', …', ''), 200)"
    return f"regexp_replace({text}, '{_UNSEEN}', ' ', 'g')"


def _read(events: Any, columns: Sequence[str]) -> Iterator[pa.Table | pa.RecordBatchReader]:
    """Return events as Arrow, in parts."""
    if is_archive(events):
        for chunk in read_in_chunks(events, columns, (None, None)):
            yield _to_table(chunk, columns)
        if count_undated(events):
            everything = events.load(columns=columns)
            yield _to_table(everything[everything["date"].isna()], columns)
    elif isinstance(events, pd.DataFrame | pa.Table):
        if isinstance(events, pd.DataFrame):
            dates_of(events)
        yield _to_table(events, columns)
    else:
        frame = as_lazy(events)
        kinds = frame.collect_schema()
        chosen = frame.select(
            utc_dates(frame), *(as_text(name, kinds[name]).alias(name) for name in columns if name != "date")
        )
        if chosen.implementation.is_duckdb():
            yield chosen.to_native().to_arrow_reader(1 << 17)  # a piece at a time: the events are in memory once
        else:
            yield _to_table(chosen.collect().to_arrow(), columns)


def _to_table(events: pd.DataFrame | pa.Table, columns: Sequence[str]) -> pa.Table:
    return pa.table({name: read_column(events[name], name).cast(ARROW_SCHEMA.field(name).type) for name in columns})


def _name_values(
    connection: duckdb.DuckDBPyConnection, facet: str, dimension: Dimension, present: Collection[str]
) -> dict[str, Values]:
    """Give each value of a facet a distinct text to show, in the table `<facet>_texts`."""
    key = f'"{dimension.key}"' if dimension.key in present else "NULL::VARCHAR"
    name = f'"{dimension.label}"' if dimension.label in present else "NULL::VARCHAR"
    # The name is that of the latest event. It also stands in for a key that is missing.
    found = connection.sql(
        f"SELECT {key} AS key, CASE WHEN {key} IS NULL THEN {name} END AS stand_in, "  # noqa: S608
        f"arg_max({name}, coalesce(\"date\", '-infinity')) AS name, count(*) AS events FROM source GROUP BY ALL "
        "ORDER BY events DESC, key, stand_in"
    ).to_arrow_table()
    groups = pd.DataFrame({each: found[each].to_pandas() for each in ("key", "stand_in", "name")})
    named = Dimension(dimension.name, "key", "name")
    groups["name"] = groups["name"].fillna(groups["key"])
    texts = list_labels(groups, [named])
    connection.register("named", pa.table({"key": found["key"], "stand_in": found["stand_in"], "text": texts}))
    # An ENUM is grouped several times faster than text.
    connection.execute(f"CREATE TYPE {facet} AS ENUM (SELECT text FROM named)")  # noqa: S608
    connection.execute(f"CREATE TABLE {facet}_texts AS SELECT key, stand_in, text::{facet} AS text FROM named")  # noqa: S608
    connection.unregister("named")
    keys, stand_ins = (found[each].to_pylist() for each in ("key", "stand_in"))
    return {
        text: _values_of(dimension, one, stand_in, present)
        for text, one, stand_in in zip(texts, keys, stand_ins, strict=True)
    }


def _values_of(dimension: Dimension, key: str | None, stand_in: str | None, present: Collection[str]) -> Values:
    if dimension.key in present and key is not None:
        return Values(dimension.key, (key,))
    column = dimension.label if dimension.label in present else None
    if column is None:
        return Values(dimension.key, with_null=True)
    unless = dimension.key if dimension.key in present else None
    return Values(column, () if stand_in is None else (stand_in,), unless, with_null=stand_in is None)


def _name_hours(connection: duckdb.DuckDBPyConnection, zone: str) -> None:
    """Make the table `clock`: the day of the week and the hour in a time zone, for each quarter of an hour."""
    steps = connection.sql(
        f'SELECT DISTINCT epoch_us("date") // {_STEP * 1_000_000} AS step FROM source WHERE "date" IS NOT NULL'  # noqa: S608
    ).to_arrow_table()["step"]
    local = pd.Series(pd.to_datetime(steps.to_numpy() * _STEP, unit="s", utc=True)).dt.tz_convert(zone).dt
    # In the middle of the hour, so that a brush takes the hours and days whose middle is in it.
    clock = {"step": steps, "hour_of_day": local.hour + 0.5, "day_of_week": local.day_of_week + 0.5}
    connection.register("hours", pa.table(clock))
    connection.execute("CREATE TABLE clock AS SELECT * FROM hours")
    connection.unregister("hours")


def _make_table(connection: duckdb.DuckDBPyConnection, facets: Sequence[str], present: Collection[str]) -> None:
    joins, shown = [], []
    for facet in facets:
        dimension = parse_by(FACETS[facet], COLUMNS)[0]
        key = f's."{dimension.key}"' if dimension.key in present else "NULL"
        name = f's."{dimension.label}"' if dimension.label in present else "NULL"
        joins.append(
            f"JOIN {facet}_texts ON {facet}_texts.key IS NOT DISTINCT FROM {key} AND {facet}_texts.stand_in "
            f"IS NOT DISTINCT FROM CASE WHEN {key} IS NULL THEN {name} END"
        )
        shown.append(f"{facet}_texts.text AS {facet}")
    resources = ['s."resources"'] if "resources" in present else []
    columns = ['date_trunc(\'second\', s."date")::TIMESTAMP AS "time"', *shown, *resources]
    connection.execute(
        f"CREATE TABLE {TABLE} AS SELECT {', '.join(columns)}, hour_of_day, day_of_week FROM source s "  # noqa: S608
        f'LEFT JOIN clock ON clock.step = epoch_us(s."date") // {_STEP * 1_000_000} {" ".join(joins)} '
        'ORDER BY "time"'
    )
    plain = ", ".join(f"{facet}::VARCHAR AS {facet}" for facet in facets)
    replaced = f" REPLACE ({plain})" if plain else ""
    connection.execute(f"CREATE TABLE {PLAIN} AS SELECT *{replaced} FROM {TABLE} LIMIT 0")  # noqa: S608
    # The names of the days, where the rows of the week are drawn.
    connection.execute(f"CREATE TABLE {WEEK} (name VARCHAR, middle DOUBLE, start DOUBLE)")
    days = enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
    connection.executemany(f"INSERT INTO {WEEK} VALUES (?, ?, 0)", [(name, at + 0.5) for at, name in days])  # noqa: S608
    for table in ("source", "clock", *(f"{facet}_texts" for facet in facets)):
        connection.execute(f"DROP TABLE {table}")
    # The browser sends statements. None of them has a reason to reach a file or an address.
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def whole_seconds(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return the half-open period of whole seconds from the first to the last moment, both included."""
    start = pd.Timestamp(first).ceil("s")
    end = pd.Timestamp(last).floor("s") + pd.Timedelta("1s")
    return start.to_pydatetime(), max(start, end).to_pydatetime()
