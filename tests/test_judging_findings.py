"""One finding: whom it is about, when it was, and the words that say why."""

from __future__ import annotations

import pandas as pd
import pytest
from support.reviews import finding

from te_audit_frames.checks.judging.findings import (
    Finding,
    capital,
    compared,
    deed,
    make_finding,
    minutes,
    moment,
    past,
    some_of,
    times,
)
from te_audit_frames.checks.judging.rarity import UNKNOWN, Rarity


@pytest.mark.parametrize(
    ("rarity", "sentence"),
    [
        (UNKNOWN, "whether that is unusual is not assessed, since there is too little history"),
        (
            Rarity(0.01, 0, 0, 2, 300),
            "it happened in 2 of 300 active weeks of other people, and the person has no earlier active week",
        ),
        (
            Rarity(0.01, 1, 40, 2, 1300),
            "it happened in 1 of the person's 40 earlier active weeks, and in 2 of 1,300 active weeks of other people",
        ),
        (Rarity(0.01, 1, 40, 0, 0), "it happened in 1 of the person's 40 earlier active weeks"),
    ],
)
def test_how_weeks_compare_is_said_in_full(rarity, sentence):
    assert compared(rarity, "it") == sentence


@pytest.mark.parametrize(
    ("action", "thing", "events", "sentence"),
    [
        ("assign", "role", 1, "Assigned a role"),
        ("cancel", "job", 1, "Cancelled a job"),
        ("login", "account", 1, "Logged in to an account"),
        ("logout", "account", 1, "Logged out of an account"),
        ("run", "job", 1, "Ran a job"),
        ("send", "message", 1, "Sent a message"),
        ("verify", "domain", 1, "Verified a domain"),
        ("create", "api_token", 1, "Created an API token"),
        ("delete", "api_token", 3, "Deleted API tokens, 3 events"),
        ("stop", "alert_rule", 1, "Stopped an alert rule"),
        ("delete", "escalation_policy", 2, "Deleted escalation policies, 2 events"),
        ("disable", "mfa", 1, "Disabled MFA"),
        ("disable", "sso", 2, "Disabled SSO, 2 events"),
        ("invite", "user", 1_200, "Invited users, 1,200 events"),
    ],
)
def test_a_deed_is_written_as_people_write_it(action, thing, events, sentence):
    assert deed(past(action), thing, events) == sentence


def test_a_deed_may_be_done_to_several_things_in_one_event():
    assert deed("deleted", "test", 1, things=3) == "Deleted tests"


def test_a_finding_of_a_row_has_the_technique_of_its_check():
    row = pd.Series(finding("find_runs", "low").row)
    made = make_finding("find_runs", "low", row, "Six tests deleted", 0.01, groups=["Shops"])
    assert (made.why, made.technique, made.account_groups) == (
        "Six tests deleted.",
        "T1485 Data Destruction",
        ("Shops",),
    )
    assert make_finding("find_runs", "low", row, "x", 0.1, technique="T1").technique == "T1"


def test_three_names_are_written_and_the_rest_counted():
    assert some_of("abc") == "a, b, c"
    assert some_of(list("ab") * 1000) == "a, b, a and 1,997 more"


@pytest.mark.parametrize(
    ("action", "sentence"),
    [("delete", "deleted"), ("login", "logged in to"), ("cancel", "cancelled"), ("verify", "verified")],
)
def test_an_action_is_written_in_the_past(action, sentence):
    assert past(action) == sentence


def test_one_is_not_written_as_several():
    assert (times(1), times(2), times(1_000)) == ("1 event", "2 events", "1,000 events")
    assert (minutes(1), minutes(2), minutes(1_000)) == ("a minute", "2 minutes", "1,000 minutes")


def test_a_sentence_begins_with_a_capital_and_keeps_the_others():
    assert (capital("deleted SSO"), capital("éa"), capital("")) == ("Deleted SSO", "Éa", "")


def test_a_date_is_written_to_the_minute_and_is_not_rounded_up():
    assert moment(pd.Timestamp("2026-03-02T09:59:59.999999Z")) == "2026-03-02 09:59 UTC"


@pytest.mark.parametrize(
    ("row", "person", "who"),
    [
        ({"uid": "7", "user": "Ada"}, None, ("7", "Ada")),
        ({"uid": float("nan"), "user": pd.NA}, None, (None, None)),
        ({"ip_address": "203.0.113.9"}, None, (None, None)),
        ({"ip_address": "203.0.113.9"}, {"uid": "8", "user": None}, ("8", None)),
        ({"uid": "7", "user": "Ada"}, {"uid": "8", "user": "Ben"}, ("8", "Ben")),
    ],
)
def test_the_person_is_that_of_the_row_unless_another_is_named(row, person, who):
    assert Finding("find_failed_logins", "low", row, "Why.", person=person).who == who


def test_somebody_who_did_nothing_has_no_dates():
    silent = Finding("find_dormant_users", "info", {"first_event": None, "last_event": pd.NaT}, "Why.")
    assert pd.isna(silent.first_event)
    assert pd.isna(silent.last_event)


def test_a_row_of_a_frame_becomes_plain_and_groups_become_text():
    made = make_finding("find_runs", "low", pd.Series({"uid": "7", 5: "x"}), "Why", 1, groups=[7, "Shops"])
    assert made.row == {"uid": "7", "5": "x"}
    assert isinstance(made.chance, float)
    assert made.account_groups == ("7", "Shops")


def test_some_of_nothing_is_nothing():
    assert some_of([]) == ""
    assert some_of(["a", None, 7]) == "a, None, 7"
