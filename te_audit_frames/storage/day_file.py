"""One day of an archive as the bytes of a Parquet file, with a digest that reveals any damage.

Page checksums miss some flipped bits, and do not cover the footer. So the footer holds a SHA-256 of the whole file. It
is computed with zeros in the place of the digest.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from te_audit_frames.errors import DamagedFile
from te_audit_frames.merge import KEY
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.writer import ParquetWriter

TABLE = "events"
UNDATED = "__HIVE_DEFAULT_PARTITION__"
"""The partition of events without a date. Readers of partitions take this value for null."""
ONE_DAY = timedelta(days=1)

RESTORE = "Restore it from a backup; or, while the vendor has the day (two years)"
"""The start of the advice about a damaged file."""

_FILE = "events.parquet"
_PARTITION = "event_date="

_ROWS, _KEY, _DIGEST = (f"te_audit_frames.{name}" for name in ("rows", "key", "sha256"))
_ZEROS = b"0" * 64

UNSEALED = {_DIGEST: _ZEROS.decode()}
"""Belongs at the end of the footer of a file that `seal_file` is to seal."""


def name_of(day: date | None) -> str:
    """Return the name of a day's file. None stands for the events without a date.

    Examples
    --------
    >>> from datetime import date
    >>> from te_audit_frames.storage.day_file import name_of
    >>> name_of(date(2026, 1, 31))
    'events/event_date=2026-01-31/events.parquet'
    """
    return f"{TABLE}/{_PARTITION}{day.isoformat() if day else UNDATED}/{_FILE}"


def day_of(name: str) -> date | None:
    """Return the day of a file, from its name. None stands for the events without a date.

    Raises
    ------
    ValueError
        It is not the name of a day file.
    """
    _, _, rest = name.partition(f"{TABLE}/{_PARTITION}")
    text = rest.removesuffix(f"/{_FILE}")
    day = None if text == UNDATED else date.fromisoformat(text)
    if name != name_of(day):
        raise ValueError(name)
    return day


def midnight(day: date) -> datetime:
    """Return the first instant of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def dump(rows: pa.Table) -> bytes:
    """Return the rows of a day as the bytes of its file.

    Parameters
    ----------
    rows : pyarrow.Table
        In `ARROW_SCHEMA`, in the order of `in_order`. So the same events always give the same bytes.

    Returns
    -------
    bytes

    Examples
    --------
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> from te_audit_frames.storage.day_file import dump, load
    >>> load(dump(ARROW_SCHEMA.empty_table()), file="events.parquet").num_rows
    0
    """
    file = io.BytesIO()
    writer = ParquetWriter(file, "zstd")
    writer.footer = {_ROWS: str(rows.num_rows), _KEY: json.dumps(KEY), **UNSEALED}
    writer.write(rows)
    writer.close()
    return seal_file(file.getvalue())


def load(content: bytes, *, file: str, columns: Sequence[str] = COLUMNS) -> pa.Table:
    """Read a day's file, after checking its digest.

    Parameters
    ----------
    content : bytes
        The file.
    file : str
        Its address, for messages.
    columns : sequence of str
        The columns to read.

    Returns
    -------
    pyarrow.Table
        In the types of `ARROW_SCHEMA`.

    Raises
    ------
    DamagedFile
        The file has changed since it was written.
    """
    # The digest is checked before anything is parsed: some damaged files make Arrow end the process.
    if problem := find_damage(content):
        raise DamagedFile(f"{file}: {problem}. {RESTORE}, remove it, and the next sync fetches the day again.")
    try:
        rows = pq.ParquetFile(pa.BufferReader(content)).read(columns=list(columns)).select(list(columns))
        return pa.Table.from_arrays(rows.columns, schema=pa.schema([ARROW_SCHEMA.field(name) for name in columns]))
    except (
        pa.ArrowException,
        OSError,
        KeyError,
        TypeError,
    ) as error:  # the digest is right, but another program wrote the file
        raise DamagedFile(
            f"{file}: it is not a day file of an archive ({error}). {RESTORE}, remove it, and the next "
            "sync fetches the day again."
        ) from None


def find_problem(content: bytes, day: date | None) -> str | None:
    """Return what is wrong with a day's file: its digest, row count, schema, order or dates. None if nothing is."""
    if problem := find_damage(content):
        return problem
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        stamp = file.metadata.metadata or {}
        if not file.schema_arrow.remove_metadata().equals(ARROW_SCHEMA):
            return "its schema is not the one of events"
        rows = file.read()
    except (pa.ArrowException, OSError) as error:
        return f"it cannot be read: {error}"
    if stamp.get(_ROWS.encode()) != str(rows.num_rows).encode():
        return f"it holds {rows.num_rows:,} rows, but its footer states another number"
    return None if _belongs(rows["date"], day) else "it holds events of another day, or not in ascending order"


def _belongs(dates: pa.ChunkedArray, day: date | None) -> bool:
    if day is None:
        return bool(dates.null_count == len(dates))
    if dates.null_count:
        return False
    first, end = (pa.scalar(midnight(moment), dates.type) for moment in (day, day + ONE_DAY))
    inside = pc.and_(pc.greater_equal(dates, first), pc.less(dates, end))
    ascending = pc.less_equal(dates[:-1], dates[1:])
    return bool(pc.all(inside, min_count=0).as_py() and pc.all(ascending, min_count=0).as_py())


def seal_file(content: bytes) -> bytes:
    """Write the SHA-256 of a Parquet file into its footer, in the place of `UNSEALED`."""
    sealed = bytearray(content)
    digest_at = _locate_digest(sealed)
    sealed[digest_at] = hashlib.sha256(sealed).hexdigest().encode()
    return bytes(sealed)


def find_damage(content: bytes) -> str | None:
    """Return what is wrong with a sealed file. None if it is as it was written."""
    digest_at = _locate_digest(content)
    zeroed = bytearray(content)
    zeroed[digest_at] = _ZEROS[: len(zeroed[digest_at])]
    if hashlib.sha256(zeroed).hexdigest().encode() != content[digest_at]:
        return "it is damaged, or something else wrote it: its SHA-256 is not the one in its footer"
    return None


def _locate_digest(content: bytes | bytearray) -> slice:
    """Locate the digest. The footer is the end of the file, and a value comes two bytes after its key."""
    start = content.rfind(_DIGEST.encode()) + len(_DIGEST) + 2
    return slice(start, start + len(_ZEROS))
