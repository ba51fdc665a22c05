"""The addresses of requests: all below one origin, so that the token is sent nowhere else."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlencode, urljoin, urlsplit

from te_audit_frames.errors import InvalidArgument, PaginationError
from te_audit_frames.safe_text import excerpt, printable

_DEFAULT_PORTS = {"http": 80, "https": 443}

_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
"""Control characters, which some programs drop from an address, and backslashes, which some read as slashes."""


class Origin:
    """The origin of the API. Every address of a request is made or checked here.

    Parameters
    ----------
    base_url : str
        An https address, with or without `/v7`. Plain http is allowed for loopback addresses only.

    Raises
    ------
    InvalidArgument
        The address is of another kind. Over plain http, everyone on the way could read the token.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = _check(base_url)
        self._parts = urlsplit(self.base_url)

    @property
    def is_encrypted(self) -> bool:
        """Whether requests travel over TLS."""
        return self._parts.scheme == "https"

    def url(self, parameters: dict[str, str], *, of: str = "audit-user-events") -> str:
        """Return the address of a request."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{self.base_url}/v7/{of}{query}"

    def follow(self, href: str, *, after: str, page: str) -> str:
        """Resolve a next link against the address of its page, and refuse it if it leads elsewhere.

        Raises
        ------
        PaginationError
            The link's scheme, host, port or path prefix differs from the base URL's. Nothing is sent to it.
        """
        try:
            target = urlsplit(urljoin(after, href))
            same = _origin(target) == _origin(self._parts) and target.username is None and target.password is None
        except ValueError:
            same, target = False, SplitResult("", "", "an unreadable address", "", "")
        if same and not _ODD.search(href) and self._is_below(target.path):
            # Spell the origin as the base URL does, so that no program can read it differently.
            return target._replace(scheme=self._parts.scheme, netloc=self._parts.netloc, fragment="").geturl()
        where = target._replace(netloc=target.netloc.rpartition("@")[2], query="", fragment="").geturl()
        raise PaginationError(
            f"page {printable(page)}: its next link leads to {excerpt(ascii(where)[1:-1])}, "
            f"which is not below {self.base_url}/v7/. Nothing was sent there, so the token is safe. "
            "If the API has another address, make that the base_url."
        )

    def _is_below(self, path: str) -> bool:
        """Return whether a path is below the base URL's, even if a server or proxy decodes it again."""
        plain = path
        for _ in range(3):
            plain = unquote(plain)
        upwards = any(step.partition(";")[0] == ".." for step in plain.split("/"))
        return path.startswith(f"{self._parts.path}/v7/") and not upwards and not _ODD.search(plain)


def _check(base_url: str) -> str:
    """Return a checked base URL without `/v7` and without a closing slash."""
    try:
        parts = urlsplit(base_url.strip())
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise InvalidArgument(
            "base_url (TE_BASE_URL): not an address such as https://api.thousandeyes.com, "
            "with a scheme and a host, but without a user, query or fragment"
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidArgument(
            f"base_url (TE_BASE_URL): http://{parts.hostname} would send the token in the clear; use https "
            "(plain http is only for loopback addresses, such as the practice server's)"
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
