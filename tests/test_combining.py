"""Findings together: which raise one another, their order, and the ranking of people."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reviews import finding

from te_audit_frames.checks.judging.combining import findings_frame, in_order, raise_together, rank_people
from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.severity import CHECKS, SEVERITIES


def severities(*findings):
    return [one.severity for one in raise_together(findings)]


def test_signs_of_two_checks_within_a_day_raise_the_strongest():
    assert severities(finding("find_runs", "low"), finding("find_new_addresses", "low", 24)) == ["medium", "low"]
    assert severities(finding("find_new_addresses", "low"), finding("find_off_hours", "medium")) == ["low", "high"]


def test_the_sentence_names_what_raised_it():
    first, _ = raise_together([finding("find_runs", "low", chance=0.001), finding("find_new_addresses", "low")])
    assert first.why == "Something happened; within a day also a new network."


@pytest.mark.parametrize(
    "other",
    [
        finding("find_runs", "low", text="Report deleted."),  # the same check
        finding("find_new_addresses", "low", 24.01),  # later
        finding("find_new_addresses", "info"),  # a mere note
        finding("find_new_addresses", "low", uid="8"),  # somebody else
        finding("find_monitoring_changes", "low"),  # the same events, read twice
    ],
)
def test_what_raises_nothing(other):
    assert severities(finding("find_runs", "low"), other)[0] == "low"


def test_nobody_and_people_without_events_are_not_judged_together():
    silent = finding("find_dormant_users", "low")
    never = Finding("find_dormant_users", "low", {**silent.row, "first_event": pd.NaT, "last_event": pd.NaT}, "Never.")
    assert severities(never, finding("find_runs", "low")) == ["low", "low"]
    assert severities(finding("find_runs", "low", uid=None), finding("find_off_hours", "low", uid=None)) == ["low"] * 2


@pytest.mark.parametrize(("hours", "expected"), [(2, "high"), (2.1, "medium")])
def test_two_acts_make_a_high_one_only_within_two_hours(hours, expected):
    access = finding("find_access_changes", "medium", hours, text="Role assigned.")
    assert severities(finding("find_runs", "medium", chance=0.001), access)[0] == expected


def test_time_apart_counts_from_the_end_of_the_first():
    long = finding("find_runs", "medium", length=30)
    assert severities(long, finding("find_new_addresses", "low", 50))[0] == "high"


findings = st.lists(
    st.builds(
        finding,
        st.sampled_from(CHECKS),
        st.sampled_from(SEVERITIES),
        st.integers(0, 100),
        length=st.integers(0, 30),
        uid=st.sampled_from(["7", "8", None]),
        text=st.sampled_from(["Test deleted.", "Role assigned.", "User login."]),
        chance=st.sampled_from([0.001, 0.01, float("nan")]),
    ),
    max_size=8,
)


@given(findings)
def test_each_is_raised_by_one_step_at_most_and_nothing_is_lost(some):
    after = raise_together(some)
    for before, now in zip(some, after, strict=True):
        steps = SEVERITIES.index(before.severity) - SEVERITIES.index(now.severity)
        assert steps in ([0] if before.severity in ("high", "info") else [0, 1])
        assert now.row is before.row
    rose = sum(before.severity != now.severity for before, now in zip(some, after, strict=True))
    assert rose <= len(some) // 2  # it takes two to raise one


@given(findings, st.randoms(use_true_random=False))
def test_the_result_does_not_depend_on_the_order_of_findings_of_different_moments(some, random):
    some = list({(one.first_event, one.last_event): one for one in some}.values())
    shuffled = random.sample(some, len(some))
    first, second = raise_together(some), raise_together(shuffled)
    assert {id(one.row): one.severity for one in first} == {id(one.row): one.severity for one in second}
    pd.testing.assert_frame_equal(rank_people(first), rank_people(second))


@given(findings)
def test_the_order_is_by_severity_then_chance(some):
    ordered = in_order(some)
    keys = [(SEVERITIES.index(one.severity), 1 if np.isnan(one.chance) else one.chance) for one in ordered]
    assert keys == sorted(keys)
    assert findings_frame(ordered, 5).index.tolist() == list(range(5, 5 + len(some)))


def test_weak_signs_of_several_kinds_outrank_a_single_one():
    several = [finding(check, "low", uid="8") for check in ("find_runs", "find_off_hours", "find_new_addresses")]
    people = rank_people([finding("find_runs", "medium"), *several, finding("find_runs", "info", uid="9")])
    assert people[["uid", "score", "low", "medium"]].values.tolist() == [["8", 6, 3, 0], ["7", 4, 0, 1]]
    assert people["checks"].iloc[0] == ["find_runs", "find_off_hours", "find_new_addresses"]


def test_more_findings_of_one_check_add_nothing_to_the_score():
    people = rank_people([finding("find_runs", "low", hour, chance=0.03) for hour in range(5)])
    assert people[["score", "findings"]].values.tolist() == [[2, 5]]


def test_a_tie_goes_to_the_least_likely():
    people = rank_people([finding("find_runs", "low", uid="7"), finding("find_runs", "low", uid="8", chance=0.001)])
    assert people["uid"].tolist() == ["8", "7"]


def test_no_findings_give_the_same_columns():
    pd.testing.assert_series_equal(findings_frame([]).dtypes, findings_frame([finding("find_runs", "low")]).dtypes)
    pd.testing.assert_series_equal(rank_people([]).dtypes, rank_people([finding("find_runs", "low")]).dtypes)


def test_names_decide_the_order_only_if_all_times_and_numbers_agree():
    """Pseudonyms are in another order than names, and "finding 3" should mean the same in both reviews."""
    rows = [(n % 2, n // 2 % 2, 3 + n // 4) for n in range(8)]  # hours, length, events: no two agree in all three
    orders = []
    for names in (range(8), reversed(range(8))):
        found = [
            finding("find_runs", "low", hour, length=length, uid=str(uid))
            for uid, (hour, length, _) in zip(names, rows, strict=True)
        ]
        found = [
            replace(one, row={**one.row, "events": events}) for one, (_, _, events) in zip(found, rows, strict=True)
        ]
        listed = findings_frame(in_order(found))[["first_event", "last_event", "events"]]
        people = rank_people(found)[["first_event", "last_event", "findings"]]
        orders.append((listed.to_csv(), people.to_csv()))
    assert orders[0] == orders[1]
    alike = [finding("find_runs", "low", uid=uid) for uid in "987"]
    assert [one.who[0] for one in in_order(alike)] == ["7", "8", "9"]
