"""What verbs, objects and prepositions of event texts mean together."""

from __future__ import annotations

import pytest
from support.event_texts import WORDS, cases, classes, tokens

from te_audit_frames.checks.text.meaning import meaning, with_place
from te_audit_frames.checks.text.noun_phrase import DEED, PROPERTY, THING, Found
from te_audit_frames.checks.text.reading import Reading

TEXTS = """
Password of user changed by admin -> update password success
Share the frobnicator -> share unclassified unknown
Access the dashboard -> view dashboard unknown
Access to dashboard granted -> assign permission success
User confirms password reset request -> approve request unknown
Incident opened -> create incident success
Report opened -> view report success
Message blocked -> reject message success
Email opened -> view unclassified success
Email address changed -> update user success
Test created -> create test success
Test cloned -> create test success
Test copied -> create test success
Test duplicated -> create test success
Test imported -> create test success
Agent registered -> create agent success
Test edited -> update test success
Test renamed -> update test success
Test moved -> update test success
Test modified -> update test success
Password reset -> update password success
Integration removed -> delete integration success
Alert rule enabled -> enable alert_rule success
Account unlocked -> enable user success
User reactivated -> enable user success
Alerts unmuted -> enable alert success
SSO turned on -> enable sso success
Alert rule disabled -> disable alert_rule success
Account locked -> disable user success
User locked out -> disable user success
User suspended -> disable user success
Alert rule muted -> disable alert_rule success
SSO turned off -> disable sso success
Role assigned to user -> assign role success
Role granted to user -> assign role success
Role added to the system -> create role success
Agent joined the cluster -> assign agent success
Agent left the cluster -> revoke agent success
Added to organization -> assign user success
Removed from account group -> revoke user success
Added to dashboard -> assign unclassified success
Label added to test -> assign label success
Added user to account group -> assign user success
Add user to account group -> assign user unknown
Added user as admin -> assign user success
User joined organization -> assign user success
User removed from role -> revoke user success
Removed label from test -> revoke label success
Removed user as admin -> revoke user success
API token revoked -> revoke api_token success
Role unassigned from user -> revoke role success
User left organization -> revoke user success
User added -> create user success
User removed -> delete user success
User added with a role -> create user success
User invited to account group -> invite user success
Ann was invited by Bob -> invite user success
Impersonated ann -> impersonate user success
Stopped impersonating user -> stop unclassified success
Notification test sent -> send unclassified success
Session closed -> stop session success
Agent rebooted -> start agent success
Session terminated -> stop session success
License applied to agent -> assign license success
Sessions invalidated -> revoke session success
Command execution failed -> run command failure
Invitation sent -> invite invitation success
Snapshot shared -> share snapshot success
Report exported -> export report success
Report downloaded -> export report success
Dashboard viewed -> view dashboard success
Copied password -> view password success
Invitation accepted -> approve invitation success
Invitation declined -> reject invitation success
Request denied -> reject request success
Blocked request -> reject request success
Test restored -> restore test success
Dashboard archived -> archive dashboard success
Dashboard moved to trash -> delete dashboard success
Instant test run -> run test success
Agent restarted -> start agent success
Test stopped -> stop test success
Notification sent -> send notification success
Domain verified -> verify domain success
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


def said(verb: str, found: Found | None) -> tuple[str, str]:
    (token,) = tokens(verb)
    reading = meaning(WORDS, "passive", (token, WORDS.action_of[token.base]), found, "success")
    return reading.action, reading.object


@pytest.mark.parametrize(
    ("verb", "found", "expected"),
    [
        ("deleted", None, ("delete", "unclassified")),
        ("invited", None, ("invite", "user")),
        ("deleted", Found("dashboard", "dashboard"), ("delete", "dashboard")),
        # What is done to a property changes the object; a thing of its own is not the object.
        ("deleted", Found("dashboard", "dashboard", PROPERTY), ("update", "dashboard")),
        ("deleted", Found("dashboard", "dashboard", THING), ("delete", "unclassified")),
        ("enabled", Found("user", "user", DEED), ("enable", "unclassified")),
        ("requested", Found("user", "user", DEED), ("request", "user")),
        ("updated", Found("user", "owner", "", "project"), ("update", "project")),
        ("deleted", Found("user", "owner", "", "project"), ("delete", "user")),
        ("updated", Found("user", "email address"), ("update", "user")),
        ("viewed", Found("user", "email"), ("view", "unclassified")),
    ],
)
def test_a_verb_and_a_noun_phrase_mean(verb: str, found: Found | None, expected: tuple[str, str]) -> None:
    assert said(verb, found) == expected


def test_a_refusal_does_not_say_which_permission() -> None:
    (verb,) = tokens("denied")
    found = Found("permission", "access")
    assert meaning(WORDS, "passive", (verb, "reject"), found, "success") == Reading()


@pytest.mark.parametrize(
    ("verb", "rest", "action"),
    [
        ("added", "", "create"),
        ("added", "user to group", "assign"),
        ("added", "to the system", "create"),
        ("added", "to the system group", "create"),
        ("added", "test to create", "create"),
        ("removed", "from group", "revoke"),
        ("removed", "by user", "delete"),
        ("moved", "to trash", "delete"),
        ("moved", "to group", "update"),
        ("deleted", "from group", "delete"),
    ],
)
def test_a_place_changes_what_a_verb_means(verb: str, rest: str, action: str) -> None:
    (token,) = tokens(verb)
    assert with_place(WORDS, token, WORDS.action_of[token.base], tokens(rest)) == action
