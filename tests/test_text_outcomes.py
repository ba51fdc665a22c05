"""Words of event texts that say how something ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, cases, classes, plain, tokens

from te_audit_frames.checks.text.outcomes import fails_later, is_entrance, strip_outcome

TEXTS = """
Failed to reset the password -> update password failure
Unable to set role -> update role failure
User tried to delete a test, but was not allowed to -> delete test failure
Deletion of the test from the folder has been completed -> delete test success
Test deletion failed -> delete test failure
Agent failed installation -> create agent failure
Agent successful installation -> create agent success
Test was removed, but a label could not be removed -> delete test success
Request was denied -> reject request success
Request of user denied -> reject request success
Login was approved -> approve unclassified success
Login from a new place approved -> approve unclassified success
Test unsuccessfully deleted -> delete test failure
Failed attempt to delete test -> delete test failure
Delete test of user failed -> delete test failure
Failed to delete test - finished -> delete test failure
Delete test - done by user -> delete test success
Invalid report export -> export report unknown
failed to delete -> delete unclassified failure
Failed to delete test -> delete test failure
Test failed to delete -> delete test failure
Could not delete test -> delete test failure
Couldn't delete test -> delete test failure
Unable to delete test -> delete test failure
Test could not be deleted -> delete test failure
User cannot be added to a group -> assign user failure
User is not authorized to delete a test -> delete test failure
Domain not verified -> verify domain failure
Failed password change -> update password failure
Test deletion failed -> delete test failure
Deletion of test failed -> delete test failure
Deleting of test failed -> delete test failure
Deleting of test failed for user -> delete test failure
Deleting of test from folder failed -> delete test failure
Deleting of test from failed folder -> delete test unknown
Deleting of failed test -> delete test unknown
Provisioning of agent failed -> create agent failure
Provisioning of agent was not successful -> create agent failure
Adding of label succeeded -> create label success
Delete test failed -> delete test failure
Deleting test failed -> delete test failure
Test deletion unsuccessful -> delete test failure
Error deleting test -> delete test failure
Delete test succeeded -> delete test success
Delete tests - finished (bulk) -> delete test success
Test successfully deleted -> delete test success
Success change password -> update password success
Deleted failed jobs -> delete job success
Failed job deleted -> delete job success
Test deleted: Failed logins -> delete test success
Report created: Login failed -> create report success
Test "Login failed" deleted -> delete test success
Changed whether users can be found when not invited -> update unclassified success
Login succeeded to dashboard -> login user success
Failed login to dashboard -> login user failure
Sign-in denied -> login user failure
Sign-in attempt blocked -> login user failure
Login from a new place blocked -> login user failure
Login failed due to locked account -> login user failure
Logged out -> logout user success
Login failed. -> login user failure
Login failed -> login user failure
User Login (Interactive) -> login user success
User Login (Remember-me cookie) -> login user success
User Login (SSO) -> login user success
Login -> login user success
User logged in -> login user success
User logged into an account -> login user success
Ann logged in as another user -> impersonate user success
Auth attempt failed -> login user failure
Logs in a folder were deleted -> delete unclassified success
Failed to login -> login user failure
User unable to logout -> logout user failure
A user logs into the dashboard -> login user unknown
User login operation failed -> login user failure
User tried to log in, but the password was incorrect -> login user failure
User failed an attempt to sign in -> login user failure
Ann authenticated their device -> verify device success
Device authenticated -> login user success
User signed in via SSO -> login user success
Signed out -> logout user success
User logged out -> logout user success
User logout -> logout user success
Logout failed -> logout user failure
Login attempt -> login user unknown
Attempted login -> login user unknown
User attempted to sign in -> login user unknown
Failed login attempt -> login user failure
Too many failed logins -> login user failure
Invalid login attempt -> login user failure
Invalid credentials -> login user failure
Login: failed -> login user failure
Login - Failure -> login user failure
User login (failed) -> login user failure
Login of Ann failed -> login user failure
Login from 10.0.0.1 failed due to a wrong password -> login user failure
Login was not successful -> login user failure
Login was denied -> login user failure
Login blocked -> login user failure
Denied login -> login user failure
Failed to log in -> login user failure
User failed to log in -> login user failure
Could not authenticate user -> login user failure
Login after failed attempts -> login user success
Login succeeded -> login user success
Successful login -> login user success
Authentication of user -> login user unknown
Authentication failed -> login user failure
Login page updated -> update page success
Failed login report created -> create report success
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


@pytest.mark.parametrize(
    ("text", "rest", "outcome"),
    [
        ("", "", None),
        ("failed", "failed", None),  # of nothing
        ("test deleted", "test deleted", None),
        ("failed login", "login", "failure"),
        ("login failed", "login", "failure"),
        ("login attempt failed", "login attempt", "failure"),
        ("failed login report created", "login report created", None),
        ("successful login", "login", "success"),
        ("success change password", "change password", "success"),
        ("not successful login", "login", "failure"),
        ("login was not successful", "login was", "failure"),
        ("test unsuccessfully deleted", "test deleted", "failure"),
        ("test successfully deleted", "test deleted", None),  # the verb says it already
        ("login failed for user", "login for user", "failure"),
        ("agent failed installation", "agent installation", "failure"),
        ("deletion of the test has been completed", "deletion of the test", "success"),
        ("denied login", "login", "failure"),
        ("denied request", "denied request", None),
    ],
)
def test_the_outcome_is_taken_off_both_ends(text: str, rest: str, outcome: str | None) -> None:
    left, found = strip_outcome(tokens(text), WORDS)
    assert (plain(left), found) == (rest, outcome)


@given(st.lists(st.sampled_from(["test", "deleted", "login", "failed", "successful", "of", "was", "denied"])))
def test_words_are_only_taken_away_and_the_others_stay_in_their_order(words: list[str]) -> None:
    left, _ = strip_outcome(tokens(" ".join(words)), WORDS)
    rest = iter(words)
    assert all(token.word in rest for token in left)


def test_a_failure_at_the_end_of_a_phrase_is_one_of_the_whole() -> None:
    texts = ("login of the user failed", "login failed for user", "failed login", "")
    assert [fails_later(tokens(text), WORDS) for text in texts] == [True, True, False, False]


def test_a_log_in_is_an_entrance_and_so_is_an_attempt_at_one() -> None:
    texts = ("login", "user logouts", "login attempt was", "test deletion", "login page", "attempt", "")
    assert [is_entrance(tokens(text), WORDS) for text in texts] == [True] * 3 + [False] * 4
