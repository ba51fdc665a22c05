r"""Text from outside, made harmless for messages, terminals, pictures and spreadsheets.

User names, event types and error texts of servers are written by other people, some of them hostile. Each function
here serves one place where text is shown:

=================  ==============================================================================================
`printable`        messages, logs and reprs: unprintable characters are escaped
`aligned`          a title and aligned lines of such text
`excerpt`          the same, cut to fit into a message
`visible`          one line of a terminal: characters that would act on it are left out
`width`            how many columns of a terminal text takes; `cut_to_width` makes it fit
`drawable`         a label in a picture
`harmless_cell`    a cell of a CSV file: a spreadsheet must not run it as a formula
`harmless_json`    the same for a cell that holds JSON, which stays the same JSON
=================  ==============================================================================================

HTML is escaped by `html.escape`, where it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

LONGEST_EXCERPT = 120
"""Characters of foreign text that a message shows."""

LONGEST_LABEL = 40
"""Characters of a label in a picture."""

# ---- messages ----------------------------------------------------------------------------------------------------


def printable(text: str) -> str:
    r"""Return text with unprintable characters escaped, so that it cannot act on a terminal or forge a line of a log.

    Parameters
    ----------
    text : str
        Of any origin.

    Returns
    -------
    str
        On one line; letters of every script and the plain blank stay as they are.

    Examples
    --------
    >>> from te_audit_frames.safe_text import printable
    >>> print(printable("Ada\x1b[2J\nERROR"))
    Ada\x1b[2J\nERROR
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def aligned(title: str, lines: Sequence[tuple[str, str]]) -> str:
    """Return a title and, below it, one aligned line for each name and value, made printable.

    Parameters
    ----------
    title : str
        The first line.
    lines : sequence of (str, str)
        Names and their values.

    Returns
    -------
    str

    Examples
    --------
    >>> from te_audit_frames.safe_text import aligned
    >>> print(aligned("Receipt", [("complete", "yes"), ("events", "100")]))
    Receipt
      complete  yes
      events    100
    """
    shown = [(printable(name), printable(value)) for name, value in lines]
    columns = max((len(name) for name, _ in shown), default=0)
    return "\n".join([printable(title), *(f"  {name:<{columns}}  {value}" for name, value in shown)])


def excerpt(text: str, limit: int = LONGEST_EXCERPT) -> str:
    r"""Return the beginning of a text, made printable, for a message.

    Parameters
    ----------
    text : str
        Of any origin and length.
    limit : int
        The most characters to return. Text that is longer ends in an ellipsis.

    Returns
    -------
    str

    Examples
    --------
    >>> from te_audit_frames.safe_text import excerpt
    >>> excerpt("Ada\nLovelace", 8)
    'Ada\\nLo…'
    """
    start = text[: limit + 1]  # enough, since no character gets shorter
    if len(whole := printable(start)) <= limit:
        return whole
    kept, room = [], limit - 1
    for piece in map(_escaped, start):
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept) + "…"


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


# ---- terminals ---------------------------------------------------------------------------------------------------

# Control characters move the cursor and recolour the screen; format characters, the bidi controls among them, reorder
# what stands around them.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # format characters too, but harmless, and Persian and Indic names need them


def visible(text: str) -> str:
    r"""Return text on one line, without characters that would act on a terminal.

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
    >>> from te_audit_frames.safe_text import visible
    >>> visible("Ada\x1b[31m\u202e\nLovelace")
    'Ada[31m Lovelace'
    """
    shown = (char for char in text if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    return " ".join("".join(shown).split())


def width(text: str) -> int:
    r"""Return how many terminal columns text takes: two for wide East Asian letters and emoji, none for accents.

    Parameters
    ----------
    text : str
        As `visible` returns it.

    Returns
    -------
    int

    Examples
    --------
    >>> from te_audit_frames.safe_text import width
    >>> width("日本"), width("e\u0301"), width("\U0001f468\u200d\U0001f469\u200d\U0001f467")
    (4, 1, 2)
    """
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(columns for _, columns in _clusters(text))


def cut_to_width(text: str, room: int) -> str:
    """Return text cut to a number of columns, with an ellipsis at its end; no letter loses its accents.

    Parameters
    ----------
    text : str
        As `visible` returns it.
    room : int
        How many columns there are.

    Returns
    -------
    str
        Not much longer than `room` in characters either: a name may be one letter under a thousand accents.

    Examples
    --------
    >>> from te_audit_frames.safe_text import cut_to_width
    >>> cut_to_width("日本語", 5)
    '日本…'
    """
    most = 4 * room
    if len(text) <= most and width(text) <= room:
        return text
    kept, columns, length = [], 0, 0
    for cluster, wide in _clusters(text[:most]):
        columns, length = columns + wide, length + len(cluster)
        if columns > room - 1 or length > most - 1:
            break
        kept.append(cluster)
    return "".join(kept) + "…"


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yield what a reader sees as one letter, with the number of columns it takes."""
    import wcwidth  # not needed by those who never print a table

    for cluster in wcwidth.iter_graphemes(text):
        yield cluster, max(wcwidth.wcswidth(cluster), 0)


# ---- pictures ----------------------------------------------------------------------------------------------------


def drawable(text: str) -> str:
    r"""Return a label for a picture: visible letters only, shortened, and never empty.

    Parameters
    ----------
    text : str
        Of any origin.

    Returns
    -------
    str
        On one line, of at most `LONGEST_LABEL` characters.

    Examples
    --------
    >>> from te_audit_frames.safe_text import drawable
    >>> drawable("Ada\n\x1bLovelace"), drawable("\u200b")
    ('Ada Lovelace', '(blank)')
    """
    shown = "".join(char for char in text if char.isprintable() or char.isspace())
    label = " ".join(shown.split())
    if len(label) > LONGEST_LABEL:
        return label[: LONGEST_LABEL - 1].rstrip() + "…"
    return label or "(blank)"


# ---- spreadsheets ------------------------------------------------------------------------------------------------

# A spreadsheet takes a cell for a formula if it starts with an operator. The operators' full-width, small and raised
# forms count, since some spreadsheets fold them.
_OPERATORS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\u207a\u207b\u207c\u208a\u208b\u208c"

# Where a file is read with another separator than the comma that it was written with, quotes within a line mean
# nothing, and a cell begins behind each of these.
_SEPARATORS = ";|\t\r\n"

# What a spreadsheet skips before an operator: white space, quotes, control and zero-width characters. Apostrophes are
# among them, so that a cell that had one already gets another, and the guard can be taken off again.
_SKIPPED = r"""'"\s\x00-\x1f\x7f-\x9f\xad\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"""

# Runs are matched whole and only from their start, so that a long one takes no more than its length.
_BEFORE = rf"(?<![;|{_SKIPPED}])[;|{_SKIPPED}]++(?=[{_OPERATORS}])"
_GUARDED = re.compile(rf"\A(?=[{_OPERATORS}])|{_BEFORE}")
_SEPARATOR = re.compile(f"[{_SEPARATORS}]")
_LEADING_BREAK = re.compile(r"'*[\t\r\n]")
_OPERATOR_IN_JSON = re.compile(rf"({_BEFORE})([{_OPERATORS}])")


def harmless_cell(text: str) -> str:
    r"""Return a CSV cell with an apostrophe before everything that a spreadsheet would run as a formula.

    A formula may begin at the start of the cell, and after each semicolon, bar, tab and line break in it, because a
    spreadsheet may split the file there.

    Parameters
    ----------
    text : str
        Of any origin.

    Returns
    -------
    str
        Text without formulas is returned as it is. Taking one apostrophe off at each of these places gives `text`.

    Examples
    --------
    >>> from te_audit_frames.safe_text import harmless_cell
    >>> harmless_cell("=1+1"), harmless_cell("Ada;=1+1"), harmless_cell("Ada")
    ("'=1+1", "Ada;'=1+1", 'Ada')
    """
    # Some readers drop a tab or line break at the start, whatever comes behind it.
    if _LEADING_BREAK.match(text) and not _GUARDED.match(text):
        return f"'{_GUARDED.sub(_guard, text)}"
    return _GUARDED.sub(_guard, text)


def harmless_json(text: str) -> str:
    r"""Return a cell of JSON with everything escaped that a spreadsheet would run as a formula.

    Parameters
    ----------
    text : str
        JSON without white space between its tokens other than blanks.

    Returns
    -------
    str
        JSON of the same value.

    Examples
    --------
    >>> from te_audit_frames.safe_text import harmless_json
    >>> print(harmless_json('["Ada;=1+1"]'))
    ["Ada;\u003d1+1"]
    """
    return _OPERATOR_IN_JSON.sub(_escape_operator, text)


def _guard(match: re.Match[str]) -> str:
    run = _SEPARATOR.sub(r"\g<0>'", match[0])
    return run if match.start() else f"'{run}"


def _escape_operator(match: re.Match[str]) -> str:
    return f"{match[1]}\\u{ord(match[2]):04x}" if _SEPARATOR.search(match[1]) else match[0]
