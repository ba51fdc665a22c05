"""Columns with pseudonyms: their types, their nulls, their order, and people among resources."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from support.pseudonyms import ADA, KEY, KEYED, ROWS, START, TEXTS, directory, frame

import te_audit_frames as taf
from te_audit_frames.exchange.pseudonym_columns import Columns, in_order_of_pseudonyms, without_order_of_names
from te_audit_frames.schema import ARROW_SCHEMA, to_events


def test_the_same_text_is_linked_only_within_its_kind():
    name = "Ada Quillfeather"
    types = ["testName", "userDisplayName", "memberName", "roleName", "userRoleName", "accountGroupName", "reportTitle"]
    resources = [{"type": each, "name": name} for each in types]
    row = {**dict.fromkeys(TEXTS, name), "event": f"User {name} added.", "resources": resources}
    safe = taf.pseudonymize(frame(row), key=KEY).iloc[0]
    test, user, member, role, user_role, group, report = (each["name"] for each in safe["resources"])
    assert user == member == safe["user"]
    assert group == safe["account_group_name"]
    assert role == user_role
    assert test == report
    different = {user, group, role, test, safe["uid"], safe["aid"], safe["ip_address"], safe["extra"], safe["event"]}
    assert len({each.rpartition("-")[2] for each in different}) == 9


def test_capitals_make_another_text_as_they_do_for_the_log():
    safe = taf.pseudonymize(frame({"user": "Jane@x.example"}, {"user": "jane@x.example"}), key=KEY)
    assert safe["user"].nunique() == 2


def test_events_of_one_moment_are_no_longer_in_the_order_of_their_names():
    rows = [{"date": START, "uid": str(n), "event": "Logout."} for n in range(100, 160)]
    events = to_events(pa.Table.from_pylist([{"date": None}, *rows, *rows[:3], {"date": None}], ARROW_SCHEMA))
    safe = taf.pseudonymize(events, key=KEY)
    assert safe["date"].equals(events["date"])
    middle = safe["uid"].iloc[1:-1]
    assert middle.tolist() == sorted(KEYED.name("uid", uid) for uid in events["uid"].iloc[1:-1])


@pytest.mark.parametrize("dtype", ["object", "category", "string"])
def test_other_dtypes_of_text_are_read_too(dtype):
    events = frame({"uid": "7", "user": ADA}, {"uid": None, "user": None})
    safe = taf.pseudonymize(events.astype({"uid": dtype, "user": dtype}), key=KEY)
    assert safe.equals(taf.pseudonymize(events, key=KEY))


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_identifiers_that_are_numbers_count_as_text(dtype):
    events = frame({"uid": "7"}, {"uid": "12345678901"})
    assert taf.pseudonymize(events.astype({"uid": dtype}), key=KEY).equals(taf.pseudonymize(events, key=KEY))


def test_account_groups_stay_in_clear_in_memberships_too():
    safe = taf.pseudonymize(directory(1), key=KEY, keep=["uid", "account_group_name"])
    groups = safe["memberships"].iloc[0]
    assert sorted(each["account_group_name"] for each in groups) == [f"Group {n:04}" for n in range(20)]
    assert {each["aid"][:4] for each in groups} == {"aid-"}
    table = taf.pseudonym_table(directory(1), key=KEY)
    assert "account_group_name" in set(table["field"])


def test_owners_and_addresses_among_resources_are_people():
    resources = [{"type": each, "name": ADA} for each in ("owner", "ownerEmail", "email", "testName")]
    safe = taf.pseudonymize(frame({"user": ADA, "resources": resources}), key=KEY).iloc[0]
    assert [each["name"] == safe["user"] for each in safe["resources"]] == [True, True, True, False]


@pytest.mark.parametrize("kept", [[], ["uid"], ["uid", "name", "email"]])
def test_people_their_groups_and_roles_are_in_the_order_of_pseudonyms(kept):
    users = directory(12)
    safe = taf.pseudonymize(users, key=KEY, keep=kept)
    first = next((name for name in ("uid", "email") if name not in kept), "uid")
    assert safe[first].tolist() == sorted(safe[first])
    assert safe.equals(taf.pseudonymize(users.iloc[::-1], key=KEY, keep=kept)) == (len(kept) < 3)
    for memberships in safe["memberships"].array._pa_array.to_pylist():
        assert [each["aid"] for each in memberships] == sorted(KEYED.name("aid", f"{n:04}") for n in range(20))
        assert memberships[0]["roles"] == sorted(KEYED.name("role", f"Role {n}") for n in range(9))
        for each in memberships:
            pair = {KEYED.name("aid", f"{n:04}"): KEYED.name("account group", f"Group {n:04}") for n in range(20)}
            assert each["account_group_name"] == pair[each["aid"]]


@given(ROWS)
def test_a_column_keeps_its_nulls_and_its_empty_texts(rows):
    events = frame(*rows)
    columns = Columns(events, KEYED, 24, ())
    for name in TEXTS:
        safe = pd.Series(columns.rename(name))
        assert safe.dtype == "str"
        assert safe.isna().tolist() == events[name].isna().tolist()
        assert (safe == "").tolist() == (events[name] == "").tolist()
    fields = [field for field, _, _ in columns.found]
    assert fields == TEXTS
    for _, old, new in columns.found:
        assert len(set(new)) == len(set(old)) == len(new)


def test_resources_keep_their_lists_with_all_kinds_of_nothing():
    lists = [None, [], [None], [{"type": None, "name": None}], [{"type": "testName", "name": ""}]]
    events = frame(*({"resources": each} for each in lists))
    safe = Columns(events, KEYED, 24, ()).rename("resources")
    assert safe._pa_array.to_pylist() == lists
    assert Columns(frame(), KEYED, 24, ()).rename("resources")._pa_array.to_pylist() == []


def test_a_slice_of_a_frame_has_the_resources_of_its_own_rows():
    events = frame(*({"resources": [{"type": "testName", "name": name}] * at} for at, name in enumerate("abcd")))
    whole, part = (Columns(each, KEYED, 24, ()).rename("resources") for each in (events, events.iloc[2:]))
    assert part._pa_array.to_pylist() == whole._pa_array.to_pylist()[2:]


def test_a_column_that_could_hold_anything_is_refused_without_its_values():
    events = frame({"uid": "7"}).assign(uid=[{"Zebulon"}])
    with pytest.raises(taf.NotAnAuditFrame, match="column 'uid' of dtype object") as caught:
        Columns(events, KEYED, 24, ()).rename("uid")
    assert caught.value.missing == ["uid"]
    assert "Zebulon" not in str(caught.value)


def test_events_of_different_moments_stay_in_their_order_and_two_runs_of_one_moment_stay_apart():
    moments = [START, START, START + pd.Timedelta("1s"), START, START]
    events = to_events(
        pa.Table.from_pylist([{"date": at, "uid": uid} for at, uid in zip(moments, "zbcya", strict=True)], ARROW_SCHEMA)
    )
    ordered = without_order_of_names(events, ["uid"])
    assert ordered["uid"].tolist() == ["b", "z", "c", "a", "y"]
    assert ordered["date"].tolist() == events["date"].tolist()
    assert without_order_of_names(events.iloc[1:3], ["uid"]).equals(events.iloc[1:3])
    assert without_order_of_names(events.iloc[:0], ["uid"]).empty


def test_events_of_one_moment_are_told_apart_by_their_resources_too():
    rows = [{"date": START, "resources": [{"type": "testName", "name": name}]} for name in "cab"]
    events = to_events(pa.Table.from_pylist([*rows, {"date": START, "resources": None}], ARROW_SCHEMA))
    ordered = without_order_of_names(events, ["resources"])["resources"].array._pa_array.to_pylist()
    assert [each and each[0]["name"] for each in ordered] == ["a", "b", "c", None]


def test_people_whose_columns_all_stay_keep_their_order():
    people = directory(3).iloc[[2, 0, 1]]
    assert in_order_of_pseudonyms(people, []) is people
    assert in_order_of_pseudonyms(people, ["uid"])["uid"].tolist() == ["0000", "0001", "0002"]
    assert in_order_of_pseudonyms(people.iloc[:0], ["uid"]).empty
    assert np.array_equal(in_order_of_pseudonyms(people, ["uid"]).index, range(3))
