"""What one fetch has checked so far: the counts and notes for its receipt, and how many checks it may still make."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TOLERANCE = timedelta(minutes=1)
"""Ranges that differ by less than this count as equal."""

YOUNG = timedelta(minutes=15)
"""If only a second reading finds an event younger than this, it may simply have arrived after the first."""

MOST_BOUNDARY_CHECKS = 5
"""A fetch checks at most so many page boundaries, not counting those that it corrects by reading a second alone."""

MOST_CROWDED_PAGES = 100
"""A fetch reads at most so many pages of seconds that do not fit on one, not counting the first of each reading."""

_RETENTION = timedelta(days=730)
_RETENTION_TOLERANCE = timedelta(days=3)


@dataclass
class FetchChecks:
    """What one fetch has checked so far. Its workers share it.

    Attributes
    ----------
    now : datetime or None
        The time of the fetch, chosen from the server's and the local clock. None before the first answer.
    believes_ranges : bool
        False once the rows of an answer have contradicted the range that it states.
    answers_are_partial : bool
        Whether an answer covered less than it was asked for.
    clock_ahead_seconds : float or None
        How far the server's clock is ahead of the local one.
    ranges, ranges_unconfirmed : int
        Answers with a range that fits their query, and answers without one that can be believed.
    seams : int
        Cuts at which the events on both sides were compared.
    margin_seconds : int or None
        The least number of seconds that a slice read past its cut.
    windows, window_events : int
        Windows that were read a second time, and the events found there.
    differences : list of str
        What a second reading found.
    notes : list of str
        Notes for the receipt.
    refuses_larger_pages : bool
        Whether the server refused larger pages when a second was read on its own.
    """

    now: datetime | None = None
    believes_ranges: bool = True
    answers_are_partial: bool = False
    clock_ahead_seconds: float | None = None
    ranges: int = 0
    ranges_unconfirmed: int = 0
    seams: int = 0
    margin_seconds: int | None = None
    windows: int = 0
    window_events: int = 0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    refuses_larger_pages: bool = False
    _boundary_checks_left: int = MOST_BOUNDARY_CHECKS
    _crowded_pages_left: int = MOST_CROWDED_PAGES
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, ranges: int = 0, ranges_unconfirmed: int = 0) -> None:
        """Add to the counts. Any thread may call this."""
        with self._lock:
            self.ranges += ranges
            self.ranges_unconfirmed += ranges_unconfirmed

    def note(self, text: str) -> None:
        """Add a note to the receipt, unless it is there already."""
        with self._lock:
            if text not in self.notes:
                self.notes.append(text)

    def differ(self, text: str) -> None:
        """Record what a second reading found."""
        with self._lock:
            self.differences.append(text)

    def take_boundary_check(self) -> bool:
        """Return whether one more page boundary may be checked, and count it."""
        with self._lock:
            if self._boundary_checks_left < 1:
                return False
            self._boundary_checks_left -= 1
            return True

    def give_back_boundary_check(self) -> None:
        """Do not count the latest check of a page boundary, because a second read on its own corrected the page."""
        with self._lock:
            self._boundary_checks_left += 1

    def take_crowded_page(self) -> bool:
        """Return whether one more page of seconds that do not fit on a page may be read, and count it."""
        with self._lock:
            if self._crowded_pages_left < 1:
                return False
            self._crowded_pages_left -= 1
            return True

    def begin_again(self) -> None:
        """Forget the counts of cuts, windows and checks of pages, because their reading is thrown away."""
        with self._lock:
            self.seams = self.windows = self.window_events = 0
            self.margin_seconds = None
            self._boundary_checks_left = MOST_BOUNDARY_CHECKS
            self._crowded_pages_left = MOST_CROWDED_PAGES

    def is_before_retention(self, end: datetime) -> bool:
        """Return whether a range that ends at this moment is older than what the API keeps."""
        return self.now is not None and end <= self.now - _RETENTION + _RETENTION_TOLERANCE

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types, for `Receipt.checked`."""
        names = ("ranges", "ranges_unconfirmed", "seams", "margin_seconds", "windows", "window_events", "differences")
        return {name: getattr(self, name) for name in names} | {"clock_ahead_seconds": self.clock_ahead_seconds}


def row_counts(rows: pa.RecordBatch | pa.Table) -> Counter[str]:
    """Count equal rows, so that two readings can be compared as multisets."""
    return Counter(map(repr, rows.to_pylist()))


def pick(rows: pa.RecordBatch | pa.Table, wanted: Counter[str]) -> pa.Table:
    """Return as many copies of each row as `wanted` counts."""
    left = wanted.copy()
    chosen = []
    for row in map(repr, rows.to_pylist()):
        chosen.append(left[row] > 0)
        left[row] -= 1
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    return table.filter(pa.array(chosen, pa.bool_()))


def older_than(rows: pa.Table, moment: datetime) -> int:
    """Return the number of rows dated before a moment."""
    older = pc.less(rows["date"], pa.scalar(moment, rows.schema.field("date").type))
    return int(pc.sum(older, min_count=0).as_py() or 0)
