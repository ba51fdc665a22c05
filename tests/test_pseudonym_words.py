"""Words that stay in texts with pseudonyms, because they say what happened and not to whom."""

import pytest
from support.event_texts import WORDS

from te_audit_frames.exchange.pseudonym_words import finite, is_known, phrases, split_words


@pytest.mark.parametrize(
    "word",
    ["test", "Tests", "DELETED", "policies", "user's", "users’", "add-on", "api_token", "user/group", "2fa", "IPv6"],
)
def test_a_word_of_the_vocabulary_is_known_in_all_its_forms(word):
    assert is_known(word)


@pytest.mark.parametrize(
    "word", ["zebulon", "zebulon's", "test-zebulon", "zebulon_test", "test4711", "4711", "名", "é"]
)
def test_a_word_with_any_unknown_part_is_not_known(word):
    assert not is_known(word)


def test_every_word_of_an_object_and_every_form_of_a_verb_is_known():
    words = {word for several in WORDS.objects.values() for phrase in several for word in phrase.split()}
    words |= {word for verb in WORDS.verbs for word in verb}
    assert sorted(word for word in words if not is_known(word) and not word.isdigit()) == []


def test_finite_forms_are_those_that_follow_a_subject():
    assert {"deleted", "deletes", "logged"} <= finite()
    assert not {"delete", "deleting"} & finite()


def test_phrases_have_more_than_one_word():
    assert ("account", "group") in phrases()
    assert min(map(len, phrases())) == 2


def test_words_are_split_at_any_white_space_and_counted_once():
    assert split_words(" a b\n a\t") == {"a", "b"}
    assert split_words("") == frozenset()
