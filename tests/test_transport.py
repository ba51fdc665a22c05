"""One GET against a server that breaks the rules: what is retried, what is refused, and what stays secret."""

import itertools
import logging
import pickle
import re
import time
import traceback
from datetime import UTC, datetime

import pytest
from support.rawserver import (
    HANG_UP,
    RESET,
    TOKEN,
    Pause,
    RawServer,
    VirtualClock,
    chunked,
    client_of,
    head,
    page,
    until_close,
    whole,
    zipped,
)

import te_audit_frames as taf
from te_audit_frames.client.rate_limit import LONGEST_WAIT, Budget
from te_audit_frames.client.transport import ACCEPT
from te_audit_frames.errors import (
    DecodeError,
    FetchError,
    NetworkError,
    RateLimited,
    ServerError,
)

EVENT = {"date": "2026-01-01T00:00:01Z", "aid": "1234", "event": "Login failed."}
BODY = page(EVENT)
OWN = EVENT | {"aid": "secret-aid"}
EARLIER = EVENT | {"date": "2026-01-01T00:00:02Z"}
GOOD = whole(BODY)
DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}


def slowly(answer, *, by=0.05):
    return [step for place in range(len(answer)) for step in (answer[place : place + 1], Pause(by))]


# ---- whole answers, however they are framed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        GOOD,
        chunked(BODY),
        chunked(BODY[:7], BODY[7:9], BODY[9:]),
        until_close(BODY),
        whole(zipped(BODY), Content_Encoding="gzip"),
        chunked(zipped(BODY)[:11], zipped(BODY)[11:], Content_Encoding="gzip"),
        [whole(zipped(BODY), Content_Encoding="gzip")[:-20], Pause(0.05), whole(zipped(BODY))[-20:]],
        until_close(zipped(BODY), Content_Encoding="gzip"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
        whole(b"\xef\xbb\xbf" + BODY),
    ],
    ids=["length", "chunked", "chunks", "close", "gzip", "gzip chunked", "gzip in parts", "gzip close", "100", "BOM"],
)
def test_a_whole_answer_in_any_framing(answer):
    with RawServer([answer]) as api:
        assert len(client_of(api).fetch_events(**DAY)) == 1
        assert len(api.requests) == 1


BROKEN = {
    "reset": [RESET],
    "hang up": [HANG_UP],
    "no http": [b"garbage\r\n\r\n", HANG_UP],
    "half a head": [b"HTTP/1.1 200 OK\r\nContent-Le", HANG_UP],
    "length cut": [GOOD[:-9], HANG_UP],
    "length reset": [GOOD[:-9], RESET],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + BODY, HANG_UP],
    "chunks cut": chunked(BODY[:20], end=False),
    "chunks without end": chunked(BODY, end=False),
    "no chunk": [head(Transfer_Encoding="chunked") + b"zz\r\n" + BODY, HANG_UP],
    "close cut": until_close(BODY[:-1]),
    "nothing": whole(b""),
    "gzip cut": whole(zipped(BODY)[:-12], Content_Encoding="gzip"),
    "gzip cut at close": until_close(zipped(BODY)[:-12], Content_Encoding="gzip"),
    "gzip not": whole(BODY, Content_Encoding="gzip"),
    "gzip damaged": whole(zipped(BODY)[:20] + b"\0\0\0" + zipped(BODY)[23:], Content_Encoding="gzip"),
    "200 headers": [head(**{f"X_{n}": n for n in range(200)}, Content_Length=len(BODY)) + BODY, HANG_UP],
    "html": whole(b"<!doctype html><title>Sign in</title>"),
    "other json": whole(b'{"error": "maintenance"}'),
    "null": whole(b"null"),
    "not utf-8": whole(BODY.replace(b"Login", b"L\xffgin")),
    "two documents": whole(BODY + BODY),
    "stall": [Pause(30)],
    "stall in the body": [GOOD[:-9], Pause(30)],
    "drip": [head(Content_Length=len(BODY)), *slowly(BODY)],
    "500": whole(b"", 500),
    "502 html": whole(b"<h1>Bad Gateway</h1>", 502),
    "503": whole({"title": "Service Unavailable"}, 503),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_exchange_is_tried_again(broken):
    with RawServer([broken, GOOD]) as api:
        batches = client_of(api, timeout=0.3).iter_batches(**DAY)
        assert sum(batch.num_rows for batch in batches) == 1
        assert len(api.requests) == batches.receipt.requests == 2
        assert (batches.receipt.retries, batches.receipt.throttled, batches.receipt.complete) == (1, 0, True)


@pytest.mark.few(count=10)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_exchange_that_stays_broken_is_an_error_of_ours(broken):
    with RawServer([broken]) as api:
        with pytest.raises(FetchError, match=r"^page 1\b.*\(after 2 attempts in ") as caught:
            client_of(api, timeout=0.3, retries=1).fetch_events(**DAY)
        assert len(api.requests) == 2
    error = caught.value
    assert isinstance(error, (NetworkError, DecodeError, ServerError))
    assert (len(error.partial), error.missing) == (
        0,
        [taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))],
    )


def test_time_outs_are_kept():
    for broken in ("stall", "stall in the body", "drip"):
        began = time.monotonic()
        with (
            RawServer([BROKEN[broken]]) as api,
            pytest.raises(NetworkError, match=r"timeout.*\. Give the Client a lon"),
        ):
            client_of(api, timeout=0.3, retries=0).fetch_events(**DAY)
        assert time.monotonic() - began < 2


def test_nobody_there():
    with RawServer([GOOD]) as api:
        client = client_of(api, retries=2)
    with pytest.raises(NetworkError, match=r"complete answer from http://127.* \[ConnectionError\]\. .*after 3 att"):
        client.fetch_events(**DAY)


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_attempts_are_bounded_and_spaced(retries):
    clock = VirtualClock()
    with RawServer([whole(b"", 503)]) as api:
        with pytest.raises(ServerError) as caught:
            client_of(api, retries=retries, clock=clock).fetch_events(**DAY)
        assert len(api.requests) == retries + 1
    assert ("attempts" in str(caught.value)) == (retries > 0)
    assert clock.seconds <= 31 * retries
    assert len(clock.waits) == retries


def test_by_default_five_more_attempts_are_made():
    with RawServer([whole(b"", 503)]) as api, pytest.raises(ServerError, match="after 6 attempts"):
        client_of(api).fetch_events(**DAY)


@pytest.mark.parametrize(
    ("endless", "said"),
    [
        (BROKEN["200 headers"], r"got more than 100 headers \[HTTPException\]"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, HANG_UP], r"got more than 65536 bytes .* \[LineTooLong\]"),
    ],
)
def test_an_endless_head_is_named_in_the_error(endless, said):
    with RawServer([endless]) as api, pytest.raises(NetworkError, match=rf"{said}\. Check base_url"):
        client_of(api, retries=0).fetch_events(**DAY)


def test_total_time_is_bounded():
    clock = VirtualClock()
    with RawServer([whole(b"", 503)]) as api, pytest.raises(ServerError):
        client_of(api, retries=1_000, deadline=120, clock=clock).fetch_events(**DAY)
    assert 60 < clock.seconds <= 120


def test_pages_that_go_on_and_on_end_at_the_deadline():
    numbers = itertools.count()
    clock = VirtualClock()

    def script(request):
        clock.seconds += 10
        number = next(numbers)
        return whole(page(EVENT | {"uid": str(number)}, following=f"/v7/audit-user-events?cursor={number}"))

    with RawServer(script) as api:
        with pytest.raises(NetworkError, match=r"the 100 s that this fetch may take are over.*deadline") as caught:
            client_of(api, deadline=100, clock=clock, workers=1).fetch_events(**DAY)
        assert len(api.requests) == 11
    assert len(caught.value.partial) == 11


@pytest.mark.parametrize(
    "answer",
    [chunked(b"[" * 5_000), whole(zipped(b" " * 50_000_000), Content_Encoding="gzip"), whole(b"[" * 5_000, 503)],
    ids=["large", "large once unpacked", "large error"],
)
def test_an_answer_larger_than_allowed_is_given_up_at_once(answer):
    with RawServer([answer]) as api:
        with pytest.raises(NetworkError, match=r"^page 1: .* larger than the 4,000 bytes .* max_page_bytes\. \("):
            client_of(api, max_page_bytes=4_000).fetch_events(**DAY)
        assert len(api.requests) == 1


@pytest.mark.parametrize(("most", "said"), [(2**20 - 1, "1,048,575 bytes"), (2**20, "1 MiB"), (3 * 2**19, "1.5 MiB")])
def test_the_largest_size_of_a_page_is_written_in_words(most, said):
    large = whole(zipped(b" " * 2_000_000), Content_Encoding="gzip")
    with RawServer([large]) as api, pytest.raises(NetworkError, match=f"larger than the {said} that"):
        client_of(api, max_page_bytes=most).fetch_events(**DAY)


@pytest.mark.parametrize("answer", [GOOD, whole(zipped(BODY), Content_Encoding="gzip")], ids=["plain", "gzip"])
def test_the_largest_answer_allowed_is_taken(answer):
    with RawServer([answer]) as api:
        assert len(client_of(api, max_page_bytes=len(BODY)).fetch_events(**DAY)) == 1
        with pytest.raises(NetworkError, match=f"larger than the {len(BODY) - 1} bytes"):
            client_of(api, max_page_bytes=len(BODY) - 1).fetch_events(**DAY)


def test_the_body_of_a_redirect_is_bounded_too():
    endless = [head(302, Location="https://elsewhere.example/"), *[b"x" * 1_000, Pause(0.1)] * 50]
    began = time.monotonic()
    with RawServer([endless]) as api, pytest.raises(NetworkError, match="timeout"):
        client_of(api, timeout=0.3, retries=0).fetch_events(**DAY)
    assert time.monotonic() - began < 2


# ---- one origin, one token ---------------------------------------------------------------------------------------


def test_every_request_carries_the_token_and_says_what_it_takes():
    with RawServer([whole(page(EARLIER, following="/v7/audit-user-events?cursor=b")), GOOD]) as api:
        client_of(api, workers=1).fetch_events(**DAY)
        assert [request.authorization for request in api.requests] == [f"Bearer {TOKEN}"] * 2
        assert {request.headers["accept"] for request in api.requests} == {ACCEPT}
        assert {request.headers["accept-encoding"] for request in api.requests} == {"gzip"}
        assert api.accepted == 1  # the connection is kept


def test_a_netrc_entry_does_not_replace_the_token(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\ndefault login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer([GOOD]) as api:
        client_of(api).fetch_events(**DAY)
        assert api.requests[0].authorization == f"Bearer {TOKEN}"


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_does_not_see_loopback_traffic(name, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with RawServer([GOOD]) as proxy, RawServer([GOOD]) as api:
        monkeypatch.setenv(name, proxy.url)
        client_of(api).fetch_events(**DAY)
        assert (proxy.accepted, len(api.requests)) == (0, 1)


def test_cookies_are_not_kept():
    first = whole(page(EARLIER, following="/v7/audit-user-events?cursor=b"), Set_Cookie="a=b; Path=/")
    with RawServer([first, GOOD]) as api:
        client_of(api, workers=1).fetch_events(**DAY)
        assert ["cookie" in request.headers for request in api.requests] == [False, False]


# ---- what stays secret -------------------------------------------------------------------------------------------

PROBLEM = {
    "type": "about:blank",
    "title": "Request validation failed",
    "detail": "see errors",
    "errors": [{"code": "V1", "field": "startDate", "message": "too early"}],
}

FAILURES = {
    **{name: [BROKEN[name]] for name in ("reset", "length cut", "gzip not", "html", "not utf-8", "503", "200 headers")},
    **{str(status): [whole(PROBLEM, status)] for status in (400, 401, 403, 404, 418)},
    "redirect": [whole(b"", 302, Location="https://elsewhere.example/")],
    "foreign link": [whole(page(OWN, following="https://elsewhere.example/v7/x?cursor=secret-cursor"))],
    "loop": [whole(page(OWN, following="/v7/audit-user-events?cursor=secret-cursor"))],
    "bad date": [whole(page({"date": "soon"}))],
    "429": [whole(b"", 429)],
    "stall": [[Pause(30)]],
    "too large": [whole(zipped(b" " * (64 * 2**20 + 1)), Content_Encoding="gzip")],
}


@pytest.mark.few(count=8)
@pytest.mark.parametrize("script", FAILURES.values(), ids=FAILURES)
def test_no_error_holds_the_token_or_the_query_and_no_log_the_token(script, caplog):
    caplog.set_level(logging.DEBUG)
    with RawServer(script) as api:
        client = client_of(api, retries=1, timeout=0.3, deadline=300)
        with pytest.raises(FetchError) as caught:
            client.fetch_events(**DAY, aid="secret-aid")
    error = caught.value
    assert error.__cause__ is None
    chain = [error]
    while chain[-1].__context__ is not None:
        chain.append(chain[-1].__context__)
    for link in chain:
        # Errors of these hold the request, and with it the token.
        assert type(link).__module__.partition(".")[0] not in {"requests", "urllib3", "http", "ssl"}
        with_locals = "".join(traceback.TracebackException.from_exception(link, capture_locals=True).format())
        plain = "".join(traceback.format_exception(link))
        told = f"{link} {link!r} {link.args}"
        assert TOKEN not in f"{with_locals} {plain} {told} {vars(link)} {pickle.dumps(link)!r}"
        assert "secret" not in told
    assert TOKEN not in caplog.text


def test_no_object_that_an_error_leads_to_shows_the_token():
    with RawServer([[RESET]]) as api, pytest.raises(NetworkError) as caught:
        client_of(api, retries=0).fetch_events(**DAY)
    shown = " ".join(repr(value) for frame in caught.traceback for value in frame.frame.f_locals.values())
    assert TOKEN not in shown


# ---- the budget --------------------------------------------------------------------------------------------------

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
DATE = "Thu, 01 Jan 2026 12:00:00 GMT"


def limits(*, remaining=0, reset=NOON + 20, limit=240, date=DATE):
    prefix = "X_Organization_Rate_Limit_"
    headers = {f"{prefix}Limit": limit, f"{prefix}Remaining": remaining, f"{prefix}Reset": reset, "Date": date}
    return {name: value for name, value in headers.items() if value is not None}


@pytest.mark.parametrize(
    ("headers", "shortest", "longest"),
    [
        (limits(), 20, 21),
        (limits(reset=NOON + 59), 59, 60),
        (limits(reset=NOON), 1, 1),
        (limits(reset=NOON - 86_400), 1, 1),
        (limits(reset=0), 1, 1),
        (limits(reset=-5), 1, 1),
        (limits(reset=int((NOON + 20) * 1_000)), LONGEST_WAIT, LONGEST_WAIT),
        (limits(reset=NOON + 1e9), LONGEST_WAIT, LONGEST_WAIT),
        (limits(reset="NaN"), 1, 1),
        (limits(reset="inf"), 1, 1),
        (limits(reset="soon"), 1, 1),
        (limits(reset=None), 1, 1),
        (limits(limit=None), 1, 1),
        (limits(limit=0), 1, 1),
        (limits(remaining="many"), 1, 1),
        (limits(remaining=-3), 20, 21),
        (limits(remaining=500), 20, 21),
        (limits(date="yesterday", reset=0), 1, 1),
        (limits(date=None, reset=0), 1, 1),
        ({}, 1, 1),
        ({"Retry_After": "30"}, 1, 1),
    ],
    ids=str,
)
def test_a_429_is_waited_out_as_its_headers_say(headers, shortest, longest):
    clock = VirtualClock()
    with RawServer([whole(b"", 429, **headers), GOOD]) as api:
        batches = client_of(api, retries=0, clock=clock).iter_batches(**DAY)
        assert sum(batch.num_rows for batch in batches) == 1
        assert len(api.requests) == 2
    assert shortest <= clock.seconds <= longest
    assert (batches.receipt.throttled, batches.receipt.retries) == (1, 0)
    assert batches.receipt.waited_seconds == pytest.approx(clock.seconds)


def test_many_429s_at_once_are_one_pause():
    budget = Budget()
    for _ in range(8):
        budget.leave()
    for moment in range(8):
        budget.answer(moment / 10, None, throttled=True)
    assert budget.wait(0.8) == pytest.approx(0.2)
    assert budget.free(1.0) >= 1


def test_any_number_of_429s_is_waited_out_within_the_deadline():
    clock = VirtualClock()
    with RawServer([whole(b"", 429)] * 30 + [GOOD]) as api:
        events = client_of(api, retries=0, clock=clock).fetch_events(**DAY)
    assert len(events) == 1
    assert 30 <= clock.seconds <= 30 * 60


def test_429s_beyond_the_deadline_are_an_error():
    clock = VirtualClock()
    with RawServer([whole(b"", 429, **limits(reset=NOON + 60))]) as api:
        with pytest.raises(RateLimited, match=r"^page 1: .*used up.*deadline") as caught:
            client_of(api, deadline=150, clock=clock).fetch_events(**DAY)
        assert 2 <= len(api.requests) <= 3
    assert caught.value.status == 429
    assert clock.seconds <= 150
    assert caught.value.missing


def test_nothing_is_sent_while_nothing_remains():
    clock = VirtualClock()
    sent = []

    def script(request):
        sent.append(clock.monotonic())
        left = {"following": f"/v7/audit-user-events?cursor={len(sent)}"} if len(sent) < 4 else {}
        later = int(NOON + clock.monotonic())
        end = int(NOON) + (20 if clock.monotonic() < 20 else 80)
        headers = limits(remaining=2 - len(sent) if len(sent) < 3 else 200, reset=end, date=None)
        stamp = datetime.fromtimestamp(later, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return whole(page(EVENT, **left), **headers, Date=stamp)

    with RawServer(script) as api:
        client_of(api, workers=1, clock=clock).fetch_events(**DAY)
    assert sent[1] == 0.0
    assert 20 <= sent[2] <= 22


def test_a_reserve_leaves_at_least_one_request():
    clock = VirtualClock()
    only = limits(limit=1, remaining=0, reset=NOON + 20)
    with RawServer([whole(page(EARLIER, following="/v7/audit-user-events?cursor=b"), **only), GOOD]) as api:
        hour = {"start": "2026-01-01", "end": "2026-01-01T01:00:00Z"}
        events = client_of(api, workers=1, reserve=0.9, clock=clock).fetch_events(**hour)
    assert len(events) == 2
    assert 20 <= clock.seconds <= 21


@pytest.mark.parametrize(
    "answer",
    [
        whole({"error": "invalid_token", "error_description": f"Bearer {TOKEN}"}, 401),
        whole({"title": TOKEN, "errors": [{"field": TOKEN, "message": [TOKEN]}]}, 400),
        whole(b"<pre>Authorization: Bearer " + TOKEN.encode()),
        whole(page(EVENT | {"date": TOKEN})),
    ],
)
def test_a_token_that_the_server_sends_back_is_in_no_error(answer):
    with RawServer([answer]) as api, pytest.raises(FetchError) as caught:
        client_of(api, retries=0, workers=1).fetch_events(**DAY)
    assert TOKEN not in str(caught.value) + repr(vars(caught.value))
    assert "<token>" in str(caught.value)


def test_one_exchange_does_not_outlast_the_deadline():
    began = time.monotonic()
    with RawServer([[Pause(30)]]) as api, pytest.raises(NetworkError, match="deadline"):
        client_of(api, timeout=20, deadline=0.5).fetch_events(**DAY)
    assert time.monotonic() - began < 3


# ---- the log -----------------------------------------------------------------------------------------------------


def test_retries_and_waits_are_logged_without_token_or_query(caplog):
    caplog.set_level(logging.DEBUG, logger="te_audit_frames")
    used_up = {"X_Organization_Rate_Limit_Limit": 240, "X_Organization_Rate_Limit_Remaining": 0}
    reset = {"X_Organization_Rate_Limit_Reset": 1_767_225_600, "Date": "Wed, 31 Dec 2025 23:59:50 GMT"}
    answers = [whole({"detail": TOKEN}, 503), whole({}, 429, **used_up, **reset), whole(page())]
    with RawServer(answers) as api:
        client_of(api).fetch_events(**DAY)
    records = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in records] == ["DEBUG", "INFO"]
    assert records[0][1].startswith("page 1: attempt 1 failed with ServerError, trying again in ")
    assert re.fullmatch(r"page 1: waiting [0-9]+ s for the rate limit", records[1][1])
    assert not [message for _, message in records if TOKEN in message or "startDate" in message]
