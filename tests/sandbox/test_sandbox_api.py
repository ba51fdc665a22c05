"""The practice API as a function from a request to an answer, without sockets."""

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.api import PATH, Api, Call, problem
from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.directory_api import DirectoryApi
from te_audit_frames.sandbox.event_log import GivenEvents
from te_audit_frames.sandbox.faults import Faults
from te_audit_frames.sandbox.live_log import LiveLog
from te_audit_frames.sandbox.parameters import Refusal
from te_audit_frames.sandbox.rate_limit import RateLimit
from te_audit_frames.sandbox.server_behaviour import Behaviour

NOW = 1_000
EVENTS = [{"date": iso(second), "aid": "1", "uid": "7", "n": second} for second in range(990, 997)]


def api(
    events=EVENTS, *, limit=None, page_size=3, include_start=True, include_end=True, relative_links=False, **options
):
    behaviour, log = Behaviour(**options), GivenEvents(events, now=NOW)
    return Api(
        event_log=log,
        log=LiveLog(log, behaviour, newest_first=True, seed=0),
        behaviour=behaviour,
        token="practice-token",
        clock=lambda: datetime.fromtimestamp(NOW, UTC),
        rate_limit=RateLimit(limit, 60.0, lambda: 0.0),
        page_size=page_size,
        include_start=include_start,
        include_end=include_end,
        relative_links=relative_links,
        sliding_links=False,
        faults=Faults(behaviour),
        directory=DirectoryApi(log),
    )


def ask(server, target=PATH, *, method="GET", authorization="Bearer practice-token", host="127.0.0.1:80"):
    return server.answer(Call(method, target, host, authorization))


def sent(answer):
    assert answer.status is HTTPStatus.OK, answer.body
    return [event["n"] for event in json.loads(answer.body)["auditEvents"]]


def walk(server, target):
    found = []
    while target is not None:
        answer = ask(server, target)
        found += sent(answer)
        following = json.loads(answer.body)["_links"].get("next")
        target = None if following is None else "?".join(urlsplit(following["href"])[2:4])
    return found


@given(st.integers(0, 9), st.integers(1, 4), st.booleans())
def test_links_lead_through_every_event_once(count, size, relative):
    events = [{"date": iso(900 + second), "n": second} for second in range(count)]
    server = api(events, page_size=size, relative_links=relative)
    assert walk(server, f"{PATH}?startDate={iso(0)}&endDate={iso(NOW)}") == list(range(count))[::-1]
    assert walk(server, PATH) == list(range(count))[::-1]


def test_links_are_at_the_host_that_was_asked_unless_they_are_relative():
    for relative, base in ((False, "http://localhost:99"), (True, "")):
        links = json.loads(ask(api(relative_links=relative), f"{PATH}?max=1", host="localhost:99").body)["_links"]
        assert links["self"]["href"] == f"{base}{PATH}?max=1"
        assert links["next"]["href"].startswith(f"{base}{PATH}?")


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer practice-token", 200),
        ("bearer  practice-token ", 200),
        ("Bearer practice-toke", 401),
        ("Bearer practice-token2", 401),
        ("Bearer pr\u00e1ctica", 401),
        ("Basic practice-token", 401),
        ("practice-token", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
def test_only_the_bearer_of_the_token_is_answered(authorization, status):
    answer = ask(api(), authorization=authorization)
    assert answer.status == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert b"practice" not in answer.body


def test_who_is_not_known_spends_nothing_and_learns_nothing():
    server = api(limit=1)
    for target in (PATH, "/v7/users", "/nowhere"):
        stranger = ask(server, target, authorization="")
        assert stranger.status == 401
        assert stranger.headers["X-Organization-Rate-Limit-Remaining"] == "1"
    assert ask(server).headers["X-Organization-Rate-Limit-Remaining"] == "0"
    assert ask(server).status == 429
    assert ask(server, "/nowhere").status == 429
    assert ask(server, authorization="").status == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "get"])
def test_events_can_only_be_read(method):
    answer = ask(api(), method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/v7", "/v7/audit-user-events/", "/v7/nowhere", "/v6/audit-user-events"])
def test_nothing_is_elsewhere(path):
    answer = ask(api(), f"{path}?max=1")
    assert answer.status == 404
    assert json.loads(answer.body)["instance"] == path


def test_the_directory_is_beside_the_events():
    answer = ask(api(), "/v7/users")
    assert answer.status == 200
    assert [user["uid"] for user in json.loads(answer.body)["users"]] == ["7"]
    assert ask(api(), "/v7/users?max=1&max=2").status == 400


@pytest.mark.parametrize(
    ("include_start", "include_end", "expected"),
    [(True, True, [992, 991, 990]), (False, True, [992, 991]), (True, False, [991, 990]), (False, False, [991])],
)
def test_the_ends_of_a_range_are_in_it_or_not(include_start, include_end, expected):
    server = api(include_start=include_start, include_end=include_end)
    assert sent(ask(server, f"{PATH}?startDate={iso(990)}&endDate={iso(992)}")) == expected


def test_links_that_were_never_sent_are_refused_by_a_server_that_takes_no_others():
    server = api(put_back="refused")
    following = json.loads(ask(server).body)["_links"]["next"]["href"]
    target = "?".join(urlsplit(following)[2:4])
    assert sent(ask(server, target)) == [993, 992, 991]
    refused = ask(server, f"{target}&max=2")
    assert refused.status == 400
    assert json.loads(refused.body)["errors"][0]["field"] == "cursor"


def test_the_date_is_the_servers_and_may_be_wrong():
    assert ask(api()).headers["Date"] == "Thu, 01 Jan 1970 00:16:40 GMT"
    assert ask(api(date_error=timedelta(minutes=-1))).headers["Date"] == "Thu, 01 Jan 1970 00:15:40 GMT"


@pytest.mark.parametrize(
    ("refusal", "title", "has_errors"),
    [
        (Refusal(HTTPStatus.BAD_REQUEST, "no", field="max"), "Request validation failed", True),
        (Refusal(HTTPStatus.BAD_REQUEST, "no"), "Request validation failed", False),
        (Refusal(HTTPStatus.IM_A_TEAPOT, "no"), "I'm a Teapot", False),
    ],
)
def test_a_problem_says_what_is_wrong_and_where(refusal, title, has_errors):
    headers = {"Date": "today"}
    answer = problem(refusal, "/v7/x?secret=1", headers)
    content = json.loads(answer.body)
    assert content["title"].startswith(title)
    assert (content["status"], content["detail"], content["instance"]) == (int(refusal.status), "no", "/v7/x")
    assert ("errors" in content) == has_errors
    assert answer.headers["Date"] == "today"
    assert headers == {"Date": "today"}
