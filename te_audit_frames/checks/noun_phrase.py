"""Noun phrases: which object the words before or after a verb name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from te_audit_frames.checks.grammar import BE, CONJUNCTIONS, DETERMINERS, HAVE, PREPOSITIONS
from te_audit_frames.checks.words import Tables, Token, singular

PROPERTY, THING = "property", "thing"  # in alphabetical order, so that max() prefers a thing of its own


@dataclass(frozen=True)
class Found:
    """The object that a noun phrase names.

    Attributes
    ----------
    name : str
        The object; empty if no table has it.
    phrase : str
        The words that named it.
    part : str
        `PROPERTY` or `THING` if the phrase means a part of the object: "dashboard title". Otherwise empty.
    is_only_part : bool
        Whether the phrase names a part and no object: "name", "status".
    """

    name: str = ""
    phrase: str = ""
    part: str = ""
    is_only_part: bool = False


def before_preposition(tokens: Sequence[Token]) -> int:
    """Return how many tokens come before the first preposition."""
    return next((at for at, token in enumerate(tokens) if token.word in PREPOSITIONS), len(tokens))


class NounPhrases:
    """The search for objects in noun phrases, by the words of the tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def subject(self, tokens: Sequence[Token], rest: Sequence[Token]) -> Found | None:
        """Return the object that a noun phrase names, or None.

        If the phrase names only a part, as in "Name of the test changed", the object is looked for in the next phrase.

        Parameters
        ----------
        tokens : sequence of Token
            The noun phrase.
        rest : sequence of Token
            The words after it, from a preposition on.

        Returns
        -------
        Found or None
        """
        tokens = [*tokens, *rest]
        part = ""
        while tokens:
            end = before_preposition(tokens)
            found = self.head(tokens[:end])
            part = max(part, found.part)
            if found.name:
                return replace(found, part=part)
            if not found.is_only_part or end == len(tokens) or tokens[end].word not in {"of", "for", "on", "in"}:
                return None
            tokens = tokens[end + 1 :]
        return None

    def head(self, tokens: Sequence[Token]) -> Found:
        """Return what a phrase names by its last noun.

        Nouns that a conjunction joins must name the same object, or be a known pair such as "user or group".

        Parameters
        ----------
        tokens : sequence of Token
            A noun phrase without a preposition.

        Returns
        -------
        Found
            `Found()` if no object is known.
        """
        phrases: list[list[Token]] = [[]]
        for token in tokens:
            if token.word in CONJUNCTIONS:
                phrases.append([])
            elif token.word not in BE | HAVE | DETERMINERS:
                phrases[-1].append(token)
        found = [self._noun(phrase) for phrase in phrases if phrase]
        if not found:
            return Found()
        names = [each.name for each in found]
        if len(set(names)) == 1 or not any(names[:-1]):
            return found[-1]  # "MFA and registration policy" is about the policy
        return found[0] if tuple(names) in self._tables.pairs else Found()

    def _noun(self, tokens: Sequence[Token]) -> Found:
        tables = self._tables
        spread = [(singular(word), token) for token in tokens for word in token.word.split()]
        words = [word for word, _ in spread]
        tokens = [token for _, token in spread]
        part = ""
        while words and tokens[len(words) - 1].named and not self.longest(words):
            words.pop()  # a name, at the end: "project key 0a1b2c"
        while len(words) > 1 and tokens[len(words) - 1].form == "past":
            part = max(part, THING if self._names_action(words[-1]) else "")
            words.pop()  # "password issued", "roles assigned", "test run"
        while words:
            length = self.longest(words)
            dropped = next((n for n in (2, 1) if tuple(words[-n:]) in tables.property_phrases), 0)
            if length and length >= dropped:
                phrase = tuple(words[-length:])
                return Found(tables.phrases[phrase], " ".join(phrase), part)
            is_thing = words[-1] in tables.properties["things"] or self._names_action(words[-1])
            dropped = max(dropped, int(self._names_action(words[-1])))
            if not dropped:
                return Found()
            part, words = max(part, THING if is_thing else PROPERTY), words[:-dropped]
        return Found(part=part, is_only_part=bool(part))

    def _names_action(self, word: str) -> bool:
        """Return whether a noun names an action, as in "user deletion requested"."""
        return word in self._tables.action_nouns or self._tables.verbs.get((word,), ("",))[0] == word

    def longest(self, words: Sequence[str]) -> int:
        """Return how many of the last words form the longest known phrase."""
        return next((n for n in range(min(5, len(words)), 0, -1) if tuple(words[-n:]) in self._tables.phrases), 0)
