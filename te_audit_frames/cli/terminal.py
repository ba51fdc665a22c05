"""Tables for a terminal: every cell made harmless, then aligned."""

from __future__ import annotations

import shutil
import sys

import pandas as pd

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import cut_to_width, visible, width

_WIDEST = 60
"""Columns that one cell may take."""

NONE = "(none)"
"""What a null is called."""


def table(frame: pd.DataFrame) -> str:
    """Write a small frame as an aligned table for people: numbers to the right, times in ISO 8601, `share` in percent.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary or an activity; its index is left out.

    Returns
    -------
    str
        Lines without trailing blanks; every cell went through `visible` and is cut where it is very long.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.terminal import table
    >>> print(table(pd.DataFrame({"event": ["User login.", None], "events": [1200, 7]})))
    event        events
    User login.   1,200
    (none)            7
    """
    columns = [[visible(str(name)), *map(_cell, frame[name].astype(object))] for name in frame]
    widths = [max(map(width, column)) for column in columns]
    to_right = [pd.api.types.is_numeric_dtype(dtype) and dtype != "bool" for dtype in frame.dtypes]
    lines = [
        "  ".join(_pad(*cell) for cell in zip(row, widths, to_right, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    ]
    return "\n".join(lines if len(frame) else [*lines, "(no events)"])


def fit(text: str) -> str:
    """Cut lines where they would wrap, if stdout is a terminal: what matters most stands on the left of a table.

    Parameters
    ----------
    text : str
        Lines for stdout.

    Returns
    -------
    str
        The same lines, each no wider than the terminal; as they were where stdout is a file or a pipe.
    """
    if not sys.stdout.isatty():
        return text
    room = shutil.get_terminal_size().columns
    return "\n".join(cut_to_width(line, room) for line in text.splitlines())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if pd.isna(value):  # type: ignore[call-overload]
        return NONE
    if isinstance(value, float):
        return f"{value:.1%}"
    if isinstance(value, pd.Timestamp):
        return iso(value)
    return cut_to_width(visible(str(value)), _WIDEST)


def _pad(text: str, columns: int, to_right: bool) -> str:
    blanks = " " * (columns - width(text))
    return blanks + text if to_right else text + blanks
