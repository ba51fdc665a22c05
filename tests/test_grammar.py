"""English function words: what each does to a text that stands around it."""

from __future__ import annotations

import pytest
from support.event_texts import WORDS, classes

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

GROUPS = [BE, HAVE, NOT, PREPOSITIONS, DETERMINERS, CONJUNCTIONS, ADVERBS]


def test_no_word_has_two_functions() -> None:
    words = [word for group in GROUPS for word in group]
    assert sorted({word for word in words if words.count(word) > 1}) == []
    assert POSSESSIVES <= DETERMINERS


def test_words_are_single_and_in_lower_case_as_they_are_looked_up() -> None:
    for word in {*ABLE}.union(*GROUPS):
        assert word == word.casefold() != ""
        assert not any(letter.isspace() for letter in word)


def test_no_function_word_names_an_object_by_itself() -> None:
    functions = frozenset().union(*GROUPS)
    phrases = [phrase for phrases in WORDS.objects.values() for phrase in phrases]
    assert [phrase for phrase in phrases if set(phrase.split()) <= functions] == []


@pytest.mark.parametrize(
    ("group", "form", "expected"),
    [
        (DETERMINERS, "Deleted {} test", ("delete", "test", "success")),
        (ADVERBS, "Test {} deleted", ("delete", "test", "success")),
        (NOT - {"never"}, "User {} to delete a test", ("delete", "test", "failure")),
        (HAVE, "User {} deleted a test", ("delete", "test", "success")),
        (BE - {"being", "been", "be"}, "Test {} deleted", ("delete", "test", "success")),
        (PREPOSITIONS, "Test deleted {} frobnicators", ("delete", "test", "success")),
    ],
    ids=["determiners", "adverbs", "negations", "have", "be", "prepositions"],
)
def test_every_word_of_a_group_does_the_same(group: frozenset[str], form: str, expected: tuple[str, str, str]) -> None:
    said = {word: classes(form.format(word)) for word in group}
    assert {word: found for word, found in said.items() if found != expected} == {}
