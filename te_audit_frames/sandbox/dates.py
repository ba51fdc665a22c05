"""Dates as the API writes and reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)", re.ASCII)

LAST_SECOND = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
"""The last second that a date can express."""


def iso(second: int) -> str:
    """Return an epoch second as the API writes dates.

    Examples
    --------
    >>> from te_audit_frames.sandbox.dates import iso
    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19] + "Z"


def read_date(text: str) -> int | None:
    """Return the epoch second of an ISO 8601 date-time with a zone, or None if it is not one.

    Examples
    --------
    >>> from te_audit_frames.sandbox.dates import read_date
    >>> read_date("1970-01-01T00:01:00Z"), read_date("tomorrow")
    (60, None)
    """
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(seconds=1)
    except ValueError:
        return None
