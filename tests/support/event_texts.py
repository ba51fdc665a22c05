"""Event texts, their words, and what they are read as: for the tests of the vocabulary."""

from __future__ import annotations

from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.words import Token

WORDS = load_vocabulary()


def classes(text: str) -> tuple[str, str, str]:
    """Return the action, the object and the outcome of a text."""
    reading = read(text, WORDS)
    return reading.action, reading.object, reading.outcome


def cases(text: str) -> list[tuple[str, str]]:
    """Read one case a line: the text, an arrow, and its three classes."""
    return [tuple(part.strip() for part in line.split("->")) for line in text.splitlines() if line]  # type: ignore[misc]


def tokens(text: str) -> list[Token]:
    """Return the words of a clause with the forms of its verbs. A capital marks somebody's name for something."""
    found = []
    for word in text.split():
        base, form = WORDS.verbs.get((word.lower(),), ("", ""))
        found.append(Token(word.lower(), base, form, named=word[0].isupper() and not base))
    return found


def plain(found: list[Token]) -> str:
    """Return the words of tokens."""
    return " ".join(token.word for token in found)
