"""Clauses of event texts: their forms, and their verbs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, cases, classes, tokens

from te_audit_frames.checks.text.clause import Clause
from te_audit_frames.checks.text.reading import Reading

TEXTS = """
Test was deleted today -> delete test success
Test deleted shop-1 -> delete test success
New shared dashboard created -> create dashboard success
User deleted shared dashboard -> delete dashboard success
Restored deleted test -> restore test success
Deleted test restored -> restore test success
Team invite and invitation deleted -> delete invitation success
View dashboard -> view dashboard unknown
Update of role -> update role unknown
Has deleted -> delete unclassified success
Added test to create -> create test success
Registration -> create unclassified unknown
Test deleted -> delete test success
Test was deleted -> delete test success
Tests have been deleted -> delete test success
Test is deleted -> delete test success
Deleted test -> delete test success
Deleted the tests -> delete test success
User deleted test -> delete test success
User has deleted a test -> delete test success
Ann deleted 3 tests -> delete test success
User deletes a test -> delete test unknown
User is deleting a test -> delete test unknown
Delete test -> delete test unknown
Delete all tests -> delete test unknown
Test deletion -> delete test unknown
Deletion of test -> delete test unknown
Test delete -> delete test unknown
Password of the user changed -> update password success
Attempted to delete a test -> delete test unknown
Setting the default role -> update role unknown
Setting deleted -> delete setting success
Running an instant test -> run test unknown
Test created using the API -> create test success
Test force deleted -> delete test success
Deployment failed -> run deployment failure
Backup of the database failed -> run backup failure
A stranger deletes the test -> delete test unknown
A stranger leaves the account group -> revoke user unknown
Enabling a test -> enable test unknown
Cancelling a test -> cancel test unknown
Canceling a test -> cancel test unknown
The service is starting -> start service unknown
Reset password token created -> create api_token success
Saved search shared -> share query success
View report file -> view file unknown
Added comment to an issue, test, or other objects -> assign comment success
Adds tags to an agent. -> assign tag unknown
Removes tests that do not run. -> delete test unknown
Ann starts a stopped test -> start test unknown
Change in alert rule settings -> update setting unknown
Agent IPv6 enabled -> enable ipv6 success
Demand two-factor authentication -> unclassified unclassified unknown
The role assigned to Ann was frobbed -> unclassified unclassified unknown
Frobbed shared folder -> unclassified unclassified unknown
Frobbed user deleted -> delete user success
Ann frobs a shared folder -> unclassified unclassified unknown
User is frobbing a saved search -> unclassified unclassified unknown
Creates or deletes a test -> unclassified unclassified unknown
Ann authenticated the gizmo -> unclassified unclassified unknown
Ann authenticated their device -> verify device success
Invited gizmo to folder -> invite unclassified success
Invited Ann to folder -> invite user success
Removal of user from group -> revoke user unknown
User addition to the group -> assign user unknown
Perform a scan on a host -> run scan unknown
Perform a full gizmo on a host -> unclassified unclassified unknown
Authentication granted -> login user success
Started loading tests -> start unclassified success
Password changes -> update password unknown
Delegated user enabled -> enable user success
User logged in/out -> unclassified unclassified unknown
Ann deletes a reset token -> delete api_token unknown
Test deletion was initiated -> delete test unknown
Starting export test -> start unclassified unknown
Scheduled test deletion -> unclassified unclassified unknown
Test deletion cancelled -> cancel test success
Token being used -> view api_token unknown
Logout all users -> logout user unknown
An invalid rule when a test is deleted -> unclassified unclassified unknown
Starting Agent Berlin was initiated -> start agent unknown
Import of labels completed -> create label success
Test parameters updated -> update test success
Skipping import of users -> unclassified unclassified unknown
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


def said(text: str) -> Reading:
    return Clause(tokens(text), WORDS).read()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("test deleted", "passive"),
        ("test was deleted", "passive"),
        ("test could be deleted", "passive"),
        ("deleted test", "active"),
        ("user has deleted test", "active"),
        ("delete test", "imperative"),
        ("logout user", "imperative"),
        ("user deletes a test", "present"),
        ("deleting test", "present"),
        ("test is deleting", "present"),
        ("test deletion", "noun"),
        ("deletion of test", "noun"),
        ("could not delete test", "negated"),
        ("attempted to delete test", "attempt"),
        ("deployment failed", "failure"),
    ],
)
def test_the_rule_of_a_clause_begins_with_its_form(text: str, form: str) -> None:
    assert said(text).rule.partition(":")[0] == form


def test_without_words_there_is_nothing_to_read() -> None:
    assert Clause([], WORDS).read() == Reading()
    assert said("the a of") == Reading()


DONE = ["deleted", "created", "updated", "exported", "archived"]


@given(st.lists(st.sampled_from(DONE), min_size=2, max_size=2, unique=True), st.sampled_from(["and", "or", "/", ","]))
def test_two_different_deeds_are_not_read_as_one(verbs: list[str], conjunction: str) -> None:
    one, other = verbs
    assert said(f"user {one} test {conjunction} {other} dashboard") == Reading()
    assert said(f"user {one} test {conjunction} dashboard").action == said(f"user {one} test").action != "unclassified"


def test_what_follows_but_decides_unless_it_was_done_before() -> None:
    assert said("user tried to delete a test but could not").outcome == "failure"
    assert said("test was deleted but a label could not be removed").outcome == "success"


def test_what_was_begun_is_not_done() -> None:
    begun = said("test deletion was initiated")
    assert (begun.action, begun.object, begun.outcome) == ("delete", "test", "unknown")
    assert said("test deletion is completed").outcome == "success"


@given(st.lists(st.sampled_from(["test", "deleted", "login", "failed", "to", "not", "/", "of", "was", "delete"])))
def test_any_order_of_words_can_be_read(words: list[str]) -> None:
    reading = said(" ".join(words))
    assert reading.action in {*WORDS.actions, "unclassified"}
    if reading.action == "unclassified":
        assert reading == Reading()
