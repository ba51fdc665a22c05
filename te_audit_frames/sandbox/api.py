"""The published contract of GET /v7/audit-user-events as a function of a request and a history; no sockets here."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import urlsplit

from te_audit_frames.sandbox.allowance import Allowance
from te_audit_frames.sandbox.history import History
from te_audit_frames.sandbox.questions import Question, Refusal, iso, next_query, parse_query, read_question

PATH = "/v7/audit-user-events"

_TITLES = {
    HTTPStatus.BAD_REQUEST: "Request validation failed. There are invalid or missing fields",
    HTTPStatus.FORBIDDEN: "Insufficient permissions",
    HTTPStatus.NOT_FOUND: "URI Resource Not Found",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
}


@dataclass(frozen=True)
class Call:
    """A request as it came in.

    Attributes
    ----------
    method, target : str
        Of the request line; the target is path and query.
    host : str
        The `Host` header, already found to be the server's own.
    authorization : str
        The `Authorization` header.
    """

    method: str
    target: str
    host: str
    authorization: str


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Attributes
    ----------
    status : HTTPStatus
        The status.
    headers : dict
        All headers but those of the connection.
    body : bytes
        JSON.
    """

    status: HTTPStatus
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Api:
    """The API of one organisation; the attributes are `Sandbox`'s options."""

    history: History
    token: str
    clock: Callable[[], datetime]
    allowance: Allowance
    page_size: int
    newest_first: bool
    include_start: bool
    include_end: bool
    relative_links: bool
    sliding_links: bool

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
        balance = self.allowance.spend(1 if known else 0)
        headers = {"Date": formatdate(now, usegmt=True), **balance.headers(now)}
        if not known:
            return _unauthorized(headers)
        try:
            if not balance.allowed:
                raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "the organisation's requests are used up")
            body = self._page(call, int(now))
        except Refusal as refusal:
            return problem(refusal, call.target, headers)
        return Answer(HTTPStatus.OK, {**headers, "Content-Type": "application/hal+json"}, body)

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        # Compared as bytes: hmac refuses text that is not ASCII.
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.token.encode())

    def _page(self, call: Call, now: int) -> bytes:
        path, query = urlsplit(call.target)[2:4]
        if path != PATH:
            raise Refusal(HTTPStatus.NOT_FOUND, f"there is nothing here; events are at {PATH}")
        if call.method != "GET":
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "events can only be read, with GET")
        parameters = parse_query(query)
        question = read_question(
            parameters, self.history, now=now, page_size=self.page_size, sliding=self.sliding_links
        )
        base = PATH if self.relative_links else f"http://{call.host}{PATH}"
        links = {"self": {"href": f"{base}?{query}" if query else base}}
        events, more = self._events(question)
        if more:
            following = next_query(parameters, question, sliding=self.sliding_links)
            links["next"] = {"href": f"{base}?{following}"}
        envelope: dict[str, object] = {"_links": links}
        if question.start is not None:
            envelope |= {"startDate": iso(question.start), "endDate": iso(question.end)}
        # The events are JSON already; only the rest of the answer is encoded here.
        return f'{{"auditEvents":[{",".join(events)}],{json.dumps(envelope)[1:]}'.encode()

    def _events(self, question: Question) -> tuple[list[str], bool]:
        first = question.start
        if first is not None and not self.include_start:
            first += 1
        found = self.history.select(first, question.end + self.include_end, question.aid)
        positions = found.page(question.offset, question.size, newest_first=self.newest_first)
        return self.history.render(positions), question.offset + question.size < len(found)


def problem(refusal: Refusal, target: str, headers: Mapping[str, str]) -> Answer:
    """Tell a client what it did wrong, as `application/problem+json`.

    Parameters
    ----------
    refusal : Refusal
        What is wrong.
    target : str
        Path and query of the request.
    headers : mapping
        Headers to send with it.

    Returns
    -------
    Answer
        With the refusal's status.
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
