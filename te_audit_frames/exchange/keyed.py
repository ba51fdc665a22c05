"""Pseudonyms of texts, made with a secret key.

Each kind of text has its own key, derived from the secret one. Within one kind, the same text always gets the same
pseudonym. If a user and a test have the same name, their pseudonyms differ and cannot be linked.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import string
from collections.abc import Callable
from typing import Literal, NoReturn

from te_audit_frames.errors import InvalidArgument

MIN_KEY = 32
"""The shortest valid length of a key in bytes. A longer random key does not make HMAC-SHA256 stronger."""

Kind = Literal[
    "uid", "person", "mail", "aid", "account group", "role", "resource", "type", "network", "address", "text",
    "extra", "filter", "digest",
]  # fmt: skip

Keys = Callable[[Kind], bytes]
"""Returns the key of a kind of text."""

_VERSION = "te_audit_frames pseudonyms 1"
"""Part of every derived key. It changes if the same text would get another pseudonym."""

_PREFIXES: dict[Kind, str] = {
    "uid": "uid", "person": "user", "aid": "aid", "account group": "group", "role": "role", "resource": "name",
    "address": "address", "extra": "extra", "filter": "filter",
}  # fmt: skip
_LETTERS = str.maketrans("0123456789abcdef", "bcdfghjkmnpqrstv")
"""Consonants in place of hexadecimal digits. They form no word of any language."""


class Keyed:
    """The pseudonyms of one key.

    Parameters
    ----------
    key : bytes or str
        The secret, at least 32 bytes long. Text is stripped of white space and byte order marks at both ends, and
        encoded as UTF-8. Bytes are used as they are.

    Raises
    ------
    InvalidArgument
        The key is too short, is one byte repeated, or is neither bytes nor text.

    Examples
    --------
    >>> from te_audit_frames.exchange.keyed import Keyed
    >>> Keyed("for an example only, never for real").name("person", "Ada")
    'user-...'
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes | str) -> None:
        # No attribute holds the secret, so code that shows attributes cannot reveal it.
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
        """Return the pseudonym of an e-mail address: an address in a domain that cannot exist."""
        return f"mail-{self.code('mail', text)}@pseudonym.invalid" if text else text

    def person(self, text: str) -> str:
        """Return the pseudonym of a user: of the name, of the e-mail address, or of both in ``Name (mail)``.

        The name and the e-mail address get separate pseudonyms, because directories and resources may have only one of
        them.
        """
        head, separator, mail = text.removesuffix(")").rpartition(" (")
        is_pair = text.endswith(")") and separator and head == head.rstrip() != "" and _is_mail(mail)
        return f"{self.called(head)} ({self.mail(mail)})" if is_pair else self.called(text)

    def called(self, text: str) -> str:
        """Return the pseudonym of a person's name, which may be an e-mail address."""
        return self.mail(text) if _is_mail(text) else self.name("person", text)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that identify the key. Files made with the same key have the same digits."""
        return self.digest("digest", "fingerprint")[:4].hex()


def derive_keys(key: bytes | str) -> Keys:
    """Return a function that returns the key of a kind of text.

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
    # Text often comes from a file that ends in a line break.
    secret = key if isinstance(key, bytes) else key.strip(_AROUND).encode("utf-8", "surrogatepass")
    if len(secret) < MIN_KEY:
        raise InvalidArgument(f"key: it has {len(secret)} bytes, but needs at least {MIN_KEY}. {_ADVICE}")
    if len(set(secret)) == 1:
        raise InvalidArgument(f"key: it is one byte, repeated, which anyone can guess. {_ADVICE}")
    known: dict[Kind, bytes] = {}
    state = hmac.new(secret, digestmod=hashlib.sha256)

    def key_of(kind: Kind) -> bytes:
        if kind not in known:
            derived = state.copy()
            derived.update(f"{_VERSION}/{kind}".encode())
            known[kind] = derived.digest()
        return known[kind]

    return key_of


_AROUND = string.whitespace + "\ufeff"
_ADVICE = "Make one with secrets.token_hex(32), keep it apart from the events, and use it for all of them."


def _is_mail(text: str) -> bool:
    return "@" in text and not any(letter.isspace() or letter in "()" for letter in text)
