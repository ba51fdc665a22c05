"""Event texts, read as short English clauses.

A clause is passive ("Test deleted."), active ("Deleted test", "User deleted test"), imperative ("Delete test") or a
compound ("Test deletion", "User login"). All words are looked up in tables. Words that no table has are never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from te_audit_frames.checks.text.clause import Clause
from te_audit_frames.checks.text.grammar import BE, CONJUNCTIONS, DETERMINERS, HAVE, NOT, PREPOSITIONS
from te_audit_frames.checks.text.noun_phrase import NounPhrases, has_name
from te_audit_frames.checks.text.paraphrase import paraphrase, verb_first
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS, UNCLASSIFIED, UNKNOWN, Reading
from te_audit_frames.checks.text.words import Tables, Token, singular

_SUFFIX = re.compile(r"\s*\(([^()]*)\)\s*$")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^][]*\]|\{[^{}]*\}")
_QUOTED = re.compile(r'"[^"]*"|(?<!\w)\'[^\']*\'(?!\w)|`[^`]*`|<[^<>]*>')
_BREAK = re.compile(r"\s*[:;]\s+|\s+-+\s+|[.!?]\s+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_VERBS = {
    "login": ("log", "in"),
    "logoff": ("log", "off"),
    "logon": ("log", "on"),
    "logout": ("log", "out"),
    "signin": ("sign", "in"),
    "signout": ("sign", "out"),
    "signup": ("sign", "up"),
}
_PREFIXES = frozenset(
    {"auto", "check", "co", "cross", "fail", "follow", "multi", "non", "opt", "post", "pre", "roll", "self", "wake"}
)
"""Prefixes of words with a hyphen that are not names: "auto-delete"."""
_SYLLABLES = frozenset({"de", "re", "un"})
_LAST_VERBS = frozenset({"invite", "share", "view"})
"""Words that are nouns in a sentence, but verbs at the end of a key."""
_BEFORE_VERBS = NOT | {"to"}
_WORD = re.compile(r"[^\W_]+(?:[-._@':+\\]+[^\W_]+)*_*|[/,&]")


def fold(text: str) -> str:
    """Return a text without the differences that have no meaning: case, width, spaces, curly quotes, the final stop.

    Examples
    --------
    >>> from te_audit_frames.checks.text.event_text import fold
    >>> fold(" Test  Deleted. ")
    'test deleted'
    """
    return _plain(text).casefold()


_LONGEST = 1_000
"""Characters of the longest text that is read."""


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    text = re.sub(r"[‐‑–—]", "-", text)  # NFKC leaves dashes apart
    return " ".join(text.split()).rstrip(".! ")


def read(text: str, tables: Tables) -> Reading:
    """Return what one event text says.

    Parameters
    ----------
    text : str
        As the API sent it.
    tables : Tables
        The words to look up.

    Returns
    -------
    Reading
        `Reading()` if no rule knows the text. A text of more than 1,000 characters is read only if ``[texts]`` has it.
    """
    plain = _plain(text)
    if (known := tables.texts.get(plain.casefold())) is not None:
        return _as_said(known)
    if len(plain) > _LONGEST:  # the time would grow with the square of the length
        return Reading()
    suffixes = []
    while found := _SUFFIX.search(plain):
        suffixes.append(found.group(1))
        plain = plain[: found.start()].rstrip(".")
    if (known := tables.texts.get(plain.casefold())) is not None:
        return _as_said(known)
    plain = _BRACKETS.sub(" ", _QUOTED.sub(" ", plain))
    if " ".join(plain.split()).casefold() in tables.words["failed_logins"]:
        return Reading("login", "user", FAILURE, f"words: {plain.casefold()}")
    is_key = " " not in plain
    if is_key:
        plain = _words_of_key(plain, tables)
    head, *tails = _BREAK.split(plain)
    afterwords = [*tails, *suffixes]
    tokens = _tokens(head, tables)
    if is_key:
        tokens = verb_first(tokens, tables)
    reading = Clause(tokens, tables).read()
    if is_key and reading.action == UNCLASSIFIED and len(tokens) > 1 and tokens[-1].word in _LAST_VERBS:
        reading = Clause([tokens[-1], *tokens[:-1]], tables).read()  # "user.invite"
    if reading.action == UNCLASSIFIED and not any(token.form == "past" for token in tokens):  # "Test: deleted"
        whole = _tokens(" ".join([head, *tails]), tables)
        reading, afterwords = Clause(whole, tables).read(), suffixes
        thing = NounPhrases(tables).head(tokens)
        is_done = reading.action != UNCLASSIFIED and whole[-1].form == "past"
        if is_done and reading.object == UNCLASSIFIED and thing.name and not thing.part:
            reading = replace(
                reading, object=thing.name, rule=f"{reading.rule} / {thing.phrase}"
            )  # "Test: Shop deleted"
        if reading.action == UNCLASSIFIED and tails:  # "Billing. Create invoice"
            last = Clause(_tokens(tails[0], tables), tables).read()
            reading = last if last.rule.startswith(("imperative", "active")) else reading
    outcome = _outcome_of(afterwords, tables)
    if reading.action != UNCLASSIFIED and outcome is not None and reading.outcome != FAILURE:
        return Reading(reading.action, reading.object, outcome, reading.rule)
    return reading


def _words_of_key(key: str, tables: Tables) -> str:
    """Return the words of a key, such as "user.login", "DeleteUser" or "token-revoked"."""
    *firsts, last = key.casefold().split("-")
    has_verb = bool(firsts) and firsts[0] not in _SYLLABLES and (last,) in tables.verbs
    if has_verb or re.search(r"[._:/]", key):
        key = re.sub(r"\b(re|un|de)-", r"\1", key, flags=re.IGNORECASE).replace("-", " ")
    return _CAMEL.sub(" ", re.sub(r"[._:/]", " ", key))


def _as_said(known: Mapping[str, str]) -> Reading:
    return Reading(known["action"], known.get("object", UNCLASSIFIED), known.get("outcome", UNKNOWN), "text")


def _outcome_of(afterwords: Sequence[str], tables: Tables) -> str | None:
    """Return the outcome that a part after the clause states: "Login: failed", "Create users - finished"."""
    for part in afterwords:
        first, second = [*part.casefold().split(), "", ""][:2]
        if second and second not in PREPOSITIONS:
            continue  # a name, such as that of a report: "Report created: Failed logins"
        if first in tables.failure:
            return FAILURE
        if first in tables.success:
            return SUCCESS
    return None


def _tokens(text: str, tables: Tables) -> list[Token]:
    words: list[tuple[str, bool]] = []
    raws = _WORD.findall(text)
    small, capital = (sum(map(test, raws[1:])) for test in (str.islower, lambda raw: raw[0].isupper()))
    lower = small > capital
    is_even = small == capital and any(raw in BE | HAVE for raw in raws)  # "Data Center Berlin was deleted"
    is_sentence = any(raw in BE | HAVE | {"to"} for raw in raws)  # "Failed to remove User Ann"
    for position, raw in enumerate(raws):
        word = re.sub(r"'s?$", "", raw.casefold()) if raw.casefold() not in NOT else raw.casefold()
        parts = word.split("-")
        if parts[-1] == "only" or parts == ["built", "in"]:
            continue  # "read-only", "view-only"
        if word in _VERBS and words and words[-1][0] in _BEFORE_VERBS:
            words.extend((part, False) for part in _VERBS[word])
        elif len(parts) > 1 and parts[0] in _SYLLABLES:
            words.append(("".join(parts), False))
        elif len(parts) > 1 and all((a, singular(b)) in tables.hyphened for a, b in pairwise(parts)):
            words.extend((part, False) for part in parts)
        else:
            before = raws[position - 1] if position else ""
            follows_noun = before.islower() and before not in PREPOSITIONS | DETERMINERS | CONJUNCTIONS | BE | HAVE
            is_unknown = singular(word) not in tables.words_of_phrases and (word,) not in tables.verbs
            is_odd = is_unknown and (is_even or (is_sentence and has_name(before, tables)))
            is_capital = position > 0 and (lower or is_odd or follows_noun) and raw[0].isupper() and not raw.isupper()
            is_compound = len(parts) == 2 and parts[0] in _PREFIXES
            named = bool(re.search(r"[-\d@._:\\]", word)) and not is_compound
            words.append((word, is_capital or named))
    return paraphrase(list(_merge(words, tables)), tables)


def _merge(words: list[tuple[str, bool]], tables: Tables) -> Iterator[Token]:
    """Join the words of verbs such as "logged in" and of phrases such as "agent to server test"."""
    at = 0
    while at < len(words):
        for length in (4, 3, 2):
            run = tuple(word for word, _ in words[at : at + length])
            if tuple(map(singular, run)) in tables.fixed:
                yield Token(" ".join(run))
                break
            if len(run) > 1 and run in tables.verbs:
                yield Token(" ".join(run), *tables.verbs[run])
                break
        else:
            word, named = words[at]
            base, form = tables.verbs.get((word,), ("", ""))
            yield Token(word, base, form, named and not base)
            length = 1
        at += length
