"""A server on loopback that sends scripted bytes, so that it can break every rule of HTTP and of the API."""

import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from te_audit_frames import Client
from te_audit_frames.client.clock import Clock

TOKEN = "practice-canary-7f3a91"  # what no message, log or traceback may show


@dataclass(frozen=True)
class Pause:
    """A step of an answer: wait, unless the server is stopped."""

    seconds: float


HANG_UP = "hang up"
RESET = "reset"

Step = bytes | Pause | str
Answer = bytes | Iterable[Step]


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


class RawServer:
    """Answers each request with the steps that `script` gives for it; of a list, with the next, then the last.

    A keep-alive connection is kept as long as the client likes, unless a step hangs up.
    """

    def __init__(
        self, script: Callable[[Request], Answer] | Sequence[Answer], *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._script = script
        self._tls = tls
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.requests: list[Request] = []
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _start(self, task, *args):
        thread = threading.Thread(target=task, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    self._connections.append(connection)
                    self.accepted += 1
                self._start(self._serve, connection)

    def _serve(self, connection):
        with suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._connections.append(connection)  # closing the one inside has no effect
            with connection, connection.makefile("rb") as lines:
                while request := self._read(lines):
                    if not self._send(connection, self._answer_to(request)):
                        return

    def _read(self, lines):
        first = lines.readline().split()
        if len(first) < 2:
            return None
        headers = {}
        while (line := lines.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        target = urlsplit(first[1].decode("latin-1"))
        request = Request(target.path, dict(parse_qsl(target.query, keep_blank_values=True)), headers)
        with self._lock:
            self.requests.append(request)
        return request

    def _answer_to(self, request):
        if callable(self._script):
            return self._script(request)
        with self._lock:
            return self._script[min(len(self.requests), len(self._script)) - 1]

    def _send(self, connection, steps):
        for step in [steps] if isinstance(steps, bytes) else steps:
            if isinstance(step, Pause):
                if self._stopped.wait(step.seconds):
                    return False
            elif step == HANG_UP:
                return False
            elif step == RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            else:
                connection.sendall(step)
        return True


def head(status=200, **headers):
    """The status line and headers; in a header's name, `_` stands for `-`."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(body, status=200, **headers):
    """A correct answer."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, Content_Type="application/json", Content_Length=len(body), **headers) + body


def chunked(*chunks, end=True, **headers):
    """A chunked answer; without its end, the connection closes in the middle."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return [head(Transfer_Encoding="chunked", **headers) + b"".join(parts), b"0\r\n\r\n" if end else HANG_UP]


def until_close(body, **headers):
    """An answer that ends where the connection ends."""
    return [head(Connection="close", **headers) + body, HANG_UP]


def page(*events, following=None, **envelope):
    """The body of a page."""
    links = {"next": {"href": following}} if following is not None else {}
    return json.dumps({"auditEvents": list(events), "_links": links, **envelope}).encode()


def zipped(body):
    return gzip.compress(body, compresslevel=1)


class VirtualClock(Clock):
    """Waiting takes no time; it only moves the clock."""

    def __init__(self):
        self.seconds = 0.0
        self.waits = []
        self._lock = threading.Lock()

    def monotonic(self):
        with self._lock:
            return self.seconds

    def wait(self, condition, seconds):
        with self._lock:
            self.seconds += seconds
            self.waits.append(seconds)


def client_of(server, **policy):
    """A client of a server, without a wait of real time."""
    policy = {"clock": VirtualClock(), "progress": False, "timeout": 5.0} | policy
    return Client(token=TOKEN, base_url=server.url, **policy)
