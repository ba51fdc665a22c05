"""Events to explore, and choices as a browser makes them."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache

import duckdb
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.schema import to_arrow

HOSTILE = "<img src=x onerror=\"document.title='1'\">"
START = datetime(2026, 3, 27, tzinfo=UTC)  # the night two days later is an hour shorter in Berlin


def event(hours: float, **fields: object) -> dict[str, object]:
    moment = START + timedelta(hours=hours)
    return {"date": moment.isoformat().replace("+00:00", "Z"), **fields}


def frame(*sent: dict[str, object]) -> pd.DataFrame:
    return taf.read_pages([json.dumps({"auditEvents": sent}).encode()])


EVENTS = frame(
    event(0, event="User login.", uid="7", user="Ada", aid="1", accountGroupName="Shops", ipAddress="192.0.2.1"),
    event(1.5, event="Login failed.", uid="8", user="Ada", aid="2", accountGroupName="Shops", ipAddress="192.0.2.2"),
    event(26, event="User login.", user="7", aid="1", accountGroupName="Stores"),
    event(47.75, event=HOSTILE, uid="9", user=HOSTILE, resources=[{"type": "testName", "name": HOSTILE}]),
    event(48, event='O\'Hara "quoted" \\ \u202e \n', uid="7", user="Ada Lovelace", ipAddress="192.0.2.1"),
    event(49.25, event="(none)", uid=None, user=None, ipAddress="2001:db8::1"),
    {"event": "User login.", "uid": "7", "user": "Ada"},
    {"date": "2026-03-29T03:00:00.999999Z"},
)


def choose(explorer: taf.Explorer, **values: object) -> None:
    """Select as the browser does, in new views, and nothing else."""
    views, box = explorer._make_views()
    box.children[0].children[0].click()
    views.params = {f"by_{view}": {"value": value} for view, value in values.items()}


def run(code: str, **names: object) -> pd.DataFrame:
    return eval(code, {"taf": taf, "duckdb": duckdb, **names})


def rows(events: pd.DataFrame) -> list[str]:
    return [json.dumps(row, default=str) for row in events.drop(columns="resources").to_numpy().tolist()]


@cache
def explorers() -> tuple[taf.Explorer, taf.Explorer]:
    """Explorers of a frame and of a relation with the same events, which tests choose in again and again."""
    relation = duckdb.from_arrow(to_arrow(EVENTS))
    return taf.explore(EVENTS, tz="Europe/Berlin"), taf.explore(relation, tz="Europe/Berlin")
