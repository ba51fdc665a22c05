"""JSON files that carry their own SHA-256, so that any changed bit is found when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from te_audit_frames.errors import ArchiveError
from te_audit_frames.schema import SCHEMA_VERSION


def dump_checked(content: Mapping[str, Any]) -> bytes:
    """Return content as JSON with its own SHA-256. The same content always gives the same bytes.

    Parameters
    ----------
    content : mapping
        Plain JSON types.

    Returns
    -------
    bytes
        One entry per line.

    Examples
    --------
    >>> from te_audit_frames.storage.checksummed_json import dump_checked, load_checked
    >>> load_checked(dump_checked({"days": 3}))
    {'days': 3}
    >>> load_checked(dump_checked({"days": 3}).replace(b"3", b"4")) is None
    True
    """
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace('},"', '},\n"')
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"sha256":"{digest}",\n{text[1:]}\n'.encode()


def load_checked(content: bytes) -> dict[str, Any] | None:
    """Read what `dump_checked` wrote. Return None if any bit of it has changed."""
    try:
        read = json.loads(content)
        del read["sha256"]
        is_unchanged = dump_checked(read) == content
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    return dict(read) if is_unchanged else None


def check_version(content: Mapping[str, Any], *, file: str) -> None:
    """Raise ArchiveError if a newer version of this package wrote the content of a file."""
    if content["schema_version"] > SCHEMA_VERSION:
        raise ArchiveError(
            f"{file} was written by a newer te_audit_frames; upgrade with: pip install -U te-audit-frames"
        )
