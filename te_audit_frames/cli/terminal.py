"""Text for a terminal: made harmless first, for names in an activity log come from people, then aligned."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable

import pandas as pd

from te_audit_frames.periods import iso

# Control characters move the cursor and recolour the screen; format characters, the bidi controls among them, reorder
# what stands around them.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # format characters too, but harmless, and Persian and Indic names need them
_COMBINING = {"Mn", "Me", "Cf"}

_WIDEST = 60
"""Columns that one cell may take."""

NONE = "(none)"
"""What a null is called."""


def visible(text: str) -> str:
    r"""Put text on one line, without the characters that act instead of showing.

    Parameters
    ----------
    text : str
        Of any origin.

    Returns
    -------
    str
        The same text with single blanks for white space, and without control, bidi and other unseen characters.

    Examples
    --------
    >>> from te_audit_frames.cli.terminal import visible
    >>> visible("Ada\x1b[31m\u202e\nLovelace")
    'Ada[31m Lovelace'
    """
    shown = (char for char in text if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    return " ".join("".join(shown).split())


def width(text: str) -> int:
    r"""Count the terminal columns that text takes: two for wide East Asian characters, none for combining ones.

    Parameters
    ----------
    text : str
        As `visible` returns it.

    Returns
    -------
    int

    Examples
    --------
    >>> from te_audit_frames.cli.terminal import width
    >>> width("日本"), width("e\u0301")
    (4, 1)
    """
    return sum(map(_columns, text))


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
    return "\n".join(_cut(line, room) for line in text.splitlines())


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
    return _cut(visible(str(value)), _WIDEST)


def _cut(text: str, room: int) -> str:
    # Counted in characters too, since a name may be one letter under a thousand accents.
    if width(text) <= room and len(text) <= 4 * room:
        return text
    return "".join(_fitting(text[: 4 * room], room - 1)) + "…"


def _fitting(text: str, room: int) -> Iterable[str]:
    for char in text:
        room -= _columns(char)
        if room < 0:
            return
        yield char


def _columns(char: str) -> int:
    if unicodedata.category(char) in _COMBINING:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _pad(text: str, columns: int, to_right: bool) -> str:
    blanks = " " * (columns - width(text))
    return blanks + text if to_right else text + blanks
