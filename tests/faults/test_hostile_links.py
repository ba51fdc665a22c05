"""Wherever a link or a redirect leads, the token goes to the one server that it is for, and the user is told.

Each link of `REACHING` does lead to a second, real server: a plain GET goes there, which is tried first.
"""

import itertools
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from urllib.parse import urljoin

import pytest
import requests
from support.campaign import spread
from support.rawserver import HANG_UP, TOKEN, RawServer, client_of, page, whole

import te_audit_frames as taf

EVENT = {"date": "2026-01-01T00:00:01Z", "aid": "1234", "event": "Login failed."}
DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}
PATH = "/v7/audit-user-events"

# {own}: the port of the API. {port}: that of the second server, {other} of one that speaks the other {scheme}.
HOSTS = [
    *("127.0.0.1:{port}", "127.0.0.1:0{port}", "localhost:{port}", "LocalHost:{port}", "0.0.0.0:{port}"),
    *("127.0.0.2:{own}", "[::1]:{own}", "[::1]:{port}", "[0:0:0:0:0:0:0:1]:{port}", "[::ffff:127.0.0.1]:{port}"),
    *("[::ffff:7f00:1]:{port}", "127.1:{port}", "2130706433:{port}", "0x7f000001:{port}", "0177.0.0.1:{port}"),
    *("me@127.0.0.1:{port}", "me:{token}@127.0.0.1:{port}", "@127.0.0.1:{port}", "127.0.0.1:{own}@127.0.0.1:{port}"),
    *("127.0.0.1%3A{own}@127.0.0.1:{port}", "127.0.0.1:{own}%2F@127.0.0.1:{port}"),
    *("127.0.0.1:{port}\\@127.0.0.1:{own}", "127.0.0.1:{port}?@127.0.0.1:{own}", "127.0.0.1:{port}#@127.0.0.1:{own}"),
    *(
        "127.0.0.1\t:{port}",
        "127.0.0.1:\n{port}",
        "\r127.0.0.1:{port}",
        "127.0.0.1:{port}/{token}",
        "%31%32%37.0.0.1:{port}",
    ),
]
REACHING = [
    *(f"{{scheme}}://{host}{PATH}?cursor=a" for host in HOSTS),
    *("//127.0.0.1:{port}" + PATH, "//me@localhost:{port}" + PATH, "/\t/127.0.0.1:{port}" + PATH),
    *("{SCHEME}://127.0.0.1:{port}" + PATH, " {scheme}://127.0.0.1:{port}" + PATH, "\0{scheme}://127.1:{port}" + PATH),
    *("{otherwise}://127.0.0.1:{other}" + PATH, "{otherwise}://localhost:{other}" + PATH),
    *("{scheme}://127.0.0.1:{port}/v7/../v7/x", "{scheme}://127.0.0.1:{port}/v7/%2e%2e/v7/x#/../.."),
]
# Here a plain GET goes nowhere, or to the API itself; other programs read some of them otherwise.
MISLEADING = [
    *("{otherwise}://127.0.0.1:{own}" + PATH, "{scheme}://127.0.0.1" + PATH, "{scheme}://127.0.0.1:{own}0" + PATH),
    *("{scheme}://127.0.0.1.:{port}" + PATH, "{scheme}://127.0.0.1.:{own}" + PATH, "{scheme}://127.0.0.1:" + PATH),
    *("{scheme}://127.0.0.1:{own}.evil.example" + PATH, "{scheme}://127.0.0.1:{own}:{port}" + PATH, "{scheme}://[::1"),
    *("{scheme}://127.0.0.1:{own}\\@127.0.0.1:{port}" + PATH, "{scheme}://127.0.0.1:{own}\\.evil.example" + PATH),
    *("\\\\127.0.0.1:{port}" + PATH, "/\\127.0.0.1:{port}" + PATH, "{scheme}:\\\\127.0.0.1:{port}" + PATH),
    *("{scheme}:///127.0.0.1:{port}" + PATH, "///127.0.0.1:{port}" + PATH, "////127.0.0.1:{port}" + PATH),
    *(f"{{scheme}}://{host}:{{port}}{PATH}" for host in ("127。0。0。1", "①②⑦.⓪.⓪.①", "ⓛocalhost", "local\xadhost")),
    *("{scheme}://127.0.0.①:{own}" + PATH, "{scheme}://me@127.0.0.1:{own}" + PATH, "{scheme}://:{port}" + PATH),
    *("/v6/audit-user-events", "/V7/audit-user-events", "/v7", "/", "//", "/v7/../admin", "/v7/./../admin", "../../x"),
    *("/v7/%2e%2e/admin", "/v7/.%2E/admin", "/v7/%2e%2e%2fadmin", "/v7/..%2Fadmin", "/v7/..%5Cadmin", "/v7/..\\admin"),
    *("/v7/%252e%252e/admin", "/v7/..;/admin", "/v7/..;x=1/admin", "/v7/x/%2e%2e;/%2e%2e/admin", "/v7/..%00/admin"),
    *("/v7/x?cursor=a\r\nHost: 127.0.0.1:{port}", "/v7/x\0?cursor=a", "/v7/\x1b[2Jx?cursor=a", "/v7/x?cursor=\x7f"),
    *("ftp://127.0.0.1:{port}/v7/x", "file:///v7/audit-user-events", "javascript:alert(1)", "data:,{token}"),
]


def is_here(host):
    """Whether this machine has an address."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


HERE = {sign: is_here(host) for sign, host in {"[": "::1", "127.0.0.2": "127.0.0.2"}.items()}
REACHING = [link for link in REACHING if all(is_so or sign not in link for sign, is_so in HERE.items())]
LINKS = REACHING + MISLEADING


def answer_with(place, link, number):
    """Put a link where a client may look for one."""
    if place == "next link":
        return whole(page(EVENT, following=link))
    link = "".join(link.splitlines()).encode().decode("latin-1")  # of a header, what fits into it
    if place == "redirect":
        return whole(b"", [301, 302, 303, 307, 308][number % 5], Location=link)
    headers = {"Refresh": f"0; url={link}", "Link": f"<{link}>; rel=next", "Alt_Svc": f'http/1.1="{link}"'}
    links = {"_links": {"self": {"href": link}, "previous": {"href": link}}}
    return whole(page(EVENT, **links), Location=link, Content_Location=link, **headers)


CASES = list(itertools.product(["http", "https"], ["next link", "redirect", "beside"], LINKS))


class Streets:
    """The API, and two servers that the token is not for: one that speaks as the API does, and one otherwise."""

    def __init__(self, scheme, certificate, stack):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        tls, other_tls = (context, None) if scheme == "https" else (None, context)
        self.api = stack.enter_context(RawServer([b""], tls=tls))
        self.alike = stack.enter_context(RawServer([whole(page())], tls=tls))
        self.otherwise = stack.enter_context(RawServer([whole(page())], tls=other_tls))
        for host, port in [("127.0.0.2", self.api.port), ("::1", self.api.port), ("::1", self.alike.port)]:
            if is_here(host):
                stack.enter_context(door(self.alike, host, port))
        self.names = {"scheme": scheme, "SCHEME": scheme.upper(), "otherwise": self.otherwise.url.partition(":")[0]}
        self.names |= {"own": self.api.port, "port": self.alike.port, "other": self.otherwise.port, "token": TOKEN}

    @property
    def strayed(self):
        """How many connections were made to servers that the token is not for."""
        return self.alike.accepted + self.otherwise.accepted


@contextmanager
def door(server, host, port):
    """Let a server be reached at another address of this machine as well."""

    def open_to_all():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.accepted += 1
                server._connections.append(connection)
                server._start(server._serve, connection)

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.create_server((host, port), family=family)) as listener:
        porter = threading.Thread(target=open_to_all, daemon=True)
        porter.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        porter.join(10)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,IP:::1,IP:0.0.0.0,DNS:localhost"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert]
    subprocess.run([*command, "-subj", "/CN=127.0.0.1", "-addext", names], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def streets(certificate):
    with ExitStack() as stack:
        yield {scheme: Streets(scheme, certificate, stack) for scheme in ("http", "https")}


@pytest.mark.few(count=1)
@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize(
    ("scheme", "links"), [("http", REACHING), ("https", spread(REACHING, 8))], ids=["http", "https"]
)
@pytest.mark.full
def test_a_plain_get_goes_where_each_link_and_redirect_leads(scheme, links, streets):
    street = streets[scheme]
    for template in links:
        link, before = template.format(**street.names), street.strayed
        requests.get(urljoin(f"{street.api.url}{PATH}", link), timeout=5, verify=False)
        assert street.strayed == before + 1, repr(template)
        if "\\" in template or "/\t" in template:
            continue  # as a redirect, requests reads these in another way
        street.api._script = lambda request, link=link: answer_with("redirect", link, 1)
        requests.get(f"{street.api.url}{PATH}", timeout=5, verify=False)
        assert street.strayed == before + 2, f"redirect to {template!r}"


@pytest.mark.campaign(full=len(CASES), middle=60)
def test_no_link_and_no_redirect_takes_the_token_elsewhere(cases, streets, certificate):
    for number, (scheme, place, template) in enumerate(spread(CASES, cases)):
        street = streets[scheme]
        api, link, case = street.api, template.format(**street.names), f"{scheme}, {place}, {template!r}"
        first = [whole(page(EVENT | {"uid": "first"}, following="?cursor=b"))] * (number % 2)
        answers = iter([*first, [answer_with(place, link, number), HANG_UP]])
        api._script = lambda request, answers=answers: next(answers)
        requests_before, connections, strayed = len(api.requests), api.accepted, street.strayed
        client = client_of(api, workers=1, retries=0, ca_bundle=certificate[0])
        try:
            outcome = taf.receipt(client.fetch_events(**DAY))
        except taf.FetchError as error:
            outcome = error
        # What stands beside is none of the client's business.
        wanted = {"next link": taf.PaginationError, "redirect": taf.ApiError, "beside": taf.Receipt}[place]
        assert type(outcome) is wanted, f"{case}: {outcome!r}"
        assert TOKEN not in f"{outcome} {outcome!r} {vars(outcome)}", case
        assert street.strayed == strayed, f"{case}: a connection went elsewhere"
        assert len(api.requests) == requests_before + len(first) + 1, case
        assert api.accepted == connections + 1, f"{case}: another connection to the API, perhaps in the clear"


@pytest.mark.parametrize(
    "link", ["data:,{token}", "http://127.0.0.1:1/{token}", "http://{token}.invalid/v7/x", "/{token}"]
)
def test_an_error_about_a_link_does_not_quote_the_token(link):
    answer = [whole(page(EVENT, following=link.format(token=TOKEN))), HANG_UP]
    with RawServer(lambda request: answer) as api, pytest.raises(taf.PaginationError) as caught:
        client_of(api, workers=1, retries=0).fetch_events(**DAY)
    assert TOKEN.casefold() not in f"{caught.value} {caught.value!r} {vars(caught.value)}".casefold()
    assert "<token>" in str(caught.value)
