"""The words that event texts are made of: verbs in all their forms, nouns, and the phrases that name an object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from te_audit_frames.checks.text.grammar import PREPOSITIONS


@dataclass(frozen=True)
class Token:
    """A word of a clause, or several that belong together, such as "logged in"."""

    word: str
    base: str = ""  # of a verb
    form: str = ""
    named: bool = False  # looks like somebody's name for something

    @property
    def is_verb(self) -> bool:
        """Whether this is a form of a verb in a table."""
        return bool(self.base)


@dataclass(frozen=True)
class Tables:
    """The tables of words, in the form of `vocabulary.toml`."""

    actions: Mapping[str, Sequence[str]]
    past: Mapping[str, Sequence[str]]
    nouns: Mapping[str, Sequence[str]]
    places: Mapping[str, Mapping[str, str]]
    combinations: Mapping[str, Mapping[str, str]]
    people: Mapping[str, Sequence[str]]
    words: Mapping[str, Sequence[str]]
    properties: Mapping[str, Sequence[str]]
    objects: Mapping[str, Sequence[str]]
    resource_types: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def verbs(self) -> dict[tuple[str, ...], tuple[str, str]]:
        """Every form of every verb, with its base and the name of the form: base, past, third or gerund."""
        forms: dict[tuple[str, ...], tuple[str, str]] = {}
        for verbs in self.actions.values():
            for base in verbs:
                first, *rest = base.split()
                past = [str(word) for word in self.past.get(base, self.past.get(first, [_past(first)]))]
                forms.setdefault((first, *rest), (base, "base"))
                forms.setdefault((_third(first), *rest), (base, "third"))
                for gerund in _gerunds(first, past):
                    forms.setdefault((gerund, *rest), (base, "gerund"))
                for word in past:
                    forms[(word, *rest)] = (base, "past")
        return forms

    @cached_property
    def action_of(self) -> dict[str, str]:
        """The action of each verb's base form."""
        return {verb: action for action, verbs in self.actions.items() for verb in verbs}

    @cached_property
    def action_nouns(self) -> dict[str, str]:
        """The action that each noun names."""
        return {noun: action for action, nouns in self.nouns.items() for noun in nouns}

    @cached_property
    def phrases(self) -> dict[tuple[str, ...], str]:
        """The object that each phrase names. The words of the phrases are in the singular."""
        return {
            tuple(map(singular, phrase.split())): name for name, phrases in self.objects.items() for phrase in phrases
        }

    @cached_property
    def heads(self) -> frozenset[str]:
        """The last words of all phrases with more than one word."""
        return frozenset(words[-1] for words in self.phrases if len(words) > 1)

    @cached_property
    def starts(self) -> frozenset[str]:
        """The first words of the phrases."""
        return frozenset(words[0] for words in self.phrases)

    @cached_property
    def words_of_phrases(self) -> frozenset[str]:
        """All words of the phrases."""
        return frozenset(word for words in self.phrases for word in words)

    @cached_property
    def property_phrases(self) -> frozenset[tuple[str, ...]]:
        """Phrases that name a property, with their words in the singular."""
        return frozenset(tuple(map(singular, phrase.split())) for phrase in self.properties["nouns"])

    @cached_property
    def personal(self) -> frozenset[tuple[str, ...]]:
        """The properties that belong to people, their words in the singular."""
        return frozenset(tuple(map(singular, phrase.split())) for phrase in self.properties["personal"])

    @cached_property
    def fixed(self) -> frozenset[tuple[str, ...]]:
        """Phrases that contain a preposition. They are kept together when a clause is cut at prepositions."""
        return frozenset(phrase for phrase in self.phrases if PREPOSITIONS & set(phrase))

    @cached_property
    def hyphened(self) -> frozenset[tuple[str, str]]:
        """Pairs of words that may be written with a hyphen."""
        known = [*self.phrases, *self.property_phrases, *self.verbs]
        return frozenset(pair for words in known for pair in pairwise(words))

    @cached_property
    def adjectives(self) -> frozenset[str]:
        """Forms of verbs that are also adjectives: "shared dashboard"."""
        return frozenset(self.words["adjectives"])

    @cached_property
    def pairs(self) -> frozenset[tuple[str, ...]]:
        """Pairs of objects that are often named together. The first one counts."""
        return frozenset(tuple(pair.split(" and ")) for pair in self.words["pairs"])

    @cached_property
    def failure(self) -> frozenset[str]:
        """Words for a failure."""
        return frozenset(self.words["failure"])

    @cached_property
    def success(self) -> frozenset[str]:
        """Words for a success."""
        return frozenset(self.words["success"])

    @cached_property
    def attempt(self) -> frozenset[str]:
        """Words for an attempt, which leave the outcome open."""
        return frozenset(self.words["attempt"])


_IN_ES = (
    "antivirus", "bonus", "bus", "campus", "corpus", "radius", "status", "syllabus", "virus",
)  # fmt: skip
_IN_S = (
    "ad", "ap", "api", "ca", "cache", "cdn", "ceu", "cli", "cookie", "demo", "emoji", "folio", "hmi", "hsm", "imei",
    "in", "ip", "kpi", "lb", "logo", "macro", "memo", "menu", "on", "ou", "pc", "pdu", "photo", "portfolio", "promo",
    "radio", "repo", "retro", "rfi", "scenario", "sku", "sli", "slo", "svi", "todo", "uri", "video", "vm",
    "vni", "wiki",
)  # fmt: skip
_UNUSUAL_PLURALS = {
    "analyses": "analysis",
    "diagnoses": "diagnosis",
    **{f"{word}es": word for word in _IN_ES},
    **{f"{word}s": word for word in _IN_S},
}
"""Plurals that the rules of `singular` would leave as they are or cut at another place."""


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """Return a noun without its plural ending.

    Examples
    --------
    >>> from te_audit_frames.checks.text.words import singular
    >>> [singular(word) for word in ("policies", "branches", "tests", "access", "status")]
    ['policy', 'branch', 'test', 'access', 'status']
    """
    if word in _UNUSUAL_PLURALS:
        return _UNUSUAL_PLURALS[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss)es$", word):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not re.search(r"(?:ss|us|is|dns|sms|os)$", word):
        return word[:-1]
    return word


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    return verb[:-1] + "ied" if re.search(r"[^aeiou]y$", verb) else verb + "ed"


def _third(verb: str) -> str:
    if re.search(r"(?:s|sh|ch|x|z)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def _gerunds(verb: str, past: Sequence[str]) -> list[str]:
    """Return the forms in -ing, which double a letter if the past does."""
    if verb.endswith("e") or past[0].endswith("ied"):
        return [verb[:-1] + "ing" if verb.endswith("e") else verb + "ing"]
    regular = [word[:-2] + "ing" for word in past if word.endswith("ed")]
    if not regular and re.search(r"[^aeiou][aeiou][nt]$", verb):
        return [verb + verb[-1] + "ing"]  # "set", "run", "begin"
    return regular or [verb + "ing"]
