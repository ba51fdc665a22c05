"""HTTP on loopback for the practice API: connections, framing and a complete shutdown."""

from __future__ import annotations

import ipaddress
import socketserver
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from typing import Any

from te_audit_frames.sandbox.api import Answer, Call, problem
from te_audit_frames.sandbox.parameters import Refusal


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the host.

    Parameters
    ----------
    host : str
        A name or an IPv4 address.

    Returns
    -------
    bool
        True for ``localhost`` and 127.0.0.0/8.

    Examples
    --------
    >>> from te_audit_frames.sandbox.http import is_loopback
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


class LoopbackServer(ThreadingHTTPServer):
    """A server in its own thread. It listens at once and sends what `answer` returns.

    Parameters
    ----------
    address : (str, int)
        Where to listen; port 0 picks a free port.
    answer : callable
        Returns the answer to a call. It is called from many threads.
    """

    # Threads of clients that keep their connection open must not keep the interpreter alive.
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Call], Answer]) -> None:
        self.answer = answer
        self._connections: set[socket] = set()
        self._closed = threading.Condition()
        super().__init__(address, _Handler)
        self.port = int(self.server_address[1])
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="sandbox", daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Bind without looking up this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)

    def is_own(self, host: str) -> bool:
        """Return whether a Host header names this server. A web page with a rebound DNS name sends its own."""
        name, _, port = host.rpartition(":")
        return port == str(self.port) and is_loopback(name.lower())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Register the connection, and serve it in a thread."""
        with self._closed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close the connection."""
        super().shutdown_request(request)
        with self._closed:
            self._connections.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report faults, except clients that hang up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening, close every connection, and wait until their threads are done."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._closed:
            for connection in self._connections:
                _hang_up(connection)
            self._closed.wait_for(lambda: not self._connections, timeout=10)


def _hang_up(connection: socket) -> None:
    try:
        connection.shutdown(SHUT_RDWR)
    except OSError:
        return  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "practice"
    sys_version = ""
    disable_nagle_algorithm = True

    server: LoopbackServer

    _stray = b""
    """Bytes that follow an answer: they reach the client just before the next one."""

    def _reply(self) -> None:
        host = self.headers.get("Host", "")
        call = Call(self.command, self.path, host, self.headers.get("Authorization", ""))
        if not self.server.is_own(host):
            refusal = Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this server is not the host that was asked for")
            self._send(problem(refusal, self.path, {}))
            return
        if self.command != "GET":
            # The request's body stays unread, so the connection cannot be used again.
            self.close_connection = True
        self._send(self.server.answer(call))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _reply  # noqa: N815

    def finish(self) -> None:
        """Send stray bytes that are still waiting."""
        with suppress(OSError):
            self.wfile.write(self._stray)
        super().finish()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer malformed requests and unknown methods in the API's form too."""
        self.close_connection = True
        status = HTTPStatus(code)
        self._send(problem(Refusal(status, message or status.phrase), getattr(self, "path", "/"), {}))

    def _send(self, answer: Answer) -> None:
        length = {} if answer.stray else {"Content-Length": str(len(answer.body))}
        connection = "close" if self.close_connection else "keep-alive"
        headers = {**answer.headers, **length, "Connection": connection}
        interim = "".join(
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nX-Interim: yes\r\n\r\n" for status in answer.interim
        )
        lines = [f"HTTP/1.1 {int(answer.status)} {answer.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = (interim + "\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        # A single write, since a head sent alone would wait 40 ms for the client's delayed acknowledgement.
        self.wfile.write(self._stray + (head if self.command == "HEAD" else head + answer.body))
        self._stray = answer.stray

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log nothing; `Sandbox.requests` has the requests."""
