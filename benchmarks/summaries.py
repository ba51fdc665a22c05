"""Summaries and activity of a pandas frame, compared with DuckDB, Polars and plain pandas on the same frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most, seconds, share, side_by_side
from te_audit_frames.analysis.activity import hours_of_week
from te_audit_frames.schema import ARROW_SCHEMA, to_events

BY_USER = """
    SELECT coalesce(uid, "user") AS who, arg_max("user", date) AS "user", count(*) AS events,
        count(*) / sum(count(*)) OVER () AS share, count(DISTINCT aid) AS account_groups,
        count(DISTINCT event) AS event_types, count(DISTINCT ip_address) AS ip_addresses,
        min(date) AS first_event, max(date) AS last_event
    FROM events GROUP BY who ORDER BY events DESC, who
"""
BY_USER_CLAIM = "summarize_by_user: time of DuckDB on the same frame"
BY_DAY_CLAIM = "activity(by=event): time of DuckDB on the same frame"
BY_DAY = "SELECT date_trunc('day', date) AS period, event, count(*) AS events FROM events GROUP BY ALL ORDER BY ALL"


@dataclass(frozen=True)
class Shape:
    """How many events there are, and how many people, addresses and account groups they are spread over."""

    events: int
    people: int
    addresses: int
    groups: int
    is_even: bool = False

    def __str__(self) -> str:
        spread = ", evenly" if self.is_even else ""
        return f"{self.events:,} events, {self.people:,} x {self.addresses:,} x {self.groups:,}{spread}"


MILLION = 1_000_000
SHAPES = {
    # Shape: the promised share of DuckDB's time.
    Shape(5 * MILLION, 500, 2_000, 12): 0.5,
    Shape(5 * MILLION, 5_000, 20_000, 200): 0.5,
    Shape(5 * MILLION, 5_000, 20_000, 200, is_even=True): 0.5,
    Shape(5 * MILLION, 50_000, 200_000, 2_000): 0.8,
    Shape(MILLION, 5_000, 20_000, 200): 0.6,
    Shape(15 * MILLION, 5_000, 20_000, 200): 0.5,
}
FEW_SHAPES = {
    Shape(MILLION, 500, 2_000, 12): 0.6,
    Shape(MILLION, 5_000, 20_000, 200): 0.6,
    Shape(MILLION, 5_000, 20_000, 200, is_even=True): 0.6,
    Shape(MILLION, 50_000, 200_000, 2_000): 0.8,
}

QUESTIONS: list[Callable[[pd.DataFrame], object]] = [
    taf.summarize_by_user,
    taf.summarize_by_account_group,
    taf.summarize_by_event_type,
    lambda events: taf.activity(events, by="event"),
    lambda events: hours_of_week(taf.activity(events, freq="h")),  # what a heatmap draws
]


def history(shape: Shape) -> pd.DataFrame:
    """Make a frame of events; unless they are spread evenly, few people, kinds and addresses cause most of them."""
    rng = np.random.default_rng(0)

    def often(count: int) -> pa.Array:
        if shape.is_even:
            return pa.array(rng.integers(0, count, shape.events, dtype="int32"))
        weights = np.cumsum(1 / np.arange(1, count + 1))
        found = np.searchsorted(weights / weights[-1], rng.random(shape.events))
        return pa.array(found.astype("int32"))

    def texts(template: Callable[[int], str], count: int) -> pa.Array:
        return pa.array([template(number) for number in range(count)], pa.large_string())

    people, groups = often(shape.people), often(shape.groups)
    moments = np.sort(rng.integers(1_700_000_000, 1_760_000_000, shape.events)) * 1_000_000
    columns = {
        "date": pa.array(moments).cast(ARROW_SCHEMA.field("date").type),
        "aid": texts(str, shape.groups).take(groups),
        "account_group_name": texts(lambda number: f"Group {number}", shape.groups).take(groups),
        "event": texts(lambda number: f"Event type number {number}.", 40).take(often(40)),
        "uid": texts(str, shape.people).take(people),
        "user": texts(lambda n: f"User Name {n} (user.name{n}@example.com)", shape.people).take(people),
        "ip_address": texts(
            lambda number: f"10.{number // 62_500}.{number // 250 % 250}.{number % 250}", shape.addresses
        ).take(often(shape.addresses)),
    }
    return to_events(pa.table(columns))


def unencoded(events: pd.DataFrame) -> pd.DataFrame:
    """Return the same events in columns that were never encoded, without copying text."""
    table = pa.table({name: events[name].array.__arrow_array__() for name in events if name != "date"})
    return to_events(table).assign(date=events["date"])[list(events)]


def plain_by_user(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise with plain pandas."""
    latest = frame.sort_values("date").groupby("uid")["user"].last()
    counted = frame.groupby("uid").agg(
        events=("uid", "size"),
        account_groups=("aid", "nunique"),
        event_types=("event", "nunique"),
        ip_addresses=("ip_address", "nunique"),
        first_event=("date", "min"),
        last_event=("date", "max"),
    )
    return counted.assign(user=latest, share=counted["events"] / len(frame)).sort_values("events", ascending=False)


def plain_by_day(frame: pd.DataFrame) -> pd.Series[int]:
    """Count per day with plain pandas."""
    return frame.groupby([pd.Grouper(key="date", freq="D"), "event"]).size()


def run(full: bool) -> list[Result]:
    """Measure every shape that a claim names, or shapes of one million events."""
    results = []
    for shape, bound in (SHAPES if full else FEW_SHAPES).items():
        events = history(shape)
        database = duckdb.connect()
        database.execute("SET timezone = 'UTC'")
        database.register("events", events)
        results += _against_duckdb(shape, events, database, bound)
        database.close()
        del events
    results += _worst(results)
    return results + _against_others(5 * MILLION if full else MILLION)


def _against_duckdb(shape: Shape, events: pd.DataFrame, database: Any, bound: float) -> list[Result]:
    """Compare with DuckDB on the same frame; both take as many threads as there are cores."""
    runs = 3 if shape.events > 5 * MILLION else 5
    assert len(database.sql(BY_USER).to_arrow_table()) == len(taf.summarize_by_user(events))
    rows = side_by_side(
        lambda: taf.summarize_by_user(unencoded(events)),
        lambda: taf.summarize_by_user(events),
        lambda: database.sql(BY_USER).to_arrow_table(),
        lambda: taf.activity(unencoded(events), by="event"),
        lambda: database.sql(BY_DAY).to_arrow_table(),
        lambda: [question(events) for question in QUESTIONS],
        lambda: [question(unencoded(events)) for question in QUESTIONS],
        runs=runs,
    )
    return [
        share(f"{BY_USER_CLAIM}, {shape}", rows, 0, 2, bound),
        share(f"summarize_by_user of a frame that was asked before: time of DuckDB, {shape}", rows, 1, 2),
        share(f"{BY_DAY_CLAIM}, {shape}", rows, 3, 4, 0.9),
        share(f"five questions to one frame: time of the same to five frames, {shape}", rows, 5, 6),
    ]


def _against_others(size: int) -> list[Result]:
    """Compare with plain pandas on objects, and with the same call on a Polars frame."""
    events = history(Shape(size, 500, 2_000, 12))
    polars = pl.from_pandas(events)
    objects = events[["date"]].assign(
        **{name: events[name].astype("object") for name in ("uid", "user", "aid", "event", "ip_address")}
    )
    results = []
    for name, ours, by_hand in (
        ("summarize_by_user", taf.summarize_by_user, plain_by_user),
        ("activity(by=event)", lambda frame: taf.activity(frame, by="event"), plain_by_day),
    ):
        rows = side_by_side(lambda: ours(unencoded(events)), lambda: ours(polars), runs=5)  # noqa: B023 - called at once
        plain = min(row[0] for row in rows) / seconds(lambda: by_hand(objects))  # noqa: B023
        results += [
            at_most(f"{name}, {size:,} events: time of pandas on objects", plain, 0.5),
            share(f"{name}, {size:,} events: time of the same call on a Polars frame", rows, 0, 1),
        ]
    return results


def _worst(results: list[Result]) -> list[Result]:
    """Return the largest figure of each claim over the shapes."""
    found = []
    for claim in (BY_USER_CLAIM, BY_DAY_CLAIM):
        of_shapes = [result for result in results if result.what.startswith(claim)]
        worst = max(of_shapes, key=lambda result: float(result.figure.split()[0]))
        found.append(Result(f"{claim}, worst of {len(of_shapes)} shapes", worst.figure))
    return found


if __name__ == "__main__":
    alone(run)
