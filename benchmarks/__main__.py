"""All benchmarks. They write `benchmarks/RESULTS.md`."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.measure import Result, table

PROGRAMS = (
    *("decode", "fetch", "schedule", "cancelling", "budget", "summaries", "files"),
    *("memory", "startup", "archive", "keeping", "peers", "vocabulary", "unknown_words", "explorer", "report"),
    *("baseline", "hours"),
)
LIBRARIES = ("pandas", "pyarrow", "narwhals", "duckdb", "polars", "orjson", "dlt", "thousandeyes-sdk-administrative")


def main() -> int:
    """Run the programs one after the other. Return 1 if a claim does not hold, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="use the sizes that the claims name (about 40 minutes)")
    full = parser.parse_args().full
    results: list[Result] = []
    for name in PROGRAMS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results += importlib.import_module(f"benchmarks.{name}").run(full)
    versions = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    about = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {'full' if full else 'short'} setting: {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {versions}."
    )
    report = f"# Results\n\n{about}\n\n{table(results)}\n"
    Path(__file__).with_name("RESULTS.md").write_text(report, encoding="utf-8")
    print(report)
    return int(any(result.met is False for result in results))


if __name__ == "__main__":
    sys.exit(main())
