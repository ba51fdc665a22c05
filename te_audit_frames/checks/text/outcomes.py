"""Words around a clause that say how it ended: "Failed login", "Login attempt failed", "not successful"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from te_audit_frames.checks.text.grammar import BE, HAVE, NOT, PREPOSITIONS
from te_audit_frames.checks.text.noun_phrase import before_preposition
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS
from te_audit_frames.checks.text.words import Tables, Token, singular

ENTRANCES = frozenset({"login", "logout"})
"""Actions that let a person in or out."""

_ADVERBS = frozenset({"successfully", "unsuccessfully"})


def strip_outcome(tokens: Sequence[Token], tables: Tables) -> tuple[list[Token], str | None]:
    """Take the outcome off both ends: "Failed login", "Login attempt failed", "Success change password".

    Parameters
    ----------
    tokens : sequence of Token
        The clause.
    tables : Tables
        The words for success and failure.

    Returns
    -------
    list of Token
        The rest of the clause.
    str or None
        `SUCCESS` or `FAILURE`; None if no word at the ends says it.
    """
    outcome: str | None = None
    left = list(_denials_joined(tokens, tables))
    while left and (left[0].word in tables.success or _leads_with_failure(left, tables)):
        is_finite = any(left[at].form == "past" for at in range(2, before_preposition(left)))
        if not is_finite:  # "Failed login", but "Failed login report created"
            outcome = SUCCESS if left[0].word in tables.success else FAILURE
        left = left[1:]
    # In the middle: "Login failed for user", "A password reset fails for a user".
    before = before_preposition(left)
    head, rest = left[:before], left[before:]
    head, outcome = _end_stripped(head, outcome, tables)
    if head and head[-1].form == "gerund" and rest and rest[0].word == "of":  # "Deleting of test failed"
        end = 1 + before_preposition(rest[1:])
        phrase, of_phrase = _end_stripped(rest[1:end], None, tables)
        if of_phrase is not None:
            while len(phrase) > 1 and phrase[-1].word in BE | HAVE:
                phrase = phrase[:-1]
            outcome, rest = of_phrase, [rest[0], *phrase, *rest[end:]]
    if len(head) > 2 and _ends_in_deed(head, tables):
        for at in range(1, len(head) - 1):  # "App failed installation", "App successful installation"
            if head[at].word in tables.failure | tables.success and not head[at].is_verb:
                outcome = FAILURE if head[at].word in tables.failure else SUCCESS
                head = [*head[:at], *head[at + 1 :]]
                break
    is_done = len(rest) > 2 and rest[-1].word in tables.success
    is_deed = len(head) > 0 and (singular(head[-1].word) in tables.action_nouns or head[-1].form == "base")
    is_done = is_done and (rest[-2].word in BE | HAVE or is_deed)
    if is_done:  # "Deletion of the test from the folder has been completed"
        outcome, rest = outcome or SUCCESS, rest[:-1]
        while rest[-1].word in BE | HAVE:
            rest = rest[:-1]
    if rest and rest[0].word == "to" and outcome == FAILURE and len(head) < before:
        left = [*head, Token("failed"), *rest]
    else:
        left = [*head, *rest]
    if any(token.word == "unsuccessfully" for token in left):
        outcome = FAILURE
    return [token for token in left if token.word not in _ADVERBS], outcome


def _end_stripped(phrase: list[Token], outcome: str | None, tables: Tables) -> tuple[list[Token], str | None]:
    """Take the words for an outcome off the end of a phrase; a failure counts for more than a success."""
    while len(phrase) > 1:
        token = phrase[-1]
        if token.word in tables.failure and not token.is_verb:
            outcome = FAILURE
        elif token.word in tables.success:
            outcome = outcome or SUCCESS
        else:
            break
        phrase = phrase[:-1]
    return phrase, outcome


def _ends_in_deed(tokens: Sequence[Token], tables: Tables) -> bool:
    return tables.action_nouns.get(singular(tokens[-1].word), "login") not in ENTRANCES


def fails_later(tokens: Sequence[Token], tables: Tables) -> bool:
    """Return whether a word for a failure ends a phrase: "Login of the user failed"."""
    pairs = zip(tokens, [*tokens[1:], Token("to")], strict=False)
    return any(token.word in tables.failure and following.word in PREPOSITIONS for token, following in pairs)


def is_entrance(tokens: Sequence[Token], tables: Tables) -> bool:
    """Return whether the tokens name a login or logout, or an attempt at one."""
    names = [token for token in tokens if token.word not in tables.attempt | BE | HAVE]
    if not names:
        return False
    last = names[-1]
    action = tables.action_nouns.get(singular(last.word)) or tables.action_of.get(last.base)
    return action in ENTRANCES


def _denials_joined(tokens: Sequence[Token], tables: Tables) -> Iterator[Token]:
    """Read "not successful" as one word for a failure."""
    skip = False
    for token, following in zip(tokens, [*tokens[1:], Token("")], strict=False):
        if token.word in NOT and following.word in tables.success:
            yield Token("failed")
            skip = True
        elif not skip:
            yield token
        else:
            skip = False


def _leads_with_failure(tokens: Sequence[Token], tables: Tables) -> bool:
    first, *rest = tokens
    if first.word not in tables.failure:
        return False
    if first.word in {"invalid", "incorrect"} or first.is_verb:
        # "Denied login" is a login that failed; "Denied request" is a refusal that worked.
        return is_entrance(rest[: before_preposition(rest)], tables)
    return bool(rest)
