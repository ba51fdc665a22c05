"""What went wrong with a request: the error for a status, and the reason for a broken connection."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
import urllib3

from te_audit_frames.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    NotFound,
    PermissionDenied,
    ServerError,
)
from te_audit_frames.safe_text import excerpt

_LONGEST_TEXT = 1_000
_MOST_FIELDS = 100
_NOT_MODIFIED = 304

TOO_SLOW = "Give the Client a longer timeout or smaller pages (page_size), or try again later."

_ERRORS: dict[int, tuple[type[ApiError], str]] = {
    400: (BadRequest, "Correct the parameters that it names."),
    401: (AuthenticationError, "Check TE_TOKEN: the token may be mistyped, expired or revoked."),
    403: (
        PermissionDenied,
        "The token's user needs the permissions `API Access` and `View activity log for all users in account group`, "
        "and the account group asked for.",
    ),
    404: (NotFound, "Check base_url (TE_BASE_URL) and aid."),
}

_ALL_REFUSED = (
    "Asking for all account groups needs the permission `View user activity in all account groups`. "
    "Use all_account_groups=False for only the token's login account group, or aid= for another one."
)


def api_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    page: str,
    *,
    asked_for_all: bool = False,
    asked_for_size: bool = False,
) -> ApiError:
    """Return the error for an answer with a status other than 200, with the API's own explanation.

    Parameters
    ----------
    status : int
        The HTTP status.
    headers : mapping
        The answer's headers.
    body : bytes
        The answer's body.
    page : str
        The page's name in the message.
    asked_for_all : bool
        Whether all account groups were asked for; the error for a 403 then says what to ask for instead.
    asked_for_size : bool
        Whether a page size was asked for, which is not a documented parameter; the error then says so.
    """
    title, detail, fields = _explanation(body)
    if status in _ERRORS:
        cls, remedy = _ERRORS[status]
        if cls is PermissionDenied and asked_for_all:
            remedy = _ALL_REFUSED
    elif status >= 500:
        cls, remedy = ServerError, "The API is failing or under maintenance; try again later."
    elif 300 <= status < 400 and status != _NOT_MODIFIED:
        target = _host(headers.get("Location", ""))
        advice = "If the API is there, make that address the base_url (TE_BASE_URL)."
        remedy = f"Redirects are not followed (this one leads to {target}). {advice}"
        cls = ApiError
    else:
        cls, remedy = ApiError, "The API does not use this status: check base_url (TE_BASE_URL) and the proxy."
    if asked_for_size and 400 <= status < 500 and cls is not AuthenticationError:
        remedy += " The API may also refuse page sizes: try it without page_size."
    text = ": ".join(part for part in (title, detail) if part)
    named = "; ".join(f"{entry.get('field')}: {entry.get('message')}" for entry in fields)
    explained = (f", {text}" if text else "") + (f" ({named})" if named else "")
    message = f"page {page}: the API answered {status}{excerpt(explained.removesuffix('.'), _LONGEST_TEXT)}. {remedy}"
    return cls(message, status=status, title=title, detail=detail, fields=fields)


def _explanation(body: bytes) -> tuple[str, str, list[dict[str, str]]]:
    """Return the API's own explanation of an error: title, detail, and the fields at fault.

    All of it is made harmless, because callers print and log the attributes of errors too.
    """
    try:
        problem = json.loads(body)
        if not isinstance(problem, dict):
            return "", "", []
        sent = problem.get("errors")
        fields = [entry for entry in sent if isinstance(entry, dict)] if isinstance(sent, list) else []
        return (
            _text(problem.get("title") or problem.get("error") or ""),
            _text(problem.get("detail") or problem.get("error_description") or ""),
            [{_text(name): _text(value) for name, value in entry.items()} for entry in fields[:_MOST_FIELDS]],
        )
    except (ValueError, RecursionError):
        return "", "", []


def _text(value: object) -> str:
    return excerpt(str(value), _LONGEST_TEXT)


def _host(location: str) -> str:
    try:
        return excerpt(urlsplit(location).netloc.rpartition("@")[2]) or "the same host"
    except ValueError:
        return "an unreadable address"


_LATER = "Try again later."
_WAY = "Check base_url (TE_BASE_URL), the network, and the proxy if there is one (HTTPS_PROXY)."
_PROXY = "Check the proxy's address in HTTPS_PROXY, or leave it out for this host with NO_PROXY."

# The first entry that fits an error is used.
_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (requests.exceptions.SSLError, "TLS could not be agreed upon", _WAY),
    (requests.exceptions.ProxyError, "the proxy refused the connection", _PROXY),
    (requests.exceptions.InvalidProxyURL, "the proxy's address is not valid", _PROXY),
    (requests.exceptions.InvalidSchema, "this kind of proxy is not supported", _PROXY),
    (urllib3.exceptions.LocationValueError, "the address, or the proxy's, is not valid", _WAY),
    (requests.exceptions.ConnectTimeout, "connecting took too long", _WAY),
    (requests.exceptions.Timeout, "the answer took too long (timeout)", TOO_SLOW),
    (urllib3.exceptions.TimeoutError, "the answer took too long (timeout)", TOO_SLOW),
    (requests.exceptions.ConnectionError, "the connection failed or was closed", _WAY),
    (urllib3.exceptions.DecodeError, "the answer's compression is broken", _LATER),
    (urllib3.exceptions.ProtocolError, "the connection was closed before the end of the answer", _LATER),
    (OSError, "the connection failed", _WAY),
    (Exception, "the answer is not HTTP", _WAY),
)


def describe(error: Exception) -> tuple[str, str]:
    """Return what failed and what to do. The address is left out, because its query must not be shown."""
    cause = _innermost(error)
    if isinstance(cause, http.client.LineTooLong) or type(cause) is http.client.HTTPException:
        return f"{excerpt(str(cause))} [{type(cause).__name__}]", _WAY  # a line that is too long, or too many lines
    reason, remedy = next((reason, remedy) for cls, reason, remedy in _REASONS if isinstance(error, cls))
    return f"{reason} [{type(error).__name__}]", remedy


def _innermost(error: BaseException) -> BaseException:
    """Return the innermost of several errors that libraries wrapped in each other."""
    within = next((part for part in error.args if isinstance(part, BaseException)), None)
    return error if within is None else _innermost(within)
