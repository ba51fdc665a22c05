"""The token's one origin: which base URLs are taken, and which next links stay below them."""

import base64
import json
import pickle
import re
import string
import traceback
from urllib.parse import quote

import pytest
import requests
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.rawserver import TOKEN
from urllib3.util import parse_url

from te_audit_frames import Client
from te_audit_frames.client.auth import Secret
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import ApiError, InvalidArgument, PaginationError

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
def test_what_is_no_base_url_is_refused_by_its_names(wrong):
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


def test_what_a_link_says_is_told_short_and_without_control_characters():
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
def test_a_refused_link_is_told_without_user_and_query(href, said):
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
def test_whatever_a_link_says_nothing_leaves_for_another_origin(href):
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


# ---- the token ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", "  ", "two words", "line\nbreak", "a\rb", "tab\tin", "nul\0", "é", "🙂", "\u200bzero"]
)
def test_a_token_that_cannot_be_one_is_refused_and_not_echoed(token, monkeypatch):
    monkeypatch.setenv("TE_TOKEN", "practice-other")
    with pytest.raises(InvalidArgument, match=r"^token: .*TE_TOKEN") as caught:
        Client(token=token)
    assert not token.strip() or token not in str(caught.value)


def test_no_token_names_the_environment_variable(monkeypatch):
    monkeypatch.delenv("TE_TOKEN", raising=False)
    with pytest.raises(InvalidArgument, match=r"^token: there is none; set the environment variable TE_TOKEN"):
        Client()


@pytest.mark.parametrize("token", [b"practice", 7, ["practice"]])
def test_a_token_is_text(token):
    with pytest.raises(InvalidArgument, match=r"^token: it is of type"):
        Client(token=token)


def test_an_empty_variable_is_no_token(monkeypatch):
    monkeypatch.setenv("TE_TOKEN", "")
    with pytest.raises(InvalidArgument, match=r"TE_TOKEN"):
        Client()


ENCODED = base64.b64encode(TOKEN.encode()).decode()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"Bearer {TOKEN}, {TOKEN}", "Bearer <token>, <token>"),
        (f"Basic {ENCODED}!", "Basic <token>!"),
        (f"begins with {TOKEN[:12]}…", "begins with <token>…"),
        (f"…{TOKEN[-12:]} at its end", "…<token> at its end"),
        (f"{TOKEN.upper()} or {TOKEN.title()}", "<token> or <token>"),
        (f"reversed {TOKEN[::-1]}.", "reversed <token>."),
        (f"hex {TOKEN.encode().hex()} {TOKEN.encode().hex(':').upper()}", "hex <token> <token>"),
        (f"Basic {base64.b64encode(b'me:' + TOKEN.encode()).decode()}!", "Basic <token>!"),
        (f"x {base64.urlsafe_b64encode(f'?~Bearer {TOKEN}'.encode()).decode().rstrip('=')} y", "x <token> y"),
        (f"a={quote(ENCODED, safe='')}&b=c", "a=<token>&b=c"),
        (f"a={''.join(f'%{ord(sign):02X}' for sign in TOKEN)}&b", "a=<token>&b"),
        (f"a={quote(TOKEN, safe='').replace('%', '%2525').replace('-', '%252D')}&b", "a=<token>&b"),
        (f"<b>{''.join(f'&#{ord(sign)};' for sign in TOKEN)}</b>", "<b><token></b>"),
        (f"<b>{TOKEN.replace('-', '&#x2D;')}</b>", "<b><token></b>"),
        (json.dumps(TOKEN).replace("-", "\\u002d"), '"<token>"'),
        (f"100%25 of {TOKEN} %zz", "100%25 of <token> %zz"),
        ("nothing %41&#65;\\x41 here", "nothing %41&#65;\\x41 here"),
        (f"too short a part to tell: {TOKEN[:11]}", f"too short a part to tell: {TOKEN[:11]}"),
    ],
)
def test_what_a_server_sends_back_of_the_token_is_hidden(said, shown):
    secret, _ = Secret.check(TOKEN)
    error = ApiError(said, status=400, title=said, detail="no", fields=[{said: said}])
    secret.hide_in(error)
    assert str(error) == error.title == shown
    assert (error.status, error.detail, error.fields) == (400, "no", [{shown: shown}])


SPELLINGS = [
    str,
    str.upper,
    lambda sign: f"%{ord(sign):02x}",
    lambda sign: f"%2525{ord(sign):02X}",
    lambda sign: f"&#{ord(sign)};",
    lambda sign: f"&#x{ord(sign):04X};",
    lambda sign: f"\\u{ord(sign):04x}",
    lambda sign: f"\\\\x{ord(sign):02x}",
]


@given(
    token=st.text(string.ascii_letters + string.digits + "+/=~-._", min_size=12, max_size=40),
    spelling=st.lists(st.sampled_from(SPELLINGS), min_size=40, max_size=40),
    around=st.tuples(st.sampled_from(["", " ", "<", "日本 "]), st.sampled_from(["", ">", " x", "…"])),
)
def test_a_token_is_hidden_however_its_characters_are_written(token, spelling, around):
    secret, _ = Secret.check(token)
    quoted = "".join(spell(sign) for spell, sign in zip(spelling, token, strict=False))
    error = ApiError(quoted.join(around), status=400)
    secret.hide_in(error)
    assert str(error) == "<token>".join(around)


@given(
    token=st.text(string.ascii_letters + string.digits + "+/=~-._", min_size=16, max_size=40),
    before=st.binary(max_size=9),
    behind=st.binary(max_size=9),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_a_token_is_hidden_whatever_it_is_encoded_with(token, before, behind, encode):
    secret, _ = Secret.check(token)
    error = ApiError(f"Basic {encode(before + token.encode() + behind).decode()}.", status=400)
    secret.hide_in(error)
    assert str(error) == "Basic <token>."


@given(st.text(max_size=60) | st.text("%&#x;\\u0415-", max_size=60))
def test_what_is_no_token_stays_as_it_is(text):
    secret, _ = Secret.check("practice-canary-7f3a91")
    error = ApiError(text, status=400)
    secret.hide_in(error)
    assert str(error) == text


def test_a_short_token_is_hidden_where_it_stands_whole():
    secret, _ = Secret.check("short")
    error = ApiError("a short answer", status=400)
    secret.hide_in(error)
    assert str(error) == "a <token> answer"


def test_surrounding_white_space_is_stripped():
    secret, problem = Secret.check(f"  {TOKEN}\r\n")
    request = secret(requests.Request("GET", PAGE).prepare())
    assert (request.headers["Authorization"], problem) == (f"Bearer {TOKEN}", "")


def test_the_token_shows_in_no_repr_pickle_or_traceback():
    client = Client(token=TOKEN, base_url=API)
    secret, _ = Secret.check(TOKEN)
    assert TOKEN not in f"{client!r} {client} {secret!r} {secret}"
    for holder in (client, secret):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(holder)


@pytest.mark.parametrize(
    "wrong",
    [{"token": f"{TOKEN} {TOKEN}"}, {"token": TOKEN, "workers": 0}, {"token": TOKEN, "base_url": "x"}],
    ids=list,
)
def test_a_client_that_cannot_be_made_keeps_the_token_out_of_its_traceback(wrong):
    # The arguments stand in a container, since a caller's own variables are the caller's business.
    try:
        Client(**wrong)
    except InvalidArgument as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in told.stack if "te_audit_frames" in frame.filename and "tests" not in frame.filename]
    assert ours
    assert all(TOKEN not in str(frame.locals) for frame in ours)
    assert TOKEN not in str(told)
