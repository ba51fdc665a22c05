"""The tables of the vocabulary: the built-in one, and a user's own, which wins. Mistakes are reported by line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from os import PathLike, fspath
from typing import Any

from te_audit_frames.checks.text.event_text import fold
from te_audit_frames.checks.text.reading import FAILURE, SUCCESS, UNCLASSIFIED, UNKNOWN
from te_audit_frames.checks.text.words import Tables, singular
from te_audit_frames.checks.toml_file import read_toml
from te_audit_frames.errors import InvalidArgument

_SECTIONS: Mapping[str, str] = {
    "actions": "words",
    "objects": "words",
    "nouns": "words",
    "past": "words",
    "resource_types": "text",
    "texts": "table",
}
"""The sections of a user's table, and what their values are."""


@cache
def _built_in() -> Tables:
    text = files("te_audit_frames.checks").joinpath("vocabulary.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return Tables(**{**tables, "objects": _spelled_out(tables["objects"])})


def _spelled_out(objects: Mapping[str, Any]) -> dict[str, Any]:
    """Give each word of the list "literal" a line of its own: "trace" becomes trace = ["trace"]."""
    literal = {word.replace(" ", "_"): [word] for word in objects.get("literal", [])}
    return {**literal, **{name: words for name, words in objects.items() if name != "literal"}}


def load_vocabulary(path: str | PathLike[str] | None = None) -> Tables:
    """Return the built-in vocabulary, combined with a user's own table.

    Parameters
    ----------
    path : path, optional
        A TOML table, as in `classify_events`.

    Returns
    -------
    Tables

    Raises
    ------
    InvalidArgument
        The file cannot be read, or has a mistake.
    """
    if path is None:
        return _built_in()
    text, own = read_toml(path, "vocabulary", example='A line reads, for example: delete = ["retire"].')
    return _Own(fspath(path), text, own).over(_built_in())


class _Own:
    """A user's table, checked line by line."""

    def __init__(self, name: str, text: str, own: Mapping[str, Any]) -> None:
        self._name = name
        self._lines = text.splitlines()
        self._own = own

    def over(self, built_in: Tables) -> Tables:
        """Return the built-in tables with the entries of this one, which win."""
        for section, entries in self._own.items():
            if section not in _SECTIONS:
                raise self._mistake(section, None, f"[{section}] is not a section{_like(section, _SECTIONS)}")
            if not isinstance(entries, Mapping):
                raise self._mistake(
                    section, None, f"{section} must be a section: a line [{section}], its entries below"
                )
            for key, value in entries.items():
                self._check(section, key, value)
        if "objects" in self._own:
            self._own = {**self._own, "objects": _spelled_out(self._own["objects"])}
        actions, objects = set(built_in.actions), {*built_in.objects, *self._own.get("objects", {})}
        for section in ("actions", "nouns"):
            for action in self._own.get(section, {}):
                self._known(section, action, action, actions, "action")
        for key in self._own.get("objects", {}):
            self._new_object(key, built_in)
        for kind, name in self._own.get("resource_types", {}).items():
            self._known("resource_types", kind, name, objects, "object")
        texts = {}
        for text, said in self._own.get("texts", {}).items():
            self._said(text, said, actions, objects)
            texts[fold(text)] = said
        return Tables(
            actions=_moved(built_in.actions, self._own.get("actions", {})),
            past={**built_in.past, **self._own.get("past", {})},
            nouns=_moved(built_in.nouns, self._own.get("nouns", {})),
            places={
                verb: places
                for verb, places in built_in.places.items()
                if verb not in _all(self._own.get("actions", {})) | _all(self._own.get("nouns", {}))
            },
            combinations=built_in.combinations,
            people=built_in.people,
            words=built_in.words,
            properties=built_in.properties,
            objects=_moved(built_in.objects, self._own.get("objects", {})),
            resource_types={**built_in.resource_types, **self._own.get("resource_types", {})},
            texts={**built_in.texts, **texts},
        )

    def _check(self, section: str, key: str, value: Any) -> None:
        match _SECTIONS[section]:
            case "words":
                if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
                    raise self._mistake(section, key, f'{key} must be a list of words: {key} = ["one", "two"]')
                if any(word != word.casefold() for word in value):
                    raise self._mistake(section, key, f"{key}: words are written in lower case")
            case "text":
                if not isinstance(value, str):
                    raise self._mistake(section, key, f'{key} must name an object: {key} = "test"')
            case _:
                if not isinstance(value, Mapping):
                    example = '{ action = "delete", object = "test", outcome = "success" }'
                    raise self._mistake(section, key, f'"{key}" must be a table: "{key}" = {example}')

    def _said(self, text: str, said: Mapping[str, Any], actions: set[str], objects: set[str]) -> None:
        for field in said:
            if field not in ("action", "object", "outcome"):
                raise self._mistake(
                    "texts", text, f"{field} is not a field{_like(field, ('action', 'object', 'outcome'))}"
                )
        if "action" not in said:
            raise self._mistake("texts", text, 'the action is missing: action = "delete"')
        self._known("texts", text, said["action"], {*actions, UNCLASSIFIED}, "action")
        self._known("texts", text, said.get("object", UNCLASSIFIED), {*objects, UNCLASSIFIED}, "object")
        self._known("texts", text, said.get("outcome", UNKNOWN), {SUCCESS, FAILURE, UNKNOWN}, "outcome")

    def _known(self, section: str, key: str, value: Any, known: set[str], what: str) -> None:
        if value not in known:
            hint = _like(str(value), known)
            more = " A new one goes into [objects] first." if what == "object" else ""
            raise self._mistake(section, key, f"{value!r} is not an {what}{hint}.{more}".rstrip("."))

    def _new_object(self, key: str, built_in: Tables) -> None:
        if key in built_in.objects:
            return
        if not re.fullmatch(r"[a-z][a-z0-9_]*", key):
            raise self._mistake("objects", key, f"{key!r} is not a name in lower case, such as alert_rule")
        like = next((name for name in built_in.objects if _one_slip(key, name)), None)
        if like is not None:
            raise self._mistake(
                "objects", key, f"{key!r} is one slip away from {like!r}. If that is meant, write it so"
            )

    def _mistake(self, section: str, key: str | None, what: str) -> InvalidArgument:
        return InvalidArgument(f"vocabulary: {self._name}, line {self._line(section, key)}: {what}.")

    def _line(self, section: str, key: str | None) -> int:
        """Return the line of a section, or of an entry in it."""
        start = next(
            (at for at, line in enumerate(self._lines) if re.match(rf"\s*\[+\s*{re.escape(section)}\b", line)),
            next((at for at, line in enumerate(self._lines) if line.lstrip().startswith(section)), 0),
        )
        if key is None:
            return start + 1
        for at in range(start, len(self._lines)):
            if re.match(rf"""\s*["']?{re.escape(key)}["']?\s*=""", self._lines[at]):
                return at + 1
        return next((at + 1 for at in range(start, len(self._lines)) if key in self._lines[at]), start + 1)


def _all(words: Mapping[str, Iterable[str]]) -> set[str]:
    return {word for each in words.values() for word in each}


def _moved(built_in: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the built-in words with the user's own, which are removed from their built-in places."""
    theirs = {_as_looked_up(word) for word in _all(own)}
    moved = {name: [word for word in words if _as_looked_up(word) not in theirs] for name, words in built_in.items()}
    for name, words in own.items():
        moved[name] = [*moved.get(name, []), *words]
    return moved


def _as_looked_up(phrase: str) -> str:
    return " ".join(map(singular, phrase.split()))


def _like(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(known))}"


def _one_slip(one: str, other: str) -> bool:
    """Return whether two words differ by one letter, or by two letters that changed places."""
    if len(one) == len(other):
        wrong = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        is_swap = len(wrong) == 2 and wrong[1] == wrong[0] + 1 and sorted(one) == sorted(other)
        return len(wrong) == 1 or is_swap
    longer, shorter = sorted((one, other), key=len, reverse=True)
    return len(longer) == len(shorter) + 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )
