"""Noun phrases: which object the words before or after a verb name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from te_audit_frames.checks.text.grammar import BE, CONJUNCTIONS, DETERMINERS, HAVE, PREPOSITIONS
from te_audit_frames.checks.text.words import Tables, Token, singular

DEED, PROPERTY, THING = "deed", "property", "thing"
# In alphabetical order, so that max() prefers a thing of its own.

_NAMED_BY_USERS = frozenset(
    {"account_group", "agent", "alert_rule", "dashboard", "label", "monitor", "report", "snapshot", "tag", "template"}
    | {"endpoint_agent", "endpoint_test", "suppression_window", "test"}
)
"""Objects of ThousandEyes whose names stand behind them in a text: "test Home page"."""

_NAMED = _NAMED_BY_USERS | {"cluster", "device", "group", "host", "network", "project", "role", "site", "user"}
"""Objects that many products name in their texts: "User Ann was deleted"."""
_COPIES = frozenset({"copy", "copies", "batch", "batches", "number", "set", "series", "pair"})
_IDS = frozenset({"guid", "id", "uid", "uuid"})
_OWNED = frozenset({"owner", "owners", "members"})
"""The people of an object. If they change, the object does: "project owner", "group members", but not "team member"."""
_SHARED = frozenset({"policy", "setting"})
"""Objects that two nouns before them share: "user and group settings"."""
_QUALITIES = frozenset(
    {"active", "custom", "default", "enterprise", "external", "global", "inactive", "internal", "main", "permanent"}
    | {"personal", "primary", "private", "public", "root", "secondary", "temporary"}
)
"""Words before a noun that do not change what it means: "personal account"."""
_WEAK = frozenset({"entry", "item", "parameter", "record", "stage", "step"})


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
        `PROPERTY` or `THING` if the phrase means a part of the object ("dashboard title"), `DEED` if it means what is
        done with it ("user registration"). Otherwise empty.
    of : str
        The object whose owner or member the phrase names: "project" for "project owner". Otherwise empty.
    is_only_part : bool
        Whether the phrase names a part and no object: "name", "status".
    """

    name: str = ""
    phrase: str = ""
    part: str = ""
    of: str = ""
    is_only_part: bool = False


def before_preposition(tokens: Sequence[Token]) -> int:
    """Return how many tokens come before the first preposition."""
    return next((at for at, token in enumerate(tokens) if token.word in PREPOSITIONS), len(tokens))


def has_name(word: str, tables: Tables, *, people: bool = True) -> bool:
    """Return whether a word is an object whose name may follow: "project" in "Project Shop", "user" in "User Ann"."""
    name = tables.phrases.get((singular(word.casefold()),))
    return name in _NAMED and (people or name != "user")


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
            if end and tokens[end - 1].word in _COPIES and tokens[end : end + 1] == [Token("of")]:
                tokens = tokens[end + 1 :]
                continue  # "a CSV copy of the report", "a batch of tests"
            found = self.head(tokens[:end])
            if part and not found.name and not found.is_only_part and end > 1:
                found = self.head(tokens[: end - 1])  # "Email address changed for user ann"
            part_before, part = part, max(part, found.part)
            if found.name == "setting" and tokens[end : end + 1] == [Token("of")]:
                part = THING  # "Deleted the configuration of a filter"
            if found.phrase in {"owner", "member"} and tokens[end : end + 1] == [Token("of")]:
                rest = tokens[end + 1 :]
                return replace(found, part=part, of=self.head(rest[: before_preposition(rest)]).name)
            if found.phrase == "parameter" and tokens[end : end + 1] == [Token("of")] and end + 1 < len(tokens):
                part, tokens = max(part, PROPERTY), tokens[end + 1 :]
                continue  # "Parameters of the task"
            if found.name:
                return replace(found, part=part)
            named = [token for token in tokens[:end] if token.word not in DETERMINERS | BE | HAVE]
            words = tuple(singular(token.word) for token in named if not token.named)
            if found.is_only_part and (not part_before or len(words) > 1):
                if words in self._tables.personal and not part_before:
                    return Found("user", " ".join(words), THING)
                if "_".join(words) in self._tables.objects and end == len(tokens):
                    return Found("_".join(words), " ".join(words))  # "Phone number added"
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
        if len(found) == 1 and tokens[0].word not in DETERMINERS and self._may_name(found[0], phrases[-1]):
            return Found()
        if not found:
            return Found()
        names = [each.name for each in found]
        if len(names) > 1 and not any(names[:-1]) and len(phrases[-1]) == 1:
            return Found()  # "Widgets and folders", if no table has "widget"
        if len(set(names)) == 1 or not any(names[:-1]):
            return found[-1]  # "MFA and registration policy" is about the policy
        firsts = [phrase[-1].word for phrase in phrases[:-1] if phrase]
        if names[-1] in _SHARED and firsts == [*map(singular, firsts)] and len(phrases[-1]) > 1:
            return found[-1]  # "Risk and MFA policy"
        return found[0] if tuple(names) in self._tables.pairs else Found()

    def _noun(self, tokens: Sequence[Token]) -> Found:
        tables = self._tables
        spread = [(singular(word), token) for token in tokens for word in token.word.split()]
        words = [word for word, _ in spread]
        tokens = [token for _, token in spread]
        part, thing = "", ""
        words = words[: self._name_start(words, tokens)]
        whole = len(words)
        while words and tokens[len(words) - 1].named:
            if not self._is_name(words, tokens, is_numbered=len(words) < whole):
                break
            words.pop()  # a name, at the end: "project key 0a1b2c", "mapping Ward 3"
        if len(words) < whole and len(words) > 1 and words[-1] in _IDS:
            words.pop()  # "record UID 4f2a"
        if words and words[-1] == "set" and not self.longest(words):
            return Found()  # a set of things
        while len(words) > 1 and tokens[len(words) - 1].form == "past" and self.longest(words) < 2:
            part = max(part, DEED if self.names_action(words[-1]) else "")
            words.pop()  # "password issued", "roles assigned", "test run"
        while words:
            length = self.longest(words)
            dropped = next((n for n in (2, 1) if tuple(words[-n:]) in tables.property_phrases), 0)
            if length and length >= dropped:
                if length == 1 and words[-1] in _WEAK and self.longest(words[:-1]):
                    part, words = THING, words[:-1]  # "Allowlist entry removed"
                    continue
                if length == 1 and len(words) > 1 and self._is_compound(words, tokens):
                    return Found()
                phrase = tuple(words[-length:])
                if tables.phrases[phrase] == "user" and "role" in words[:-length] and ("role",) in tables.phrases:
                    phrase = ("role",)  # "Role Operator assigned"
                of = "" if part else self._owned(words, tokens[len(words) - 1].word)
                return Found(tables.phrases[phrase], " ".join(phrase), part, of)
            kind = THING if words[-1] in tables.properties["things"] else PROPERTY if dropped else ""
            if not kind and self.names_action(words[-1]):
                kind, dropped = THING if part else DEED, 1  # "Password reset email", "Password reset"
            if not kind and part == THING and thing in tables.objects:
                return Found(thing, thing)  # "macOS profile", although no table has "macOS"
            if not kind:
                return Found()
            thing = words[-1] if not thing else "-"
            part, words = max(part, kind), words[:-dropped]
        return Found(part=part, is_only_part=bool(part))

    def _name_start(self, words: Sequence[str], tokens: Sequence[Token]) -> int:
        """Return where a name of several words begins: behind the noun in "test Home page"."""
        for at in range(1, len(words)):
            is_capital = tokens[at].named and words[at].isalpha()
            length = self.longest(words[:at])
            if is_capital and not tokens[at - 1].named and length:
                has_name = self._tables.phrases[tuple(words[at - length : at])] in _NAMED_BY_USERS
                return at if has_name else len(words)  # but "team Slack channel"
        return len(words)

    def _is_name(self, words: Sequence[str], tokens: Sequence[Token], *, is_numbered: bool) -> bool:
        """Return whether the last word is a name: no known noun, or one with a number, after another noun."""
        length = self.longest(words)
        follows = len(words) > 1 and not tokens[len(words) - 2].named and self.longest(words[:-1]) > 0
        return length == 0 or (is_numbered and length == 1 and follows)  # "mapping Ward 3", but "Team Dashboard"

    def _may_name(self, found: Found, tokens: Sequence[Token]) -> bool:
        """Return whether the last noun may be a name, although nothing marks it as one: "project shop"."""
        words = [singular(token.word) for token in tokens]
        if found.part or len(words) < 2 or found.phrase != words[-1] or words[-1] in self._tables.heads:
            return False
        return not tokens[-1].named and not tokens[-2].named and has_name(words[-2], self._tables, people=False)

    def _is_compound(self, words: Sequence[str], tokens: Sequence[Token]) -> bool:
        """Return whether the last noun has another meaning than on its own: "Training plan", "Loyalty account"."""
        before, last = tokens[len(words) - 2], tokens[len(words) - 1]
        if before.named and last.named:
            return True  # "Added a Storage Domain", if no table has "storage"
        if before.named or before.is_verb or words[-2] in DETERMINERS | _QUALITIES:
            return False
        loose = _WEAK | {*self._tables.words["loose"]}
        return words[-1] in self._tables.words["bound"] or (words[-1] in loose and not self._is_word(words[-2]))

    def _is_word(self, word: str) -> bool:
        tables = self._tables
        return word in tables.starts or (word,) in tables.property_phrases or word in DETERMINERS

    def _owned(self, words: Sequence[str], last: str) -> str:
        """Return the object whose owner or members are named: "project" for "project owner"."""
        if last not in _OWNED or self.longest(words) > 1:
            return ""
        length = self.longest(words[:-1])
        return self._tables.phrases[tuple(words[-1 - length : -1])] if length else ""

    def names_action(self, word: str) -> bool:
        """Return whether a noun names an action, as in "user deletion requested"."""
        return word in self._tables.action_nouns or self._tables.verbs.get((word,), ("",))[0] == word

    def longest(self, words: Sequence[str]) -> int:
        """Return how many of the last words form the longest known phrase."""
        return next((n for n in range(min(5, len(words)), 0, -1) if tuple(words[-n:]) in self._tables.phrases), 0)
