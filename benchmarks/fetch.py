"""The schedule of a fetch over real HTTP: requests and time compared with the ideal, for even and uneven histories."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 90
PAGES = 150
PAGE_SIZE = 100
WORKERS = 8


def even(rng: random.Random) -> list[float]:
    """Spread events evenly."""
    return [rng.random() * DAYS * 86_400 for _ in range(PAGES * PAGE_SIZE)]


def one_hour(rng: random.Random) -> list[float]:
    """Put half of all events into one hour."""
    within = [40.5 * 86_400 + rng.random() * 3_600 for _ in range(PAGES * PAGE_SIZE // 2)]
    return within + even(rng)[len(within) :]


def nights(rng: random.Random) -> list[float]:
    """Leave nights and weekends empty."""
    days = [day for day in range(DAYS) if (NOW - timedelta(days=day + 1)).weekday() < 5]
    return [rng.choice(days) * 86_400 + rng.uniform(8, 18) * 3_600 for _ in range(PAGES * PAGE_SIZE)]


def one_second(rng: random.Random) -> list[float]:
    """Put everything into one second."""
    return [40.5 * 86_400] * (PAGES * PAGE_SIZE)


def run(full: bool) -> list[Result]:
    """Measure 150 pages with a latency of half a second, or less."""
    latency = 0.5 if full else 0.1
    results = []
    for name, history, bound, ideal in (
        ("even", even, 1.2, PAGES * latency / WORKERS),
        ("half in one hour", one_hour, 1.4, PAGES * latency / WORKERS),
        ("empty nights and weekends", nights, 1.4, PAGES * latency / WORKERS),
        ("all in one second", one_second, 1.1, PAGES * latency),
    ):
        ages = history(random.Random(0))
        events = [_event(number, age) for number, age in enumerate(ages)]
        took, requests, pages = _fetch(events, latency)
        results += [
            at_most(f"fetch, {name}, {latency:g} s latency: wall time of the ideal", took / ideal, bound),
            at_most(f"fetch, {name}: requests", requests, pages * 1.2 + WORKERS, "requests"),
        ]
    return results


def _event(number: int, age: float) -> dict[str, Any]:
    date = (NOW - timedelta(seconds=int(age) + 1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    # No two events are equal: a page that equals the first one would look as if its cursor had led back.
    event = f"Test {number} updated."
    return {"date": date, "aid": "1", "uid": str(number % 50), "user": f"User {number % 50}", "event": event}


def _fetch(events: list[dict[str, Any]], latency: float) -> tuple[float, int, int]:
    options: dict[str, Any] = {"now": NOW, "page_size": PAGE_SIZE, "rate_limit": None, "latency": latency}
    period = {"start": NOW - timedelta(days=DAYS), "end": NOW}
    with Sandbox(events, **options) as api:
        client = taf.Client(token=api.token, base_url=api.url, workers=WORKERS, progress=False)
        began = time.perf_counter()
        fetched = client.fetch_events(**period)
        took = time.perf_counter() - began
    assert len(fetched) == len(events)
    return took, taf.receipt(fetched).requests, -(-len(events) // PAGE_SIZE)


if __name__ == "__main__":
    alone(run)
