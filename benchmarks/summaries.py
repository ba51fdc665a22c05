"""Summaries and activity of a pandas frame, compared with DuckDB, Polars and plain pandas on the same frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most, ratio, seconds, side_by_side
from te_audit_frames.analysis import bincount
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, RESOURCES, to_events

BY_USER = """
    SELECT coalesce(uid, "user") AS who, arg_max("user", date) AS "user", count(*) AS events,
        count(*) / sum(count(*)) OVER () AS share, count(DISTINCT aid) AS account_groups,
        count(DISTINCT event) AS event_types, count(DISTINCT ip_address) AS ip_addresses,
        min(date) AS first_event, max(date) AS last_event
    FROM events GROUP BY who ORDER BY events DESC, who
"""
BY_DAY = "SELECT date_trunc('day', date) AS period, event, count(*) AS events FROM events GROUP BY ALL ORDER BY ALL"


def history(events: int) -> pd.DataFrame:
    """Make a frame in which few people, kinds and addresses cause most events."""
    rng = np.random.default_rng(0)

    def often(texts: list[str]) -> tuple[pa.Array, Any]:
        weights = 1 / np.arange(1, len(texts) + 1)
        codes = rng.choice(len(texts), events, p=weights / weights.sum())
        return pa.array(texts, pa.large_string()).take(codes), codes

    uid, people = often([f"{number}" for number in range(500)])
    aid, groups = often([f"{number}" for number in range(12)])
    names = pa.array(
        [f"User Name {number} (user.name{number}@example.com)" for number in range(500)], pa.large_string()
    )
    moments = np.sort(rng.integers(1_700_000_000, 1_760_000_000, events)) * 1_000_000
    columns = {
        "date": pa.array(moments).cast(ARROW_SCHEMA.field("date").type),
        "aid": aid,
        "account_group_name": pa.array([f"Group {number}" for number in range(12)], pa.large_string()).take(groups),
        "event": often([f"Event type number {number}." for number in range(40)])[0],
        "uid": uid,
        "user": names.take(people),
        "ip_address": often([f"10.20.{number // 250}.{number % 250}" for number in range(2_000)])[0],
        "resources": pa.nulls(events, RESOURCES),
        "extra": pa.nulls(events, pa.large_string()),
    }
    return to_events(pa.table({name: columns[name] for name in COLUMNS}))


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


@contextmanager
def without_bincount() -> Iterator[None]:
    """Group everything through narwhals."""
    fast = bincount.count, bincount.count_distinct
    bincount.count = bincount.count_distinct = lambda *_, **__: None
    try:
        yield
    finally:
        bincount.count, bincount.count_distinct = fast


def run(full: bool) -> list[Result]:
    """Measure five million events, or one million."""
    events = history(5_000_000 if full else 1_000_000)
    objects = events[["date"]].assign(
        **{name: events[name].astype("object") for name in ("uid", "user", "aid", "event", "ip_address")}
    )
    polars = pl.from_pandas(events.drop(columns=["resources", "extra"]))
    database = duckdb.connect()
    database.execute("SET timezone = 'UTC'")
    database.register("events", events.drop(columns=["resources", "extra"]))
    results = []
    for name, ours, theirs, query, by_hand in (
        ("summarize_by_user", taf.summarize_by_user, polars, BY_USER, plain_by_user),
        ("activity(by=event)", lambda frame: taf.activity(frame, by="event"), polars, BY_DAY, plain_by_day),
    ):
        assert len(database.sql(query).to_arrow_table()) <= len(ours(events))

        def hashed() -> None:
            with without_bincount():
                ours(events)  # noqa: B023 - called at once

        rows = side_by_side(
            lambda: ours(events),  # noqa: B023
            lambda: database.sql(query).to_arrow_table(),  # noqa: B023
            lambda: ours(theirs),  # noqa: B023
            hashed,
            runs=7,
        )
        plain = min(row[0] for row in rows) / seconds(lambda: by_hand(objects))  # noqa: B023
        size = f"{name}, {len(events):,} events"
        results += [
            at_most(f"{size}: time of DuckDB on the same frame", ratio(rows, 0, 1), 0.9),
            at_most(f"{size}: time of pandas on objects", plain, 0.5),
            Result(f"{size}: time of the same call on a Polars frame", f"{ratio(rows, 0, 2):.2f} x"),
            Result(f"{size}: time of the same call without bincount", f"{ratio(rows, 0, 3):.2f} x"),
        ]
    return results


if __name__ == "__main__":
    alone(run)
