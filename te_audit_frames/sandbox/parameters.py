"""Parameters of a request to /audit-user-events, read by the published rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from te_audit_frames.sandbox.cursors import Mark, read_cursor
from te_audit_frames.sandbox.dates import read_date
from te_audit_frames.sandbox.event_log import EventLog
from te_audit_frames.sandbox.ranges import answered_range, is_too_wide
from te_audit_frames.sandbox.server_behaviour import Behaviour

LARGEST_PAGE = 10_000

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WINDOW = re.compile(r"(\d+)([smhdw]?)", re.ASCII)


class Refusal(Exception):
    """A request to be answered with `application/problem+json`.

    Parameters
    ----------
    status : HTTPStatus
        The status of the answer.
    detail : str
        What is wrong with the request.
    field : str or None
        The parameter at fault.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field


def _bad(field: str, detail: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, detail, field=field)


@dataclass(frozen=True)
class EventQuery:
    """The events that a request asks for, and which page of them.

    Attributes
    ----------
    aid : str or None
        The account group; None is all of them.
    start, end : int
        The resolved range in epoch seconds. A `start` of None means that no range was asked for.
    mark : int or tuple
        Where the page begins: a number of events to skip, or the last row sent.
    size : int
        How many events fit on the page.
    """

    aid: str | None
    start: int | None
    end: int
    mark: Mark
    size: int


def parse_query(query: str) -> dict[str, str]:
    """Return the parameters of a query.

    Parameters
    ----------
    query : str
        The part of the URL after the question mark.

    Returns
    -------
    dict
        Each parameter's value, decoded.

    Raises
    ------
    Refusal
        A parameter is given more than once.

    Examples
    --------
    >>> from te_audit_frames.sandbox.parameters import parse_query
    >>> parse_query("aid=1234&window=12h")
    {'aid': '1234', 'window': '12h'}
    """
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in parameters:
            raise _bad(name, f"{name} is given more than once")
        parameters[name] = value
    return parameters


def read_parameters(
    parameters: Mapping[str, str],
    event_log: EventLog,
    behaviour: Behaviour,
    *,
    now: int,
    page_size: int,
    sliding: bool,
) -> EventQuery:
    """Read the parameters of a request by the published rules.

    Parameters
    ----------
    parameters : mapping
        The query's parameters.
    event_log : EventLog
        The log with the account groups that the token may read.
    behaviour : Behaviour
        Which ranges the server answers, and whether its links carry changed parameters.
    now : int
        The server's clock, in epoch seconds.
    page_size : int
        Events on a page if there is no `max`.
    sliding : bool
        Resolve a `window` again on each page, because links repeat it.

    Returns
    -------
    EventQuery
        The query to answer.

    Raises
    ------
    Refusal
        400 for a parameter that breaks the rules, 403 for an account group that the token may not read.
    """
    size = _read_size(parameters, page_size, behaviour)
    aid = _read_scope(parameters, event_log)
    start, end = _read_range(parameters, now)
    if start is not None:
        if is_too_wide(behaviour, start, end):
            raise _bad("window" if "window" in parameters else "startDate", "the range is wider than is answered")
        start, end = answered_range(behaviour, start, end, now=now, ends_now="endDate" not in parameters)
    if "cursor" not in parameters:
        return EventQuery(aid, start, end, 0, size)
    cursor = read_cursor(parameters["cursor"])
    if cursor is None:
        raise _bad("cursor", "cursor is not from this server; follow _links.next.href")
    size = size if "max" in parameters else cursor.size
    has_scope = not {"aid", "useAllPermittedAids"}.isdisjoint(parameters)
    is_changed = behaviour.changed_links != "none"
    if cursor.aid != aid and has_scope and not is_changed:
        raise _bad("cursor", "the cursor belongs to a request about another account group")
    # A server that changes its own links follows the changed parameters.
    aid = aid if is_changed and has_scope else cursor.aid
    if start is not None and (is_changed or (sliding and "window" in parameters)):
        return EventQuery(aid, start, end, cursor.mark, size)
    return EventQuery(aid, cursor.start, cursor.end, cursor.mark, size)


def _read_size(parameters: Mapping[str, str], page_size: int, behaviour: Behaviour) -> int:
    if behaviour.max_parameter == "refused" and "max" in parameters:
        raise _bad("max", "max is not a parameter of this endpoint")
    if behaviour.max_parameter == "ignored":
        return page_size
    asked = parameters.get("max", str(page_size))
    if not re.fullmatch(r"\d{1,9}", asked, re.ASCII) or not 1 <= int(asked) <= LARGEST_PAGE:
        raise _bad("max", f"max must be a whole number from 1 to {LARGEST_PAGE}")
    return int(asked)


def _read_scope(parameters: Mapping[str, str], event_log: EventLog) -> str | None:
    every = parameters.get("useAllPermittedAids", "false")
    if every not in {"true", "false"}:
        raise _bad("useAllPermittedAids", "useAllPermittedAids must be true or false")
    aid = parameters.get("aid", event_log.login_aid)
    if not aid:
        raise _bad("aid", "aid must not be empty")
    if aid not in event_log.aids:
        raise Refusal(HTTPStatus.FORBIDDEN, "you are not assigned to this account group")
    return None if every == "true" else aid


def _read_range(parameters: Mapping[str, str], now: int) -> tuple[int | None, int]:
    if "window" in parameters:
        if not {"startDate", "endDate"}.isdisjoint(parameters):
            raise _bad("window", "window cannot be used with startDate or endDate")
        return now - _read_window(parameters["window"], now), now
    if "startDate" not in parameters:
        if "endDate" in parameters:
            raise _bad("endDate", "endDate needs a startDate")
        return None, now
    start = _read_date("startDate", parameters["startDate"])
    end = _read_date("endDate", parameters["endDate"]) if "endDate" in parameters else now
    if end < start:
        raise _bad("startDate", "startDate must not be after endDate")
    return start, end


def _read_window(window: str, now: int) -> int:
    match = _WINDOW.fullmatch(window)
    if match is None:
        raise _bad("window", "window must be a number and one of s, m, h, d, w, such as 12h")
    # A window of any length is allowed, and cut at 1970. Python does not convert thousands of digits.
    digits = match[1].lstrip("0")
    return min(int(digits or 0) * _UNITS[match[2]], now) if len(digits) < 20 else now


def _read_date(field: str, text: str) -> int:
    second = read_date(text)
    if second is None:
        raise _bad(field, f"{field} must be an ISO 8601 date-time in UTC, such as 2026-07-17T22:00:54Z")
    return second
