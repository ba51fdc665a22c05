"""Judging what was done: deletions, changes of access, and changes of monitoring."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.histories import frame
from support.reviews import HISTORY, MONDAY, WEEKS, at, context_of, found, working_days

import te_audit_frames as taf
from te_audit_frames.checks.judging.acts import judge_access, judge_monitoring, judge_runs
from te_audit_frames.checks.judging.rarity import Weeks


def deletions(count: int, *, day: float = 1, uid: str = "7") -> list[dict[str, object]]:
    return [at(day, 10 + n / 60, "Test deleted.", uid) for n in range(count)]


def named(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "name": name} for kind, name in pairs]


@pytest.mark.full
@pytest.mark.parametrize(("earlier", "severity"), [([], "medium"), ([(-70, "8")], "low")])
def test_a_deleted_test_is_medium_only_if_nobody_ever_deleted_one(earlier, severity):
    deleted = [at(day, 10, "Test deleted.", uid) for day, uid in earlier]
    events = frame(at(1, 9, "Test updated."), at(1, 10, "Test deleted."))
    history = frame(*deleted, *working_days(90))
    review = taf.review(events, history=history, checks=["find_monitoring_changes"])
    assert found(review) == [(severity, "find_monitoring_changes", "Ada")]


@pytest.mark.full
def test_what_a_person_does_every_week_is_no_more_than_info():
    routine = [at(day, 10, "Alert rule deleted.") for day in range(-7 * WEEKS, 0, 7)]
    events = frame(at(1, 9, "Alert rule deleted."))
    assert found(taf.review(events, history=frame(*working_days(), *routine))) == [
        ("info", "find_monitoring_changes", "Ada")
    ]


@pytest.mark.full
def test_a_role_that_somebody_gives_to_themselves_is_high():
    given_to = [{"type": "userDisplayName", "name": "Ada"}, {"type": "roleName", "name": "Admin"}]
    review = taf.review(frame(at(1, 9, "Role assigned.", resources=given_to)), history=HISTORY)
    assert found(review) == [("high", "find_access_changes", "Ada")]
    assert "to the person's own account" in review.findings["why"][0]


@pytest.fixture(scope="module")
def reviewed():
    """Three people who act as usual and then not, a fourth who deletes five tests every week, and strangers."""
    routine = [at(day, 10, "Test deleted.", "6") for day in range(-7 * WEEKS, 0, 7) for _ in range(5)]
    tokens = [
        at(1, 9, "API token created.", resources=named(("tokenName", "build"))),
        at(3, 9, "API token created.", aid="2", account_group_name=None, resources=named(("tokenName", "deploy"))),
        at(8, 9, "API token created."),
        at(3, 9, "API token created.", "8"),
        at(3, 9, "Role assigned."),
    ]
    runs = [
        *(deletions(6) + deletions(12, day=3) + deletions(5, day=8)),
        *(deletions(10, uid="8") + deletions(9, uid="9")),
        *[at(1, 10, "Test deleted.", "6")] * 5,
    ]
    roles = [named(("userDisplayName", name), ("roleName", "Admin")) for name in ("Ben", "Di")]
    strangers = [
        *(deletions(20, uid="a") + deletions(19, uid="b")),
        *[at(n, 9, "Role assigned.", "Di", resources=some) for n, some in enumerate(roles)],
        at(0, 9, "Role assigned.", "e", resources=roles[1]),
        at(0, 9, "Role assigned.", "f", resources=named(("roleName", "Admin"))),
        at(0, 9, "User invited.", "f", resources=named(("userDisplayName", "Eve"))),
        at(0, 9, "User deleted.", "f", resources=named(("userDisplayName", "Eve"))),
        at(0, 9, "Role updated.", "f", resources=named(("roleName", "Admin"))),
        *[at(0, 9, f"{thing} created.", "f") for thing in ("API token", "Credential", "User", "Service account")],
        *[at(0, 9, text, "f") for text in ("Permission assigned.", "User disabled.", "Role deleted.")],
        at(1, 9, "Alert rule deleted.", "g", resources=named(("alertRuleName", "slow"))),
        at(3, 9, "Alert rule deleted.", "g", resources=named(("alertRuleName", "down")), account_group_name="Web"),
        at(3, 10, "Alert rule disabled.", "g", resources=named(("alertRuleName", "late"))),
    ]
    return context_of(frame(*runs, *tokens, *strangers), frame(*working_days(), *routine))


@pytest.fixture(scope="module")
def without_history(reviewed):
    """Make the same review as if there were no history."""
    return replace(reviewed, has_history=False, weeks=Weeks(reviewed.past, reviewed.now, None))


@pytest.fixture(scope="module")
def runs(reviewed):
    return judge_runs(reviewed)


@pytest.fixture(scope="module")
def access(without_history):
    return judge_access(without_history)[0]


def test_a_run_is_judged_by_how_rare_and_by_how_large_it_is(runs):
    found, record = runs
    assert record.not_assessed == ""
    chosen = [run for run in found if run.who[0] in "689"]
    assert [(run.who[0], run.severity, run.why.partition(";")[0]) for run in chosen] == [
        ("6", "info", "5 deletions in a minute"),
        ("8", "medium", "10 deletions in 9 minutes"),
        ("9", "low", "9 deletions in 8 minutes"),
    ]
    assert "so many in a week happened in 30 of the person's 30 earlier active weeks" in chosen[0].why
    assert chosen[0].account_groups == ("Shops",)


def test_the_largest_run_of_a_week_stands_for_the_others_of_its_person(runs):
    first, second = (run for run in runs[0] if run.who[0] == "7")
    assert first.why.startswith("12 deletions in 11 minutes, and 1 smaller run in the same week; ")
    assert second.why.startswith("5 deletions in 4 minutes; ")
    assert (first.row["events"], second.row["events"]) == (12, 5)


@pytest.mark.full
def test_without_a_history_twenty_deletions_are_a_finding_and_nineteen_a_note(without_history):
    found, record = judge_runs(without_history)
    assert [(run.who[0], run.severity) for run in found if run.who[0] in "ab"] == [("a", "low"), ("b", "info")]
    assert record.not_assessed == "no history was given"


def test_changes_of_access_of_one_kind_person_and_week_are_one_finding(reviewed):
    findings = [one for one in judge_access(reviewed)[0] if one.who[0] in "78"]
    kinds = [(one.who[0], one.row["object"], one.row["events"], one.account_groups) for one in findings]
    assert sorted(kinds) == [
        ("7", "api_token", 1, ("Shops",)),
        ("7", "api_token", 2, ("Shops", "2")),
        ("7", "role", 1, ("Shops",)),
        ("8", "api_token", 1, ("Shops",)),
    ]
    both = next(one for one in findings if one.row["events"] == 2)
    days = [MONDAY + timedelta(days=day, hours=9) for day in (1, 3)]
    assert [both.first_event, both.last_event] == days
    assert both.why.startswith("Created API tokens, 2 events (build, deploy); ")
    assert both.technique == "T1098.001 Account Manipulation: Additional Cloud Credentials"


def test_a_change_of_access_has_the_technique_of_its_kind(access):
    techniques = {(one.row["action"], one.row["object"]): one.technique for one in access if one.who[0] == "f"}
    assert {kind: technique.split()[0] for kind, technique in techniques.items()} == {
        ("create", "api_token"): "T1098.001",
        ("create", "credential"): "T1098.001",
        ("assign", "role"): "T1098.003",
        ("assign", "permission"): "T1098.003",
        ("create", "user"): "T1136.003",
        ("create", "service_account"): "T1136.003",
        ("invite", "user"): "T1136.003",
        ("delete", "user"): "T1531",
        ("disable", "user"): "T1531",
        ("update", "role"): "T1098",
        ("delete", "role"): "T1098",
    }


def test_a_change_to_oneself_is_one_step_up_even_if_nobody_can_say_whether_it_is_rare(access):
    both, other = (one for one in access if one.who[0] in ("Di", "e"))
    assert both.severity == "low"
    assert both.why.startswith("Assigned roles, 2 events (Ben, Di, Admin) to the person's own account; ")
    assert other.severity == "info"
    assert other.why.startswith("Assigned a role (Di, Admin); ")


@pytest.mark.full
def test_series_of_one_week_are_one_finding_that_names_all_things_and_groups(without_history):
    findings = [one for one in judge_monitoring(without_history)[0] if one.who[0] == "g"]
    assert [one.why.partition(";")[0] for one in findings] == [
        "Deleted alert rules, 2 events (slow, down)",
        "Disabled an alert rule (late)",
    ]
    assert findings[0].account_groups == ("Shops", "Web")
    assert {one.severity for one in findings} == {"info"}


@pytest.mark.full
def test_monitoring_is_judged_by_what_reports():
    texts = ["Test deleted.", "Alert rule deleted.", "Suppression window created."]
    others = [at(-70, 9, text, "8") for text in texts]
    now = [at(1, 9, text) for text in [*texts, "Dashboard deleted."]]
    findings, _ = judge_monitoring(context_of(frame(*now), frame(*working_days(90), *others)))
    assert {one.why.partition(";")[0]: one.severity for one in findings} == {
        "Deleted a test": "low",  # tests do not report
        "Deleted an alert rule": "medium",
        "Silenced alerts by a suppression window": "medium",
    }


@pytest.mark.full
@pytest.mark.parametrize("judge", [judge_runs, judge_access, judge_monitoring])
def test_events_of_which_none_is_known_have_no_findings_and_say_so(judge):
    findings, record = judge(context_of(frame(at(1, 9, "Flux capacitor")), HISTORY))
    assert findings == []
    assert record.not_assessed == "no event has a text that the vocabulary knows"
