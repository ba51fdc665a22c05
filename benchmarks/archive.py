"""Archives of three sizes: sync, load and summaries, and the memory of DuckDB and of pandas."""

from __future__ import annotations

import math
import tempfile

import duckdb

import te_audit_frames as taf
from benchmarks.measure import Result, alone, growth_of_memory, seconds, share, side_by_side
from benchmarks.practice import served

_DAYS = 365


def run(full: bool) -> list[Result]:
    """Measure archives of three sizes, each ten times the one before."""
    sizes = [10**5, 10**6, 10**7] if full else [10**4, 10**5, 10**6]
    times: dict[str, list[float]] = {}
    for events in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for what, took in _times(folder, events).items():
                times.setdefault(what, []).append(took)
            if events == sizes[-1]:
                memory = _memory(folder)
                shares = _shares(folder, events, 0.25 if full else None)
    return [
        *(_growth(what, dict(zip(sizes, each, strict=True))) for what, each in times.items()),
        *shares,
        Result(f"summarize_by_user of {sizes[-1]:,} archived events by DuckDB: peak memory", f"{memory[0]:,.0f} MiB"),
        Result("the same by pandas, loaded into memory: peak memory", f"{memory[1]:,.0f} MiB"),
        Result("the same: memory of pandas against DuckDB", f"{memory[1] / memory[0]:.1f} x"),
    ]


def _growth(what: str, times: dict[int, float]) -> Result:
    shown = ", ".join(f"{size:,}: {took:.2f} s" for size, took in times.items())
    (small, quick), *_, (large, slow) = times.items()
    slope = math.log(slow / quick) / math.log(large / small)
    return Result(f"archive, {what}: growth ({shown})", f"slope {slope:.2f}")


def _times(folder: str, events: int) -> dict[str, float]:
    archive = taf.Archive(folder)
    with served(events=events, days=_DAYS, page_size=1_000) as (url, token):
        client = taf.Client(token=token, base_url=url, progress=False)
        first = seconds(lambda: archive.sync(client, settle=0))
        nothing_new = seconds(lambda: archive.sync(client, settle=0))
    files = archive.files()
    return {
        "first sync": first,
        "sync without news": nothing_new,
        "load": seconds(archive.load),
        "load of one month": seconds(lambda: archive.load(start=archive.coverage()["day"].iloc[-31])),
        "summarize_by_user by DuckDB": seconds(lambda: taf.summarize_by_user(duckdb.read_parquet(files))),
    }


def _shares(folder: str, events: int, bound: float | None) -> list[Result]:
    """Compare calls that load only the columns they need with loading everything first.

    The bound is for ten million events. With fewer, opening 365 files takes most of the time either way.
    """
    archive = taf.Archive(folder)
    rows = side_by_side(
        lambda: taf.activity(archive),
        lambda: taf.activity(archive.load()),
        lambda: taf.activity(archive, by="event"),
        lambda: taf.activity(archive.load(), by="event"),
        lambda: taf.summarize_by_user(archive),
        lambda: taf.summarize_by_user(archive.load()),
        runs=3,
    )
    what = f"of an archive of {events:,} events: time of loading all columns first"
    return [
        share(f"activity {what}", rows, 0, 1, bound),
        share(f"activity(by=event) {what}", rows, 2, 3, bound),
        share(f"summarize_by_user {what}", rows, 4, 5),
    ]


def _memory(folder: str) -> tuple[float, float]:
    setup = (
        f"import duckdb, te_audit_frames as taf, narwhals\narchive = taf.Archive({folder!r})\nfiles = archive.files()"
    )
    return (
        growth_of_memory(setup, "taf.summarize_by_user(duckdb.read_parquet(files))"),
        growth_of_memory(setup, "taf.summarize_by_user(archive.load())"),
    )


if __name__ == "__main__":
    alone(run)
