"""One fetch of people or account groups: what is refused, and answers that break the contract."""

import itertools
import json
import logging
import pickle
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests
from support.directories import ACCOUNT_TOKEN, ADMIN, PLAIN, Directory, group, member, user
from support.rawserver import TOKEN, client_of
from support.world import client_at

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.users import ACCOUNT_GROUPS_SCHEMA, USERS_SCHEMA, to_frame

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=3_000, seed=4, end=NOW, days=60)
DTYPES = to_frame(USERS_SCHEMA.empty_table()).dtypes
GROUP_DTYPES = to_frame(ACCOUNT_GROUPS_SCHEMA.empty_table()).dtypes


def fetch(directory, **how):
    with directory.serve() as server:
        return client_of(server).fetch_users(**how)


def row(users, uid):
    return users.set_index("uid").loc[uid]


def roles_of(users, uid):
    memberships = row(users, uid)["memberships"]
    return {each["aid"]: each["roles"] for each in memberships}


# ---- the practice organisation ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api():
    with Sandbox(LOG, now=NOW, rate_limit=None) as api:
        yield api


@pytest.fixture(scope="module")
def users(api):
    return client_at(api, NOW).fetch_users()


def asked(api, path, **parameters):
    headers = {"Authorization": f"Bearer {api.token}"}
    return requests.get(f"{api.url}/v7/{path}", params=parameters, headers=headers, timeout=10).json()


def test_every_person_is_one_row(api, users):
    sent = {each["uid"]: each for each in asked(api, "users")["users"]}
    assert users["uid"].is_unique
    assert set(users["uid"]) == set(sent)
    for person in users.itertuples():
        theirs = sent[person.uid]
        assert (person.name, person.email) == (theirs["name"], theirs["email"])
        assert person.registered == pd.Timestamp(theirs["dateRegistered"])
        assert (pd.Timestamp(theirs["lastLogin"]) if "lastLogin" in theirs else pd.NaT) in (person.last_login, pd.NaT)
        assert pd.isna(person.last_login) == ("lastLogin" not in theirs)


def test_roles_are_those_that_the_api_gives_person_by_person(api, users):
    # By the other way to ask: one request per person.
    management = {role["name"] for role in asked(api, "roles")["roles"] if role["hasManagementPermissions"]}
    for person in users.itertuples():
        whole_user = asked(api, f"users/{person.uid}")
        everywhere = [role["name"] for role in whole_user["allAccountGroupRoles"]]
        expected = {
            each["accountGroup"]["aid"]: {role["name"] for role in each["roles"]}
            for each in whole_user["accountGroupRoles"]
        }
        if everywhere:
            expected = {aid: expected.get(aid, set()) | set(everywhere) for aid in LOG.aids}
        assert {each["aid"]: set(each["roles"]) for each in person.memberships} == expected
        assert person.is_admin == any(roles & management for roles in expected.values())


def test_the_frame_is_typed_and_says_where_it_comes_from(api, users):
    assert users.dtypes.equals(DTYPES)
    assert (users["fetched_at"] == NOW).all()
    assert (users["roles_fetched_at"] == NOW).all()
    receipt = taf.directory_receipt(users)
    assert (receipt.source, receipt.complete, receipt.refused, receipt.notes) == ("api", True, [], [])
    assert (receipt.users, receipt.rows, receipt.account_groups, receipt.account_groups_read) == (len(users),) * 2 + (
        4,
        4,
    )
    assert receipt.requests == 7
    assert receipt.fetched_at == receipt.roles_asked_at == "2026-03-01T12:30:15Z"
    assert taf.directory_receipt(users[:3]).rows == 3
    assert "rows now" in repr(taf.directory_receipt(users[:3]))


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_it_costs_one_request_per_account_group_and_three_more(workers):
    with Sandbox(LOG, now=NOW) as api:
        client_at(api, NOW, workers=workers).fetch_users()
        paths = [request.path.removeprefix("/v7/") for request in api.requests]
    assert sorted(paths) == sorted(["users", "account-groups", "roles", *(f"account-groups/{aid}" for aid in LOG.aids)])


def test_without_memberships_it_costs_one_request():
    with Sandbox(LOG, now=NOW) as api:
        users = client_at(api, NOW).fetch_users(memberships=False)
        assert [request.path for request in api.requests] == ["/v7/users"]
    assert users.dtypes.equals(DTYPES)
    assert users[["memberships", "is_admin", "roles_fetched_at"]].isna().all(axis=None)
    assert taf.directory_receipt(users).roles_asked_at is None
    assert not taf.directory_receipt(users).complete


def test_account_groups(api):
    groups = client_at(api, NOW).fetch_account_groups()
    assert groups.dtypes.equals(GROUP_DTYPES)
    assert groups["aid"].tolist() == list(LOG.aids)
    assert groups["account_group_name"].tolist() == list(LOG.group_names)
    assert groups["is_default_account_group"].tolist() == [True, False, False, False]
    assert set(groups["organization_name"]) == {"Practice Organisation"}
    receipt = taf.directory_receipt(groups)
    assert (receipt.account_groups, receipt.users, receipt.complete) == (4, None, True)
    assert "people" not in dict(receipt.lines())


# ---- refusals --------------------------------------------------------------------------------------------------------

ENDPOINTS = ("users", "account-groups", "account-groups/{id}", "account-groups/2071", "roles")
SUBSETS = [chosen for size in range(6) for chosen in itertools.combinations(ENDPOINTS, size)]


@pytest.mark.few(count=10)
@pytest.mark.parametrize("refused", SUBSETS, ids=" ".join)
def test_what_is_refused_is_null_and_noted(refused, users):
    no_groups = "account-groups" in refused or "account-groups/{id}" in refused
    with Sandbox(LOG, now=NOW, rate_limit=None, refused=refused) as api:
        client = client_at(api, NOW)
        if "users" in refused and no_groups:
            with pytest.raises(
                taf.PermissionDenied, match=r"View all users.*View all account groups settings"
            ) as caught:
                client.fetch_users()
            assert caught.value.status == 403
            return
        found = client.fetch_users()
    receipt = taf.directory_receipt(found)
    assert found.dtypes.equals(DTYPES)
    assert receipt.complete == (not refused)
    assert set(refused) & {"users", "account-groups"} == set(receipt.refused) & {"users", "account-groups"}
    if "roles" in refused and "account-groups" not in refused:
        assert "roles" in receipt.refused
    assert len(receipt.notes) >= bool(refused)
    both = found.merge(users, on="uid", suffixes=("", "_all"))
    if "users" not in refused:
        assert set(found["uid"]) == set(users["uid"])
    assert (both["name"] == both["name_all"]).all()
    assert (both["last_login"].fillna(NOW) == both["last_login_all"].fillna(NOW)).all()
    assert both["registered"].eq(both["registered_all"]).all()
    if no_groups:
        assert found[["memberships", "is_admin", "roles_fetched_at"]].isna().all(axis=None)
        return
    missing = {"2071"} & {path.removeprefix("account-groups/") for path in refused}
    for person in both.itertuples():
        expected = [each for each in person.memberships_all if each["aid"] not in missing]
        assert list(person.memberships) == expected
    if "roles" in refused:
        assert found["is_admin"].isna().all()
    elif missing:
        # Nobody is called no admin who may be one in the account group that could not be read.
        assert not found["is_admin"].eq(False).fillna(False).any()
        assert found["is_admin"].eq(True).fillna(False).any()
    else:
        assert both["is_admin"].equals(both["is_admin_all"])


def test_account_groups_that_are_refused_are_an_error():
    with (
        Sandbox(LOG, now=NOW, refused=("account-groups",)) as api,
        pytest.raises(taf.PermissionDenied, match=r"page account-groups: .*`API Access`"),
    ):
        client_at(api, NOW).fetch_account_groups()


def test_people_who_are_only_in_an_account_group_are_there_too():
    directory = Directory()
    directory["users"] = {"users": [user("7")]}
    users = fetch(directory)
    assert users["uid"].tolist() == ["7", "8"]
    assert row(users, "8")["name"] == "User 8"
    receipt = taf.directory_receipt(users)
    assert receipt.only_in_groups == 1
    assert receipt.notes == ["people who are in an account group, but not in the list of users: 1"]


# ---- who is an admin -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "roles", "expected"),
    [
        ([ADMIN, PLAIN], [PLAIN], False),
        ([ADMIN, PLAIN], [PLAIN, ADMIN], True),
        ([ADMIN, PLAIN], [{"roleId": "1"}], True),
        ([ADMIN, PLAIN], [{"roleId": "2", "name": "Renamed"}], False),
        # Same name, other id: the id counts.
        ([ADMIN, PLAIN], [{"roleId": "2", "name": "Account Admin"}], False),
        ([PLAIN], [PLAIN, {"roleId": "9", "name": "Unheard of"}], None),
        ([PLAIN], [ADMIN], True),  # the list of roles does not have it, and the membership says it itself
        ([{**PLAIN, "hasManagementPermissions": None}], [PLAIN], None),
        ([ADMIN, {**PLAIN, "hasManagementPermissions": None}], [PLAIN, ADMIN], True),
        ([ADMIN, PLAIN], [], False),
    ],
)
def test_an_admin_has_a_role_with_management_permissions(listed, roles, expected):
    directory = Directory()
    directory["roles"] = {"roles": listed}
    directory["account-groups/1"] = directory.members("1", member("7", *roles))
    found = row(fetch(directory), "7")["is_admin"]
    assert (None if pd.isna(found) else bool(found)) is expected


def test_nobody_is_called_no_admin_whose_account_groups_are_not_all_seen():
    directory = Directory()
    elsewhere = {"loginAccountGroup": {"aid": "99", "accountGroupName": "Elsewhere"}}
    directory["users"] = {"users": [user("7", **elsewhere), user("8", **elsewhere), user("9")]}
    users = fetch(directory)
    assert row(users, "7")["is_admin"]
    assert pd.isna(row(users, "8")["is_admin"])
    assert pd.isna(row(users, "9")["is_admin"])  # in none of the account groups that the token sees
    assert list(row(users, "9")["memberships"]) == []
    (note,) = taf.directory_receipt(users).notes
    assert note == "people who log in to an account group whose members could not be read: 2"


def test_roles_without_a_name_go_by_the_list_of_roles():
    directory = Directory()
    directory["account-groups/1"] = directory.members("1", member("7", {"roleId": "1"}, {"roleId": "77"}))
    assert roles_of(fetch(directory), "7") == {"1": ["Account Admin", "77"]}


# ---- answers of all kinds --------------------------------------------------------------------------------------------


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


# ---- failures --------------------------------------------------------------------------------------------------------


def test_the_budget_is_kept():
    with Sandbox(LOG, now=NOW, rate_limit=5, rate_period=1.5) as api:
        users = client_at(api, NOW).fetch_users()
        assert all(request.status == 200 for request in api.requests)
    receipt = taf.directory_receipt(users)
    assert receipt.complete
    assert receipt.waited_seconds > 0


def test_a_429_is_waited_out():
    with Sandbox(LOG, now=NOW, rate_limit=2, rate_period=1.0) as api:
        requests.get(f"{api.url}/v7/roles", headers={"Authorization": f"Bearer {api.token}"}, timeout=10)
        requests.get(f"{api.url}/v7/roles", headers={"Authorization": f"Bearer {api.token}"}, timeout=10)
        users = client_at(api, NOW).fetch_users(memberships=False)
    assert taf.directory_receipt(users).throttled == 1


def test_the_deadline_counts():
    with (
        Sandbox(LOG, now=NOW, rate_limit=1, rate_period=60) as api,
        pytest.raises(taf.RateLimited, match="used up"),
    ):
        client_at(api, NOW, deadline=0.5).fetch_users()


def test_a_closed_client_and_a_wrong_argument_are_refused(api):
    client = client_at(api, NOW)
    with pytest.raises(taf.InvalidArgument, match="memberships: 'yes' is neither True nor False"):
        client.fetch_users(memberships="yes")
    client.close()
    with pytest.raises(taf.InvalidArgument, match="it was closed"):
        client.fetch_users()
    with pytest.raises(taf.InvalidArgument, match="it was closed"):
        client.fetch_account_groups()


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(timedelta(seconds=40), 0), (-timedelta(seconds=40), -40), (timedelta(0), 0)],
)
def test_the_earlier_clock_says_when_it_was(ahead, expected):
    with Sandbox(LOG, now=NOW, date_error=ahead) as api:
        users = client_at(api, NOW).fetch_users(memberships=False)
    assert (users["fetched_at"] == NOW + timedelta(seconds=expected)).all()


def test_a_local_clock_that_is_far_off_is_not_used():
    with Sandbox(LOG, now=NOW) as api, pytest.warns(taf.AuditFramesWarning, match="60 minutes apart"):
        users = client_at(api, NOW - timedelta(hours=1)).fetch_users(memberships=False)
    assert (users["fetched_at"] == NOW).all()


# ---- secrets ---------------------------------------------------------------------------------------------------------


def test_account_tokens_get_nowhere(tmp_path, caplog):
    from te_audit_frames.storage.user_files import write_users_csv, write_users_jsonl

    caplog.set_level(logging.DEBUG)
    directory = Directory()
    nested = [user("7", accountToken=ACCOUNT_TOKEN, name="Ada"), user("8")]
    directory["users"] = {"users": nested, "accountToken": ACCOUNT_TOKEN}
    directory["account-groups"] = {"accountGroups": [group("1", accountToken=ACCOUNT_TOKEN), group("2", "Two")]}
    with directory.serve() as server:
        users, groups = client_of(server).fetch_users(), client_of(server).fetch_account_groups()
    taf.write_users(users, tmp_path / "u.parquet")
    write_users_csv(users, tmp_path / "u.csv")
    write_users_jsonl(users, tmp_path / "u.jsonl")
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    shown = [repr(users.to_dict()), repr(groups.to_dict()), json.dumps(users.attrs), json.dumps(groups.attrs)]
    shown += [repr(taf.directory_receipt(users)), caplog.text, repr(pickle.dumps(users)), repr(written)]
    assert len(written) > 1_000
    for secret in (ACCOUNT_TOKEN, "accountToken", TOKEN):
        assert not [text[:50] for text in shown if secret in text]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"accountToken": ACCOUNT_TOKEN, "users": [{"uid": 1}]}).encode()[:-1],
        json.dumps({"accountToken": ACCOUNT_TOKEN}).encode(),
        json.dumps({"accountToken": ACCOUNT_TOKEN, "users": 5}).encode(),
        json.dumps({"aid": {"accountToken": ACCOUNT_TOKEN}, "users": []}).encode(),
        json.dumps({"accountToken": ACCOUNT_TOKEN, "users": [{"uid": {"accountToken": ACCOUNT_TOKEN}}]}).encode(),
        json.dumps({"users": [{"accountToken": ACCOUNT_TOKEN, "uid": "1", "roles": [[]]}]}).encode(),
        f'{{"accountToken": "{ACCOUNT_TOKEN}", "accountToken": "{ACCOUNT_TOKEN}"}}'.encode(),
        ACCOUNT_TOKEN.encode(),
    ],
)
def test_errors_quote_no_account_token(answer, caplog):
    caplog.set_level(logging.DEBUG)
    directory = Directory()
    directory["account-groups/2"] = answer
    with directory.serve() as server, pytest.raises(taf.DecodeError) as caught:
        client_of(server, retries=1).fetch_users()
    shown, error = [caplog.text], caught.value
    while error is not None:
        shown += [repr(error), repr(vars(error))]
        frame = error.__traceback__
        while frame is not None:
            if "te_audit_frames" in frame.tb_frame.f_code.co_filename:
                shown += [repr(value) for value in frame.tb_frame.f_locals.values()]
            frame = frame.tb_next
        error = error.__cause__ or error.__context__
    assert not [text for text in shown if ACCOUNT_TOKEN in text or TOKEN in text]


def test_a_token_that_a_server_quotes_is_hidden():
    directory = Directory()
    directory["users"] = {"users": [user(lastLogin=f"Bearer {TOKEN}")]}
    with pytest.raises(taf.DecodeError, match="<token>") as caught:
        fetch(directory)
    assert TOKEN not in str(caught.value) + str(vars(caught.value))
    directory["users"] = lambda _: 403
    directory["account-groups"] = 403
    with pytest.raises(taf.PermissionDenied) as refused:
        fetch(directory)
    assert TOKEN not in str(refused.value)
