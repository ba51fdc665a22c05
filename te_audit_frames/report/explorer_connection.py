"""The connection of an explorer. It turns the queries of the browser into a form that is quick on the events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from te_audit_frames.report.explorer_selection import quote
from te_audit_frames.report.explorer_spec import TABLE, TOP

if TYPE_CHECKING:
    import duckdb

FACETS = {"event_type": "event", "person": "user", "account_group": "account_group", "address": "ip_address"}
"""The columns in which people choose values, each with the dimension of events that it shows."""

KEPT = 48
"""How many tables of counts are kept. The browser makes six for each choice, and on many events they are large."""

PLAIN = "event_columns"
"""An empty table with the columns of the events, in which facets are text."""

# What the browser asks for: the count of each value, sometimes with whether it is chosen, and the first rows.
_FACET = re.compile('"(' + "|".join(FACETS) + ')"')
_BY_FACET = re.compile(f'GROUP BY {_FACET.pattern} ORDER BY "\\1"$')
_ROWS = re.compile(f'SELECT ("[a-z_]+"(?:, "[a-z_]+")*) FROM "{TABLE}"')  # noqa: S608  # nosec B608
_COUNTS = re.compile(r'CREATE TABLE IF NOT EXISTS ("mosaic"\."\w+")')
_CAST = r'"\1"::VARCHAR AS "\1"'


class Connection:
    """A DuckDB connection for the widget, which asks for `query` and `execute`.

    Every statement gets a cursor of its own. A single connection of DuckDB 2 reports that it is busy while the result
    of the previous statement is still being read.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, counts: dict[str, None] | None = None) -> None:
        self._connection = connection
        self._counts = {} if counts is None else counts  # the tables of counts, the last used at the end
        self._shown: dict[str, list[str]] = {}  # the values of each facet that the browser has

    def copy(self) -> Connection:
        """Return another connection to the same database, for other views."""
        return Connection(self._connection, self._counts)

    def close(self) -> None:
        """Close the database, for all copies."""
        self._connection.close()

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

        Facets are of the type ENUM. Its description lists all values, and so does its dictionary in Arrow; a log can
        have 100,000 addresses. So the browser sees text, and gets only the few values that it shows.
        """
        if sql.startswith("DESC"):
            return sql.replace(f'"{TABLE}"', f'"{PLAIN}"')
        if found := _BY_FACET.search(sql):
            facet = found[1]
            counts, shown = f"{sql[: found.start()]}GROUP BY ALL", self._shown.get(facet)
            if _asks_for_chosen(sql, facet) and shown:
                # The browser matches the answer to its bars by position, so the answer must have the same values.
                values = ", ".join(f"({at}, {quote(text)})" for at, text in enumerate(shown))
                return (
                    f'SELECT coalesce("x", 0) AS "x", text AS "{facet}", coalesce("__", false) AS "__" '  # noqa: S608  # nosec B608
                    f'FROM (VALUES {values}) AS shown(place, text) LEFT JOIN ({counts}) ON "{facet}"::VARCHAR = text '
                    "ORDER BY place"
                )
            largest = f'{counts} ORDER BY "x" DESC, "{facet}" LIMIT {TOP}'
            return f'SELECT * REPLACE ("{facet}"::VARCHAR AS "{facet}") FROM ({largest})'  # noqa: S608  # nosec B608
        if found := _ROWS.match(sql):
            return f"SELECT {_FACET.sub(_CAST, found[1])}{sql[found.end(1) :]}"
        return sql

    def execute(self, sql: str) -> None:
        """Run a statement that has no result."""
        cursor = self._connection.cursor()
        cursor.execute(sql)
        if made := _COUNTS.search(sql):
            # The latest tables are in use. If an older choice comes back, the browser makes its tables again.
            self._counts.pop(made[1], None)
            self._counts[made[1]] = None
            for name in list(self._counts)[:-KEPT]:
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
                del self._counts[name]


def _asks_for_chosen(sql: str, facet: str) -> bool:
    """Return whether a query asks which bars are chosen, in order to fade the others."""
    return sql.startswith(f'SELECT count(*) AS "x", "{facet}", (')
