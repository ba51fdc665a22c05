"""Judging what was done: deletions, changes of access, and changes of monitoring."""

from __future__ import annotations

import pytest
from support.histories import frame
from support.reviews import HISTORY, WEEKS, at, context_of, found, working_days

import te_audit_frames as taf
from te_audit_frames.checks.judging.acts import judge_access, judge_monitoring, judge_runs


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


@pytest.mark.parametrize(
    ("count", "history", "severity"),
    [(20, None, "low"), (19, None, "info"), (10, HISTORY, "medium"), (9, HISTORY, "low")],
    ids=["alarming", "not alarming", "many", "few"],
)
def test_a_run_is_judged_by_how_rare_and_by_how_large_it_is(count, history, severity):
    (run,), record = judge_runs(context_of(frame(*deletions(count)), history))
    assert run.severity == severity
    assert run.why.startswith(f"{count} deletions in {count - 1} minutes; ")
    assert (run.account_groups, run.row["events"]) == (("Shops",), count)
    assert record.not_assessed == ("" if history is not None else "no history was given")


def test_the_largest_run_of_a_week_stands_for_the_others_of_its_person():
    rows = [*deletions(6), *deletions(12, day=3), *deletions(7, day=3, uid="8"), *deletions(5, day=8)]
    runs, _ = judge_runs(context_of(frame(*rows), HISTORY))
    assert [(run.who[0], run.row["events"]) for run in runs] == [("7", 12), ("7", 5), ("8", 7)]
    assert "12 deletions in 11 minutes, and 1 smaller runs in the same week; " in runs[0].why
    assert "smaller" not in runs[1].why + runs[2].why


def test_deletions_at_one_moment_take_a_minute_and_a_usual_week_of_them_is_a_note():
    routine = [at(day, 10, "Test deleted.") for day in range(-7 * WEEKS, 0, 7) for _ in range(5)]
    context = context_of(frame(*[at(1, 10, "Test deleted.")] * 5), frame(*working_days(), *routine))
    (run,), _ = judge_runs(context)
    assert run.severity == "info"
    assert "so many in a week happened in 30 of the person's 30 earlier active weeks" in run.why
    assert run.why.startswith("5 deletions in a minute; ")


def test_changes_of_access_of_one_kind_person_and_week_are_one_finding():
    rows = [
        at(1, 9, "API token created.", resources=named(("tokenName", "build"))),
        at(3, 9, "API token created.", aid="2", account_group_name=None, resources=named(("tokenName", "deploy"))),
        at(8, 9, "API token created."),
        at(3, 9, "API token created.", "8"),
        at(3, 9, "Role assigned."),
    ]
    findings, record = judge_access(context_of(frame(*rows), HISTORY))
    assert record.concerned == 5
    kinds = [(one.who[0], one.row["object"], one.row["events"], one.account_groups) for one in findings]
    assert sorted(kinds) == [
        ("7", "api_token", 1, ("Shops",)),
        ("7", "api_token", 2, ("Shops", "2")),
        ("7", "role", 1, ("Shops",)),
        ("8", "api_token", 1, ("Shops",)),
    ]
    both = next(one for one in findings if one.row["events"] == 2)
    assert (both.first_event, both.last_event) == (rows[0]["date"], rows[1]["date"])
    assert both.why.startswith("Created API tokens, 2 events (build, deploy); ")
    assert both.technique == "T1098.001 Account Manipulation: Additional Cloud Credentials"


@pytest.mark.parametrize(
    ("text", "kind", "technique"),
    [
        ("Role assigned.", "roleName", "T1098.003"),
        ("User invited.", "userDisplayName", "T1136.003"),
        ("User deleted.", "userDisplayName", "T1531"),
        ("Role updated.", "roleName", "T1098 "),
    ],
)
def test_a_change_of_access_has_the_technique_of_its_kind(text, kind, technique):
    (one,), _ = judge_access(context_of(frame(at(1, 9, text, resources=named((kind, "X"))))))
    assert one.technique.startswith(technique)


def test_a_change_to_oneself_is_one_step_up_even_if_one_of_several_and_nobody_can_say_whether_it_is_rare():
    roles = [named(("userDisplayName", name), ("roleName", "Admin")) for name in ("Ben", "Ada")]
    rows = [at(n, 9, "Role assigned.", resources=some) for n, some in enumerate(roles)]
    (both,), _ = judge_access(context_of(frame(*rows)))
    assert both.severity == "low"
    assert both.why.startswith("Assigned roles, 2 events (Ben, Ada, Admin) to the person's own account; ")
    (other,), _ = judge_access(context_of(frame(rows[0])))
    assert other.severity == "info"


@pytest.mark.parametrize(
    ("rows", "severity", "beginning"),
    [
        # Tests do not report, so that they are medium only if nobody ever did that.
        ([at(1, 9, "Test deleted.")], "low", "Deleted a test; "),
        ([at(1, 9, "Alert rule deleted.")], "medium", "Deleted an alert rule; "),
        ([at(1, 9, "Suppression window created.")], "medium", "Silenced alerts by a suppression window; "),
        ([at(1, 9, "Dashboard deleted.")], None, ""),
    ],
    ids=["test", "rule", "window", "dashboard"],
)
def test_monitoring_is_judged_by_what_reports(rows, severity, beginning):
    others = [at(-70, 9, text, "8") for text in ("Test deleted.", "Alert rule deleted.", "Suppression window created.")]
    findings, _ = judge_monitoring(context_of(frame(*rows), frame(*working_days(90), *others)))
    assert [one.severity for one in findings] == ([] if severity is None else [severity])
    assert all(one.why.startswith(beginning) for one in findings)


def test_series_of_one_week_are_one_finding_that_names_all_things_and_groups():
    rows = [
        at(1, 9, "Alert rule deleted.", resources=named(("alertRuleName", "slow"))),
        at(3, 9, "Alert rule deleted.", resources=named(("alertRuleName", "down")), account_group_name="Web", aid="2"),
        at(3, 10, "Alert rule disabled.", resources=named(("alertRuleName", "late"))),
    ]
    findings, _ = judge_monitoring(context_of(frame(*rows)))
    assert [one.why.partition(";")[0] for one in findings] == [
        "Deleted alert rules, 2 events (slow, down)",
        "Disabled an alert rule (late)",
    ]
    assert findings[0].account_groups == ("Shops", "Web")
    assert {one.severity for one in findings} == {"info"}


@pytest.mark.parametrize("judge", [judge_runs, judge_access, judge_monitoring])
def test_events_of_which_none_is_known_have_no_findings_and_say_so(judge):
    findings, record = judge(context_of(frame(at(1, 9, "Flux capacitor")), HISTORY))
    assert findings == []
    assert record.not_assessed == "no event has a text that the vocabulary knows"
