"""The token: which ones are accepted, and that no message, repr, pickle or traceback shows it."""

import base64
import json
import pickle
import string
import traceback
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from support.rawserver import TOKEN

from te_audit_frames import Client
from te_audit_frames.client.auth import Secret
from te_audit_frames.errors import ApiError, InvalidArgument

API = "https://api.example.com"
PAGE = f"{API}/v7/audit-user-events?window=7d"


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
        with pytest.raises(TypeError, match="cannot be pickled"):
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
    ours = [frame for frame in told.stack if "te_audit_frames" in frame.filename and frame.filename != __file__]
    assert ours
    assert all(TOKEN not in str(frame.locals) for frame in ours)
    assert TOKEN not in str(told)
