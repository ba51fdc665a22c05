"""Readings of event texts, and texts that are not read because no rule knows them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from support.event_texts import WORDS

from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.reading import Reading

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


@pytest.mark.parametrize("text", NOT_CLASSIFIED)
def test_what_no_rule_knows_is_not_guessed_at(text: str) -> None:
    assert read(text, WORDS) == Reading("unclassified", "unclassified", "unknown", "unclassified")


def test_the_rule_names_the_form_and_the_words() -> None:
    assert read("Alert rules deleted", WORDS).rule == "passive: deleted / alert rule"
    assert read("Deleted the alert rule", WORDS).rule == "active: deleted / alert rule"
    assert read("Delete alert rule", WORDS).rule == "imperative: delete / alert rule"
    assert read("User login", WORDS).rule == "noun: login"
    assert read("Deleted", WORDS).rule == "active: deleted"


def test_a_reading_is_a_value_that_nobody_changes() -> None:
    one, other = (read(text, WORDS) for text in ("Test deleted", "test deleted."))
    assert len({one, other, Reading()}) == 2
    with pytest.raises(FrozenInstanceError):
        one.action = "create"  # type: ignore[misc]
