"""Rarity: a person's weeks, and those of the others that they are compared with."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.judging.rarity import UNKNOWN, Weeks

START = pd.Timestamp("2026-01-05T00:00Z")  # a Monday
NOW = START + pd.Timedelta(weeks=30)


def _events(user, dates, event="Test updated."):
    return pd.DataFrame({"date": pd.DatetimeIndex(dates).as_unit("us"), "event": event, "user": user})


def _weekly(user, event, weeks=30):
    return _events(user, [START + pd.Timedelta(weeks=week, hours=10 + 7 * week % 5) for week in range(weeks)], event)


def _jobs(count):
    return [_events(f"job {job}", pd.date_range(START, NOW, freq="h", inclusive="left")) for job in range(count)]


def _rarity(user, *history):
    """Return how rare a deletion is for a user in the week after a history."""
    past = read_baseline(pd.concat(history, ignore_index=True))
    weeks = Weeks(past, read_baseline(_events(user, [NOW], "Test deleted.")), 210.0)
    week, done = weeks.texts["week"].max(), weeks.texts[weeks.texts["event"] == "Test deleted."]
    return weeks.rarity(0, week, done)


def _deleters(count):
    return [_weekly(f"person {person}", "Test deleted.") for person in range(count)]


def test_automation_is_compared_with_automation():
    found = _rarity("job 0", *_jobs(3), *_deleters(5))
    assert (found.own, found.own_weeks, found.others, found.other_weeks) == (0, 30, 0, 60)
    assert found.among == "other automation"
    assert found.chance < 0.005


def test_people_are_compared_with_people():
    found = _rarity("person 0", *_jobs(3), *_deleters(5))
    assert (found.own, found.own_weeks, found.others, found.other_weeks) == (30, 30, 120, 120)
    assert found.among == "other people"


def _deletions(*weeks):
    return [_weekly(f"person {number}", "Test deleted.", count) for number, count in enumerate(weeks, start=1)]


def test_people_who_are_alike_say_more_of_a_newcomer_than_people_who_differ():
    usual = [_weekly(f"person {number}", "Test updated.") for number in range(1, 6)]
    newcomer = _weekly("person 0", "Test updated.", 4)
    alike, differ = (_rarity("person 0", newcomer, *usual, *_deletions(*weeks)) for weeks in ([15] * 5, [30, 30, 15]))
    assert (alike.own_weeks, alike.others, alike.other_weeks) == (4, 75, 150)
    assert (differ.own_weeks, differ.others, differ.other_weeks) == (4, 75, 150)
    assert alike.chance > 2 * differ.chance


def test_two_programs_are_compared_with_everybody():
    found = _rarity("job 0", *_jobs(2), *_deleters(5))
    assert (found.others, found.other_weeks, found.among) == (150, 180, "all others")


def test_two_people_are_compared_with_everybody():
    found = _rarity("person 0", *_jobs(3), *_deleters(2))
    assert (found.others, found.other_weeks, found.among) == (30, 120, "all others")


def test_a_newcomer_is_compared_with_people_even_among_automation():
    found = _rarity("somebody new", *_jobs(3), *_deleters(3))
    assert (found.own_weeks, found.others, found.other_weeks, found.among) == (0, 90, 90, "other people")


def test_rarity_among_kinds_keeps_the_two_apart():
    past = read_baseline(pd.concat([*_jobs(3), *_deleters(5)], ignore_index=True))
    now = pd.concat([_events(user, [NOW], "Test deleted.") for user in ("job 0", "person 0")], ignore_index=True)
    weeks = Weeks(past, read_baseline(now), 210.0)
    done = weeks.texts.assign(kind=pd.factorize(weeks.texts["event"])[0])
    kind = int(done.loc[done["event"] == "Test deleted.", "kind"].iloc[0])
    people = np.array([weeks.people["user"].tolist().index(user) for user in ("job 0", "person 0")])
    job, person = weeks.rarity_among(people, np.repeat(done["week"].max(), 2), np.repeat(kind, 2), done)
    assert (job.others, job.other_weeks, job.among) == (0, 60, "other automation")
    assert (person.others, person.other_weeks, person.among) == (120, 120, "other people")
    assert job.chance < 0.005
    assert person.chance > 0.9


@pytest.mark.parametrize("span", [None, 27.9])
def test_nothing_is_rare_without_four_weeks(span):
    now = read_baseline(_events("Ada", [NOW]))
    weeks = Weeks(read_baseline(_weekly("Ada", "Test updated.")), now, span)
    assert weeks.rarity(0, weeks.texts["week"].max(), weeks.texts) is UNKNOWN
    assert math.isnan(UNKNOWN.chance)


def test_nobody_has_no_rarity():
    weeks = Weeks(read_baseline(_weekly("Ada", "Test updated.")), read_baseline(_events("Ada", [NOW])), 210.0)
    assert weeks.rarity(-1, weeks.texts["week"].max(), weeks.texts) is UNKNOWN


@settings(max_examples=examples(20, brief=2))
@given(own=st.integers(0, 30), more=st.integers(0, 30), people=st.integers(0, 6))
def test_a_chance_lies_between_none_and_all_and_grows_with_the_persons_own_weeks(own, more, people):
    own, more = sorted((own, more))
    usual = _weekly("Ada", "Test updated.")
    chances = [
        _rarity("Ada", usual, *_deleters(people), *([_weekly("Ada", "Test deleted.", weeks)] if weeks else [])).chance
        for weeks in (own, more)
    ]
    assert 0 < chances[0] <= chances[1] < 1
