"""Keys of pseudonyms: which are refused, what they show, and what they make of a text."""

import copy
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pseudonyms import ADA, KEY, KEYED

import te_audit_frames as taf
from te_audit_frames.exchange.keyed import MIN_KEY, Keyed
from te_audit_frames.exchange.pseudonym_addresses import pseudonymize_address


def test_pseudonyms_stay_what_they_are_in_every_release():
    # Files that were handed out cannot be joined with new ones if this changes.
    assert KEYED.name("uid", "7") == "uid-32kp6yf75lp4sing"
    assert KEYED.person(ADA) == "user-yec5voo4gcozpfoq (mail-xz7mbdcoa5ip4im2@pseudonym.invalid)"
    assert pseudonymize_address("203.0.113.9", KEYED, 24) == "fd0d:d130:6aa4:799a:7251:a6a:cdd1:81ed"


def test_what_editors_put_around_a_key_is_no_part_of_it():
    for text in (f"{KEY}\n\n", f"\ufeff{KEY}", f" {KEY}\t\r\n"):
        assert Keyed(text).fingerprint == KEYED.fingerprint
    assert Keyed(f"{KEY}\n".encode()).fingerprint != KEYED.fingerprint


def test_nothing_shows_or_keeps_the_key():
    assert KEY not in repr(KEYED) + str(vars(type(KEYED)))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(KEYED)


def test_a_key_of_just_enough_bytes_is_taken_whatever_they_are():
    for key in (bytes(range(MIN_KEY)), "é" * 15 + "ab", b" " * 31 + b"\n", "\ud800" * 10 + "ab"):
        assert re.fullmatch("[0-9a-f]{8}", Keyed(key).fingerprint)
    with pytest.raises(taf.InvalidArgument, match=f"it has {MIN_KEY - 1} bytes"):
        Keyed(bytes(range(MIN_KEY - 1)))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_key_is_not_copied_into_anything(copied):
    with pytest.raises(TypeError, match="cannot be pickled"):
        copied({"key": KEYED} if copied is copy.deepcopy else KEYED)


@given(st.text(min_size=1))
def test_the_same_text_of_two_kinds_has_nothing_in_common(text):
    kinds = ("uid", "aid", "role", "resource", "person", "mail", "text")
    assert len({KEYED.code(kind, text) for kind in kinds}) == len(kinds)
    assert KEYED.digest("uid", text)[:10] != KEYED.digest("aid", text)[:10]


@given(st.text())
def test_a_pseudonym_has_the_form_of_its_kind_and_empty_text_stays_empty(text):
    assert re.fullmatch("uid-[a-z2-7]{16}" if text else "", KEYED.name("uid", text))
    assert re.fullmatch(r"mail-[a-z2-7]{16}@pseudonym\.invalid" if text else "", KEYED.mail(text))
    assert re.fullmatch("[bcdfghjkmnpqrstv]{20}", KEYED.word("text", text))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (ADA, "both"),
        ("Ada (Byron) (ada@x.example)", "both"),
        ("ada@x.example (ada@x.example)", "both"),
        ("Ada", "name"),
        ("Ada (Byron)", "name"),
        ("Ada (ada@x.example", "name"),
        ("Ada  (ada@x.example)", "name"),
        (" (ada@x.example)", "name"),
        ("(ada@x.example)", "name"),
        ("Ada (ada @x.example)", "name"),
        ("ada@x.example", "mail"),
        ("@", "mail"),
        ("ada @x.example", "name"),
    ],
)
def test_a_person_is_a_name_a_mail_or_both(text, form):
    pseudonym = KEYED.person(text)
    name, mail = r"(?:user|mail)-\w{16}(?:@pseudonym\.invalid)?", r"mail-\w{16}@pseudonym\.invalid"
    forms = {"both": rf"{name} \({mail}\)", "name": r"user-\w{16}", "mail": mail}
    assert re.fullmatch(forms[form], pseudonym)


@given(st.sampled_from([ADA, "Ada", "a@b", "", "Ada (Ada)"]), st.sampled_from([ADA, "Ada", "a@b", "", "Ada (Ada)"]))
def test_two_people_are_never_one(one, other):
    assert (KEYED.person(one) == KEYED.person(other)) == (one == other)
