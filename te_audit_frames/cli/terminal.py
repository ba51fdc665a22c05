"""Aligned tables for a terminal, with every cell made harmless."""

from __future__ import annotations

import shutil
import sys

import pandas as pd

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import cut_to_width, visible, width

_WIDEST = 60
"""The greatest width of a cell, in columns of the terminal."""

NONE = "(none)"
"""The text for a null."""


def table(frame: pd.DataFrame) -> str:
    """Return a small frame as an aligned table: numbers to the right, times in ISO 8601, `share` in percent.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary or an activity; its index is left out.

    Returns
    -------
    str
        Lines without trailing blanks. `visible` makes every cell harmless, and very long cells are cut.

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
    """Cut lines to the width of the terminal, if stdout is one.

    Parameters
    ----------
    text : str
        Lines for stdout.

    Returns
    -------
    str
        Lines no wider than the terminal. If stdout is a file or a pipe, they are unchanged.
    """
    if not sys.stdout.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(cut_to_width(line, columns) for line in text.splitlines())


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
