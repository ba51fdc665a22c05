"""Wordy phrases, replaced by plain ones: "made changes to" by "updated", "was blocked from" by "failed to"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from te_audit_frames.checks.text.grammar import BE, DETERMINERS, HAVE, PREPOSITIONS
from te_audit_frames.checks.text.words import Tables, Token, singular

_ROLES = frozenset(
    {
        "admin",
        "administrator",
        "editor",
        "guest",
        "manager",
        "member",
        "moderator",
        "operator",
        "owner",
        "superuser",
        "viewer",
    }
)
_NARRATORS = frozenset({"i", "we", "you"})
_MANNERS = frozenset({"batch", "batches", "bulk"})
_HINDERED = frozenset({"blocked", "denied", "prevented", "prohibited", "restricted", "stopped"})
_CHANGES = frozenset({"change", "edit", "modification", "update"})
_RUNS = frozenset({"query", "search"})
_DID = frozenset({"performed", "conducted"})
_REPORTS = frozenset({"triggered", "logged", "generated", "fired", "recorded", "emitted", "occurs", "raised", "fires"})
"""How a list of events describes them: "Logged when a test is created"."""
_SHARES = frozenset({"some", "one", "all", "any", "many", "most", "several", "each"})
_PHASES = frozenset({"complete", "finish", "initiate", "start", "begin"})
"""Verbs that name a phase of something done: "failed to complete the deletion"."""
_BEGINNINGS = frozenset({"start", "begin"})
_CAUSED = frozenset({"triggered", "initiated", "performed", "requested"})
_SAVES = frozenset({"apply", "commit", "save"})
"""What is done with changes: "Network changes were saved"."""
_DONE = frozenset({"finished", "completed"})


def paraphrase(tokens: Sequence[Token], tables: Tables) -> list[Token]:
    """Replace wordy phrases by plain ones.

    Parameters
    ----------
    tokens : sequence of Token
        One clause.
    tables : Tables
        The forms of the verbs.

    Returns
    -------
    list of Token
        The clause in plain words: "failed to create" for "was blocked from creating", "updated" for "made changes to",
        "attempted to" for "an attempt was made to", "request test" for "a request to delete a test",
        "assigned user" for "made Ann an admin", "shared" for "made public".
    """
    if len(tokens) > 2 and tokens[0].word in _SHARES and tokens[1].word == "of":
        tokens = tokens[2:]  # "Some of the tests were deleted"
    tokens = _together(_without_manner(tokens), tables)
    if tokens[:1] and tokens[0].word in _NARRATORS:
        tokens = tokens[1:]  # "You delete a test"
    if any(token.word in _REPORTS for token in tokens[:2]):
        when = next((at for at, token in enumerate(tokens[:4]) if token.word == "when"), -1)
        tokens = tokens[when + 1 :]  # "Triggered when a test is created"
    cause = next((at for at, token in enumerate(tokens) if token.word in _CAUSED and at > 1), len(tokens))
    if tokens[:1] and tokens[0].form == "base" and tokens[cause + 1 : cause + 2] == [Token("by")]:
        tokens = tokens[:cause]  # "Create user triggered by an import"
    if len(tokens) > 2 and tokens[0].base in _BEGINNINGS and _is_deed(tokens[1:], tables):
        tokens = tokens[1:]  # "Starting migration of the host"
    if tokens[:1] and tokens[0].word == "perform":
        return _performed(tokens[1:], tables)
    request = [token for token in tokens if token.word not in DETERMINERS]
    if len(request) > 3 and request[0].word == "request" and request[1].word == "to" and request[2].is_verb:
        end = next((at for at, token in enumerate(request) if at > 3 and token.word in BE), 3)
        return [request[0], *request[end:]]  # "A request to create a test", "Request to create a test was approved"
    for at, token in enumerate(tokens):
        following = tokens[at + 1 : at + 3]
        if token.word in _PHASES and at > 1 and tokens[at - 1].word == "to" and tokens[at - 2].word in tables.failure:
            return [*tokens[: at - 1], *tokens[at + 1 :]] if _is_deed(tokens[at + 1 :], tables) else tokens
        if token.base in _BEGINNINGS and len(following) == 2 and following[0].word == "to" and following[1].base:
            return [*tokens[:at], Token("attempted"), *tokens[at + 1 :]]  # "Starting to delete tests"
        is_change = at > 0 and token.word in {"changes", "edits", "modifications"}
        if is_change and any(other.base in _SAVES for other in tokens):
            return _saved(tokens, at, tables)
        if token.word in _DONE and (verb := _next_verb(tokens[at + 1 :])) is not None:
            return [*_without_auxiliaries(tokens[:at]), _past(verb.base, tables), *_behind(verb, tokens[at + 1 :])]
        if token.word in _HINDERED and len(following) == 2 and following[0].word == "from":
            if following[1].form == "gerund":
                return [*_without_auxiliaries(tokens[:at]), Token("failed"), Token("to"), *tokens[at + 2 :]]
        elif token.word in _DID and at > 0 and (not following or following[0].word in PREPOSITIONS):
            noun = singular(tokens[at - 1].word)
            is_deed = noun in tables.action_nouns or tokens[at - 1].word == tokens[at - 1].base
            done = Token("successful") if is_deed and noun not in _RUNS else _past("execute", tables)
            return [*_without_auxiliaries(tokens[:at]), done, *tokens[at + 1 :]]
        elif token.word in _DID and any(not other.named for other in following):
            deed, end = tokens[at + 1 :], _end(tokens[at + 1 :])
            if end > 1 and deed[end - 1].word in tables.attempt:  # "performed an import operation"
                deed, end = [*deed[: end - 1], *deed[end:]], end - 1
            if _named_action(deed[:end], tables) in {None, "run"}:
                return [*tokens[:at], _past("execute", tables), *deed]  # "Ann performed a scan"
            return [*deed[:end], Token("successful"), *deed[end:]]
        elif token.word == "made":
            return _made(tokens[:at], tokens[at + 1 :], tables)
    return tokens


def verb_first(tokens: Sequence[Token], tables: Tables) -> list[Token]:
    """Put the verb of a key first: "add permission to role" for "role_add_permission".

    Parameters
    ----------
    tokens : sequence of Token
        The words of a key, such as "role_add_permission".
    tables : Tables
        The phrases that name objects.

    Returns
    -------
    list of Token
        The words as a command. They stay as they are unless there is exactly one verb, between nouns.
    """
    tokens = list(tokens)
    verbs = [at for at, token in enumerate(tokens) if token.is_verb and (singular(token.word),) not in tables.phrases]
    if len(verbs) != 1 or tokens[verbs[0]].form != "base" or any(token.word in PREPOSITIONS for token in tokens):
        return tokens
    at = verbs[0]
    before, verb, after = tokens[:at], tokens[at], tokens[at + 1 :]
    if not before or not after or tables.action_of[verb.base] in {"assign", "revoke"}:
        return tokens  # nobody knows what "label_assign_test" assigns
    place: list[Token] = []
    if verb.base in {"add", "remove"} and (singular(before[-1].word),) in tables.phrases:
        place = [Token("to" if verb.base == "add" else "from"), *before]
    return [verb, *after, *place]


def _together(tokens: list[Token], tables: Tables) -> list[Token]:
    """Join a verb and its particle at the end: "turned off MFA" for "turned MFA off"."""
    for at, token in enumerate(tokens[:-2]):
        verb = (token.word, tokens[-1].word)
        if verb in tables.verbs and (at == 0 or tokens[at - 1].word == "to") and tokens[-2].word not in PREPOSITIONS:
            return [*tokens[:at], Token(" ".join(verb), *tables.verbs[verb]), *tokens[at + 1 : -1]]
    return tokens


def _performed(deed: list[Token], tables: Tables) -> list[Token]:
    """Say "reset password" for "perform password reset", "execute a scan" for "perform a scan"."""
    end = _end(deed)
    if end and not any(token.is_verb for token in deed[:end]) and (singular(deed[end - 1].word),) in tables.phrases:
        return [Token("execute", "execute", "base"), *deed]
    if end > 1 and deed[end - 1].word == deed[end - 1].base:
        return [replace(deed[end - 1], form="base"), *deed[: end - 1], *deed[end:]]
    return deed


def _saved(tokens: Sequence[Token], at: int, tables: Tables) -> list[Token]:
    """Say "network updated" for "network changes saved", "failed to update network" for "… to save network changes"."""
    forms = {"base": Token("update", "update", "base"), "past": _past("update", tables)}
    rest = [*tokens[:at], *tokens[at + 1 :]]
    return [forms.get(token.form, token) if token.base in _SAVES else token for token in rest]


def _end(tokens: Sequence[Token]) -> int:
    return next((at for at, token in enumerate(tokens) if token.word in PREPOSITIONS), len(tokens))


def _named_action(tokens: Sequence[Token], tables: Tables) -> str | None:
    """Return the action that a phrase names by its last word: "create" for "host creation"."""
    if not tokens:
        return None
    last = tokens[-1]
    noun = tables.action_nouns.get(singular(last.word))
    is_verb = last.form in {"base", "gerund"} or (last.is_verb and last.word == last.base)  # "password reset"
    return noun or (tables.action_of[last.base] if is_verb else None)


def _is_deed(tokens: Sequence[Token], tables: Tables) -> bool:
    return _named_action(tokens[: _end(tokens)], tables) is not None


def _next_verb(tokens: Sequence[Token]) -> Token | None:
    """Return the verb that follows "finished": "to copy", "copying"."""
    if len(tokens) > 1 and tokens[0].word == "to" and tokens[1].form == "base":
        return tokens[1]
    return tokens[0] if len(tokens) > 1 and tokens[0].form == "gerund" and tokens[1].word not in PREPOSITIONS else None


def _behind(verb: Token, tokens: Sequence[Token]) -> Sequence[Token]:
    return tokens[tokens.index(verb) + 1 :]


def _without_manner(tokens: Sequence[Token]) -> list[Token]:
    """Leave out "in batches", which names no object."""
    words = [token.word for token in tokens]
    if words[:1] in (["batch"], ["mass"]) and tokens[1:2] and tokens[1].is_verb:
        return list(tokens[1:])
    manner = next(
        (at for at, pair in enumerate(pairwise(words)) if pair[0] == "in" and pair[1] in _MANNERS), len(words)
    )
    return [*tokens[:manner], *tokens[manner + 2 :]]


def _made(before: list[Token], after: list[Token], tables: Tables) -> list[Token]:
    """Return the plain words for a clause with "made", or the clause itself."""
    subject = _without_auxiliaries(before)
    end = next((at for at, token in enumerate(after) if token.word in PREPOSITIONS), len(after))
    made, rest = [token for token in after[:end] if token.word not in DETERMINERS], after[end:]
    updated, assigned, shared = (_past(verb, tables) for verb in ("update", "assign", "share"))
    if not made and subject and rest and singular(subject[-1].word) in _CHANGES:  # "changes were made to the test"
        return [updated, *rest[1:]] if len(rest) > 1 and rest[0].word in {"to", "on", "in"} else [*subject, updated]
    if not made and subject and subject[-1].word in tables.attempt and rest and rest[0].word == "to":
        return [Token("attempted"), *rest]
    if made and singular(made[-1].word) in _CHANGES:  # "made changes to the test", "made a configuration change"
        if len(made) > 1:
            return [updated, *made[:-1], *rest]
        if len(rest) > 1 and rest[0].word in {"to", "on", "in"}:
            return [updated, *rest[1:]]
    if made and made[-1].word in _ROLES and (subject or len(made) > 1):
        return [assigned, Token("user"), *rest]
    if made and made[-1].word in {"public", "live"}:
        return [shared, *made[:-1], *rest] if len(made) > 1 else [*subject, shared, *rest]
    return [*before, Token("made"), *after]


def _past(verb: str, tables: Tables) -> Token:
    word = next(words[0] for words, (base, form) in tables.verbs.items() if (base, form) == (verb, "past"))
    return Token(word, verb, "past")


def _without_auxiliaries(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.word not in BE | HAVE]
