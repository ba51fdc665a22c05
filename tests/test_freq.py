"""Hours, days, weeks and months in every time zone, around every change of its clock since 2000, against `zoneinfo`."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.campaign import spread
from support.frames import table

import te_audit_frames as taf
from te_audit_frames.analysis.activity import hours_of_week
from te_audit_frames.analysis.freq import find_periods, list_periods, step_seconds

mpl.use("agg")

FREQS = ["h", "D", "W", "MS"]
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)

INSTANT = timedelta(microseconds=1)

# Distances from a change of the clock, in seconds, that are close to it or to the hours and days around it.
NEAR = [-86_400, -3_600, -61, -1, 0, 59, 60, 1_800, 3_540, 3_600, 14_400, 86_399]

# Clocks with an odd change, and when it was.
ODD = {
    "Pacific/Chatham": "2026-04-04",  # from 03:45 to 02:45, so that an hour has only three quarters
    "Antarctica/Casey": "2021-10-02",  # three hours forward, at 00:01
    "America/St_Johns": "2010-11-07",  # at 00:01, back into the day before
    "America/Goose_Bay": "2006-10-29",  # the same
    "Asia/Gaza": "2014-03-27",  # forward at 00:01
    "Australia/Lord_Howe": "2026-04-04",  # by half an hour
    "Pacific/Apia": "2011-12-30",  # a day that was skipped
    "Asia/Kathmandu": "2026-01-01",
    "Africa/Casablanca": "2026-02-15",
    "Asia/Pyongyang": "2015-08-14",  # half an hour back, at midnight
    "Asia/Colombo": "2006-04-14",
    "America/Caracas": "2007-12-09",
    "Antarctica/Troll": "2026-10-25",  # by two hours
    "Africa/Cairo": "2026-10-29",
    "America/Havana": "2026-11-01",
}


# ---- what zoneinfo says ----------------------------------------------------------------------------------------------


@cache
def clocks(cases: int) -> dict[str, tuple[tuple[datetime, timedelta, timedelta], ...]]:
    """Return one zone for each history of clock changes: when they were, and the offsets before and after.

    Of all zones, so many are looked at, and the odd ones.
    """
    days = [FIRST + timedelta(days=day) for day in range(0, (LAST - FIRST).days, 4)]  # none lasts less than a week
    alike = {}
    names = list({rules(name): name for name in sorted(zoneinfo.available_timezones())}.values())
    for name in dict.fromkeys([*spread(names, cases), *ODD]):
        zone = zoneinfo.ZoneInfo(name)
        offsets = [day.astimezone(zone).utcoffset() for day in days]
        changed = [position for position in range(1, len(days)) if offsets[position] != offsets[position - 1]]
        alike[tuple((days[position], offsets[position - 1], offsets[position]) for position in changed)] = name
    return {
        name: tuple((first_second(name, day, before), before, behind) for day, before, behind in changes)
        for changes, name in alike.items()
    }


def rules(name: str) -> bytes:
    """Read the rules of a zone, which many zones share."""
    for folder in zoneinfo.TZPATH:
        if (file := Path(folder, name)).is_file():
            return file.read_bytes()
    return resources.files("tzdata").joinpath("zoneinfo", name).read_bytes()


def first_second(name: str, until: datetime, before: timedelta) -> datetime:
    """Return the first second of a new offset within the four days before a moment."""
    low, high = 0, 4 * 86_400
    while high - low > 1:
        middle = (low + high) // 2
        moment = until - timedelta(days=4) + timedelta(seconds=middle)
        low, high = (
            (middle, high) if moment.astimezone(zoneinfo.ZoneInfo(name)).utcoffset() == before else (low, middle)
        )
    return until - timedelta(days=4) + timedelta(seconds=high)


def turn(moment: datetime, freq: str, zone: zoneinfo.ZoneInfo) -> tuple[Any, ...]:
    """Return what a clock and a calendar in the zone show at a moment, down to the period."""
    wall = moment.astimezone(zone)
    if freq == "h":
        return wall.date(), wall.hour, wall.utcoffset()
    if freq == "MS":
        return wall.year, wall.month
    return (wall.date() - timedelta(days=wall.weekday() if freq == "W" else 0),)


def around(changes: Iterable[datetime]) -> list[datetime]:
    return [change + timedelta(seconds=second) for change in changes for second in NEAR]


# ---- pandas, in every zone -------------------------------------------------------------------------------------------


def walk(name: str, moments: list[datetime], freq: str) -> None:
    """Assign moments to periods, by the steps in which engines count, and compare the result with the local clock."""
    zone = zoneinfo.ZoneInfo(name)
    dates = pd.Series(pd.to_datetime(moments, utc=True).as_unit("us"))
    seen = dates.min(), dates.max()
    periods = list_periods(seen, None, freq=freq, zone=zone)
    steps = dates.dt.floor(f"{step_seconds(zone, seen)}s")
    turns = [turn(moment, freq, zone) for moment in moments]
    positions = find_periods(steps, periods["period"], freq)
    of_position = dict(zip(positions, turns, strict=True))
    assert [of_position[position] for position in positions] == turns, f"{name}: two periods of the clock are one"
    assert len(set(turns)) == len(of_position), f"{name}: one period of the clock is two"
    found = periods.iloc[list(of_position)]
    starts, ends = (pd.DatetimeIndex(found[name]).tz_convert("UTC").to_pydatetime() for name in ("period", "end"))
    for shown, start, end in zip(of_position.values(), starts, ends, strict=True):
        assert turn(start, freq, zone) == shown, f"{name}: {start} is not where {shown} begins"
        assert turn(start - INSTANT, freq, zone) != shown, f"{name}: {start}"
        assert turn(end - INSTANT, freq, zone) == shown, f"{name}: {end} is not where {shown} ends"


# How many of some 350 zones with different rules are looked at.
ZONES = pytest.mark.campaign(full=1_000, middle=1_000, short=25)


@pytest.mark.full
@ZONES
def test_the_zones_of_these_tests_are_many(cases: int) -> None:
    assert len(clocks(cases)) > 150
    assert sum(map(len, clocks(cases).values())) > 3_000


@ZONES
@pytest.mark.full
def test_some_zone_changes_its_clock_at_an_odd_minute(cases: int) -> None:
    assert {change[0].minute % 15 for changes in clocks(cases).values() for change in changes} - {0}


@pytest.mark.full
@ZONES
@pytest.mark.parametrize("freq", ["D", "W", "MS"])
def test_every_change_of_every_clock_since_2000(freq: str, cases: int) -> None:
    for name, changes in clocks(cases).items():
        walk(name, around([change[0] for change in changes] or [FIRST]), freq)


@pytest.mark.full
@ZONES
def test_hours_around_every_kind_of_change(cases: int, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--full-faults"):
        for name, changes in clocks(cases).items():
            walk(name, around([change[0] for change in changes] or [FIRST]), "h")
    # For hours, only the offsets and the minute and second of a change matter, so each kind is tested once.
    kinds = {
        (before, behind, moment.minute, moment.second): (name, moment)
        for name, changes in clocks(cases).items()
        for moment, before, behind in changes
    }
    for name, moment in kinds.values():
        walk(name, around([moment]), "h")
    for name in clocks(cases):
        walk(name, around([FIRST]), "h")


@pytest.mark.parametrize(
    ("name", "first", "last", "seconds"),
    [
        ("UTC", "2000-01-01", "2026-01-01", 3_600),
        ("Europe/Berlin", "2000-01-01", "2026-01-01", 3_600),
        ("Asia/Kathmandu", "2000-01-01", "2026-01-01", 900),
        ("Pacific/Chatham", "2026-01-01", "2026-12-31", 900),
        ("America/St_Johns", "2012-01-01", "2026-01-01", 1_800),
        ("America/St_Johns", "2010-01-01", "2026-01-01", 60),
        ("Antarctica/Casey", "2021-10-01", "2021-10-04", 60),
        ("Antarctica/Casey", "2024-01-01", "2026-10-04", 3_600),
    ],
)
def test_steps_are_short_only_if_the_clock_is_odd(name: str, first: str, last: str, seconds: int) -> None:
    seen = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC")
    assert step_seconds(zoneinfo.ZoneInfo(name), seen) == seconds


# ---- a day that the clock comes back to ------------------------------------------------------------------------------


def test_a_day_that_continues_after_midnight_is_one_row() -> None:
    # In St. John's, one minute after 2010-11-07 began, the clock went back to 2010-11-06 for most of an hour.
    dates = pd.to_datetime(
        ["2010-11-07T02:00:00Z", "2010-11-07T02:30:30Z", "2010-11-07T02:40:00Z", "2010-11-07T04:00:00Z"]
    )
    counts = taf.activity(pd.DataFrame({"date": dates}), tz="America/St_Johns")
    assert [f"{day:%F %T%z}" for day in counts["period"]] == ["2010-11-06 00:00:00-0230", "2010-11-07 00:00:00-0230"]
    assert counts["events"].to_list() == [2, 2]
    ax = taf.plot_activity(pd.DataFrame({"date": dates}), tz="America/St_Johns")
    assert len(ax.patches[0].get_data().edges) == 3


def test_a_quarter_of_an_hour_that_the_clock_repeats_in_chatham() -> None:
    dates = pd.to_datetime(["2026-04-04T13:30Z", "2026-04-04T14:05Z", "2026-04-04T14:20Z"])
    hours = taf.activity(pd.DataFrame({"date": dates}), freq="h", tz="Pacific/Chatham")
    shown = [f"{hour:%H:%M%z}" for hour in hours["period"]]
    assert shown == ["03:00+1345", "02:45+1245", "03:00+1245"]
    assert hours["events"].to_list() == [1, 1, 1]


# ---- the other engines -----------------------------------------------------------------------------------------------

ENGINES = {
    "pandas": lambda events: events.to_pandas(),
    "pyarrow": lambda events: events,
    "polars": pl.from_arrow,
    "polars lazy": lambda events: pl.from_arrow(events).lazy(),
    "duckdb": duckdb.from_arrow,
}


@pytest.mark.full
@pytest.mark.few(count=8)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ODD)
def test_every_engine_counts_by_the_clock_of_an_odd_zone(name: str, engine: str) -> None:
    zone = zoneinfo.ZoneInfo(name)
    moments = around([datetime.fromisoformat(ODD[name]).replace(tzinfo=UTC) + timedelta(hours=n) for n in range(0, 36)])
    events = ENGINES[engine](table([{"date": moment, "event": "x"} for moment in moments]))
    for freq in FREQS:
        counts = taf.activity(events, freq=freq, by="event", tz=name)
        counts = counts[counts["events"] > 0]
        found = {
            turn(at.to_pydatetime(), freq, zone): n for at, n in zip(counts["period"], counts["events"], strict=True)
        }
        assert len(found) == len(counts)
        assert found == Counter(turn(moment, freq, zone) for moment in moments), freq


BRIEFLY = {("Europe/Berlin", "us")}


@pytest.mark.full
@pytest.mark.parametrize(
    ("zone", "unit"),
    [
        pytest.param(zone, unit, marks=() if (zone, unit) in BRIEFLY else pytest.mark.full)
        for zone in ("UTC", "Europe/Berlin", "America/St_Johns", "Etc/GMT+3")
        for unit in ("ms", "us", "ns")
    ],
)
def test_dates_may_be_in_any_zone_and_unit(zone: str, unit: str) -> None:
    moments = [datetime(2026, 3, day, hour, tzinfo=UTC) for day, hour in ((28, 23), (29, 0), (29, 1), (30, 5))]
    expected = table([{"date": moment, "event": "x", "uid": "7"} for moment in moments])
    dates = expected["date"].cast(pa.timestamp(unit, tz=zone))
    events = expected.set_column(0, "date", dates)
    engines = ENGINES if unit != "ns" else set(ENGINES) - {"duckdb"}  # which has no nanoseconds with a time zone
    for open_events in map(ENGINES.get, engines):
        for call in (
            lambda frame: taf.activity(frame, by="event", tz="Europe/Berlin", freq="h"),
            lambda frame: hours_of_week(taf.activity(frame, tz="Asia/Tokyo", freq="h")),
            taf.summarize_by_user,
        ):
            pd.testing.assert_frame_equal(call(open_events(events)), call(expected))
    assert taf.plot_heatmap(pl.from_arrow(events)).get_title(loc="left").endswith("(UTC)")
