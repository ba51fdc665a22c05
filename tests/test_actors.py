"""Actors: programs keep a clock and do not sleep; people do; and too little is too little to tell."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from support.examples import examples
from support.histories import START, drawn_rows, event, everywhere, frame, history, table

import te_audit_frames as taf
from te_audit_frames.schema import to_events

TEXTS = [
    "Test created.", "Test updated.", "Report created.", "Alert rule updated.", "Label created.", "User invited.",
    "Dashboard updated.", "Agent updated.",
]  # fmt: skip


def person(uid="7", days=60, seed=0, **more):
    """Work on weekdays from 8 to 17, at no particular minute, with a log-in a day."""
    random = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        if (START + timedelta(days=day)).weekday() >= 5:
            continue
        rows.append(event(day * 1_440 + float(random.uniform(0, 30)), "User login.", uid, **more))
        texts = random.choice(TEXTS, 6)
        rows += [event(day * 1_440 + float(random.uniform(30, 540)), str(text), uid, **more) for text in texts]
    return rows


def program(uid="bot", every=60, days=30, jitter=0.0, **more):
    """Update a test every so many minutes, day and night."""
    random = np.random.default_rng(1)
    count = days * 1_440 // every
    return [
        event(n * every + float(random.uniform(0, jitter)), "Test updated.", uid, user="sync", **more)
        for n in range(count)
    ]


def actors(events, **arguments):
    found = taf.classify_actors(events, **arguments)
    return dict(zip(found["user"], found["actor"], strict=True))


def test_people_and_programs_are_told_apart_with_reasons():
    found = taf.classify_actors(frame(*person(), *person("8", seed=3), *program()))
    assert dict(zip(found["user"], found["actor"], strict=True)) == {
        "sync": "automation", "Ada": "person", "Ben": "person"
    }  # fmt: skip
    assert found["reasons"].iloc[0] == [
        "keeps a clock (100% of its bursts)", "quiet for only 0 hours of the day", "0.0% log-ins",
        "active at weekends (27% of its bursts)", "few kinds of events (1)",
    ]  # fmt: skip
    ada = found[found["user"] == "Ada"].iloc[0]
    assert list(ada["reasons"]) == [f"quiet for {ada['quiet_hours']} hours of the day"]
    assert 14 <= ada["quiet_hours"] <= 16
    assert ada["weekend"] == 0
    assert ada["logins"] == pytest.approx(1 / 7)
    assert ada["kinds"] == 9
    assert ada["active_days"] == 44


def test_the_quiet_hours_may_go_over_midnight_and_follow_no_zone():
    for hours in (0, 7, 15):
        rows = [row | {"date": row["date"] + timedelta(hours=hours)} for row in person()]
        found = taf.classify_actors(frame(*rows))
        assert found["actor"].tolist() == ["person"]
        assert 14 <= found["quiet_hours"].iloc[0] <= 16


def test_a_program_with_a_loose_clock_is_still_sleepless():
    assert actors(frame(*person(), *person("8"), *program(jitter=45)))["sync"] == "automation"


def test_one_strong_sign_alone_is_doubtful():
    traveller = [
        row | {"date": row["date"] + timedelta(hours=day * 5 % 24)} for day, row in enumerate(person(days=200))
    ]
    found = taf.classify_actors(frame(*traveller))
    assert found["actor"].tolist() == ["unknown"]
    assert found["reasons"].iloc[0] == ["quiet for only 0 hours of the day"]


def test_a_single_address_is_a_sign_if_others_have_several():
    people = [row | {"ip_address": f"192.0.2.{n % 4}"} for n, row in enumerate(person() + person("8"))]
    found = taf.classify_actors(frame(*people, *program()))
    assert "a single address" in found["reasons"].iloc[0]
    without = taf.classify_actors(frame(*people, *program()).drop(columns="ip_address"))
    assert "a single address" not in without["reasons"].iloc[0]
    assert taf.assessed(without).absent == ("ip_address",)


def test_too_little_is_unknown():
    events = frame(*program(days=8))
    assert actors(events) == {"sync": "unknown"}
    assert taf.classify_actors(events)["reasons"].tolist() == [["too little to tell: 192 events on 9 days"]]
    assert taf.assessed(taf.classify_actors(events)).without_baseline == 1
    assert actors(events, min_days=5) == {"sync": "automation"}
    assert actors(events, min_days=5, min_events=193) == {"sync": "unknown"}


def test_log_ins_are_no_sign_if_there_are_none():
    rows = [row for row in person() + person("8") if row["event"] != "User login."]
    found = taf.classify_actors(frame(*rows))
    assert found["actor"].tolist() == ["person", "person"]
    assert taf.assessed(found).notes == ("no event is known to be a log-in, so that log-ins are no sign",)


@given(drawn_rows())
@settings(max_examples=examples(100, brief=5))
def test_everybody_is_listed_once_with_all_their_events(drawn):
    events = to_events(table(drawn))
    found = taf.classify_actors(events)
    named = events[events["date"].notna() & events[["uid", "user"]].notna().any(axis=1)]
    assert found["events"].sum() == len(named)
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert row["kinds"] == behind["event"].nunique()
        assert row["ip_addresses"] == behind["ip_address"].nunique()


@pytest.mark.full
def test_every_library_and_an_archive_give_the_same():
    events = frame(*person(days=20), *program(days=12), event(3, "Flux", None, user=None))
    expected = taf.classify_actors(events)
    with everywhere(events) as sources:
        for source in sources.values():
            found = taf.classify_actors(source)
            pd.testing.assert_frame_equal(found, expected)
            assert taf.assessed(found) == taf.assessed(expected)
    pd.testing.assert_frame_equal(taf.classify_actors(events.sample(frac=1, random_state=0)), expected)


def test_nothing_looks_like_something():
    something = taf.classify_actors(frame(event(0, "User login.")))
    nothing = taf.classify_actors(frame(event(0, "User login.")).iloc[:0])
    assert (len(something), len(nothing)) == (1, 0)
    assert nothing.dtypes.astype(str).to_dict() == something.dtypes.astype(str).to_dict()


@pytest.mark.few(count=1)
@pytest.mark.parametrize("name", ["timesketch", "detection-rules"])
def test_real_people_are_not_called_automation(name):
    found = taf.classify_actors(history(name))
    assert (found["actor"] == "person").sum() >= 10
    assert (found["actor"] == "automation").sum() <= 1


@pytest.mark.parametrize("argument", ["min_events", "min_days"])
def test_bad_arguments_are_named(argument):
    with pytest.raises(taf.InvalidArgument, match=f"^{argument}: 0 is not a whole number"):
        taf.classify_actors(frame(event(0, "User login.")), **{argument: 0})
