"""What a verb, its object and its preposition mean together: "added user" and "added user to group"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from te_audit_frames.checks.text.grammar import DETERMINERS
from te_audit_frames.checks.text.noun_phrase import DEED, THING, Found
from te_audit_frames.checks.text.reading import UNCLASSIFIED, Reading
from te_audit_frames.checks.text.words import Tables, Token, singular

REFUSALS = frozenset({"block", "reject", "deny", "refuse"})
"""Verbs for a refusal."""

_SWITCHES = frozenset({"enable", "disable", "start", "stop", "run"})
_LOOSE = frozenset({"create", "delete", "assign", "revoke"})
_MAIL = frozenset({"email", "email address"})


def meaning(tables: Tables, rule: str, said: tuple[Token, str], found: Found | None, outcome: str) -> Reading:
    """Return what a verb and its object mean together.

    Parameters
    ----------
    tables : Tables
        The combinations of verbs and objects that mean something of their own.
    rule : str
        The form of the clause.
    said : tuple of Token and str
        The verb, or the noun that names the action, and what it means alone.
    found : Found or None
        What the noun phrase means alone.
    outcome : str
        How it ended.

    Returns
    -------
    Reading
        Without an object if the phrase means only a part of one, and the action does not change the whole.
    """
    verb, action = said
    without = Reading(action, UNCLASSIFIED, outcome, f"{rule}: {verb.word}")
    if found is None and action in {"impersonate", "invite"}:
        return replace(without, object="user")  # "Ann was invited"
    if found is None:
        return without
    if verb.base in REFUSALS and found.name == "permission":
        return Reading()  # "Access denied" does not say of what
    if found.name == "user" and found.phrase in _MAIL and action != "update":
        return without  # "Email opened" is about a message
    if found.part and action == "send" and found.name != "invitation":
        return without  # "Alert status sent"
    if action == "send" and found.name == "test":
        return without  # "Notification test sent"
    words = f"{rule}: {verb.word} / {found.phrase}"
    action = tables.combinations.get(verb.base, {}).get(found.name, action)
    if action == "update" and found.of not in {"", "user"}:
        return Reading(action, found.of, outcome, words)  # "Project owner changed"
    is_deed = found.part == DEED and action not in {"cancel", "request"}
    if is_deed or (found.part == THING and action in _SWITCHES):
        return without  # "Data export enabled", "User impersonation started", "User registration disabled"
    if found.part and action in _LOOSE:
        if found.part == THING:
            return without  # "Test run deleted", "Site profile deleted"
        action = "update"
    return Reading(action, found.name, outcome, words)


def with_place(tables: Tables, verb: Token, action: str, rest: Sequence[Token]) -> str:
    """Return the action of a verb with its preposition: "added to", "removed from", "sent to trash".

    Parameters
    ----------
    tables : Tables
        The verbs that mean something else with a place.
    verb : Token
        The verb.
    action : str
        What it means without a place.
    rest : sequence of Token
        The words behind it.

    Returns
    -------
    str
    """
    places = tables.places.get(verb.base or singular(verb.word), {})  # "removed from", "removal from"
    for token, following in zip(rest, [*rest[1:], Token("")], strict=False):
        if (special := places.get(f"{token.word} {following.word}")) is not None:
            return special
        if token.word in places and _is_everywhere(rest, token):
            continue  # "added to the system"
        is_infinitive = token.word == "to" and following.form == "base"
        if token.word in places and not (is_infinitive and (following.word,) not in tables.phrases):
            return places[token.word]
    return action


def _is_everywhere(rest: Sequence[Token], preposition: Token) -> bool:
    """Return whether the place is the whole product."""
    words = [token.word for token in rest[rest.index(preposition) + 1 :] if token.word not in DETERMINERS]
    return words[:1] in (["system"], ["platform"], ["product"])
