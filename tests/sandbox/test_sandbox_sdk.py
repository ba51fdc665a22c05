"""The practice server, judged by others: the official SDK reads it, the published document describes it."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from thousandeyes_sdk.administrative import AccountGroupsApi, UserEventsApi
from thousandeyes_sdk.core import ApiClient, Configuration
from thousandeyes_sdk.core.exceptions import ForbiddenException, UnauthorizedException

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.schema import FIELDS, to_arrow

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=700, seed=2, end=NOW, days=7)
PUBLISHED = Path(__file__).parents[3] / "shared" / "api" / "openapi-administrative.yaml"


@pytest.fixture(scope="module")
def api():
    with Sandbox(LOG, now=NOW, rate_limit=None, page_size=64) as api:
        yield api


def sdk(api, *, token=None):
    return UserEventsApi(ApiClient(Configuration(host=f"{api.url}/v7", access_token=token or api.token)))


def multiset(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def as_sent(event):
    """Turn the SDK's event back into the API's JSON."""
    return event.to_dict() | {"date": event.var_date.strftime("%Y-%m-%dT%H:%M:%SZ")}


@pytest.mark.parametrize("scope", [{}, {"aid": "2071"}, {"use_all_permitted_aids": True}])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("relative", [False, True])
def test_the_official_sdk_gets_every_event_of_a_window(scope, order, relative):
    with Sandbox(LOG, now=NOW, page_size=64, order=order, relative_links=relative) as api:
        events = [as_sent(event) for event in sdk(api).get_user_events_paginated(window="7d", **scope)]
        truth = api.truth(
            NOW - timedelta(days=7),
            NOW + timedelta(seconds=1),
            aid=scope.get("aid"),
            all_account_groups=scope.get("use_all_permitted_aids", False),
        )
    assert len(truth) > 64
    assert multiset(events) == multiset(truth)


def test_the_official_sdk_gets_every_event_between_two_dates(api):
    start, end = NOW - timedelta(days=5), NOW - timedelta(days=1)
    pages = sdk(api).get_user_events_paginated(start_date=start, end_date=end, use_all_permitted_aids=True)
    truth = api.truth(start, end + timedelta(seconds=1), all_account_groups=True)
    assert len(truth) > 64
    assert multiset(map(as_sent, pages)) == multiset(truth)


def test_the_official_sdk_gets_the_same_events_as_this_package(api):
    theirs = sdk(api).get_user_events_paginated(window="7d", use_all_permitted_aids=True)
    client = taf.Client(token=api.token, base_url=api.url)
    ours = to_arrow(client.fetch_events(window="7d", all_account_groups=True)).to_pylist()
    assert len(ours) == len(LOG)
    assert Counter(map(values_of, ours)) == Counter(values_of(sdk_row(event)) for event in theirs)


def sdk_row(event):
    sent = event.to_dict()
    row = {column: sent.get(field) for field, column in FIELDS.items()}
    return row | {"date": event.var_date, "extra": None}


def values_of(row):
    return json.dumps(row | {"date": row["date"].timestamp()}, sort_keys=True)


def test_the_official_sdk_lists_the_account_groups(api):
    calls = AccountGroupsApi(ApiClient(Configuration(host=f"{api.url}/v7", access_token=api.token)))
    groups = calls.get_account_groups().account_groups
    assert [(group.aid, group.is_default_account_group) for group in groups] == [
        (aid, aid == "1234") for aid in LOG.aids
    ]
    assert [group.account_group_name for group in groups] == list(LOG.group_names)


def test_the_official_sdk_reads_the_errors(api):
    with pytest.raises(UnauthorizedException) as unauthorized:
        sdk(api, token="practice-but-stale").get_user_events()
    assert unauthorized.value.data.error == "invalid_token"
    with pytest.raises(ForbiddenException) as forbidden:
        sdk(api).get_user_events(aid="9999")
    assert forbidden.value.data.status == 403


@pytest.fixture(scope="module")
def published():
    if not PUBLISHED.exists():
        pytest.skip("the published document is not here; contract.json holds the same in test_sandbox_server.py")
    import openapi_core

    # openapi-core reads neither media type as JSON by itself.
    json_kinds = {"application/hal+json": json.loads, "application/problem+json": json.loads}
    return openapi_core.OpenAPI.from_file_path(
        str(PUBLISHED), openapi_core.Config(extra_media_type_deserializers=json_kinds)
    )


def exchange(api, query, *, token):
    """Ask the server, and return the request and the answer as openapi-core reads them."""
    from openapi_core.testing import MockRequest, MockResponse

    answer = requests.get(
        f"{api.url}/v7/audit-user-events",
        params=query,
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    request = MockRequest(
        "https://api.thousandeyes.com",
        "get",
        "/v7/audit-user-events",
        args=dict(query),
        headers={"Authorization": "Bearer practice"},
    )
    kind = answer.headers["Content-Type"]
    return request, MockResponse(answer.content, answer.status_code, dict(answer.headers), kind)


QUESTIONS = [
    {},
    {"window": "12h"},
    {"window": "7d", "useAllPermittedAids": "true"},
    {"startDate": "2026-02-25T00:00:00Z", "endDate": "2026-02-26T00:00:00Z", "aid": "3308"},
    {"startDate": "2026-02-25T00:00:00Z"},
]


@pytest.mark.full
@pytest.mark.parametrize("query", QUESTIONS)
def test_pages_are_what_the_published_document_says(api, published, query):
    pages = 0
    while query is not None:
        request, answer = exchange(api, query, token=api.token)
        assert answer.status_code == 200
        published.validate_request(request)
        published.validate_response(request, answer)
        following = json.loads(answer.data)["_links"].get("next")
        query = following and dict(parse_qsl(urlsplit(following["href"]).query))
        pages += 1
    assert pages >= 1


@pytest.mark.full
def test_the_published_document_would_notice_a_wrong_page(published):
    with Sandbox([{"date": "2026-03-01T00:00:00Z", "aid": 1234}], now=NOW) as api:
        request, answer = exchange(api, {"window": "7d"}, token=api.token)
    from openapi_core.exceptions import OpenAPIError

    with pytest.raises(OpenAPIError):
        published.validate_response(request, answer)


@pytest.mark.full
@pytest.mark.parametrize(
    ("query", "token", "status"),
    [
        ({"window": "12h"}, "practice-but-stale", 401),
        ({"aid": "9999"}, None, 403),
        ({"endDate": "2026-02-26T00:00:00Z"}, None, 400),
        ({"window": "1d", "startDate": "2026-02-25T00:00:00Z"}, None, 400),
        ({"cursor": "made-up"}, None, 400),
    ],
)
def test_refusals_are_what_the_published_document_says(api, published, query, token, status):
    request, answer = exchange(api, query, token=token or api.token)
    assert answer.status_code == status
    published.validate_response(request, answer)


@pytest.mark.full
def test_a_429_is_what_the_published_document_says(published):
    with Sandbox(LOG, rate_limit=1) as api:
        exchange(api, {}, token=api.token)
        request, answer = exchange(api, {}, token=api.token)
    assert answer.status_code == 429
    published.validate_response(request, answer)
