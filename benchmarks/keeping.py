"""The archive on days of several shapes: keeping days, importing, loading and verifying, and a first sync.

Times are processor times, so that the disk does not count. Each is a share of the time of a plain program that does the
least that the task needs. `BEFORE` has the same shares from before the archive was made faster with small files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most
from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.sandbox.rate_limit import RateLimit
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.storage.sync_days import SyncDays
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.table import read_coverage

# Events and days of each shape: full, and short.
SHAPES = {
    "few big days": ((28_000 * 30, 30), (28_000 * 3, 3)),
    "many small days": ((30 * 2_000, 2_000), (30 * 150, 150)),
    "real-shaped days": ((60_000, 2_000), (4_500, 150)),
}
PROMISED = {"keep days": 0.7, "import": 0.6, "load": 0.6, "verify": 0.4}
BEFORE = {
    # Measured in the short setting, on a busy machine.
    ("keep days", "few big days"): 2.60,
    ("import", "few big days"): 2.58,
    ("load", "few big days"): 1.28,
    ("verify", "few big days"): 1.51,
    ("keep days", "many small days"): 4.04,
    ("import", "many small days"): 4.01,
    ("load", "many small days"): 1.58,
    ("verify", "many small days"): 2.18,
    ("keep days", "real-shaped days"): 4.35,
    ("import", "real-shaped days"): 4.66,
    ("load", "real-shaped days"): 1.41,
    ("verify", "real-shaped days"): 2.31,
}
_FIRST = date(2020, 1, 1)
_DAY = timedelta(days=1)
_START = datetime(2020, 1, 1, tzinfo=UTC)


def history(events: int, days: int, *, is_even: bool) -> pa.Table:
    """Make events in ascending order. Unless the days are even, a few of them have most events, and weekends few."""
    rng = np.random.default_rng(0)
    weights = np.ones(days)
    if not is_even:
        weights = (rng.pareto(1.2, days) + 0.05) * np.where(np.arange(days) % 7 >= 5, 0.1, 1.0)
    day = rng.choice(days, events, p=weights / weights.sum())
    day[:days] = np.arange(days)
    seconds = np.sort(int(_START.timestamp()) + day * 86_400 + rng.integers(0, 86_400, events))

    def often(many: int) -> pa.Array:
        return pa.array(np.minimum((rng.pareto(1.0, events) * many / 20).astype("int32"), many - 1))

    people, groups, kinds, places = often(200), often(8), often(40), often(500)
    columns = {
        "date": pa.array(seconds * 1_000_000).cast(ARROW_SCHEMA.field("date").type),
        "aid": pa.array([str(number) for number in range(8)], pa.large_string()).take(groups),
        "account_group_name": pa.array([f"Group {number}" for number in range(8)], pa.large_string()).take(groups),
        "event": pa.array([f"Event type number {number}." for number in range(40)], pa.large_string()).take(kinds),
        "uid": pa.array([str(number) for number in range(200)], pa.large_string()).take(people),
        "user": pa.array([f"User {number} (user{number}@example.com)" for number in range(200)]).take(people),
        "ip_address": pa.array([f"203.0.{number // 250}.{number % 250}" for number in range(500)]).take(places),
        "resources": pa.array(
            [[{"type": "testName", "name": f"Test {number}"}] for number in range(500)],
            ARROW_SCHEMA.field("resources").type,
        ).take(places),
    }
    arrays = [columns.get(field.name, pa.nulls(events, field.type)).cast(field.type) for field in ARROW_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=ARROW_SCHEMA)


def run(full: bool) -> list[Result]:
    """Measure every shape. The short setting takes fewer days, and states no claim about a first sync."""
    shares: dict[str, list[float]] = {}
    results = []
    for shape, sizes in SHAPES.items():
        events, days = sizes[0 if full else 1]
        for what, value in _shares(history(events, days, is_even=shape != "real-shaped days")).items():
            now_and_before = f"{value:.2f} x"
            # The figures before are of the short setting, and no measure of larger days.
            if (before := None if full else BEFORE.get((what, shape))) is not None:
                shares.setdefault(what, []).append(value / before)
                now_and_before += f" (before: {before:.2f})"
            results.append(Result(f"archive, {what}, {shape}: processor time of plain pyarrow", now_and_before))
    for what, found in shares.items():
        named = f"archive, {what}: share of its time before, "
        results += [
            at_most(f"{named}median of {len(found)} shapes", statistics.median(found), PROMISED[what]),
            at_most(f"{named}worst", max(found), PROMISED[what]),
        ]
    return results + _first_sync(full)


def _shares(rows: pa.Table) -> dict[str, float]:
    """Return each task's time as a share of a plain program's: the median of three runs."""
    days = _split(rows)
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        source = f"{place}/events.parquet"
        pq.write_table(rows, source)
        numbers = count()
        archive = taf.Archive(f"{place}/te-audit")
        archive.import_parquet(source)
        files = archive.files()
        works: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "keep days": (lambda: _keep(days, f"{place}/{next(numbers)}"), lambda: _write_plainly(days, sort=True)),
            "import": (
                lambda: taf.Archive(f"{place}/{next(numbers)}").import_parquet(source),
                lambda: _write_plainly(_split(pq.read_table(source)), sort=False),
            ),
            "load": (archive.load, lambda: _read_plainly(files)),
            "verify": (archive.verify, lambda: _check_plainly(files)),
        }
        for turn in range(4):
            for what, (ours, plain) in works.items():
                value = _processor_seconds(ours) / _processor_seconds(plain)
                if turn:  # the first run only warms up
                    found.setdefault(what, []).append(value)
    return {what: statistics.median(values) for what, values in found.items()}


def _processor_seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _split(rows: pa.Table) -> dict[date, pa.Table]:
    numbers = rows["date"].cast(pa.int64()).to_numpy() // 86_400_000_000
    different, starts = np.unique(numbers, return_index=True)
    ends = [*starts[1:], len(numbers)]
    return {
        date(1970, 1, 1) + int(number) * _DAY: rows.slice(start, end - start)
        for number, start, end in zip(different, starts, ends, strict=True)
    }


def _keep(days: dict[date, pa.Table], place: str) -> None:
    """Keep days as a first sync does: newest first, each in pages of 1,000 events."""
    end = _START + timedelta(days=len(days) + 10)
    store = LocalStore(place)
    with store.writing():
        observer = ScopeObserver(True, Scope(True))
        writer = ArchiveWriter(store, alone=True, survey=lambda: ({}, set()))
        writer.begin()
        kept = SyncDays(store, writer, SyncReport("", "", ""), read_coverage(store), observer, now=end, end=end)
        for day in sorted(days, reverse=True):
            kept.add([(day, days[day].to_batches(max_chunksize=1_000)[::-1])])
        kept.write()
        kept.record_all()
        writer.finish()


def _write_plainly(days: dict[date, pa.Table], *, sort: bool) -> None:
    for rows in days.values():
        ordered = rows.take(pc.sort_indices(rows["date"])) if sort else rows
        pq.write_table(ordered, io.BytesIO(), compression="zstd")


def _read_plainly(files: list[str]) -> pa.Table:
    return pa.concat_tables(pq.ParquetFile(file).read() for file in files)


def _check_plainly(files: list[str]) -> None:
    for file in files:
        content = Path(file).read_bytes()
        hashlib.sha256(content).hexdigest()
        pq.ParquetFile(pa.BufferReader(content)).read()


# ---- a first sync ------------------------------------------------------------------------------------------------


class _VirtualClock(Clock):
    """A clock whose waits take no time, and only move it forward."""

    def __init__(self, now: datetime) -> None:
        self._now, self._seconds = now, 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self._seconds

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        self._seconds += seconds


def _first_sync(full: bool) -> list[Result]:
    """Measure a first sync in virtual time, in which only the rate limit takes time."""
    days = 730 if full else 60
    results = []
    for handles, bound in (("honoured", 3.5), ("ignored", 31.0), ("refused", 31.0)):
        minutes, requests = first_sync(days, handles)
        what = f"first sync of {days} days at 1,000 events a day, 240 requests a minute, `max` {handles}"
        figure = f"{minutes:.1f} min ({requests:,} requests)"
        results.append(
            Result(what, figure, f"at most {bound:g} min", minutes <= bound) if full else Result(what, figure)
        )
    return results


def first_sync(days: int, handles: str) -> tuple[float, int]:
    """Return the virtual minutes and the requests of a first sync from a server with 100 events a page."""
    clock = _VirtualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
    # The options are of several types, which a plain dict does not tell mypy.
    options = {"page_size": 100, "max_parameter": handles, "now": clock.now, "days": days}
    with Sandbox(days * 1_000, **options) as api, tempfile.TemporaryDirectory() as place:  # type: ignore[arg-type]
        api._api = dataclasses.replace(api._api, rate_limit=RateLimit(240, 60.0, clock.monotonic))
        client = taf.Client(token=api.token, base_url=api.url, workers=1, clock=clock, progress=False)
        report = taf.Archive(place).sync(client)
        assert report.events_added > days * 950
    return clock.monotonic() / 60, report.requests


if __name__ == "__main__":
    alone(run)
