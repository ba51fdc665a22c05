"""The explorer: how long the engine takes for one step of a brush over time.

The statements are those that the widget sends. When the mouse enters the view of time, the widget makes a table of
counts per pixel and value for each other view. Each step of a brush then queries these tables, and queries the events
for the first rows and for the number of selected events.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Result, alone, at_most, seconds
from benchmarks.summaries import MILLION, Shape, history
from te_audit_frames.report.explorer_connection import FACETS, Connection
from te_audit_frames.report.explorer_database import Database

SHAPES = {
    Shape(200_000, 500, 2_000, 12): 0.05,
    Shape(5 * MILLION, 5_000, 20_000, 200): 0.2,
    Shape(5 * MILLION, 50_000, 200_000, 2_000): None,
}
PIXELS = 780
STEPS = 40
_WEEK = "hour_of_day - 0.5 AS x1, hour_of_day + 0.5 AS x2, day_of_week - 0.5 AS y1, day_of_week + 0.5 AS y2"
VIEWS = {**{facet: (f'"{facet}"', f'"{facet}"') for facet in FACETS}, "week": (_WEEK, "x1, x2, y1, y2")}
ROWS = '"time", "event_type", "person", "account_group", "address"'


class Brush:
    """A brush over the time of all events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        ends = connection.query('SELECT epoch_ms(min("time")), epoch_ms(max("time")) FROM events').fetchall()[0]
        self._first, self._pixel = ends[0], (ends[1] - ends[0]) / PIXELS

    def enter(self) -> None:
        """Make the tables of counts, which happens once for each filter of the other views."""
        pixel = f'floor({1 / self._pixel!r}::DOUBLE * (epoch_ms("time") - {self._first}::DOUBLE))::INTEGER'
        for view, (columns, groups) in VIEWS.items():
            self._connection.execute(
                f"CREATE TABLE counts_{view} AS SELECT count(*) AS events, {columns}, {pixel} AS active FROM events "
                f"GROUP BY {groups}, active"
            )

    def move(self, start: int, end: int) -> None:
        """Ask for what all views show between two pixels."""
        for view, (_, groups) in VIEWS.items():
            order = f" ORDER BY {groups}" if view in FACETS else ""
            self._connection.query(
                f"SELECT coalesce(sum(events), 0) AS x, {groups} FROM counts_{view} WHERE active BETWEEN {start} AND "
                f"{end} GROUP BY {groups}{order}"
            ).to_arrow_table()
        low, high = (int(self._first + at * self._pixel) for at in (start, end))
        chosen = f'FROM "events" WHERE "time" BETWEEN epoch_ms({low}) AND epoch_ms({high})'
        self._connection.query(f"SELECT {ROWS} {chosen} LIMIT 100 OFFSET 0").to_arrow_table()
        self._connection.query(f"SELECT count(*) {chosen}").to_arrow_table()


def _positions() -> Iterator[tuple[int, int]]:
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        start, end = sorted(rng.integers(0, PIXELS, 2).tolist())
        yield start, end


def run(full: bool) -> list[Result]:
    """Measure 200,000 events and, in the full setting, five million."""
    results = []
    for shape, bound in SHAPES.items():
        if shape.events > MILLION and not full:
            continue
        events = history(shape)
        databases: list[Database] = []
        opening = seconds(lambda: databases.append(Database.of(events, "Europe/Berlin")))  # noqa: B023 - called at once
        brush = Brush(databases[0].connection)
        entering = seconds(brush.enter)
        steps = [seconds(lambda: brush.move(start, end)) for start, end in _positions()]  # noqa: B023
        what = f"explore: one step of a brush, {shape}"
        median = statistics.median(steps)
        results += [
            Result(f"explore: open, {shape}", f"{opening:.2f} s"),
            Result(f"explore: first touch of a view, {shape}", f"{entering:.2f} s"),
            Result(what, f"{median * 1_000:.0f} ms")
            if bound is None
            else at_most(what, median * 1_000, bound * 1_000, "ms"),
        ]
    return results


if __name__ == "__main__":
    alone(run)
