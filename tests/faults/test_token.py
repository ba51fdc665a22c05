"""Whatever fails, the token shows nowhere: in no error, traceback, log, warning, file or output of a command.

Looked through is all that people and programs keep of a failure: the error and every one behind it, as text, as a
pickle, with the locals of its frames and as IPython shows it; the log at its most talkative; the terminal; files.
"""

import base64
import copy
import http.client
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from unittest import mock
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
import requests
from click.testing import CliRunner
from IPython.core.ultratb import VerboseTB
from support.authority import Authority
from support.campaign import spread
from support.rawserver import HANG_UP, RESET, Pause, RawServer, VirtualClock, head, page, whole

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.storage.local_store import LocalStore

TOKEN = "practice-canary~7f3a91+Q/9=="
PART = b"canary~7f"  # enough of it, whatever it is part of
BEARER = f"Bearer {TOKEN}"
NOBODY = "http://127.0.0.1:9"
DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}
EVENT = {"date": "2026-01-01T12:00:00Z", "aid": "1234", "event": "Login failed.", "user": "Ada (ada@example.com)"}
GOOD = whole(page(EVENT))

# ---- what is looked through ----------------------------------------------------------------------------------------


def in_base64(before):
    """The part in base64 behind so many bytes, without the letters that its neighbours have a share in."""
    encoded = base64.b64encode(b" " * before + PART)
    return encoded[-(-before * 8 // 6) : (before + len(PART)) * 8 // 6]


FORMS = [PART, PART[::-1], PART.hex().encode(), b"%" + PART.hex("%").encode(), *map(in_base64, range(3))]
FORMS += [form.translate(bytes.maketrans(b"+/", b"-_")) for form in FORMS[-3:]] + [PART.hex(":").encode()]
FORMS += [b"".join(b"&#%d;" % sign for sign in PART), b"".join(rb"\u%04x" % sign for sign in PART)]


def hits(outputs):
    """Find the token, in any of its forms and whatever the case, in what was put out."""
    outputs = [part if isinstance(part, bytes) else str(part).encode(errors="replace") for part in outputs]
    return [part for part in outputs if any(form.lower() in part.lower() for form in FORMS)]


def told(error):
    """All that an error and those behind it tell; but for frames of this file, whose secrets are its own."""
    while error is not None:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        yield f"{error} {error!r} {error.args} {vars(error)}"
        yield from (pickle.dumps(error, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1))
        if trace is not None:
            yield from (repr(frame.f_locals) for frame, _ in traceback.walk_tb(trace))
            yield VerboseTB(theme_name="nocolor").text(type(error), error, trace, context=9)
        error = error.__cause__ or error.__context__


def kept(folder):
    """All that stands in files; of Parquet, whose pages are compressed, what they say too."""
    for file in (path for path in folder.rglob("*") if path.is_file()):
        yield file.read_bytes()
        if file.suffix == ".parquet":
            yield f"{pq.read_table(file).to_pylist()} {pq.read_metadata(file).metadata}"


# ---- 64 ways to fail: each raises, or returns what it put out ------------------------------------------------------

sent = set()


def quoted(text):
    """Text as a server, or what stands before it, may quote it."""
    whole = text.encode()
    forms = [text.upper(), text[::-1], whole.hex(), whole.hex().upper(), whole.hex(":"), quote(quote(text, safe=""))]
    forms += [base64.urlsafe_b64encode(b"x" * before + whole).decode().rstrip("=") for before in range(3)]
    forms += [quote(base64.b64encode(whole), safe=""), base64.b64encode(f"me:{text}".encode()).decode()]
    forms += ["".join(f"%{sign:02x}" for sign in whole), "".join(f"&#{sign};" for sign in whole)]
    return " ".join([*forms, "".join(f"\\u{sign:04x}" for sign in whole)])


def client(url, **policy):
    policy = {"clock": VirtualClock(), "retries": 1, "timeout": 0.2, "progress": True} | policy
    return taf.Client(base_url=url, **policy)


def everything(client):
    return client.fetch_events(**DAY)


def fetch(script, use=everything, *, tls=False, **policy):
    def path(folder):
        with RawServer(script, tls=Authority(folder).server() if tls else None) as api:
            try:
                use(client(api.url, **policy))
            finally:
                sent.update(request.authorization for request in api.requests)

    return path


def signals(number):
    """Answer with a head, and no more than a signal."""
    main = threading.main_thread().ident

    def steps():
        yield head(Content_Length=99)
        signal.pthread_kill(main, number)
        yield Pause(9)

    return lambda request: steps()


class Alarm(Exception):
    """What a program's own handler of a signal may raise, anywhere."""


def alarmed(folder):
    def ring(*_):
        raise Alarm

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        fetch(signals(signal.SIGUSR1), taf.Client.get_page, timeout=9)(folder)
    finally:
        signal.signal(signal.SIGUSR1, before)


def through_a_dead_proxy(folder):
    with mock.patch.dict(os.environ, HTTPS_PROXY=f"http://me:{PART.decode()}@127.0.0.1:9"):
        everything(client("https://127.0.0.1:9"))


def synced(folder, token=TOKEN):
    with Sandbox(events=[EVENT], token=token) as api:
        archive = taf.Archive(folder / "archive")
        report = archive.sync(client(api.url), start="2026-01-01")
        return f"{report!r} {report.to_json()} {archive!r} {archive.verify()!r} {archive.load().attrs}"


def locked(folder):
    with LocalStore(folder / "archive").writing():
        synced(folder)


def command(*words, mode=0o600, **server):
    def path(folder):
        file = folder / "token"
        file.write_text(TOKEN)
        file.chmod(mode)
        with Sandbox(**{"events": [EVENT] * 9, "token": TOKEN} | server) as api:
            words_here = [word.replace("FOLDER", str(folder)) for word in ("--debug", *words, "--progress")]
            result = CliRunner().invoke(program, words_here, env={"TE_BASE_URL": api.url})
        file.unlink()  # the only one that is to hold it
        assert "Traceback" in result.output
        return result.output

    return path


def tool(*words, code):
    """What a tool that shows the locals makes of a file of calls that fail."""

    def path(folder):
        (folder / "test_it.py").write_text(code)
        with RawServer([whole(BEARER.encode())]) as api:
            environment = os.environ | {"TE_BASE_URL": api.url, "IPYTHONDIR": str(folder)}
            words_here = [sys.executable, "-m", *words, "test_it.py"]
            ran = subprocess.run(words_here, cwd=folder, env=environment, capture_output=True, check=False)
        assert b"DecodeError" in ran.stdout
        return ran.stdout + ran.stderr

    return path


PATHS = {
    # The exchange breaks off, or brings what is no page.
    "reset": fetch([[RESET]]),
    "no http": fetch([[b"garbage\r\n\r\n", HANG_UP]]),
    "half a head": fetch([[b"HTTP/1.1 200 OK\r\nContent-Le", HANG_UP]]),
    "200 headers": fetch([[head(**{f"X_{n}": n for n in range(200)}), HANG_UP]]),
    "cut short": fetch([[GOOD[:-9], HANG_UP]]),
    "no gzip": fetch([whole(b"no gzip", Content_Encoding="gzip")]),
    "stall": fetch([[Pause(9)]]),
    "web page": fetch([whole(b"<!doctype html><title>Sign in</title>")]),
    "null": fetch([whole(b"null")]),
    "not UTF-8": fetch([whole(b'{"auditEvents": [{"event": "\xff"}]}')]),
    "nested": fetch([whole(b'{"auditEvents": ' + b"[" * 100_000)]),
    "bad date": fetch([whole(page({"date": "soon"}))]),
    "link to elsewhere": fetch([whole(page(EVENT, following="https://elsewhere.example/v7/x?cursor=b"))]),
    "circle": fetch([whole(page(EVENT, following="/v7/audit-user-events?cursor=b"))]),
    "too large": fetch([GOOD], max_page_bytes=9),
    "too late": fetch([whole(b"", 503)], deadline=0.001),
    "second page": fetch([whole(page(EVENT, following="/v7/audit-user-events?cursor=b")), whole(b"", 500)]),
    "a page alone": fetch([whole(b"", 500)], taf.Client.get_page),
    "streamed": fetch(
        [whole(page(EVENT, following="/v7/audit-user-events?cursor=b")), whole(page({"date": "soon"}))],
        lambda client: list(client.iter_batches(**DAY)),
    ),
    # The API says no.
    **{str(status): fetch([whole({"title": "No"}, status)]) for status in (204, 302, 400, 401, 403, 418, 429, 500)},
    # The server sends the token back.
    "title": fetch([whole({"error": BEARER, "error_description": TOKEN}, 401)]),
    "fields": fetch([whole({"errors": [{"field": TOKEN, "message": [BEARER]}]}, 400)]),
    "base64": fetch([whole({"detail": base64.b64encode(TOKEN.encode()).decode()}, 403)]),
    "in other forms": fetch([whole({"title": quoted(TOKEN), "detail": quoted(BEARER)}, 403)]),
    "in other forms, as text": fetch([whole(quoted(TOKEN.upper()).encode())]),
    "in other forms, as fields": fetch([whole({"errors": [{quoted(TOKEN): quoted(TOKEN.title())}]}, 400)]),
    "in other forms, as an address": fetch([whole(b"", 302, Location=f"https://{quote(TOKEN.upper(), safe='')}/")]),
    "quoting page": fetch([whole(b"<pre>Authorization: " + BEARER.encode())]),
    "quoting page, cut": fetch([whole(b"<pre>".ljust(96) + BEARER.encode() * 3)]),
    "quoting title, cut": fetch([whole({"title": "x" * 975 + TOKEN}, 404)]),
    "quoting date": fetch([whole(page({"date": TOKEN}))]),
    "redirect to it": fetch([whole(b"", 302, Location=f"https://{TOKEN}/")]),
    "link to it": fetch([whole(page(EVENT, following=f"https://{quote(TOKEN, safe='')}.example/v7/x"))]),
    "link with it": fetch([whole(page(EVENT, following=f"/v6/{TOKEN}/{quote(TOKEN, safe='')}"))]),
    # An argument is wrong, or the client goes where it must not.
    "workers": lambda folder: taf.Client(token=TOKEN, workers=0),
    "base_url": lambda folder: taf.Client(token=TOKEN, base_url="x"),
    "plain http": lambda folder: taf.Client(token=TOKEN, base_url="http://api.example.com"),
    "ca_bundle": lambda folder: taf.Client(token=TOKEN, ca_bundle=folder / "none.pem"),
    "pasted twice": lambda folder: taf.Client(token=f"{TOKEN} {TOKEN}"),
    "window": lambda folder: client(NOBODY).fetch_events(window="7 days"),
    "pickle": lambda folder: pickle.dumps(client(NOBODY)),
    "copy": lambda folder: copy.deepcopy(client(NOBODY)),
    # The network and the program.
    "nobody there": lambda folder: everything(client(NOBODY)),
    "dead proxy": through_a_dead_proxy,
    "unknown certificate": fetch([GOOD], tls=True),
    "Ctrl-C": fetch(signals(signal.SIGINT), timeout=9),
    "Ctrl-C, a page alone": fetch(signals(signal.SIGINT), taf.Client.get_page, timeout=9),
    "alarm, a page alone": alarmed,
    # Archives.
    "sync": synced,
    "sync refused": lambda folder: synced(folder, token="practice-other"),
    "archive locked": locked,
    # The command line.
    "fetch command": command("fetch", "-o", "FOLDER/e.parquet", token="practice-other"),
    "sync command": command("sync", "FOLDER/archive", "--json", token="practice-other"),
    "open token file": command("fetch", "-o", "FOLDER/e.csv", "--token-file", "FOLDER/token", mode=0o644),
    "fetch command, in part": command(
        *("fetch", "--window", "90d", "--all-account-groups", "-o", "FOLDER/e.parquet"),
        *("--token-file", "FOLDER/token", "--deadline", "9"),
        **{"events": 99, "page_size": 9, "rate_limit": 3},
    ),
    # Tools that show the locals.
    "pytest": tool(
        *("pytest", "--showlocals", "-vv", "--tb=long"),
        code="import te_audit_frames as taf\n"
        "def test_arguments(): taf.Client(workers=0)\n"
        "def test_decoding(): taf.Client(retries=0).fetch_events(window='7d')\n"
        "def test_one_page(): taf.Client(retries=0).get_page()\n"
        f"def test_nobody(): taf.Client(retries=0, base_url='{NOBODY}').get_page()\n",
    ),
    "IPython": tool(
        *("IPython", "--xmode=Verbose", "--colors=NoColor"),
        code="import te_audit_frames as taf\ntaf.Client(retries=0).fetch_events(window='7d')\n",
    ),
}


@pytest.mark.campaign(full=len(PATHS), middle=20)
def test_the_token_shows_nowhere(cases, tmp_path, caplog, capfd, monkeypatch):
    monkeypatch.setenv("TE_TOKEN", TOKEN)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)  # prints every header that is sent
    caplog.set_level(logging.DEBUG)
    for number, name in enumerate(spread(list(PATHS), cases)):
        folder = tmp_path / str(number)
        folder.mkdir()
        outputs = []
        with warnings.catch_warnings(record=True, action="always") as warned:
            try:
                outputs.append(PATHS[name](folder))
            except AssertionError:
                raise
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - of any kind
                outputs += told(error)
        assert outputs[0], f"{name}: nothing failed"
        outputs += [warning.message for warning in warned]
        outputs += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
        outputs += [*capfd.readouterr(), *kept(folder)]
        assert not hits(outputs), name
        caplog.clear()
    assert sent == {BEARER}, "it was never sent, so nothing could show it"


@pytest.mark.parametrize(
    "form", [TOKEN, BEARER, quote(BEARER), base64.b64encode(f"x{BEARER}".encode()).decode(), *quoted(TOKEN).split()]
)
def test_the_search_finds_each_form(form):
    assert hits(["nothing", f"<{form}>"]) == [f"<{form}>".encode()]


@pytest.mark.full  # a test of the campaign itself
def test_the_search_finds_what_a_client_without_care_shows():
    with pytest.raises(requests.ConnectionError) as caught:
        requests.get(NOBODY, headers={"Authorization": BEARER})
    assert len(hits(told(caught.value))) > 3
