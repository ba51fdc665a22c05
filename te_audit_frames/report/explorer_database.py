"""The database of an explorer: one table of events in DuckDB, in the form that the browser queries."""

from __future__ import annotations

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
from te_audit_frames.report.explorer_connection import FACETS, PLAIN, Connection
from te_audit_frames.report.explorer_selection import Values
from te_audit_frames.report.explorer_spec import TABLE, WEEK
from te_audit_frames.safe_text import excerpt
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, require_columns

if TYPE_CHECKING:
    import duckdb


_OTHERS = ("dask", "pyspark")
_STEP = 900  # seconds: today's time zones are off UTC by a multiple of it

# Control characters, and those that change the direction of text: a browser could show something else.
_UNSEEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+"


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
            `events` is neither a frame nor an archive, there are no events, or DuckDB cannot read them.
        NotAnAuditFrame
            The events have no dates.
        """
        import duckdb

        present = list(COLUMNS) if is_archive(events) else _check_columns(events)
        wanted = [name for name in COLUMNS if name in present and name != "extra"]
        connection = duckdb.connect(":memory:")
        connection.execute("SET TimeZone = 'UTC'")
        try:
            _copy(events, wanted, connection)
        except duckdb.Error as error:
            raise InvalidArgument(f"events: DuckDB cannot read them: {excerpt(str(error))}") from None
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


def _copy(events: Any, columns: Sequence[str], connection: duckdb.DuckDBPyConnection) -> None:
    """Copy events into the table `source`."""
    schema = ", ".join(f'"{name}" {_duckdb_type(name)}' for name in columns)
    connection.execute(f"CREATE TABLE source ({schema})")
    for part in _read(events, columns):
        connection.register("part", part)
        connection.execute(f"INSERT INTO source SELECT {', '.join(map(_selected, columns))} FROM part")  # noqa: S608  # nosec B608
        connection.unregister("part")


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
    if twice := [name for name in COLUMNS if list(names).count(name) > 1]:
        raise InvalidArgument(f"events: there are two columns called {twice[0]!r}. Keep one of them.")
    if not set(COLUMNS) & set(names):
        require_columns(names, COLUMNS)
    require_columns(names, ["date"])
    if isinstance(events, pa.Table):
        for name in sorted(set(COLUMNS) & set(names) - {"date"}):
            kind = events.schema.field(name).type
            if pa.types.is_floating(kind.value_type if pa.types.is_dictionary(kind) else kind):
                # Arrow writes 7.0 as "7", DuckDB as "7.0": the values would not be found again.
                raise InvalidArgument(
                    f"events: column {name!r} holds {kind}, not text. Turn it into text with cast(pa.string())."
                )
    return names


def _duckdb_type(name: str) -> str:
    return "TIMESTAMPTZ" if name == "date" else "VARCHAR"


def _selected(name: str) -> str:
    """Return the SQL that reads a column; resources become the text of the first three."""
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
        f"SELECT {key} AS key, CASE WHEN {key} IS NULL THEN {name} END AS stand_in, "  # noqa: S608  # nosec B608
        f"arg_max({name}, coalesce(\"date\", '-infinity')) AS name, count(*) AS events FROM source GROUP BY ALL "
        "ORDER BY events DESC, key, stand_in"
    ).to_arrow_table()
    groups = pd.DataFrame({each: found[each].to_pandas() for each in ("key", "stand_in", "name")})
    named = Dimension(dimension.name, "key", "name")
    groups["name"] = groups["name"].fillna(groups["key"])
    texts = list_labels(groups, [named])
    connection.register("named", pa.table({"key": found["key"], "stand_in": found["stand_in"], "text": texts}))
    # An ENUM is grouped several times faster than text.
    connection.execute(f"CREATE TYPE {facet} AS ENUM (SELECT text FROM named)")  # noqa: S608  # nosec B608
    connection.execute(f"CREATE TABLE {facet}_texts AS SELECT key, stand_in, text::{facet} AS text FROM named")  # noqa: S608  # nosec B608
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
        f'SELECT DISTINCT epoch_us("date") // {_STEP * 1_000_000} AS step FROM source WHERE "date" IS NOT NULL'  # noqa: S608  # nosec B608
    ).to_arrow_table()["step"]
    local = pd.Series(pd.to_datetime(steps.to_numpy() * _STEP, unit="s", utc=True)).dt.tz_convert(zone).dt
    # The middle of each hour and day, because a brush takes those whose middle it contains.
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
        f"CREATE TABLE {TABLE} AS SELECT {', '.join(columns)}, hour_of_day, day_of_week FROM source s "  # noqa: S608  # nosec B608
        f'LEFT JOIN clock ON clock.step = epoch_us(s."date") // {_STEP * 1_000_000} {" ".join(joins)} '
        'ORDER BY "time"'
    )
    plain = ", ".join(f"{facet}::VARCHAR AS {facet}" for facet in facets)
    replaced = f" REPLACE ({plain})" if plain else ""
    connection.execute(f"CREATE TABLE {PLAIN} AS SELECT *{replaced} FROM {TABLE} LIMIT 0")  # noqa: S608  # nosec B608
    # The names of the days, each at the height of its row in the view of the week.
    connection.execute(f"CREATE TABLE {WEEK} (name VARCHAR, middle DOUBLE, start DOUBLE)")
    days = enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
    connection.executemany(f"INSERT INTO {WEEK} VALUES (?, ?, 0)", [(name, at + 0.5) for at, name in days])  # noqa: S608  # nosec B608
    for table in ("source", "clock", *(f"{facet}_texts" for facet in facets)):
        connection.execute(f"DROP TABLE {table}")
    # The browser sends SQL, none of which needs a file or a network address.
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def whole_seconds(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """Return the half-open period of whole seconds from the first to the last moment, both included."""
    start = pd.Timestamp(first).ceil("s")
    end = pd.Timestamp(last).floor("s") + pd.Timedelta("1s")
    return start.to_pydatetime(), max(start, end).to_pydatetime()
