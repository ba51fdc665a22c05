"""The practice directory: as published, with the people of the log, and read alike by the official SDK."""

import json
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
import requests
from thousandeyes_sdk.administrative import AccountGroupsApi, PermissionsApi, RolesApi, UsersApi
from thousandeyes_sdk.administrative.models import ExpandAccountGroupOptions
from thousandeyes_sdk.core import ApiClient, Configuration
from thousandeyes_sdk.core.exceptions import ForbiddenException, NotFoundException

from te_audit_frames.sandbox import Organisation, Sandbox

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=4_000, seed=5, end=NOW, days=60)
TESTS = Path(__file__).parents[1]
CONTRACT = json.loads((TESTS / "contract.json").read_text(encoding="utf-8"))
PUBLISHED = TESTS.parents[1] / "shared" / "api" / "openapi-administrative.yaml"
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def api():
    with Sandbox(LOG, now=NOW, rate_limit=None) as api:
        yield api


@pytest.fixture(scope="module")
def events(api):
    return api.truth(NOW - 61 * DAY, NOW, all_account_groups=True)


def get(api, path, **parameters):
    return requests.get(
        f"{api.url}/v7/{path}", params=parameters, headers={"Authorization": f"Bearer {api.token}"}, timeout=10
    )


def users(api):
    return get(api, "users").json()["users"]


def sdk(api):
    return ApiClient(Configuration(host=f"{api.url}/v7", access_token=api.token))


def check(document, definition):
    schema = {"$ref": f"#/$defs/{definition}", "$defs": CONTRACT["$defs"]}
    import jsonschema  # takes seconds, in each worker that collects this file

    jsonschema.Draft202012Validator(schema).validate(document)


def moment(text):
    return datetime.fromisoformat(text)


# ---- by the contract -------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("path", "parameters", "definition"),
    [
        ("users", {}, "users"),
        ("users", {"aid": "2071"}, "users"),
        ("account-groups", {}, "accountGroups"),
        ("account-groups/2071", {}, "wholeGroup"),
        ("account-groups/2071", {"expand": "user"}, "wholeGroup"),
        ("account-groups/2071", {"expand": "user,agent"}, "wholeGroup"),
        ("roles", {}, "roles"),
        ("roles/102", {}, "wholeRole"),
        ("permissions", {}, "permissions"),
    ],
)
def test_answers_are_what_the_contract_says(api, path, parameters, definition):
    answer = get(api, path, **parameters)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/hal+json"
    assert "X-Organization-Rate-Limit-Remaining" in answer.headers
    check(answer.json(), definition)
    assert answer.json()["_links"]["self"]["href"].startswith(f"{api.url}/v7/{path}")


def test_every_user_by_id_is_what_the_contract_says(api):
    for user in users(api):
        whole = get(api, f"users/{user['uid']}").json()
        check(whole, "wholeUser")
        assert user.items() <= whole.items()


@pytest.mark.parametrize("path", ["users", "account-groups"])
def test_answers_are_what_the_published_document_says(api, path):
    if not PUBLISHED.exists():
        pytest.skip("the published document is not here; contract.json holds the same")
    import openapi_core
    from openapi_core.testing import MockRequest, MockResponse

    config = openapi_core.Config(extra_media_type_deserializers={"application/hal+json": json.loads})
    published = openapi_core.OpenAPI.from_file_path(str(PUBLISHED), config)
    answer = get(api, path)
    request = MockRequest("https://api.thousandeyes.com", "get", f"/v7/{path}", headers={"Authorization": "Bearer x"})
    published.validate_response(
        request,
        MockResponse(answer.content, answer.status_code, dict(answer.headers), answer.headers["Content-Type"]),
    )


# ---- the people of the log -------------------------------------------------------------------------------------------


def test_everybody_in_the_log_is_in_the_directory_under_the_latest_name(api, events):
    known = {user["uid"]: user for user in users(api)}
    latest = {event["uid"]: event["user"] for event in events}
    assert len(latest) > 20
    assert latest.keys() <= known.keys()
    assert len(known) == len(latest) + 3  # accounts that nobody uses
    for uid, user in latest.items():
        name, email = known[uid]["name"], known[uid]["email"]
        assert user == f"{name} ({email})" or (user == name and email == f"user-{uid}@example.com")


def test_a_person_may_have_had_another_name_before(events):
    names = {}
    for event in events:
        names.setdefault(event["uid"], []).append(event["user"])
    renamed = next(uid for uid, texts in names.items() if len(set(texts)) > 1)
    first = moment(events[0]["date"]) + timedelta(seconds=1)
    with Sandbox(LOG, now=first) as api:
        user = next(user for user in users(api) if user["uid"] == renamed)
    assert names[renamed][0] == f"{user['name']} ({user['email']})" != names[renamed][-1]


def test_last_log_ins_agree_with_the_log(api, events):
    logins = {event["uid"]: event["date"] for event in events if event["event"] == "Login successful."}
    assert len(logins) > 15
    first = events[0]["date"]
    for user in users(api):
        if user["uid"] in logins:
            assert user["lastLogin"] == logins[user["uid"]]
        else:
            assert "lastLogin" not in user or user["lastLogin"] < first
        assert user["dateRegistered"] < user.get("lastLogin", first)


def test_last_log_ins_are_those_up_to_now(events):
    now = NOW - 30 * DAY
    logins = {
        event["uid"]: event["date"]
        for event in events
        if event["event"] == "Login successful." and moment(event["date"]) <= now
    }
    with Sandbox(LOG, now=now) as api:
        found = {user["uid"]: user.get("lastLogin") for user in users(api)}
    assert {uid: found[uid] for uid in logins} == logins


def test_some_accounts_are_idle_and_one_never_logged_in(api, events):
    seen = {event["uid"] for event in events}
    idle = [user for user in users(api) if user["uid"] not in seen]
    dates = sorted(user.get("lastLogin", "") for user in idle)
    assert dates[0] == ""
    assert all(moment(date) < NOW - 180 * DAY for date in dates[1:])


def test_everybody_belongs_to_the_account_groups_of_their_events(api, events):
    members = {
        aid: {user["uid"]: user for user in get(api, f"account-groups/{aid}", expand="user").json()["users"]}
        for aid in LOG.aids
    }
    for event in events:
        assert members[event["aid"]][event["uid"]]["roles"]
    assert {user["uid"] for user in users(api)} == set(chain.from_iterable(members.values()))
    for user in users(api):
        assert user["uid"] in members[user["loginAccountGroup"]["aid"]]


def test_the_two_ways_to_ask_for_roles_agree(api):
    roles = {
        (user["uid"], aid): {role["roleId"] for role in user["roles"]}
        for aid in LOG.aids
        for user in get(api, f"account-groups/{aid}", expand="user").json()["users"]
    }
    again = {}
    for uid in {uid for uid, _ in roles}:
        whole = get(api, f"users/{uid}").json()
        for aid in LOG.aids:
            own = [each["roles"] for each in whole["accountGroupRoles"] if each["accountGroup"]["aid"] == aid]
            both = {role["roleId"] for role in chain(whole["allAccountGroupRoles"], *own)}
            if both:
                again[uid, aid] = both
    assert again == roles


def test_a_role_has_management_permissions_if_one_of_its_permissions_is_one(api):
    listed = get(api, "roles").json()["roles"]
    assert {role["hasManagementPermissions"] for role in listed} == {True, False}
    for role in listed:
        permissions = get(api, f"roles/{role['roleId']}").json()["permissions"]
        assert role["hasManagementPermissions"] == any(each["isManagementPermission"] for each in permissions)


def test_the_directory_is_the_same_for_the_same_arguments(api):
    again = Organisation(events=4_000, seed=5, end=NOW, days=60)
    with Sandbox(again, now=NOW) as other:
        assert users(other) == users(api)


def test_events_of_the_callers_own_have_a_directory_too():
    events = [
        {"date": "2026-02-01T09:00:00Z", "event": "User Login (SSO)", "uid": 7, "aid": "5", "user": "Ada (ada@x.org)"},
        {"date": "2026-02-02T09:00:00Z", "event": "Test deleted.", "uid": "7", "aid": "6", "user": "Ada B (ada@x.org)"},
        {"date": "2026-02-02T10:00:00Z", "event": "Login failed.", "uid": "8", "aid": "6", "user": "Kiosk"},
        {"date": "2026-02-02T11:00:00Z", "event": "Login failed."},
    ]
    with Sandbox(events, now=NOW) as api:
        ada, kiosk = users(api)
        groups = {aid: get(api, f"account-groups/{aid}", expand="user").json()["users"] for aid in ("5", "6")}
    assert (ada["uid"], ada["name"], ada["email"]) == ("7", "Ada B", "ada@x.org")
    assert ada["lastLogin"] == "2026-02-01T09:00:00Z"
    assert (kiosk["name"], kiosk["email"]) == ("Kiosk", "user-8@example.com")
    assert "lastLogin" not in kiosk
    assert {aid: [user["uid"] for user in members] for aid, members in groups.items()} == {"5": ["7"], "6": ["7", "8"]}


# ---- refusals --------------------------------------------------------------------------------------------------------

EXAMPLES = {
    "users": "users",
    "users/{id}": "users/{uid}",
    "account-groups": "account-groups",
    "account-groups/{id}": "account-groups/2071",
    "roles": "roles",
    "roles/{id}": "roles/102",
    "permissions": "permissions",
}


@pytest.mark.parametrize("refused", EXAMPLES)
def test_any_endpoint_can_be_refused(refused):
    with Sandbox(LOG, now=NOW, refused=(refused,)) as api:
        uid = LOG.people(int(NOW.timestamp()))[0].uid
        answers = {endpoint: get(api, path.format(uid=uid)) for endpoint, path in EXAMPLES.items()}
    statuses = {endpoint: answer.status_code for endpoint, answer in answers.items()}
    assert statuses == {endpoint: 403 if endpoint == refused else 200 for endpoint in EXAMPLES}
    check(answers[refused].json(), "problem")


def test_one_account_group_can_be_refused():
    with Sandbox(LOG, now=NOW, refused=("account-groups/2071",)) as api:
        statuses = {aid: get(api, f"account-groups/{aid}").status_code for aid in LOG.aids}
    assert statuses == {"1234": 200, "2071": 403, "3308": 200, "4415": 200}


@pytest.mark.parametrize("refused", [("events",), ("users/1/2",), ("permissions/1",), "users"])
def test_an_unknown_endpoint_cannot_be_refused(refused):
    with pytest.raises(ValueError, match="refused"):
        Sandbox(events=0, refused=refused)


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("users/0", {}, 404),
        ("account-groups/0", {}, 404),
        ("roles/0", {}, 404),
        ("permissions/1", {}, 404),
        ("tests", {}, 404),
        ("users", {"aid": "999"}, 403),
        ("account-groups/1234", {"expand": "roles"}, 400),
    ],
)
def test_wrong_questions_are_problems(api, path, parameters, status):
    answer = get(api, path, **parameters)
    assert answer.status_code == status
    check(answer.json(), "problem")


def test_the_directory_can_only_be_read(api):
    answer = requests.post(f"{api.url}/v7/users", headers={"Authorization": f"Bearer {api.token}"}, timeout=10)
    assert answer.status_code == 405
    assert requests.get(f"{api.url}/v7/users", timeout=10).status_code == 401


# ---- the official SDK ------------------------------------------------------------------------------------------------


def plain(model):
    """Turn the SDK's model back into the API's JSON, without links."""

    def dates(value):
        if isinstance(value, dict):
            return {key: dates(each) for key, each in value.items() if key != "_links"}
        if isinstance(value, list):
            return [dates(each) for each in value]
        return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value

    return dates(model.to_dict())


def sent(api, path, **parameters):
    return {name: value for name, value in get(api, path, **parameters).json().items() if name != "_links"}


def test_the_official_sdk_reads_the_same(api):
    uid = users(api)[3]["uid"]
    client = sdk(api)
    assert plain(UsersApi(client).get_users()) == sent(api, "users")
    assert plain(UsersApi(client).get_user(uid)) == sent(api, f"users/{uid}")
    assert plain(AccountGroupsApi(client).get_account_groups()) == sent(api, "account-groups")
    whole = AccountGroupsApi(client).get_account_group("3308", expand=[ExpandAccountGroupOptions.USER])
    assert len(whole.users) > 5
    assert plain(whole) == sent(api, "account-groups/3308", expand="user")
    assert plain(RolesApi(client).get_roles()) == sent(api, "roles")
    assert plain(RolesApi(client).get_role("102")) == sent(api, "roles/102")
    assert plain(PermissionsApi(client).get_permissions()) == sent(api, "permissions")


def test_the_official_sdk_reads_the_refusals():
    with Sandbox(LOG, now=NOW, refused=("roles",)) as api:
        with pytest.raises(ForbiddenException):
            RolesApi(sdk(api)).get_roles()
        with pytest.raises(NotFoundException):
            UsersApi(sdk(api)).get_user("0")
