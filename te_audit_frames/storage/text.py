"""Events as CSV and JSON Lines, for the tools that read nothing else.

Names in an activity log come from people, hostile ones among them. A spreadsheet runs a cell that starts with ``=``
as a formula, so `write_csv` puts an apostrophe before such a cell.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.rows import rows_of
from te_audit_frames.storage.staging import FilePath, replacing

_ROWS_AT_ONCE = 16_384

# A tab or a line break at the start, or an operator after what a spreadsheet skips: white space, control and
# zero-width characters. The operators' full-width, small and raised forms count, since some spreadsheets fold them.
# Apostrophes are looked through, so that a cell that had one already gets another, and the prefix can be undone.
_FORMULA = re.compile(
    r"'*[\t\r\n]|"
    r"['\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*"
    r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\u207a\u207b\u207c\u208a\u208b\u208c]"
)


def write_csv(events: pd.DataFrame, path: FilePath, *, raw: bool = False) -> None:
    """Write events as CSV (UTF-8, comma, RFC 4180), one line an event.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.
    path : str or PathLike
        Where the file goes; it is replaced whole, readable by its owner only (0600).
    raw : bool, default False
        Leave cells that a spreadsheet would run as a formula as they are. Otherwise they get an apostrophe in front;
        taking one off again gives the value.

    Raises
    ------
    NotAnAuditFrame, InvalidRequest, OSError
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
    >>> from te_audit_frames.storage.text import write_csv
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "=1+1", "date": "2026-01-05T09:00:00Z"}]}'])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_csv(events, f"{folder}/events.csv")
    ...     print(Path(folder, "events.csv").read_text().splitlines()[1])
    2026-01-05T09:00:00Z,,,'=1+1,,,,,
    """
    cell = str if raw else harmless

    def lines(rows: list[dict[str, Any]]) -> str:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(row[name], cell) for name in COLUMNS] for row in rows)
        return text.getvalue()

    _write(events, path, ",".join(COLUMNS) + "\r\n", lines)


def _cell(value: Any, cell: Callable[[str], str]) -> str:
    if value is None:
        return ""
    return cell(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def harmless(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula.

    Examples
    --------
    >>> from te_audit_frames.storage.text import harmless
    >>> harmless("=1+1"), harmless("Ada")
    ("'=1+1", 'Ada')
    """
    return f"'{text}" if _FORMULA.match(text) else text


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
    NotAnAuditFrame, InvalidRequest, OSError
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
    >>> from te_audit_frames.storage.text import write_jsonl
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
    try:
        json.loads(extra, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json.dumps(extra, ensure_ascii=False)
    # Between tokens a line break is mere white space, and within them JSON has none.
    return extra.replace("\r", " ").replace("\n", " ")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _write(events: pd.DataFrame, path: FilePath, head: str, lines: Callable[[list[dict[str, Any]]], str]) -> None:
    table = rows_of(events)
    with replacing(path) as file:
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
