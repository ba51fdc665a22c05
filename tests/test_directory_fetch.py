"""One fetch of people or account groups: what is refused, and answers that break the contract."""

import itertools
import json
import logging
import pickle
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests
from support.directories import ACCOUNT_TOKEN, Directory, fetch, group, row, user
from support.rawserver import TOKEN, client_of
from support.world import client_at

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.users import ACCOUNT_GROUPS_SCHEMA, USERS_SCHEMA, to_frame

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=3_000, seed=4, end=NOW, days=60)
DTYPES = to_frame(USERS_SCHEMA.empty_table()).dtypes
GROUP_DTYPES = to_frame(ACCOUNT_GROUPS_SCHEMA.empty_table()).dtypes


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


# ---- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_the_budget_is_kept():
    with Sandbox(LOG, now=NOW, rate_limit=5, rate_period=1.5) as api:
        users = client_at(api, NOW).fetch_users()
        assert all(request.status == 200 for request in api.requests)
    receipt = taf.directory_receipt(users)
    assert receipt.complete
    assert receipt.waited_seconds > 0


@pytest.mark.full
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
