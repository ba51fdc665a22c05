"""What a section of a report is made of: paragraphs, facts, tables, pictures and findings.

`clean` turns text from outside into one line without control or invisible characters. The templates escape it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, ClassVar

import pandas as pd

from te_audit_frames.safe_text import cut_to_width, visible

NOTHING = "–"
"""What a cell shows if there is no value."""

_LONGEST_CELL = 120
_LONGEST_SENTENCE = 600


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    text: str
    is_note: bool = False
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Notes:
    """Sentences that a reader should know, as a list."""

    texts: Sequence[str]
    kind: ClassVar[str] = "notes"


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and a value, as a receipt has them."""

    pairs: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and its cells as text.

    Numbers are aligned at the right, narrow cells stay on one line, and long ones are sentences, which get more room.
    """

    name: str
    cells: Sequence[str]
    is_number: bool = False
    is_narrow: bool = False
    is_long: bool = False


@dataclass(frozen=True)
class Table:
    """A table. The cells of its first column are the headings of the rows.

    Attributes
    ----------
    key : str
        Its id in the page.
    caption : str
        What it shows.
    columns : sequence of Column
        All of the same length.
    folded : str
        The line that unfolds it; empty if it is always open.
    anchor : str
        The id that links point to; empty if none do.
    empty : str
        The text to show if there are no rows.
    """

    key: str
    caption: str
    columns: Sequence[Column]
    folded: str = ""
    anchor: str = ""
    empty: str = "None."
    kind: ClassVar[str] = "table"

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells by row."""
        return list(zip(*(column.cells for column in self.columns), strict=True))


@dataclass(frozen=True)
class Picture:
    """A picture as SVG, in a wide and in a narrow form, and what it shows in words."""

    alt: str
    wide: str
    narrow: str
    sizes: tuple[tuple[int, int], tuple[int, int]]
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class FindingItem:
    """One finding, as a reader sees it. `evidence` is the id of its evidence in the page, empty if it is not there."""

    number: int
    severity: str
    who: str
    when: str
    events: str
    groups: str
    why: str
    check: str
    technique: str
    chance: str
    evidence: str


@dataclass(frozen=True)
class Findings:
    """The findings, the most severe first."""

    items: Sequence[FindingItem]
    kind: ClassVar[str] = "findings"


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str
    kind: ClassVar[str] = "heading"


Block = Paragraph | Notes | Facts | Table | Picture | Findings | Heading


@dataclass(frozen=True)
class Section:
    """A section: its name, which is its id in the page, its title and its blocks."""

    name: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)


def filled(columns: Sequence[Column]) -> list[Column]:
    """Return the first column and every other with a value in some row. Without rows, return all columns."""
    return [column for place, column in enumerate(columns) if not place or set(column.cells) != {NOTHING}]


# ---- values as text ----------------------------------------------------------------------------------------------


def clean(text: Any, longest: int = _LONGEST_CELL) -> str:
    r"""Return text from outside as one line that is not too long.

    Examples
    --------
    >>> from te_audit_frames.report.blocks import clean
    >>> clean("Ada\x1b\u202e\nLovelace"), clean("\u200b"), clean(None)
    ('Ada Lovelace', '(blank)', '–')
    """
    if text is None or text is pd.NA or text is pd.NaT or (isinstance(text, float) and pd.isna(text)):
        return NOTHING
    # Cut first, because a hostile text may have a million characters.
    return cut_to_width(visible(str(text)[: 8 * longest]), longest) or "(blank)"


def sentence(text: str) -> str:
    """Return a sentence that contains names from outside."""
    return clean(text, _LONGEST_SENTENCE)


def cleaned(texts: Iterable[Any]) -> list[str]:
    """Return the cells of a column of text."""
    return [clean(text) for text in texts]


def counts(numbers: Iterable[Any]) -> list[str]:
    """Return the cells of a column of whole numbers."""
    return [NOTHING if pd.isna(number) else f"{int(number):,}" for number in numbers]


def shares(numbers: Iterable[float]) -> list[str]:
    """Return the cells of a column of shares."""
    return [NOTHING if pd.isna(number) else f"{number:.1%}" for number in numbers]


def lists(values: Iterable[Any], most: int = 5) -> list[str]:
    """Return the cells of a column of lists: the first of each, and how many more there are."""
    return [listed(value, most) for value in values]


def listed(value: Any, most: int = 5) -> str:
    """Return the first texts of a list, and how many more there are."""
    texts = [] if value is None or value is pd.NA else list(value)
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return ", ".join(clean(text, 60) for text in texts[:most]) + more or NOTHING


# Python's calendar covers the years 1 to 9999. Within a day of its ends, a local date may lie outside it.
_CLOCKS = pd.Timestamp("0001-01-02", tz="UTC"), pd.Timestamp("9999-12-31", tz="UTC")


def moments(dates: pd.Series, zone: tzinfo, form: str = "%Y-%m-%d %H:%M") -> list[str]:
    """Return the cells of a column of moments, by the clock of a time zone.

    Moments at the ends of the calendar are shown in UTC, and say so.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> import pandas as pd
    >>> from te_audit_frames.report.blocks import moments
    >>> dates = pd.Series(pd.to_datetime(["2026-03-02T09:00Z", "9999-12-31T12:00Z"]))
    >>> moments(dates, ZoneInfo("Asia/Tokyo"))
    ['2026-03-02 18:00', '9999-12-31 12:00 UTC']
    """
    dates = dates.dt.as_unit("us")
    is_far = (dates < _CLOCKS[0]) | (dates >= _CLOCKS[1])
    local = dates.mask(is_far).dt.tz_convert(zone).dt.strftime(form)
    if is_far.any():
        local = local.mask(is_far, dates.dt.tz_convert("UTC").dt.strftime(form) + " UTC")
    return [NOTHING if pd.isna(text) else text for text in local.tolist()]


def moment(date: datetime | pd.Timestamp, zone: tzinfo, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return a moment by the clock of a time zone; see `moments`."""
    return moments(pd.Series([pd.Timestamp(date)]), zone, form)[0]


def span(first: Any, last: Any, zone: tzinfo) -> str:
    """Return two moments as a range that names their day once if it is the same.

    Examples
    --------
    >>> from datetime import UTC
    >>> import pandas as pd
    >>> from te_audit_frames.report.blocks import span
    >>> span(pd.Timestamp("2026-03-02T09:00Z"), pd.Timestamp("2026-03-02T09:05Z"), UTC)
    '2026-03-02 09:00 to 09:05'
    """
    if pd.isna(first) or pd.isna(last):
        return NOTHING
    start, end = moment(first, zone), moment(last, zone)
    if start == end:
        return start
    return f"{start} to {end[11:] if start[:10] == end[:10] else end}"
