"""Judging when and from where people acted, and accounts that are silent, return, or are in no directory."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from support.histories import frame
from support.reviews import HISTORY, MONDAY, at, context_of, found, working_days

import te_audit_frames as taf
from te_audit_frames.checks.judging.people import judge_accounts, judge_addresses, judge_hours


@pytest.mark.full
def test_a_return_after_half_a_year_is_low_however_usual_it_is():
    history = frame(*[at(day, 9, "Test updated.", "9") for day in (-600, -400, -200)])
    review = taf.review(frame(at(0, 9, "Test updated.", "9")), history=history, checks=["find_dormant_users"])
    assert "happened in 2 of the person's 3 earlier active weeks" in review.findings["why"][0]
    assert found(review) == [("low", "find_dormant_users", "Cleo")]


@pytest.mark.full
def test_the_network_at_which_everybody_always_was_is_no_new_one_of_a_period_of_several_weeks():
    weeks = [at(7 * week, 10, "Test updated.", uid) for week in range(4) for uid in "789"]
    moved = at(22, 11, "Test updated.", ip_address="198.51.100.1")
    review = taf.review(frame(*weeks, moved), history=HISTORY, checks=["find_new_addresses"])
    assert (
        "0 of the person's 33 earlier active weeks, and in 0 of 66 active weeks of other people"
        in review.findings["why"][0]
    )


@pytest.mark.full
def test_failed_log_ins_from_elsewhere_are_not_a_new_network_of_their_victim():
    failures = [at(1, 3 + n / 60, "Login failed.", ip_address="198.51.100.9") for n in range(3)]
    assert found(taf.review(frame(*failures), history=HISTORY, checks=["find_new_addresses"])) == []


@pytest.mark.full
def test_a_return_after_half_a_year_is_found_without_a_directory():
    long_ago = [at(-400 + day, 9, "Test updated.", "5") for day in range(5)]
    review = taf.review(frame(at(1, 9, "Test updated.", "5")), history=frame(*working_days(), *long_ago))
    assert ("medium", "find_dormant_users", "5") in found(review)


ELSEWHERE, FAR = {"ip_address": "198.51.100.9"}, {"ip_address": "192.0.2.9"}


@pytest.fixture(scope="module")
def reviewed():
    """Ada only fails to log in by night, and Ben also acts; Ada and Cleo act from new networks, from one together."""
    failed = [at(2, 2 + n / 60, "Login failed.", uid) for n in range(3) for uid in "78"]
    elsewhere = [at(2, 10, "Test updated.", **ELSEWHERE)]
    together = [at(3, 10, "Test updated.", uid, **FAR) for uid in "79"]
    return context_of(frame(*failed, at(2, 2.5, "Test deleted.", "8"), *elsewhere, *together), HISTORY)


def test_a_night_of_failed_log_ins_is_left_out_and_counted_and_one_with_an_act_is_not(reviewed):
    (night,), record = judge_hours(reviewed)
    assert (night.who[0], night.severity, night.row["events"]) == ("8", "low", 4)
    assert record.notes[-1] == "1 series of events was left out: only failed log-ins, which need not be by the person"


@pytest.mark.full
def test_an_hour_is_written_by_the_clock_of_its_person(reviewed):
    (night,), _ = judge_hours(replace(reviewed, tz="Asia/Kathmandu"))
    assert night.why.startswith("Acted on Wednesday at 07:45 (Asia/Kathmandu), 4 events; the usual hours are ")
    assert "0 of " in night.why
    assert 0 < night.chance < 0.05


@pytest.mark.full
def test_a_new_network_is_medium_only_if_nobody_else_was_ever_there(reviewed):
    findings, _ = judge_addresses(reviewed)
    assert [(one.who[0], one.severity, one.why.partition(";")[0]) for one in findings] == [
        ("7", "medium", "First acted from 198.51.100.0/24, 1 event"),
        ("7", "low", "First acted from 192.0.2.0/24, from which others act too, 1 event"),
        ("9", "low", "First acted from 192.0.2.0/24, from which others act too, 1 event"),
    ]
    assert "1 network was known" in findings[0].why


@pytest.mark.full
def test_without_a_history_no_hour_and_no_network_is_odd():
    for judge in (judge_hours, judge_addresses):
        findings, record = judge(context_of(frame(at(2, 2, "Test deleted."), at(9, 2, "Test deleted."))))
        assert findings == []
        assert record.not_assessed


def directory(*users: dict[str, object]) -> pd.DataFrame:
    """Write people of a directory that was fetched on the Monday."""
    known = {"is_admin": False, "registered": pd.Timestamp(MONDAY) - pd.Timedelta(days=900), "last_login": pd.NaT}
    rows = [{"name": one["uid"], "email": f"{one['uid']}@example.com", **known, **one} for one in users]
    instants = dict.fromkeys(["registered", "last_login", "fetched_at"], "datetime64[us, UTC]")
    return pd.DataFrame(rows).assign(fetched_at=MONDAY).astype(instants | {"is_admin": "boolean"})


@pytest.mark.full
def test_an_unused_account_is_low_if_it_is_an_admins_and_a_stranger_is_medium_if_most_people_are_known():
    long_ago = pd.Timestamp(MONDAY) - pd.Timedelta(days=100)
    users = directory(
        {"uid": "7", "last_login": MONDAY},
        {"uid": "8", "last_login": MONDAY},
        {"uid": "a", "is_admin": True, "last_login": long_ago},
        {"uid": "b", "last_login": long_ago},
        {"uid": "c", "is_admin": None},
    )
    events = frame(*(at(-1, 9, "Test updated.", uid) for uid in "78"), at(-1, 10, "Test updated.", "stranger"))
    findings, record = judge_accounts(context_of(events, users=users))
    assert {one.who[0]: (one.severity, one.why) for one in findings} == {
        "a": ("low", "The admin account was unused for 100 days."),
        "b": ("info", "The account was unused for 100 days."),
        "c": ("info", "The account was never logged in."),
        "stranger": ("medium", "Acted (1 event) but is not in the directory."),
    }
    assert record.in_part == ""


@pytest.mark.full
def test_strangers_are_notes_if_most_people_are_not_in_the_directory():
    events = frame(*(at(-1, 9, "Test updated.", uid) for uid in "789"))
    strangers, record = judge_accounts(context_of(events, users=directory({"uid": "7", "last_login": MONDAY})))
    assert [(one.who[0], one.severity) for one in strangers] == [("8", "info"), ("9", "info")]
    assert "2 of 3 people of the events are not in the directory" in record.in_part


@pytest.mark.full
@pytest.mark.parametrize(
    ("history", "reason"), [(None, "no history was given"), (HISTORY, "")], ids=["without", "with"]
)
def test_without_a_directory_only_returns_are_looked_for(history, reason):
    findings, record = judge_accounts(context_of(frame(at(1, 9, "Test updated.", "5")), history))
    assert findings == []
    assert record.in_part == "no directory was given: only returns were looked for"
    assert record.not_assessed == reason
