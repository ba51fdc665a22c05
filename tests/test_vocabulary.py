"""The vocabulary: each form of a text, each group of words, the user's own table, every library, and the figures."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.frames import LIBRARIES

import te_audit_frames as taf
from benchmarks import vocabulary as figures
from te_audit_frames.checks.text.event_text import fold, read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.reading import Reading
from te_audit_frames.checks.text.words import singular
from te_audit_frames.cli.commands import program
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, to_events

CLASSES = ["action", "object", "outcome", "rule"]
WORDS = load_vocabulary()
NOTHING = ("unclassified", "unclassified", "unknown")


def classes(text: str) -> tuple[str, str, str]:
    reading = read(text, WORDS)
    return reading.action, reading.object, reading.outcome


def cases(text: str) -> list[tuple[str, str]]:
    """Write one case a line: the text, an arrow, and its three classes."""
    return [tuple(part.strip() for part in line.split("->")) for line in text.splitlines() if line]  # type: ignore[misc]


FORMS = """
User was granted superpowers -> assign unclassified success
Test was deleted today -> delete test success
Test deleted shop-1 -> delete test success
New shared dashboard created -> create dashboard success
User deleted shared dashboard -> delete dashboard success
Restored deleted test -> restore test success
Deleted test restored -> restore test success
Password of user changed by admin -> update password success
Disable/pause test -> disable test unknown
Team invite and invitation deleted -> delete invitation success
Share the frobnicator -> share unclassified unknown
Access the dashboard -> view dashboard unknown
View dashboard -> view dashboard unknown
Update of role -> update role unknown
Has deleted -> delete unclassified success
Added test to create -> create test success
Left -> revoke user success
User signup -> create user unknown
Registration -> create unclassified unknown
Test re-enabled -> enable test success
User de-provisioned -> delete user success
Read-only dashboard updated -> update dashboard success
Deleted -> delete unclassified success
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
Access to dashboard granted -> assign permission success
User granted admin privileges -> assign permission success
User was granted access -> assign permission success
User requested to delete a test -> request test success
Attempted to delete a test -> delete test unknown
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
Setting the default role -> update role unknown
Setting deleted -> delete setting success
Running an instant test -> run test unknown
User confirms password reset request -> approve request unknown
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
Failed to reset the password -> update password failure
Unable to set role -> update role failure
Reset password token created -> create api_token success
Saved search shared -> share query success
View report file -> view file unknown
User tried to delete a test, but was not allowed to -> delete test failure
Added comment to an issue, test, or other objects -> assign comment success
user.invite -> invite user unknown
dashboard.view -> view dashboard unknown
dashboard.share -> share dashboard unknown
api-token-revoked -> revoke api_token success
DeleteAlertRule -> delete alert_rule unknown
agent/added -> create agent success
role_add_permission -> assign permission unknown
account_role_remove_permission -> revoke permission unknown
api_key.update_limit -> update limit unknown
user_add_to_group -> assign user unknown
user_group_join -> assign user unknown
onboarding_prompt_delete -> delete prompt unknown
user_2fa_fail -> login user failure
Creates a dashboard. -> create dashboard unknown
Adds tags to an agent. -> assign tag unknown
Removes tests that do not run. -> delete test unknown
Ann starts a stopped test -> start test unknown
Change in alert rule settings -> update setting unknown
Batch delete tests -> delete test unknown
Add tests in batches -> create test unknown
Added phone number -> create phone_number success
Region of a phone number changed -> update phone_number success
Parameters of a test updated -> update test success
User and group settings updated -> update setting success
MacOS profile created -> create profile success
Agent IPv6 enabled -> enable ipv6 success
Demand two-factor authentication -> unclassified unclassified unknown
Authentication granted -> login user success
Test deletion performed -> delete test success
Password reset performed -> update password success
Backup performed -> run backup success
A request to delete a test -> request test unknown
Started loading tests -> start unclassified success
Incident opened -> create incident success
Report opened -> view report success
Message blocked -> reject message success
Crown jewel created -> create unclassified success
Test frobnicator deleted -> delete unclassified success
agent-environment.create -> create environment unknown
setup_add_connector -> create connector unknown
You delete an alert rule -> delete alert_rule unknown
Password changes -> update password unknown
Delegated user enabled -> enable user success
Test: Frobnicator 1 deleted -> delete test success
User logged in/out -> unclassified unclassified unknown
Anomaly deleted -> delete anomaly success
Hard drive deleted -> delete volume success
Add-on deleted -> delete extension success
Delete permission set -> delete role unknown
Ann deletes a reset token -> delete api_token unknown
label_assign_test -> unclassified unclassified unknown
test.deleted -> delete test success
Test deletion was initiated -> delete test unknown
Deletion of the test from the folder has been completed -> delete test success
Failed to complete the deletion of a test -> delete test failure
Starting to delete tests -> delete test unknown
Ann finished deleting the test -> delete test success
Starting export test -> start unclassified unknown
Test deletion failed -> delete test failure
Agent failed installation -> create agent failure
Agent successful installation -> create agent success
Scheduled test deletion -> unclassified unclassified unknown
Test marked for deletion -> unclassified unclassified unknown
Test deletion cancelled -> cancel test success
Changed agent status to disabled -> disable agent success
Test state changed to active -> enable test success
Incident status changed to resolved -> update incident success
Joined agent to cluster -> assign agent success
Ann was added as a member of the group -> assign user success
Access lists were removed on the host -> delete allowlist success
Logs in a folder were deleted -> delete unclassified success
User was sent a notification -> send notification success
Token being used -> view api_token unknown
Turned the alert rule off -> disable alert_rule success
Logout all users -> logout user unknown
Downloaded a CSV copy of the report -> export report success
Added a batch of tests -> create test success
Some of the tests were deleted -> delete test success
Logged when a test is created -> create test success
An invalid rule when a test is deleted -> unclassified unclassified unknown
Setting Enable alerts was updated -> update setting success
Request to access a report was approved -> approve request success
Network changes were saved -> update network success
Failed to save network changes -> update network failure
Perform unlock user -> enable user unknown
Perform password reset -> update password unknown
Ann performed a label import operation -> create label success
Ann performed a scan -> run scan success
Ann performed an account unlock for a user -> enable user success
Page triggered an alert -> unclassified unclassified unknown
Ann triggered a test -> run test success
User has authorized -> approve unclassified success
Data Center Berlin was deleted -> delete data_center success
Failed to remove User Ann from Group Ops -> revoke user failure
Starting Agent Berlin was initiated -> start agent unknown
Create label triggered by an import -> create label unknown
Starting migration of the agent -> update agent unknown
Import of labels completed -> create label success
Failed to log Ann out -> logout user failure
Fires when a test is created -> create test success
Test parameters updated -> update test success
Team Dashboard was deleted -> delete dashboard success
API Resource is created -> create resource success
Billing. Create label -> create label unknown
Skipping import of users -> unclassified unclassified unknown
Test was removed, but a label could not be removed -> delete test success
Team member updated -> update user success
Group members updated -> update group success
Email opened -> view unclassified success
Email address changed -> update user success
Policy deployment plan entry deleted -> delete unclassified success
Added request rule to policy -> assign rule success
Test: deleted -> delete test success
"""

ACTIONS = """
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

LOGINS = """
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

OUTCOMES = """
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
"""

OBJECTS = """
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

NOT_CLASSIFIED = [
    "",
    ".",
    "Test",
    "User",
    "(SSO)",
    "Flux capacitor charged",
    "Quota exceeded",
    "Access request",
    "Dashboard view",
    "Access denied",
    "Permission denied",
    "Suspended user made active",
    "Dashboard made private",
    "Made",
    "Made admin",
    "Made changes",
    "Edits made",
    "Queued policy update",
    "Link clicked",
    "User was denied access to the report",
    "Access denied - invalid password",
    "Enabling and deleting a test",
    "Deployment finished",
    "Test failed",
    "Enabled/disabled test",
    "Test created and shared",
    "User was added or removed",
    "User email changed and user signed in",
    "Sign-on policy evaluated",
    "Agent came online",
    "Created user deleted",
    "Deleted users and created accounts",
    "Deleted users and disabled accounts",
    "Update test or create user",
    "Firmware updates agents",
    "User requests",
    "Couldn't",
    "Couldn't test",
    "Error in test",
    "Add as admin",
    "Name of changed",
    "(failed)",
]


@pytest.mark.parametrize(("text", "expected"), cases(FORMS + ACTIONS + LOGINS + OUTCOMES + OBJECTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


@pytest.mark.parametrize("text", NOT_CLASSIFIED)
def test_what_no_rule_knows_is_not_guessed_at(text: str) -> None:
    assert read(text, WORDS) == Reading("unclassified", "unclassified", "unknown", "unclassified")


@pytest.mark.parametrize(
    "text",
    [
        "TEST DELETED",
        "test deleted",
        "Test Deleted.",
        " Test   deleted ",
        "Test deleted!",
        "Ｔｅｓｔ ｄｅｌｅｔｅｄ",
        "Test\u00a0deleted",
        "Test deleted (API)",
        "Test deleted (API) (bulk)",
        "Test “Shop” deleted",
        "The test deleted.",
        "Test permanently deleted",
    ],
)
def test_case_width_spaces_stops_quotes_and_suffixes_make_no_difference(text: str) -> None:
    assert classes(text) == ("delete", "test", "success")


def test_dashes_and_apostrophes_of_all_kinds_are_the_same() -> None:
    assert classes("Couldn’t delete test") == classes("Couldn't delete test")
    assert classes("Login – failed") == classes("Login - failed")


def test_the_rule_names_the_form_and_the_words() -> None:
    assert read("Alert rules deleted", WORDS).rule == "passive: deleted / alert rule"
    assert read("Deleted the alert rule", WORDS).rule == "active: deleted / alert rule"
    assert read("Delete alert rule", WORDS).rule == "imperative: delete / alert rule"
    assert read("User login", WORDS).rule == "noun: login"
    assert read("Deleted", WORDS).rule == "active: deleted"


@pytest.mark.parametrize(
    ("plural", "expected"),
    [("policies", "policy"), ("boxes", "box"), ("keys", "key"), ("status", "status"), ("licenses", "license")],
)
def test_plurals(plural: str, expected: str) -> None:
    assert singular(plural) == expected


def test_every_verb_is_known_in_each_form() -> None:
    forms = {
        "add": "added",
        "copy": "copied",
        "ban": "banned",
        "create": "created",
        "set": "set",
        "log in": "logged in",
    }
    for base, past in forms.items():
        assert WORDS.verbs[tuple(past.split())] == (base, "past")
    assert WORDS.verbs[("banning",)] == ("ban", "gerund")
    assert WORDS.verbs[("creating",)] == ("create", "gerund")
    assert WORDS.verbs[("copying",)] == ("copy", "gerund")
    assert WORDS.verbs[("copies",)] == ("copy", "third")
    assert WORDS.verbs[("accesses",)] == ("access", "third")


def test_no_word_of_the_table_has_two_meanings() -> None:
    for section in (WORDS.actions, WORDS.nouns):
        words = [word for each in section.values() for word in each]
        assert sorted({word for word in words if words.count(word) > 1}) == []
    phrases = [" ".join(map(singular, phrase.split())) for each in WORDS.objects.values() for phrase in each]
    assert sorted({phrase for phrase in phrases if phrases.count(phrase) > 1}) == []


def test_every_name_in_the_table_is_one_it_knows() -> None:
    actions, objects = set(WORDS.actions), set(WORDS.objects)
    assert {action for places in WORDS.places.values() for action in places.values()} <= actions
    assert set(WORDS.nouns) <= actions
    assert set(WORDS.resource_types.values()) <= objects
    for by_object in WORDS.combinations.values():
        assert set(by_object) <= objects
        assert set(by_object.values()) <= actions
    assert {*WORDS.places, *WORDS.combinations, *WORDS.people["verbs"]} <= set(WORDS.action_of)
    assert set(WORDS.past) <= {base.split()[0] for base in WORDS.action_of}


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


ODDLY = [
    "test",
    "deleted",
    "login",
    "failed",
    "to",
    "not",
    "/",
    ",",
    "and",
    "of",
    "user",
    "was",
    "(a)",
    "'b'",
    ":",
    "-",
]


@given(st.text() | st.lists(st.sampled_from(ODDLY)))
def test_no_text_is_too_odd(drawn: str | list[str]) -> None:
    text = drawn if isinstance(drawn, str) else " ".join(drawn)
    reading = read(text, WORDS)
    assert reading.action in {*WORDS.actions, "unclassified"}
    assert reading.object in {*WORDS.objects, "unclassified"}
    assert reading.outcome in {"success", "failure", "unknown"}
    if reading.action == "unclassified":
        assert reading == Reading()
    assert read(f" {text} ", WORDS) == reading
    assert fold(fold(text)) == fold(text)


# The figures on texts of other products; tests/data/README.md says how they came about.


@pytest.mark.parametrize(
    ("part", "classified", "mistakes"),
    [
        ("development", 323, 1),
        ("kept aside", 142, 0),
        ("second batch", 69, 1),
        ("third batch", 160, 0),
        ("third batch, kept aside", 155, 1),
        ("fourth batch", 132, 0),
        ("fifth batch", 93, 0),
        ("sixth batch", 55, 1),
        ("seventh batch", 110, 4),
        ("seventh batch, kept aside", 106, 2),
        ("eighth batch", 58, 0),
        ("ninth batch", 58, 3),
        ("tenth batch", 342, 13),
        ("eleventh batch, kept aside", 138, 0),
        ("twelfth batch", 214, 8),
        ("thirteenth batch, kept aside", 96, 3),
        ("fourteenth batch, kept aside", 63, 2),
        ("as ThousandEyes might phrase them", 106, 0),
    ],
)
def test_texts_of_other_products(part: str, classified: int, mistakes: int) -> None:
    scored = figures.score([label for label in figures.labels() if label.part == part])
    assert scored.classified >= classified
    assert len(scored.mistakes) <= mistakes, figures.mistakes()


def test_there_are_enough_labelled_texts_and_each_has_a_source() -> None:
    texts = pd.read_csv(figures.TEXTS)
    sources = pd.read_csv(figures.TEXTS.with_name("event_text_sources.csv"))
    assert len(texts) >= 2700
    assert texts["text"].map(fold).is_unique
    assert set(texts["source"]) <= set(sources["source"])
    looked_up = set(sources.loc[sources["how"] == "looked up", "source"])
    texts = texts[texts["batch"] != "thousandeyes"]
    assert texts["source"].isin(looked_up).mean() >= 0.9
    assert set(texts["action"]) <= {*WORDS.actions, "unclassified"}


# Frames.


def resources(*types: str) -> list[dict[str, str]]:
    return [{"type": kind, "name": "Shop"} for kind in types]


ROWS = [
    {"event": "Test deleted.", "resources": resources("userDisplayName")},
    {"event": "Deleted.", "resources": resources("testName")},
    {"event": "Deleted.", "resources": resources("userDisplayName")},
    {"event": "Deleted.", "resources": resources("testName", "testName")},
    {"event": "Deleted.", "resources": resources("something")},
    {"event": "Deleted.", "resources": []},
    {"event": "Deleted.", "resources": None},
    {"event": None, "resources": resources("testName")},
    {"event": "", "resources": None},
    {"event": "Flux capacitor", "resources": resources("testName")},
    {"event": "Login failed.", "resources": None},
    {"event": "Deleted.", "resources": resources("testName")},
]
EXPECTED = [
    ("delete", "test", "success"),
    ("delete", "test", "success"),
    ("delete", "user", "success"),
    *[("delete", "unclassified", "success")] * 4,
    *[NOTHING] * 3,
    ("login", "user", "failure"),
    ("delete", "test", "success"),
]


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return pa.Table.from_pylist(ROWS, ARROW_SCHEMA)


def as_pandas(frame: object) -> pd.DataFrame:
    match frame:
        case pd.DataFrame():
            return frame
        case pl.LazyFrame():
            return frame.collect().to_pandas()
        case duckdb.DuckDBPyRelation():
            return frame.df()
        case _:
            return frame.to_pandas()  # type: ignore[attr-defined]


def test_the_only_resource_stands_in_for_an_object_that_the_text_lacks(rows: pa.Table) -> None:
    classified = taf.classify_events(to_events(rows))
    assert list(classified[CLASSES[:3]].itertuples(index=False, name=None)) == EXPECTED
    assert classified["rule"].tolist()[:2] == ["passive: deleted / test", "active: deleted / resource testName"]
    assert (classified["rule"] == "unclassified").tolist() == [said == NOTHING for said in EXPECTED]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_says_the_same_and_gives_its_own_frame(library: str, rows: pa.Table) -> None:
    events = LIBRARIES[library](rows)
    classified = taf.classify_events(events)
    assert type(classified) is type(events)
    pd.testing.assert_frame_equal(
        as_pandas(classified)[CLASSES].astype("str").reset_index(drop=True),
        taf.classify_events(to_events(rows))[CLASSES],
    )
    again = as_pandas(taf.classify_events(classified))
    assert list(again.columns) == [*ARROW_SCHEMA.names, *CLASSES]


@pytest.mark.parametrize("library", LIBRARIES)
def test_empty_frames_get_the_same_columns(library: str) -> None:
    classified = as_pandas(taf.classify_events(LIBRARIES[library](ARROW_SCHEMA.empty_table())))
    assert list(classified.columns) == [*ARROW_SCHEMA.names, *CLASSES]
    assert len(classified) == 0


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars", "polars lazy", "duckdb"])
def test_events_without_resources_are_read_by_their_text(library: str, rows: pa.Table) -> None:
    classified = as_pandas(taf.classify_events(LIBRARIES[library](rows.select(["event"]))))
    assert classified["action"].tolist() == [said[0] for said in EXPECTED]
    assert classified["object"].tolist()[:2] == ["test", "unclassified"]


@pytest.mark.full
def test_dask(rows: pa.Table, dask: Any) -> None:
    import dask.dataframe as dd

    events = dd.from_pandas(to_events(rows), npartitions=3)
    classified = taf.classify_events(events)
    assert isinstance(classified, dd.DataFrame)
    said = classified.compute()[CLASSES[:3]].itertuples(index=False, name=None)
    assert list(said) == EXPECTED


@pytest.mark.full
def test_spark(rows: pa.Table, spark: Any) -> None:
    names = [name for name in ARROW_SCHEMA.names if name != "date"]
    events = spark.createDataFrame(
        [tuple(row[name] for name in names) for row in rows.to_pylist()],
        "aid string, account_group_name string, event string, uid string, user string, ip_address string, "
        "resources array<struct<type string, name string>>, extra string",
    )
    classified = taf.classify_events(events)
    assert type(classified) is type(events)
    said = [(row["action"], row["object"], row["outcome"]) for row in classified.collect()]
    assert sorted(said) == sorted(EXPECTED)


def test_rows_index_and_other_columns_stay_as_they_are(rows: pa.Table) -> None:
    events = to_events(rows).set_index(pd.Index(range(100, 100 + len(ROWS))))
    before = events.copy()
    classified = taf.classify_events(events)
    pd.testing.assert_frame_equal(events, before)
    pd.testing.assert_frame_equal(classified.drop(columns=CLASSES), before)
    assert all(classified[name].dtype == "str" for name in CLASSES)


def test_the_receipt_says_how_many_are_unclassified() -> None:
    page = b'{"auditEvents": [{"event": "Flux capacitor"}, {"event": "Test deleted."}, {"event": "Quota exceeded"}]}'
    events = taf.read_pages([page])
    classified = taf.classify_events(events)
    assert taf.receipt(classified).notes[-1].startswith("2 of the events are unclassified")
    assert not any("unclassified" in note for note in taf.receipt(events).notes)
    assert taf.receipt(taf.classify_events(classified)).notes == taf.receipt(classified).notes
    known = taf.classify_events(classified[classified["action"] == "delete"])
    assert not any("unclassified" in note for note in taf.receipt(known).notes)


def test_a_frame_without_receipt_gets_none() -> None:
    classified = taf.classify_events(pd.DataFrame({"event": ["Flux capacitor"]}))
    assert ATTRS_KEY not in classified.attrs


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_what_is_not_of_events_is_refused(library: str, rows: pa.Table) -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'event'") as caught:
        taf.classify_events(LIBRARIES[library](rows.select(["uid"])))
    assert caught.value.missing == ["event"]


def test_resources_of_another_kind_are_refused() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="column 'resources'"):
        taf.classify_events(pd.DataFrame({"event": ["Deleted."], "resources": [5]}))


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(taf.InvalidArgument, match="list cannot be classified"):
        taf.classify_events(["Test deleted."])


# The user's own table.


def own(tmp_path, text: str) -> str:
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def say(path: str, text: str) -> tuple[str, ...]:
    classified = taf.classify_events(pd.DataFrame({"event": [text]}), vocabulary=path)
    return tuple(classified.loc[0, CLASSES[:3]])


def test_own_texts_win(tmp_path) -> None:
    path = own(
        tmp_path,
        '[texts]\n"Flux capacitor." = { action = "run", object = "test", outcome = "failure" }\n'
        '"Test deleted" = { action = "archive" }\n',
    )
    assert say(path, "FLUX capacitor") == ("run", "test", "failure")
    assert say(path, "Flux capacitor (bulk)") == ("run", "test", "failure")
    assert say(path, "Test deleted.") == ("archive", "unclassified", "unknown")
    assert say(path, "Tests deleted.") == ("delete", "test", "success")
    assert classes("Flux capacitor") == NOTHING


def test_own_objects_that_are_called_what_they_are(tmp_path) -> None:
    path = own(tmp_path, '[objects]\nliteral = ["flux capacitor", "gizmo"]\ntest = ["trial run"]\n')
    assert say(path, "Flux capacitors deleted")[:3] == ("delete", "flux_capacitor", "success")
    assert say(path, "Gizmo added to trial run")[:3] == ("assign", "gizmo", "success")
    assert say(path, "Trial run deleted")[:3] == ("delete", "test", "success")


def test_own_words_are_added_and_moved(tmp_path) -> None:
    path = own(
        tmp_path,
        """
[actions]
delete = ["retire", "archive"]
[past]
retire = ["retired"]
[nouns]
delete = ["retirement"]
[objects]
flux_capacitor = ["flux capacitor", "widgets"]
test = ["canary"]
[resource_types]
fluxName = "flux_capacitor"
""",
    )
    assert say(path, "Canary retired") == ("delete", "test", "success")
    assert say(path, "Canary retirement") == ("delete", "test", "unknown")
    assert say(path, "Test archived") == ("delete", "test", "success")
    assert say(path, "Flux capacitor added") == ("create", "flux_capacitor", "success")
    assert say(path, "Widget added") == ("create", "flux_capacitor", "success")
    assert say(path, "Dashboard widget added") == ("create", "widget", "success")
    assert say(path, "Test deleted") == ("delete", "test", "success")
    events = pd.DataFrame({"event": ["Deleted"], "resources": [resources("fluxName")]})
    assert taf.classify_events(events, vocabulary=path).loc[0, "object"] == "flux_capacitor"
    assert classes("Widget added") == ("create", "widget", "success")


def test_an_own_meaning_of_a_verb_does_without_our_places(tmp_path) -> None:
    path = own(tmp_path, '[actions]\nupdate = ["remove"]\n')
    assert say(path, "User removed from role") == ("update", "user", "success")
    assert say(path, "User added to role") == ("assign", "user", "success")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('[actions]\ndelete = ["retire"\n', 2, "not TOML"),
        ("[aktions]\n", 1, "not a section. Did you mean 'actions'"),
        ('\n[actions]\ndelet = ["retire"]\n', 3, "'delet' is not an action. Did you mean 'delete'"),
        ('[nouns]\n\ncreated = ["birth"]\n', 3, "'created' is not an action. Did you mean 'create'"),
        ("[actions]\ndelete = 5\n", 2, "delete must be a list of words"),
        ('[actions]\ndelete = ["retire", 5]\n', 2, "delete must be a list of words"),
        ('[actions]\ndelete = "retire"\n', 2, "delete must be a list of words"),
        ('[actions]\ndelete = ["Retire"]\n', 2, "lower case"),
        ('[objects]\ntets = ["canary"]\n', 2, "'tets' is one slip away from 'test'"),
        ('[objects]\ntests = ["canary"]\n', 2, "'tests' is one slip away from 'test'"),
        ('[objects]\nagemt = ["canary"]\n', 2, "'agemt' is one slip away from 'agent'"),
        ('[objects]\n"My thing" = ["canary"]\n', 2, "not a name in lower case"),
        ('[resource_types]\nfluxName = "tst"\n', 2, "'tst' is not an object. Did you mean 'test'"),
        ("[resource_types]\nfluxName = 5\n", 2, "must name an object"),
        ('[texts]\n"A" = "delete"\n', 2, "must be a table"),
        ('[texts]\n"A" = { object = "test" }\n', 2, "the action is missing"),
        ('[texts]\n"A" = { action = "delete", objekt = "test" }\n', 2, "objekt is not a field. Did you mean 'object'"),
        ('[texts]\n"A" = { action = "deleted" }\n', 2, "Did you mean 'delete'"),
        ('[texts]\n"A" = { action = "delete", object = "tets" }\n', 2, "'tets' is not an object"),
        ('[texts]\n"A" = { action = "delete", outcome = "failed" }\n', 2, "'failed' is not an outcome"),
        ('actions = ["retire"]\n', 1, "must be a section"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text: str, line: int, what: str) -> None:
    path = own(tmp_path, text)
    with pytest.raises(taf.InvalidArgument) as caught:
        taf.classify_events(pd.DataFrame({"event": []}, dtype="str"), vocabulary=path)
    message = str(caught.value)
    assert message.startswith("vocabulary: ")
    assert path in message
    assert f"line {line}" in message
    assert what in message


def test_a_table_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"vocabulary: .*missing.toml cannot be read: No such file"):
        load_vocabulary(tmp_path / "missing.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[actions]\ndelete = ["\xe9"]\n')
    with pytest.raises(taf.InvalidArgument, match="not UTF-8"):
        load_vocabulary(path)


# The command.


@pytest.fixture
def parquet(tmp_path):
    page = {
        "auditEvents": [
            {"event": "Flux capacitor", "user": "Ada (ada@example.com)", "uid": "7", "ipAddress": "192.0.2.1"},
            {"event": "Deleted.", "resources": [{"type": "testName", "name": "Secret test"}]},
            {"event": "Flux capacitor", "user": "Ada (ada@example.com)"},
            {"event": "Login failed."},
        ]
    }
    path = tmp_path / "events.parquet"
    taf.write_parquet(taf.read_pages([json.dumps(page).encode()]), path)
    return str(path)


def test_the_command_prints_texts_counts_and_classes_only(parquet: str) -> None:
    result = CliRunner().invoke(program, ["vocabulary", parquet, "--format", "json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert [(row["event"], row["events"], row["action"], row["object"], row["outcome"]) for row in said] == [
        ("Flux capacitor", 2, "unclassified", "unclassified", "unknown"),
        ("Deleted.", 1, "delete", "test", "success"),
        ("Login failed.", 1, "login", "user", "failure"),
    ]
    assert list(said[0]) == ["event", "events", "action", "object", "outcome", "rule"]
    for secret in ("Ada", "ada@example.com", "192.0.2.1", "Secret test"):
        assert secret not in result.output


def test_the_command_lists_what_is_unclassified_under_a_table_of_ones_own(parquet: str, tmp_path) -> None:
    words = own(tmp_path, '[texts]\n"Login failed" = { action = "login" }\n')
    result = CliRunner().invoke(
        program, ["vocabulary", parquet, "--unclassified", "--vocabulary", words, "--format", "csv"]
    )
    assert result.exit_code == 0, result.output
    assert [line.split(",")[:3] for line in result.output.splitlines()[1:]] == [
        ["Flux capacitor", "2", "unclassified"],
        ["Login failed.", "1", "login"],
    ]


def test_the_command_names_a_mistake_in_the_table(parquet: str, tmp_path) -> None:
    result = CliRunner().invoke(program, ["vocabulary", parquet, "--vocabulary", own(tmp_path, "[aktions]\n")])
    assert result.exit_code == 2
    assert "line 1" in result.output


def test_a_text_of_any_length_takes_no_time():
    for text in ("a." * 500_000, "User " * 200_000 + "deleted", "(" * 100_000, "'" * 100_001 + " deleted"):
        events = pd.DataFrame({"event": [text]}, dtype="str")
        assert taf.classify_events(events)["action"].tolist() == ["unclassified"]
