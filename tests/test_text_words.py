"""The words of event texts: forms of verbs, plurals, and what the tables derive from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.event_texts import WORDS, classes

from te_audit_frames.checks.text.words import Token, singular


@pytest.mark.parametrize(
    ("plural", "expected"),
    [("policies", "policy"), ("boxes", "box"), ("keys", "key"), ("status", "status"), ("licenses", "license")],
)
def test_plurals(plural: str, expected: str) -> None:
    assert singular(plural) == expected


def test_every_verb_is_known_in_each_form() -> None:
    forms = {
        "add": "added",
        "copy": "copied",
        "ban": "banned",
        "create": "created",
        "set": "set",
        "log in": "logged in",
    }
    for base, past in forms.items():
        assert WORDS.verbs[tuple(past.split())] == (base, "past")
    assert WORDS.verbs[("banning",)] == ("ban", "gerund")
    assert WORDS.verbs[("creating",)] == ("create", "gerund")
    assert WORDS.verbs[("copying",)] == ("copy", "gerund")
    assert WORDS.verbs[("copies",)] == ("copy", "third")
    assert WORDS.verbs[("accesses",)] == ("access", "third")


@given(st.from_regex(r"[a-z]{0,6}(?:ies|ches|shes|xes|sses|us|is|es|s|)", fullmatch=True))
def test_a_singular_has_no_other_singular(word: str) -> None:
    assert singular(singular(word)) == singular(word)


NO_PLURAL = {
    "alumni", "alumnus", "argo", "audio", "bios", "chassis", "ci", "crypto", "ddos", "do", "duo", "fi", "id", "info",
    "iscsi", "isis", "kerberos", "os", "qos", "rf", "sni", "sso", "up", "wi", "wifi",
}  # fmt: skip


def plural(noun: str) -> str:
    if noun.endswith("sis"):
        return f"{noun[:-2]}es"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"


def test_every_noun_of_the_tables_is_found_in_the_plural() -> None:
    nouns = {phrase[-1] for phrase in WORDS.phrases if phrase[-1].isalpha()} - NO_PLURAL
    nouns = {noun for noun in nouns if len(noun) > 3 or not noun.endswith("s")}
    assert {noun: singular(plural(noun)) for noun in nouns if singular(plural(noun)) != noun} == {}


@pytest.mark.parametrize(
    ("plural", "name"),
    [
        ("Caches", "cache"),
        ("APIs", "api"),
        ("VMs", "host"),
        ("Add-ons", "extension"),
        ("Repos", "repository"),
        ("Campuses", "campus"),
        ("Analyses", "analysis"),
    ],
)
def test_an_unusual_plural_names_the_same_object(plural: str, name: str) -> None:
    assert classes(f"{plural} deleted") == classes(f"{singular(plural.lower())} deleted") == ("delete", name, "success")


def test_unusual_plurals_are_known_one_by_one() -> None:
    in_s = (
        "ad ap api ca cache cdn ceu cli cookie demo emoji folio hmi hsm imei in ip kpi lb logo macro memo menu on ou "
        "pc pdu photo portfolio promo radio repo retro rfi scenario sku sli slo svi todo uri video vm vni wiki"
    )
    in_es = "antivirus bonus bus campus corpus radius status syllabus virus"
    plurals = [(f"{word}s", word) for word in in_s.split()] + [(f"{word}es", word) for word in in_es.split()]
    assert [plural for plural, word in [*plurals, ("diagnoses", "diagnosis")] if singular(plural) != word] == []


def test_a_token_without_a_base_is_no_verb() -> None:
    assert Token("deleted", "delete", "past").is_verb
    assert not Token("Deleted", named=True).is_verb


def test_every_form_of_a_verb_leads_to_an_action() -> None:
    assert {base for base, _ in WORDS.verbs.values()} <= set(WORDS.action_of)
    assert {form for _, form in WORDS.verbs.values()} == {"base", "past", "third", "gerund"}
