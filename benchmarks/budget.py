"""The request allowance: the total time compared with the ideal schedule, and the 429s that our requests cause."""

from __future__ import annotations

import math
import threading
import time

import requests

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_most
from benchmarks.schedule import limited
from te_audit_frames.sandbox import Sandbox

LIMIT, WORKERS, LATENCY = 60, 8, 0.1


def run(full: bool) -> list[Result]:
    """Measure one client alone, and beside another that uses half of the allowance."""
    # Headers have whole seconds, so every window begins up to two seconds late. Short windows exaggerate that.
    period, windows = (20.0, 3) if full else (10.0, 3)
    took, receipt = _fetch(LIMIT * windows - LIMIT // 2, period, other=False)
    # All but the last window are waited out; in the last one only latency counts.
    ideal = (windows - 1) * period + LIMIT // 2 * LATENCY / WORKERS
    shared, crowded = _fetch(LIMIT * windows // 2 - 5, period, other=True)
    virtual = []
    for name, rounding in (("up", math.ceil), ("down", math.floor)):
        runs = [limited(1_100, seed, rounding=rounding) for seed in range(20 if full else 3)]
        stretches = [run.stretch for run in runs]
        what = f"budget, 240 requests in 60 s, virtual time, Reset rounded {name}"
        virtual += [
            at_most(f"{what}: time of the ideal, worst", max(stretches), 1.02),
            at_most(
                f"{what}: 429s of our own making in {len(runs)} fetches", sum(run.throttled for run in runs), 0, ""
            ),
        ]
    return [
        *virtual,
        at_most(f"budget, {LIMIT} requests per {period:.0f} s: time of the ideal schedule", took / ideal, 1.15),
        at_most("budget: 429s of our own making", receipt.throttled, 0, "answers"),
        at_most(
            "budget, another client takes half: 429s a window", crowded.throttled / (shared / period), 1, "answers"
        ),
    ]


def _fetch(pages: int, period: float, *, other: bool) -> tuple[float, taf.Receipt]:
    done = threading.Event()
    with Sandbox(pages * 20, page_size=20, rate_limit=LIMIT, rate_period=period, latency=LATENCY) as api:
        client = taf.Client(token=api.token, base_url=api.url, workers=WORKERS, progress=False)
        rival = threading.Thread(target=_rival, args=(api, 2 * period / LIMIT, done))
        if other:
            rival.start()
        began = time.perf_counter()
        events = client.fetch_events(window="104w")
        took = time.perf_counter() - began
        done.set()
        if other:
            rival.join()
    return took, taf.receipt(events)


def _rival(api: Sandbox, pause: float, done: threading.Event) -> None:
    """Use half of the allowance, steadily."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {api.token}"
        while not done.wait(pause):
            session.get(f"{api.url}/v7/audit-user-events", params={"window": "1s"}, timeout=10)


if __name__ == "__main__":
    alone(run)
