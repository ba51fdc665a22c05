"""The token leaves over TLS that was verified, or not at all; nothing turns that off, and no proxy sees it."""

import inspect
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from contextlib import suppress

import pytest
from click.testing import CliRunner
from support.authority import Authority
from support.rawserver import HANG_UP, TOKEN, Pause, RawServer, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.errors import InvalidArgument, NetworkError

DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}
GOOD = whole(page({"date": "2026-01-01T00:00:01Z", "aid": "1234", "event": "Login failed."}))
BUNDLES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]


class Listener(socketserver.ThreadingTCPServer):
    """A server that remembers all that it could read."""

    daemon_threads = True

    def __enter__(self):
        self.seen = b""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in (*BUNDLES, "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def api(authority):
    with RawServer([GOOD], tls=authority.server()) as server:
        yield server


# ---- certificates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ca_bundle", *BUNDLES])
def test_a_private_authority_is_trusted_if_it_is_given(api, authority, environment, name):
    policy = {"ca_bundle": authority.bundle} if name == "ca_bundle" else {}
    if not policy:
        environment.setenv(name, str(authority.bundle))
    assert len(client_of(api, **policy).fetch_events(**DAY)) == 1
    assert [request.authorization for request in api.requests] == [f"Bearer {TOKEN}"]


BAD = {
    "expired": ({"since": -9, "until": -1}, r"has expired\. .* renew it, unless this machine's clock is wrong\."),
    "not yet valid": ({"since": 1, "until": 9}, r"is not valid yet\. .* clock is wrong\."),
    "another's": ({"host": "127.0.0.2"}, r"is for another host\. Check base_url \(TE_BASE_URL\)\."),
    "unknown": ({}, r"was not accepted, .*issuer.* give ca_bundle=\."),
}


@pytest.mark.parametrize(("certificate", "said"), BAD.values(), ids=BAD)
def test_a_bad_certificate_gets_no_token_and_the_error_says_what_to_do(authority, certificate, said):
    trusted = {"ca_bundle": authority.bundle} if certificate else {}
    with RawServer([GOOD], tls=authority.server(**certificate)) as api:
        where = rf"^page 1: there was no complete answer from {api.url}: the TLS certificate {said} \(after 1 attempt "
        with pytest.raises(taf.NetworkError, match=where):
            client_of(api, **trusted).fetch_events(**DAY)
        assert (api.accepted, api.requests) == (1, [])


class Plain(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.seen += self.request.recv(65_536)
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_without_tls_gets_no_token(api):
    with Listener(("127.0.0.1", 0), Plain) as plain:
        api.url = f"https://127.0.0.1:{plain.server_address[1]}"
        with pytest.raises(taf.NetworkError, match=r"TLS could not be agreed upon .* Check base_url"):
            client_of(api, retries=0).fetch_events(**DAY)
    assert plain.seen
    assert TOKEN.encode() not in plain.seen


# ---- nothing turns it off ----------------------------------------------------------------------------------------


def test_there_is_no_switch():
    names = {*inspect.signature(taf.Client).parameters, *inspect.signature(taf.Archive.sync).parameters}
    options = CliRunner().invoke(program, ["fetch", "--help"]).output
    assert {name for name in names if "verify" in name or "insecure" in name or "ssl" in name} == {"verify"}
    assert "insecure" not in options + CliRunner().invoke(program, ["sync", "--help"]).output
    with pytest.raises(taf.InvalidArgument, match='neither "spot" nor "full"'):  # it is about completeness
        taf.Client(token=TOKEN, verify=False)


@pytest.mark.few(count=8)
@pytest.mark.parametrize("name", [*BUNDLES, "PYTHONHTTPSVERIFY", "SSL_CERT_FILE", "VERIFY"])
@pytest.mark.parametrize("value", ["", "0", "false", "/dev/null"])
def test_no_variable_turns_the_verification_off(api, environment, name, value):
    environment.setenv(name, value)
    with pytest.raises((taf.NetworkError, taf.InvalidArgument), match=r"certificate was not accepted|_CA_BUNDLE: "):
        client_of(api, retries=0).fetch_events(**DAY)
    assert api.requests == []


@pytest.mark.parametrize("name", ["ca_bundle", "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"])
@pytest.mark.parametrize(("content", "fault"), [(None, "there is no file"), ("no PEM", "holds no certificates")])
def test_a_bundle_that_is_none_is_refused_by_its_name(environment, tmp_path, *, name, content, fault):
    bundle = tmp_path / "bundle.pem"
    if content:
        bundle.write_text(content)
    policy = {"ca_bundle": bundle} if name == "ca_bundle" else {}
    if not policy:
        environment.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(taf.InvalidArgument, match=f"^{name}: .*{fault}"):
        taf.Client(token=TOKEN, **policy)


# ---- proxies -----------------------------------------------------------------------------------------------------


class Through(socketserver.StreamRequestHandler):
    """A proxy that lets everything through."""

    def handle(self):
        head = b"".join(iter(self.rfile.readline, b"\r\n"))
        host, _, port = head.split()[1].decode().rpartition(":")
        self.server.seen += head
        with socket.create_connection((host, int(port))) as onward:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(onward, self.connection), daemon=True)
            back.start()
            self.pump(self.connection, onward)
            back.join()

    def pump(self, source, target):
        with suppress(OSError):
            while chunk := source.recv(65_536):
                self.server.seen += chunk
                target.sendall(chunk)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@pytest.mark.full
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_gets_its_own_credentials_and_the_server_the_token(api, authority, environment, name):
    with Listener(("127.0.0.1", 0), Through) as proxy:
        environment.setenv(name, f"http://me:p4ssword@127.0.0.1:{proxy.server_address[1]}")
        assert len(client_of(api, ca_bundle=authority.bundle).fetch_events(**DAY)) == 1
    assert b"Proxy-Authorization: Basic" in proxy.seen
    assert TOKEN.encode() not in proxy.seen
    assert [request.authorization for request in api.requests] == [f"Bearer {TOKEN}"]
    assert "proxy-authorization" not in api.requests[0].headers


def test_a_proxy_that_answers_in_the_server_s_place_gets_no_token(api, tmp_path, environment, authority):
    forged = Authority(tmp_path).server()
    with RawServer([GOOD], tls=forged) as other, Listener(("127.0.0.1", 0), Through) as proxy:
        environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        api.url = other.url
        with pytest.raises(taf.NetworkError, match="certificate was not accepted"):
            client_of(api, ca_bundle=authority.bundle).fetch_events(**DAY)
        assert other.requests == []


REFUSING = {
    "407": [whole({"title": "p4ssword"}, 407)],
    "500": [whole(b"", 500)],
    "hangs up": [[HANG_UP]],
    "says nothing": [[Pause(30)]],
    "is not there": None,
    "is no address": "http://me:p4ssword@127.0.0.1:many",
    "is of another kind": "telnet://me:p4ssword@127.0.0.1:9",
}


@pytest.mark.parametrize("proxy", REFUSING.values(), ids=REFUSING)
def test_a_proxy_that_fails_is_named_but_not_its_password(api, authority, environment, caplog, proxy):
    caplog.set_level("DEBUG")
    with RawServer(proxy if isinstance(proxy, list) else [b""]) as server:
        address = proxy if isinstance(proxy, str) else f"http://me:p4ssword@127.0.0.1:{server.port}"
        if proxy is None:
            server.__exit__()
        environment.setenv("HTTPS_PROXY", address)
        with pytest.raises(taf.NetworkError, match=r"proxy|timeout") as caught:
            client_of(api, ca_bundle=authority.bundle, retries=0, timeout=0.3).fetch_events(**DAY)
        assert all(TOKEN not in str(request.headers) for request in server.requests)
    assert api.requests == []
    shown = [repr(frame.frame.f_locals) for frame in caught.traceback if frame.path.name != "test_tls.py"]
    assert "p4ssword" not in f"{caught.value!r} {vars(caught.value)} {shown} {caplog.text}"


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert]
    subprocess.run([*command, *subject], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def plain_tls(self_signed):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed)
    return context


def test_a_netrc_entry_does_not_replace_the_token_over_tls_either(plain_tls, self_signed, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer([GOOD], tls=plain_tls) as api:
        assert len(client_of(api, ca_bundle=self_signed[0]).fetch_events(**DAY)) == 1
        assert api.requests[0].authorization == f"Bearer {TOKEN}"


def test_over_tls_an_unknown_certificate_gets_no_token(plain_tls):
    with RawServer([GOOD], tls=plain_tls) as api:
        with pytest.raises(NetworkError, match=r"certificate was not accepted.*ca_bundle="):
            client_of(api, retries=0).fetch_events(**DAY)
        assert api.requests == []


def test_a_ca_bundle_that_is_not_there_is_refused(tmp_path):
    with RawServer([GOOD]) as api, pytest.raises(InvalidArgument, match=r"^ca_bundle: there is no file"):
        client_of(api, ca_bundle=tmp_path / "none.pem")


def test_a_folder_of_authorities_is_as_good_as_a_file(tmp_path):
    with RawServer([GOOD]) as api:
        assert len(client_of(api, ca_bundle=tmp_path).fetch_events(**DAY)) == 1
