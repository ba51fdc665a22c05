"""The token: it signs requests, and is kept out of messages, logs, reprs, tracebacks and pickles."""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NoReturn

import requests
from requests.auth import AuthBase

from te_audit_frames.errors import AuditFramesError

_SHORTEST_PART = 12
"""Parts of the token with at least this many characters are hidden, because a server may quote only a part."""

_SHORTEST_FORM = 8
"""Encoded forms of a shorter token, and shorter base64 forms, are not searched for: they may occur by chance."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

# An escaped character as in URLs (perhaps escaped several times), HTML, JSON and program source.
_ENCODED = re.compile(
    r"%(?:25)*([0-9a-f]{2})|&#x0*([0-9a-f]{1,6});|&#0*([0-9]{1,7});|\\+u00([0-9a-f]{2})|\\+x([0-9a-f]{2})",
    re.IGNORECASE,
)
_BASE64 = frozenset(f"{string.ascii_letters}{string.digits}+/-_")
_PADDED = _BASE64 | {"="}


class Secret(AuthBase):
    """The token. It signs requests, and never appears in a repr or pickle."""

    def __init__(self, token: str) -> None:
        self._token = token

    @classmethod
    def check(cls, token: object) -> tuple[Secret | None, str]:
        """Return the wrapped token, or what is wrong with it.

        The caller raises the error, so that no frame of its traceback holds the token.
        """
        if token is None:
            return None, "token: there is none; set the environment variable TE_TOKEN, or give Client(token=...)"
        if not isinstance(token, str):
            return None, f"token: it is of type {type(token).__name__}, not text"
        stripped = token.strip()
        if not stripped:
            return None, "token: it is empty; set the environment variable TE_TOKEN, or give Client(token=...)"
        if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
            return None, (
                "token: it contains white space or other characters that no token has. Perhaps more than the token was "
                "pasted; set TE_TOKEN to the token alone"
            )
        return cls(stripped), ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def hide_in(self, error: AuditFramesError) -> None:
        """Remove the token from an error, which may quote a server that sent the token back."""
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
        """Return a text without the token, even if it is encoded, escaped or cut short."""
        hidden = bytearray(len(text))
        for readable, places in (_unchanged(text), _unescaped(text)):
            for low, high in _find(readable, self._token):
                hidden[places[low] : places[high]] = bytes([True]) * (places[high] - places[low])
        runs = groupby(zip(hidden, text, strict=True), key=itemgetter(0))
        return "".join("<token>" if is_hidden else "".join(sign for _, sign in run) for is_hidden, run in runs)

    def __repr__(self) -> str:
        return "<token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token cannot be pickled; create a new Client where it is needed")


def _unchanged(text: str) -> tuple[str, range]:
    return text, range(len(text) + 1)


def _unescaped(text: str) -> tuple[str, list[int]]:
    """Return a text with its escapes decoded, and for each character its position in the original text."""
    characters: list[str] = []
    places: list[int] = []
    end = 0
    for match in _ENCODED.finditer(text):
        characters += text[end : match.start()]
        places += range(end, match.start() + 1)
        decimal = match[3]
        code = int(decimal) if decimal else int(next(filter(None, match.groups())), 16)
        characters.append(chr(code) if code < 128 else "\0")  # tokens are ASCII
        end = match.end()
    characters += text[end:]
    return "".join(characters), [*places, *range(end, len(text) + 1)]


def _find(text: str, token: str) -> Iterator[tuple[int, int]]:
    """Yield where a token is in a text: plain, reversed, in hexadecimal or in base64, in upper or lower case."""
    text = text.translate(_LOWER)
    whole = token.encode()
    spelled = {token}
    if len(token) >= _SHORTEST_FORM:
        spelled |= {token[::-1], whole.hex(), *(whole.hex(separator) for separator in ":- ")}
    yield from _find_parts(text, spelled)
    for low, high in _find_parts(text, {form for form in _in_base64(whole) if len(form) >= _SHORTEST_FORM}):
        # Hide the whole encoded text with its padding: the token may be only a part of what was encoded.
        before = next((place for place in range(low, 0, -1) if text[place - 1] not in _BASE64), 0)
        yield before, next((place for place in range(high, len(text)) if text[place] not in _PADDED), len(text))


def _find_parts(text: str, forms: set[str]) -> Iterator[tuple[int, int]]:
    for form in forms:
        lower = form.translate(_LOWER)
        size = min(len(lower), _SHORTEST_PART)
        parts = {lower[place : place + size] for place in range(len(lower) - size + 1)}
        for place in range(len(text) - size + 1):
            if text[place : place + size] in parts:
                yield place, place + size


def _in_base64(whole: bytes) -> Iterator[str]:
    """Yield the base64 forms of some bytes, in both alphabets, and with zero, one or two other bytes before them."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for before in range(3):
            encoded = encode(b" " * before + whole).decode()
            # Leave out the characters at either end that also depend on neighbouring bytes.
            yield encoded[-(-before * 8 // 6) : (before + len(whole)) * 8 // 6]
