"""Event texts and types of resources without the names in them.

An event text can hold anything: "User jane@example.com added", "Report 'Jane's week' deleted". The words of the
vocabulary stay, since they say what happened. All others are replaced, one pseudonym for each group of them, so that
neither first names nor surnames can be counted on their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache

from te_audit_frames.checks.text import grammar
from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.words import singular
from te_audit_frames.exchange.keyed import Keyed


def _split(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MORE = _split(
    """
    api app apps cookie display failed host https interactive me no remember saml set sso succeeded timed title too
    under via yes ipv4 ipv6 oauth oauth2 2fa 2-step ec2 s3 let enough longer more than only ever it made make but such
    does conducted performed queued made yaml json blocked denied prevented prohibited restricted
    """
)
"""Words of event texts that are in no table, such as those of "User Login (Remember-me cookie)"."""

_NAMES = _split(
    """
    art bank banks bean bill booth branch brand bush case chart clay cook court day dean drew duo field fields flowers
    ford free gate gates glass grade grant grants graves green hall hill hook house hunter jack job joy key keys kit
    lake lan lane law link little lock long love mac major mark marks mason master masters may miles moon noble page
    pages park parent pat pike pope power powers price ray reading rich ring robot root rose sage second sharp shell
    shift short singer son spring stack staff stage star stone story strong summer swift temple trainer van ward watch
    water west white wise wood worth young
    """
)
"""Words that are first names or surnames too. Capitalised, they are taken for names."""

_CHARACTER = r"[^\t\n\r !-/:-@\[-`{-~\xa0\u2013\u2014\u2018\u2019\u201c\u201d\u2026]"
"""What words are made of: all but spaces, ASCII punctuation, and the dashes, quotation marks and dots of typographers.

Marks, symbols and control characters are among it, because they can be a part of names.
"""

_JOINER = r"[-._@':+\\/&%#$*=~\u2018\u2019]"
_WORD = re.compile(rf"{_CHARACTER}(?:(?:{_CHARACTER}|{_JOINER})*{_CHARACTER})?")
_QUOTED = re.compile(
    r'"[^"]*"|(?<!\w)\'[^\']*\'(?!\w)|`[^`]*`|<[^<>]*>|\u201c[^\u201c\u201d]*\u201d|\u2018[^\u2018\u2019]*\u2019(?!\w)'
)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|[-_. ]+|[^-A-Za-z_. ]+")


def pseudonymize_text(text: str, keyed: Keyed) -> str:
    """Return an event text with pseudonyms for the words that can be names.

    Of several ways to replace them, the first is taken that leaves the class of the event as it was: with and without
    the words that only look like names because they are capitalised, quoted, or after a colon.

    Parameters
    ----------
    text : str
        As the API sent it.
    keyed : Keyed
        The key.

    Returns
    -------
    str
        The same text if all its words are in the vocabulary, and none looks like a name.

    Examples
    --------
    >>> from te_audit_frames.exchange.keyed import Keyed
    >>> from te_audit_frames.exchange.pseudonym_texts import pseudonymize_text
    >>> keyed = Keyed("for an example only, never for real")
    >>> pseudonymize_text("User Login (Remember-me cookie)", keyed)
    'User Login (Remember-me cookie)'
    >>> pseudonymize_text("User jane@example.com added.", keyed)
    'User x-... added.'
    """
    tables = load_vocabulary()
    original = None
    first = ""
    for candidate in _candidates(text, keyed):
        if candidate == text:
            return text
        original = original or read(text, tables)
        reading = read(candidate, tables)
        if (reading.action, reading.object, reading.outcome) == (original.action, original.object, original.outcome):
            return candidate
        first = first or candidate
    return first


def pseudonymize_type(text: str, keyed: Keyed) -> str:
    """Return the type of a resource, such as ``testName``, with a pseudonym for the words that are in no vocabulary."""
    parts: list[str] = []
    unknown = ""
    for part in [*_CAMEL.findall(text), ""]:
        if part and not (_is_known(part) or part.strip("-_. ") == ""):
            unknown += part
            continue
        if unknown:
            parts.append(f"X{keyed.word('type', unknown)}")
            unknown = ""
        parts.append(part)
    return "".join(parts)


def _candidates(text: str, keyed: Keyed) -> Iterator[str]:
    """Yield the text with names replaced: first all that may be names, then only what is not in the vocabulary."""
    words = list(_WORD.finditer(text))
    unknown = [not _is_known(word[0]) for word in words]
    phrases = _in_phrases(words)
    certain = [each or (at not in phrases and _is_listed(words, at)) for at, each in enumerate(unknown)]
    for flags in (_with_doubtful(text, words, certain, phrases), certain):
        spans = _spans(text, words, flags)
        for form in ("x-{}", "x{}"):
            yield _replaced(text, spans, keyed, form)
    if not re.search(r"\s", text):
        yield pseudonymize_type(text, keyed)  # a key, such as "PauseConnector" or "test.deleted"


def _spans(text: str, words: Sequence[re.Match[str]], flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where names begin and end. Names with only white space between them are one."""
    spans: list[tuple[int, int]] = []
    for word, flag in zip(words, flags, strict=True):
        if not flag:
            continue
        if spans and not text[spans[-1][1] : word.start()].strip():
            spans[-1] = (spans[-1][0], word.end())
        else:
            spans.append(word.span())
    return spans


def _replaced(text: str, spans: Sequence[tuple[int, int]], keyed: Keyed, form: str) -> str:
    parts, end = [], 0
    for start, stop in spans:
        token = form.format(keyed.word("text", text[start:stop]))
        parts += [text[end:start], token.capitalize() if text[start].isupper() else token]
        end = stop
    return "".join([*parts, text[end:]])


def _with_doubtful(text: str, words: Sequence[re.Match[str]], certain: Sequence[bool], phrases: set[int]) -> list[bool]:
    """Mark also the known words that may be somebody's names: quoted, after a colon, capitalised within a sentence."""
    later = [word[0] for word in words[1:]]
    in_sentence = sum(word.islower() for word in later) > sum(word[0].isupper() for word in later)
    tail = text.find(": ")
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    flags = list(certain)
    for at, word in enumerate(words):
        capital = at > 0 and word[0][0].isupper() and not word[0].isupper() and at not in phrases
        flags[at] = (
            flags[at]
            or (capital and (in_sentence or flags[at - 1]))
            or 0 <= tail < word.start()
            or any(start <= word.start() < end for start, end in quoted)
        )
    return flags


def _is_listed(words: Sequence[re.Match[str]], at: int) -> bool:
    word = words[at][0]
    return at > 0 and word[0].isupper() and word.casefold() in _NAMES


def _in_phrases(words: Sequence[re.Match[str]]) -> set[int]:
    """Return the positions of words that belong to a phrase of the vocabulary, such as "Account Group"."""
    folded = [singular(word[0].casefold()) for word in words]
    found: set[int] = set()
    for at in range(len(folded)):
        for length in (2, 3, 4):
            if tuple(folded[at : at + length]) in _phrases():
                found.update(range(at, at + length))
    return found


def _is_known(word: str) -> bool:
    folded = re.sub(r"['\u2019]s?$", "", word.casefold())
    if folded in _words():
        return True
    return all(part in _words() or singular(part) in _words() for part in re.split(rf"{_JOINER}+", folded))


@cache
def _phrases() -> frozenset[tuple[str, ...]]:
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
