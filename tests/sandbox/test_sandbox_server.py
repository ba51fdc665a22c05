"""The practice server over real sockets: the published rules, the pages, the allowance, and good manners."""

import base64
import http.client
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.contract import check
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
PATH = "/v7/audit-user-events"
SECOND = timedelta(seconds=1)
LOG = Organisation(events=400, seed=1, end=NOW, days=7)


def multiset(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Caller:
    """A client that does as it is told."""

    def __init__(self, api):
        self.api = api
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {api.token}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    def get(self, *, path=PATH, headers=None, **parameters):
        return self.session.get(self.api.url + path, params=parameters, headers=headers, timeout=10)

    def pages(self, **parameters):
        answer = self.get(**parameters)
        while True:
            assert answer.status_code == 200, answer.text
            page = answer.json()
            check(page, "page")
            yield page
            if "next" not in page["_links"]:
                return
            link = urljoin(answer.url, page["_links"]["next"]["href"])
            answer = self.session.get(link, timeout=10)

    def events(self, **parameters):
        return [event for page in self.pages(**parameters) for event in page["auditEvents"]]


@pytest.fixture(scope="module")
def caller():
    with Sandbox(LOG, now=NOW, rate_limit=None) as api, Caller(api) as caller:
        yield caller


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    options=st.fixed_dictionaries(
        {
            "page_size": st.integers(1, 120),
            "order": st.sampled_from(["newest", "oldest"]),
            "include_start": st.booleans(),
            "include_end": st.booleans(),
            "relative_links": st.booleans(),
            "sliding_links": st.booleans(),
        }
    ),
    where=st.tuples(st.integers(0, 399), st.integers(0, 399)).map(sorted),
    scope=st.sampled_from([{}, {"aid": "2071"}, {"useAllPermittedAids": "true"}]),
)
def test_the_pages_hold_exactly_the_events_of_the_range(options, where, scope):
    start, end = (datetime.fromtimestamp(int(LOG.dates[place]), UTC) for place in where)
    with Sandbox(LOG, now=NOW, rate_limit=None, **options) as api, Caller(api) as caller:
        pages = list(caller.pages(startDate=iso(start), endDate=iso(end), **scope))
        truth = api.truth(
            start if options["include_start"] else start + SECOND,
            end + SECOND if options["include_end"] else end,
            aid=scope.get("aid"),
            all_account_groups="useAllPermittedAids" in scope,
        )
    events = [event for page in pages for event in page["auditEvents"]]
    assert multiset(events) == multiset(truth)
    dates = [event["date"] for event in events]
    assert dates == sorted(dates, reverse=options["order"] == "newest")
    assert [len(page["auditEvents"]) for page in pages[:-1]] == [options["page_size"]] * (len(pages) - 1)
    assert {(page["startDate"], page["endDate"]) for page in pages} == {(iso(start), iso(end))}


def test_truth_is_half_open_and_scoped():
    first, last = (datetime.fromtimestamp(int(LOG.dates[place]), UTC) for place in (0, -1))
    sandbox = Sandbox(LOG)
    assert len(sandbox.truth(first, last + SECOND, all_account_groups=True)) == 400
    assert iso(first) not in {e["date"] for e in sandbox.truth(first + SECOND / 2, last, all_account_groups=True)}
    assert iso(last) not in {e["date"] for e in sandbox.truth(first, last, all_account_groups=True)}
    assert {e["aid"] for e in sandbox.truth(first, last)} == {"1234"}
    assert {e["aid"] for e in sandbox.truth(first, last, aid="3308")} == {"3308"}


@pytest.mark.parametrize(
    ("window", "seconds"),
    [("45", 45), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("2d", 172_800), ("1w", 604_800), ("0", 0)],
)
def test_a_window_ends_now_and_is_told_in_dates(caller, window, seconds):
    page = caller.get(window=window).json()
    end = NOW.replace(microsecond=0)
    assert (page["startDate"], page["endDate"]) == (iso(end - timedelta(seconds=seconds)), iso(end))


def test_a_window_may_be_as_long_as_one_likes(caller):
    for window in ("9999w", "9" * 30 + "w", "9" * 5_000):
        page = caller.get(window=window, useAllPermittedAids="true").json()
        assert page["startDate"] == "1970-01-01T00:00:00Z" or window == "9999w"
        assert len(page["auditEvents"]) == 400


def test_without_a_range_all_events_come_and_no_dates(caller):
    pages = list(caller.pages(useAllPermittedAids="true", max="150"))
    assert [len(page["auditEvents"]) for page in pages] == [150, 150, 100]
    assert all("startDate" not in page for page in pages)


def test_without_an_end_the_range_ends_now(caller):
    assert caller.get(startDate="2026-02-28T00:00:00Z").json()["endDate"] == "2026-03-01T12:30:15Z"


def test_dates_with_an_offset_are_converted(caller):
    page = caller.get(startDate="2026-02-28T02:00:00.000000+0200", endDate="2026-02-28T00:00:00Z").json()
    assert (page["startDate"], page["endDate"]) == ("2026-02-28T00:00:00Z", "2026-02-28T00:00:00Z")


def test_no_aid_means_the_login_account_group(caller):
    events = caller.events(window="7d")
    assert {event["aid"] for event in events} == {"1234"}
    assert multiset(events) == multiset(caller.events(window="7d", aid="1234", useAllPermittedAids="false"))


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"window": "7 days"}, "window"),
        ({"window": "-1d"}, "window"),
        ({"window": "1d\n"}, "window"),
        ({"window": "٣d"}, "window"),
        ({"window": ""}, "window"),
        ({"window": "1d", "startDate": "2026-02-28T00:00:00Z"}, "window"),
        ({"window": "1d", "endDate": "2026-02-28T00:00:00Z"}, "window"),
        ({"endDate": "2026-02-28T00:00:00Z"}, "endDate"),
        ({"startDate": "2026-02-28"}, "startDate"),
        ({"startDate": "2026-02-28T00:00:00"}, "startDate"),
        ({"startDate": "2026-02-30T00:00:00Z"}, "startDate"),
        ({"startDate": "2026-02-28T00:00:00Z", "endDate": "tomorrow"}, "endDate"),
        ({"startDate": "2026-02-28T00:00:01Z", "endDate": "2026-02-28T00:00:00Z"}, "startDate"),
        ({"startDate": "2030-01-01T00:00:00Z"}, "startDate"),
        ({"useAllPermittedAids": "yes"}, "useAllPermittedAids"),
        ({"aid": ""}, "aid"),
        ({"aid": ["1234", "2071"]}, "aid"),
        ({"max": "0"}, "max"),
        ({"max": "10001"}, "max"),
        ({"max": "many"}, "max"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "made-up"}, "cursor"),
        ({"cursor": base64.b64encode(b'[0, "*", null, 9]').decode()}, "cursor"),
    ],
)
def test_a_parameter_against_the_rules_is_a_400_that_names_it(caller, parameters, field):
    answer = caller.get(**parameters)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    check(answer.json(), "problem")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_account_group_of_others_is_a_403(caller):
    answer = caller.get(aid="9999")
    assert answer.status_code == answer.json()["status"] == 403
    check(answer.json(), "problem")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic practice-token", "Bearer ü"])
def test_another_token_is_a_401(caller, authorization):
    answer = caller.get(headers={"Authorization": authorization.encode()})
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    check(answer.json(), "unauthorized")


def test_a_token_that_may_be_real_is_refused_told_to_nobody_and_kept_nowhere(caller, capfd):
    real = "0123abcd-0000-4000-8000-000000000000"
    answer = caller.get(headers={"Authorization": f"Bearer {real}"})
    assert answer.status_code == 401
    assert real not in f"{answer.text} {answer.headers} {caller.api.requests} {capfd.readouterr()}"


def test_another_path_is_a_404_and_another_method_a_405(caller):
    missing = caller.get(path="/v7/nothing")
    assert missing.status_code == 404
    check(missing.json(), "problem")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        refused = caller.session.request(method, caller.api.url + PATH, data=b"x" * 100, timeout=10)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET")
        check(refused.json(), "problem")
    head = caller.session.head(caller.api.url + PATH, timeout=10)
    assert (head.status_code, head.content) == (405, b"")


def test_the_next_link_repeats_the_question_with_its_range_resolved(caller):
    page = caller.get(aid="3308", window="7d", max="10").json()
    link = urlsplit(page["_links"]["next"]["href"])
    assert f"{link.scheme}://{link.netloc}" == caller.api.url
    parameters = parse_qs(link.query)
    assert parameters.pop("cursor")
    assert parameters == {
        "aid": ["3308"],
        "useAllPermittedAids": ["false"],
        "startDate": ["2026-02-22T12:30:15Z"],
        "endDate": ["2026-03-01T12:30:15Z"],
        "max": ["10"],
    }


def test_a_cursor_alone_asks_for_the_same_as_the_whole_link(caller):
    link = caller.get(useAllPermittedAids="true", window="7d", max="50").json()["_links"]["next"]["href"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    whole, alone = caller.session.get(link, timeout=10).json(), caller.get(cursor=cursor, max="50").json()
    assert alone["auditEvents"] == whole["auditEvents"]
    assert alone["startDate"] == whole["startDate"]
    following = parse_qs(urlsplit(alone["_links"]["next"]["href"]).query)
    assert following["useAllPermittedAids"] == ["true"]


def test_a_cursor_is_sealed_and_belongs_to_its_account_group(caller):
    link = caller.get(aid="3308", max="5").json()["_links"]["next"]["href"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    raw = bytearray(base64.b64decode(cursor))
    raw[-1] ^= 1
    assert caller.get(cursor=base64.b64encode(raw).decode()).status_code == 400
    assert caller.get(cursor=cursor, aid="1234").status_code == 400
    assert caller.get(cursor=cursor, aid="3308").status_code == 200


def test_relative_links_have_no_host_and_sliding_ones_no_dates():
    with Sandbox(LOG, now=NOW, relative_links=True, sliding_links=True) as api, Caller(api) as caller:
        links = caller.get(window="7d", max="5").json()["_links"]
    assert links["self"]["href"].startswith(PATH)
    link = urlsplit(links["next"]["href"])
    assert (link.netloc, link.path) == ("", PATH)
    parameters = parse_qs(link.query)
    assert parameters["window"] == ["7d"]
    assert not {"startDate", "endDate"} & set(parameters)


@pytest.mark.parametrize("sliding", [False, True])
def test_only_a_sliding_link_moves_with_the_clock(sliding):
    clock = [NOW]
    seen, starts = 0, []
    with (
        Sandbox(LOG, now=lambda: clock[-1], sliding_links=sliding) as api,
        Caller(api) as caller,
    ):
        for page in caller.pages(window="7d", useAllPermittedAids="true", max="100"):
            seen += len(page["auditEvents"])
            starts.append(page["startDate"])
            clock.append(clock[-1] + timedelta(hours=30))
    if sliding:
        assert seen < 400
        assert starts == sorted(set(starts))
    else:
        assert seen == 400
        assert set(starts) == {"2026-02-22T12:30:15Z"}


def test_every_answer_tells_the_allowance_and_the_time():
    with Sandbox(LOG, now=NOW, rate_limit=5, rate_period=60) as api, Caller(api) as caller:
        answers = [caller.get(), caller.get(aid="9999"), caller.get(path="/x"), caller.get(window="x")]
        answers += [caller.get(headers={"Authorization": "Bearer other"})]
    left = [answer.headers["X-Organization-Rate-Limit-Remaining"] for answer in answers]
    assert left == ["4", "3", "2", "1", "1"]
    for answer in answers:
        assert answer.headers["X-Organization-Rate-Limit-Limit"] == "5"
        assert parsedate_to_datetime(answer.headers["Date"]) == NOW.replace(microsecond=0)
        assert 55 <= int(answer.headers["X-Organization-Rate-Limit-Reset"]) - NOW.timestamp() <= 61


@pytest.mark.full
def test_a_used_up_allowance_is_a_429_until_the_reset():
    with Sandbox(LOG, rate_limit=2, rate_period=1) as api, Caller(api) as caller:
        began = time.monotonic()
        statuses = [caller.get().status_code for _ in range(4)]
        refused = caller.get()
        assert time.monotonic() - began < 1, "too slow a machine to tell"
        time.sleep(1)
        assert caller.get().status_code == 200
    assert statuses == [200, 200, 429, 429]
    assert (refused.status_code, refused.headers["Content-Type"]) == (429, "application/problem+json")
    assert refused.headers["X-Organization-Rate-Limit-Remaining"] == "0"
    assert "Retry-After" not in refused.headers
    check(refused.json(), "problem")


def test_no_limit_still_has_headers(caller):
    answers = [caller.get() for _ in range(3)]
    assert len({answer.headers["X-Organization-Rate-Limit-Remaining"] for answer in answers}) == 1
    assert int(answers[0].headers["X-Organization-Rate-Limit-Remaining"]) > 100_000


def test_requests_are_noted_without_the_token():
    with Sandbox(LOG) as api, Caller(api) as caller:
        caller.get(window="1d", aid="2071")
        caller.get(path="/x")
        assert [(r.path, r.query, r.status) for r in api.requests] == [
            (PATH, {"window": "1d", "aid": "2071"}, 200),
            ("/x", {}, 404),
        ]
        assert api.requests[0].time <= api.requests[1].time <= time.monotonic()
        assert api.token not in repr(api.requests) + repr(api)


@pytest.mark.full  # eight clients take seconds
def test_many_clients_at_once_get_the_same(caller):
    query = {"window": "7d", "useAllPermittedAids": "true", "max": "37"}
    alone = caller.events(**query)

    def fetch(_):
        with Caller(caller.api) as another:
            return another.events(**query)

    with ThreadPoolExecutor(8) as pool:
        assert all(events == alone for events in pool.map(fetch, range(8)))


def ask(api, *, host, target=PATH):
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api.token}\r\n\r\n".encode("latin-1")


def connect(api):
    return closing(socket.create_connection(("127.0.0.1", urlsplit(api.url).port), timeout=10))


def test_an_answer_is_one_piece_and_the_connection_stays(caller):
    with connect(caller.api) as connection:
        began = time.monotonic()
        for _ in range(30):
            connection.sendall(ask(caller.api, host=urlsplit(caller.api.url).netloc, target=PATH + "?max=3"))
            answer = connection.recv(65_536)
            head, body = answer.split(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            check(json.loads(body), "page")
        # The delayed acknowledgement that this avoids costs 40 ms each.
        assert time.monotonic() - began < 30 * 0.03


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1:1", "127.0.0.1", "", "[::1]:{port}"]
)
def test_a_foreign_host_header_is_refused(caller, host):
    port = urlsplit(caller.api.url).port
    with connect(caller.api) as connection:
        connection.sendall(ask(caller.api, host=host.format(port=port)))
        head, body = connection.recv(65_536).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 421 ")
    check(json.loads(body), "problem")


def test_a_request_without_a_host_is_refused(caller):
    with connect(caller.api) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.0\r\nAuthorization: Bearer {caller.api.token}\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 421 ")


def test_localhost_is_the_same_server_and_links_keep_its_name(caller):
    port = urlsplit(caller.api.url).port
    with connect(caller.api) as connection:
        connection.sendall(ask(caller.api, host=f"localhost:{port}", target=f"{PATH}?max=1"))
        page = json.loads(connection.recv(65_536).split(b"\r\n\r\n")[1])
    assert page["_links"]["next"]["href"].startswith(f"http://localhost:{port}/v7/")


def test_what_is_not_http_gets_a_problem(caller):
    for nonsense, status in ((b"\x16\x03\x01 nonsense\r\n\r\n", 400), (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501)):
        with connect(caller.api) as connection:
            connection.sendall(nonsense)
            head, body = connection.recv(65_536).split(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            check(json.loads(body), "problem")
            assert connection.recv(1) == b""


def test_latency_is_waited_before_each_answer():
    with Sandbox(LOG, latency=0.1) as api, Caller(api) as caller:
        began = time.monotonic()
        caller.get()
        assert time.monotonic() - began >= 0.1


def test_stopping_hangs_up_and_leaves_no_thread():
    before = set(threading.enumerate())
    with Sandbox(LOG) as api:
        url, connections = api.url, [http.client.HTTPConnection(urlsplit(api.url).netloc) for _ in range(3)]
        for connection in connections:
            connection.request("GET", PATH)
            connection.getresponse().read()
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=1)
    with pytest.raises(RuntimeError, match="not started"):
        _ = api.url


def test_a_client_that_hangs_up_early_disturbs_nobody(caller, capfd):
    for _ in range(5):
        with connect(caller.api) as connection:
            connection.sendall(ask(caller.api, host=urlsplit(caller.api.url).netloc))
    assert caller.get().status_code == 200
    assert capfd.readouterr().err == ""


def test_given_events_are_served_as_they_are():
    odd = [
        {"date": "2026-02-27T10:00:00Z", "aid": 77, "extra": {"new": [1, None]}, "resources": []},
        {"date": "when?", "user": "\ud800"},
        "not an event",
        None,
    ]
    with Sandbox(odd, now=NOW, order="oldest") as api, Caller(api) as caller:
        assert caller.get(window="7d").json()["auditEvents"] == odd
        assert caller.get(window="7d", aid="77").json()["auditEvents"] == odd


@pytest.mark.full
def test_the_demo_window_sees_every_event_of_the_default_organisation():
    with Sandbox(events=1_000) as api, Caller(api) as caller:
        assert len(caller.events(window="90d", useAllPermittedAids="true")) == 1_000


@pytest.mark.parametrize(
    ("option", "culprit"),
    [
        ({"host": "0.0.0.0"}, "host"),
        ({"host": "192.168.1.10"}, "host"),
        ({"host": ""}, "host"),
        ({"host": "example.com"}, "host"),
        ({"token": "0123abcd-0000-0000-0000-000000000000"}, "token"),
        ({"token": ""}, "token"),
        ({"order": "random"}, "order"),
        ({"page_size": 0}, "page_size"),
        ({"latency": -1}, "latency"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_period": 0}, "rate_period"),
        ({"now": datetime(2026, 1, 1)}, "now"),
    ],
)
def test_refuses_options_that_are_wrong_or_unsafe(option, culprit):
    with pytest.raises(ValueError, match=culprit) as caught:
        Sandbox(LOG, **option)
    if culprit == "token" and option["token"]:
        assert option["token"] not in str(caught.value)


def test_a_client_with_the_servers_clock_warns_of_no_difference(tmp_path, recwarn):
    clock = [NOW]
    with Sandbox(LOG, now=lambda: clock[-1]) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False, clock=api.clock)
        assert not taf.Archive(tmp_path).sync(client, start=NOW - timedelta(days=3)).notes
        clock.append(NOW + timedelta(days=1))  # the clock moves along
        assert api.clock.now() == clock[-1]
        assert not taf.Archive(tmp_path).sync(client).notes
    assert recwarn.list == []
