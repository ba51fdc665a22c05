"""Pages that move while they are read, because events arrive in front of them.

A later page then repeats rows of an earlier one. Equal rows may also be events that truly happened twice, and those
must be kept. If all of them are of one second, reading that second on its own tells the two apart (`split_seconds`).
Otherwise, reading the earlier page again does: if it is unchanged, nothing moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import FetchChecks, row_counts
from te_audit_frames.client.page import Page
from te_audit_frames.client.restarts import MOST_RESTARTS, ReadAgain
from te_audit_frames.client.split_seconds import SplitSeconds, count_of_date

_REMEMBERED_PAGES = 3
"""How many pages are searched for rows that a later page repeats. Of all earlier ones, the first rows are."""

_PLAINLY_DIFFERENT = 8
"""A page that equals the first page and has at least this many distinct rows is the first page, read again."""

_UNCERTAIN = (
    "pages began with events equal to earlier ones, of seconds with more than a page of events or on more pages than "
    "are checked; they were kept, but the API may have repeated them"
)


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
    read_second : callable
        Reads all events of one second; see `SplitSeconds`.
    """

    def __init__(
        self,
        first_url: str,
        get: Callable[[str], Page],
        checks: FetchChecks,
        read_second: Callable[[datetime], Page | None],
    ) -> None:
        self.first_url = first_url
        self._get = get
        self._split_seconds = SplitSeconds(read_second)
        self._checks = checks
        self._recent: list[pa.RecordBatch] = []
        self._first_rows: dict[int, set[str]] = {}  # by date, of all pages
        self.first: pa.RecordBatch | None = None
        self._after_first: pa.RecordBatch | None = None
        self._last_filled: pa.RecordBatch | None = None
        # The latest page whose rows are not all equal: if such a page moves, it shows.
        self._landmark: tuple[str, pa.RecordBatch] | None = None
        self._unchecked: tuple[str, pa.RecordBatch, pa.RecordBatch] | None = None
        self._as_sent: pa.RecordBatch | None = None

    @property
    def has_unchecked_boundaries(self) -> bool:
        """Whether some repeated rows could not be checked, since only a few pages are read again."""
        return self._unchecked is not None

    @property
    def has_oldest_first(self) -> bool:
        """Whether the events of the first page are older than those of the last, by their median dates."""
        first, last = _dates(self.first), _dates(self._last_filled)
        return bool(len(first) and len(last) and np.median(first) < np.median(last))

    def settle(self, page: Page, url: str) -> tuple[Page, int]:
        """Return the page, read again if pages moved, and how many of its first rows an earlier page already had.

        Raises
        ------
        ReadAgain
            Pages moved, and which rows are repeated cannot be decided.
        """
        self._as_sent = page.batch
        repeated = self._repeated(page.batch)
        if self._landmark is None or not (repeated or self._repeats_a_first_row(page.batch)):
            return page, 0
        second = next(iter(repeated)) if len(repeated) == 1 else None
        is_free = second is not None and self._split_seconds.is_known(second)
        if not is_free and not self._checks.take_boundary_check():
            self._unchecked = *self._landmark, page.batch
            self._checks.note(_UNCERTAIN)
            return page, 0
        due = self._split_seconds.due(second, page, self._recent) if second else None
        sent = count_of_date(page.batch, second) if second else None
        if due is not None and second and sent:
            if sent <= due:
                return page, 0
            if due <= sent:
                return self._put_right(page, second, due), 0
        landmark_url, landmark = self._landmark
        before = self._get(landmark_url).batch
        if due is not None and second and sent and sent.total() == due.total() and _is_unchanged(landmark, before):
            return self._put_right(page, second, due), 0
        if due is None and before.equals(landmark):
            if second is not None:
                self._checks.note(_UNCERTAIN)
            return page, 0
        for _ in range(MOST_RESTARTS):
            # A page read between two equal readings of the landmark belongs to the same state of the log.
            page, settled = self._get(url), before
            before = self._get(landmark_url).batch
            if before.equals(settled):
                break
        else:
            raise ReadAgain("moved")
        rows = len(landmark)
        moved_by = [by for by in range(1, rows) if before.slice(by).equals(landmark.slice(0, max(len(before) - by, 0)))]
        if len(moved_by) != 1:
            raise ReadAgain("moved")
        self._landmark = landmark_url, before
        self._as_sent = page.batch
        self._checks.note("events arrived while pages were read; the rows that moved to a later page were kept once")
        return page, moved_by[0]

    def remember(self, batch: pa.RecordBatch, url: str) -> None:
        """Remember a page that was read, as `settle` returned it.

        Raises
        ------
        ReadAgain
            It is the first page once more: a cursor led back to the beginning.
        """
        sent = batch if self._as_sent is None else self._as_sent
        if self.first is None:
            self.first = sent
        elif sent.equals(self.first) and len(row_counts(sent)) >= _PLAINLY_DIFFERENT:
            raise ReadAgain("moved")
        elif self._after_first is None:
            self._after_first = sent
        if batch.num_rows:
            self._last_filled = batch
            first_row = batch.slice(0, 1)
            for date in _dates(first_row).tolist():
                self._first_rows.setdefault(date, set()).update(row_counts(first_row))
        self._recent = [*self._recent[1 - _REMEMBERED_PAGES :], batch]
        if self._landmark is None or not _is_uniform(sent):
            self._landmark = url, sent

    def first_is_unchanged(self) -> bool:
        """Read the first page again, and return whether it did not move."""
        again = self._get(self.first_url)
        return self.first is not None and _is_unchanged(self.first, again.batch, self._after_first)

    def are_unchanged(self) -> bool:
        """Reread the first page and the one before the last unchecked boundary; return whether both are unchanged."""
        if self._unchecked is not None:
            url, batch, following = self._unchecked
            if not _is_unchanged(batch, self._get(url).batch, following):
                return False
        return self.first_is_unchanged()

    def _put_right(self, page: Page, second: datetime, due: Counter[str]) -> Page:
        self._checks.note("pages repeated events of the second at their bounds; such a second was read on its own")
        return self._split_seconds.put_right(page, second, due)

    def _repeated(self, batch: pa.RecordBatch) -> set[datetime | None]:
        """Return the dates of the rows that a page has in common with the pages before it."""
        if not self._recent or not batch.num_rows:
            return set()
        before, rows = pa.Table.from_batches(self._recent), pa.Table.from_batches([batch])
        shared = pc.is_in(rows["date"], value_set=pc.unique(before["date"]))
        if not pc.any(shared).as_py():
            return set()
        candidates = rows.filter(shared)
        others = row_counts(before.filter(pc.is_in(before["date"], value_set=pc.unique(candidates["date"]))))
        return {row["date"] for row in candidates.to_pylist() if repr(row) in others}

    def _repeats_a_first_row(self, batch: pa.RecordBatch) -> bool:
        """Return whether a page has the first row of any page before it, as one does that moved by many rows."""
        known = [self._first_rows[date] for date in set(_dates(batch).tolist()) & self._first_rows.keys()]
        return bool(known) and not row_counts(batch).keys().isdisjoint(set().union(*known))


def _is_unchanged(page: pa.RecordBatch, again: pa.RecordBatch, following: pa.RecordBatch | None = None) -> bool:
    """Return whether a page that was read again is as it was, apart from the order of events of one date.

    Events of the page's last date may also have changed places with events at the start of the following page.
    """
    if again.equals(page):
        return True
    dates = page["date"]
    if dates.null_count or not again["date"].equals(dates) or dates[0] == dates[-1]:
        return False  # had the page moved, its dates would have moved too, unless all of them are equal
    inner = pc.not_equal(dates, dates[-1])
    if row_counts(page.filter(inner)) != row_counts(again.filter(inner)):
        return False
    return following is None or row_counts(again) <= row_counts(page) + row_counts(following)


def _is_uniform(batch: pa.RecordBatch) -> bool:
    """Return whether all rows are equal, so that the page would look the same if it moved."""
    return bool(batch.slice(1).equals(batch.slice(0, max(len(batch) - 1, 0))))


def _dates(batch: pa.RecordBatch | None) -> npt.NDArray[np.int64]:
    if batch is None:
        return np.zeros(0, dtype=np.int64)
    dates: npt.NDArray[np.int64] = batch["date"].drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
    return dates
