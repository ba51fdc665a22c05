"""One Parquet file of events: written whole or not at all, read by any engine, read back as it was."""

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
from te_audit_frames.periods import Instant
from te_audit_frames.receipt_arithmetic import narrowed
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, require_columns, to_events
from te_audit_frames.storage.atomic import FilePath, foreign_errors, locate
from te_audit_frames.storage.conform import cast_columns, frame_to_rows, sort_by_date
from te_audit_frames.storage.filters import Bounds, check_bounds, check_columns, within
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

    A crash or a full disk leaves the file that was there. Rows are kept in ascending `date`, those without a date
    last. The index is not kept.

    A history too long for memory is written as it arrives: ``write_parquet(client.iter_batches(window="104w"), path)``.
    Its rows are then ascending within each stretch of a quarter of a million; `read_parquet` gives them in full order.

    Parameters
    ----------
    events : pandas.DataFrame or iterable of pyarrow.RecordBatch
        An audit frame, or batches of events such as `Client.iter_batches` yields. The frame's `attrs`, the receipt
        among them, or the `receipt` of the batches are kept in the file's footer.
    path : str or PathLike
        Where the file goes; its folder must exist. A URI such as ``s3://bucket/events.parquet`` works too.
    compression : {"zstd", "snappy", "gzip", "lz4", "brotli", "none"}, default "zstd"
        The codec; None means ``"none"``. The default is the smallest.
    filesystem : pyarrow or fsspec filesystem, optional
        Where `path` lies, if not on the local disk. There the file's rights and its flush to disk are the
        filesystem's own; on the local disk the file is readable by its owner only (0600).

    Raises
    ------
    NotAnAuditFrame
        A column of events is missing or holds what its type cannot.
    InvalidArgument
        The frame has further columns, which the file would lose; `attrs` are not plain JSON; or another argument
        is wrong.
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
        rows = frame_to_rows(events)  # first, so that a frame that cannot be kept touches no disk
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
        if (receipt := getattr(batches, "receipt", None)) is not None:  # complete behind the last batch
            writer.attrs[ATTRS_KEY] = receipt.to_dict()


class _CallersError(Exception):
    """Carries an error of the caller's own iterable past the code that takes every `OSError` for the file's."""

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
    """Read events from one Parquet file, as the frame that was written.

    Files that other tools wrote are read too, if they have the columns of events in types that mean the same. What
    such a file has beyond them is left out.

    Parameters
    ----------
    path : str or PathLike
        The file; a URI such as ``s3://bucket/events.parquet`` works too.
    columns : sequence of str, optional
        Only these columns, in this order. All by default.
    start, end : str, datetime, date or pandas.Timestamp, optional
        Only events with `start <= date < end`; events without a date are then left out. Aware, or text with an
        offset; a bare date is its midnight in UTC. Row groups outside are not read.
    filesystem : pyarrow or fsspec filesystem, optional
        Where `path` lies, if not on the local disk.

    Returns
    -------
    pandas.DataFrame
        An audit frame: `date` as ``datetime64[us, UTC]`` in ascending order, text as ``str``, `resources` as lists of
        structs, and `attrs` with the receipt. With `start` or `end`, the period of the receipt is cut to the part that
        was read.

    Raises
    ------
    DamagedFile
        The file is not Parquet, is damaged, or is cut short.
    NotAnAuditFrame
        The file lacks columns of events, has them in other types, or was written by a newer version.
    InvalidArgument
        An argument is wrong: an unknown column, a naive datetime, an `end` not after `start`.
    MissingFile, FileError
        There is no such file, or it cannot be read.

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
    """Read events from one Parquet file as an Arrow table, with the `attrs` that its frame would have.

    Parameters
    ----------
    path, columns, start, end, filesystem
        See `read_parquet`.

    Returns
    -------
    pyarrow.Table, dict
        The rows in the types of `ARROW_SCHEMA`, in ascending `date`, and the frame's `attrs`.

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
    bounds = check_bounds(start, end)
    target_fs, name = locate(path, filesystem)
    # As bytes: Arrow would refuse a name that is not UTF-8, which Python's own functions write to.
    with foreign_errors(name):
        source = target_fs.open_input_file(os.fsencode(name))
    with source, _blaming(name):
        file = pq.ParquetFile(source, page_checksum_verification=True)
        attrs = load_attrs(file.metadata.metadata or {}, file=name)
        total = file.metadata.num_rows
        # The dates always come along: they order the rows.
        rows = _read(file, ["date", *(column for column in wanted if column != "date")], bounds, name)
    rows = sort_by_date(rows).select(list(wanted))
    if isinstance(stored := attrs.get(ATTRS_KEY), Mapping) and any(bounds):
        attrs[ATTRS_KEY] = narrowed(stored, start=bounds[0], end=bounds[1], rows=rows.num_rows, of=total)
    return rows, attrs


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Turn what Arrow raises over a file's content into an error that names the file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk or the network, not the content
            raise file_error(error, name) from error
        raise DamagedFile(
            f"{name} is not a Parquet file, or is damaged or cut short: {error}. {REWRITE_ADVICE}"
        ) from None


def _read(file: pq.ParquetFile, columns: list[str], bounds: Bounds, name: str) -> pa.Table:
    require_columns(file.schema_arrow.names, COLUMNS, what=f"file {name}")
    groups = list(range(file.num_row_groups))
    if not any(bounds):
        return _rows(file, groups, columns, name)
    # By the dates themselves, which are small, and not by the footer's statistics: Arrow ends the process, or never
    # ends, over damaged ones, and other tools leave them out.
    groups = [group for group in groups if pc.any(within(_rows(file, [group], ["date"], name), bounds)).as_py()]
    rows = _rows(file, groups, columns, name)
    return rows.filter(within(rows, bounds))


def _rows(file: pq.ParquetFile, groups: list[int], columns: list[str], name: str) -> pa.Table:
    rows = file.read_row_groups(groups, columns=columns).select(columns)
    physical = {leaf.path: leaf.physical_type for leaf in map(file.schema.column, range(len(file.schema)))}
    if physical.get("date") == "INT96":  # Spark's default kind of timestamp: in UTC by custom, which Arrow does not say
        rows = rows.set_column(columns.index("date"), "date", rows["date"].cast(_DATE))
    return cast_columns(rows, file=name)
