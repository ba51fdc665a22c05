"""One Parquet file of events: written whole or not at all, stamped with the schema's version, read by any engine.

The footer holds two keys of ours. ``te_audit_frames`` is JSON with `schema_version` and `receipt`, for any reader of
Parquet. ``PANDAS_ATTRS`` is where pandas itself keeps `DataFrame.attrs`, so that plain `pandas.read_parquet` restores
them. There is no ``pandas`` key: one that names the columns makes pandas and Dask stumble over `resources`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from te_audit_frames.errors import InvalidRequest, NotAnAuditFrame
from te_audit_frames.periods import Instant, iso, to_instant
from te_audit_frames.schema import (
    ARROW_SCHEMA,
    ATTRS_KEY,
    COLUMNS,
    SCHEMA_VERSION,
    require_columns,
    to_events,
)
from te_audit_frames.storage.rows import ascending, pinned, rows_of
from te_audit_frames.storage.staging import FilePath, locate, replacing

_PANDAS_ATTRS = "PANDAS_ATTRS"
_DATE = ARROW_SCHEMA.field("date").type
_CODECS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")

# What makes the file small and quick to read, in the order of effect (benchmarks/ has the figures):
# - ascending dates are stored as their differences (DELTA_BINARY_PACKED), which pack into a few bits and then
#   compress once more, which is worth zstd's level 9; a dictionary would only be in the way;
# - all text is stored as a dictionary and its codes: few people, kinds and addresses cause most events. On codes, a
#   level above 3 costs time and gains nothing;
# - one page a column chunk (of the plain old kind, v1) and long row groups: each page and each group begins anew.
_ROWS_PER_GROUP = 2**19
_TEXT_LEAVES = [name for name in COLUMNS if name not in ("date", "resources")] + [
    "resources.list.element.type",
    "resources.list.element.name",
]
_LAYOUT: dict[str, Any] = {
    "column_encoding": {"date": "DELTA_BINARY_PACKED"},
    "use_dictionary": _TEXT_LEAVES,
    "data_page_version": "1.0",
    "data_page_size": 2**30,
    "max_rows_per_page": _ROWS_PER_GROUP,
    # Costs nothing and finds most flipped bits; not all, so it is no proof of integrity.
    "write_page_checksum": True,
}
_ZSTD_LEVELS = {"date": 9} | dict.fromkeys(_TEXT_LEAVES, 3)


def write_parquet(
    events: pd.DataFrame, path: FilePath, *, compression: str | None = "zstd", filesystem: Any = None
) -> None:
    """Write events to one Parquet file that DuckDB, Polars, Spark, Arrow and pandas read with the right types.

    A crash or a full disk leaves the file that was there. Rows are kept in ascending `date`, those without a date
    last. The index is not kept.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame. Its `attrs`, the receipt among them, are kept in the file's footer.
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
    InvalidRequest
        The frame has further columns, which the file would lose; `attrs` are not plain JSON; or another argument
        is wrong.
    OSError
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
    rows = rows_of(events)
    with parquet_sink(path, compression=compression, filesystem=filesystem) as sink:
        sink.attrs.update(events.attrs)
        sink.write(rows)


@contextmanager
def parquet_sink(path: FilePath, *, compression: str | None = "zstd", filesystem: Any = None) -> Iterator[ParquetSink]:
    """Open one Parquet file of events for batches as they come; it takes its name when the block ends well.

    Parameters
    ----------
    path, compression, filesystem
        As of `write_parquet`.

    Yields
    ------
    ParquetSink
        Takes batches, and in `attrs` what the frame's `attrs` shall be.

    Raises
    ------
    InvalidRequest, OSError
        As `write_parquet`.

    Examples
    --------
    >>> import tempfile
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> from te_audit_frames.storage.parquet import parquet_sink, read_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with parquet_sink(f"{folder}/events.parquet") as sink:
    ...         sink.write(ARROW_SCHEMA.empty_table())
    ...     len(read_parquet(f"{folder}/events.parquet"))
    0
    """
    codec = "none" if compression is None else compression
    if codec not in _CODECS:
        raise InvalidRequest(f"compression: {compression!r} is not one of {', '.join(_CODECS)}")
    with replacing(path, filesystem=filesystem) as file:
        sink = ParquetSink(file, codec)
        try:
            yield sink
            sink.close()
        except BaseException:
            sink.abandon()
            raise


class ParquetSink:
    """The one writer of the house: gathers batches into long row groups, and stamps the footer at the end.

    Attributes
    ----------
    attrs : dict
        What `DataFrame.attrs` shall be when the file is read; may be filled until the end.
    """

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self.attrs: dict[Hashable | None, Any] = {}
        self._gathered: list[pa.Table] = []
        self._writer = pq.ParquetWriter(
            file,
            ARROW_SCHEMA,
            compression=codec,
            compression_level=_ZSTD_LEVELS if codec == "zstd" else None,
            store_schema=False,  # it goes with the footer, which is known last
            **_LAYOUT,
        )

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add rows, in `ARROW_SCHEMA` and ascending by `date` from one batch to the next.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table
            Is held until a row group is full.
        """
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        self._gathered.append(table)
        if sum(map(len, self._gathered)) >= _ROWS_PER_GROUP:
            self._flush(keep_tail=True)

    def close(self) -> None:
        """Write what is held and the footer."""
        footer = _footer(self.attrs)
        self._flush(keep_tail=False)
        self._writer.add_key_value_metadata(footer)
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, whose content nobody will read."""
        # Or the writer would write a footer into a closed file when it is collected.
        self._writer.is_open = False

    def _flush(self, *, keep_tail: bool) -> None:
        rows = pa.concat_tables(self._gathered) if self._gathered else ARROW_SCHEMA.empty_table()
        tail = len(rows) % _ROWS_PER_GROUP if keep_tail else 0
        if len(rows) > tail:
            self._writer.write_table(rows.slice(0, len(rows) - tail), row_group_size=_ROWS_PER_GROUP)
        self._gathered = [rows.slice(len(rows) - tail)] if tail else []


def _footer(attrs: Mapping[Hashable | None, Any]) -> dict[str, str]:
    stamp = {"schema_version": SCHEMA_VERSION, "receipt": attrs.get(ATTRS_KEY)}
    try:
        ours = {ATTRS_KEY: _json(stamp), _PANDAS_ATTRS: _json(attrs)}
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"events.attrs: only plain JSON can be kept in a file, not this: {error}") from None
    # Arrow hands key-value pairs on to its readers, pandas among them, only from within this serialised schema.
    schema = ARROW_SCHEMA.with_metadata(ours).serialize().to_pybytes()
    return ours | {"ARROW:schema": base64.b64encode(schema).decode()}


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


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
        structs, `attrs` with the receipt. The receipt is that of the whole file; `taf.receipt` says when the frame
        has fewer rows.

    Raises
    ------
    NotAnAuditFrame
        The file is not Parquet, is damaged, lacks columns of events or has them in other types, or was written by a
        newer version.
    InvalidRequest
        An argument is wrong: an unknown column, a naive datetime, an `end` not after `start`.
    FileNotFoundError
        There is no such file.

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
    wanted = _selection(columns)
    since, until = _bounds(start, end)
    place, name = locate(path, filesystem)
    with place.open_input_file(name) as source, _blaming(name):
        file = pq.ParquetFile(source, page_checksum_verification=True)
        attrs = _attrs(file, name)
        # The dates always come along: they order the rows.
        rows = _read(file, ["date", *(column for column in wanted if column != "date")], since, until, name)
    events = to_events(ascending(rows).select(list(wanted)))
    events.attrs = attrs
    return events


def _selection(columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return COLUMNS
    wanted = (columns,) if isinstance(columns, str) else tuple(columns)
    for column in wanted:
        if column not in COLUMNS or wanted.count(column) > 1:
            fault = "is given twice" if column in COLUMNS else "is not a column of events"
            raise InvalidRequest(f"columns: {column!r} {fault}; the columns are {', '.join(COLUMNS)}")
    return wanted


def _bounds(start: Instant | None, end: Instant | None) -> tuple[pa.Scalar | None, pa.Scalar | None]:
    since = None if start is None else to_instant(start, argument="start")
    until = None if end is None else to_instant(end, argument="end")
    if since is not None and until is not None and until <= since:
        raise InvalidRequest(
            f"end: {iso(until)} is not after start {iso(since)}; the start is included, the end is not"
        )
    return (
        None if since is None else pa.scalar(since, _DATE),
        None if until is None else pa.scalar(until, _DATE),
    )


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Turn what Arrow raises over a file's content into an error that names the file."""
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk or the network, not the content
            raise
        raise NotAnAuditFrame(f"{name} is not a Parquet file, or is damaged or cut short: {error}") from None


def _attrs(file: pq.ParquetFile, name: str) -> dict[Hashable | None, Any]:
    stamps = file.metadata.metadata or {}
    ours, attrs = (_parsed(stamps.get(key.encode()), name) for key in (ATTRS_KEY, _PANDAS_ATTRS))
    version = ours.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise NotAnAuditFrame(
            f"{name} was written by a newer te_audit_frames (schema version {version}, this one reads up to "
            f"{SCHEMA_VERSION}); upgrade with: pip install -U te-audit-frames"
        )
    return attrs


def _parsed(stamp: bytes | None, name: str) -> dict[Hashable | None, Any]:
    try:
        parsed = json.loads(stamp or b"{}")
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise NotAnAuditFrame(f"{name} is damaged: its footer holds no valid JSON")
    return parsed


def _read(
    file: pq.ParquetFile, columns: list[str], since: pa.Scalar | None, until: pa.Scalar | None, name: str
) -> pa.Table:
    require_columns(file.schema_arrow.names, COLUMNS, what=f"file {name}")
    date = _date_leaf(file)
    rows = file.read_row_groups(_groups(file, date, since, until), columns=columns).select(columns)
    if file.schema.column(date).physical_type == "INT96":
        # Spark's default kind of timestamp: in UTC by custom, which Arrow does not say.
        rows = rows.set_column(0, "date", rows["date"].cast(_DATE))
    rows = pinned(rows, file=name)
    if since is not None:
        rows = rows.filter(pc.greater_equal(rows["date"], since))
    if until is not None:
        rows = rows.filter(pc.less(rows["date"], until))
    return rows


def _date_leaf(file: pq.ParquetFile) -> int:
    return next(i for i in range(len(file.schema)) if file.schema.column(i).path == "date")


def _groups(file: pq.ParquetFile, date: int, since: pa.Scalar | None, until: pa.Scalar | None) -> list[int]:
    """Choose the row groups that may hold events of the period; all of them where the file does not say."""
    groups = list(range(file.num_row_groups))
    if file.schema_arrow.field("date").type != _DATE:
        return groups

    def may_hold(group: int) -> bool:
        statistics = file.metadata.row_group(group).column(date).statistics
        if statistics is None or not statistics.has_min_max:
            return True
        # The raw numbers: as datetimes, dates beyond the year 9999 would overflow.
        before = until is not None and statistics.min_raw >= until.value
        after = since is not None and statistics.max_raw < since.value
        return not before and not after

    return [group for group in groups if may_hold(group)]
