"""Histories of people who do things, for the tests of checks: drawn ones, and those of the data folder."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow, to_events

START = datetime(2026, 3, 2, 8, tzinfo=UTC)

TEXTS = [
    "Test deleted.", "Report deleted.", "Test created.", "User login.", "User Login (SSO)", "Login failed.",
    "User logout.", "Test deletion failed.", "Deleted", "Flux capacitor", None,
]  # fmt: skip

ADDRESSES = ["203.0.113.9", "203.0.113.77", "198.51.100.0/25", "2001:db8::1", "unknown", None]

RESOURCES = [None, [], [{"type": "testName", "name": "shop"}], [{"type": "alertRuleName", "name": "shop"}]]

SOURCES: Mapping[str, Callable[[pa.Table], Any]] = {
    "pandas": to_events,
    "polars": pl.from_arrow,
    "polars lazy": lambda events: pl.from_arrow(events).lazy(),
    "pyarrow": lambda events: events,
    "duckdb": duckdb.from_arrow,
}


def event(minute: float, text: str | None, /, uid: str | None = "7", **more: Any) -> dict[str, Any]:
    """Write one event, so many minutes after the start, by default of Ada's."""
    names = {"7": "Ada", "8": "Ben"}
    row = {"date": START + timedelta(minutes=minute), "event": text, "uid": uid, "user": names.get(uid or "", uid)}
    return row | {"aid": "1", "account_group_name": "Shops", "ip_address": "203.0.113.9"} | more


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make an audit frame of events."""
    return to_events(pa.Table.from_pylist(list(rows), ARROW_SCHEMA))


def drawn_rows(*, max_size: int = 40, minutes: int = 90) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Events of few people, texts and minutes, so that ties, renames, nulls and long runs are common."""
    dates = st.integers(0, minutes).map(lambda minute: START + timedelta(minutes=minute))
    row = st.fixed_dictionaries(
        {
            "date": st.one_of(dates, dates, dates, st.none()),
            "event": st.sampled_from(TEXTS),
            "uid": st.sampled_from(["7", "8", None]),
            "user": st.sampled_from(["Ada", "7", None]),
            "aid": st.sampled_from(["1", "2", None]),
            "account_group_name": st.sampled_from(["Shops", "1", None]),
            "ip_address": st.sampled_from(ADDRESSES),
            "resources": st.sampled_from(RESOURCES),
        }
    )
    return st.lists(row, max_size=max_size)


def table(drawn: list[dict[str, Any]]) -> pa.Table:
    """Write rows as Arrow events, in their order."""
    return pa.Table.from_pylist(drawn, ARROW_SCHEMA)


@contextmanager
def archive_of(events: pd.DataFrame) -> Iterator[taf.Archive]:
    """Put events into an archive."""
    with tempfile.TemporaryDirectory() as folder:
        taf.write_parquet(events, f"{folder}/events.parquet")
        archive = taf.Archive(f"{folder}/te-audit")
        archive.import_parquet(f"{folder}/events.parquet")
        yield archive


@contextmanager
def everywhere(events: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Give events in every library, and in an archive."""
    arrow = to_arrow(events)
    with archive_of(events) as archive:
        yield {name: make(arrow) for name, make in SOURCES.items()} | {"archive": archive}


def data_file(name: str) -> Path:
    """Return a file of the data that lie beside the repository or above it, or skip the test if there are none."""
    for folder in Path(__file__).parents[3:]:
        if (path := folder / "shared" / "data" / name).exists():
            return path
    pytest.skip(f"{name} is not at hand")


@cache
def history(name: str) -> pd.DataFrame:
    """Read a history of real people, or skip the test if the data are not at hand."""
    with gzip.open(data_file(f"{name}.jsonl.gz"), "rb") as lines:
        return taf.read_pages([b'{"auditEvents": [' + b",".join(lines) + b"]}"])


@cache
def attacks() -> dict[str, pd.DataFrame]:
    """Read the recorded attacks, or skip the test if the data are not at hand."""
    return {
        name: taf.read_pages([json.dumps({"auditEvents": events}).encode()])
        for name, events in json.loads(data_file("attacks.json").read_text()).items()
    }
