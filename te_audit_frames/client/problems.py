"""What went wrong in an exchange, in words: the error of a status, the reason of a broken connection."""

from __future__ import annotations

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


def api_error(status: int, headers: Mapping[str, str], body: bytes, page: str) -> ApiError:
    """Turn an answer that is not a 200 into the error of its status, with what the API says of it."""
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict):
        problem = {}
    title = str(problem.get("title") or problem.get("error") or "")
    detail = str(problem.get("detail") or problem.get("error_description") or "")
    sent = problem.get("errors")
    fields = [entry for entry in sent if isinstance(entry, dict)] if isinstance(sent, list) else []
    if status in _ERRORS:
        cls, remedy = _ERRORS[status]
    elif status >= 500:
        cls, remedy = ServerError, "The API is failing or in maintenance; try again later."
    elif 300 <= status < 400:
        cls, remedy = ApiError, f"Redirects are not followed (this one leads to {_host(headers.get('Location', ''))})."
    else:
        cls, remedy = ApiError, ""
    said = ": ".join(part for part in (title, detail) if part)
    named = "; ".join(f"{entry.get('field')}: {entry.get('message')}" for entry in fields)
    message = f"page {page}: the API answered {status}" + (f", {said}" if said else "")
    message += (f" ({named})" if named else "") + f". {remedy}"
    return cls(message.strip(), status=status, title=title, detail=detail, fields=fields)


def _host(location: str) -> str:
    try:
        return urlsplit(location).netloc.rpartition("@")[2] or "the same host"
    except ValueError:
        return "an unreadable address"


def describe(error: Exception) -> str:
    """Say what failed, without the address, whose query is the caller's business."""
    reasons = {
        requests.exceptions.SSLError: "the TLS certificate was not accepted (for a private authority: ca_bundle=)",
        requests.exceptions.ProxyError: "the proxy did not let it through",
        requests.exceptions.ConnectTimeout: "connecting took too long",
        requests.exceptions.Timeout: "it took too long (timeout)",
        urllib3.exceptions.TimeoutError: "it took too long (timeout)",
        requests.exceptions.ConnectionError: "the connection failed or was closed",
        urllib3.exceptions.DecodeError: "its compression is broken",
        urllib3.exceptions.ProtocolError: "the connection was closed before the end",
        OSError: "the connection failed",
    }
    reason = next((text for cls, text in reasons.items() if isinstance(error, cls)), "it is not HTTP")
    return f"{reason} [{type(error).__name__}]"
