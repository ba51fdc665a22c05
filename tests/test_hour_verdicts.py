"""Verdicts on weeks: who acted when by their own clock, who has enough history, and which week is odd."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import event, frame
from support.reviews import HISTORY, at, working_days

import te_audit_frames as taf
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.hour_verdicts import Acted, HoursRule, _days_near, different_quarters, judge_weeks
from te_audit_frames.checks.hours import DAYS, MIN_DAYS, MIN_EVENTS, RATIO
from te_audit_frames.checks.selection import select

NIGHT = at(2, 2.2, "Test deleted.")
RULE = HoursRule.of(DAYS, MIN_DAYS, MIN_EVENTS, RATIO)


@pytest.fixture(scope="module")
def past():
    """What the organisation did before."""
    return read_baseline(HISTORY, parts=["moments", "groups"])


def acted_of(events, past, tz="UTC") -> Acted:
    selection = select(events, ["event"], optional=["aid", "account_group_name"])
    return Acted.of(selection, read_baseline(past, parts=["moments", "groups"]), tz)


@pytest.mark.parametrize(
    ("name", "value"), [("days", 27), ("min_days", 4), ("min_days", 200), ("min_events", 0), ("ratio", 0.5)]
)
def test_thresholds_out_of_bounds_are_refused(name, value):
    with pytest.raises(taf.InvalidArgument, match=name):
        taf.find_off_hours(frame(NIGHT), **{name: value})


@pytest.mark.parametrize("bounds", [(28, 5, 1, 1), (730, 730, 1, 1e6)])
def test_the_lowest_and_highest_thresholds_are_accepted(bounds):
    names = ("days", "min_days", "min_events", "ratio")
    assert len(taf.find_off_hours(frame(NIGHT), **dict(zip(names, bounds, strict=True)))) == 0


@pytest.mark.parametrize("bad", [{"days": 182.0}, {"min_days": True}, {"min_events": "20"}, {"ratio": float("nan")}])
def test_thresholds_that_are_no_numbers_are_refused(bad):
    stated = {"days": DAYS, "min_days": MIN_DAYS, "min_events": MIN_EVENTS, "ratio": RATIO} | bad
    with pytest.raises(taf.InvalidArgument, match=f"^{next(iter(bad))}: "):
        HoursRule.of(**stated)


FIRST, LAST = (int((moment - datetime(1970, 1, 1)) / timedelta(minutes=15)) for moment in (datetime.min, datetime.max))


@given(st.lists(st.tuples(st.integers(FIRST, LAST) | st.integers(-3, 3), st.integers(0, 3)), max_size=20))
def test_each_pair_is_there_once_in_the_order_of_quarters_from_the_first_year_to_the_last(drawn):
    person, quarter = (np.array([row[column] for row in drawn], dtype="int64") for column in (1, 0))
    found = different_quarters(person, quarter)
    assert list(zip(found[1].tolist(), found[0].tolist(), strict=True)) == sorted(set(drawn))


def test_events_are_joined_with_what_is_older_by_the_clock_of_their_person():
    history = frame(event(-15, "x"), event(-14, "x"), event(0, "x"), event(-15, "x", "9"))
    events = frame(event(0, "x"), event(14, "x"), event(16, "x", None), event(15, "x", "8"))
    acted = acted_of(events, history, {"8": "Asia/Kathmandu"})
    start = int(events["date"][0].timestamp()) // 900
    rows = zip(acted.quarter.tolist(), acted.people["uid"].iloc[acted.person], acted.events.tolist(), strict=True)
    # By the clock of Kathmandu it is 23 quarters later.
    assert list(rows) == [(start - 1, "7", 2), (start, "7", 2), (start + 24, "8", 1)]
    assert acted.is_new.tolist() == [False, True, True]
    assert acted.of_row.tolist() == [1, 1, 2, -1]
    assert acted.cut == 1  # what is no older than the first event


def test_people_of_the_history_alone_are_left_out_and_so_is_nobody(past):
    acted = acted_of(frame(event(0, "x", None)), past)
    assert (len(acted.person), acted.of_row.tolist(), acted.cut) == (0, [-1], 0)
    assert list(judge_weeks(acted, RULE)) == []
    assert list(judge_weeks(acted_of(frame(), past), RULE)) == []


def test_each_week_has_a_verdict_on_all_who_acted_in_it(past):
    events = frame(NIGHT, at(2, 10, "Test updated.", "8"), at(2, 10, "Test updated.", "5"), at(9, 10, "Test updated."))
    acted = acted_of(events, past)
    uids = acted.people["uid"].to_numpy()
    first, second = judge_weeks(acted, RULE)
    assert (uids[first.people].tolist(), uids[first.unknown].tolist()) == (["7", "8"], ["5"])
    assert (uids[second.people].tolist(), uids[second.unknown].tolist()) == (["7"], [])
    assert acted.quarter[first.moments].tolist() == [int(NIGHT["date"].timestamp()) // 900]
    assert (first.alike.tolist(), len(second.moments)) == ([0], 0)


def test_the_nights_of_one_week_do_not_excuse_one_another(past):
    events = frame(*(at(day, 2, "Test updated.") for day in range(7)))
    (verdict,) = judge_weeks(acted_of(events, past), RULE)
    assert len(verdict.moments) == 7
    assert set(verdict.alike) == {0}


@pytest.mark.full
def test_days_and_events_are_enough_from_the_threshold_on():
    acted = acted_of(frame(NIGHT), frame(*working_days(4, uids="7")))  # 20 days with two events each
    for rule, is_known in (
        ({"min_days": 20}, True),
        ({"min_days": 21}, False),
        ({"min_events": 40}, True),
        ({"min_events": 41}, False),
    ):
        (verdict,) = judge_weeks(acted, HoursRule.of(**{"days": 28, "min_days": 5, "min_events": 1, "ratio": 7} | rule))
        assert (len(verdict.people), len(verdict.unknown)) == (is_known, not is_known), rule


@pytest.mark.full
def test_days_with_events_about_that_time_are_counted_over_midnight_too():
    late = [at(day, 23.9, "Test updated.") for day in (-30, -20)] + [at(-10, 0.3, "Test updated.")]
    history = frame(*working_days(10), *late, at(-9, 1, "Test updated."))
    (verdict,) = judge_weeks(acted_of(frame(at(1, 0, "x")), history), HoursRule.of(DAYS, MIN_DAYS, MIN_EVENTS, 1))
    assert verdict.alike.tolist() == [3]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 400), st.integers(0, 95)), max_size=30, unique=True))
def test_days_near_a_time_are_counted_for_each_person_alone(drawn):
    person, day, slot = (np.array([row[at] for row in drawn], dtype="int64") for at in range(3))
    expected = [
        [
            len(
                {
                    a_day
                    for who, a_day, a_slot in drawn
                    if who == one and min((a_slot - at) % 96, (at - a_slot) % 96) <= 2
                }
            )
            for at in range(96)
        ]
        for one in range(4)
    ]
    np.testing.assert_array_equal(_days_near(person, (20_000 + day) * 96 + slot, 4), expected)
