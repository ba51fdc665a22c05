"""Noun phrases of event texts: which object they name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, cases, classes, tokens

from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.grammar import BE, CONJUNCTIONS, DETERMINERS, HAVE
from te_audit_frames.checks.text.noun_phrase import (
    DEED,
    PROPERTY,
    THING,
    Found,
    NounPhrases,
    before_preposition,
    has_name,
)
from te_audit_frames.checks.text.words import Token

TEXTS = """
Added phone number -> create phone_number success
Region of a phone number changed -> update phone_number success
Parameters of a test updated -> update test success
User and group settings updated -> update setting success
MacOS profile created -> create profile success
Crown jewel created -> create unclassified success
Gizmos and folders deleted -> delete unclassified success
Loyalty account deleted -> delete unclassified success
Personal account deleted -> delete user success
Project shop deleted -> delete unclassified success
Project shop was deleted -> delete unclassified success
A project shop was deleted -> delete shop success
Project policy deleted -> delete policy success
Removed record UID 4f2a from application ci -> revoke item success
Created Gizmo Group for multiple projects -> create unclassified success
Created the Gizmo group for multiple projects -> create group success
Assign built-in role -> assign role unknown
Test frobnicator deleted -> delete unclassified success
Anomaly deleted -> delete anomaly success
Hard drive deleted -> delete volume success
Delete permission set -> delete role unknown
Downloaded a CSV copy of the report -> export report success
Added a batch of tests -> create test success
Team member updated -> update user success
Group members updated -> update group success
Policy deployment plan entry deleted -> delete unclassified success
Added request rule to policy -> assign rule success
Time zone changed -> update unclassified success
User changed status -> update unclassified success
User changed their -> update unclassified success
Ann changed their email -> update user success
Status by user updated -> update unclassified success
On-call schedule changed -> update escalation_policy success
The user deleted Prod Dashboard -> delete dashboard success
Disabled the user XYZ -> disable unclassified success
Delete application permission transfer -> delete unclassified unknown
Link shared -> share unclassified success
Deleted 3 -> delete unclassified success
Alert rule deleted -> delete alert_rule success
Alert deleted -> delete alert success
Alert suppression window deleted -> delete suppression_window success
Endpoint agent deleted -> delete endpoint_agent success
Enterprise agent deleted -> delete agent success
Agent cluster deleted -> delete agent_cluster success
Agent-to-server test deleted -> delete test success
Agent to agent test deleted -> delete test success
Account group deleted -> delete account_group success
Group deleted -> delete group success
User API token deleted -> delete api_token success
OAuth bearer token created -> create api_token success
Share link deleted -> delete share_link success
Shared dashboard deleted -> delete dashboard success
Dashboard widget deleted -> delete widget success
Report snapshot deleted -> delete snapshot success
Credentials updated -> update credential success
SAML configuration updated -> update sso success
Single sign-on enabled -> enable sso success
Two-step login disabled -> disable mfa success
Policies updated -> update policy success
User's role changed -> update role success
Users' roles changed -> update role success
User role changed to admin -> update role success
Dashboard name changed -> update dashboard success
Name of the dashboard changed -> update dashboard success
User changed their email address -> update user success
Test description removed -> update test success
Removed expiration date of the share link -> update share_link success
Site profile deleted -> delete unclassified success
User registration disabled -> disable unclassified success
Data export enabled -> enable unclassified success
User impersonation started -> start unclassified success
Configuration of a filter deleted -> delete unclassified success
Configuration of a filter changed -> update setting success
Allowlist entry removed -> delete unclassified success
Entry removed -> delete item success
Project owner changed -> update project success
Owner of the project changed -> update project success
Project owner removed -> delete user success
User group members changed -> update group success
Team member changed -> update user success
Role Operator assigned to user -> assign role success
Domain set updated -> update domain_set success
Frobnicator set updated -> update unclassified success
Frobnicator plan updated -> update unclassified success
Plan updated -> update subscription success
Dashboard note updated -> update comment success
Username changed -> update user success
New username created -> create unclassified success
Profile deleted -> delete profile success
Email address changed for user ann -> update user success
Status changed for frobnicator -> update unclassified success
Snapshot auto-delete disabled -> disable unclassified success
Monitor nightly-backup edited -> update monitor success
Ann created test Home page -> create test success
Alert rule High latency enabled -> enable alert_rule success
Ann removed the Slack integration -> delete integration success
Report mapping Ward 3 deleted -> delete mapping success
Deal stage changed -> update deal success
Test run deleted -> delete unclassified success
Agent restart requested -> request agent success
Alert email sent -> send message success
User or group removed -> delete user success
Test or agent removed -> delete unclassified success
Group or team removed -> delete group success
Risk and MFA policy updated -> update policy success
User and policy updated -> update unclassified success
User Ann was removed again -> delete user success
Deleted project key 0a1b2c -> delete credential success
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


AMBIGUOUS = {"a record", "known error"}  # The article "a", and a word for a failure.
COMMANDS = {"Created {}": "create", "The {} was updated": "update", "Failed to delete {}": "delete"}


@pytest.mark.full
@pytest.mark.few(count=1)
@pytest.mark.parametrize(("form", "action"), COMMANDS.items())
def test_every_phrase_names_its_object(form: str, action: str) -> None:
    said = {
        phrase: read(form.format(phrase), WORDS)
        for phrases in WORDS.objects.values()
        for phrase in phrases
        if phrase not in AMBIGUOUS
    }
    names = {phrase: name for name, phrases in WORDS.objects.items() for phrase in phrases}
    assert {phrase: r for phrase, r in said.items() if (r.action, r.object) != (action, names[phrase])} == {}


NOUNS = NounPhrases(WORDS)
SKIPPED = BE | HAVE | CONJUNCTIONS | DETERMINERS
PHRASES = sorted((phrase, name) for phrase, name in WORDS.phrases.items() if not SKIPPED & set(phrase))


@given(st.sampled_from(PHRASES), st.lists(st.sampled_from(sorted(DETERMINERS)), max_size=2))
def test_a_phrase_names_its_object_whatever_determiners_it_has(
    known: tuple[tuple[str, ...], str], determiners: list[str]
) -> None:
    phrase, name = known
    words = [Token(word) for word in (*determiners, *phrase)]
    assert NOUNS.head(words) == Found(name, " ".join(phrase))
    assert NOUNS.longest(phrase) == len(phrase)
    assert NOUNS.longest(("frobnicator", *phrase)) == len(phrase)


@pytest.mark.parametrize(
    ("phrase", "name", "part"),
    [
        ("", "", ""),
        ("frobnicator", "", ""),
        ("test frobnicator", "", ""),
        ("user dashboard", "dashboard", ""),
        ("dashboard title", "dashboard", PROPERTY),
        ("test deletion", "test", DEED),
        ("allowlist entry", "allowlist", THING),
        ("title", "", PROPERTY),
        ("test or agent", "", ""),
        ("test and test", "test", ""),
        ("test Shop", "test", ""),
        ("test Home Page", "test", ""),
    ],
)
def test_a_phrase_is_named_by_its_last_noun(phrase: str, name: str, part: str) -> None:
    found = NOUNS.head(tokens(phrase))
    assert (found.name, found.part) == (name, part)
    assert found.is_only_part == (phrase == "title")


@pytest.mark.parametrize(
    ("phrase", "rest", "name"),
    [
        ("a copy", "of the report", "report"),
        ("a batch", "of copies of tests", "test"),
        ("the title", "of the dashboard", "dashboard"),
        ("the title", "by a user", None),
        ("the title", "", None),
        ("the owner", "of the project", "user"),
        ("frobnicators", "of a user", None),
        ("", "", None),
    ],
)
def test_a_phrase_that_names_only_a_part_is_followed_to_its_object(phrase: str, rest: str, name: str | None) -> None:
    found = NOUNS.subject(tokens(phrase), tokens(rest))
    assert (found and found.name) == name


QUALITIES = """
active custom default enterprise external global inactive internal main permanent personal primary private public root
secondary temporary
"""


@pytest.mark.parametrize("quality", QUALITIES.split())
def test_a_quality_leaves_the_meaning_of_a_noun_as_it_is(quality: str) -> None:
    assert classes(f"Deleted {quality} account") == classes("Deleted account") == ("delete", "user", "success")
    assert classes("Deleted loyalty account") == ("delete", "unclassified", "success")


def test_an_owner_is_of_something() -> None:
    found = NOUNS.subject(tokens("the owner"), tokens("of the project"))
    assert found is not None
    assert found.of == NOUNS.head(tokens("project owner")).of == "project"


def test_a_preposition_ends_a_phrase() -> None:
    assert [before_preposition(tokens(text)) for text in ("", "of test", "test", "a test of b in c")] == [0, 0, 1, 2]


def test_only_some_objects_are_followed_by_their_names() -> None:
    assert [has_name(word, WORDS) for word in ("user", "Users", "TEST", "password", "")] == [True] * 3 + [False] * 2


def test_several_of_a_thing_are_the_thing() -> None:
    for words in ("copy", "copies", "batch", "batches", "number", "set", "series", "pair"):
        assert classes(f"Deleted {words} of tests") == ("delete", "test", "success")
