"""Events as CSV and JSON Lines, for the tools that read nothing else.

Names in an activity log come from people, hostile ones among them. A spreadsheet runs a cell that starts with ``=``
as a formula, so `write_csv` guards such cells.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.safe_text import harmless_cell, harmless_json
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.atomic import FilePath, atomic_write
from te_audit_frames.storage.conform import frame_to_rows

_ROWS_AT_ONCE = 16_384


def write_csv(events: pd.DataFrame, path: FilePath, *, raw: bool = False) -> None:
    """Write events as CSV (UTF-8, comma, RFC 4180), one line an event.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.
    path : str or PathLike
        Where the file goes; it is replaced whole, readable by its owner only (0600).
    raw : bool, default False
        Don't guard cells against spreadsheets. By default an apostrophe is put before everything that a spreadsheet
        would run as a formula: at the start of a cell, and behind each semicolon, bar, tab and line break in it,
        where a spreadsheet may be told to split. JSON gets escapes in place of apostrophes, and stays the same JSON.

    Raises
    ------
    NotAnAuditFrame, InvalidArgument, OSError
        As of `write_parquet`.

    Notes
    -----
    The columns are those of the frame. `date` is ISO 8601 in UTC, ``2026-01-05T09:00:00Z``, with a fraction only
    where there is one; `resources` is JSON; null is an empty cell, and so is empty text.

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

    def lines(rows: list[dict[str, Any]]) -> str:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(name, row[name], raw=raw) for name in COLUMNS] for row in rows)
        return text.getvalue()

    _write(events, path, ",".join(COLUMNS) + "\r\n", lines)


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
    """Make JSON harmless in a way that leaves it JSON; text that is not stays as it is."""
    harmless = harmless_json(text)
    return harmless if harmless != text and _is_json(text) else text


def write_jsonl(events: pd.DataFrame, path: FilePath) -> None:
    """Write events as JSON Lines (UTF-8), one object an event.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.
    path : str or PathLike
        Where the file goes; it is replaced whole, readable by its owner only (0600).

    Raises
    ------
    NotAnAuditFrame, InvalidArgument, OSError
        As of `write_parquet`.

    Notes
    -----
    The members are the frame's columns. `date` is ISO 8601 in UTC, ``2026-01-05T09:00:00Z``, with a fraction only
    where there is one; `resources` is a list of objects, `extra` the object that it is; null is null.

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
    _write(events, path, "", lambda rows: "".join(map(_line, rows)))


def _line(row: dict[str, Any]) -> str:
    # `extra` is spliced in as it is: parsing it would round its numbers.
    members = (
        f'"{name}": {_embedded(value) if name == "extra" else json.dumps(value, ensure_ascii=False)}'
        for name, value in row.items()
    )
    return "{" + ", ".join(members) + "}\n"


def _embedded(extra: str | None) -> str:
    if extra is None:
        return "null"
    if not _is_json(extra):
        return json.dumps(extra, ensure_ascii=False)
    # Between tokens a line break is mere white space, and within them JSON has none.
    return extra.replace("\r", " ").replace("\n", " ")


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _write(events: pd.DataFrame, path: FilePath, head: str, lines: Callable[[list[dict[str, Any]]], str]) -> None:
    table = frame_to_rows(events)
    with atomic_write(path) as file:
        file.write(head.encode())
        for rows in _rows(table):
            file.write(lines(rows).encode())


def _rows(table: pa.Table) -> Iterator[list[dict[str, Any]]]:
    """Rows as plain dicts, a stretch at a time, with dates as text."""
    # Without its zone, which is UTC anyway: formatting in a zone needs a zone database.
    dates = pc.strftime(table["date"].cast(pa.timestamp("us")), format="%Y-%m-%dT%H:%M:%SZ")
    table = table.set_column(0, "date", pc.replace_substring(dates, ".000000Z", "Z"))
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield batch.to_pylist()
