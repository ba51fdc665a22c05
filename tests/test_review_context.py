"""What the checks of a review share: classes, weeks, and what is said about the history."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.histories import frame
from support.reviews import WEEKS, at, context_of, found, status, working_days

import te_audit_frames as taf
from te_audit_frames.checks.assessed import Assessed
from te_audit_frames.checks.judging.rarity import UNKNOWN, Weeks
from te_audit_frames.checks.judging.review_context import FEW_WEEKS


@pytest.mark.full
def test_a_newcomer_is_compared_with_everybody():
    routine = [at(day, 10, "Role assigned.", uid) for day in range(-7 * WEEKS, 0, 7) for uid in "89"]
    common = taf.review(frame(at(1, 9, "Role assigned.", "5")), history=frame(*working_days(uids="89"), *routine))
    assert found(common) == [("info", "find_access_changes", "5")]
    never = taf.review(frame(at(1, 9, "Role assigned.", "5")), history=frame(*working_days(uids="89")))
    assert found(never) == [("medium", "find_access_changes", "5")]
    assert never.assessed.set_index("check")["without_baseline"]["find_access_changes"] == 1


@pytest.mark.full
def test_without_a_history_nothing_is_new_and_the_review_says_not_assessed():
    review = taf.review(frame(at(1, 9, "Alert rule deleted."), at(1, 10, "Role assigned.")))
    assert {severity for severity, *_ in found(review)} == {"info"}
    assert all("not assessed" in why for why in review.findings["why"])
    assert review.findings["chance"].isna().all()
    assert set(status(review).values()) == {"not assessed"}
    assert "not assessed: find_access_changes: no history was given" in repr(review)


@pytest.mark.full
def test_a_history_of_three_weeks_is_too_short_to_call_anything_unusual():
    review = taf.review(frame(at(1, 9, "Alert rule deleted.")), history=frame(*working_days(3)))
    assert found(review) == [("info", "find_monitoring_changes", "Ada")]
    assert status(review)["find_monitoring_changes"] == "not assessed"


EVENTS = frame(at(1, 9, "Test updated."), at(2, 9, "Test updated.", "8"))
LISTED = "what was found is listed, but not whether it is unusual for its person"


@pytest.fixture(scope="module")
def context():
    """Two people who act, with the fewest active weeks of history that are enough."""
    return context_of(EVENTS, frame(*working_days(FEW_WEEKS)))


def with_past(context, span=60.0, **parts):
    """Change the history of a context."""
    past = replace(context.past, **parts)
    return replace(context, past=past, weeks=Weeks(past, context.now, span))


def unknown(context):
    """Make a context whose history has no text that the vocabulary knows."""
    return with_past(context, texts=context.past.texts.assign(event="Zorg."))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda context: context, ""),
        (lambda context: replace(context, has_history=False), "no history was given"),
        (lambda context: with_past(context, 27.9), "the history is shorter than 28 days"),
        (lambda context: with_past(context, 28.0), ""),
        (unknown, "the vocabulary knows no event of the history"),
    ],
    ids=["enough", "none", "short", "just long enough", "unknown"],
)
def test_a_record_says_why_the_history_could_not_be_used(context, change, reason):
    changed = change(context)
    record = changed.with_baseline(Assessed("find_runs", concerned=1, notes=("First.",)))
    assert record.not_assessed == reason
    assert (LISTED in record.notes) is bool(reason)
    assert record.notes[0] == "First."
    assert record.baseline_days == changed.weeks.span
    assert LISTED not in changed.with_baseline(Assessed("find_runs")).notes  # nothing was found
    assert changed.with_baseline(Assessed("find_runs", not_assessed="x")).not_assessed == "x"


def test_people_with_few_active_weeks_of_history_are_counted(context):
    moments = context.past.moments
    later = moments[moments["quarter"] >= moments["quarter"].min() + 7 * 96]
    assert context.with_baseline(Assessed("find_runs")).without_baseline == 0
    record = with_past(context, moments=later).with_baseline(Assessed("find_runs"))
    assert record.without_baseline == 2
    assert record.notes == (
        "2 people have fewer than 8 active weeks of history, and are compared mostly with the others",
    )


def test_acts_cannot_be_rare_if_the_vocabulary_knows_no_event_of_the_history(context):
    week = int(context.week_of(EVENTS.rename(columns={"date": "first_event"}))[0])
    assert context.knows_history
    assert context.rarity_of_acts(0, week, context.done) is not UNKNOWN
    assert not unknown(context).knows_history
    assert unknown(context).rarity_of_acts(0, week, context.done) is UNKNOWN


@pytest.mark.full
def test_what_the_history_has_of_the_first_week_is_a_week_of_its_own_and_only_failures_to_log_in_are_failed_log_ins():
    texts = ["Login failed.", "User login.", "Test deletion failed.", "Flux capacitor", None]
    events = frame(*(at(1, 9, text) for text in texts), at(8, 9, "b"))
    context = context_of(events, frame(at(0, 9, "a"), at(-1, 9, "a"), at(-1, 9, "User login failed")))
    assert context.failed_log_ins == {"Login failed.", "User login failed"}
    assert set(context.kinds["event"].dropna()) == {*texts[:-1], "User login failed", "a", "b"}
    weeks = context.done.groupby("event")["week"].unique()
    (sunday, monday), (second,), (first,) = (weeks[text].tolist() for text in ("a", "b", "User login."))
    assert (monday - sunday, first - monday, second - first) == (2, 1, 2)
    assert context.week_of(events.rename(columns={"date": "first_event"})).tolist() == [first] * 5 + [second]
