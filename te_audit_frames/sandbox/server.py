"""The practice server: the practice API over real HTTP, on loopback only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from types import TracebackType
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from te_audit_frames.sandbox.allowance import Allowance
from te_audit_frames.sandbox.api import Answer, Api, Call
from te_audit_frames.sandbox.history import GivenEvents, History
from te_audit_frames.sandbox.listener import Listener, is_loopback
from te_audit_frames.sandbox.organisation import Organisation
from te_audit_frames.sandbox.questions import LARGEST_PAGE


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
        _require(is_loopback(host), f"host={host!r}: the practice server stays on loopback; write 127.0.0.1")
        clock = _clock(now)
        self.history = _history(events, seed=seed, days=days, now=clock())
        self.token = token
        self.requests: list[Request] = []
        self._latency = latency
        self._address = (host, port)
        self._server: Listener | None = None
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
            self._server = Listener(self._address, self._answer)
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
