"""Parquet: size and reading time, compared with the defaults of DataFrame.to_parquet() and with Polars."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import polars as pl

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most, ratio, side_by_side
from benchmarks.practice import pages
from te_audit_frames.schema import to_arrow


def run(full: bool) -> list[Result]:
    """Measure one file of events."""
    events = taf.read_pages(pages(1_000_000 if full else 200_000))
    objects = events.astype({"resources": "object"})
    objects.attrs.clear()
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs, polars = (Path(folder, name) for name in ("ours", "pandas", "polars"))
        writing = side_by_side(
            lambda: taf.write_parquet(events, mine),
            lambda: objects.to_parquet(theirs),
            lambda: pl.from_arrow(to_arrow(events)).write_parquet(polars),
            runs=3,
        )
        reading = side_by_side(
            lambda: taf.read_parquet(mine), lambda: pd.read_parquet(theirs), lambda: pl.read_parquet(polars), runs=5
        )
        size = mine.stat().st_size
        return [
            at_most(
                f"write_parquet, {len(events):,} events: bytes of pandas' file", size / theirs.stat().st_size, 0.63
            ),
            Result("write_parquet: bytes of Polars' file", f"{size / polars.stat().st_size:.2f} x"),
            Result("write_parquet: time of pandas", f"{ratio(writing, 0, 1):.2f} x"),
            at_most("read_parquet: time of pandas reading its own file", ratio(reading, 0, 1), 0.5),
            Result("read_parquet: time of Polars reading its own file", f"{ratio(reading, 0, 2):.2f} x"),
        ]


if __name__ == "__main__":
    alone(run)
