"""One clause of an event text: its verb, its object, and how it ended.

The module is long because all forms of a clause share its words and its outcome, so that they stay in one class.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import pairwise

from te_audit_frames.checks.text.grammar import (
    ABLE,
    ADVERBS,
    BE,
    CONJUNCTIONS,
    DETERMINERS,
    HAVE,
    NOT,
    POSSESSIVES,
    PREPOSITIONS,
)
from te_audit_frames.checks.text.noun_phrase import DEED, PROPERTY, THING, Found, NounPhrases, before_preposition
from te_audit_frames.checks.text.outcomes import ENTRANCES, fails_later, is_entrance, strip_outcome
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS, UNCLASSIFIED, UNKNOWN, Reading
from te_audit_frames.checks.text.words import Tables, Token, singular

_REFUSALS = frozenset({"block", "reject", "deny", "refuse"})
_ADMISSIONS = frozenset({"grant", "accept"})
_PLACES_OF_PEOPLE = frozenset({"account_group", "group", "organization", "role"})
_SWITCHES = frozenset({"enable", "disable", "start", "stop", "run"})
_ASIDES = frozenset({"when", "while", "because", "unless"})
_RELATIVES = frozenset({"that", "which", "who", "whose"})
_CHANGES = frozenset({"change", "edit", "modification", "update"})
_BEGINNINGS = frozenset({"start", "begin", "initiate", "commence"})
_LASTING = frozenset({"impersonate", "request", "run", "start"})
"""Actions that have happened once they have begun."""
_MAIL = frozenset({"email", "email address"})
_STATES = frozenset({"status", "state"})
_STATE_WORDS = {"active": "enable", "inactive": "disable"}
_TO_STATES = frozenset({"archive", "delete", "disable", "enable"})
_LOOSE = frozenset({"create", "delete", "assign", "revoke"})


class Clause:
    """One clause, read for its verb and its object."""

    def __init__(self, tokens: list[Token], tables: Tables) -> None:
        self._tables = tables
        self._nouns = NounPhrases(tables)
        self._outcome: str | None = None
        but = next((at for at, token in enumerate(tokens) if token.word == "but"), len(tokens))
        if any(token.word in NOT | tables.failure | {"incorrectly", "wrong"} for token in tokens[but:]):
            self._outcome = FAILURE  # "tried to log in, but the password was wrong"
        tokens = tokens[:but]
        self._tokens = [token for at, token in enumerate(tokens) if not self._is_noise(tokens, at)]

    def _is_noise(self, tokens: Sequence[Token], at: int) -> bool:
        """Return whether a word is an adverb, and no part of a phrase, as in "hard drive" and "anomaly"."""
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
        aside = next((at for at, token in enumerate(tokens) if token.word in _ASIDES), 0)
        if aside and not any(token.is_verb or self._tables.action_nouns.get(token.word) for token in tokens[:aside]):
            return Reading()  # "An invalid rule when a test was deleted"
        if not tokens or self._is_double() or any(token.word == "made" for token in tokens):
            return Reading()
        for find in (self._started, self._infinitive, self._with_auxiliary, self._finite, self._present, self._compound):
            if (reading := find()) is not None:
                return reading
        return Reading()

    def _is_double(self) -> bool:
        """Return whether the text says two different things: "Enabled/disabled backup", "changed … and signed in"."""
        tokens = self._tokens
        for at, token in enumerate(tokens):
            if token.word not in CONJUNCTIONS:
                continue
            if tokens[at + 1 : at + 2] and tokens[at + 1].word in {"in", "out", "on", "off"}:
                return True  # "logged in/out"
            before = {self._action(other) for other in tokens[:at] if other.form in {"past", "base", "gerund"}}
            following = tokens[at + 1] if at + 1 < len(tokens) else None
            after = [other for place, other in enumerate(tokens) if self._is_finite(place)]
            forms = {other.form for other in tokens[:at] if other.is_verb}
            if tokens[0].form != "base":
                forms.discard("base")  # an issue, a request
            if following is not None and following.form in forms:
                after.append(following)
            is_sentence = tokens[0].form in {"base", "gerund"} or any(other.form == "past" for other in tokens[:at])
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
        """Read "Test deletion was initiated": a deletion of which nobody knows the end."""
        tokens = self._tokens
        at = next((at for at, token in enumerate(tokens) if token.base in _BEGINNINGS and token.form == "past"), 0)
        while at > 0 and tokens[at - 1].word in BE | HAVE:
            at -= 1
        start = 1 if tokens[0].word in self._tables.adjectives else 0
        reading = Clause(tokens[start:at], self._tables).read() if at > 1 else Reading()
        is_deed = reading.rule.startswith(("noun: ", "present: ")) and reading.action not in ENTRANCES | _LASTING
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
                continue  # nor in "Changed whether users can be found when not invited"
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
                if following.base in _REFUSALS and is_entrance(tokens[:at], self._tables):
                    self._outcome = FAILURE
                    return self._named(at)
                if following.form == "gerund":
                    is_intransitive = not self._phrase_after(at + 1) and self._action(following) in {"start", "stop"}
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
        if len(past) > 1:  # "password reset" is a noun where there is another verb
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
        if tokens[verb].base in _REFUSALS and is_entrance(tokens[:verb], self._tables):
            self._outcome = FAILURE
            return self._named(verb)
        if tokens[verb].base in _ADMISSIONS and is_entrance(tokens[:verb], self._tables):
            self._outcome = self._outcome or SUCCESS
            return self._named(verb)
        if tokens[verb].word == "requested" and verb + 1 < len(tokens) and tokens[verb + 1].word == "to":
            return self._build("active", verb, passive=False)
        passive = not self._phrase_after(verb)
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
        """Read a verb behind a preposition: "Password of the user changed"."""
        tokens = self._tokens
        if end < len(tokens) and tokens[end].word in _RELATIVES:
            return None  # "Removes tests that do not run"
        for at in range(end + 1, len(tokens)):
            is_last = at + 1 == len(tokens) or tokens[at + 1].word in PREPOSITIONS
            if tokens[at].form == "past" and is_last and tokens[at - 1].word not in PREPOSITIONS | DETERMINERS:
                if tokens[at].base in _REFUSALS and is_entrance(tokens[:end], self._tables):
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
        """Return where a verb is that says what a user does: "User creates a test"."""
        tokens = self._tokens
        for at in range(1, end):
            verb, following = tokens[at], tokens[at + 1 : at + 2]
            if verb.form != "third":
                continue
            if following and following[0].word in DETERMINERS | POSSESSIVES:
                return at  # "A bystander declines the invitation"
            is_sentence = verb.base in self._tables.people["verbs"] or self._phrase_after(at)
            if is_sentence and self._nouns.head(tokens[:at]).name == "user":
                return at
        return None

    def _compound(self) -> Reading | None:
        """Read "User login", "Test deletion", "Policy update"; not "Queued policy update", if no table has "queue"."""
        first = self._tokens[0]
        end = before_preposition(self._tokens)
        is_plan = first.word == "scheduled" and end > 1 and self._nouns.names_action(self._tokens[end - 1].word)
        if is_plan or self._is_unknown_past(first) or (self._is_gerund(first) and not first.is_verb):
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
        return self._finish("noun", last, self._placed(last, action, rest), found, outcome)  # "user_add_to_group"

    def _is_unknown_past(self, token: Token) -> bool:
        """Return whether a word looks like the past form of a verb that no table has."""
        tables = self._tables
        known = token.is_verb or token.word in tables.failure | tables.success | tables.attempt | tables.starts
        return not known and re.search(r"[a-z]{3}ed$", token.word) is not None

    def _is_gerund(self, token: Token) -> bool:
        """Return whether a word is or looks like a verb in -ing, and is no object, as "recording" is."""
        looks = re.search(r"[a-z]{3}ing$", token.word) is not None and (token.word,) not in self._tables.phrases
        return token.form == "gerund" or (looks and token.word not in self._tables.starts)

    def _is_deed(self, start: int, end: int) -> bool:
        """Return whether the words say what is done: "Stopped impersonating user", "Starting export test"."""
        first = self._tokens[start : start + 1]
        words = [singular(token.word) for token in self._tokens[start:end]]
        is_command = any(token.form == "base" for token in first) and self._nouns.longest(words) < len(words)
        return is_command or any(map(self._is_gerund, first))

    # The object of the verb.

    def _build(self, rule: str, at: int, *, passive: bool) -> Reading:
        tokens = self._tokens
        if rule == "imperative" and fails_later(self._tokens, self._tables):
            self._outcome = FAILURE
        verb = tokens[at]
        if verb.base == "mark" and any(token.word == "for" for token in tokens[at + 1 :]):
            return Reading()  # "Group marked for deletion" is a plan
        action = self._action(verb)
        doer = self._nouns.head(tokens[:at]).name
        if rule == "active" and verb.base == "trigger" and doer not in {"", "user"}:
            return Reading()  # "The page triggered an alert"
        outcome = self._outcome or (SUCCESS if verb.form == "past" else UNKNOWN)
        if verb.base in self._tables.people["verbs"]:
            return self._of_people(rule, at, action, outcome)
        start = self._after_coordinated(at)
        if passive:
            end = at
            while end > 0 and (tokens[end - 1].word in ABLE or self._tells_how(tokens[end - 1])):
                end -= 1  # "test could not be"
            if action == "update" and tokens[0].word == "setting" and before_preposition(tokens[:end]) > 1:
                return self._finish(rule, verb, action, Found("setting", "setting"), outcome)  # "Setting X was changed"
            found = self._nouns.subject(tokens[:end], [])
            behind = tokens[at + 1 : at + 2]
            if found is None and behind and behind[0].word in {"for", "of"}:
                found = self._nouns.subject(tokens[:end], tokens[at + 1 :])  # "Email address changed for user"
            if any(tokens[place].form == "third" and not self._is_noun(place) for place in range(end - 1)):
                found = None  # "Logs in a folder were deleted", but not "Access lists of a folder were deleted"
            if found is None and tokens[at + 1 : at + 2] == [Token("as")]:
                found = self._newcomer(tokens[at + 2 :], of={"user"})  # "Ann was added as a member of the group"
            if action in {"assign", "revoke", "reject", "send"} and self._phrase_after(at):  # "was granted access"
                found = self._nouns.subject(tokens[start : start + before_preposition(tokens[start:])], [])
        else:
            if tokens[start : start + 1] == [Token("to")]:
                start += 2  # "requested to transfer project"
            if rule == "present" and tokens[start : start + 1] == [Token("of")]:
                start += 1  # "Moving of the test"
            end = start + before_preposition(tokens[start:])
            found = self._nouns.subject(tokens[start:end], tokens[end:])
            if action in {"start", "stop"} and self._is_deed(start, end):
                return self._finish(rule, verb, action, None, outcome)  # "Stopped impersonating user"
            if start == end and rule == "active":
                found = self._nouns.subject(tokens[:at], [])
                if doer == "user" and tokens[at - 1].word in HAVE:
                    found = None  # "User has authorized"
                if at == 0 and self._placed(verb, "", tokens[1:]):
                    found = self._newcomer(tokens[2:], of=_PLACES_OF_PEOPLE)
            elif start == len(tokens):  # "A token fails to create"
                end = next((place for place, token in enumerate(tokens) if self._tells_how(token)), 0)
                found = self._nouns.subject(tokens[:end], [])
                found = None if found and found.name == "user" else found
            elif found is None and any(token.word in POSSESSIVES for token in tokens[start:end]):
                owner = self._nouns.head(tokens[:at])  # "User changed their email"
                is_only_part = self._nouns.head(tokens[start:end]).is_only_part
                found = replace(owner, part=PROPERTY) if is_only_part and owner.name else None
        action = self._placed(verb, action, tokens[at + 1 :])
        if action == "send" and (found is None or found.name != "invitation"):
            phrase = tokens[:end] if passive and not self._phrase_after(at) else tokens[start:]
            phrase = phrase[: before_preposition(phrase)]
            if phrase and singular(phrase[-1].word) == "email":
                found = Found("message", "email")  # "Alert email sent"
        if action == "update" and found is not None and found.part == PROPERTY:
            action = self._new_state(at) or action
        return self._finish(rule, verb, action, found, outcome)

    def _new_state(self, at: int) -> str:
        """Return "disable" for "Changed test status to disabled" and the like."""
        tokens = self._tokens
        to = next((place for place in range(at + 1, len(tokens)) if tokens[place].word == "to"), len(tokens))
        if to + 2 != len(tokens) or not any(token.word in _STATES for token in tokens):
            return ""
        last = tokens[-1]
        action = _STATE_WORDS.get(last.word) or (self._action(last) if last.form == "past" else "")
        return action if action in _TO_STATES else ""

    def _of_people(self, rule: str, at: int, action: str, outcome: str) -> Reading:
        """Read a verb such as "joined" or "logged in", which is about the one who did it, or about what it says."""
        tokens, verb = self._tokens, self._tokens[at]
        name = ""
        if action in ENTRANCES:
            behind = tokens[at + 1 :]
            touched = self._nouns.head(behind[: before_preposition(behind)])
            if verb.base == "authenticate" and touched.name not in {"", "user"}:
                return self._finish(rule, verb, "verify", touched, outcome)  # "Ann authenticated their device"
        elif action == "assign" and (joined := self._joined(tokens[at + 1 :])).name not in {"", "user"}:
            return self._finish(rule, verb, action, joined, outcome)  # "Joined device to domain"
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

    def _finish(self, rule: str, verb: Token, action: str, found: Found | None, outcome: str) -> Reading:
        without = Reading(action, UNCLASSIFIED, outcome, f"{rule}: {verb.word}")
        if found is None and action in {"impersonate", "invite"}:
            return replace(without, object="user")  # "Ann was invited"
        if found is None:
            return without
        if verb.base in _REFUSALS and found.name == "permission":
            return Reading()  # "Access denied" does not say of what
        if found.name == "user" and found.phrase in _MAIL and action != "update":
            return without  # "Email opened" is about a message
        if found.part and action == "send" and found.name != "invitation":
            return without  # "Alert status sent"
        if action == "send" and found.name == "test":
            return without  # "Notification test sent"
        action = self._tables.combinations.get(verb.base, {}).get(found.name, action)
        if action == "update" and found.of not in {"", "user"}:
            return Reading(
                action, found.of, outcome, f"{rule}: {verb.word} / {found.phrase}"
            )  # "Project owner changed"
        if (found.part == DEED and action not in {"cancel", "request"}) or (found.part == THING and action in _SWITCHES):
            return without  # "Data export enabled", "User impersonation started", "User registration disabled"
        if found.part and action in _LOOSE:
            if found.part == THING:
                return without  # "Test run deleted", "Site profile deleted"
            action = "update"
        return Reading(action, found.name, outcome, f"{rule}: {verb.word} / {found.phrase}")

    def _action(self, token: Token) -> str:
        return self._tables.action_of.get(token.base, "")

    def _placed(self, verb: Token, action: str, rest: Sequence[Token]) -> str:
        """Return the action of a verb with its preposition: "added to", "removed from", "sent to trash"."""
        places = self._tables.places.get(verb.base, {})
        for token, following in zip(rest, [*rest[1:], Token("")], strict=False):
            if (special := places.get(f"{token.word} {following.word}")) is not None:
                return special
            if token.word in places and self._is_everywhere(rest, token):
                continue  # "added to the system"
            is_infinitive = token.word == "to" and following.form == "base"
            if token.word in places and not (is_infinitive and (following.word,) not in self._tables.phrases):
                return places[token.word]
        return action

    @staticmethod
    def _is_everywhere(rest: Sequence[Token], preposition: Token) -> bool:
        """Return whether the place is the whole product."""
        words = [token.word for token in rest[rest.index(preposition) + 1 :] if token.word not in DETERMINERS]
        return words[:1] in (["system"], ["platform"], ["product"])

    def _after_coordinated(self, at: int) -> int:
        """Return where the words after the verb begin. A second verb is skipped: "Disable/pause configuration"."""
        tokens = self._tokens
        at += 1
        while at + 1 < len(tokens) and tokens[at].word in CONJUNCTIONS and tokens[at + 1].is_verb:
            at += 2
        return at

    def _phrase_after(self, at: int) -> bool:
        """Return whether a noun phrase that is more than a name follows directly."""
        rest = self._tokens[self._after_coordinated(at) :]
        words = rest[: before_preposition(rest)]
        return any(not token.named for token in words) and words[0].word not in CONJUNCTIONS
