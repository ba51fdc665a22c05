"""The tables of the vocabulary: what the built-in one holds, and a user's own, with its mistakes by line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from support.event_texts import WORDS, classes

import te_audit_frames as taf
from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.loading import load_vocabulary
from te_audit_frames.checks.text.words import Tables, singular


def test_no_word_of_the_table_has_two_meanings() -> None:
    for section in (WORDS.actions, WORDS.nouns):
        words = [word for each in section.values() for word in each]
        assert sorted({word for word in words if words.count(word) > 1}) == []
    phrases = [" ".join(map(singular, phrase.split())) for each in WORDS.objects.values() for phrase in each]
    assert sorted({phrase for phrase in phrases if phrases.count(phrase) > 1}) == []


def test_every_name_in_the_table_is_one_it_knows() -> None:
    actions, objects = set(WORDS.actions), set(WORDS.objects)
    assert {action for places in WORDS.places.values() for action in places.values()} <= actions
    assert set(WORDS.nouns) <= actions
    assert set(WORDS.resource_types.values()) <= objects
    for by_object in WORDS.combinations.values():
        assert set(by_object) <= objects
        assert set(by_object.values()) <= actions
    assert {*WORDS.combinations, *WORDS.people["verbs"]} <= set(WORDS.action_of)
    assert set(WORDS.places) <= {*WORDS.action_of, *WORDS.action_nouns}
    assert set(WORDS.past) <= {base.split()[0] for base in WORDS.action_of}


def own(tmp_path, text: str) -> str:
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@cache
def tables(path: str) -> Tables:
    return load_vocabulary(path)


def say(path: str, text: str) -> tuple[str, str, str]:
    reading = read(text, tables(path))
    return reading.action, reading.object, reading.outcome


def test_own_texts_win(tmp_path) -> None:
    path = own(
        tmp_path,
        '[texts]\n"Flux capacitor." = { action = "run", object = "test", outcome = "failure" }\n'
        '"Test deleted" = { action = "archive" }\n',
    )
    assert say(path, "FLUX capacitor") == ("run", "test", "failure")
    assert say(path, "Flux capacitor (bulk)") == ("run", "test", "failure")
    assert say(path, "Test deleted.") == ("archive", "unclassified", "unknown")
    assert say(path, "Tests deleted.") == ("delete", "test", "success")
    assert classes("Flux capacitor") == ("unclassified", "unclassified", "unknown")


def test_own_objects_that_are_called_what_they_are(tmp_path) -> None:
    path = own(tmp_path, '[objects]\nliteral = ["flux capacitor", "gizmo"]\ntest = ["trial run"]\n')
    assert say(path, "Flux capacitors deleted")[:3] == ("delete", "flux_capacitor", "success")
    assert say(path, "Gizmo added to trial run")[:3] == ("assign", "gizmo", "success")
    assert say(path, "Trial run deleted")[:3] == ("delete", "test", "success")


def test_own_words_are_added_and_moved(tmp_path) -> None:
    path = own(
        tmp_path,
        """
[actions]
delete = ["retire", "archive"]
[past]
retire = ["retired"]
[nouns]
delete = ["retirement"]
[objects]
flux_capacitor = ["flux capacitor", "widgets"]
test = ["canary"]
[resource_types]
fluxName = "flux_capacitor"
""",
    )
    assert say(path, "Canary retired") == ("delete", "test", "success")
    assert say(path, "Canary retirement") == ("delete", "test", "unknown")
    assert say(path, "Test archived") == ("delete", "test", "success")
    assert say(path, "Flux capacitor added") == ("create", "flux_capacitor", "success")
    assert say(path, "Widget added") == ("create", "flux_capacitor", "success")
    assert say(path, "Dashboard widget added") == ("create", "widget", "success")
    assert say(path, "Test deleted") == ("delete", "test", "success")
    events = pd.DataFrame({"event": ["Deleted"], "resources": [[{"type": "fluxName", "name": "Shop"}]]})
    assert taf.classify_events(events, vocabulary=path).loc[0, "object"] == "flux_capacitor"
    assert classes("Widget added") == ("create", "widget", "success")


def test_an_own_meaning_of_a_verb_does_without_our_places(tmp_path) -> None:
    path = own(tmp_path, '[actions]\nupdate = ["remove"]\n')
    assert say(path, "User removed from role") == ("update", "user", "success")
    assert say(path, "User added to role") == ("assign", "user", "success")


MISTAKES = [
    ('[actions]\ndelete = ["retire"\n', 2, "not TOML"),
    ("[aktions]\n", 1, "not a section. Did you mean 'actions'"),
    ('\n[actions]\ndelet = ["retire"]\n', 3, "'delet' is not an action. Did you mean 'delete'"),
    ('[nouns]\n\ncreated = ["birth"]\n', 3, "'created' is not an action. Did you mean 'create'"),
    ("[actions]\ndelete = 5\n", 2, "delete must be a list of words"),
    ('[actions]\ndelete = ["retire", 5]\n', 2, "delete must be a list of words"),
    ('[actions]\ndelete = "retire"\n', 2, "delete must be a list of words"),
    ('[actions]\ndelete = ["Retire"]\n', 2, "lower case"),
    ('[objects]\ntets = ["canary"]\n', 2, "'tets' is one slip away from 'test'"),
    ('[objects]\ntests = ["canary"]\n', 2, "'tests' is one slip away from 'test'"),
    ('[objects]\nagemt = ["canary"]\n', 2, "'agemt' is one slip away from 'agent'"),
    ('[objects]\n"My thing" = ["canary"]\n', 2, "not a name in lower case"),
    ('[resource_types]\nfluxName = "tst"\n', 2, "'tst' is not an object. Did you mean 'test'"),
    ("[resource_types]\nfluxName = 5\n", 2, "must name an object"),
    ('[texts]\n"A" = "delete"\n', 2, "must be a table"),
    ('[texts]\n"A" = { object = "test" }\n', 2, "the action is missing"),
    ('[texts]\n"A" = { action = "delete", objekt = "test" }\n', 2, "objekt is not a field. Did you mean 'object'"),
    ('[texts]\n"A" = { action = "deleted" }\n', 2, "Did you mean 'delete'"),
    ('[texts]\n"A" = { action = "delete", object = "tets" }\n', 2, "'tets' is not an object"),
    ('[texts]\n"A" = { action = "delete", outcome = "failed" }\n', 2, "'failed' is not an outcome"),
    ('actions = ["retire"]\n', 1, "must be a section"),
]


def mistake(path: str) -> str:
    with pytest.raises(taf.InvalidArgument) as caught:
        taf.classify_events(pd.DataFrame({"event": []}, dtype="str"), vocabulary=path)
    return str(caught.value)


@pytest.mark.parametrize(("text", "line", "what"), MISTAKES)
def test_a_mistake_is_named_with_its_line(tmp_path, text: str, line: int, what: str) -> None:
    path = own(tmp_path, text)
    message = mistake(path)
    assert message.startswith("vocabulary: ")
    assert path in message
    assert f"line {line}: " in message
    assert what in message


@pytest.mark.parametrize("text", [text for text, line, _ in MISTAKES if line == 2 and text.endswith(("]\n", "}\n"))])
def test_the_line_of_a_mistake_is_right_if_two_sections_have_the_same_entry(tmp_path, text: str) -> None:
    entry = text.splitlines()[1].partition("=")[0]
    assert "line 4: " in mistake(own(tmp_path, f'[past]\n{entry}= ["x"]\n{text}'))


def test_a_table_that_cannot_be_read_is_named(tmp_path) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"vocabulary: .*missing.toml cannot be read: No such file"):
        load_vocabulary(tmp_path / "missing.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'[actions]\ndelete = ["\xe9"]\n')
    with pytest.raises(taf.InvalidArgument, match="not UTF-8"):
        load_vocabulary(path)


def test_a_table_without_entries_changes_nothing(tmp_path: Path) -> None:
    assert load_vocabulary(own(tmp_path, "# nothing yet\n")) == WORDS


def test_a_table_of_ones_own_leaves_the_built_in_one_as_it_is(tmp_path: Path) -> None:
    changed = load_vocabulary(own(tmp_path, '[actions]\nupdate = ["delete"]\n[objects]\nagent = ["test"]\n'))
    assert read("Test deleted", changed).action == "update"
    assert read("Test deleted", changed).object == "agent"
    assert load_vocabulary() is WORDS
    assert classes("Test deleted") == ("delete", "test", "success")


def test_the_later_of_two_texts_that_fold_alike_wins(tmp_path: Path) -> None:
    path = own(tmp_path, '[texts]\n"Flux." = { action = "run" }\n"FLUX" = { action = "stop" }\n')
    assert say(path, "flux")[0] == "stop"


@pytest.mark.parametrize("line", ['"Test\\u0000" = { action = "run" }', '\'a"b\' = { action = "run" }'])
def test_any_text_can_be_a_key(tmp_path: Path, line: str) -> None:
    assert len(load_vocabulary(own(tmp_path, f"[texts]\n{line}\n")).texts) == 1
