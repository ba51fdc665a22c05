"""The report: how long it takes and how large it is, for three months of a practice organisation and for many events.

The organisation's events are reviewed first. The review is not counted, because it is given to `write_report`. The many
events are those of the organisation, repeated.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most, seconds
from te_audit_frames.sandbox import Sandbox

EVENTS, DAYS = 12_000, 90


def run(full: bool) -> list[Result]:
    """Write a report on 12,000 events with a review, and one on many events without."""
    with Sandbox(events=EVENTS, days=DAYS, seed=0, incidents=True) as api:
        events = taf.Client(token=api.token, base_url=api.url).fetch_events(window=f"{DAYS + 1}d")
    review = taf.review(events)
    times = 5_000_000 // len(events) + 1 if full else 20
    many = pd.concat([events] * times, ignore_index=True).sort_values("date", kind="stable", ignore_index=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        taf.write_report(events, path, review=review)  # imports and templates
        took = min(seconds(lambda: taf.write_report(events, path, review=review)) for _ in range(3))
        size = path.stat().st_size / 1_000
        took_many = seconds(lambda: taf.write_report(many, path))
    return [
        at_most(f"report: {len(events):,} events of {DAYS} days, reviewed", took, 3, "s"),
        at_most("report: its size", size, 500, "kB"),
        at_most(f"report: {len(many):,} events", took_many, 30, "s"),
    ]


if __name__ == "__main__":
    alone(run)
