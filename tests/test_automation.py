"""Automation in a history of counts: which actors it is."""

import numpy as np
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.judging.automation import is_automation

START = pd.Timestamp("2026-01-05T00:00Z")
CHANCE = np.random.default_rng(7)


def _events(user, dates, kinds=("Test updated.",)):
    dates = pd.DatetimeIndex(dates).as_unit("us")
    return pd.DataFrame({"date": dates, "event": np.resize(kinds, len(dates)), "user": user, "ip_address": "192.0.2.7"})


def _person(user, weeks=20):
    """Return eight events of seven kinds in office hours of each working day, from three networks."""
    days = np.repeat([day for day in range(7 * weeks) if day % 7 < 5], 8)
    minutes = 540 + CHANCE.integers(0, 480, len(days))
    dates = START + pd.to_timedelta(days, "D") + pd.to_timedelta(minutes, "min")
    kinds = [f"{thing} updated." for thing in ("Test", "Label", "Report", "Dashboard", "Agent", "Alert rule", "User")]
    events = _events(user, dates, kinds)
    return events.assign(ip_address=np.resize(["192.0.2.7", "198.51.100.7", "203.0.113.7"], len(events)))


def _found(*parts):
    history = read_baseline(pd.concat(parts, ignore_index=True))
    return dict(zip(history.people["user"], is_automation(history).tolist(), strict=True))


def test_jobs_by_the_hour_and_by_night_are_automation_and_people_are_not():
    hourly = _events("hourly", pd.date_range(START, periods=1_000, freq="h"))
    nightly = _events("nightly", pd.date_range(START + pd.Timedelta("2h"), periods=100, freq="D"))
    assert _found(hourly, nightly, *map(_person, ("Ada", "Grace", "Mei"))) == {
        "hourly": True,
        "nightly": True,
        "Ada": False,
        "Grace": False,
        "Mei": False,
    }


def test_a_job_that_never_sleeps_is_automation_without_a_clock():
    minutes = np.sort(CHANCE.integers(0, 100 * 1_440, 2_000))
    assert _found(_events("queue", START + pd.to_timedelta(minutes, "min")))["queue"]


def test_a_job_with_too_little_history_is_no_automation():
    hourly = _events("few days", pd.date_range(START, periods=9 * 24, freq="h"))
    daily = _events("few events", pd.date_range(START, periods=49, freq="D"))
    assert _found(hourly, daily) == {"few days": False, "few events": False}


def test_continuous_work_of_a_person_is_no_clock():
    dates = [
        START + pd.Timedelta(days=day, minutes=minute)
        for day in range(60)
        if day % 7 < 5
        for minute in range(540 + 7 * (day % 5), 1_000, 30)
    ]
    assert not _found(_events("Ada", dates))["Ada"]


def test_an_empty_history_has_none():
    assert is_automation(read_baseline(None)).tolist() == []


def test_it_agrees_with_classify_actors_on_the_same_events():
    hourly = _events("hourly", pd.date_range(START, periods=1_000, freq="h"))
    events = pd.concat([hourly, *map(_person, ("Ada", "Grace", "Mei"))], ignore_index=True)
    actors = taf.classify_actors(events).set_index("user")["actor"]
    assert {user: actors[user] == "automation" for user in actors.index} == _found(events)
