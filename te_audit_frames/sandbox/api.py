"""The published API as a function from a request to an answer, without sockets."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import urlsplit

from te_audit_frames.sandbox.directory_api import DirectoryApi
from te_audit_frames.sandbox.event_log import EventLog
from te_audit_frames.sandbox.faults import Faults
from te_audit_frames.sandbox.live_log import LiveLog
from te_audit_frames.sandbox.next_links import next_query
from te_audit_frames.sandbox.parameters import EventQuery, Refusal, parse_query, read_parameters
from te_audit_frames.sandbox.ranges import stated_range
from te_audit_frames.sandbox.rate_limit import RateLimit
from te_audit_frames.sandbox.server_behaviour import Behaviour

PATH = "/v7/audit-user-events"

_TITLES = {
    HTTPStatus.BAD_REQUEST: "Request validation failed. There are invalid or missing fields",
    HTTPStatus.FORBIDDEN: "Insufficient permissions",
    HTTPStatus.NOT_FOUND: "URI Resource Not Found",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
}


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes
    ----------
    method : str
        Such as GET.
    target : str
        Path and query.
    host : str
        The `Host` header, already checked to be the server's own.
    authorization : str
        The `Authorization` header.
    """

    method: str
    target: str
    host: str
    authorization: str


@dataclass(frozen=True)
class Request:
    """A request that the practice server answered, without its token.

    Attributes
    ----------
    path : str
        The path, without the query.
    query : dict
        The parameters.
    status : int
        The status of the answer.
    time : float
        When the answer was ready, by `time.monotonic`.
    """

    path: str
    query: dict[str, str]
    status: int
    time: float


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes
    ----------
    status : HTTPStatus
        The status.
    headers : dict
        All headers except those of the connection.
    body : bytes
        JSON.
    interim : tuple of int
        The statuses of interim answers to send first.
    stray : bytes
        Bytes that wrongly follow the answer on the connection.
    """

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes
    interim: tuple[int, ...] = ()
    stray: bytes = b""


@dataclass(frozen=True)
class Api:
    """The API of one organisation. Its attributes are options of `Sandbox`, and the state of the server."""

    event_log: EventLog
    log: LiveLog
    behaviour: Behaviour
    token: str
    clock: Callable[[], datetime]
    rate_limit: RateLimit
    page_size: int
    include_start: bool
    include_end: bool
    relative_links: bool
    sliding_links: bool
    faults: Faults
    directory: DirectoryApi
    issued: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    """The parameters of the links sent so far, for servers that accept no others."""

    def answer(self, call: Call) -> Answer:
        """Answer one request.

        Parameters
        ----------
        call : Call
            The request.

        Returns
        -------
        Answer
            The page, or the problem.
        """
        now = self.clock().timestamp()
        known = self._knows(call.authorization)
        balance = self.rate_limit.spend(1 if known else 0)
        date = formatdate(now + self.behaviour.date_error.total_seconds(), usegmt=True)
        headers = {"Date": date, **balance.headers(now)}
        if not known:
            return _unauthorized(headers)
        try:
            if not balance.allowed:
                raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "the organisation's requests are used up")
            return self._answer(call, int(now), headers)
        except Refusal as refusal:
            return problem(refusal, call.target, headers)

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        # Compared as bytes: hmac refuses text that is not ASCII.
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.token.encode())

    def _answer(self, call: Call, now: int, headers: dict[str, str]) -> Answer:
        path, query = urlsplit(call.target)[2:4]
        if call.method != "GET":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "events and the directory can only be read, with GET")
        headers = {**headers, "Content-Type": "application/hal+json"}
        base = path if self.relative_links else f"http://{call.host}{path}"
        if path != PATH:
            link = f"{base}?{query}" if query else base
            found = self.directory.answer(path, parse_query(query), link=link, now=now)
            if found is None:
                raise Refusal(HTTPStatus.NOT_FOUND, f"nothing is at this path; events are at {PATH}")
            return Answer(HTTPStatus.OK, headers, json.dumps(found).encode(), interim=self.behaviour.interim)
        return self._page_answer(query, base, now, headers)

    def _page_answer(self, query: str, base: str, now: int, headers: dict[str, str]) -> Answer:
        self.log.advance(now)
        parameters = parse_query(query)
        has_stray, is_mixed_up = self.faults.next_request()
        event_query = self._read(parameters, now)
        body = self._page(query, base, self._about_others(event_query) if is_mixed_up else event_query, now)
        interim = self.behaviour.interim
        if has_stray:
            status, stray = self.faults.stray(self._page(query, base, self._about_others(event_query), now))
            answer = Answer(status, headers, b"", interim=interim, stray=stray)
        else:
            answer = Answer(HTTPStatus.OK, headers, body, interim=interim)
        self.faults.keep(body)
        return answer

    def _read(self, parameters: Mapping[str, str], now: int) -> EventQuery:
        if (
            self.behaviour.put_back == "refused"
            and "cursor" in parameters
            and frozenset(parameters.items()) not in self.issued
        ):
            raise Refusal(HTTPStatus.BAD_REQUEST, "follow _links.next.href as it is", field="cursor")
        return read_parameters(
            parameters,
            self.event_log,
            self.behaviour,
            now=now,
            page_size=self.page_size,
            sliding=self.sliding_links,
        )

    def _about_others(self, event_query: EventQuery) -> EventQuery:
        """Return the same query about another account group, if there is one."""
        others = [aid for aid in self.event_log.aids if aid != event_query.aid]
        return replace(event_query, aid=others[-1]) if others else event_query

    def _page(self, query: str, base: str, event_query: EventQuery, now: int) -> bytes:
        parameters = parse_query(query)
        first = event_query.start
        if first is not None and not self.include_start:
            first += 1
        stop = event_query.end + self.include_end
        page = self.log.page(first, stop, event_query.aid, event_query.mark, event_query.size, now=now)
        links: dict[str, object] = {"self": {"href": f"{base}?{query}" if query else base}}
        is_cut_off = self.behaviour.max_parameter == "total" and "max" in parameters
        if page.next_mark is not None and not is_cut_off:
            following = next_query(
                parameters,
                event_query,
                page.next_mark,
                self.behaviour,
                login_aid=self.event_log.login_aid,
                sliding=self.sliding_links,
                now=now,
            )
            if self.behaviour.put_back == "refused":
                self.issued.add(frozenset(parse_query(following).items()))
            links["next"] = {"href": f"{base}?{following}"}
        envelope = json.dumps({"_links": links, **stated_range(self.behaviour, event_query.start, event_query.end)})
        if self.behaviour.repeated_next and "next" in links:
            envelope = envelope.replace("}}", '}, "next": null}', 1)
        # The events are JSON already, so only the rest of the answer is encoded.
        return f'{{"auditEvents":[{",".join(self.log.render(page.positions))}],{envelope[1:]}'.encode()


def problem(refusal: Refusal, target: str, headers: Mapping[str, str]) -> Answer:
    """Return an `application/problem+json` answer that states the client's mistake.

    Parameters
    ----------
    refusal : Refusal
        The problem.
    target : str
        Path and query of the request.
    headers : mapping
        Headers to send along.

    Returns
    -------
    Answer
        The answer, with the refusal's status.
    """
    content: dict[str, object] = {
        "type": "about:blank",
        "title": _TITLES.get(refusal.status, refusal.status.phrase),
        "status": int(refusal.status),
        "detail": str(refusal),
        "instance": urlsplit(target).path,
    }
    if refusal.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {**headers, "Allow": "GET"}
    if refusal.field is not None:
        content["errors"] = [{"code": "PRACTICE-400", "field": refusal.field, "message": str(refusal)}]
    return _problem_answer(refusal.status, content, headers)


def _unauthorized(headers: Mapping[str, str]) -> Answer:
    content = {"error": "invalid_token", "error_description": "Invalid access token"}
    return _problem_answer(HTTPStatus.UNAUTHORIZED, content, {**headers, "WWW-Authenticate": "Bearer"})


def _problem_answer(status: HTTPStatus, content: Mapping[str, object], headers: Mapping[str, str]) -> Answer:
    body = json.dumps(content).encode()
    return Answer(status, {**headers, "Content-Type": "application/problem+json"}, body)
