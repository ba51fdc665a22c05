"""Wordy phrases of event texts, and the plain ones that stand for them."""

from __future__ import annotations

import pytest
from support.event_texts import WORDS, cases, classes, plain, tokens

from te_audit_frames.checks.text.paraphrase import paraphrase, verb_first

TEXTS = """
An attempt was made to delete a test -> delete test unknown
Attempts were made to log in -> login user unknown
User was blocked from creating a test -> create test failure
Ann was prevented from deleting tests -> delete test failure
User was denied from -> reject user success
Changes were made to the alert rule -> update alert_rule success
Made changes to the dashboard -> update dashboard success
User made changes to a dashboard -> update dashboard success
Made a configuration change -> update setting success
User performed a password reset -> update password success
Performed test deletion -> delete test success
User made admin -> assign user success
User was made an owner of the dashboard -> assign user success
Ann made Bob an administrator -> assign user success
Dashboard made public -> share dashboard success
Made the dashboard public -> share dashboard success
role_add_permission -> assign permission unknown
account_role_remove_permission -> revoke permission unknown
api_key.update_limit -> update limit unknown
user_add_to_group -> assign user unknown
user_group_join -> assign user unknown
onboarding_prompt_delete -> delete prompt unknown
Batch delete tests -> delete test unknown
Add tests in batches -> create test unknown
Test deletion performed -> delete test success
Password reset performed -> update password success
Backup performed -> run backup success
A request to delete a test -> request test unknown
setup_add_connector -> create connector unknown
You delete an alert rule -> delete alert_rule unknown
label_assign_test -> unclassified unclassified unknown
Failed to complete the deletion of a test -> delete test failure
Starting to delete tests -> delete test unknown
Ann finished deleting the test -> delete test success
Turned the alert rule off -> disable alert_rule success
Some of the tests were deleted -> delete test success
Logged when a test is created -> create test success
Request to access a report was approved -> approve request success
Network changes were saved -> update network success
Failed to save network changes -> update network failure
Perform unlock user -> enable user unknown
Perform password reset -> update password unknown
Ann performed a label import operation -> create label success
Ann performed a scan -> run scan success
Ann performed an account unlock for a user -> enable user success
Create label triggered by an import -> create label unknown
Starting migration of the agent -> update agent unknown
Failed to log Ann out -> logout user failure
Fires when a test is created -> create test success
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


@pytest.mark.parametrize(
    ("wordy", "short"),
    [
        ("", ""),
        ("test deleted", "test deleted"),
        ("made", "made"),
        ("test", "test"),
        ("some of", "some of"),
        ("some of the tests were deleted", "the tests were deleted"),
        ("you delete a test", "delete a test"),
        ("user was blocked from creating a test", "user failed to creating a test"),
        ("made changes to the test", "updated the test"),
        ("changes were made to the test", "updated the test"),
        ("an attempt was made to delete a test", "attempted to delete a test"),
        ("a request to delete a test", "request test"),
        ("ann made bob an administrator", "assigned user"),
        ("dashboard made public", "dashboard shared"),
        ("made the dashboard public", "shared dashboard"),
        ("turn the rule off", "turn off the rule"),
        ("batch delete tests", "delete tests"),
        ("delete tests in batches", "delete tests"),
        ("perform password reset", "reset password"),
        ("network changes were saved", "network were updated"),
        ("logged when a test is deleted", "a test is deleted"),
        ("create user triggered by an import", "create user"),
    ],
)
def test_a_wordy_phrase_becomes_a_plain_one_and_a_plain_one_stays(wordy: str, short: str) -> None:
    found = paraphrase(tokens(wordy), WORDS)
    assert plain(found) == short
    assert paraphrase(found, WORDS) == found


@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("role add permission", "add permission to role"),
        ("role remove permission", "remove permission from role"),
        ("prompt update limit", "update limit"),
        ("delete test", "delete test"),
        ("test delete", "test delete"),
        ("label assign test", "label assign test"),  # which of the two is assigned?
        ("test delete label create", "test delete label create"),
        ("user add to group", "user add to group"),
        ("test deleted label", "test deleted label"),
        ("", ""),
    ],
)
def test_a_key_is_read_as_a_command_if_it_can_be_only_one(key: str, command: str) -> None:
    assert plain(verb_first(tokens(key), WORDS)) == command


@pytest.mark.parametrize(
    ("words", "form", "expected"),
    [
        ("blocked denied prevented prohibited restricted stopped", "User was {} from deleting test", "test failure"),
        ("some one all any many most several each", "{} of the tests were deleted", "test success"),
        ("bulk batch batches", "In {} tests deleted", "test success"),
    ],
)
def test_alternative_words_of_a_phrase_are_read_alike(words: str, form: str, expected: str) -> None:
    said = {word: " ".join(classes(form.format(word))) for word in words.split()}
    assert {word: found for word, found in said.items() if found != f"delete {expected}"} == {}


def test_becoming_an_admin_is_assigning_and_saving_changes_is_updating() -> None:
    roles = "admin administrator editor guest manager member moderator operator owner superuser viewer"
    for role in roles.split():
        assert classes(f"User was made {role}") == ("assign", "user", "success")
    for verb in ("save", "apply", "commit"):
        assert classes(f"{verb} changes to test") == ("update", "test", "unknown")
