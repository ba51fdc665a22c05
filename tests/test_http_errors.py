"""Error answers of the API: which error each becomes, and what its message says."""

import pytest
from support.rawserver import (
    RawServer,
    client_of,
    page,
    whole,
)

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
def test_an_error_of_the_api_is_told_and_not_retried(status, body, cls, title, detail):
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


def test_what_the_api_says_is_one_sentence_of_the_message():
    with (
        RawServer([whole({"title": ".NET failed", "detail": "Ask Ann."}, 400)]) as api,
        pytest.raises(BadRequest) as no,
    ):
        client_of(api).fetch_events(**DAY)
    assert str(no.value).startswith("page 1: the API answered 400, .NET failed: Ask Ann. Correct the parameters")


@pytest.mark.parametrize(("length", "is_whole"), [(900, True), (5_000, False)])
def test_what_the_api_says_is_told_in_full_unless_it_does_not_end(length, is_whole):
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
def test_an_odd_address_of_a_redirect_is_no_fault_of_its_own(location):
    with RawServer([whole(b"", 302, Location=location)]) as api:
        with pytest.raises(ApiError, match=r"302\. Redirects are not followed"):
            client_of(api).fetch_events(**DAY)
        assert len(api.requests) == 1
