"""A secret key, and the pseudonyms that it makes of texts.

Each kind of text has a key of its own, derived from the secret one. So the same text as a user and as a test gives two
pseudonyms that cannot be linked, and the same text of one kind always gives the same pseudonym.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Literal, NoReturn

from te_audit_frames.errors import InvalidArgument

MIN_KEY = 32
"""The length of the shortest key in bytes. HMAC-SHA256 gains nothing from more."""

Kind = Literal[
    "uid", "person", "mail", "aid", "account group", "role", "resource", "type", "network", "address", "text",
    "extra", "filter", "digest",
]  # fmt: skip

Keys = Callable[[Kind], bytes]
"""Gives the key of each kind of text."""

_VERSION = "te_audit_frames pseudonyms 1"
"""Part of every derived key. It changes if the same text would get another pseudonym."""

_PREFIXES: dict[Kind, str] = {
    "uid": "uid", "person": "user", "aid": "aid", "account group": "group", "role": "role", "resource": "name",
    "address": "address", "extra": "extra", "filter": "filter",
}  # fmt: skip
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjkmnpqrstv")
"""Consonants in place of hexadecimal digits, which make no word of any language."""


class Keyed:
    """The pseudonyms of one key.

    Parameters
    ----------
    key : bytes or str
        The secret, at least 32 bytes long. Text counts as its UTF-8.

    Raises
    ------
    InvalidArgument
        The key is too short, or is neither bytes nor text.

    Examples
    --------
    >>> from te_audit_frames.exchange.keyed import Keyed
    >>> Keyed("for an example only, never for real").name("person", "Ada")
    'user-...'
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes | str) -> None:
        # The secret is in no attribute, so that nothing that shows attributes can show it.
        self._key = derive_keys(key)

    def __repr__(self) -> str:
        return "Keyed(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key cannot be pickled")

    def digest(self, kind: Kind, text: str) -> bytes:
        """Return the 32 bytes of HMAC-SHA256."""
        return hmac.digest(self._key(kind), text.encode("utf-8", "surrogatepass"), "sha256")

    def code(self, kind: Kind, text: str) -> str:
        """Return 80 bits of the digest as 16 letters and digits."""
        return base64.b32encode(self.digest(kind, text)[:10]).decode().lower()

    def word(self, kind: Kind, text: str) -> str:
        """Return 80 bits of the digest as 20 consonants."""
        return self.digest(kind, text)[:10].hex().translate(_LETTERS)

    def name(self, kind: Kind, text: str) -> str:
        """Return the pseudonym of a text. Empty text stays empty."""
        return f"{_PREFIXES[kind]}-{self.code(kind, text)}" if text else text

    def mail(self, text: str) -> str:
        """Return the pseudonym of an e-mail address, which looks like one that cannot exist."""
        return f"mail-{self.code('mail', text)}@pseudonym.invalid" if text else text

    def person(self, text: str) -> str:
        """Return the pseudonym of a user: of the name, of the e-mail address, or of both in ``Name (mail)``.

        The parts have pseudonyms of their own, because a directory and the resources of events call people by one of
        them.
        """
        head, separator, mail = text.removesuffix(")").rpartition(" (")
        is_pair = text.endswith(")") and separator and head == head.rstrip() != "" and _is_mail(mail)
        return f"{self.called(head)} ({self.mail(mail)})" if is_pair else self.called(text)

    def called(self, text: str) -> str:
        """Return the pseudonym of what a person is called: a name, or an e-mail address in its place."""
        return self.mail(text) if _is_mail(text) else self.name("person", text)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits by which to see that two files have the same key."""
        return self.digest("digest", "fingerprint")[:4].hex()


def derive_keys(key: bytes | str) -> Keys:
    """Return a function that gives the key of each kind of text.

    Parameters
    ----------
    key : bytes or str
        The secret.

    Raises
    ------
    InvalidArgument
        See `Keyed`.
    """
    if not isinstance(key, bytes | str):
        raise InvalidArgument(f"key: takes bytes or text, not {type(key).__name__}. {_ADVICE}")
    secret = key if isinstance(key, bytes) else key.encode("utf-8", "surrogatepass")
    if len(secret) < MIN_KEY:
        raise InvalidArgument(f"key: it has {len(secret)} bytes, but needs at least {MIN_KEY}. {_ADVICE}")
    known: dict[Kind, bytes] = {}
    state = hmac.new(secret, digestmod=hashlib.sha256)

    def key_of(kind: Kind) -> bytes:
        if kind not in known:
            derived = state.copy()
            derived.update(f"{_VERSION}/{kind}".encode())
            known[kind] = derived.digest()
        return known[kind]

    return key_of


_ADVICE = "Make one with secrets.token_hex(32), keep it apart from the events, and use it for all of them."


def _is_mail(text: str) -> bool:
    return "@" in text and not any(letter.isspace() or letter in "()" for letter in text)
