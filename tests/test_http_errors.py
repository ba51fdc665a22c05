"""Error answers of the API: which error each becomes, and what its message says."""

import http.client

import pytest
import requests
import urllib3
from support.rawserver import (
    RawServer,
    client_of,
    page,
    whole,
)

from te_audit_frames.client.http_errors import describe
from te_audit_frames.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    NotFound,
    PermissionDenied,
)

EVENT = {"date": "2026-01-01T00:00:01Z", "aid": "1234", "event": "Login failed."}
BODY = page(EVENT)
GOOD = whole(BODY)
DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}

PROBLEM = {
    "type": "about:blank",
    "title": "Request validation failed",
    "detail": "see errors",
    "errors": [{"code": "V1", "field": "startDate", "message": "too early"}],
}


@pytest.mark.parametrize(
    ("status", "body", "cls", "title", "detail"),
    [
        (400, PROBLEM, BadRequest, "Request validation failed", "see errors"),
        (
            401,
            {"error": "invalid_token", "error_description": "Invalid access token"},
            AuthenticationError,
            "invalid_token",
            "Invalid access token",
        ),
        (403, {"title": "Forbidden", "detail": "no"}, PermissionDenied, "Forbidden", "no"),
        (404, {"title": "Not found"}, NotFound, "Not found", ""),
        (404, b"<h1>nginx</h1>", NotFound, "", ""),
        (400, b"[1]", BadRequest, "", ""),
        (400, b'{"title": 7, "errors": [1, {"field": "x"}]}', BadRequest, "7", ""),
        (401, b"\xff\xfe", AuthenticationError, "", ""),
        (403, b"[" * 100_000, PermissionDenied, "", ""),
        (400, b'{"errors": [{"field": %s1%s}]}' % (b"[" * 700, b"]" * 700), BadRequest, "", ""),
        (402, {"title": "Pay"}, ApiError, "Pay", ""),
        (418, b"", ApiError, "", ""),
        (204, b"", ApiError, "", ""),
    ],
)
def test_an_error_answer_is_raised_and_not_retried(status, body, cls, title, detail):
    with RawServer([whole(body, status)]) as api:
        with pytest.raises(ApiError, match=f"^page 1: the API answered {status}") as caught:
            client_of(api).fetch_events(**DAY)
        assert len(api.requests) == 1
    error = caught.value
    assert type(error) is cls
    assert (error.status, error.title, error.detail) == (status, title, detail)
    assert title in str(error)
    assert detail in str(error)


def test_the_fields_at_fault_are_named():
    faults = [*PROBLEM["errors"], {"field": "endDate", "message": "too late"}]
    named = r"see errors \(startDate: too early; endDate: too late\)\. Correct the parameters"
    with RawServer([whole(PROBLEM | {"errors": faults}, 400)]) as api, pytest.raises(BadRequest, match=named) as caught:
        client_of(api).fetch_events(**DAY)
    assert caught.value.fields == faults


def test_the_api_s_explanation_is_one_sentence_of_the_message():
    with (
        RawServer([whole({"title": ".NET failed", "detail": "Ask Ann."}, 400)]) as api,
        pytest.raises(BadRequest) as no,
    ):
        client_of(api).fetch_events(**DAY)
    assert str(no.value).startswith("page 1: the API answered 400, .NET failed: Ask Ann. Correct the parameters")


@pytest.mark.parametrize(("length", "is_whole"), [(900, True), (5_000, False)])
def test_the_api_s_explanation_is_quoted_in_full_unless_it_is_endless(length, is_whole):
    detail = "x" * length
    with RawServer([whole({"detail": detail}, 400)]) as api, pytest.raises(BadRequest, match="xxx") as caught:
        client_of(api).fetch_events(**DAY)
    assert (detail in str(caught.value)) == is_whole
    assert len(str(caught.value)) < 1_200


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with RawServer([GOOD]) as other, RawServer([whole(b"", status, Location=f"{other.url}/v7/x")]) as api:
        with pytest.raises(ApiError, match=rf"{status}.*not followed.*127\.0\.0\.1:{other.port}") as caught:
            client_of(api).fetch_events(**DAY)
        assert (caught.value.status, len(api.requests), other.accepted) == (status, 1, 0)


@pytest.mark.parametrize("location", ["http://[::1", "\xff\xfe", "//", "http://a:port/", "", None])
def test_an_odd_address_of_a_redirect_causes_no_other_error(location):
    with RawServer([whole(b"", 302, Location=location)]) as api:
        with pytest.raises(ApiError, match=r"302\. Redirects are not followed"):
            client_of(api).fetch_events(**DAY)
        assert len(api.requests) == 1


@pytest.mark.parametrize("status", [204, 206, 304, 418])
def test_a_status_that_the_api_does_not_use_is_named(status):
    body = b"" if status in (204, 304) else b"{}"
    with RawServer([whole(body, status)]) as api, pytest.raises(ApiError, match=f"{status}.*does not use this status"):
        client_of(api).fetch_events(**DAY)


# ---- why a connection broke --------------------------------------------------------------------------------------

SECRET_URL = "https://api.example.com/v7/audit-user-events?aid=secret"


@pytest.mark.parametrize(
    ("error", "reason", "remedy"),
    [
        (requests.exceptions.ProxyError(SECRET_URL), "the proxy refused", "HTTPS_PROXY"),
        (requests.exceptions.InvalidProxyURL(SECRET_URL), "proxy's address is not valid", "HTTPS_PROXY"),
        (requests.exceptions.InvalidSchema(SECRET_URL), "kind of proxy is not supported", "HTTPS_PROXY"),
        (requests.exceptions.SSLError(SECRET_URL), "TLS could not be agreed upon", "base_url"),
        (requests.exceptions.ConnectTimeout(SECRET_URL), "connecting took too long", "base_url"),
        (requests.exceptions.ReadTimeout(SECRET_URL), "took too long", "timeout"),
        (urllib3.exceptions.ReadTimeoutError(None, SECRET_URL, SECRET_URL), "took too long", "timeout"),
        (requests.exceptions.ConnectionError(SECRET_URL), "failed or was closed", "base_url"),
        (urllib3.exceptions.DecodeError(SECRET_URL), "compression is broken", "later"),
        (urllib3.exceptions.ProtocolError(SECRET_URL), "closed before the end", "later"),
        (ConnectionResetError(SECRET_URL), "the connection failed", "base_url"),
        (ValueError(SECRET_URL), "is not HTTP", "base_url"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_broken_connection_is_described_without_its_address(error, reason, remedy):
    described, advice = describe(error)
    assert reason in described
    assert described.endswith(f"[{type(error).__name__}]")
    assert remedy in advice
    assert "secret" not in described + advice


def test_an_endless_line_is_named_even_inside_of_other_errors():
    wrapped = requests.ConnectionError(urllib3.exceptions.ProtocolError("broken", http.client.LineTooLong("header")))
    assert describe(wrapped)[0] == "got more than 65536 bytes when reading header [LineTooLong]"
