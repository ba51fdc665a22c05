"""Streaming a long history: peak memory above the import, for two lengths of history."""

from __future__ import annotations

from benchmarks.measure import Result, alone, at_most, growth_of_memory
from benchmarks.practice import served


def run(full: bool) -> list[Result]:
    """Measure `iter_batches` over a history and over one four times as long."""
    events = 2_000_000 if full else 400_000
    peaks = [_peak(events // 4), _peak(events)]
    return [
        at_most(f"iter_batches, {events:,} events: peak above the import", peaks[1], 300, "MiB"),
        Result(f"iter_batches: {events // 4:,} events", f"{peaks[0]:.0f} MiB"),
    ]


def _peak(events: int) -> float:
    with served(events=events, page_size=1_000) as (url, token):
        work = (
            f"client = taf.Client(token={token!r}, base_url={url!r})\n"
            "batches = client.iter_batches(window='104w')\n"
            f"assert sum(batch.num_rows for batch in batches) == {events}"
        )
        return growth_of_memory("import te_audit_frames as taf", work)


if __name__ == "__main__":
    alone(run)
