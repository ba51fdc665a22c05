"""The one writer of Parquet in the house, and the layout that makes its files small and quick to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.atomic import FilePath, atomic_write
from te_audit_frames.storage.conform import sort_by_date
from te_audit_frames.storage.metadata import Attrs, dump_metadata

_CODECS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")

# What makes the file small and quick to read, in the order of effect (benchmarks/ has the figures):
# - ascending dates are stored as their differences (DELTA_BINARY_PACKED), which pack into a few bits and then
#   compress once more, which is worth zstd's level 9; a dictionary would only be in the way;
# - all text is stored as a dictionary and its codes: few people, kinds and addresses cause most events. On codes, a
#   level above 3 costs time and gains nothing;
# - one page a column chunk (of the plain old kind, v1) and long row groups: each page and each group begins anew.
#   Twice as long would save one byte in a hundred and cost a stream, which gathers them, twice the memory.
_ROWS_PER_GROUP = 2**18
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


@contextmanager
def parquet_writer(
    path: FilePath, *, compression: str | None = "zstd", filesystem: Any = None
) -> Iterator[ParquetWriter]:
    """Open one Parquet file of events for batches as they come; it takes its name when the block ends well.

    Parameters
    ----------
    path, compression, filesystem
        As of `write_parquet`.

    Yields
    ------
    ParquetWriter
        Takes batches, and in `attrs` what the frame's `attrs` shall be.

    Raises
    ------
    InvalidArgument, OSError
        As `write_parquet`.

    Examples
    --------
    >>> import tempfile
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> from te_audit_frames.storage.parquet import parquet_writer, read_parquet
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with parquet_writer(f"{folder}/events.parquet") as writer:
    ...         writer.write(ARROW_SCHEMA.empty_table())
    ...     len(read_parquet(f"{folder}/events.parquet"))
    0
    """
    codec = "none" if compression is None else compression
    if codec not in _CODECS:
        raise InvalidArgument(f"compression: {compression!r} is not one of {', '.join(_CODECS)}")
    with atomic_write(path, filesystem=filesystem) as file:
        writer = ParquetWriter(file, codec)
        try:
            yield writer
            writer.close()
        except BaseException:
            writer.abandon()
            raise


class ParquetWriter:
    """A Parquet file in the making: gathers batches into long row groups, and writes the footer at the end.

    Attributes
    ----------
    attrs : dict
        What `DataFrame.attrs` shall be when the file is read; may be filled until the end.
    stamp : dict of str to str
        Further key-value pairs for the footer.
    """

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self.attrs: Attrs = {}
        self.stamp: dict[str, str] = {}
        self._gathered: list[pa.Table] = []
        self._rows = 0
        self._writer = pq.ParquetWriter(
            file,
            ARROW_SCHEMA,
            compression=codec,
            compression_level=_ZSTD_LEVELS if codec == "zstd" else None,
            store_schema=False,  # it goes with the footer, which is known last
            **_LAYOUT,
        )

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table
            In `ARROW_SCHEMA`. It is held until a row group is full.

        Raises
        ------
        NotAnAuditFrame
            It is of another schema.
        InvalidArgument
            It is not a batch.
        """
        if not isinstance(batch, pa.RecordBatch | pa.Table):
            raise InvalidArgument(
                f"events: takes an audit frame, or record batches of events, not {type(batch).__name__}"
            )
        if batch.schema != ARROW_SCHEMA:
            raise NotAnAuditFrame(
                "a batch does not have the schema of events, as those of Client.iter_batches() do, but: "
                f"{batch.schema.to_string()}"
            )
        self._gathered.append(pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch)
        self._rows += len(batch)
        if self._rows >= _ROWS_PER_GROUP:
            self._flush(self._rows - self._rows % _ROWS_PER_GROUP)

    def close(self) -> None:
        """Write what is held, and the footer."""
        footer = dump_metadata(self.attrs) | self.stamp
        self._flush(self._rows)
        self._writer.add_key_value_metadata(footer)
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, which nobody will read."""
        # Or the writer would write a footer into a closed file when it is collected.
        self._writer.is_open = False

    def _flush(self, count: int) -> None:
        if count:
            rows = sort_by_date(pa.concat_tables(self._gathered))
            self._writer.write_table(rows.slice(0, count), row_group_size=_ROWS_PER_GROUP)
            self._gathered = [rows.slice(count)]
            self._rows -= count
