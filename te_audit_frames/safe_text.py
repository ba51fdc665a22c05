r"""Text from outside, made harmless for messages, terminals, pictures and spreadsheets.

User names, event types and the error messages of servers are written by other people, some of them hostile. Each
function here makes text safe for one place where it is shown:

=================  ==============================================================================================
`printable`        messages, logs and reprs: unprintable characters are escaped
`excerpt`          the same, cut to fit into a message
`aligned`          reprs of several lines: a title, then aligned names and values
`visible`          one line of a terminal: characters that act on a terminal are removed
`width`            the columns that text takes on a terminal; `cut_to_width` shortens it to fit
`drawable`         a label in a picture
`harmless_cell`    a cell of a CSV file: no spreadsheet runs it as a formula
`harmless_json`    a cell of a CSV file that holds JSON: it stays the same JSON
=================  ==============================================================================================

`original_cell` and `original_json` undo the last two. HTML is escaped by `html.escape` where it is written.

The module is long because it keeps all kinds of output in one file, where a reader can check that none is forgotten.
More than half of it is documentation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

LONGEST_EXCERPT = 120
"""The most characters of foreign text that a message shows."""

LONGEST_LABEL = 40
"""The most characters of a label in a picture."""

# ---- messages ----------------------------------------------------------------------------------------------------


def printable(text: str) -> str:
    r"""Escape unprintable characters, so that text cannot act on a terminal or forge a line of a log.

    Parameters
    ----------
    text : str
        Text of any origin.

    Returns
    -------
    str
        One line of text. Spaces and the letters of every script stay as they are.

    Examples
    --------
    >>> from te_audit_frames.safe_text import printable
    >>> print(printable("Ada\x1b[2J\nERROR"))
    Ada\x1b[2J\nERROR
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def aligned(title: str, lines: Sequence[tuple[str, str]]) -> str:
    """Return a title and one line per name and value, with the values aligned.

    Parameters
    ----------
    title : str
        The first line.
    lines : sequence of (str, str)
        The names and their values.

    Returns
    -------
    str
        Several lines, made printable.

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
    r"""Return the beginning of a text for a message, made printable.

    Parameters
    ----------
    text : str
        Text of any origin and length.
    limit : int
        The most characters to return.

    Returns
    -------
    str
        One line of text. It ends in an ellipsis if it was cut.

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

# Control characters move the cursor and change the colours of the screen. Format characters, such as the bidi controls,
# reorder the text around them.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # format characters too, but harmless, and needed by Persian and Indic names


def visible(text: str) -> str:
    r"""Return text on one line, without characters that act on a terminal.

    Parameters
    ----------
    text : str
        Text of any origin.

    Returns
    -------
    str
        The text without control characters, bidi controls and other invisible characters. Each run of white space is
        one space.

    Examples
    --------
    >>> from te_audit_frames.safe_text import visible
    >>> visible("Ada\x1b[31m\u202e\nLovelace")
    'Ada[31m Lovelace'
    """
    shown = (char for char in text if char.isspace() or char in _JOINERS or unicodedata.category(char) not in _UNSEEN)
    return " ".join("".join(shown).split())


def width(text: str) -> int:
    r"""Return the number of terminal columns that text takes.

    Parameters
    ----------
    text : str
        Text without characters that act on a terminal, as `visible` returns it.

    Returns
    -------
    int
        Wide East Asian letters and emoji count two, combining accents none.

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
    """Cut text to a number of terminal columns.

    Parameters
    ----------
    text : str
        Text without characters that act on a terminal, as `visible` returns it.
    room : int
        The number of columns.

    Returns
    -------
    str
        The text, or its beginning and an ellipsis. No letter loses its accents. The result has at most four times
        `room` characters, since a hostile name may be one letter with a thousand accents.

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
    """Yield everything that a reader sees as one letter, with the number of columns that it takes."""
    import wcwidth  # imported here, because only printing a table needs it

    for cluster in wcwidth.iter_graphemes(text):
        yield cluster, max(wcwidth.wcswidth(cluster), 0)


# ---- pictures ----------------------------------------------------------------------------------------------------


def drawable(text: str) -> str:
    r"""Return text as a label for a picture.

    Parameters
    ----------
    text : str
        Text of any origin.

    Returns
    -------
    str
        One line of at most `LONGEST_LABEL` printable characters; ``"(blank)"`` if there are none.

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

# A spreadsheet treats a cell as a formula if it starts with an operator. The full-width, small and raised forms of the
# operators are included, because some spreadsheets convert them to the plain ones.
_OPERATORS = r"=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212\u207a\u207b\u207c\u208a\u208b\u208c"

# A program that expects another separator than the comma ignores the quotes within a line, and starts a new cell after
# each of these characters.
_SEPARATORS = ";|\t\r\n"

# Spreadsheets may skip these characters before an operator: white space, quotes, control and format characters.
# Apostrophes are included: a cell that already begins with one gets another, so that the guard can be removed again.
_SKIPPED = (
    r"""'"\s\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"""
    r"\u2060-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)

# Runs are matched possessively and only from their start, so that the time grows linearly with their length.
_BEFORE = rf"(?<![;|{_SKIPPED}])[;|{_SKIPPED}]++(?=[{_OPERATORS}])"
_GUARDED = re.compile(rf"\A(?=[{_OPERATORS}])|{_BEFORE}")
_SEPARATOR = re.compile(f"[{_SEPARATORS}]")
_LEADING_BREAK = re.compile(r"'*[\t\r\n]")
_OPERATOR_IN_JSON = re.compile(rf"({_BEFORE})([{_OPERATORS}])")

# Patterns of the text that `harmless_cell` and `harmless_json` return, to undo their changes.
_OPERATOR = re.compile(f"[{_OPERATORS}]")
_LEADING_RUN = re.compile(rf"[;|{_SKIPPED}]*+")
_GUARDED_RUN = re.compile(_BEFORE)
_SEPARATOR_AND_GUARD = re.compile(f"([{_SEPARATORS}])('?)")
_ESCAPED_IN_JSON = re.compile(rf"((?<![;|{_SKIPPED}])[;|{_SKIPPED}]++)\\u([0-9a-f]{{4}})")


def harmless_cell(text: str) -> str:
    r"""Put an apostrophe before each formula that a spreadsheet would run in a CSV cell.

    A formula may begin at the start of the cell. It may also begin after a semicolon, bar, tab or line break, because a
    spreadsheet may split the file there.

    Parameters
    ----------
    text : str
        Text of any origin.

    Returns
    -------
    str
        The text, unchanged if it contains no formula. Removing the added apostrophes gives `text` again.

    Examples
    --------
    >>> from te_audit_frames.safe_text import harmless_cell
    >>> harmless_cell("=1+1"), harmless_cell("Ada;=1+1"), harmless_cell("Ada")
    ("'=1+1", "Ada;'=1+1", 'Ada')
    """
    # Some programs drop a leading tab or line break, so it is guarded even without a formula.
    if _LEADING_BREAK.match(text) and not _GUARDED.match(text):
        return f"'{_GUARDED.sub(_guard, text)}"
    return _GUARDED.sub(_guard, text)


def harmless_json(text: str) -> str:
    r"""Escape each formula that a spreadsheet would run in a CSV cell of JSON.

    Parameters
    ----------
    text : str
        JSON with no white space between its tokens, or with spaces only.

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


def original_cell(text: str) -> str | None:
    r"""Return the text that was passed to `harmless_cell`.

    Parameters
    ----------
    text : str
        A cell that `harmless_cell` returned.

    Returns
    -------
    str or None
        The text. None if `harmless_cell` cannot have returned this cell, because something in it is not guarded.

    Examples
    --------
    >>> from te_audit_frames.safe_text import original_cell
    >>> original_cell("'=1+1"), original_cell("Ada;'=1+1"), original_cell("=1+1")
    ('=1+1', 'Ada;=1+1', None)
    """
    lead = _LEADING_RUN.match(text)
    start = lead.end() if lead else 0
    is_guarded = start < len(text) and bool(_OPERATOR.match(text, start))
    if is_guarded or _LEADING_BREAK.match(text):
        if not text.startswith("'"):
            return None
        text = text[1:]
    try:
        return _GUARDED_RUN.sub(_unguard, text)
    except ValueError:
        return None


def original_json(text: str) -> str:
    r"""Return the JSON that was passed to `harmless_json`.

    Parameters
    ----------
    text : str
        JSON that `harmless_json` returned.

    Returns
    -------
    str
        JSON of the same value, without the escapes that `harmless_json` adds.

    Examples
    --------
    >>> from te_audit_frames.safe_text import original_json
    >>> print(original_json(r'["Ada;\u003d1+1"]'))
    ["Ada;=1+1"]
    """
    return _ESCAPED_IN_JSON.sub(_unescape_operator, text)


def _unguard(match: re.Match[str]) -> str:
    """Remove the apostrophe after each separator; raise ValueError if one has none."""
    if any(not guard for _, guard in _SEPARATOR_AND_GUARD.findall(match[0])):
        raise ValueError(match[0])
    return _SEPARATOR_AND_GUARD.sub(r"\1", match[0])


def _unescape_operator(match: re.Match[str]) -> str:
    operator = chr(int(match[2], 16))
    return match[1] + operator if _SEPARATOR.search(match[1]) and _OPERATOR.match(operator) else match[0]


def number_of(count: int, one: str, several: str = "") -> str:
    """Return a number and what it counts, as text.

    Examples
    --------
    >>> from te_audit_frames.safe_text import number_of
    >>> number_of(1, "person", "people"), number_of(1200, "event")
    ('1 person', '1,200 events')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"
