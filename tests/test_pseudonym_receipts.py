"""Receipts without names: only what is known to hold none stays."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support.pseudonyms import KEY, KEYED
from support.receipts import fetch_receipt

import te_audit_frames as taf
from te_audit_frames.exchange.pseudonym_receipts import pseudonymize_directory_receipt, pseudonymize_receipt
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import DIRECTORY_KEY


@pytest.fixture(scope="module")
def practice():
    """Events and people of an organisation."""
    with Sandbox(events=300, days=60, seed=0, now=datetime(2026, 4, 20, tzinfo=UTC)) as api:
        client = taf.Client(token=api.token, base_url=api.url)
        return client.fetch_events(window="104w"), client.fetch_users()


def test_the_receipt_still_speaks_for_the_frame(practice):
    events, _ = practice
    safe = taf.pseudonymize(taf.where(events, events["event"] != "Logout.", label="--user ada"), key=KEY)
    receipt = taf.receipt(safe)
    assert receipt.complete and receipt.events == len(safe)
    assert receipt.period == taf.receipt(events).period
    assert sum(receipt.account_groups.values()) == len(safe)
    assert re.fullmatch(r"filter-\w{16}", receipt.filters[0]["label"])
    again = taf.concat([taf.between(safe, end="2026-03-01"), taf.between(safe, start="2026-03-01")])
    assert taf.receipt(again).complete and len(again) == len(safe)


def test_people_and_their_receipt(practice, tmp_path):
    _, users = practice
    users = users.copy()
    users.attrs[DIRECTORY_KEY] |= {"refused": ["account-groups/4711471147", "roles", "zebulon/x"], "notes": ["zebulon"]}
    safe = taf.pseudonymize(users, key=KEY)
    taf.write_users(safe, tmp_path / "users.parquet")
    assert taf.read_users(tmp_path / "users.parquet").equals(safe)
    receipt = taf.directory_receipt(safe)
    assert receipt.refused[2] == "roles" and receipt.refused[0].startswith("account-groups/aid-")
    assert not receipt.complete
    assert "zebulon" not in repr(safe.attrs) and "4711471147" not in repr(safe.attrs)
    assert len(taf.explode_memberships(safe)) == len(taf.explode_memberships(users))
    admins = [each["is_admin"].sum() for each in (safe, users)]
    assert admins[0] == admins[1] > 0
    with pytest.raises(taf.NotAnAuditFrame, match="'is_admin'"):
        taf.pseudonymize(users.assign(is_admin="Zebulon"), key=KEY)


def without_names(*, keep=(), **changed):
    receipt = taf.Receipt.from_dict(fetch_receipt().to_dict() | changed)
    return pseudonymize_receipt(receipt, KEYED, keep=keep)


@pytest.mark.parametrize(
    ("requested", "left"),
    [
        ({"window": "30d", "default": True}, {"window": "30d", "default": True}),
        ({"window": "30 d"}, {"window": None}),
        ({"window": "zebulon"}, {"window": None}),
        ({"window": "7d of Zebulon"}, {"window": None}),
        ({"window": "٣d"}, {"window": None}),
        ({"window": 30}, {"window": None}),
        ({"start": "2026-03-01", "end": None}, {"start": "2026-03-01", "end": None}),
        ({"start": "4711471147", "end": "2026-13-01"}, {"start": None, "end": None}),
        ({"start": "2026-03-01T00:00:00Z\nZebulon"}, {"start": None}),
        ({"default": "Zebulon", "zebulon": 1}, {}),
        ({}, {}),
    ],
)
def test_of_what_was_requested_only_moments_and_lengths_stay(requested, left):
    assert without_names(requested=requested).requested == left


@pytest.mark.parametrize("version", ["1.0", "26.0.0", "2.0.0rc1", "3.1.0.dev5", "1.2.post1", "0.1.0"])
def test_versions_stay(version):
    assert without_names(versions={"pandas": version}).versions == {"pandas": version}


@pytest.mark.parametrize("version", ["zebulon", "1.0+zebulon", "1.0-zebulon", "", "1.0 zebulon", "v1", "1.0\n", 3])
def test_what_is_no_version_goes(version):
    assert without_names(versions={"pandas": version, "Zebulon": "1.0"}).versions == {}


def test_account_groups_are_those_of_the_column_and_in_a_new_order():
    groups = {str(aid): aid for aid in range(1, 9)} | {"": 9}
    changed = without_names(account_groups=groups, scope={"aid": "7, 1", "all_account_groups": False, "x": "Zebulon"})
    pseudonyms = {KEYED.name("aid", aid): count for aid, count in groups.items()}
    assert list(changed.account_groups.items()) == sorted(pseudonyms.items())
    assert changed.scope == {
        "aid": ", ".join(sorted(KEYED.name("aid", aid) for aid in "17")),
        "all_account_groups": False,
    }
    kept = without_names(keep=["aid"], account_groups=groups, scope={"aid": None, "all_account_groups": True})
    assert kept.account_groups == groups
    assert kept.scope == {"aid": None, "all_account_groups": True}


def test_sentences_are_counted_and_left_out():
    notes = [f"Zebulon {number}" for number in range(1_200)]
    assert without_names(notes=notes).notes[0] == "1,200 notes left out, which may hold names"
    assert without_names(notes=["Zebulon"]).notes[0] == "1 note left out, which may hold names"
    (note,) = without_names(notes=[]).notes
    assert note == f"names are pseudonyms, made with the key {KEYED.fingerprint}"
    assert without_names(keep=["user", 0], notes=[]).notes[0].endswith(", the columns in clear are 0, user")


def test_filters_of_one_label_are_still_one_and_no_label_stays_none():
    filters = [{"label": label, "digest": label, "kept": 1, "of": 2} for label in ("--user ada", "--user ada", "")]
    one, same, empty = without_names(filters=filters).filters
    assert one == same
    assert empty["label"] == ""
    assert (one["kept"], one["of"]) == (1, 2)
    assert "ada" not in str([one, empty])


def test_an_unknown_source_or_order_is_not_repeated():
    receipt = replace(fetch_receipt(), source="Zebulon", order="Zebulon")
    changed = pseudonymize_receipt(receipt, KEYED, keep=())
    assert (changed.source, changed.order) == ("unknown", "unknown")


@pytest.mark.parametrize(("keep", "group"), [((), KEYED.name("aid", "1234")), (("aid",), "1234")])
def test_refused_paths_name_their_endpoint_and_no_more(practice, keep, group):
    _, users = practice
    refused = ["account-groups/1234", "users", "zebulon", "account-groups/Zebulon"]
    receipt = taf.directory_receipt(users)
    changed = pseudonymize_directory_receipt(replace(receipt, refused=refused), KEYED, keep=keep)
    assert sorted(changed.refused) == changed.refused
    assert {f"account-groups/{group}", "users", "other"} < set(changed.refused)
    assert "zebulon" not in str(changed).casefold()
