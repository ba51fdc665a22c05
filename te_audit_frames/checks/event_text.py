"""The grammar of event texts: what was done, to what, and whether it worked.

A text is read as a short English clause: passive ("Test deleted."), active ("Deleted test", "User deleted test"),
imperative ("Delete test") or a compound ("Test deletion", "User login"). All words are looked up in tables; a word that
no table has is never guessed at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

UNCLASSIFIED = "unclassified"
SUCCESS, FAILURE, UNKNOWN = "success", "failure", "unknown"

_BE = frozenset("is are was were be been being got gets".split())
_HAVE = frozenset("has have had".split())
_NOT = frozenset(
    "not never cannot can't couldn't wasn't weren't isn't aren't unable didn't doesn't don't won't hasn't haven't".split()
)
_PREPOSITIONS = frozenset(
    "to from of for in on at by with without via using through into onto as after before during when while because due "
    "over under against within per between that which who whose whether how what where if upon toward towards about across".split()
)
_DETERMINERS = frozenset(
    "a an the this these those their his her its your my our all any some each every another other multiple several new "
    "existing current own many".split()
)
_POSSESSIVES = frozenset("their his her its own".split())
_CONJUNCTIONS = frozenset({"and", "or", "/", ",", "&"})
_ADVERBS = frozenset("hard now again also then just auto self soft bulk".split())
# After a negation: what only says that something was not possible.
_ABLE = frozenset("authorized authorised allowed permitted able be been to could have".split())
_REFUSALS = frozenset({"block", "reject", "deny", "refuse"})
_ENTRANCES = frozenset({"login", "logout"})
_LOOSE = frozenset({"create", "delete", "assign", "revoke"})

_SUFFIX = re.compile(r"\s*\(([^()]*)\)\s*$")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^][]*\]|\{[^{}]*\}")
_QUOTED = re.compile(r'"[^"]*"|(?<!\w)\'[^\']*\'(?!\w)|`[^`]*`|<[^<>]*>')
_BREAK = re.compile(r"\s*[:;]\s+|\s+-+\s+|[.!?]\s+")
_WORD = re.compile(r"[^\W_]+(?:[-._@':+\\]+[^\W_]+)*_*|[/,&]")


@dataclass(frozen=True)
class Reading:
    """What a text says.

    Attributes
    ----------
    action, object : str
        Both `UNCLASSIFIED` if no rule knows the action, the object alone if no rule knows what was touched.
    outcome : str
        `SUCCESS`, `FAILURE` or `UNKNOWN`.
    rule : str
        The form of the clause, its word for the action, and the words for the object.
    """

    action: str = UNCLASSIFIED
    object: str = UNCLASSIFIED
    outcome: str = UNKNOWN
    rule: str = UNCLASSIFIED


@dataclass(frozen=True)
class Tables:
    """The words that the grammar knows, in the form in which `vocabulary.toml` has them."""

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
        """Every form of every verb: its base and whether it is base, past, third or gerund."""
        forms: dict[tuple[str, ...], tuple[str, str]] = {}
        for verbs in self.actions.values():
            for base in verbs:
                first, *rest = base.split()
                past = [str(word) for word in self.past.get(base, self.past.get(first, [_past(first)]))]
                gerund = past[0][:-2] + "ing" if past[0].endswith("ed") and first[-1] != "e" else _gerund(first)
                if past[0].endswith("ied"):
                    gerund = first + "ing"
                for word, form in [(first, "base"), (_third(first), "third"), (gerund, "gerund")]:
                    forms.setdefault((word, *rest), (base, form))
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
        """The object that each phrase names, its words in the singular."""
        return {
            tuple(map(singular, phrase.split())): name for name, phrases in self.objects.items() for phrase in phrases
        }

    @cached_property
    def property_phrases(self) -> frozenset[tuple[str, ...]]:
        """The phrases that name a property, their words in the singular."""
        return frozenset(tuple(map(singular, phrase.split())) for phrase in self.properties["nouns"])

    @cached_property
    def fixed(self) -> frozenset[tuple[str, ...]]:
        """Phrases with a preposition inside, which are kept together before the clause is cut at prepositions."""
        return frozenset(phrase for phrase in self.phrases if _PREPOSITIONS & set(phrase[:-1]))

    @cached_property
    def hyphened(self) -> frozenset[tuple[str, str]]:
        """Pairs of words that may be written with a hyphen."""
        known = [*self.phrases, *self.property_phrases, *self.verbs]
        return frozenset(pair for words in known for pair in zip(words, words[1:], strict=False))

    @cached_property
    def adjectives(self) -> frozenset[str]:
        """Forms of verbs that also stand before a noun."""
        return frozenset(self.words["adjectives"])

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
        """Words that leave open how it ended."""
        return frozenset(self.words["attempt"])

    @cached_property
    def folded_texts(self) -> dict[str, Reading]:
        """The readings of whole texts."""
        return {
            fold(text): Reading(
                said.get("action", UNCLASSIFIED), said.get("object", UNCLASSIFIED), said.get("outcome", UNKNOWN), "text"
            )
            for text, said in self.texts.items()
        }


def fold(text: str) -> str:
    """Remove what makes no difference: case, width, repeated spaces, curly quotes, the final stop.

    Examples
    --------
    >>> from te_audit_frames.checks.event_text import fold
    >>> fold(" Test  Deleted. ")
    'test deleted'
    """
    return _plain(text).casefold()


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    text = re.sub(r"[‐‑–—]", "-", text)  # NFKC leaves dashes apart
    return " ".join(text.split()).rstrip(".! ")


def singular(word: str) -> str:
    """Return a noun without its plural ending.

    Examples
    --------
    >>> from te_audit_frames.checks.event_text import singular
    >>> [singular(word) for word in ("policies", "branches", "tests", "access", "status")]
    ['policy', 'branch', 'test', 'access', 'status']
    """
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


def _gerund(verb: str) -> str:
    return verb[:-1] + "ing" if verb.endswith("e") else verb + "ing"


@dataclass(frozen=True)
class _Token:
    word: str
    base: str = ""  # of a verb
    form: str = ""
    named: bool = False  # looks like somebody's name for something

    @property
    def is_verb(self) -> bool:
        return bool(self.base)


def read(text: str, tables: Tables) -> Reading:
    """Read one event text.

    Parameters
    ----------
    text : str
        As the API sent it.
    tables : Tables
        The words to look up.

    Returns
    -------
    Reading
        `Reading()` if no rule knows the text.
    """
    plain = _plain(text)
    if (known := tables.folded_texts.get(plain.casefold())) is not None:
        return known
    suffixes = []
    while found := _SUFFIX.search(plain):
        suffixes.append(found.group(1))
        plain = plain[: found.start()].rstrip(".")
    if (known := tables.folded_texts.get(plain.casefold())) is not None:
        return known
    plain = _BRACKETS.sub(" ", _QUOTED.sub(" ", plain))
    if " ".join(plain.split()).casefold() in tables.words["failed_logins"]:
        return Reading("login", "user", FAILURE, f"words: {plain.casefold()}")
    if " " not in plain:
        plain = re.sub(r"[._]", " ", plain)  # a key, such as "user.login"
    head, *tails = _BREAK.split(plain)
    afterwords = [*tails, *suffixes]
    reading = _Clause(_tokens(head, tables), tables).read()
    if reading.action == UNCLASSIFIED and tails:
        reading, afterwords = _Clause(_tokens(" ".join([head, *tails]), tables), tables).read(), suffixes
    outcome = _outcome_of(afterwords, tables)
    if reading.action != UNCLASSIFIED and outcome is not None and reading.outcome != FAILURE:
        return Reading(reading.action, reading.object, outcome, reading.rule)
    return reading


def _outcome_of(afterwords: Sequence[str], tables: Tables) -> str | None:
    """Return what a part after the clause says first: "Login: failed", "Create users - finished"."""
    for part in afterwords:
        first = next(iter(part.casefold().split()), "")
        if first in tables.failure:
            return FAILURE
        if first in tables.success:
            return SUCCESS
    return None


def _tokens(text: str, tables: Tables) -> list[_Token]:
    words: list[tuple[str, bool]] = []
    lower = not text.istitle()
    for position, raw in enumerate(_WORD.findall(text)):
        word = re.sub(r"'s?$", "", raw.casefold()) if raw.casefold() not in _NOT else raw.casefold()
        parts = word.split("-")
        if parts[-1] == "only":
            continue  # "read-only", "view-only"
        if len(parts) > 1 and parts[0] in {"de", "re", "un"}:
            words.append(("".join(parts), False))
        elif len(parts) > 1 and all(
            (a, singular(b)) in tables.hyphened or (a, b) in tables.hyphened
            for a, b in zip(parts, parts[1:], strict=False)
        ):
            words.extend((part, False) for part in parts)
        else:
            capital = position > 0 and lower and raw[0].isupper() and not raw.isupper()
            words.append((word, capital or bool(re.search(r"[-\d@._:\\]", word))))
    return list(_merge(words, tables))


def _merge(words: list[tuple[str, bool]], tables: Tables) -> Iterator[_Token]:
    """Join the words of verbs such as "logged in" and of phrases such as "agent to server test"."""
    at = 0
    while at < len(words):
        for length in (5, 4, 3, 2):
            run = tuple(word for word, _ in words[at : at + length])
            if len(run) == length and tuple(map(singular, run)) in tables.fixed:
                yield _Token(" ".join(run))
                break
            if len(run) == length and run in tables.verbs:
                yield _Token(" ".join(run), *tables.verbs[run])
                break
        else:
            word, named = words[at]
            base, form = tables.verbs.get((word,), ("", ""))
            yield _Token(word, base, form, named and not base)
            length = 1
        at += length


class _Clause:
    """One clause and the search for its verb and object."""

    def __init__(self, tokens: list[_Token], tables: Tables) -> None:
        self._tables = tables
        self._outcome: str | None = None
        self._tokens = [token for token in tokens if not self._is_noise(token)]
        self._all = {token.word for token in tokens}

    def _is_noise(self, token: _Token) -> bool:
        word = token.word
        known = word in self._tables.success or word in self._tables.failure
        return (word.endswith("ly") and not known) or word in _ADVERBS

    def read(self) -> Reading:
        self._strip_outcome()
        tokens = self._tokens
        if not tokens or self._is_double():
            return Reading()
        for find in (self._infinitive, self._with_auxiliary, self._finite, self._present, self._compound):
            if (reading := find()) is not None:
                return reading
        return Reading()

    # The words around the clause that say how it ended.

    def _strip_outcome(self) -> None:
        """Take the outcome off both ends: "Failed login", "Login attempt failed", "Success change password"."""
        tables = self._tables
        self._tokens = list(self._denied(self._tokens))
        while self._tokens and (self._tokens[0].word in tables.success or self._leads_with_failure()):
            is_finite = any(self._tokens[at].form == "past" for at in range(2, self._cut(self._tokens)))
            if not is_finite:  # "Failed login", but "Failed login report created"
                self._outcome = SUCCESS if self._tokens[0].word in tables.success else FAILURE
            self._tokens = self._tokens[1:]
        # In the middle: "Login failed for user", "A password reset fails for a user".
        end = self._cut(self._tokens)
        rest = self._tokens[end:]
        head = self._tokens[:end]
        while len(head) > 1:
            token = head[-1]
            if token.word in tables.failure and not (token.is_verb and not self._is_entrance(head[:-1])):
                self._outcome = FAILURE
            elif token.word in tables.success:
                self._outcome = self._outcome or SUCCESS
            elif token.word in _BE | _HAVE and self._outcome:
                pass
            else:
                break
            head = head[:-1]
        if rest and rest[0].word == "to" and self._outcome == FAILURE and len(head) < end:
            self._tokens = [*head, _Token("failed"), *rest]
        else:
            self._tokens = [*head, *rest]
        # "successfully" says so wherever it stands.
        if self._outcome is None and any(token.word == "successfully" for token in self._tokens):
            self._outcome = SUCCESS
        if any(token.word == "unsuccessfully" for token in self._tokens):
            self._outcome = FAILURE
        adverbs = {"successfully", "unsuccessfully"}
        self._tokens = [token for token in self._tokens if token.word not in adverbs]

    def _denied(self, tokens: Sequence[_Token]) -> Iterator[_Token]:
        """Read "not successful" as one word for a failure."""
        skip = False
        for token, following in zip(tokens, [*tokens[1:], _Token("")], strict=False):
            if token.word in _NOT and following.word in self._tables.success:
                yield _Token("failed")
                skip = True
            elif not skip:
                yield token
            else:
                skip = False

    def _fails_later(self) -> bool:
        """Whether a failure is told behind a preposition: "Login of the user failed"."""
        tokens = self._tokens
        for token, following in zip(tokens, [*tokens[1:], _Token("to")], strict=False):
            if token.word in self._tables.failure and following.word in _PREPOSITIONS:
                return True
        return False

    def _leads_with_failure(self) -> bool:
        first, *rest = self._tokens
        if first.word not in self._tables.failure:
            return False
        if first.word in {"invalid", "incorrect"} or first.is_verb:
            # "Denied login" failed, "Denied request" is a refusal that worked.
            end = self._cut(rest)
            return bool(rest[:end]) and self._is_entrance(rest[:end])
        return bool(rest)

    def _is_entrance(self, tokens: Sequence[_Token]) -> bool:
        """Whether the tokens name a log-in or log-out, or an attempt at one."""
        names = [token for token in tokens if token.word not in self._tables.attempt | _BE | _HAVE]
        if not names:
            return False
        last = names[-1]
        return self._tables.action_nouns.get(last.word) in _ENTRANCES or (
            self._tables.action_of.get(last.base) in _ENTRANCES and last.form == "base"
        )

    def _is_double(self) -> bool:
        """Whether the text says two different things: "Enabled/disabled backup", "changed … and signed in"."""
        tokens = self._tokens
        for at, token in enumerate(tokens):
            if token.word not in _CONJUNCTIONS:
                continue
            before = {self._action(other) for other in tokens[:at] if other.form in {"past", "base"}}
            following = tokens[at + 1] if at + 1 < len(tokens) else None
            after = [other for place, other in enumerate(tokens) if place > at and self._is_finite(place)]
            if following is not None and following.form in {other.form for other in tokens[:at] if other.is_verb}:
                after.append(following)
            if token.word == "and" and not after:
                continue
            if any(other.form == "past" for other in tokens[:at]) or (tokens and tokens[0].form == "base"):
                if after and before and {self._action(other) for other in after} - before:
                    return True
        return False

    def _is_finite(self, at: int) -> bool:
        """Whether a past form is a verb here, and not an adjective: "and shared", but "and shared folder"."""
        token = self._tokens[at]
        following = self._tokens[at + 1].word if at + 1 < len(self._tokens) else "to"
        is_adjective = token.word in self._tables.adjectives and following not in _PREPOSITIONS | _CONJUNCTIONS
        return token.form == "past" and not is_adjective

    # The forms of a clause.

    def _infinitive(self) -> Reading | None:
        """Read "failed to delete", "could not be created", "not authorized to update", "attempted to sign in"."""
        tokens = self._tokens
        for at, token in enumerate(tokens):
            following = tokens[at + 1].word if at + 1 < len(tokens) else ""
            failed = token.word in _NOT or (token.word in self._tables.failure and following == "to")
            tried = token.word in self._tables.attempt and following == "to"
            if token.word == "to" and at == 0 and self._outcome == FAILURE:
                failed = True
            if (not failed and not tried) or any(self._is_finite(place) for place in range(at)):
                continue  # nor in "Changed whether users can be found when not invited"
            verb = at + 1 if token.word != "to" else at
            while verb < len(tokens) and (
                tokens[verb].word in _ABLE or (tokens[verb].word in _BE) or tokens[verb].word in self._tables.attempt
            ):
                verb += 1
            if verb >= len(tokens) or not tokens[verb].is_verb:
                return Reading() if failed else None
            self._outcome = FAILURE if failed else UNKNOWN
            is_passive = tokens[verb].form == "past"
            return self._build("negated" if failed else "attempt", verb, passive=is_passive)
        return None

    def _with_auxiliary(self) -> Reading | None:
        """Read "was deleted", "has been deleted", "is deleting", "has deleted"."""
        tokens = self._tokens
        for at, token in enumerate(tokens[:-1]):
            following = tokens[at + 1]
            if token.word in _BE and following.form in {"past", "gerund"}:
                if following.base in _REFUSALS and self._is_entrance(tokens[:at]):
                    self._outcome = FAILURE
                    return self._named(at)
                if following.form == "gerund":
                    self._outcome = self._outcome or UNKNOWN
                    return self._build("present", at + 1, passive=False)
                return self._build("passive", at + 1, passive=True)
            if token.word in _HAVE and following.form == "past":
                return self._build("active", at + 1, passive=not self._phrase_after(at + 1))
            if token.word in _BE and following.word in {"made", "set"}:
                return Reading()
        return None

    def _finite(self) -> Reading | None:
        """Read "Deleted test", "Test deleted", "User deleted test" and "Delete test"."""
        tokens = self._tokens
        first = tokens[0]
        end = self._cut(tokens)
        past = [at for at, token in enumerate(tokens[:end]) if token.form == "past"]
        if len(past) > 1:  # "password reset" is a noun where there is another verb
            past = [at for at in past if tokens[at].word != tokens[at].base] or past
        last = past[-1] if past and past[-1] == end - 1 and past[-1] > 0 else None
        if first.form == "past":
            if last is not None and first.word in self._tables.adjectives:
                return self._build("passive", last, passive=True)
            if last is not None:
                return Reading()
            return self._build("active", 0, passive=False)
        if first.form == "base" and self._is_imperative(end, past):
            return self._build("imperative", 0, passive=False)
        if not past:
            return self._late(end)
        verb = past[0]
        if len(past) > 1 and last is not None and (tokens[verb].word in self._tables.adjectives | {tokens[verb].base}):
            verb = last  # "Password reset requested"
        if tokens[verb].base in _REFUSALS and self._is_entrance(tokens[:verb]):
            self._outcome = FAILURE
            return self._named(verb)
        if tokens[verb].word == "requested" and verb + 1 < len(tokens) and tokens[verb + 1].word == "to":
            return self._build("active", verb, passive=False)
        passive = not self._phrase_after(verb)
        return self._build("passive" if passive else "active", verb, passive=passive)

    def _is_imperative(self, end: int, past: Sequence[int]) -> bool:
        """Whether the first word is a command, and not a noun: "View dashboard", but "View permission changed"."""
        first, rest = self._tokens[0], self._tokens[1:end]
        if not rest or self._action(first) in _ENTRANCES:
            return False
        if rest[-1].form == "past":
            return False  # "Update scheduled"
        if (singular(first.word),) not in self._tables.phrases:
            return True
        words = [singular(token.word) for token in rest if token.word not in _DETERMINERS]
        is_compound = self._longest([singular(first.word), *words]) > len(words)
        return not past and not is_compound and (len(words) < len(rest) or self._longest(words) == len(words))

    def _late(self, end: int) -> Reading | None:
        """Read a verb behind a preposition: "Password of the user changed"."""
        tokens = self._tokens
        if self._is_entrance(tokens[:end]) or end == 0:
            return None
        for at in range(end + 1, len(tokens)):
            is_last = at + 1 == len(tokens) or tokens[at + 1].word in _PREPOSITIONS
            if tokens[at].form == "past" and is_last and tokens[at - 1].word not in _PREPOSITIONS | _DETERMINERS:
                return self._build("passive", at, passive=True)
        return None

    def _present(self) -> Reading | None:
        """Read "User creates a test", "Deleting test failed"."""
        tokens = self._tokens
        if tokens[0].form == "gerund":
            return self._build("present", 0, passive=False)
        for at, token in enumerate(tokens[1:], start=1):
            if token.form == "third" and self._object(tokens[:at]) == "user" and self._phrase_after(at):
                self._outcome = self._outcome or UNKNOWN
                return self._build("present", at, passive=False)
        return None

    def _compound(self) -> Reading | None:
        """Read "User login", "Test deletion", "Policy update"."""
        return self._named(self._cut(self._tokens))

    def _named(self, end: int) -> Reading | None:
        tokens = list(self._tokens[:end])
        tried = False
        while tokens and tokens[-1].word in self._tables.attempt | _BE | _HAVE:
            tried = tried or tokens[-1].word in self._tables.attempt
            tokens.pop()
        if not tokens:
            return None
        last = tokens[-1]
        noun = self._tables.action_nouns.get(last.word)
        action = noun or (self._tables.action_of.get(last.base) if last.form in {"base", "gerund"} else None)
        if action is None:
            return None
        if self._fails_later():
            self._outcome = FAILURE
        if action in _ENTRANCES:
            if any(token.word in self._tables.failure for token in tokens):
                self._outcome = FAILURE  # "Too many failed logins"
            happened = last.word not in self._tables.words["not_by_name"] and not tried
            outcome = self._outcome or (SUCCESS if happened else UNKNOWN)
            return Reading(action, "user", outcome, f"noun: {last.word}")
        is_object = self._longest([singular(token.word) for token in tokens]) > 0
        rest = self._tokens[end:]
        of = len(rest) > 0 and rest[0].word == "of"
        if noun is None and (is_object or (len(tokens) < 2 and not of)):
            return None  # "Access request" is a request, "Team invite" an invitation
        outcome = self._outcome or UNKNOWN
        whole = rest[1:] if of else tokens[:-1]  # "Deletion of test", "Test deletion"
        found = self._subject([token for token in whole if token.word not in self._tables.failure], [])
        return self._finish("noun", last, action, found, outcome)

    # What the verb acts upon.

    def _build(self, rule: str, at: int, *, passive: bool) -> Reading:
        tokens = self._tokens
        if rule == "imperative" and self._fails_later():
            self._outcome = FAILURE
        verb = tokens[at]
        action = self._action(verb)
        outcome = self._outcome or (SUCCESS if verb.form == "past" else UNKNOWN)
        if verb.base in self._tables.people["verbs"] and action in _ENTRANCES:
            return Reading(action, "user", outcome, f"{rule}: {verb.word}")
        if verb.base in self._tables.people["verbs"]:
            return Reading(action, "user", outcome, f"{rule}: {verb.word} / user")
        start = self._after_coordinated(at)
        if passive:
            end = at
            while end > 0 and tokens[end - 1].word in _ABLE | _NOT | self._tables.attempt:
                end -= 1  # "test could not be"
            found = self._subject(tokens[:end], [])
            if self._phrase_after(at):  # "was granted access"
                found = self._subject(tokens[start : start + self._cut(tokens[start:])], []) or found
        else:
            if start < len(tokens) and tokens[start].word == "to" and start + 1 < len(tokens):
                start += 2  # "requested to transfer project"
            end = start + self._cut(tokens[start:])
            found = self._subject(tokens[start:end], tokens[end:])
            if found is None and start == end and rule == "active":
                found = self._subject(tokens[:at], [])
            elif found is None and start == len(tokens) and at > 0:  # "A token fails to create"
                found = self._subject(tokens[: self._cut(tokens[:at])], [])
                found = None if found and found[0] == "user" else found
            elif found is None and any(token.word in _POSSESSIVES for token in tokens[start:end]):
                _, is_property, complete = self._head(tokens[start:end])
                owner = self._object(tokens[:at]) if is_property and complete else None
                found = (owner, owner, True) if owner else None  # "User changed their email address"
        action = self._placed(verb, action, tokens[at + 1 :])
        return self._finish(rule, verb, action, found, outcome)

    def _finish(
        self, rule: str, verb: _Token, action: str, found: tuple[str, str, bool] | None, outcome: str
    ) -> Reading:
        if found is None:
            return Reading(action, UNCLASSIFIED, outcome, f"{rule}: {verb.word}")
        name, phrase, is_property = found
        if verb.base in _REFUSALS and name == "permission":
            return Reading()  # "Access denied" does not say of what
        if is_property and action == "send":
            return Reading(action, UNCLASSIFIED, outcome, f"{rule}: {verb.word}")
        action = self._tables.combinations.get(verb.base, {}).get(name, action)
        if is_property and action in _LOOSE:
            if phrase.endswith("…"):  # "Test run deleted", "Site profile deleted"
                return Reading(action, UNCLASSIFIED, outcome, f"{rule}: {verb.word}")
            action = "update"
        return Reading(action, name, outcome, f"{rule}: {verb.word} / {phrase}")

    def _action(self, token: _Token) -> str:
        return self._tables.action_of.get(token.base, "")

    def _placed(self, verb: _Token, action: str, rest: Sequence[_Token]) -> str:
        """Return what a verb means with a place: "added to", "removed from", "sent to trash"."""
        places = self._tables.places.get(verb.base, {})
        for token, following in zip(rest, [*rest[1:], _Token("")], strict=False):
            if (special := places.get(f"{token.word} {following.word}")) is not None:
                return special
            if token.word in places and not (token.word == "to" and following.form == "base"):
                return places[token.word]
        return action

    def _after_coordinated(self, at: int) -> int:
        """Return where the words after the verb begin, past a second verb: "Disable/pause configuration"."""
        tokens = self._tokens
        at += 1
        while at + 1 < len(tokens) and tokens[at].word in _CONJUNCTIONS and tokens[at + 1].is_verb:
            at += 2
        return at

    def _phrase_after(self, at: int) -> bool:
        """Whether a noun phrase follows directly that is more than a name."""
        rest = self._tokens[self._after_coordinated(at) :]
        words = rest[: self._cut(rest)]
        return any(not token.named and token.word not in _CONJUNCTIONS for token in words)

    @staticmethod
    def _cut(tokens: Sequence[_Token]) -> int:
        """Return how many tokens come before the first preposition."""
        return next((at for at, token in enumerate(tokens) if token.word in _PREPOSITIONS), len(tokens))

    def _subject(self, tokens: Sequence[_Token], rest: Sequence[_Token]) -> tuple[str, str, bool] | None:
        """Find the object that a noun phrase names; a property is looked for in the "of …" behind it."""
        tokens = [*tokens, *rest]
        is_property = False
        while tokens:
            end = self._cut(tokens)
            found, prop, complete = self._head(tokens[:end])
            is_property = is_property or prop
            if found is not None:
                return (*found, is_property)
            if not prop or not complete or end == len(tokens) or tokens[end].word not in {"of", "for", "on", "in"}:
                return None
            tokens = tokens[end + 1 :]
        return None

    def _object(self, tokens: Sequence[_Token]) -> str | None:
        found, _, _ = self._head(tokens)
        return found[0] if found else None

    def _head(self, tokens: Sequence[_Token]) -> tuple[tuple[str, str] | None, bool, bool]:
        """Return what the last noun of a phrase names, whether a property of it was meant, and if that was all."""
        parts: list[list[_Token]] = [[]]
        for token in tokens:
            if token.word in _CONJUNCTIONS:
                parts.append([])
            elif token.word not in _BE | _HAVE | _DETERMINERS:
                parts[-1].append(token)
        parts = [part for part in parts if part]
        read = [self._noun(part) for part in parts]
        if not read:
            return None, False, False
        names = {found[0] for found, _, _ in read if found}
        if len(names) == 1 and len(read) > 1:
            return next(found for found, _, _ in read if found), False, False
        if len(read) > 2 and len(names) > 1:
            return None, False, False
        return read[0]

    def _noun(self, tokens: Sequence[_Token]) -> tuple[tuple[str, str] | None, bool, bool]:
        tables = self._tables
        spread = [(singular(word), token) for token in tokens for word in token.word.split()]
        words = [word for word, _ in spread]
        tokens = [token for _, token in spread]
        while words and (tokens[len(words) - 1].named or words[-1].isdigit()) and not self._longest(words):
            words.pop()  # a name, at the end: "project key 0a1b2c"
        is_property = is_action = False
        while len(words) > 1 and tokens[len(words) - 1].form == "past" and not self._longest(words):
            is_action = is_property = is_action or self._names_action(words[-1])
            words.pop()  # "password issued", "roles assigned", "test run"
        while words:
            length = self._longest(words)
            dropped = next((n for n in (3, 2, 1) if tuple(words[-n:]) in tables.property_phrases and n <= len(words)), 0)
            if length and length >= dropped:
                name, phrase = tables.phrases[tuple(words[-length:])], " ".join(words[-length:])
                return (name, f"{phrase} …" if is_action else phrase), is_property, False
            if not dropped and len(words) > 1 and self._names_action(words[-1]):
                dropped, is_action = 1, True
            if not dropped:
                return None, False, False
            is_action = is_action or words[-1] in tables.properties["things"]
            is_property, words = True, words[:-dropped]
        return None, is_property, True

    def _names_action(self, word: str) -> bool:
        """Whether a noun names an action, as in "user deletion requested"."""
        return word in self._tables.action_nouns or self._tables.verbs.get((word,), ("",))[0] == word

    def _longest(self, words: Sequence[str]) -> int:
        return next((n for n in range(min(5, len(words)), 0, -1) if tuple(words[-n:]) in self._tables.phrases), 0)
