"""The writer of Parquet files, and the layout that makes them small and quick to read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.atomic import FilePath, atomic_write
from te_audit_frames.storage.conform import sort_by_date
from te_audit_frames.storage.metadata import Attrs, dump_metadata

_CODECS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")

# The layout makes a file small and quick to read. In the order of their effect (benchmarks/ has the figures):
# - Ascending dates are stored as differences (DELTA_BINARY_PACKED). These need few bits and compress again, which
#   makes zstd's level 9 worthwhile. A dictionary would prevent this.
# - Text is stored as a dictionary and codes, because few people, event texts and addresses cause most events. For
#   codes, a level above 3 costs time and saves nothing.
# - There is one page (of version 1) per column chunk, and row groups are long, because compression starts over with
#   each page and each group. Groups of twice the length would save 1 % of the size and need twice the memory in a
#   stream.
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
    # Checksums cost nothing and find most flipped bits, but not all.
    "write_page_checksum": True,
}
_ZSTD_LEVELS = {"date": 9} | dict.fromkeys(_TEXT_LEAVES, 3)


@contextmanager
def parquet_writer(
    path: FilePath, *, compression: str | None = "zstd", filesystem: Any = None
) -> Iterator[ParquetWriter]:
    """Open a Parquet file of events for writing. The file appears at `path` when the block ends without an error.

    Parameters
    ----------
    path, compression, filesystem
        See `write_parquet`.

    Yields
    ------
    ParquetWriter
        Write batches to it, and set its `attrs`.

    Raises
    ------
    InvalidArgument, FileError
        See `write_parquet`.

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
    """Writes a Parquet file: gathers batches into long row groups, and adds the footer at the end.

    Attributes
    ----------
    attrs : dict
        The `DataFrame.attrs` for readers of the file. It may be changed until the file is closed.
    footer : dict of str to str
        Further key-value pairs for the footer.
    """

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self.attrs: Attrs = {}
        self.footer: dict[str, str] = {}
        self._gathered: list[pa.Table] = []
        self._rows = 0
        self._writer = pq.ParquetWriter(
            file,
            ARROW_SCHEMA,
            compression=codec,
            compression_level=_ZSTD_LEVELS if codec == "zstd" else None,
            store_schema=False,  # `dump_metadata` puts it into the footer
            **_LAYOUT,
        )

    def __repr__(self) -> str:
        return f"ParquetWriter({number_of(self._rows, 'row')} held)"

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table
            In `ARROW_SCHEMA`. Rows are held until a row group is full.

        Raises
        ------
        NotAnAuditFrame
            The rows have another schema.
        InvalidArgument
            The argument is neither a batch nor a table.
        """
        if not isinstance(batch, pa.RecordBatch | pa.Table):
            raise InvalidArgument(
                f"events: give an audit frame or record batches of events, not {type(batch).__name__}"
            )
        if batch.schema != ARROW_SCHEMA:
            raise NotAnAuditFrame(
                "a batch does not have the schema of events; write batches as from Client.iter_batches(). "
                f"Its schema is: {batch.schema.to_string()}"
            )
        self._gathered.append(pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch)
        self._rows += len(batch)
        if self._rows >= _ROWS_PER_GROUP:
            self._flush(self._rows - self._rows % _ROWS_PER_GROUP)

    def close(self) -> None:
        """Write the rows that are held, and the footer."""
        footer = dump_metadata(self.attrs) | self.footer
        self._flush(self._rows)
        self._writer.add_key_value_metadata(footer)
        self._writer.close()

    def abandon(self) -> None:
        """Stop writing to a file that is going to be deleted."""
        # Otherwise, Arrow would write a footer to the closed file when the writer is garbage-collected.
        self._writer.is_open = False

    def _flush(self, count: int) -> None:
        if count:
            rows = sort_by_date(pa.concat_tables(self._gathered))
            self._writer.write_table(rows.slice(0, count), row_group_size=_ROWS_PER_GROUP)
            self._gathered = [rows.slice(count)]
            self._rows -= count
