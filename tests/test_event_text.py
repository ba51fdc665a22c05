"""Event texts: their letters, keys, brackets and ends, and texts that are too odd or too long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, cases, classes

from te_audit_frames.checks.text.event_text import fold, read
from te_audit_frames.checks.text.reading import Reading

TEXTS = """
User signup -> create user unknown
Test re-enabled -> enable test success
User de-provisioned -> delete user success
Read-only dashboard updated -> update dashboard success
user.invite -> invite user unknown
dashboard.view -> view dashboard unknown
dashboard.share -> share dashboard unknown
api-token-revoked -> revoke api_token success
DeleteAlertRule -> delete alert_rule unknown
agent/added -> create agent success
user_2fa_fail -> login user failure
Creates a dashboard. -> create dashboard unknown
agent-environment.create -> create environment unknown
Test: Frobnicator 1 deleted -> delete test success
Add-on deleted -> delete extension success
test.deleted -> delete test success
Data Center Berlin was deleted -> delete data_center success
Failed to remove User Ann from Group Ops -> revoke user failure
Team Dashboard was deleted -> delete dashboard success
API Resource is created -> create resource success
Billing. Create label -> create label unknown
Test: deleted -> delete test success
Two-factor authentication -> login user unknown
Demand two-factor authentication -> unclassified unclassified unknown
"""


@pytest.mark.parametrize(("text", "expected"), cases(TEXTS))
def test_a_text_is_read(text: str, expected: str) -> None:
    assert " ".join(classes(text)) == expected


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


def test_only_a_text_that_can_be_a_sentence_is_read() -> None:
    longest = "Test deleted" + " 7" * 494
    assert len(longest) == 1_000
    assert read(longest, WORDS).action == "delete"
    assert read(f"{longest} ", WORDS).action == "delete"
    assert read(f"{longest}7", WORDS) == Reading()


def test_a_text_of_ones_own_is_known_at_any_length_and_with_its_suffix() -> None:
    own = replace(WORDS, texts={fold("Flux " * 300): {"action": "run"}, "flux (hot)": {"action": "stop"}})
    assert read("FLUX " * 300, own) == Reading("run", rule="text")
    assert read("Flux (hot)", own).action == "stop"
    assert read("Flux (cold)", own) == Reading()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Delete test", "unknown"),
        ("Delete test (failed)", "failure"),
        ("Delete test: failed", "failure"),
        ("Delete test: failed for Ann", "failure"),
        ("Delete test: Failed logins", "unknown"),  # the name of a test
        ("Delete test - finished (bulk)", "success"),
        ("Could not delete test - finished", "failure"),  # a failure stays one
    ],
)
def test_a_part_after_the_clause_says_how_it_ended(text: str, outcome: str) -> None:
    assert classes(text) == ("delete", "test", outcome)


@pytest.mark.parametrize("form", ["User did not {}", "Unable to {}", "User failed to {}"])
@pytest.mark.parametrize(
    ("verbs", "action"),
    [("login logon signin", "login"), ("logout logoff signout", "logout"), ("signup", "create")],
    ids=["in", "out", "up"],
)
def test_verbs_of_one_word_are_read_after_a_negation(form: str, verbs: str, action: str) -> None:
    for verb in verbs.split():
        assert classes(form.format(verb))[::2] == (action, "failure")


def test_a_word_with_a_hyphen_is_a_name_unless_its_first_part_is_a_prefix() -> None:
    prefixes = "auto check co cross fail follow multi non opt post pre roll self wake"
    said = {prefix: classes(f"Test {prefix}-x deleted") for prefix in prefixes.split()}
    assert {prefix for prefix, found in said.items() if found != ("delete", "unclassified", "success")} == set()
    assert classes("Test shop-x deleted") == ("delete", "test", "success")
    assert classes("Test un-archived") == classes("Test unarchived")
    assert classes("Agent de-registered") == ("delete", "agent", "success")
    assert classes("Test re-activated") == ("enable", "test", "success")


@pytest.mark.parametrize("name", ["Login failed", "User created", "not deleted", "x"])
def test_what_stands_in_quotes_or_brackets_is_a_name(name: str) -> None:
    for quoted in (f'"{name}"', f"'{name}'", f"`{name}`", f"<{name}>", f"“{name}”", f"[{name}]", f"{{{name}}}"):
        assert classes(f"Test {quoted} deleted") == ("delete", "test", "success")
