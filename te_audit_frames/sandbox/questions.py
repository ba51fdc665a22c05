"""What a request to /audit-user-events asks: its parameters by the published rules, and the cursors of its pages."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from te_audit_frames.sandbox.history import History

LARGEST_PAGE = 10_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WINDOW = re.compile(r"(\d+)([smhdw]?)", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_EVERY_GROUP = "*"


class Refusal(Exception):
    """A request that is answered with `application/problem+json`.

    Parameters
    ----------
    status : HTTPStatus
        The answer's status.
    detail : str
        What is wrong.
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
class Question:
    """Which events are asked for, and which page of them.

    Attributes
    ----------
    aid : str or None
        The account group; None is all of them.
    start, end : int
        The resolved range in epoch seconds. A `start` of None means that no range was asked for.
    offset, size : int
        How many events came on earlier pages, and how many fit on this one.
    """

    aid: str | None
    start: int | None
    end: int
    offset: int
    size: int


def parse_query(query: str) -> dict[str, str]:
    """Return the parameters of a query; one that is given twice is refused.

    Parameters
    ----------
    query : str
        What follows the question mark.

    Returns
    -------
    dict
        Each parameter's value, decoded.

    Raises
    ------
    Refusal
        A parameter stands there more than once.

    Examples
    --------
    >>> from te_audit_frames.sandbox.questions import parse_query
    >>> parse_query("aid=1234&window=12h")
    {'aid': '1234', 'window': '12h'}
    """
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in parameters:
            raise _bad(name, f"{name} is given more than once")
        parameters[name] = value
    return parameters


def read_question(
    parameters: Mapping[str, str], history: History, *, now: int, page_size: int, sliding: bool
) -> Question:
    """Read the parameters of a request by the published rules.

    Parameters
    ----------
    parameters : mapping
        The query's parameters.
    history : History
        Whose account groups the token may read.
    now : int
        The server's clock, in epoch seconds.
    page_size : int
        Events on a page where `max` does not say.
    sliding : bool
        Resolve a `window` anew on each page, as the links of some answers make clients do.

    Returns
    -------
    Question
        What to answer.

    Raises
    ------
    Refusal
        400 for a parameter against the rules, 403 for an account group that the token may not read.
    """
    size = _read_size(parameters, page_size)
    aid = _read_scope(parameters, history)
    start, end = _read_range(parameters, now)
    if "cursor" not in parameters:
        return Question(aid, start, end, 0, size)
    offset, cursor_aid, cursor_start, cursor_end = _read_cursor(parameters["cursor"])
    if cursor_aid != aid and not {"aid", "useAllPermittedAids"}.isdisjoint(parameters):
        raise _bad("cursor", "the cursor belongs to a request about another account group")
    if sliding and "window" in parameters:
        return Question(cursor_aid, start, end, offset, size)
    return Question(cursor_aid, cursor_start, cursor_end, offset, size)


def next_query(parameters: Mapping[str, str], question: Question, *, sliding: bool) -> str:
    """Return the query of the next page: the parameters of this one, its range resolved, and a cursor.

    Parameters
    ----------
    parameters : mapping
        The parameters of this page's request.
    question : Question
        What this page answers.
    sliding : bool
        Repeat a `window` instead of the range that it resolved to.

    Returns
    -------
    str
        A query.
    """
    kept = {name: parameters[name] for name in ("aid", "max") if name in parameters}
    kept["useAllPermittedAids"] = parameters.get("useAllPermittedAids", "false")
    if "useAllPermittedAids" not in parameters and question.aid is None:
        kept["useAllPermittedAids"] = "true"
    if sliding and "window" in parameters:
        kept["window"] = parameters["window"]
    elif question.start is not None:
        kept |= {"startDate": iso(question.start), "endDate": iso(question.end)}
    return urlencode({**kept, "cursor": _write_cursor(question)})


def iso(second: int) -> str:
    """Return an epoch second as the API writes dates.

    Examples
    --------
    >>> from te_audit_frames.sandbox.questions import iso
    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19] + "Z"


def _read_size(parameters: Mapping[str, str], page_size: int) -> int:
    asked = parameters.get("max", str(page_size))
    if not re.fullmatch(r"\d{1,9}", asked, re.ASCII) or not 1 <= int(asked) <= LARGEST_PAGE:
        raise _bad("max", f"max must be a whole number from 1 to {LARGEST_PAGE}")
    return int(asked)


def _read_scope(parameters: Mapping[str, str], history: History) -> str | None:
    every = parameters.get("useAllPermittedAids", "false")
    if every not in {"true", "false"}:
        raise _bad("useAllPermittedAids", "useAllPermittedAids must be true or false")
    aid = parameters.get("aid", history.login_aid)
    if not aid:
        raise _bad("aid", "aid must not be empty")
    if aid not in history.aids:
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
    # As long as one likes: what reaches back before 1970 is cut there. Python would not read thousands of digits.
    digits = match[1].lstrip("0")
    return min(int(digits or 0) * _UNITS[match[2]], now) if len(digits) < 20 else now


def _read_date(field: str, text: str) -> int:
    wrong = _bad(field, f"{field} must be an ISO 8601 date-time in UTC, such as 2026-07-17T22:00:54Z")
    if not _DATE_TIME.fullmatch(text):
        raise wrong
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        raise wrong from None


def _write_cursor(question: Question) -> str:
    offset = question.offset + question.size
    content = json.dumps([offset, question.aid or _EVERY_GROUP, question.start, question.end]).encode()
    return base64.b64encode(_seal(content) + content).decode()


def _read_cursor(cursor: str) -> tuple[int, str | None, int | None, int]:
    wrong = _bad("cursor", "cursor is not one of this server; follow _links.next.href")
    try:
        sealed = base64.b64decode(cursor, validate=True)
    except (binascii.Error, ValueError):
        raise wrong from None
    content = sealed[_SEAL_BYTES:]
    if sealed[:_SEAL_BYTES] != _seal(content):
        raise wrong
    offset, aid, start, end = json.loads(content)
    return offset, None if aid == _EVERY_GROUP else aid, start, end


_SEAL_BYTES = 6


def _seal(content: bytes) -> bytes:
    """Return a checksum, so that a cursor somebody made up is found out."""
    return hashlib.blake2b(content, digest_size=_SEAL_BYTES, key=b"practice").digest()
