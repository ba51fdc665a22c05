"""The practice server: the API over real HTTP, on loopback only.

The module is long because more than half of it documents the options and methods of the one class that tests and
examples use. How requests are answered is in `api.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil
from types import TracebackType
from typing import Any, Literal, Unpack, cast
from urllib.parse import parse_qsl, urlsplit

from te_audit_frames.sandbox.api import Answer, Api, Call, Request
from te_audit_frames.sandbox.directory_api import DirectoryApi
from te_audit_frames.sandbox.faults import Faults
from te_audit_frames.sandbox.http import LoopbackServer, is_loopback
from te_audit_frames.sandbox.live_log import LiveLog
from te_audit_frames.sandbox.organisation import Organisation, to_event_log
from te_audit_frames.sandbox.parameters import LARGEST_PAGE
from te_audit_frames.sandbox.practice_clock import PracticeClock
from te_audit_frames.sandbox.rate_limit import RateLimit
from te_audit_frames.sandbox.server_behaviour import Behaviour, Options, require


class Sandbox:
    """A practice ThousandEyes: a server on loopback that answers as the published API does.

    Besides events it serves the directory of the people in them: users, account groups, roles and permissions.

    Parameters
    ----------
    events : int, sequence or Organisation
        The number of events of a seeded organisation, the events themselves as JSON values in the API's form, or an
        organisation.
    seed : int
        The number of the organisation to invent. The same number gives the same events.
    days : int
        How many days before now its log covers.
    habits : bool
        Give the people of the organisation habits: sessions, leave, weekly duties, automation on a timetable; see
        `Organisation`. Needs at least 60 days, and 25 events a day.
    incidents : bool
        Add incidents to an organisation with habits: a break-in, a mass deletion and others.
    now : datetime or callable, optional
        The server's clock: a fixed aware datetime, or a function that returns one. By default the real time.
    page_size : int
        Events on a page for requests without `max`.
    latency : float
        Seconds to wait before each answer.
    rate_limit : int or None
        Requests allowed in each `rate_period`; None allows any number.
    rate_period : float
        Seconds. A period begins with its first request and passes in real time, even if `now` stands still.
    order : {"newest", "oldest"}
        Which events come first.
    include_start, include_end : bool
        Whether events exactly at a bound belong to the range.
    relative_links : bool
        Send links without scheme and host.
    sliding_links : bool
        Repeat a `window` in the next link, so that each page resolves it again. By default the next link has
        the dates that it resolved to.
    token : str
        The token that the server accepts; it must begin with ``practice``, so that no real one is ever used.
    host : str
        A loopback address.
    port : int
        The port; 0 picks a free one.
    longest_range : timedelta, optional
        Answer at most this much of the requested range, and say so in `startDate` and `endDate`.
    longest_range_keeps : {"newest", "oldest"}
        Which part of a longer range is answered.
    widest_range : timedelta, optional
        Refuse wider ranges with a 400.
    retention : timedelta, optional
        Remove events when they are this old. Ranges that begin earlier then begin there.
    stated_range : {"true", "none", "example"}
        The range that answers state: the true one, none, or the dates in the example of the published document,
        which no event fits.
    stated_end : {"true", "end of day", "in 3 days", "9999"}
        The end of a range whose request leaves the end to the server.
    date_error : timedelta
        How far the `Date` header is ahead of the server's clock; negative if it is behind.
    arrivals : float
        How many events arrive before each answer, on average.
    most_arrivals : int, optional
        How many events arrive in all, at most.
    arrival_delay : timedelta
        How long before its arrival an event is dated, at most.
    arrivals_stand : {"by date", "by arrival"}
        Whether a late event is sent at the place of its date, or as the newest event.
    removals : float
        How many of the oldest events are removed before each answer, on average.
    misplaced : int
        How many events are stored out of the order of their dates.
    misplaced_by : timedelta
        How far the dates of those events are ahead of their neighbours' dates; negative if they are behind.
    disorder : timedelta
        How far the place of an event may differ from its date, to either side.
    reversed_pages : bool
        Reverse each page, but not the order of pages.
    grouped : bool
        Send one account group after the other if all are requested.
    cursors : {"offset", "row"}
        Whether a cursor counts the events sent, so that arrivals and removals shift the pages, or names the last
        row sent.
    bare_links : bool
        Send links with only a cursor, without the other parameters.
    changed_links : {"none", "scope", "window", "dates"}
        Send links that ask for only the login account group, or for the newer half of the range, as a `window` or
        as dates. The server then answers what the link says.
    put_back : {"honoured", "refused"}
        Whether a link's parameters can be corrected, or the link must be followed as it is.
    repeated_next : bool
        Write the key `next` twice, with null as the second value.
    endless : bool
        Repeat the last event forever, page after page.
    interim : tuple of {100, 102, 103}
        Statuses of interim answers before each answer.
    stray_answers : int, optional
        Answer every n-th request without a body. The answer to an earlier request then follows on the same
        connection, just before the answer to the next one.
    stray_status : {204, 304}
        The status of those answers.
    mixed_up : int, optional
        Answer every n-th request as if it had asked for another account group.
    account_groups : {"listed", "refused"}
        Whether ``/v7/account-groups`` lists the account groups, or answers 403.
    max_parameter : {"honoured", "ignored", "refused", "total"}
        What a request's `max` does: it sets the number of events per page, does nothing, leads to a 400, or limits the
        events of the whole answer, so that no next link follows.
    refused : tuple of str
        Endpoints of the directory that answer 403, as the published paths below ``/v7/``: ``"users"``,
        ``"users/{id}"``, ``"account-groups"``, ``"account-groups/{id}"``, ``"roles"``, ``"roles/{id}"`` and
        ``"permissions"``; or the path of one thing, such as ``"account-groups/2071"``.

    Attributes
    ----------
    event_log : EventLog
        The events that are served at first.
    behaviour : Behaviour
        The options from `longest_range` on.
    requests : list of Request
        Every request answered so far.
    incidents : tuple of Incident
        The truth about the organisation's incidents, by start; empty without the option `incidents`.

    Raises
    ------
    ValueError
        An option is out of its range, others can reach the host, or the token might be real.

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
        habits: bool = False,
        incidents: bool = False,
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
        **behaviour: Unpack[Options],
    ) -> None:
        require(order in ("newest", "oldest"), f'order={order!r}: write "newest" or "oldest"')
        require(1 <= page_size <= LARGEST_PAGE, f"page_size={page_size}: write 1 to {LARGEST_PAGE}")
        require(latency >= 0, f"latency={latency}: write seconds, 0 or more")
        require(rate_limit is None or rate_limit > 0, f"rate_limit={rate_limit}: write 1 or more, or None")
        require(rate_period > 0, f"rate_period={rate_period}: write seconds, more than 0")
        require(token.startswith("practice"), 'token: only made-up ones that begin with "practice" are taken')
        require(is_loopback(host), f"host={host!r}: the practice server stays on loopback; write 127.0.0.1")
        clock = _clock(now)
        self.event_log = to_event_log(events, seed=seed, days=days, now=clock(), habits=habits, incidents=incidents)
        self.incidents = self.event_log.incidents if isinstance(self.event_log, Organisation) else ()
        self.behaviour = Behaviour(**behaviour)
        require(
            not (sliding_links and self.behaviour.changed_links != "none"),
            "sliding_links: it decides what links carry, and so does changed_links; choose one",
        )
        self._log = LiveLog(self.event_log, self.behaviour, newest_first=order == "newest", seed=seed)
        self._clock = clock
        self.token = token
        self.requests: list[Request] = []
        self._latency = latency
        self._address = (host, port)
        self._server: LoopbackServer | None = None
        self._api = Api(
            event_log=self.event_log,
            log=self._log,
            behaviour=self.behaviour,
            token=token,
            clock=clock,
            rate_limit=RateLimit(rate_limit, rate_period),
            page_size=page_size,
            include_start=include_start,
            include_end=include_end,
            relative_links=relative_links,
            sliding_links=sliding_links,
            faults=Faults(self.behaviour),
            directory=DirectoryApi(self.event_log, self._refused()),
        )

    def _refused(self) -> tuple[str, ...]:
        listing = ("account-groups",) if self.behaviour.account_groups == "refused" else ()
        return (*self.behaviour.refused, *listing)

    @property
    def url(self) -> str:
        """The URL at which the server listens, without ``/v7``.

        Raises
        ------
        RuntimeError
            The server is not started.
        """
        if self._server is None:
            raise RuntimeError("the sandbox is not started; write: with Sandbox() as api")
        return f"http://{self._address[0]}:{self._server.port}"

    @property
    def clock(self) -> PracticeClock:
        """A clock for ``Client(clock=...)`` that agrees with the server's, so that nothing warns of the difference.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=100, now=datetime(2026, 3, 1, tzinfo=UTC)) as api:
        ...     client = taf.Client(token=api.token, base_url=api.url, clock=api.clock)
        ...     len(client.fetch_events(window="90d"))
        100
        """
        return PracticeClock(self._clock)

    def start(self) -> Sandbox:
        """Listen, and return the sandbox itself."""
        if self._server is None:
            self._server = LoopbackServer(self._address, self._answer)
        return self

    def stop(self) -> None:
        """Close the server and every connection to it."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def truth(
        self, start: datetime, end: datetime, *, aid: str | None = None, all_account_groups: bool = False
    ) -> list[Any]:
        """Return the events of a period that the server has at this moment, whatever its other options.

        While events arrive or are removed, call this before and after a fetch. The fetch must return every event that
        is in both results, and may return those that are in only one.

        Parameters
        ----------
        start, end : datetime
            The half-open period, aware.
        aid : str, optional
            The account group; by default the one that the token logs in to.
        all_account_groups : bool
            Return the events of every account group instead.

        Returns
        -------
        list
            The events as the API sends them, oldest first.

        Examples
        --------
        >>> from datetime import UTC, datetime, timedelta
        >>> from te_audit_frames.sandbox import Sandbox
        >>> now = datetime(2026, 3, 1, tzinfo=UTC)
        >>> len(Sandbox(events=50, now=now).truth(now - timedelta(days=90), now, all_account_groups=True))
        50
        """
        scope = None if all_account_groups else aid or self.event_log.login_aid
        texts = self._log.between(
            ceil(start.timestamp()), ceil(end.timestamp()), scope, now=int(self._clock().timestamp())
        )
        return cast("list[Any]", json.loads(f"[{','.join(texts)}]"))

    def displaced(self) -> list[tuple[Any, float]]:
        """Return the events that are stored out of the order of their dates.

        Returns
        -------
        list of (event, float)
            The event, and by how many seconds its date is ahead of its neighbours' dates; negative if it is behind.

        Examples
        --------
        >>> from datetime import timedelta
        >>> from te_audit_frames.sandbox import Sandbox
        >>> api = Sandbox(events=50, misplaced=1, misplaced_by=timedelta(minutes=10))
        >>> [seconds for event, seconds in api.displaced()]
        [600.0]
        """
        texts, ahead = self._log.displaced()
        return list(zip(json.loads(f"[{','.join(texts)}]"), ahead.astype(float).tolist(), strict=True))

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox: {len(self._log)} events, {self.url if self._server else 'not started'}>"

    def _answer(self, call: Call) -> Answer:
        time.sleep(self._latency)
        answer = self._api.answer(call)
        parts = urlsplit(call.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.requests.append(Request(parts.path, query, int(answer.status), time.monotonic()))
        return answer


def _clock(now: datetime | Callable[[], datetime] | None) -> Callable[[], datetime]:
    if now is None:
        return lambda: datetime.now(UTC)
    clock = now if callable(now) else lambda: now
    require(clock().tzinfo is not None, "now: a time zone is missing; write datetime(2026, 3, 1, tzinfo=UTC)")
    return clock
