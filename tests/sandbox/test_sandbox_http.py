"""HTTP of the practice server: framing, hosts, and a complete shutdown."""

import json
import socket
import threading
from http import HTTPStatus
from http.client import HTTPConnection

import pytest

from te_audit_frames.sandbox.api import Answer
from te_audit_frames.sandbox.http import LoopbackServer, is_loopback


class Echo:
    """Answers with the method and the target, and remembers the calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, call):
        self.calls.append(call)
        body = json.dumps([call.method, call.target]).encode()
        if call.target == "/stray":
            return Answer(HTTPStatus.NO_CONTENT, {}, b"", stray=b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!")
        interim = (103,) if call.target == "/early" else ()
        return Answer(HTTPStatus.OK, {"X-Name": "Z\u00fcrich"}, body, interim=interim)


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def server(echo):
    server = LoopbackServer(("127.0.0.1", 0), echo)
    yield server
    server.stop()


@pytest.fixture
def connection(server):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield connection
    connection.close()


def ask(connection, method="GET", target="/x", **headers):
    connection.request(method, target, headers=headers)
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def raw(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("127.0.0.1.example.com", False),
        ("example.com", False),
        ("127.1", False),
        ("::1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host, expected):
    assert is_loopback(host) is expected


def test_requests_follow_one_another_on_one_connection(connection, echo):
    for number in range(3):
        status, headers, body = ask(connection, target=f"/x?n={number}", Authorization=f"Bearer {number}")
        assert (status, json.loads(body)) == (200, ["GET", f"/x?n={number}"])
        assert headers["Connection"] == "keep-alive"
        assert headers["X-Name"] == "Z\u00fcrich"
        if number == 0:
            used = connection.sock
    assert connection.sock is used
    assert [call.authorization for call in echo.calls] == [f"Bearer {number}" for number in range(3)]


def test_a_head_has_the_length_of_a_body_that_does_not_follow(server):
    answer = raw(server, f"HEAD /x HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(json.dumps(['HEAD', '/x']))}".encode() in head
    assert rest == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_connection_whose_body_was_not_read_is_closed(connection, method):
    status, headers, body = ask(connection, method)
    assert (status, json.loads(body)[0], headers["Connection"]) == (200, method, "close")


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1", "127.0.0.1:1", "", "[::1]:{port}", "evil.example:{port}"])
def test_who_asks_for_another_host_gets_no_answer(server, connection, echo, host):
    status, _, body = ask(connection, Host=host.format(port=server.port))
    assert (status, echo.calls) == (421, [])
    assert json.loads(body)["status"] == 421


def test_a_name_of_this_machine_in_capitals_is_its_own(server, connection):
    assert ask(connection, Host=f"LocalHost:{server.port}")[0] == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /x HTTP/9.9\r\n\r\n", 505),
        (b"BREW /x HTTP/1.1\r\n\r\n", 501),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    ],
)
def test_what_is_no_request_gets_a_problem_and_the_connection_ends(server, echo, request_, status):
    head, _, body = raw(server, request_).partition(b"\r\n\r\n")
    assert json.loads(body or head)["status"] == status
    assert echo.calls == []


def test_an_interim_answer_comes_first(server):
    request = f"GET /early HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n\r\n"
    answer = raw(server, request.encode())
    assert answer.startswith(b"HTTP/1.1 103 Early Hints\r\n")
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in answer


def test_stray_bytes_come_before_the_next_answer_or_at_the_end(server):
    host = f"Host: 127.0.0.1:{server.port}\r\n"
    two = f"GET /stray HTTP/1.1\r\n{host}\r\nGET /x HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    for request in (two, f"GET /stray HTTP/1.1\r\n{host}Connection: close\r\n\r\n"):
        answer = raw(server, request.encode())
        first, stray = answer.index(b"204"), answer.index(b"\r\n\r\n!")
        assert first < stray
        assert (request is two) == (b"X-Name" in answer[stray:])


def test_stopping_ends_idle_connections_and_the_thread():
    server = LoopbackServer(("127.0.0.1", 0), Echo())
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(3)]
    for client in clients:
        client.sendall(f"GET /x HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b'["GET", "/x"]'):
            answer += client.recv(4096)
    server.stop()
    for client in clients:
        assert client.recv(4096) == b""
        client.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "sandbox" and thread is server._thread]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=10)
