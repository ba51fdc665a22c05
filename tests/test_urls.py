"""The addresses of requests: which base URLs are accepted, and which next links stay below them."""

import re

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples
from urllib3.util import parse_url

from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import InvalidArgument, PaginationError

API = "https://api.example.com"
PAGE = f"{API}/v7/audit-user-events?window=7d"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        (API, API),
        (f"{API}/", API),
        (f"{API}/v7", API),
        (f"{API}/v7/", API),
        (f" {API}\n", API),
        ("HTTPS://API.Example.com/v7", API),
        (f"{API}:8443/te/v7", f"{API}:8443/te"),
        (f"{API}/te//v7//", f"{API}/te"),
        (f"{API}/XteX", f"{API}/XteX"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:1/v7", "http://localhost:1"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_base_url_with_or_without_v7(given, base):
    origin = Origin(given)
    assert origin.base_url == base
    assert origin.url({"window": "7d"}) == f"{base}/v7/audit-user-events?window=7d"
    assert origin.url({}) == f"{base}/v7/audit-user-events"
    assert origin.is_encrypted == base.startswith("https")


@pytest.mark.parametrize(
    "wrong",
    [
        *("", " ", "api.example.com", "//api.example.com", "ftp://api.example.com", "file:///etc/passwd", "https://"),
        *(f"{API}?aid=1", f"{API}#x", "https://me@api.example.com", "https://me:pw@api.example.com"),
        *("https://:pw@api.example.com", "https://[::1", "https://api.example.com:99999", "https://api.example.com:x"),
    ],
)
def test_an_address_that_is_no_base_url_is_refused_by_name(wrong):
    with pytest.raises(InvalidArgument, match=r"^base_url \(TE_BASE_URL\): ") as caught:
        Origin(wrong)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "api.example.com",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[2001:db8::1]",
            "127.0.0.1.example.com",
            "localhost.example",
        ),
        *("2130706433", "0x7f000001", "127.1"),
    ],
)
def test_plain_http_is_for_loopback_only(host):
    with pytest.raises(InvalidArgument, match=r"would send the token in the clear; use https"):
        Origin(f"http://{host}")


@pytest.mark.parametrize(
    ("href", "address"),
    [
        ("/v7/audit-user-events?cursor=a%2Bb%3D", f"{API}/v7/audit-user-events?cursor=a%2Bb%3D"),
        ("?cursor=x", f"{API}/v7/audit-user-events?cursor=x"),
        ("audit-user-events?cursor=x", f"{API}/v7/audit-user-events?cursor=x"),
        (f"{API}/v7/audit-user-events?cursor=x#top", f"{API}/v7/audit-user-events?cursor=x"),
        ("//api.example.com/v7/audit-user-events?cursor=x", f"{API}/v7/audit-user-events?cursor=x"),
        ("HTTPS://API.EXAMPLE.COM:443/v7/e?cursor=x", f"{API}/v7/e?cursor=x"),
        ("/v7/e/a%2Fb..c%3D?cursor=%2e%2e%2f%5c%00", f"{API}/v7/e/a%2Fb..c%3D?cursor=%2e%2e%2f%5c%00"),
    ],
)
def test_a_next_link_below_the_base_is_followed(href, address):
    assert Origin(API).follow(href, after=PAGE, page="1") == address


@pytest.mark.parametrize(
    "href",
    [
        *("https://evil.example/v7/audit-user-events?cursor=x", "//evil.example/v7/x", "http://api.example.com/v7/x"),
        *(f"{API}:444/v7/x", "https://api.example.com.evil.example/v7/x", "https://api.example.com@evil.example/v7/x"),
        *("https://evil.example\\@api.example.com/v7/x", "https://api.example.com\\.evil.example/v7/x"),
        *("https://me@api.example.com/v7/x", "https://me:pw@api.example.com/v7/x"),
        *(f"{API}/v6/x", f"{API}/v7", f"{API}/v7x/y", f"{API}/", "/other?cursor=x"),
        *(f"{API}/v7/../admin", "/v7/%2e%2e/admin", "/v7/%2E./admin", "/v7/x/../../admin", "../../x"),
        *("https://[::1", "https://api.example.com:port/v7/x", "javascript:alert(1)", "file:///v7/x", "mailto:a@b"),
        "https://api。example.com／v7/x",
        *("/v7/%2e%2e%2fadmin", "/v7/..%5Cadmin", "/v7/%252e%252e/admin", "/v7/..;x/admin", "/v7/..%00/admin"),
        *("\\\\api.example.com/v7/x", "/v7/x?cursor=\\", "/v7/x?cursor=a\tb", "/v7/x?cursor=\x7f"),
    ],
)
def test_a_next_link_to_elsewhere_is_refused(href):
    with pytest.raises(PaginationError, match=r"^page 3: its next link leads to .*Nothing was sent there") as caught:
        Origin(API).follow(href, after=PAGE, page="3")
    assert "pw" not in str(caught.value)
    assert "cursor" not in str(caught.value)


def test_a_refused_link_is_quoted_short_and_without_control_characters():
    with pytest.raises(PaginationError) as caught:
        Origin(API).follow("https://evil.example/\x1b[2J\u202e" + "x" * 9_999, after=PAGE, page="1")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("https://evil.example/v7/x?cursor=x#top", "https://evil.example/v7/x"),
        ("https://me:pw@api.example.com/v7/x", "https://api.example.com/v7/x"),
        ("https://[::1", "an unreadable address"),
    ],
)
def test_a_refused_link_is_quoted_without_user_and_query(href, said):
    where = rf"^page 4: its next link leads to {re.escape(said)}, which is not below {API}/v7/\. Nothing was sent there"
    with pytest.raises(PaginationError, match=where):
        Origin(API).follow(href, after=PAGE, page="4")


def test_the_path_prefix_of_the_base_is_part_of_the_origin():
    origin = Origin(f"{API}/te")
    page = origin.url({})
    assert origin.follow("?cursor=x", after=page, page="1") == f"{API}/te/v7/audit-user-events?cursor=x"
    with pytest.raises(PaginationError, match=r"not below https://api\.example\.com/te/v7/"):
        origin.follow("/v7/audit-user-events?cursor=x", after=page, page="1")


PIECES = st.sampled_from(
    [
        *"/\\:@?#.%[]&=;\t\n\r\0 é。／\xad\u202e",
        *(
            "//",
            "http:",
            "https:",
            "api.example.com",
            "evil.example",
            "@evil.example",
            "127.0.0.1",
            "443",
            "user",
            "xn--",
        ),
        *("v7", "..", "%2e", "%2f", "audit-user-events", "cursor=x"),
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join))
@example("https:\\\\evil.example/v7/x")
@example("\thttps://api.example.com\t@evil.example/v7/x")
@settings(max_examples=examples(400), deadline=None)
def test_no_link_leads_a_request_to_another_origin(href):
    try:
        address = Origin(API).follow(href, after=PAGE, page="1")
    except PaginationError:
        return
    # As the library reads it that opens the connection, not as ours does.
    try:
        target = parse_url(requests.Request("GET", address).prepare().url)
    except requests.RequestException:
        return
    assert (target.scheme, target.host, target.port or 443) == ("https", "api.example.com", 443)
    assert target.auth is None
    assert target.path.startswith("/v7/")
