"""Bytes to the finished frame, compared with the official SDK, plain pandas, and orjson's parse as the limit."""

from __future__ import annotations

import json
import math
import pickle
import tempfile
from pathlib import Path

import orjson
import pandas as pd
from thousandeyes_sdk.administrative.models import AuditUserEvents

import te_audit_frames as taf
from benchmarks.measure import Result, alone, at_least, at_most, growth_of_memory, ratio, seconds, side_by_side
from benchmarks.practice import pages


def ours(bodies: list[bytes]) -> pd.DataFrame:
    """Decode with this package."""
    return taf.read_pages(bodies)


def plain(bodies: list[bytes]) -> pd.DataFrame:
    """Decode with json and plain pandas."""
    frame = pd.DataFrame([event for body in bodies for event in json.loads(body)["auditEvents"]])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def official_sdk(bodies: list[bytes]) -> pd.DataFrame:
    """Decode with the official SDK's models."""
    events = [event for body in bodies for event in AuditUserEvents.from_json(body.decode()).audit_events or []]
    frame = pd.DataFrame([event.to_dict() for event in events])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def orjson_alone(bodies: list[bytes]) -> None:
    """Parse only."""
    for body in bodies:
        orjson.loads(body)


def run(full: bool) -> list[Result]:
    """Measure 200 pages of 1,000 events, and the growth up to 1,000,000 events."""
    bodies = pages(200_000)
    rows = side_by_side(lambda: ours(bodies), lambda: orjson_alone(bodies), lambda: plain(bodies), runs=5 + 4 * full)
    sdk = seconds(lambda: official_sdk(bodies)) / min(row[0] for row in rows)
    return [
        at_least("decode, 200 x 1,000 events: times faster than the official SDK's models", sdk, 30),
        at_least("decode: times faster than json + DataFrame + to_datetime", ratio(rows, 2, 0), 8),
        at_most("decode: time of orjson.loads alone", ratio(rows, 0, 1), 1.25),
        at_most("decode: memory growth of json + DataFrame + to_datetime", _memory(bodies), 0.4),
        _growth(bodies, full),
    ]


def _memory(bodies: list[bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages")
        path.write_bytes(pickle.dumps(bodies))
        setup = (
            "import pickle, pathlib, te_audit_frames, benchmarks.decode as decode\n"
            f"bodies = pickle.loads(pathlib.Path({str(path)!r}).read_bytes())\n"
            "decode.ours(bodies[:2]), decode.plain(bodies[:2])"
        )
        return growth_of_memory(setup, "decode.ours(bodies)") / growth_of_memory(setup, "decode.plain(bodies)")


def _growth(bodies: list[bytes], full: bool) -> Result:
    sizes = [10, 100, 1_000] if full else [10, 50, 200]
    times = []
    for size in sizes:
        many = (bodies * math.ceil(size / len(bodies)))[:size]
        times.append(min(seconds(lambda: ours(many)) for _ in range(3)))  # noqa: B023 - called at once
    slope = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
    shown = ", ".join(f"{size * 1_000:,}: {took:.2f} s" for size, took in zip(sizes, times, strict=True))
    return Result(f"decode: growth ({shown})", f"slope {slope:.2f}", "at most 1.1", slope <= 1.1)


if __name__ == "__main__":
    alone(run)
