"""One clause of an event text: which form it has, and which word is its verb.

The module is long because all forms of a clause share its words and its outcome, so that they stay in one class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from te_audit_frames.checks.text.grammar import (
    ABLE,
    ADVERBS,
    ARTICLES,
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    HAVE,
    NOT,
    POSSESSIVES,
    PREPOSITIONS,
)
from te_audit_frames.checks.text.meaning import REFUSALS, meaning, with_place
from te_audit_frames.checks.text.noun_phrase import DEED, Found, NounPhrases, before_preposition
from te_audit_frames.checks.text.outcomes import ENTRANCES, fails_later, is_entrance, strip_outcome
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS, UNCLASSIFIED, UNKNOWN, Reading
from te_audit_frames.checks.text.verb_object import VerbObject
from te_audit_frames.checks.text.words import Tables, Token, singular

_ADMISSIONS = frozenset({"grant", "accept"})
_ASIDES = frozenset({"when", "while", "because", "unless"})
_RELATIVES = frozenset({"that", "which", "who", "whose"})
_CHANGES = frozenset({"change", "edit", "modification", "update"})
_BEGINNINGS = frozenset({"start", "begin", "initiate", "commence"})
_LASTING = frozenset({"impersonate", "request", "run", "start"})
"""Actions that have happened once they have begun."""


class Clause:
    """One clause, read for its verb and its object."""

    def __init__(self, tokens: list[Token], tables: Tables) -> None:
        self._tables = tables
        self._nouns = NounPhrases(tables)
        self._outcome: str | None = None
        but = next((at for at, token in enumerate(tokens) if token.word == "but"), len(tokens))
        is_done = any(token.word in BE | HAVE and done.form == "past" for token, done in pairwise(tokens[:but]))
        if any(token.word in NOT | tables.failure | {"incorrectly", "wrong"} for token in tokens[but:]) and not is_done:
            self._outcome = FAILURE  # "tried to log in, but the password was wrong"
        tokens = tokens[:but]
        self._tokens = [token for at, token in enumerate(tokens) if not self._is_noise(tokens, at)]
        self._objects = VerbObject(self._tokens, tables)

    def _is_noise(self, tokens: Sequence[Token], at: int) -> bool:
        """Return whether a word is an adverb outside any phrase. In "hard drive" and "anomaly" there is none."""
        word, tables = tokens[at].word, self._tables
        if word in ADVERBS:
            pairs = pairwise(singular(token.word) for token in tokens[max(at - 1, 0) : at + 2])
            return not any(pair in tables.hyphened for pair in pairs)
        known = word in tables.success or word in tables.failure or word in tables.words_of_phrases
        return word.endswith("ly") and not known

    def read(self) -> Reading:
        """Return what the clause says, or `Reading()` if its form is not known."""
        self._tokens, outcome = strip_outcome(self._tokens, self._tables)
        self._outcome = self._outcome or outcome
        tokens = self._tokens
        self._objects = VerbObject(tokens, self._tables)
        aside = next((at for at, token in enumerate(tokens) if token.word in _ASIDES), 0)
        if aside and not any(token.is_verb or self._tables.action_nouns.get(token.word) for token in tokens[:aside]):
            return Reading()  # "An invalid rule when a test was deleted"
        if not tokens or self._is_double() or any(token.word == "made" for token in tokens):
            return Reading()
        if self._hides_verb():
            return Reading()
        forms = (self._started, self._infinitive, self._with_auxiliary, self._finite, self._present, self._compound)
        for form in forms:
            if (reading := form()) is not None:
                return reading
        return Reading()

    def _hides_verb(self) -> bool:
        """Return whether the main verb is one that no table has: "The role assigned to Ann was frobbed"."""
        tokens = self._tokens
        if any(token.word in BE | HAVE and self._is_unknown_verb(verb) for token, verb in pairwise(tokens)):
            return True
        past = [at for at, token in enumerate(tokens) if token.form == "past"]
        usual = BE | CONJUNCTIONS | HAVE | NOT | PREPOSITIONS | self._tables.failure | self._tables.success
        for before, token in pairwise(tokens[: past[0] if past else 0]):
            if token.word in ARTICLES and not before.is_verb and before.word not in usual:
                return True  # "Ann frobs a shared folder"
        is_last = past[-1:] == [before_preposition(tokens) - 1] and tokens[past[-1]].word != tokens[past[-1]].base
        return len(past) > 0 and self._is_unknown_past(tokens[0]) and not is_last  # "Frobbed shared folder"

    def _is_double(self) -> bool:
        """Return whether the text says two different things: "Enabled/disabled backup", "changed … and signed in"."""
        tokens = self._tokens
        for at, token in enumerate(tokens):
            if token.word not in CONJUNCTIONS:
                continue
            if tokens[at + 1 : at + 2] and tokens[at + 1].word in {"in", "out", "on", "off"}:
                return True  # "logged in/out"
            before = {self._action(other) for other in tokens[:at] if other.is_verb}
            following = tokens[at + 1] if at + 1 < len(tokens) else None
            after = [other for place, other in enumerate(tokens) if self._is_finite(place)]
            forms = {other.form for other in tokens[:at] if other.is_verb}
            if tokens[0].form != "base":
                forms.discard("base")  # an issue, a request
            if following is not None and following.form in forms:
                after.append(following)
            is_sentence = tokens[0].form in {"base", "gerund", "third"} or any(
                other.form == "past" for other in tokens[:at]
            )
            if is_sentence and {self._action(other) for other in after} - before:
                return True
        return False

    def _is_finite(self, at: int) -> bool:
        """Return whether a past form is a verb, as in "and shared", and not an adjective, as in "and shared folder"."""
        token = self._tokens[at]
        following = self._tokens[at + 1].word if at + 1 < len(self._tokens) else "to"
        is_adjective = token.word in self._tables.adjectives and following not in PREPOSITIONS | CONJUNCTIONS
        return token.form == "past" and not is_adjective

    # The forms of a clause.

    def _started(self) -> Reading | None:
        """Read "Test deletion was initiated": a deletion whose outcome is unknown."""
        tokens = self._tokens
        at = next((at for at, token in enumerate(tokens) if token.base in _BEGINNINGS and token.form == "past"), 0)
        while at > 0 and tokens[at - 1].word in BE | HAVE:
            at -= 1
        start = 1 if tokens[0].word in self._tables.adjectives else 0
        reading = Clause(tokens[start:at], self._tables).read() if at > 1 else Reading()
        is_starting = reading.rule.startswith("present: ")  # "Starting host was initiated"
        lasting = _LASTING - {"start"} if is_starting else _LASTING
        is_deed = reading.rule.startswith(("noun: ", "present: ")) and reading.action not in ENTRANCES | lasting
        if UNCLASSIFIED in {reading.action, reading.object} or not is_deed or reading.outcome == FAILURE:
            return None
        return replace(reading, outcome=UNKNOWN)

    def _infinitive(self) -> Reading | None:
        """Read "failed to delete", "could not be created", "not authorized to update", "attempted to sign in"."""
        tokens = self._tokens
        for at, token in enumerate(tokens):
            following = tokens[at + 1].word if at + 1 < len(tokens) else ""
            failed = token.word in NOT or (token.word in self._tables.failure and following == "to")
            tried = token.word in self._tables.attempt and following == "to"
            failed = failed or (tried and any(other.word in self._tables.failure for other in tokens[:at]))
            if token.word == "to" and at == 0 and self._outcome == FAILURE:
                failed = True
            is_aside = any(self._is_finite(place) or tokens[place].word in _RELATIVES for place in range(at))
            if (not failed and not tried) or is_aside:
                continue  # "Changed whether users can be found when not invited"
            verb = at + 1 if token.word != "to" else at
            while verb < len(tokens) and tokens[verb].word in ABLE:
                verb += 1
            if verb >= len(tokens) or not tokens[verb].is_verb:
                return Reading() if failed else None
            self._outcome = FAILURE if failed else self._outcome or UNKNOWN
            is_base = tokens[verb].word == tokens[verb].base and tokens[verb - 1].word not in BE  # "failed to reset"
            is_passive = tokens[verb].form == "past" and not is_base
            return self._build("negated" if failed else "attempt", verb, passive=is_passive)
        return None

    def _with_auxiliary(self) -> Reading | None:
        """Read "was deleted", "has been deleted", "is deleting", "has deleted"."""
        tokens = self._tokens
        for at, token in enumerate(tokens[:-1]):
            following = tokens[at + 1]
            if token.word in BE and following.form in {"past", "gerund"}:
                if following.base in REFUSALS and is_entrance(tokens[:at], self._tables):
                    self._outcome = FAILURE
                    return self._named(at)
                if following.form == "gerund":
                    is_start = self._action(following) in {"start", "stop"}
                    is_intransitive = is_start and not self._objects.has_phrase_after(at + 1)
                    return self._build("present", at + 1, passive=is_intransitive)
                if token.word == "being":
                    self._outcome = self._outcome or UNKNOWN
                return self._build("passive", at + 1, passive=True)
            if token.word in HAVE and following.form == "past":
                return self._build("active", at + 1, passive=False)
        return None

    def _finite(self) -> Reading | None:
        """Read "Deleted test", "Test deleted", "User deleted test" and "Delete test"."""
        tokens = self._tokens
        first = tokens[0]
        end = before_preposition(tokens)
        past = [at for at, token in enumerate(tokens[:end]) if token.form == "past"]
        past = [at for at in past if not self._is_adjective_of_object(at)]
        if first.is_verb and (singular(first.word),) not in self._tables.phrases:
            words = [singular(token.word) for token in tokens]
            past = [at for at in past if at == 0 or self._nouns.longest(words[1 : at + 1]) < 2]  # "Delete tag set"
        if past and all(tokens[at].word == tokens[at].base for at in past) and self._third(past[0]) is not None:
            return None  # "User confirms password reset"
        if len(past) > 1:  # "password reset" is a noun if there is another verb
            past = [at for at in past if tokens[at].word != tokens[at].base] or past
        last = past[-1] if past and past[-1] == end - 1 and past[-1] > 0 else None
        if first.form == "past":
            if last is not None and (first.word in self._tables.adjectives or first.word == first.base):
                return self._build("passive", last, passive=True)
            if last is not None:
                return Reading()
            return self._build("active", 0, passive=False)
        if first.form == "base" and self._is_imperative(end):
            return self._build("imperative", 0, passive=False)
        if not past:
            return self._late(end)
        verb = past[0]
        if last is not None and tokens[verb].word in self._tables.adjectives:
            verb = last  # "New shared dashboard created"
        if tokens[verb].base in REFUSALS and is_entrance(tokens[:verb], self._tables):
            self._outcome = FAILURE
            return self._named(verb)
        if tokens[verb].base in _ADMISSIONS and is_entrance(tokens[:verb], self._tables):
            self._outcome = self._outcome or SUCCESS
            return self._named(verb)
        if tokens[verb].word == "requested" and verb + 1 < len(tokens) and tokens[verb + 1].word == "to":
            return self._build("active", verb, passive=False)
        passive = not self._objects.has_phrase_after(verb)
        return self._build("passive" if passive else "active", verb, passive=passive)

    def _is_adjective_of_object(self, at: int) -> bool:
        """Return whether a past form is part of the object of another verb: "Ann starts a stopped test"."""
        tokens = self._tokens
        follows = at > 1 and tokens[at - 1].word in DETERMINERS and tokens[at - 2].form == "third"
        return follows and (tokens[at].word in self._tables.adjectives or tokens[at].word == tokens[at].base)

    def _is_imperative(self, end: int) -> bool:
        """Return whether the first word is a verb ("View dashboard") and not a noun ("View permission changed")."""
        first, rest = self._tokens[0], self._tokens[1:end]
        if not rest or self._action(first) in ENTRANCES:
            return False
        if first.word == "view" and self._nouns.head(rest).name and self._nouns.head(rest).part != DEED:
            return (first.word, singular(rest[-1].word)) not in self._tables.phrases  # "View repository file"
        is_phrase = self._nouns.longest([singular(token.word) for token in rest]) > 1  # "Delete permission set"
        if (rest[-1].form == "past" and not is_phrase) or self._is_unknown_past(rest[-1]):
            return False  # "Update scheduled", "Link clicked"
        if (singular(first.word),) not in self._tables.phrases:
            return True
        words = [singular(token.word) for token in rest if token.word not in DETERMINERS]
        is_compound = self._nouns.longest([singular(first.word), *words]) > len(words)
        return not is_compound and (len(words) < len(rest) or self._nouns.longest(words) == len(words))

    def _late(self, end: int) -> Reading | None:
        """Read a verb after a preposition: "Password of the user changed"."""
        tokens = self._tokens
        if end < len(tokens) and tokens[end].word in _RELATIVES:
            return None  # "Removes tests that do not run"
        for at in range(end + 1, len(tokens)):
            is_last = at + 1 == len(tokens) or tokens[at + 1].word in PREPOSITIONS
            if tokens[at].form == "past" and is_last and tokens[at - 1].word not in PREPOSITIONS | DETERMINERS:
                if tokens[at].base in REFUSALS and is_entrance(tokens[:end], self._tables):
                    self._outcome = FAILURE
                    return self._named(end)
                return self._build("passive", at, passive=True)
        return None

    def _present(self) -> Reading | None:
        """Read "User creates a test", "Deleting test failed"."""
        tokens = self._tokens
        first, following = tokens[0], tokens[1].word if len(tokens) > 1 else ""
        is_noun = (singular(first.word),) in self._tables.phrases and following not in DETERMINERS
        if first.form == "gerund" and not is_noun and not self._ends_in_verb():
            return self._build("present", 0, passive=False)
        if first.form == "third" and following and following not in PREPOSITIONS and not is_noun:
            return self._build("present", 0, passive=False)  # "Creates a test"
        third = self._third(len(tokens))
        return None if third is None else self._build("present", third, passive=False)

    def _ends_in_verb(self) -> bool:
        """Return whether the last word is a verb and no noun, as in the key "onboarding_prompt_delete"."""
        last = self._tokens[-1]
        is_noun = (singular(last.word),) in self._tables.phrases or last.base in self._tables.people["verbs"]
        return len(self._tokens) > 2 and last.form == "base" and not is_noun

    def _third(self, end: int) -> int | None:
        """Return the place of a verb that says what a user does: "User creates a test"."""
        tokens = self._tokens
        for at in range(1, end):
            verb, following = tokens[at], tokens[at + 1 : at + 2]
            if verb.form != "third":
                continue
            if following and following[0].word in DETERMINERS | POSSESSIVES:
                return at  # "A bystander declines the invitation"
            is_sentence = verb.base in self._tables.people["verbs"] or self._objects.has_phrase_after(at)
            if is_sentence and self._nouns.head(tokens[:at]).name == "user":
                return at
        return None

    def _compound(self) -> Reading | None:
        """Read "User login", "Test deletion", "Policy update"; not "Queued policy update", if no table has "queue"."""
        first = self._tokens[0]
        end = before_preposition(self._tokens)
        is_plan = first.word == "scheduled" and end > 1 and self._nouns.names_action(self._tokens[end - 1].word)
        if is_plan or self._is_unknown_past(first) or (self._objects.is_gerund(first) and not first.is_verb):
            return None
        return self._named(end) or self._let(end) or self._run()

    def _let(self, end: int) -> Reading | None:
        """Read "Logout user"."""
        action = self._tables.action_nouns.get(self._tokens[0].word)
        if action != "logout" or self._nouns.head(self._tokens[1:end]).name != "user":
            return None
        return Reading(action, "user", self._outcome or UNKNOWN, f"imperative: {self._tokens[0].word}")

    def _run(self) -> Reading | None:
        """Read "Deployment failed"."""
        named = self._tokens[: before_preposition(self._tokens)]
        found = self._nouns.head([token for token in named if token.word not in self._tables.attempt])
        failed = self._outcome == FAILURE or fails_later(self._tokens, self._tables)
        if failed and found.name == "mfa":
            return Reading("login", "user", FAILURE, f"failure: {found.phrase}")  # "2FA failed"
        if not failed or found.name not in self._tables.words["runs"] or found.part:
            return None
        return Reading("run", found.name, FAILURE, f"failure: {found.phrase}")

    def _named(self, end: int) -> Reading | None:
        tokens = list(self._tokens[:end])
        tried = any(token.word in self._tables.attempt for token in tokens)
        while tokens and tokens[-1].word in self._tables.attempt | BE | HAVE:
            tokens.pop()
        if not tokens:
            return None
        last = tokens[-1]
        noun = self._tables.action_nouns.get(singular(last.word))
        is_verb = last.form in {"base", "gerund"} or (last.form == "third" and singular(last.word) in _CHANGES)
        action = noun or (self._tables.action_of.get(last.base) if is_verb else None)  # "Password changes"
        if action is None:
            return None
        if fails_later(self._tokens, self._tables):
            self._outcome = FAILURE
        phrase = self._nouns.longest([singular(token.word) for token in tokens])
        if action in ENTRANCES and phrase > 1 and self._outcome != FAILURE and len(tokens) > phrase:
            return None  # "Demand two-factor authentication"
        if action in ENTRANCES:
            if any(token.word in self._tables.failure for token in tokens):
                self._outcome = FAILURE  # "Too many failed logins"
            happened = last.word not in self._tables.words["not_by_name"] and not tried
            outcome = self._outcome or (SUCCESS if happened else UNKNOWN)
            return Reading(action, "user", outcome, f"noun: {last.word}")
        is_object = phrase > 0
        rest = self._tokens[end:]
        links = {"of", "to", "in"} if last.word in _CHANGES else {"of"} if len(tokens) > 1 else {"of", "on"}
        of = len(rest) > 0 and rest[0].word in links
        if noun is None and (is_object or (len(tokens) < 2 and not of)):
            return None  # "Access request" is a request, "Team invite" an invitation
        outcome = self._outcome or UNKNOWN
        whole = rest[1:] if of else tokens[:-1]  # "Deletion of test", "Test deletion"
        found = self._nouns.subject([token for token in whole if token.word not in self._tables.failure], [])
        if found is None and last.word in self._tables.people["nouns"]:
            found = Found("user", last.word)
        if last.base in self._tables.people["verbs"] and self._nouns.head(tokens[:1]).name == "user":
            found = Found("user", tokens[0].word)  # "user_chat_join"
        action = with_place(self._tables, last, action, rest)  # "user_add_to_group"
        return meaning(self._tables, "noun", (last, action), found, outcome)

    def _is_unknown_verb(self, token: Token) -> bool:
        return self._is_unknown_past(token) or (self._objects.is_gerund(token) and not token.is_verb)

    def _is_unknown_past(self, token: Token) -> bool:
        """Return whether a word looks like the past form of a verb that no table has."""
        tables = self._tables
        known = token.is_verb or token.word in tables.failure | tables.success | tables.attempt | tables.starts
        return not known and re.search(r"[a-z]{3}ed$", token.word) is not None

    def _build(self, rule: str, at: int, *, passive: bool) -> Reading:
        if rule == "imperative" and fails_later(self._tokens, self._tables):
            self._outcome = FAILURE
        return self._objects.read(rule, at, self._outcome, passive=passive)

    def _action(self, token: Token) -> str:
        return self._tables.action_of.get(token.base, "")
