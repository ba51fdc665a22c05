"""Answers of the endpoints of the directory: missing, odd, repeated and broken."""

import pandas as pd
import pytest
from support.directories import ADMIN, PLAIN, Directory, fetch, group, member, roles_of, row, user
from support.rawserver import client_of

import te_audit_frames as taf
from te_audit_frames.users import ACCOUNT_GROUPS_SCHEMA, USERS_SCHEMA, to_frame

DTYPES = to_frame(USERS_SCHEMA.empty_table()).dtypes
GROUP_DTYPES = to_frame(ACCOUNT_GROUPS_SCHEMA.empty_table()).dtypes


def test_fields_that_nobody_knows_are_left_out():
    directory = Directory()
    directory["users"] = {"users": [user("7", mood={"x": [1, None]}), user("8")], "total": 2, "_links": {"self": None}}
    directory["account-groups"] = {"accountGroups": [group("1", colour="red"), group("2", "Two")], "more": False}
    plain = Directory()
    assert (
        fetch(directory)
        .drop(columns=["fetched_at", "roles_fetched_at"])
        .equals(fetch(plain).drop(columns=["fetched_at", "roles_fetched_at"]))
    )


def test_missing_fields_are_null():
    directory = Directory()
    directory["users"] = {"users": [{"uid": 7}]}
    directory["account-groups"] = {"accountGroups": [{"aid": 1}]}
    directory["account-groups/1"] = {"users": [{"uid": 7}]}
    users = fetch(directory)
    person = row(users, "7")
    assert person[["name", "email", "registered", "last_login"]].isna().all()
    assert list(person["memberships"]) == [{"aid": "1", "account_group_name": None, "roles": []}]
    assert users.dtypes.equals(DTYPES)


def test_the_latest_log_in_counts_and_an_empty_one_is_none():
    directory = Directory()
    directory["users"] = {"users": [user("7", lastLogin=""), user("8", lastLogin="2026-02-03T11:12:13.5+01:00")]}
    directory["account-groups/1"] = directory.members("1", member("7", lastLogin=None), member("8", lastLogin=None))
    directory["account-groups/2"] = directory.members("2", member("8", lastLogin="2026-02-03T10:12:14Z"))
    users = fetch(directory)
    assert pd.isna(row(users, "7")["last_login"])
    assert row(users, "8")["last_login"] == pd.Timestamp("2026-02-03T10:12:14Z")


def test_empty_answers_give_the_same_columns():
    directory = Directory()
    for path, name in (("users", "users"), ("account-groups", "accountGroups"), ("roles", "roles")):
        directory[path] = {name: []}
    users = fetch(directory)
    assert users.empty
    assert users.dtypes.equals(DTYPES)
    with directory.serve() as server:
        groups = client_of(server).fetch_account_groups()
    assert groups.empty
    assert groups.dtypes.equals(GROUP_DTYPES)
    assert taf.explode_memberships(users).empty


def test_people_and_groups_that_are_listed_twice_are_one_row():
    directory = Directory()
    directory["users"] = {"users": [user("7"), user("8"), user("7")]}
    directory["account-groups"] = {"accountGroups": [group("1"), group("1"), group("2", "Two")]}
    directory["account-groups/1"] = directory.members("1", member("7", ADMIN), member("7", ADMIN, PLAIN), member("8"))
    users = fetch(directory)
    assert users["uid"].tolist() == ["7", "8"]
    assert roles_of(users, "7") == {"1": ["Account Admin", "Regular User"]}


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("users", {"users": [user("7"), user("7", name="Other")]}, "users: 7 is listed 2 times"),
        ("account-groups", {"accountGroups": [group(), group(name="B")]}, "account groups: 1 is listed 2 times"),
        (
            "roles",
            {"roles": [ADMIN, {**ADMIN, "hasManagementPermissions": False}]},
            "roles: 1 is listed 2 times, and not alike",
        ),
    ],
)
def test_contradictions_are_an_error(path, answer, told):
    directory = Directory()
    directory[path] = answer
    with pytest.raises(taf.DecodeError, match=told):
        fetch(directory)


BROKEN = [
    (b"", "it is not JSON"),
    (b"<html>", "it is not JSON"),
    (b'{"users": [', "it is not JSON"),
    (b'{"users": [{"uid": "7", "uid": "8"}]}', "two values for one name"),
    (b'{"users": [NaN]}', "NaN is not JSON"),
    (b'{"users": ["\xff"]}', "its byte 12 is not UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b"null", "it has no list named users"),
    (b"[]", "it has no list named users"),
    (b"{}", "it has no list named users"),
    (b'{"users": {}}', "it has no list named users"),
    (b'{"users": null}', "it has no list named users"),
]


@pytest.mark.parametrize("path", ["users", "account-groups/2"])
@pytest.mark.parametrize(("body", "told"), BROKEN, ids=[told for _, told in BROKEN])
def test_broken_answers_are_asked_for_again_and_then_an_error(path, body, told):
    directory = Directory()
    directory[path] = body
    with directory.serve() as server, pytest.raises(taf.DecodeError, match=told) as caught:
        client_of(server, retries=2).fetch_users()
    assert sum(request.path == f"/v7/{path}" for request in server.requests) == 3
    assert f"page {path} is not an answer of the API's contract" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "name", "item", "told"),
    [
        ("users", "users", 5, "it is 5, not an object"),
        ("users", "users", None, "it is null, not an object"),
        ("users", "users", {}, "field 'uid' is null, not an identifier"),
        ("users", "users", {"uid": ""}, "field 'uid' is \"\", not an identifier"),
        ("users", "users", {"uid": True}, "field 'uid' is true, not text"),
        ("users", "users", {"uid": 1.5}, "field 'uid' is 1.5, not text"),
        ("users", "users", user(name=["x"]), "field 'name' is .*, not text"),
        ("users", "users", user(name="\ud800"), "field 'name' is .*, not text"),
        ("users", "users", user(lastLogin="yesterday"), "field 'lastLogin' is \"yesterday\", not an ISO 8601 date"),
        ("users", "users", user(lastLogin=1_700_000_000), "field 'lastLogin' is 1700000000, not an ISO 8601 date"),
        ("users", "users", user(dateRegistered="2026-02-30"), "field 'dateRegistered'"),
        ("users", "users", user(loginAccountGroup="One"), 'it is "One", not an object'),
        ("account-groups", "accountGroups", {"aid": None}, "field 'aid' is null, not an identifier"),
        ("account-groups", "accountGroups", {"aid": "../users"}, "not an identifier of letters and digits"),
        ("account-groups", "accountGroups", {"aid": "1?x=2"}, "not an identifier of letters and digits"),
        ("account-groups", "accountGroups", group(isDefaultAccountGroup="yes"), "not true or false"),
        ("account-groups/1", "users", member("7", roles="admin"), "field 'roles' is \"admin\", not a list"),
        ("account-groups/1", "users", member("7", "admin"), 'it is "admin", not an object'),
        ("roles", "roles", {**ADMIN, "hasManagementPermissions": 1}, "is 1, not true or false"),
    ],
)
def test_values_of_a_wrong_kind_are_an_error_that_names_them(path, name, item, told):
    directory = Directory()
    directory[path] = {name: [item]}
    with directory.serve() as server, pytest.raises(taf.DecodeError, match=told) as caught:
        client_of(server).fetch_users()
    assert str(caught.value).startswith(f"page {path}, item 0: ")
    assert sum(request.path == f"/v7/{path}" for request in server.requests) == 1  # it would come again


def test_members_of_another_account_group_are_an_error():
    directory = Directory()
    directory["account-groups/2"] = directory.members("1", member("7", ADMIN))
    with pytest.raises(taf.DecodeError, match=r"page account-groups/2 .* it is about another account group"):
        fetch(directory)


def test_an_answer_about_another_account_group_is_asked_for_again():
    directory = Directory()
    right = directory.answers["account-groups/2"]
    answers = iter([directory.members("1"), right])
    directory["account-groups/2"] = lambda _: next(answers)
    assert roles_of(fetch(directory), "8") == {"1": ["Regular User"], "2": ["Regular User"]}
