"""The baseline: how much time and memory it takes to read an archive of history into counts."""

from __future__ import annotations

import math
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most, growth_of_memory, seconds
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.schema import ARROW_SCHEMA

_DAYS = 730
_PEOPLE = 500
_TEXTS = ["User login.", "Test updated.", "Test created.", "Test deleted.", "Alert rule updated.", "Report created."]


def run(full: bool) -> list[Result]:
    """Read two archives, one ten times the size of the other."""
    sizes = [10**6, 10**7] if full else [10**5, 10**6]
    times = []
    for events in sizes:
        with tempfile.TemporaryDirectory() as folder:
            archive = make_archive(folder, events)
            times.append(seconds(lambda archive=archive: read_baseline(archive)))
            setup = (
                "import te_audit_frames as taf\nfrom te_audit_frames.checks.baseline import read_baseline\n"
                f"archive = taf.Archive({archive.location!r})"
            )
            memory = growth_of_memory(setup, "read_baseline(archive)")
    what = f"history of {sizes[-1]:,} archived events read into counts"
    slope = math.log(times[1] / times[0]) / math.log(10)
    return [
        at_most(f"{what}: time", times[1], 60 * sizes[-1] / 10**7, "s"),
        at_most(f"{what}: growth, from {sizes[0]:,}", slope, 1.1, "slope"),
        at_most(f"{what}: memory", memory, 1024, "MiB"),
    ]


def make_archive(folder: str, events: int) -> taf.Archive:
    """Write events of people who work by day, and put them into an archive."""
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01", tz="UTC").value // 10**9
    day = rng.integers(0, _DAYS, events)
    second = np.clip(rng.normal(13 * 3600, 3 * 3600, events), 0, 86_399).astype("int64")
    dates = np.sort(start + day * 86_400 + second)
    person = rng.integers(0, _PEOPLE, events)
    choose = {
        "uid": ([str(number) for number in range(_PEOPLE)], person),
        "user": ([f"User {number} (user{number}@example.com)" for number in range(_PEOPLE)], person),
        "event": (_TEXTS, rng.integers(0, len(_TEXTS), events)),
        "ip_address": ([f"203.0.{number}.9" for number in range(200)], (person + rng.integers(0, 3, events)) % 200),
        "aid": (["1", "2", "3"], person % 3),
        "account_group_name": (["EMEA", "APJ", "Americas"], person % 3),
    }
    columns = {name: pa.array(values, pa.large_string()).take(pa.array(at)) for name, (values, at) in choose.items()}
    columns["date"] = pa.array(dates * 10**6).cast(ARROW_SCHEMA.field("date").type)
    table = pa.table(
        [columns.get(field.name, pa.nulls(events, field.type)) for field in ARROW_SCHEMA], schema=ARROW_SCHEMA
    )
    pq.write_table(table, f"{folder}/events.parquet")
    archive = taf.Archive(f"{folder}/te-audit")
    archive.import_parquet(f"{folder}/events.parquet")
    return archive


if __name__ == "__main__":
    alone(run)
