"""Aligned tables for a terminal, with every cell made harmless."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import cut_to_width, visible, width

_WIDEST = 60
"""The greatest width of a cell, in columns of the terminal."""

_NARROWEST = 12
"""The width to which a column of text may be narrowed, unless its name is wider."""

_SHARES = {"share", "clock", "weekend", "logins"}
"""Columns of fractions of 1, which are shown in percent."""

NONE = "(none)"
"""The text for a null."""


def terminal_width() -> int:
    """Return the width of the terminal in columns: that of `COLUMNS` if it is set, and 80 without a terminal."""
    return shutil.get_terminal_size().columns


def table(frame: pd.DataFrame, *, room: int | None = None, empty: str = "(no events)") -> str:
    """Return a small frame as an aligned table: numbers to the right, times in ISO 8601, shares in percent.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary, an activity, or the rows of a check; its index is left out.
    room : int, optional
        The widest line. Text is cut to fit, but numbers and times are not: if they do not fit, the last columns are
        left out, and a last line names them. By default, lines may have any width.
    empty : str
        The line below the header of a table without rows.

    Returns
    -------
    str
        Lines without trailing blanks. `visible` makes every cell harmless, and very long cells are cut.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.terminal import table
    >>> frame = pd.DataFrame({"event": ["User login.", None], "events": [1200, 7], "users": [31, 2]})
    >>> print(table(frame))
    event        events  users
    User login.   1,200     31
    (none)            7      2
    >>> print(table(frame, room=20))
    event        events
    User login.   1,200
    (none)            7
    (not shown: users)
    """
    columns = [
        [visible(str(name)), *(_cell(str(name), value) for value in frame[name].astype(object))] for name in frame
    ]
    widths = [max(map(width, column)) for column in columns]
    is_text = [not _is_fixed(dtype) for dtype in frame.dtypes]
    shown = len(columns)
    if room is not None:
        least = [
            min(wide, max(width(column[0]), _NARROWEST)) if text else wide
            for column, wide, text in zip(columns, widths, is_text, strict=True)
        ]
        shown = _count_fitting(least, room)
        widths = _narrowed(widths[:shown], least[:shown], room)
    to_right = [pd.api.types.is_numeric_dtype(dtype) and dtype != "bool" for dtype in frame.dtypes]
    lines = [
        "  ".join(
            padded(cut_to_width(cell, wide), wide, right)
            for cell, wide, right in zip(row[:shown], widths, to_right, strict=False)
        ).rstrip()
        for row in zip(*columns, strict=True)
    ]
    if not len(frame):
        lines.append(empty)
    if shown < len(columns):
        lines.append(f"(not shown: {', '.join(column[0] for column in columns[shown:])})")
    return "\n".join(lines if room is None else [cut_to_width(line, room) for line in lines])


def _is_fixed(dtype: Any) -> bool:
    """Return whether the cells of a column lose their meaning when they are cut."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(dtype) or kinds.is_datetime64_any_dtype(dtype) or kinds.is_timedelta64_dtype(dtype)


def _count_fitting(least: Sequence[int], room: int) -> int:
    """Return how many columns fit next to each other; at least the first one is shown."""
    ends = accumulate(wide + 2 for wide in least)
    return max(sum(end - 2 <= room for end in ends), 1)


def _narrowed(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Narrow the widest columns until all of them fit."""
    limit, narrowed = max(widths), list(widths)
    while sum(narrowed) + 2 * (len(narrowed) - 1) > room and narrowed != list(least):
        limit -= 1
        narrowed = [max(floor, min(wide, limit)) for wide, floor in zip(widths, least, strict=True)]
    return narrowed


def _cell(name: str, value: Any) -> str:
    if isinstance(value, list | np.ndarray):
        return cut_to_width(visible(", ".join(map(_item, value))), _WIDEST) if len(value) else NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if pd.isna(value):
        return NONE
    if isinstance(value, float):
        return f"{value:.1%}" if name in _SHARES else f"{value:,.1f}"
    if isinstance(value, pd.Timestamp):
        return iso(value)
    return cut_to_width(visible(str(value)), _WIDEST)


def _item(item: Any) -> str:
    """Return an item of a list: a text, or the name of a resource."""
    if isinstance(item, dict):
        return str(item.get("name") or item.get("type") or NONE)
    return NONE if item is None else str(item)


def padded(text: str, columns: int, to_right: bool = False) -> str:
    """Return text with blanks up to a width, after it or before it."""
    blanks = " " * (columns - width(text))
    return blanks + text if to_right else text + blanks


def wrapped(text: str, room: int, *, indent: int = 0, hanging: int | None = None) -> list[str]:
    """Return text as lines of whole words. A word that is wider than a line is cut.

    Parameters
    ----------
    text : str
        Text that is harmless on a terminal.
    room : int
        The widest line, in columns of the terminal.
    indent : int
        Blanks before the first line.
    hanging : int, optional
        Blanks before the others; by default as before the first.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from te_audit_frames.cli.terminal import wrapped
    >>> wrapped("Deleted 40 in 4 minutes.", 14, indent=2)
    ['  Deleted 40', '  in 4', '  minutes.']
    """
    lines: list[str] = []
    line = " " * indent
    for word in text.split():
        longer = f"{line} {word}" if line.strip() else line + word
        if line.strip() and width(longer) > room:
            lines.append(line)
            longer = " " * (indent if hanging is None else hanging) + word
        line = longer
    return [cut_to_width(each, room) for each in [*lines, line]]
