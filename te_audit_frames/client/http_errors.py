"""What went wrong in an exchange: the error for a status, and the reason why a connection broke."""

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

TOO_SLOW = "Give the Client a longer timeout, or smaller pages (page_size), or ask again later."

_ERRORS: dict[int, tuple[type[ApiError], str]] = {
    400: (BadRequest, "Correct the parameters it names."),
    401: (AuthenticationError, "Check TE_TOKEN: the token may be mistyped, expired or revoked."),
    403: (
        PermissionDenied,
        "The token's user needs the permissions `API Access` and `View activity log for all users in account group`, "
        "and the account group asked for.",
    ),
    404: (NotFound, "Check base_url (TE_BASE_URL) and aid."),
}

_ALL_REFUSED = (
    "Every account group was asked for, which needs the permission `View user activity in all account groups`. "
    "Use all_account_groups=False for the token's login account group alone, or aid= for one account group."
)


def api_error(
    status: int, headers: Mapping[str, str], body: bytes, page: str, *, asked_for_all: bool = False
) -> ApiError:
    """Return the error for an answer that is not a 200, with the API's own explanation.

    Parameters
    ----------
    status : int
        The HTTP status.
    headers : mapping
        The answer's headers.
    body : bytes
        The answer's body.
    page : str
        The page's name, for the message.
    asked_for_all : bool
        Whether every account group was asked for, so that a 403 can name what to ask for instead.
    """
    title, detail, fields = _explanation(body)
    if status in _ERRORS:
        cls, remedy = _ERRORS[status]
        if cls is PermissionDenied and asked_for_all:
            remedy = _ALL_REFUSED
    elif status >= 500:
        cls, remedy = ServerError, "The API is failing or in maintenance; try again later."
    elif 300 <= status < 400:
        leads = f"Redirects are not followed (this one leads to {_host(headers.get('Location', ''))})."
        cls, remedy = ApiError, f"{leads} If the API is there, make it the base_url (TE_BASE_URL)."
    else:
        cls, remedy = ApiError, "That is no answer of the API's contract: check base_url (TE_BASE_URL) and the proxy."
    text = ": ".join(part for part in (title, detail) if part)
    named = "; ".join(f"{entry.get('field')}: {entry.get('message')}" for entry in fields)
    explained = (f", {text}" if text else "") + (f" ({named})" if named else "")
    message = f"page {page}: the API answered {status}{excerpt(explained.removesuffix('.'), _LONGEST_TEXT)}. {remedy}"
    return cls(message, status=status, title=title, detail=detail, fields=fields)


def _explanation(body: bytes) -> tuple[str, str, list[dict[str, str]]]:
    """Return the API's own explanation of an error: title, detail, and the fields at fault.

    Everything becomes text and is made harmless here, because callers print and log these too.
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


_LATER = "Ask again later."
_WAY = "Check base_url (TE_BASE_URL), the network, and the proxy if there is one (HTTPS_PROXY)."
_PROXY = "Check the proxy's address in HTTPS_PROXY, or leave it out for this host with NO_PROXY."

# The first that fits counts.
_REASONS: tuple[tuple[type[Exception], str, str], ...] = (
    (requests.exceptions.SSLError, "TLS could not be agreed upon", _WAY),
    (requests.exceptions.ProxyError, "the proxy did not let it through", _PROXY),
    (requests.exceptions.InvalidProxyURL, "the proxy's address is not one", _PROXY),
    (requests.exceptions.InvalidSchema, "the proxy is of a kind that is not known here", _PROXY),
    (urllib3.exceptions.LocationValueError, "the address, or the proxy's, is not one", _WAY),
    (requests.exceptions.ConnectTimeout, "connecting took too long", _WAY),
    (requests.exceptions.Timeout, "it took too long (timeout)", TOO_SLOW),
    (urllib3.exceptions.TimeoutError, "it took too long (timeout)", TOO_SLOW),
    (requests.exceptions.ConnectionError, "the connection failed or was closed", _WAY),
    (urllib3.exceptions.DecodeError, "its compression is broken", _LATER),
    (urllib3.exceptions.ProtocolError, "the connection was closed before the end", _LATER),
    (OSError, "the connection failed", _WAY),
    (Exception, "it is not HTTP", _WAY),
)


def describe(error: Exception) -> tuple[str, str]:
    """Return what failed and what to do, without the address, whose query must not be shown."""
    cause = _innermost(error)
    if isinstance(cause, http.client.LineTooLong) or type(cause) is http.client.HTTPException:
        return f"{excerpt(str(cause))} [{type(cause).__name__}]", _WAY  # a line, or lines, without end
    reason, remedy = next((reason, remedy) for cls, reason, remedy in _REASONS if isinstance(error, cls))
    return f"{reason} [{type(error).__name__}]", remedy


def _innermost(error: BaseException) -> BaseException:
    """Return the innermost of the errors that libraries wrapped one in another."""
    within = next((part for part in error.args if isinstance(part, BaseException)), None)
    return error if within is None else _innermost(within)
