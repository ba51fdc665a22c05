"""CSV and JSON Lines that `write_csv` and `write_jsonl` wrote, read back as events.

Neither format holds a receipt. JSON Lines give the same events again, except that an `extra` that is not JSON becomes
JSON text. (No fetch makes such an `extra`.) CSV has two limits. Null and empty text are both empty cells, so both are
read as null. In a file that was written with ``raw=True``, an apostrophe before a formula is lost if every formula in
the file has one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pyarrow as pa

from te_audit_frames.errors import DamagedFile, NotAnAuditFrame
from te_audit_frames.safe_text import number_of, original_cell, original_json
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, RESOURCES, require_columns, to_events
from te_audit_frames.storage.atomic import FilePath, foreign_errors, locate
from te_audit_frames.storage.conform import cast_columns, sort_by_date
from te_audit_frames.storage.csv_jsonl import is_json
from te_audit_frames.storage.metadata import REWRITE_ADVICE

_ROWS_PER_TABLE = 65_536

_GUARDED = [name for name in COLUMNS if name not in ("date", "resources")]
"""The columns in which `write_csv` puts an apostrophe before formulas."""

_MEMBER = re.compile(r'[\s,{]*+"([^"\\]*+)"\s*+:\s*+')
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)  # as text, because numbers in `extra` may have any length


def read_csv(path: FilePath) -> pd.DataFrame:
    """Read events from a CSV file that `write_csv` wrote.

    The apostrophes that `write_csv` put before formulas are removed. If a formula has none, the file was written with
    ``raw=True``, and all its cells are left as they are.

    Parameters
    ----------
    path : str or PathLike
        The file: UTF-8, with or without a byte order mark, with commas. A URI works too. Its dates may have any offset.

    Returns
    -------
    pandas.DataFrame
        The audit frame, without a receipt. Empty cells are null.

    Raises
    ------
    NotAnAuditFrame
        The file is empty, its header lacks a column of events, or a date has no offset.
    DamagedFile
        A line has too few or too many cells, or the file is not UTF-8 text.
    MissingFile, FileError, InvalidArgument
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import write_csv
    >>> from te_audit_frames.storage.csv_jsonl_reader import read_csv
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "=1+1", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(events, f"{folder}/events.csv")
    ...     read_csv(f"{folder}/events.csv")["event"].tolist()
    ['=1+1']
    """
    with _lines(path) as (name, lines), _unlimited_cells():
        reader = csv.reader(lines, strict=True)
        header = next(reader, [])
        if not header:
            raise NotAnAuditFrame(
                f"this file {name} does not hold audit events: it is empty, and CSV without events still has a header."
            )
        require_columns(header, COLUMNS, what=f"file {name}")
        at = [header.index(column) for column in COLUMNS]
        tables, rows = [], []
        for row in reader:
            if len(row) != len(header):
                raise _damaged(name, reader.line_num, f"it has {len(row)} cells, and the header has {len(header)}")
            rows.append([row[number] or None for number in at])
            if len(rows) == _ROWS_PER_TABLE:
                tables.append(_as_text(rows))
                rows = []
        text = pa.concat_tables([*tables, _as_text(rows)])
    columns = {column: text[column] for column in COLUMNS}
    if (originals := _originals(columns)) is not None:
        columns |= originals
    columns["resources"] = _parse_resources(columns["resources"], name)
    return _to_frame(columns, name)


def read_jsonl(path: FilePath) -> pd.DataFrame:
    """Read events from a file of JSON Lines that `write_jsonl` wrote.

    Parameters
    ----------
    path : str or PathLike
        The file. A URI works too. Its dates may have any offset.

    Returns
    -------
    pandas.DataFrame
        The audit frame, without a receipt.

    Raises
    ------
    NotAnAuditFrame
        An object lacks a column of events, or a date has no offset.
    DamagedFile
        A line is not a JSON object, or holds values of another type; or the file is not UTF-8 text.
    MissingFile, FileError, InvalidArgument
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import write_jsonl
    >>> from te_audit_frames.storage.csv_jsonl_reader import read_jsonl
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_jsonl(events, f"{folder}/events.jsonl")
    ...     read_jsonl(f"{folder}/events.jsonl").equals(events)
    True
    """
    fields = [(column, RESOURCES if column == "resources" else pa.large_string()) for column in COLUMNS]
    schema, tables, rows = pa.schema(fields), [], []
    with _lines(path) as (name, lines):
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = _parse_line(line)
            except (ValueError, RecursionError):
                raise _damaged(name, number, "it is not a JSON object") from None
            require_columns(row, COLUMNS, what=f"file {name}, in line {number:,},")
            rows.append(row)
            if len(rows) == _ROWS_PER_TABLE:
                tables.append(_as_table(rows, schema, name, number))
                rows = []
        tables.append(_as_table(rows, schema, name, number if rows else 0))
    text = pa.concat_tables(tables)
    return _to_frame({column: text[column] for column in COLUMNS}, name)


# ---- files -------------------------------------------------------------------------------------------------------


@contextmanager
def _lines(path: FilePath) -> Iterator[tuple[str, io.TextIOWrapper]]:
    target_fs, name = locate(path)
    with foreign_errors(name):
        source = target_fs.open_input_stream(os.fsencode(name))
    try:
        # Line breaks within cells are left as they are.
        with io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as text:
            yield name, text
    except UnicodeDecodeError:
        raise DamagedFile(f"{name} is not UTF-8 text. {REWRITE_ADVICE}") from None
    except csv.Error as error:
        raise DamagedFile(f"{name} is not CSV, or is cut short: {error}. {REWRITE_ADVICE}") from None


@contextmanager
def _unlimited_cells() -> Iterator[None]:
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _damaged(name: str, line: int, problem: str) -> DamagedFile:
    return DamagedFile(f"{name}, line {line:,}: {problem}. {REWRITE_ADVICE}")


def _to_frame(columns: dict[str, Any], name: str) -> pd.DataFrame:
    rows = cast_columns(pa.table({column: columns[column] for column in ARROW_SCHEMA.names}), file=name)
    return to_events(sort_by_date(rows))


# ---- CSV ---------------------------------------------------------------------------------------------------------


def _as_text(rows: list[list[str | None]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[] for _ in COLUMNS]
    arrays = (pa.array(list(cells), pa.large_string()) for cells in columns)
    return pa.table(dict(zip(COLUMNS, arrays, strict=True)))


def _originals(columns: dict[str, pa.ChunkedArray]) -> dict[str, pa.ChunkedArray] | None:
    """Return the columns without the guards of `write_csv`; None if not every formula has one."""
    found = {}
    for column in _GUARDED:
        encoded = columns[column].combine_chunks().dictionary_encode()
        cells = [original_cell(cell) for cell in encoded.dictionary.to_pylist()]
        if None in cells:
            return None
        if column == "extra":
            cells = [original_json(cell) if is_json(cell) else cell for cell in cells if cell is not None]
        found[column] = pa.chunked_array([pa.array(cells, pa.large_string()).take(encoded.indices)])
    return found


def _parse_resources(cells: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    encoded = cells.combine_chunks().dictionary_encode()
    try:
        lists = pa.array([json.loads(cell) for cell in encoded.dictionary.to_pylist()], RESOURCES)
    except (ValueError, RecursionError, pa.ArrowException, TypeError) as error:
        raise DamagedFile(
            f"{name}: a cell of the column 'resources' is not a JSON list of resources: {error}. {REWRITE_ADVICE}"
        ) from None
    return pa.chunked_array([lists.take(encoded.indices)])


# ---- JSON Lines --------------------------------------------------------------------------------------------------


def _parse_line(line: str) -> dict[str, Any]:
    """Parse an event. `extra` is returned as it stands in the line, because parsing it would round its numbers."""
    row = _DECODER.decode(line)
    if not isinstance(row, dict):
        raise ValueError(line)
    if row.get("extra") is None:
        return row
    at = 0
    while (member := _MEMBER.match(line, at)) is not None:
        _, at = _DECODER.raw_decode(line, member.end())
        if member[1] == "extra":
            row["extra"] = line[member.end() : at]
    return row


def _as_table(rows: list[dict[str, Any]], schema: pa.Schema, name: str, last: int) -> pa.Table:
    try:
        return pa.Table.from_pylist(rows, schema)
    except (pa.ArrowException, TypeError) as error:
        raise DamagedFile(
            f"{name}: a value in the {number_of(len(rows), 'line')} up to line {last:,} has another "
            "type than `fetch` writes: "
            f"{error}. {REWRITE_ADVICE}"
        ) from None
