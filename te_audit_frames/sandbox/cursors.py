"""Cursors: the place of the next page and the query, signed so that a made-up cursor is noticed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass

_SEAL_BYTES = 6

RowMark = tuple[int, int, int]
Mark = int | RowMark
"""A number of events to skip, or the group, place and position of the last row sent."""


@dataclass(frozen=True)
class Cursor:
    """The content of a cursor.

    Attributes
    ----------
    mark : int or tuple
        Where the page begins.
    aid : str or None
        The account group; None is all of them.
    start, end : int
        The range, in epoch seconds; `start` is None if none was asked for.
    size : int
        Events on a page.
    """

    mark: Mark
    aid: str | None
    start: int | None
    end: int
    size: int


def write_cursor(cursor: Cursor) -> str:
    """Return a cursor as text.

    Examples
    --------
    >>> from te_audit_frames.sandbox.cursors import Cursor, read_cursor, write_cursor
    >>> read_cursor(write_cursor(Cursor(50, "1234", 0, 60, 25))).mark
    50
    """
    content = json.dumps([cursor.mark, cursor.aid, cursor.start, cursor.end, cursor.size]).encode()
    return base64.b64encode(_seal(content) + content).decode()


def read_cursor(text: str) -> Cursor | None:
    """Return the content of a cursor, or None if this server did not write it."""
    try:
        sealed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    content = sealed[_SEAL_BYTES:]
    if sealed[:_SEAL_BYTES] != _seal(content):
        return None
    mark, aid, start, end, size = json.loads(content)
    return Cursor(mark if isinstance(mark, int) else tuple(mark), aid, start, end, size)


def _seal(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_SEAL_BYTES, key=b"practice").digest()
