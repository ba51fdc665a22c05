"""Pages that move while they are read, because events arrive in front of them.

A later page then repeats rows of an earlier one. Equal rows may also be events that truly happened twice, and those
must be kept. What a page repeats decides how the two are told apart:

- Rows of one date: its second is read on its own (`split_seconds`), and each event is kept as often as it stands there.
  On later pages, only those of its events are kept that are still due.
- Rows of several dates, of a page further back, or of a second that cannot be read on its own: the page before is read
  again. If it moved by a certain number of rows, that many are left out. If it is unchanged, the range of all these
  dates is read with one query. If it does not fit on a page, the rows are kept, and the receipt says so. Otherwise,
  everything is read again.

Only a few pages are checked in this way. If more pages repeat rows, the rows are kept at first. The first page, and the
page before the last such page, are then read again at the end (`are_unchanged`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import FetchChecks, row_counts
from te_audit_frames.client.page import Page
from te_audit_frames.client.page_comparison import compare, dates_of, is_of_one_date, is_uniform, last_date, moved_by
from te_audit_frames.client.recent_rows import Date, RecentRows
from te_audit_frames.client.restarts import MOST_RESTARTS, ReadAgain
from te_audit_frames.client.split_seconds import SplitSeconds
from te_audit_frames.client.whole_seconds import ReadSecond, chosen, of_date
from te_audit_frames.periods import SECOND

_PLAINLY_DIFFERENT = 8
"""A page that equals the first page and has at least this many distinct rows is the first page, read again."""

_MOST_EMPTY = 8
"""After so many empty answers in a row, a page counts as empty."""

_UNCERTAIN = (
    "pages began with events equal to earlier ones, and either their seconds could not be read on their own, or these "
    "were more pages than are checked; the events were kept, but the API may have repeated them, perhaps in place of "
    "others"
)

_FIRST_UNCERTAIN = (
    "the first page has events of one second only, and this second could not be read on its own, so it is not known "
    "whether pages moved"
)

_READ_ALONE = "pages repeated events of the second that they begin with; such a second was read on its own"

_READ_TOGETHER = (
    "pages repeated events of several seconds, which were then read once more on one page; if the API answers from "
    "copies of the log that differ, other pages may lack events"
)

_MOVED = "events arrived while pages were read; the rows that moved to a later page were kept once"


class MovingPages:
    """Notices whether the pages of one query move while they are read.

    Parameters
    ----------
    first_url : str
        The address of the first page.
    get : callable
        Reads the page at an address.
    checks : FetchChecks
        Where checks are counted.
    read_second : ReadSecond
        Reads all events of one second.
    """

    def __init__(
        self, first_url: str, get: Callable[[str], Page], checks: FetchChecks, read_second: ReadSecond
    ) -> None:
        self.first_url = first_url
        self._get = get
        self._checks = checks
        self._read_second = read_second
        self._split_seconds = SplitSeconds(read_second, checks)
        self._recent = RecentRows(checks)
        self._first_rows: dict[int, set[str]] = {}  # by date, of all pages
        self.first: pa.RecordBatch | None = None
        self._first_run: Counter[str] = Counter()  # the rows of its last date, on all pages
        self._is_in_first_run = True
        self._last_filled: pa.RecordBatch | None = None
        # The latest page with different rows. If all rows were equal, the page would look the same after it moved.
        self._page_before: tuple[str, pa.RecordBatch] | None = None
        self._unchecked: tuple[str, pa.RecordBatch, pa.RecordBatch] | None = None
        self._as_sent: pa.RecordBatch | None = None
        self._span: tuple[datetime, datetime] | None = None

    @property
    def has_unchecked_boundaries(self) -> bool:
        """Whether some repeated rows could not be checked, since only a few pages are read again."""
        return self._unchecked is not None

    @property
    def has_oldest_first(self) -> bool:
        """Whether the events of the first page are older than those of the last, by their median dates."""
        first, last = dates_of(self.first), dates_of(self._last_filled)
        return bool(len(first) and len(last) and np.median(first) < np.median(last))

    # ---- each page -------------------------------------------------------------------------------------------------

    def settle(self, page: Page, url: str) -> Page:
        """Return a page without the rows that it only repeats because pages moved or events changed places.

        Raises
        ------
        ReadAgain
            It cannot be decided which rows are repeated.
        """
        self._as_sent = page.batch
        read_alone: set[Date] = set()
        repeated = {
            date: rows
            for date, rows in self._recent.repeated(page.batch).items()
            if not self._split_seconds.are_known(date)
        }
        if self._page_before is not None and (repeated or self._repeats_a_first_row(page.batch)):
            if not self._checks.take_boundary_check():
                self._put_off(page)
            elif self._read_alone(page, repeated):
                read_alone = set(repeated)
            else:
                page, read_alone = self._compare_page_before(page, url, repeated)
        page, corrected = self._split_seconds.keep_due(page)
        if not read_alone.isdisjoint(corrected):
            self._checks.note(_READ_ALONE if len(read_alone) == 1 else _READ_TOGETHER)
            self._checks.give_back_boundary_check()
        return page

    def _put_off(self, page: Page) -> None:
        """Remember to read the page before again, at the end."""
        assert self._page_before is not None  # noqa: S101 - this page repeats rows of it  # nosec B101
        self._unchecked = *self._page_before, page.batch
        self._checks.note(_UNCERTAIN)

    def _read_alone(self, page: Page, repeated: dict[Date, Counter[str]]) -> bool:
        """Read a second on its own if all repeated rows are of its date. Return whether its events are known then."""
        if len(repeated) != 1:
            return False
        ((date, kept),) = repeated.items()
        return date is not None and self._split_seconds.decide(date, page, kept, was_passed=self._was_passed(date))

    def _read_together(self, page: Page, repeated: dict[Date, Counter[str]]) -> set[Date]:
        """Read the seconds of repeated rows of several dates with one query. Return the dates that it decided."""
        dates = sorted(date for date in repeated if date is not None)
        if len(dates) < 2:
            return set()
        half = (dates[-1] - dates[0]) / 2
        pages = self._read_second(dates[0] + half, margin=half // SECOND + 2, one_page=True)
        if pages is None:
            return set()
        return {
            date
            for date in dates
            if self._split_seconds.decide(
                date, page, repeated[date], was_passed=self._was_passed(date), read=lambda *_, **__: pages
            )
        }

    def _was_passed(self, date: datetime) -> bool:
        return self._span is not None and self._span[0] < date < self._span[1]

    def _compare_page_before(self, page: Page, url: str, repeated: dict[Date, Counter[str]]) -> tuple[Page, set[Date]]:
        """Read the page before again.

        If it moved, return the page as it is now, without the rows that moved there. If it did not, return the dates of
        the repeated rows that another query decided.
        """
        assert self._page_before is not None  # noqa: S101 - this page repeats rows of it  # nosec B101
        url_before, before = self._page_before
        again = self._get_filled(url_before)
        change = compare(before, again, row_counts(before) + row_counts(page.batch))
        has_one_date = len(repeated) == 1
        # The first page has the address of a new question, whose events of one date may come in an order of their own.
        may_be_reordered = url_before == self.first_url or not has_one_date
        if change == "none" or (change == "order" and may_be_reordered):
            decided = self._read_together(page, repeated)
            if decided != repeated.keys():
                self._checks.note(_UNCERTAIN)
            return page, decided
        if change == "order":
            raise ReadAgain("shuffled", next(iter(repeated)))
        page, again = self._read_while_still(url, url_before, again)
        rows = moved_by(before, again)
        self._page_before = url_before, again
        self._as_sent = page.batch
        self._checks.note(_MOVED)
        return chosen(page, [position >= rows for position in range(len(page.batch))]), set()

    def _get_filled(self, url: str) -> pa.RecordBatch:
        """Read a page that had rows, and read it again if it is empty: some APIs send pages of any length."""
        for _ in range(_MOST_EMPTY):
            batch = self._get(url).batch
            if batch.num_rows:
                break
        return batch

    def _read_while_still(self, url: str, url_before: str, before: pa.RecordBatch) -> tuple[Page, pa.RecordBatch]:
        """Read a page between two equal readings of the page before, so that both show one state of the log."""
        for _ in range(MOST_RESTARTS):
            page = self._get(url)
            again = self._get(url_before).batch
            if again.equals(before):
                return page, again
            before = again
        raise ReadAgain("moved")

    def remember(self, batch: pa.RecordBatch, url: str) -> None:
        """Remember a page that was read, as `settle` returned it.

        Raises
        ------
        ReadAgain
            It is the first page once more, because a cursor led back to the beginning.
        """
        sent = batch if self._as_sent is None else self._as_sent
        if self.first is not None and sent.equals(self.first) and len(row_counts(sent)) >= _PLAINLY_DIFFERENT:
            raise ReadAgain("moved")
        if self.first is None:
            self.first = sent
        self._follow_first_run(sent, batch)
        if batch.num_rows:
            self._last_filled = batch
            first_row = batch.slice(0, 1)
            for date in dates_of(first_row).tolist():
                self._first_rows.setdefault(date, set()).update(row_counts(first_row))
        self._note_span(sent)
        self._recent.remember(batch)
        if sent.num_rows and (self._page_before is None or not is_uniform(sent)):
            self._page_before = url, sent

    def _follow_first_run(self, sent: pa.RecordBatch, kept: pa.RecordBatch) -> None:
        """Count the rows of the first page's last date, from page to page until one lacks that date."""
        date = last_date(self.first)
        self._is_in_first_run = self._is_in_first_run and date is not None and bool(len(of_date(sent, date)))
        if self._is_in_first_run and date is not None:
            self._first_run += row_counts(of_date(kept, date))

    def _note_span(self, batch: pa.RecordBatch) -> None:
        bounds = pc.min_max(batch["date"]).as_py()
        if bounds["min"] is not None:
            low, high = self._span or (bounds["min"], bounds["max"])
            self._span = min(low, bounds["min"]), max(high, bounds["max"])

    # ---- the end ---------------------------------------------------------------------------------------------------

    def first_is_unchanged(self) -> bool:
        """Read the first page again, and return whether it did not move.

        Raises
        ------
        ReadAgain
            All its events are of one second, and the readings of that second contradict one another.
        """
        if self.first is None or not self.first.num_rows:
            return True
        again = self._get_filled(self.first_url)
        change = compare(self.first, again, row_counts(self.first) | self._first_run)
        date = last_date(self.first)
        if change == "order" and date is not None and is_of_one_date(self.first):
            # Within one second, only all its events show whether some are gone or new.
            now = self._split_seconds.read_again(date, len(self.first))
            if now is None:
                self._checks.note(_FIRST_UNCERTAIN)
            return now is None or now == self._first_run
        return change != "rows"

    def are_unchanged(self) -> bool:
        """Read the first page and the one before the last unchecked boundary again. Return whether both are unchanged.

        Raises
        ------
        ReadAgain
            The same as for `first_is_unchanged`.
        """
        if self._unchecked is not None:
            url, batch, following = self._unchecked
            change = compare(batch, self._get_filled(url), row_counts(batch) + row_counts(following))
            if change == "rows" or (change == "order" and url != self.first_url and is_of_one_date(batch)):
                return False
        return self.first_is_unchanged()

    def _repeats_a_first_row(self, batch: pa.RecordBatch) -> bool:
        """Return whether a page has the first row of any earlier page, which happens if it moved by many rows."""
        known = [self._first_rows[date] for date in set(dates_of(batch).tolist()) & self._first_rows.keys()]
        rows = set().union(*known)
        return bool(known) and any(
            repr(row) in rows and not self._split_seconds.are_known(row["date"]) for row in batch.to_pylist()
        )
