"""Which events a date has, decided by reading its second with queries of its own.

If a second fits on one page, that page has its events. If it does not, the API may put them into another order for
each page, so that a reading has some events twice in place of others. Three facts decide:

- A page never shows more copies of an event than there are. So the most copies on any page are a lower bound.
- A reading of all pages has the right number of events, even if it has some of them twice in place of others.
- If the lower bounds add up to that number, they are the events, and this is proven.

The bounds stay too low if equal events are never seen together on one page. Then two readings with the same events are
believed, unless anything contradicts them. Each reading asks for a range of another length, so that the second begins
at another place on a page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import row_counts
from te_audit_frames.client.page import Page
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.periods import floor_second

_MARGINS = (60, 1, 120, 300, 600, 1_200, 2_400)
"""How many seconds each reading in ordinary pages asks for on either side of the second."""


class ReadSecond(Protocol):
    """Reads the pages of the second that a date lies in."""

    def __call__(
        self, date: datetime, *, margin: int, largest: bool = False, one_page: bool = False
    ) -> Sequence[Page] | None:
        """Return all pages of a range that reaches `margin` seconds to either side.

        `largest` asks for the largest pages. Return None if the pages are more than one (with `one_page`), too many, or
        cannot be read.
        """


@dataclass(frozen=True)
class WholeSecond:
    """All events of one date.

    Attributes
    ----------
    page : Page
        Its events, as a page that no server sent.
    is_proven : bool
        Whether they are proven to be all. Otherwise two readings agreed.
    """

    page: Page
    is_proven: bool


def read_whole(read: ReadSecond, date: datetime, seen: Counter[str], page_size: int) -> WholeSecond | None:
    """Read a second on its own until its events of a date are decided.

    Parameters
    ----------
    read : ReadSecond
        Reads the pages of the second.
    date : datetime
        The date. Its second may have events of other dates, if dates have fractions of seconds.
    seen : Counter of str
        Rows of the date on other pages. There are at least as many copies of each.
    page_size : int
        How many events an ordinary page has.

    Returns
    -------
    WholeSecond or None
        None if the second cannot be read, if its only page lacks rows that were seen, or if only one reading was
        possible, which does not prove its events.

    Raises
    ------
    ReadAgain
        The readings contradict one another, or lack rows that were seen.
    """
    if seen.total() <= page_size and (pages := read(date, margin=1, one_page=True)) is not None:
        whole = rows_of(pages[0], date)
        return WholeSecond(whole, is_proven=True) if seen <= row_counts(whole.batch) else None
    bounds = seen.copy()
    totals: list[Counter[str]] = []
    gathered: Page | None = None  # as many copies of each row as its lower bound
    for number, margin in enumerate((1, *_MARGINS)):
        largest = number == 0
        pages = read(date, margin=margin, largest=largest)
        # Such a page may be cut off: a server may take the size of its own pages for a limit of the whole query.
        is_doubtful = largest and pages is not None and len(pages) == 1 and len(pages[0].batch) <= page_size
        if largest and (pages is None or is_doubtful):
            continue
        if pages is None:
            break
        parts = [rows_of(page, date) for page in pages]
        counts = [row_counts(part.batch) for part in parts]
        total = sum(counts, Counter[str]())
        for part, count in zip(parts, counts, strict=True):
            bounds |= count
            gathered = part if gathered is None else joined([gathered, _lacking(part, gathered)])
        is_short = any(total.total() < other.total() for other in totals)
        if gathered is not None and bounds.total() == total.total() and not is_short:
            return WholeSecond(gathered, is_proven=True)
        if bounds <= total and total in totals and not _are_shuffled([*totals, total]):
            return WholeSecond(joined(parts), is_proven=False)
        totals.append(total)
    if not totals or (len(totals) == 1 and bounds <= totals[0]):
        return None
    if len({total.total() for total in totals}) == 1:
        raise ReadAgain("shuffled", floor_second(date))
    raise ReadAgain("moved")


def _are_shuffled(totals: list[Counter[str]]) -> bool:
    """Return whether two readings found different events in the same number: then others may agree by chance."""
    return any(one != other and one.total() == other.total() for one, other in combinations(totals, 2))


def of_date(batch: pa.RecordBatch, date: datetime) -> pa.RecordBatch:
    """Return the rows of one date."""
    return batch.filter(_is_date(batch, date))


def rows_of(page: Page, date: datetime) -> Page:
    """Return a page with its rows of one date only."""
    return chosen(page, _is_date(page.batch, date).to_pylist())


def others_of(page: Page, date: datetime) -> Page:
    """Return a page without its rows of one date."""
    return chosen(page, pc.invert(_is_date(page.batch, date)).to_pylist())


def taken(page: Page, wanted: Counter[str]) -> Page:
    """Return a page with as many copies of each row as are wanted, or all that it has."""
    left = wanted.copy()
    choice = []
    for row in map(repr, page.batch.to_pylist()):
        choice.append(left[row] > 0)
        left[row] -= 1
    return chosen(page, choice)


def chosen(page: Page, choice: Sequence[bool]) -> Page:
    """Return a page with the chosen rows only."""
    before = [0]
    for is_chosen in choice:
        before.append(before[-1] + is_chosen)
    return replace(
        page,
        batch=page.batch.filter(pa.array(choice, pa.bool_())),
        coerced=tuple(before[position] for position in page.coerced if choice[position]),
    )


def joined(pages: Sequence[Page]) -> Page:
    """Return one page with the rows of several; all else is that of the last one."""
    starts = [sum(len(page.batch) for page in pages[:number]) for number in range(len(pages))]
    return replace(
        pages[-1],
        batch=pa.concat_batches([page.batch for page in pages]),
        coerced=tuple(start + position for start, page in zip(starts, pages, strict=True) for position in page.coerced),
    )


def _lacking(page: Page, other: Page) -> Page:
    """Return a page with the rows that it has more often than another page."""
    return taken(page, row_counts(page.batch) - row_counts(other.batch))


def _is_date(batch: pa.RecordBatch, date: datetime) -> pa.BooleanArray:
    dates = batch["date"]
    return pc.fill_null(pc.equal(dates, pa.scalar(date, dates.type)), False)
