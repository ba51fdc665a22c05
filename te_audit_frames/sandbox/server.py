"""The practice server: the practice API over real HTTP, on loopback only."""

from __future__ import annotations

import ipaddress
import json
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from te_audit_frames.sandbox.allowance import Allowance
from te_audit_frames.sandbox.api import Answer, Api, Call, problem
from te_audit_frames.sandbox.history import GivenEvents, History
from te_audit_frames.sandbox.organisation import Organisation
from te_audit_frames.sandbox.questions import LARGEST_PAGE, Refusal


@dataclass(frozen=True)
class Request:
    """One request that the practice server answered; its token is not kept.

    Attributes
    ----------
    path : str
        Without the query.
    query : dict
        The parameters.
    status : int
        Of the answer.
    time : float
        When the answer was ready, on the clock of `time.monotonic`.
    """

    path: str
    query: dict[str, str]
    status: int
    time: float


class Sandbox:
    """A practice ThousandEyes: a server on loopback that answers as the published API does.

    Parameters
    ----------
    events : int, sequence or Organisation
        How many events a seeded organisation has; or the events themselves, as JSON values in the API's form,
        served as they are; or an organisation made before.
    seed : int
        Which organisation.
    days : int
        How many days its log covers, up to now.
    now : datetime or callable, optional
        The server's clock: a fixed aware datetime, or a function that returns one. By default the real time.
    page_size : int
        Events on a page for requests without `max`.
    latency : float
        Seconds to wait before each answer.
    rate_limit : int or None
        Requests allowed in each `rate_period`; None allows any number.
    rate_period : float
        Seconds. A period begins with its first request and passes in real time, also where `now` stands still.
    order : {"newest", "oldest"}
        Which events come first.
    include_start, include_end : bool
        Whether events in the very second of a bound belong to the range.
    relative_links : bool
        Send links without scheme and host.
    sliding_links : bool
        Repeat a `window` in the next link, so that each page resolves it anew. By default the next link carries
        the dates that it resolved to.
    token : str
        The token that the server accepts; it must begin with ``practice``, so that no real one is ever used.
    host : str
        A loopback address.
    port : int
        0 takes a free one.

    Attributes
    ----------
    history : History
        The events that are served.
    requests : list of Request
        Every request answered so far.

    Raises
    ------
    ValueError
        An option out of its range, a host that others can reach, or a token that might be real.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     len(client.fetch_events(window="90d", all_account_groups=True))
    1000
    """

    def __init__(
        self,
        events: int | Sequence[Any] | Organisation = 10_000,
        *,
        seed: int = 0,
        days: int = 90,
        now: datetime | Callable[[], datetime] | None = None,
        page_size: int = 500,
        latency: float = 0.0,
        rate_limit: int | None = 240,
        rate_period: float = 60.0,
        order: Literal["newest", "oldest"] = "newest",
        include_start: bool = True,
        include_end: bool = True,
        relative_links: bool = False,
        sliding_links: bool = False,
        token: str = "practice-token",  # noqa: S107 - everybody may know it
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        _require(order in ("newest", "oldest"), f'order={order!r}: write "newest" or "oldest"')
        _require(1 <= page_size <= LARGEST_PAGE, f"page_size={page_size}: write 1 to {LARGEST_PAGE}")
        _require(latency >= 0, f"latency={latency}: write seconds, 0 or more")
        _require(rate_limit is None or rate_limit > 0, f"rate_limit={rate_limit}: write 1 or more, or None")
        _require(rate_period > 0, f"rate_period={rate_period}: write seconds, more than 0")
        _require(token.startswith("practice"), 'token: only made-up ones that begin with "practice" are taken')
        _require(_is_loopback(host), f"host={host!r}: the practice server stays on loopback; write 127.0.0.1")
        clock = _clock(now)
        self.history = _history(events, seed=seed, days=days, now=clock())
        self.token = token
        self.requests: list[Request] = []
        self._latency = latency
        self._address = (host, port)
        self._server: _Server | None = None
        self._api = Api(
            history=self.history,
            token=token,
            clock=clock,
            allowance=Allowance(rate_limit, rate_period),
            page_size=page_size,
            newest_first=order == "newest",
            include_start=include_start,
            include_end=include_end,
            relative_links=relative_links,
            sliding_links=sliding_links,
        )

    @property
    def url(self) -> str:
        """Where the server listens, without ``/v7``.

        Raises
        ------
        RuntimeError
            The server is not started.
        """
        if self._server is None:
            raise RuntimeError("the sandbox is not started; write: with Sandbox() as api")
        return f"http://{self._address[0]}:{self._server.port}"

    def start(self) -> Sandbox:
        """Listen, and return the sandbox itself."""
        if self._server is None:
            self._server = _Server(self._address, self._answer)
        return self

    def stop(self) -> None:
        """Close the server and every connection to it."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def truth(
        self, start: datetime, end: datetime, *, aid: str | None = None, all_account_groups: bool = False
    ) -> list[Any]:
        """Return the events that a fetch of this period has to bring, whatever the server's options.

        Parameters
        ----------
        start, end : datetime
            The half-open period, aware.
        aid : str, optional
            The account group; by default the one that the token logs in to.
        all_account_groups : bool
            Every account group instead.

        Returns
        -------
        list
            The events as the API sends them, oldest first.
        """
        scope = None if all_account_groups else aid or self.history.login_aid
        found = self.history.select(ceil(start.timestamp()), ceil(end.timestamp()), scope)
        texts = self.history.render(found.page(0, len(found), newest_first=False))
        return cast("list[Any]", json.loads(f"[{','.join(texts)}]"))

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox: {len(self.history)} events, {self.url if self._server else 'not started'}>"

    def _answer(self, call: Call) -> Answer:
        time.sleep(self._latency)
        answer = self._api.answer(call)
        parts = urlsplit(call.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.requests.append(Request(parts.path, query, int(answer.status), time.monotonic()))
        return answer


def _require(right: bool, message: str) -> None:
    if not right:
        raise ValueError(message)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _clock(now: datetime | Callable[[], datetime] | None) -> Callable[[], datetime]:
    if now is None:
        return lambda: datetime.now(UTC)
    clock = now if callable(now) else lambda: now
    _require(clock().tzinfo is not None, "now: a time zone is missing; write datetime(2026, 3, 1, tzinfo=UTC)")
    return clock


def _history(events: int | Sequence[Any] | Organisation, *, seed: int, days: int, now: datetime) -> History:
    if isinstance(events, Organisation):
        return events
    if isinstance(events, int):
        return Organisation(events=events, seed=seed, end=now, days=days)
    return GivenEvents(events, now=int(now.timestamp()))


class _Server(ThreadingHTTPServer):
    """Threads for connections, and an end that leaves none of them open."""

    # Threads of clients that keep their connection must not keep the interpreter alive.
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
        # HTTPServer's own asks the name service for this machine's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def is_own(self, host: str) -> bool:
        """Whether a Host header names this server; a web page that rebinds its name to loopback does not."""
        name, _, port = host.rpartition(":")
        return port == str(self.port) and _is_loopback(name.lower())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._closed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._closed:
            self._connections.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may hang up at any time.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening, hang up on every client, and wait until their threads are done."""
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

    server: _Server

    def _reply(self) -> None:
        host = self.headers.get("Host", "")
        call = Call(self.command, self.path, host, self.headers.get("Authorization", ""))
        if not self.server.is_own(host):
            self._send(problem(Refusal(HTTPStatus.MISDIRECTED_REQUEST, "this is not the host's server"), self.path, {}))
            return
        if self.command != "GET":
            # The body of the request is not read, so nothing can follow it on this connection.
            self.close_connection = True
        self._send(self.server.answer(call))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _reply  # noqa: N815

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is not HTTP, or no method of it, in the API's form too."""
        self.close_connection = True
        status = HTTPStatus(code)
        self._send(problem(Refusal(status, message or status.phrase), getattr(self, "path", "/"), {}))

    def _send(self, answer: Answer) -> None:
        headers = {
            **answer.headers,
            "Content-Length": str(len(answer.body)),
            "Connection": "close" if self.close_connection else "keep-alive",
        }
        lines = [f"HTTP/1.1 {int(answer.status)} {answer.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        # One write: a head sent on its own waits 40 ms for the client's delayed acknowledgement.
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay quiet; `Sandbox.requests` has what was asked."""
