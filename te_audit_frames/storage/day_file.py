"""One day of an archive as the bytes of a Parquet file, with a digest that reveals any damage.

Page checksums miss some flipped bits, and do not cover the footer. So the footer holds a SHA-256 of the whole file. It
is computed with zeros in the place of the digest.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from te_audit_frames.errors import DamagedFile
from te_audit_frames.merge import KEY
from te_audit_frames.periods import epoch_micros
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.writer import ParquetWriter

TABLE = "events"
UNDATED = "__HIVE_DEFAULT_PARTITION__"
"""The partition of events without a date. Engines that read Hive partitions take this value for null."""
ONE_DAY = timedelta(days=1)

RESTORE = "Restore it from a backup; or, while the vendor has the day (two years)"
"""The start of the advice about a damaged file."""

_FILE = "events.parquet"
_PARTITION = "event_date="

_ROWS, _KEY, _DIGEST = (f"te_audit_frames.{name}" for name in ("rows", "key", "sha256"))
_ZEROS = b"0" * 64

_ROWS_FOR_THREADS = 2_000
"""The fewest rows of a file for decoding its columns in parallel. With fewer, starting the threads takes longer."""

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
        rows = _read(_open(content), columns)
        if rows.schema.equals(ARROW_SCHEMA):
            return rows.replace_schema_metadata()
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


@dataclass(frozen=True)
class FileCheck:
    """The result of checking one file by itself.

    Attributes
    ----------
    sha256 : str
        The SHA-256 of the file.
    rows : int
        The number of events in it.
    problem : str
        What is wrong with the file. Empty if nothing is.
    """

    sha256: str = ""
    rows: int = 0
    problem: str = ""


def check_day(content: bytes, day: date | None) -> FileCheck:
    """Check a day's file: its digest, schema, row count, order and dates.

    The digest proves that every byte is as it was written, so only the dates are decoded.
    """
    sha256, is_sealed = _digests(content)
    if not is_sealed:
        return FileCheck(sha256, problem=_DAMAGED)
    try:
        file = _open(content)
        if not file.schema_arrow.remove_metadata().equals(ARROW_SCHEMA):
            return FileCheck(sha256, problem="its schema is not the one of events")
        dates = _read(file, ["date"])["date"]
    except (pa.ArrowException, OSError) as error:
        return FileCheck(sha256, problem=f"it cannot be read: {error}")
    rows = len(dates)
    stated = (file.metadata.metadata or {}).get(_ROWS.encode())
    if stated != str(rows).encode() or file.metadata.num_rows != rows:
        return FileCheck(sha256, problem=f"it holds {number_of(rows, 'row')}, but its footer states another number")
    if not _belongs(dates, day):
        return FileCheck(sha256, problem="it holds events of another day, or not in ascending order")
    return FileCheck(sha256, rows)


def _open(content: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(content), pre_buffer=False)  # the content is in memory already


def _read(file: pq.ParquetFile, columns: Sequence[str]) -> pa.Table:
    use_threads = file.metadata.num_rows >= _ROWS_FOR_THREADS
    # Reading all columns is faster without naming them.
    rows = file.read(columns=None if tuple(columns) == COLUMNS else list(columns), use_threads=use_threads)
    return rows if rows.column_names == list(columns) else rows.select(list(columns))


def _belongs(dates: pa.ChunkedArray, day: date | None) -> bool:
    if day is None:
        return bool(dates.null_count == len(dates))
    if dates.null_count:
        return False
    micros = dates.cast(pa.int64()).to_numpy()
    start, end = (epoch_micros(midnight(each)) for each in (day, day + ONE_DAY))
    is_ascending = (micros[1:] >= micros[:-1]).all()
    return not len(micros) or bool(is_ascending and start <= micros[0] and micros[-1] < end)


def seal_file(content: bytes) -> bytes:
    """Write the SHA-256 of a Parquet file into its footer, in the place of `UNSEALED`."""
    sealed = bytearray(content)
    digest_at = _locate_digest(sealed)
    sealed[digest_at] = hashlib.sha256(sealed).hexdigest().encode()
    return bytes(sealed)


_DAMAGED = "it is damaged, or something else wrote it: its SHA-256 is not the one in its footer"


def find_damage(content: bytes) -> str | None:
    """Return what is wrong with a sealed file. None if it is as it was written."""
    return None if _digests(content)[1] else _DAMAGED


def _digests(content: bytes) -> tuple[str, bool]:
    """Return the SHA-256 of a file, and whether the digest in its footer is right. Most of it is hashed only once."""
    digest_at = _locate_digest(content)
    view = memoryview(content)
    whole = hashlib.sha256(view[: digest_at.start])
    zeroed = whole.copy()
    whole.update(view[digest_at.start :])
    zeroed.update(_ZEROS[: len(view[digest_at])])
    zeroed.update(view[digest_at.stop :])
    return whole.hexdigest(), zeroed.hexdigest().encode() == content[digest_at]


def _locate_digest(content: bytes | bytearray) -> slice:
    """Locate the digest. The footer is the end of the file, and a value comes two bytes after its key."""
    start = content.rfind(_DIGEST.encode()) + len(_DIGEST) + 2
    return slice(start, start + len(_ZEROS))
