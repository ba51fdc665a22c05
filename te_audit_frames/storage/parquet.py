"""One Parquet file of events: written whole or not at all, and readable by any engine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from te_audit_frames.errors import DamagedFile
from te_audit_frames.file_errors import file_error
from te_audit_frames.periods import Bounds, Instant, to_bounds
from te_audit_frames.receipt_arithmetic import narrowed
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, require_columns, to_events
from te_audit_frames.storage.atomic import FilePath, foreign_errors, locate
from te_audit_frames.storage.conform import cast_columns, frame_to_rows, sort_by_date
from te_audit_frames.storage.filters import check_columns, within
from te_audit_frames.storage.metadata import REWRITE_ADVICE, Attrs, load_attrs
from te_audit_frames.storage.writer import parquet_writer

Compression = Literal["zstd", "snappy", "gzip", "lz4", "brotli", "none"]

_DATE = ARROW_SCHEMA.field("date").type


def write_parquet(
    events: pd.DataFrame | Iterable[pa.RecordBatch],
    path: FilePath,
    *,
    compression: Compression | None = "zstd",
    filesystem: Any = None,
) -> None:
    """Write events to one Parquet file that DuckDB, Polars, Spark, Arrow and pandas read with the right types.

    After a crash, or if the disk is full, the old file is still there. Rows are written in ascending `date`, with
    undated rows last. The index is not kept.

    A history too long for memory can be written as it arrives: ``write_parquet(client.iter_batches(window="104w"),
    path)``. Its rows are then in order within each row group of about 260,000 rows. `read_parquet` returns all of them
    in order.

    Parameters
    ----------
    events : pandas.DataFrame or iterable of pyarrow.RecordBatch
        An audit frame, or batches of events as from `Client.iter_batches`. The file's footer holds the frame's `attrs`
        with its receipt, or for batches their `receipt`.
    path : str or PathLike
        The file to write. Its folder must exist. A URI such as ``s3://bucket/events.parquet`` works too.
    compression : {"zstd", "snappy", "gzip", "lz4", "brotli", "none"}, default "zstd"
        The codec. None means ``"none"``. The default gives the smallest files.
    filesystem : pyarrow or fsspec filesystem, optional
        The filesystem of `path`, if it is not the local disk. On the local disk, the file is readable by its owner only
        (0600) and flushed to the disk. Other filesystems have their own rules for both.

    Raises
    ------
    NotAnAuditFrame
        A column of events is missing, or has values of another type.
    InvalidArgument
        The frame has further columns, which the file would lose; `attrs` is not plain JSON; or another argument is
        wrong.
    FileError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     taf.write_parquet(events, f"{folder}/events.parquet")
    ...     taf.read_parquet(f"{folder}/events.parquet")["event"].tolist()
    ['User login.']
    """
    if isinstance(events, pd.DataFrame):
        rows = frame_to_rows(events)  # first, so that nothing is written if the frame cannot be kept
        with parquet_writer(path, compression=compression, filesystem=filesystem) as writer:
            writer.attrs.update(events.attrs)
            writer.write(rows)
        return
    try:
        _write_batches(events, path, compression, filesystem)
    except _CallersError as carried:
        raise carried.error from carried.error.__cause__


def _write_batches(batches: Iterable[pa.RecordBatch], path: FilePath, compression: str | None, filesystem: Any) -> None:
    with parquet_writer(path, compression=compression, filesystem=filesystem) as writer:
        for batch in _carry_errors(batches):
            writer.write(batch)
        if (receipt := getattr(batches, "receipt", None)) is not None:  # complete only after the last batch
            writer.attrs[ATTRS_KEY] = receipt.to_dict()


class _CallersError(Exception):
    """Carries an `OSError` of the caller's iterable past code that takes every `OSError` for a failure of the file."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def _carry_errors(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except OSError as error:
        raise _CallersError(error) from error


def read_parquet(
    path: FilePath,
    *,
    columns: Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    filesystem: Any = None,
) -> pd.DataFrame:
    """Read events from one Parquet file.

    Files that other tools wrote can be read too, if they have the columns of events in equivalent types. Other columns
    of such a file are left out.

    Parameters
    ----------
    path : str or PathLike
        The file. A URI such as ``s3://bucket/events.parquet`` works too.
    columns : sequence of str, optional
        Only these columns, in this order. All by default.
    start, end : str, datetime, date or pandas.Timestamp, optional
        Only events with `start <= date < end`. Events without a date are then left out. A time must have a time zone or
        an offset. A date means its midnight in UTC. Of row groups outside the period, only the dates are read.
    filesystem : pyarrow or fsspec filesystem, optional
        The filesystem of `path`, if it is not the local disk.

    Returns
    -------
    pandas.DataFrame
        An audit frame: `date` as ``datetime64[us, UTC]`` in ascending order, text as ``str``, `resources` as lists of
        structs, and `attrs` with the receipt. With `start` or `end`, the receipt covers only the part that was read.

    Raises
    ------
    DamagedFile
        The file is not Parquet, is damaged, or is truncated.
    NotAnAuditFrame
        The file lacks columns of events, has them in other types, or was written by a newer version of this package.
    InvalidArgument
        An argument is wrong: an unknown column, a time without a time zone, an `end` that is not after `start`.
    MissingFile, FileError
        The file does not exist, or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     taf.write_parquet(events, f"{folder}/events.parquet")
    ...     january = taf.read_parquet(f"{folder}/events.parquet", start="2026-01-01", end="2026-02-01")
    ...     len(january)
    1
    """
    rows, attrs = read_table(path, columns=columns, start=start, end=end, filesystem=filesystem)
    events = to_events(rows)
    events.attrs = attrs
    return events


def read_table(
    path: FilePath,
    *,
    columns: Sequence[str] | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    filesystem: Any = None,
) -> tuple[pa.Table, Attrs]:
    """Read events from one Parquet file as an Arrow table, with the `attrs` of the frame.

    Parameters
    ----------
    path, columns, start, end, filesystem
        See `read_parquet`.

    Returns
    -------
    pyarrow.Table, dict
        The rows, in the types of `ARROW_SCHEMA` and in ascending `date`, and the frame's `attrs`.

    Raises
    ------
    NotAnAuditFrame, DamagedFile, InvalidArgument, MissingFile, FileError
        See `read_parquet`.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.parquet import read_table
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     taf.write_parquet(events, f"{folder}/events.parquet")
    ...     rows, attrs = read_table(f"{folder}/events.parquet")
    >>> rows.num_rows, attrs["te_audit_frames"]["events"]
    (1, 1)
    """
    wanted = check_columns(columns)
    bounds = to_bounds(start, end)
    target_fs, name = locate(path, filesystem)
    # The name is passed as bytes, because Arrow refuses a str that cannot be encoded as UTF-8.
    with foreign_errors(name):
        source = target_fs.open_input_file(os.fsencode(name))
    with source, _naming_file(name):
        file = pq.ParquetFile(source, page_checksum_verification=True)
        attrs = load_attrs(file.metadata.metadata or {}, file=name)
        total = file.metadata.num_rows
        # The dates are always read, to sort the rows.
        rows = _read(file, ["date", *(column for column in wanted if column != "date")], bounds, name)
    rows = sort_by_date(rows).select(list(wanted))
    if isinstance(stored := attrs.get(ATTRS_KEY), Mapping) and any(bounds):
        attrs[ATTRS_KEY] = narrowed(stored, start=bounds[0], end=bounds[1], rows=rows.num_rows, of=total)
    return rows, attrs


@contextmanager
def _naming_file(name: str) -> Iterator[None]:
    """Turn errors of Arrow about a file's content into an error that names the file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk or the network, not the content
            raise file_error(error, name) from error
        problem = str(error).rstrip(".")
        raise DamagedFile(
            f"{name} is not a Parquet file, or is damaged or cut short: {problem}. {REWRITE_ADVICE}"
        ) from None


def _read(file: pq.ParquetFile, columns: list[str], bounds: Bounds, name: str) -> pa.Table:
    require_columns(file.schema_arrow.names, COLUMNS, what=f"file {name}")
    groups = list(range(file.num_row_groups))
    if not any(bounds):
        return _rows(file, groups, columns, name)
    # The row groups are chosen by their dates, which are small, and not by the footer's statistics. Damaged statistics
    # make Arrow crash or hang, and some tools write none.
    groups = [group for group in groups if pc.any(within(_rows(file, [group], ["date"], name), bounds)).as_py()]
    rows = _rows(file, groups, columns, name)
    return rows.filter(within(rows, bounds))


def _rows(file: pq.ParquetFile, groups: list[int], columns: list[str], name: str) -> pa.Table:
    rows = file.read_row_groups(groups, columns=columns).select(columns)
    physical = {leaf.path: leaf.physical_type for leaf in map(file.schema.column, range(len(file.schema)))}
    if physical.get("date") == "INT96":  # an old type of Spark, in UTC by convention
        rows = rows.set_column(columns.index("date"), "date", rows["date"].cast(_DATE))
    return cast_columns(rows, file=name)
