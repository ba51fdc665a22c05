"""The one origin that the token goes to: the base URL, and which next links stay below it."""

from __future__ import annotations

import base64
import re
from ipaddress import ip_address
from itertools import groupby
from operator import itemgetter
from typing import Any, NoReturn
from urllib.parse import SplitResult, unquote, urlencode, urljoin, urlsplit

import requests
from requests.auth import AuthBase

from te_audit_frames.client.page import shorten
from te_audit_frames.errors import AuditFramesError, InvalidRequest, PaginationError

_SHORTEST_PART = 12  # of a token, that is worth hiding

_DEFAULT_PORTS = {"http": 80, "https": 443}

_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
"""Control characters, which some programs leave out of an address, and the backslash, which some take for a slash."""


class Secret(AuthBase):
    """The token, put on each request; it shows in no repr and in no pickle."""

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def check(cls, token: object) -> tuple[Secret | None, str]:
        """Wrap a token, or say what is wrong with it; the caller raises, so that no traceback's locals show it."""
        if token is None:
            return None, "token: there is none; set the environment variable TE_TOKEN, or give Client(token=...)"
        if not isinstance(token, str):
            return None, f"token: it is of type {type(token).__name__}, not text"
        stripped = token.strip()
        if not stripped:
            return None, "token: it is empty; set the environment variable TE_TOKEN, or give Client(token=...)"
        if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
            return None, (
                "token: it has white space or characters inside that no token has; was more than the token pasted? "
                "Set TE_TOKEN to the token alone"
            )
        return cls(stripped), ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def hide_in(self, error: AuditFramesError) -> None:
        """Take the token out of what an error quotes; a server may have sent it back."""
        error.args = tuple(self._hidden(part) for part in error.args)
        for name, value in vars(error).items():
            setattr(error, name, self._hidden(value))

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._without(value)
        if isinstance(value, list):
            return [self._hidden(part) for part in value]
        if isinstance(value, dict):
            return {self._hidden(key): self._hidden(part) for key, part in value.items()}
        return value

    def _without(self, text: str) -> str:
        """Take out the token, as it is or in base64, whole or what a cut left of it."""
        hidden = bytearray(len(text))
        for form in (self._token, base64.b64encode(self._token.encode()).decode()):
            size = min(len(form), _SHORTEST_PART)
            parts = {form[place : place + size] for place in range(len(form) - size + 1)}
            for place in range(len(text) - size + 1):
                if text[place : place + size] in parts:
                    hidden[place : place + size] = bytes([True]) * size
        runs = groupby(zip(hidden, text, strict=True), key=itemgetter(0))
        return "".join("<token>" if is_hidden else "".join(sign for _, sign in run) for is_hidden, run in runs)

    def __repr__(self) -> str:
        return "<token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled; make a new Client where it is needed")


class Origin:
    """Where requests go: every address is made, or checked, here.

    Parameters
    ----------
    base_url : str
        An https address, with or without `/v7`; plain http is for loopback only.

    Raises
    ------
    InvalidRequest
        The address is of another kind; over plain http the token would travel in the clear.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = _check(base_url)
        self._parts = urlsplit(self.base_url)

    @property
    def is_encrypted(self) -> bool:
        """Whether requests travel over TLS."""
        return self._parts.scheme == "https"

    def url(self, parameters: dict[str, str], *, of: str = "audit-user-events") -> str:
        """Write the address of a question."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{self.base_url}/v7/{of}{query}"

    def follow(self, href: str, *, after: str, page: str) -> str:
        """Resolve a next link against the page it came from, and refuse one that leads elsewhere.

        Raises
        ------
        PaginationError
            The link's scheme, host, port or path prefix is not the base URL's; nothing is sent to it.
        """
        try:
            target = urlsplit(urljoin(after, href))
            same = _origin(target) == _origin(self._parts) and target.username is None and target.password is None
        except ValueError:
            same, target = False, SplitResult("", "", "an unreadable address", "", "")
        if same and not _ODD.search(href) and self._is_below(target.path):
            # In the base's own spelling, so that no two readings of it can differ.
            return target._replace(scheme=self._parts.scheme, netloc=self._parts.netloc, fragment="").geturl()
        where = target._replace(netloc=target.netloc.rpartition("@")[2], query="", fragment="").geturl()
        raise PaginationError(
            f"page {page}: its next link leads to {shorten(ascii(where)[1:-1])}, "
            f"which is not below {self.base_url}/v7/. Nothing was sent there, so the token is safe. "
            "If the API answers through another address, make that one the base_url."
        )

    def _is_below(self, path: str) -> bool:
        """Whether a path is below the base's, also where a server, or what stands before it, decodes it once more."""
        plain = path
        for _ in range(3):
            plain = unquote(plain)
        upwards = any(step.partition(";")[0] == ".." for step in plain.split("/"))
        return path.startswith(f"{self._parts.path}/v7/") and not upwards and not _ODD.search(plain)


def _check(base_url: str) -> str:
    """Check a base URL, and write it without `/v7` or a closing slash."""
    try:
        parts = urlsplit(base_url.strip())
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidRequest(
            "base_url (TE_BASE_URL): not an address such as https://api.thousandeyes.com; "
            "it has a scheme and a host, and no user, query or fragment"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidRequest(
            f"base_url (TE_BASE_URL): http://{parts.hostname} would send the token in the clear; use https "
            "(plain http is for loopback, as the practice server is)"
        )
    path = parts.path.rstrip("/").removesuffix("/v7").rstrip("/")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
