"""The object of a verb: before it in "test deleted", behind it in "deleted test"."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import replace

from te_audit_frames.checks.text.grammar import ABLE, CONJUNCTIONS, DETERMINERS, HAVE, NOT, POSSESSIVES, PREPOSITIONS
from te_audit_frames.checks.text.meaning import meaning, with_place
from te_audit_frames.checks.text.noun_phrase import PROPERTY, Found, NounPhrases, before_preposition
from te_audit_frames.checks.text.outcomes import ENTRANCES
from te_audit_frames.checks.text.reading import SUCCESS, UNKNOWN, Reading
from te_audit_frames.checks.text.words import Tables, Token, singular

_TOUCHING = frozenset({"authenticate", "join"})
"""Verbs that are about the person who acts, unless they have an object: "Ann authenticated their device"."""
_PLACES_OF_PEOPLE = frozenset({"account_group", "group", "organization", "role"})
_STATES = frozenset({"status", "state"})
_STATE_WORDS = {"active": "enable", "inactive": "disable"}
_TO_STATES = frozenset({"archive", "delete", "disable", "enable"})


class VerbObject:
    """The search for the object of a verb in one clause."""

    def __init__(self, tokens: Sequence[Token], tables: Tables) -> None:
        self._tokens = list(tokens)
        self._tables = tables
        self._nouns = NounPhrases(tables)

    def read(self, rule: str, at: int, outcome: str | None, *, passive: bool) -> Reading:
        """Return what the clause says by one of its verbs.

        Parameters
        ----------
        rule : str
            The form of the clause.
        at : int
            The place of the verb.
        outcome : str or None
            How it ended; None if no word says it.
        passive : bool
            Whether the object comes before the verb.

        Returns
        -------
        Reading
        """
        tokens = self._tokens
        verb = tokens[at]
        if verb.base == "mark" and any(token.word == "for" for token in tokens[at + 1 :]):
            return Reading()  # "Group marked for deletion" is a plan
        action = self._tables.action_of.get(verb.base, "")
        doer = self._nouns.head(tokens[:at]).name
        if rule == "active" and verb.base == "trigger" and doer not in {"", "user"}:
            return Reading()  # "The page triggered an alert"
        outcome = outcome or (SUCCESS if verb.form == "past" else UNKNOWN)
        if verb.base in self._tables.people["verbs"]:
            return self._of_people(rule, at, action, outcome)
        start = self._after_coordinated(at)
        if passive:
            end = at
            while end > 0 and (tokens[end - 1].word in ABLE or self._tells_how(tokens[end - 1])):
                end -= 1  # "test could not be"
            if action == "update" and tokens[0].word == "setting" and before_preposition(tokens[:end]) > 1:
                setting = Found("setting", "setting")  # "Setting X was changed"
                return meaning(self._tables, rule, (verb, action), setting, outcome)
            found = self._nouns.subject(tokens[:end], [])
            behind = tokens[at + 1 : at + 2]
            if found is None and behind and behind[0].word in {"for", "of"}:
                found = self._nouns.subject(tokens[:end], tokens[at + 1 :])  # "Email address changed for user"
            if any(tokens[place].form == "third" and not self._is_noun(place) for place in range(end - 1)):
                found = None  # "Logs in a folder were deleted", but not "Access lists of a folder were deleted"
            if found is None and tokens[at + 1 : at + 2] == [Token("as")]:
                found = self._newcomer(tokens[at + 2 :], of={"user"})  # "Ann was added as a member of the group"
            if action in {"assign", "revoke", "reject", "send"} and self.has_phrase_after(at):  # "was granted access"
                found = self._nouns.subject(tokens[start : start + before_preposition(tokens[start:])], [])
        else:
            if tokens[start : start + 1] == [Token("to")]:
                start += 2  # "requested to transfer project"
            if rule == "present" and tokens[start : start + 1] == [Token("of")]:
                start += 1  # "Moving of the test"
            end = start + before_preposition(tokens[start:])
            found = self._nouns.subject(tokens[start:end], tokens[end:])
            if action in {"start", "stop"} and self._is_deed(start, end):
                return meaning(self._tables, rule, (verb, action), None, outcome)  # "Stopped impersonating user"
            if start == end and rule == "active":
                found = self._nouns.subject(tokens[:at], [])
                if doer == "user" and tokens[at - 1].word in HAVE:
                    found = None  # "User has authorized"
                if at == 0 and with_place(self._tables, verb, "", tokens[1:]):
                    found = self._newcomer(tokens[2:], of=_PLACES_OF_PEOPLE)
            elif start == len(tokens):  # "A token fails to create"
                end = next((place for place, token in enumerate(tokens) if self._tells_how(token)), 0)
                found = self._nouns.subject(tokens[:end], [])
                found = None if found and found.name == "user" else found
            elif found is None and any(token.word in POSSESSIVES for token in tokens[start:end]):
                owner = self._nouns.head(tokens[:at])  # "User changed their email"
                is_only_part = self._nouns.head(tokens[start:end]).is_only_part
                found = replace(owner, part=PROPERTY) if is_only_part and owner.name else None
        action = with_place(self._tables, verb, action, tokens[at + 1 :])
        if action == "send" and (found is None or found.name != "invitation"):
            phrase = tokens[:end] if passive and not self.has_phrase_after(at) else tokens[start:]
            phrase = phrase[: before_preposition(phrase)]
            if phrase and singular(phrase[-1].word) == "email":
                found = Found("message", "email")  # "Alert email sent"
        if action == "update" and found is not None and found.part == PROPERTY:
            action = self._new_state(at) or action
        if found is None and action == "invite" and not passive and self.has_phrase_after(at):
            return Reading(action, outcome=outcome, rule=f"{rule}: {verb.word}")  # "Invited gizmo to folder"
        return meaning(self._tables, rule, (verb, action), found, outcome)

    def _new_state(self, at: int) -> str:
        """Return "disable" for "Changed test status to disabled" and the like."""
        tokens = self._tokens
        to = next((place for place in range(at + 1, len(tokens)) if tokens[place].word == "to"), len(tokens))
        if to + 2 != len(tokens) or not any(token.word in _STATES for token in tokens):
            return ""
        last = tokens[-1]
        done = self._tables.action_of.get(last.base, "") if last.form == "past" else ""
        action = _STATE_WORDS.get(last.word, done)
        return action if action in _TO_STATES else ""

    def _of_people(self, rule: str, at: int, action: str, outcome: str) -> Reading:
        """Read a verb such as "joined" or "logged in", which is about whoever did it, or about the object it names."""
        tokens, verb = self._tokens, self._tokens[at]
        name = ""
        behind = tokens[at + 1 :]
        touched = self._nouns.head(behind[: before_preposition(behind)])
        if verb.base in _TOUCHING and touched == Found() and self.has_phrase_after(at):
            return Reading()  # "Ann authenticated their gizmo"
        if action in ENTRANCES:
            if verb.base == "authenticate" and touched.name not in {"", "user"}:
                return meaning(
                    self._tables, rule, (verb, "verify"), touched, outcome
                )  # "Ann authenticated their device"
        elif action == "assign" and (joined := self._joined(behind)).name not in {"", "user"}:
            return meaning(self._tables, rule, (verb, action), joined, outcome)  # "Joined device to domain"
        else:
            doer = [token for token in tokens[:at] if not self._tells_how(token)]
            name = self._nouns.head(doer[: before_preposition(doer)]).name  # "Agent left cluster"
        return Reading(action, name or "user", outcome, f"{rule}: {verb.word}")

    def _joined(self, behind: Sequence[Token]) -> Found:
        end = before_preposition(behind)
        return self._nouns.head(behind[:end]) if behind[end : end + 1] == [Token("to")] else Found()

    def _newcomer(self, place: Sequence[Token], *, of: Set[str]) -> Found | None:
        """Return the user who is "added to organization" or "added as a member" without being named."""
        is_of_people = self._nouns.head(place[: before_preposition(place)]).name in of
        return Found("user", "to") if is_of_people else None

    def _is_noun(self, at: int) -> bool:
        """Return whether a word that may be a verb is a noun, as in "access lists" and "builds setting"."""
        length = self._nouns.longest([singular(token.word) for token in self._tokens[: at + 1]])
        return length > 1 or (length == 1 and self._tokens[at + 1].word not in PREPOSITIONS | DETERMINERS)

    def _tells_how(self, token: Token) -> bool:
        return token.word in NOT or token.word in self._tables.failure

    def _after_coordinated(self, at: int) -> int:
        """Return where the words after the verb begin. A second verb is skipped: "Disable/pause configuration"."""
        tokens = self._tokens
        at += 1
        while at + 1 < len(tokens) and tokens[at].word in CONJUNCTIONS and tokens[at + 1].is_verb:
            at += 2
        return at

    def has_phrase_after(self, at: int) -> bool:
        """Return whether a noun phrase that is more than a name follows a verb directly."""
        rest = self._tokens[self._after_coordinated(at) :]
        words = rest[: before_preposition(rest)]
        return any(not token.named for token in words) and words[0].word not in CONJUNCTIONS

    def _is_deed(self, start: int, end: int) -> bool:
        """Return whether the words say what is done: "Stopped impersonating user", "Starting export test"."""
        first = self._tokens[start : start + 1]
        words = [singular(token.word) for token in self._tokens[start:end]]
        is_command = any(token.form == "base" for token in first) and self._nouns.longest(words) < len(words)
        return is_command or any(map(self.is_gerund, first))

    def is_gerund(self, token: Token) -> bool:
        """Return whether a word is, or looks like, a verb in -ing, and is not an object such as "recording"."""
        looks = re.search(r"[a-z]{3}ing$", token.word) is not None and (token.word,) not in self._tables.phrases
        return token.form == "gerund" or (looks and token.word not in self._tables.starts)
