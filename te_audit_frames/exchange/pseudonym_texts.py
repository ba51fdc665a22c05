"""Event texts and types of resources, with pseudonyms in place of names.

An event text can hold anything: "User jane@example.com added", "Report 'Jane's week' deleted". The words of the
vocabulary stay, since they describe what happened, unless they may be names. All others are replaced. Neighbouring
words get one pseudonym together, so that neither first names nor surnames can be counted on their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from te_audit_frames.checks.text import grammar
from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.words import singular
from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.exchange.pseudonym_words import JOINER, finite, is_known, phrases, split_words

_NAMES = split_words(
    """
    art bank banks bean bill booth branch brand bush butler case cash chart clay cook court cross day dean drew duo
    field fields flowers ford free gate gates glass grade grant grants graves green hall hill hook house hunt hunter
    jack job joy key keys kit lake lan lane law link little lock long love mac major mark marks mason master masters
    may miles moon noble page pages park parent pat pike pope power powers price ray reading rich ring robot root rose
    sage second sharp shell shift short singer son spring stack staff stage star stone story street strong summer swift
    temple trainer van ward watch water west white wise wood worth young
    """
)
"""Words that are also first names or surnames. If they are capitalised, they count as names."""

_FIRST = split_words("bill grant lane mac mark pat ward")
"""The first names among `_NAMES`. They count as people at the start of a text, although some are also things."""

_AFTER_NAMES = (
    grammar.BE | grammar.HAVE | grammar.NOT | grammar.ADVERBS | grammar.CONJUNCTIONS | grammar.ABLE
    | split_words("can can't cannot could did didn't does doesn't failed may no tried will won't")
)  # fmt: skip
"""Words that can follow "Mark" or "Grant" as a name, but not as an imperative, as in "Grant access"."""

_FUNCTION = grammar.PREPOSITIONS | grammar.CONJUNCTIONS | grammar.BE | grammar.HAVE | grammar.NOT | grammar.ADVERBS
"""Words that do not begin the object of a verb."""

_CHARACTER = r"[^\t\n\r !-/:-@\[-`{-~\xa0\u2013\u2014\u2018\u2019\u201c\u201d\u2026]"
"""What words are made of: all but spaces, ASCII punctuation, and typographic dashes, quotation marks and ellipses.

Marks, symbols and control characters are included, because they can be part of a name.
"""

_WORD = re.compile(rf"{_CHARACTER}(?:(?:{_CHARACTER}|{JOINER})*{_CHARACTER})?")
_QUOTED = re.compile(
    r'"[^"]*"|(?<!\w)\'[^\']*\'(?!\w)|`[^`]*`|<[^<>]*>|\u201c[^\u201c\u201d]*\u201d|\u2018[^\u2018\u2019]*\u2019(?!\w)'
)
_CONTACT = re.compile(r"@|//|\\|\w\.\w")
"""A sign of an e-mail address, a URL, a Windows path, or a host name."""

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|[-_. ]+|[^-A-Za-z_. ]+")

_LONGEST = 1_000
"""The longest text that is classified, in characters. The time to read a text grows with the square of its length."""


def words_of_users(users: Iterable[str]) -> frozenset[str]:
    """Return the words in the names and e-mail addresses of people that are in `_NAMES`.

    Parameters
    ----------
    users : iterable of str
        The people of a frame, such as ``"Mark Page (mark@example.com)"``.

    Returns
    -------
    frozenset of str
        In lower case. Words that are not in `_NAMES` are left out, since a user may be called "Test User".

    Examples
    --------
    >>> from te_audit_frames.exchange.pseudonym_texts import words_of_users
    >>> sorted(words_of_users(["Mark Page (mark@example.com)", "Test User"]))
    ['mark', 'page']
    """
    found = {word for user in users for word in re.findall(r"[^\W\d_]+", user.casefold())}
    return frozenset(found & _NAMES)


def pseudonymize_text(text: str, keyed: Keyed, people: frozenset[str] = frozenset()) -> str:
    """Return an event text with pseudonyms in place of words that can be names.

    E-mail addresses, URLs, host names and words that are not in the vocabulary are always replaced. So are words that
    are also first names or surnames, if their place in the text is that of a name. Words that only look like names,
    because they are capitalised, quoted or after a colon, are replaced too. They are kept if replacing them would
    change the class of the event and keeping them does not. In texts of more than 1,000 characters, they are always
    replaced.

    Parameters
    ----------
    text : str
        The text as the API sent it.
    keyed : Keyed
        The key.
    people : frozenset of str
        The result of `words_of_users`. These words are replaced if they are capitalised or follow "user" or "member".

    Returns
    -------
    str
        The text with pseudonyms. It is unchanged if all its words are in the vocabulary and none looks like a name.

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
    for candidate in _candidates(text, keyed, people):
        if candidate == text:
            return text
        if len(text) > _LONGEST:
            return candidate
        original = original or read(text, tables)
        reading = read(candidate, tables)
        if (reading.action, reading.object, reading.outcome) == (original.action, original.object, original.outcome):
            return candidate
        first = first or candidate
    return first


def pseudonymize_type(text: str, keyed: Keyed) -> str:
    """Return the type of a resource, such as ``testName``, with pseudonyms for words outside the vocabulary."""
    if re.search("@|://", text):
        return f"X{keyed.word('type', text)}"
    parts: list[str] = []
    unknown = ""
    for part in [*_CAMEL.findall(text), ""]:
        if part and not (is_known(part) or part.strip("-_. ") == ""):
            unknown += part
            continue
        if unknown:
            parts.append(f"X{keyed.word('type', unknown)}")
            unknown = ""
        parts.append(part)
    return "".join(parts)


def _candidates(text: str, keyed: Keyed, people: frozenset[str]) -> Iterator[str]:
    """Yield the text with names replaced: first with all words that may be names, then with only the certain ones."""
    words = list(_WORD.finditer(text))
    # A contact reaches to the next space, because brackets and question marks can be part of a URL.
    contacts = [match.span() for match in re.finditer(r"\S+", text) if _CONTACT.search(match[0])]
    in_phrases = _in_phrases(words)
    certain = [
        not is_known(word[0])
        or _is_login(word[0])
        or any(start <= word.start() < end for start, end in contacts)
        or _is_of_people(words, at, people)
        or (at not in in_phrases and (_is_listed(words, at) or _is_subject(words, at)))
        for at, word in enumerate(words)
    ]
    for flags in (_with_doubtful(text, words, certain, in_phrases), certain):
        spans = _spans(text, words, flags)
        for form in ("x-{}", "x{}"):
            yield _replaced(text, spans, keyed, form)
    if _is_key(text, people):
        yield pseudonymize_type(text, keyed)


def _spans(text: str, words: Sequence[re.Match[str]], flags: Sequence[bool]) -> list[tuple[int, int]]:
    """Return where names begin and end. Names with only white space between them count as one."""
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
    """Also mark known words that may be names: quoted, after a colon, or capitalised within a sentence."""
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


def _is_of_people(words: Sequence[re.Match[str]], at: int, people: frozenset[str]) -> bool:
    word = words[at][0]
    if not people.intersection(re.findall(r"[^\W\d_]+", word.casefold())):
        return False
    return word[0].isupper() or (at > 0 and words[at - 1][0].casefold() in {"user", "member"})


def _is_subject(words: Sequence[re.Match[str]], at: int) -> bool:
    """Return whether a text begins with somebody's name, as in "Mark created a test" and "Park Hill deleted test"."""
    first = words[at][0]
    name = re.sub(r"['\u2019]s?$", "", first.casefold())
    if at > 0 or not first[0].isupper() or name not in _NAMES:
        return False
    is_thing = name not in _FIRST and (singular(name),) in load_vocabulary().phrases
    gap = words[0].string[words[0].end() : words[1].start()] if len(words) > 1 else ""
    if not is_thing and (name != first.casefold() or gap.strip()):
        return True  # "Mark's test", "Bill: test deleted", "Grant (admin) deleted"
    if not gap:
        return False
    second, third = words[1][0], words[2][0].casefold() if len(words) > 2 else ""
    if second[0].isupper() and (second.casefold() in _NAMES or not is_known(second)):
        return True
    if not is_thing and second.casefold() in _AFTER_NAMES:
        return True
    # "Page deleted" and "Key created by ..." begin with a thing, "Page deleted a test" begins with a person.
    return second.casefold() in finite() and (not is_thing or (third != "" and third not in _FUNCTION))


def _is_login(word: str) -> bool:
    """Return whether a word is made of names, such as "mark_page" and "user=mark"."""
    parts = [part for part in re.split(rf"{JOINER}+", word.casefold()) if part]
    return len(parts) > 1 and (set(parts) <= _NAMES or (re.search("[:=]", word) is not None and parts[-1] in _NAMES))


def _is_key(text: str, people: frozenset[str]) -> bool:
    """Return whether a text is a key, such as "PauseConnector". With dots, all its words are known: "test.deleted"."""
    if re.search(r"[\s@\\]|//", text):
        return False
    parts = [part for part in _CAMEL.findall(text) if part.strip("-_. ")]
    folded = {part.casefold() for part in parts if is_known(part)}
    return ("." not in text or all(map(is_known, parts))) and not folded & people and not folded <= _NAMES


def _in_phrases(words: Sequence[re.Match[str]]) -> set[int]:
    """Return the positions of words that belong to a phrase of the vocabulary, such as "Account Group"."""
    folded = [singular(word[0].casefold()) for word in words]
    found: set[int] = set()
    for at in range(len(folded)):
        for length in (2, 3, 4):
            if tuple(folded[at : at + length]) in phrases():
                found.update(range(at, at + length))
    return found
