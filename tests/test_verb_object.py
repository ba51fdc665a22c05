"""Verbs of event texts and their objects, before or behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, cases, classes, tokens

from te_audit_frames.checks.text.reading import FAILURE, Reading
from te_audit_frames.checks.text.verb_object import VerbObject

TEXTS = """
User was granted superpowers -> assign unclassified success
Disable/pause test -> disable test unknown
Left -> revoke user success
Deleted -> delete unclassified success
User granted admin privileges -> assign permission success
User was granted access -> assign permission success
User requested to delete a test -> request test success
Test marked for deletion -> unclassified unclassified unknown
Changed agent status to disabled -> disable agent success
Test state changed to active -> enable test success
Incident status changed to resolved -> update incident success
Joined agent to cluster -> assign agent success
Ann was added as a member of the group -> assign user success
Access lists were removed on the host -> delete allowlist success
Logs in a folder were deleted -> delete unclassified success
User was sent a notification -> send notification success
Setting Enable alerts was updated -> update setting success
Page triggered an alert -> unclassified unclassified unknown
Ann triggered a test -> run test success
User has authorized -> approve unclassified success
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


OBJECTS = ["test", "alert rule", "dashboard", "report", "api token", "label", "role"]


@given(
    st.sampled_from(["deleted", "created", "updated", "archived", "shared"]),
    st.sampled_from(OBJECTS),
    st.sampled_from(["", "the", "all"]),
)
def test_an_object_is_the_same_on_either_side_of_its_verb(verb: str, thing: str, determiner: str) -> None:
    phrase = tokens(f"{determiner} {thing}")
    before = VerbObject([*phrase, *tokens(verb)], WORDS).read("passive", len(phrase), None, passive=True)
    behind = VerbObject([*tokens(verb), *phrase], WORDS).read("active", 0, None, passive=False)
    assert (before.action, before.object, before.outcome) == (behind.action, behind.object, behind.outcome)
    assert before.object == thing.replace(" ", "_")
    assert before.rule == f"passive: {verb} / {thing}"


def test_an_outcome_that_is_known_stays() -> None:
    words = tokens("test deleted")
    assert VerbObject(words, WORDS).read("passive", 1, FAILURE, passive=True).outcome == FAILURE
    assert VerbObject(tokens("delete test"), WORDS).read("imperative", 0, None, passive=False).outcome == "unknown"


@pytest.mark.parametrize(
    ("text", "at", "thing"),
    [
        ("agent left cluster", 1, "agent"),
        ("left", 0, "user"),
        ("user left group", 1, "user"),
        ("joined agent to group", 0, "agent"),
    ],
)
def test_verbs_of_people_are_about_the_one_who_did_it(text: str, at: int, thing: str) -> None:
    assert VerbObject(tokens(text), WORDS).read("active", at, None, passive=False).object == thing


def test_a_plan_is_not_done() -> None:
    words = tokens("test marked for deletion")
    assert VerbObject(words, WORDS).read("passive", 1, None, passive=True) == Reading()
    for text in ("Marked group for deletion", "Mark group for deletion", "Group marked for deletion"):
        assert classes(text)[0] == "unclassified"
    assert classes("Marked group as deleted") == ("update", "group", "success")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deleted", False),
        ("deleted test", True),
        ("deleted Shop", False),  # a name alone is no phrase
        ("deleted the Shop", True),
        ("deleted by user", False),
        ("deleted / archived test", True),
        ("deleted / test", False),
    ],
)
def test_a_phrase_follows_a_verb(text: str, expected: bool) -> None:
    assert VerbObject(tokens(text), WORDS).has_phrase_after(0) == expected


def test_a_word_in_ing_is_a_verb_unless_it_names_something() -> None:
    words = VerbObject([], WORDS)
    assert [words.is_gerund(*tokens(word)) for word in ("deleting", "frobnicating", "string", "ring")] == [
        True,
        True,
        True,
        False,
    ]
    named = next(phrase[0] for phrase in WORDS.phrases if len(phrase) == 1 and phrase[0].endswith("ing"))
    assert not words.is_gerund(*tokens(named)) or tokens(named)[0].form == "gerund"


@pytest.mark.parametrize(
    "deed", ["provisioning", "saving", "building", "muting", "signing in", "setting up", "deleting"]
)
def test_starting_an_action_is_not_starting_its_object(deed: str) -> None:
    assert classes(f"Started {deed} test") == ("start", "unclassified", "success")
    assert classes(f"Stopped {deed} test") == ("stop", "unclassified", "success")
