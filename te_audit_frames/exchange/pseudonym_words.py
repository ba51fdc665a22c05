"""The words of the vocabulary of event texts: they describe what happened, and name nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache

from te_audit_frames.checks.text import grammar
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.words import singular


def split_words(words: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(words.split())


_MORE = split_words(
    """
    api app apps cookie display failed host https interactive me no remember saml set sso succeeded timed title too
    under via yes ipv4 ipv6 oauth oauth2 2fa 2-step ec2 s3 let enough longer more than only ever it made make but such
    does conducted perform performed queued made yaml json blocked denied prevented prohibited restricted
    i we you manually automatically fired fires logged generated recorded emitted occurs raised
    """
)
"""Words of event texts besides those of the vocabulary's tables, such as "remember" and "timed"."""

JOINER = r"[-._@':+\\/&%#$*=~\u2018\u2019]"
"""A character class of what can join the parts of a word."""


def is_known(word: str) -> bool:
    """Return whether every part of a word is in the vocabulary."""
    folded = re.sub(r"['\u2019]s?$", "", word.casefold())
    if folded in _words() or re.sub(JOINER, "", folded) in _words():
        return True  # "de-provisioned" is "deprovisioned"
    return all(part in _words() or singular(part) in _words() for part in re.split(rf"{JOINER}+", folded))


@cache
def finite() -> frozenset[str]:
    """Return the forms of verbs that follow a subject: "deleted", "deletes", and "logged" of "logged in"."""
    verbs = load_vocabulary().verbs
    return frozenset(words[0] for words, (_, form) in verbs.items() if form in {"past", "third"})


@cache
def phrases() -> frozenset[tuple[str, ...]]:
    """Return the phrases of more than one word that name an object."""
    return frozenset(phrase for phrase in load_vocabulary().phrases if len(phrase) > 1)


@cache
def _words() -> frozenset[str]:
    """Return every word of the built-in vocabulary."""
    tables = load_vocabulary()
    found = set(_MORE)
    for field in fields(tables):
        _collect(getattr(tables, field.name), found)
    for verb in tables.verbs:
        found.update(verb)
    for group in (
        grammar.BE, grammar.HAVE, grammar.NOT, grammar.PREPOSITIONS, grammar.DETERMINERS, grammar.CONJUNCTIONS,
        grammar.ADVERBS, grammar.ABLE,
    ):  # fmt: skip
        found.update(group)
    return frozenset(found - {""})


def _collect(entry: object, found: set[str]) -> None:
    if isinstance(entry, str):
        found.update(word for word in re.findall(r"[^\W_]+", entry.casefold()) if not word.isdigit())
    elif isinstance(entry, Mapping):
        for key, value in entry.items():
            _collect(key, found)
            _collect(value, found)
    elif isinstance(entry, Sequence | frozenset):
        for each in entry:
            _collect(each, found)
