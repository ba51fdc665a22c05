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
    ("words", "form", "expected"),
    [
        (
            "a an the this these those their his her its your my our all any some each every another other multiple "
            "several new existing current own many",
            "Deleted {} test",
            "delete test success",
        ),
        ("their his her its own", "User updated {} name", "update user success"),
        (
            "hard now again also then just auto self soft bulk force already twice once anymore",
            "Test {} deleted",
            "delete test success",
        ),
        (
            "not never cannot can't couldn't wasn't weren't isn't aren't unable didn't doesn't don't won't hasn't "
            "haven't",
            "User {} delete test",
            "delete test failure",
        ),
        ("has had", "User {} been deleted", "delete user success"),
        ("is are was were got gets", "Test {} deleted", "delete test success"),
        ("is are was were be been being got", "User {} deleted test", None),
        ("authorized authorised allowed permitted able", "User was not {} to delete test", "delete test failure"),
        (
            "to from of for in on at by with without via using through into onto as after before during when while "
            "because due over under against within per between that which who whose whether how what where if upon "
            "toward towards about across following except excluding including until since unless despite",
            "Deleted test {} agent",
            "delete test success",
        ),
    ],
    ids=["determiners", "owners", "adverbs", "negations", "have", "be", "passive", "able", "prepositions"],
)
def test_every_word_of_a_group_does_the_same(words: str, form: str, expected: str | None) -> None:
    """The words are written out, because a test that took them from the group would not miss a lost one."""
    said = {word: " ".join(classes(form.format(word))) for word in words.split()}
    if expected is None:
        assert {found.rpartition(" ")[0] for found in said.values()} == {"delete user"}
    else:
        assert {word: found for word, found in said.items() if found != expected} == {}
