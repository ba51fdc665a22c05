"""Events as CSV and JSON Lines, for tools that cannot read Parquet.

Names in an activity log are typed by people, some of them attackers. A spreadsheet runs a cell that starts with ``=``
as a formula, so `write_csv` escapes such cells.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import tzinfo
from itertools import chain
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import harmless_cell, harmless_json
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.atomic import FilePath, atomic_write
from te_audit_frames.storage.conform import frame_to_rows

_ROWS_PER_WRITE = 16_384


def write_csv(events: pd.DataFrame, path: FilePath, *, raw: bool = False) -> None:
    """Write events as CSV (UTF-8, comma, RFC 4180), one line per event.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.
    path : str or PathLike
        The file to write. It is replaced whole, and readable by its owner only (0600).
    raw : bool, default False
        Don't escape cells that a spreadsheet would run as formulas. By default, an apostrophe is put before each
        formula: at the start of a cell, and after each semicolon, vertical bar, tab and line break in it, because a
        spreadsheet may split cells there. In JSON, characters are escaped instead, which keeps its value.

    Raises
    ------
    NotAnAuditFrame, InvalidArgument, FileError
        See `write_parquet`.

    Notes
    -----
    The columns are those of the frame. `date` is ISO 8601 in UTC, ``2026-01-05T09:00:00Z``, with a fraction only
    if it is not zero. `resources` is JSON. Null and empty text are both empty cells.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import write_csv
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "=1+1", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(events, f"{folder}/events.csv")
    ...     print(Path(folder, "events.csv").read_text().splitlines()[1])
    2026-01-05T09:00:00Z,,,'=1+1,,,,,
    """
    _write(csv_lines(events, raw=raw), path)


def csv_lines(events: pd.DataFrame, *, raw: bool = False, zone: tzinfo | None = None) -> Iterator[str]:
    """Return the text of `write_csv` in pieces of many lines.

    Parameters
    ----------
    events, raw
        See `write_csv`.
    zone : datetime.tzinfo, optional
        The time zone of `date`, which is then written with its offset: ``2026-01-05T10:00:00+01:00``. UTC by default.

    Returns
    -------
    iterator of str

    Raises
    ------
    NotAnAuditFrame, InvalidArgument
        See `write_parquet`.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import csv_lines
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "=1+1", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> print("".join(csv_lines(events)).splitlines()[1])
    2026-01-05T09:00:00Z,,,'=1+1,,,,,
    """

    def lines(rows: list[dict[str, Any]]) -> str:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(name, row[name], raw=raw) for name in COLUMNS] for row in rows)
        return text.getvalue()

    table = frame_to_rows(events)  # first, so that nothing is written if the frame cannot be kept
    return chain([",".join(COLUMNS) + "\r\n"], map(lines, _rows(table, zone)))


def _cell(name: str, value: Any, *, raw: bool) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if raw:
        return text
    if name == "resources":
        return harmless_json(text)
    return harmless_cell(_harmless_extra(text) if name == "extra" else text)


def _harmless_extra(text: str) -> str:
    """Escape formulas in JSON without changing its value. Return other text unchanged."""
    harmless = harmless_json(text)
    return harmless if harmless != text and is_json(text) else text


def write_jsonl(events: pd.DataFrame, path: FilePath) -> None:
    """Write events as JSON Lines (UTF-8), one object per event.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.
    path : str or PathLike
        The file to write. It is replaced whole, and readable by its owner only (0600).

    Raises
    ------
    NotAnAuditFrame, InvalidArgument, FileError
        See `write_parquet`.

    Notes
    -----
    The members are the frame's columns. `date` is ISO 8601 in UTC, ``2026-01-05T09:00:00Z``, with a fraction only
    if it is not zero. `resources` is a list of objects, `extra` is a JSON object, and null stays null.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import write_jsonl
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_jsonl(events[:1], f"{folder}/events.jsonl")
    ...     print(Path(folder, "events.jsonl").read_text())
    {"date": "2026-01-05T09:00:00Z", "aid": null, ...}
    """
    _write(jsonl_lines(events), path)


def jsonl_lines(events: pd.DataFrame, *, zone: tzinfo | None = None) -> Iterator[str]:
    """Return the text of `write_jsonl` in pieces of many lines.

    Parameters
    ----------
    events
        See `write_jsonl`.
    zone
        See `csv_lines`.

    Returns
    -------
    iterator of str

    Raises
    ------
    NotAnAuditFrame, InvalidArgument
        See `write_parquet`.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.storage.csv_jsonl import jsonl_lines
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-05T09:00:00Z"}]}'])
    >>> print(*jsonl_lines(events, zone=ZoneInfo("Europe/Berlin")))
    {"date": "2026-01-05T10:00:00+01:00", ...}
    """
    table = frame_to_rows(events)
    return ("".join(map(_line, rows)) for rows in _rows(table, zone))


def _line(row: dict[str, Any]) -> str:
    # `extra` is inserted as text, because parsing it would round its numbers.
    members = (
        f'"{name}": {_embedded(value) if name == "extra" else json.dumps(value, ensure_ascii=False)}'
        for name, value in row.items()
    )
    return "{" + ", ".join(members) + "}\n"


def _embedded(extra: str | None) -> str:
    if extra is None:
        return "null"
    if not is_json(extra):
        return json.dumps(extra, ensure_ascii=False)
    # Line breaks in JSON are only ever white space between tokens.
    return extra.replace("\r", " ").replace("\n", " ")


def is_json(text: str) -> bool:
    """Return whether text is one JSON value."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _write(pieces: Iterator[str], path: FilePath) -> None:
    with atomic_write(path) as file:
        for piece in pieces:
            file.write(piece.encode())


def _rows(table: pa.Table, zone: tzinfo | None) -> Iterator[list[dict[str, Any]]]:
    """Yield lists of rows as plain dicts, with dates as text."""
    table = table.set_column(0, "date", _dates(table["date"], zone))
    for batch in table.to_batches(max_chunksize=_ROWS_PER_WRITE):
        yield batch.to_pylist()


def _dates(dates: pa.ChunkedArray, zone: tzinfo | None) -> pa.ChunkedArray | pa.Array:
    if zone is not None:
        local = dates.to_pandas().dt.tz_convert(zone)
        return pa.array([None if pd.isna(moment) else iso(moment) for moment in local], pa.large_string())
    # The zone, which is UTC, is dropped: formatting with a zone needs a time zone database.
    plain = pc.strftime(dates.cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    return pc.replace_substring(plain, ".000000Z", "Z")
