"""Log to frame or Parquet, end to end, compared with the official SDK, a plain loop, and dlt's REST source."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import dlt
import pandas as pd
import requests
from dlt.sources.rest_api import rest_api_source
from thousandeyes_sdk.administrative import UserEventsApi
from thousandeyes_sdk.core import ApiClient, Configuration

import te_audit_frames as taf
from benchmarks.measure import Result, alone, seconds
from benchmarks.practice import served


def ours(url: str, token: str, target: Path) -> int:
    """Fetch and write with this package."""
    client = taf.Client(token=token, base_url=url, progress=False)
    events = client.fetch_events(window="104w")
    taf.write_parquet(events, target)
    return len(events)


def official_sdk(url: str, token: str, target: Path) -> int:
    """Fetch with the official SDK, and make a frame of its models."""
    api = UserEventsApi(ApiClient(Configuration(host=f"{url}/v7", access_token=token)))
    pages = api.get_user_events_paginated(window="104w", use_all_permitted_aids=True)
    frame = pd.DataFrame([event.to_dict() for event in pages])
    frame.assign(date=pd.to_datetime(frame["date"])).to_parquet(target)
    return len(frame)


def plain_loop(url: str, token: str, target: Path) -> int:
    """Fetch with requests, page by page."""
    events = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        following = f"{url}/v7/audit-user-events?window=104w&useAllPermittedAids=true"
        while following:
            page = session.get(following, timeout=30).json()
            events += page["auditEvents"]
            following = page["_links"].get("next", {}).get("href")
    frame = pd.DataFrame(events)
    frame.assign(date=pd.to_datetime(frame["date"])).to_parquet(target)
    return len(frame)


def dlt_rest(url: str, token: str, target: Path) -> int:
    """Load with dlt's REST source into Parquet files."""
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/v7/",
                "auth": {"type": "bearer", "token": token},
                "paginator": {"type": "json_link", "next_url_path": "_links.next.href"},
            },
            "resources": [
                {
                    "name": "events",
                    "endpoint": {
                        "path": "audit-user-events",
                        "params": {"window": "104w", "useAllPermittedAids": "true"},
                        "data_selector": "auditEvents",
                    },
                }
            ],
        }
    )
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(target / "work"),
        dataset_name="log",
        destination=dlt.destinations.filesystem(str(target)),
    )
    pipeline.run(source, loader_file_format="parquet")
    return pipeline.last_trace.last_normalize_info.row_counts["events"]


def run(full: bool) -> list[Result]:
    """Measure 100 pages of 500 events, with a latency of half a second or a tenth."""
    latency = 0.5 if full else 0.1
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    with served(events=50_000, page_size=500, latency=latency) as (url, token), tempfile.TemporaryDirectory() as folder:
        peers: dict[str, Callable[[str, str, Path], int]] = {
            "the official SDK": official_sdk,
            "a requests + pandas loop": plain_loop,
            "dlt's REST source": dlt_rest,
        }
        mine = min(seconds(lambda: _all(ours, url, token, Path(folder, "ours"))) for _ in range(2))
        results = []
        for name, peer in peers.items():
            theirs = seconds(lambda: _all(peer, url, token, Path(folder, peer.__name__)))  # noqa: B023 - called at once
            what = f"log to Parquet, 100 pages, {latency:g} s latency: times faster than {name}"
            results.append(Result(what, f"{theirs / mine:.1f} x"))
    return results


def _all(peer: Callable[[str, str, Path], int], url: str, token: str, target: Path) -> None:
    assert peer(url, token, target) == 50_000


if __name__ == "__main__":
    alone(run)
