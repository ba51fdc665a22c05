"""Dates whose events stand on both sides of a page boundary of one query.

An API may put events of one date into another order for each page, or continue a page at a date instead of behind an
event. The next page then repeats some events of that date, and may lack others. Once such a date has been read on
its own (`whole_seconds`), each of its events is kept as often as that reading has it, whatever the pages of the query
bring.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import FetchChecks, row_counts
from te_audit_frames.client.page import Page
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.whole_seconds import ReadSecond, joined, of_date, others_of, read_whole, rows_of, taken
from te_audit_frames.periods import floor_second, iso

_PAGES_BEHIND = 2
"""After so many pages without a date, only other account groups are expected to have more events of it."""


@dataclass
class _Date:
    """A date that was read on its own: all of its events, and the rows that have been kept so far."""

    whole: Page
    counts: Counter[str]
    kept: Counter[str]
    sent: Counter[str]
    """The rows that the pages of the query have brought so far."""
    groups: set[str | None] | None
    """The account groups whose events are due already. None for all of them."""
    is_confirmed: bool
    """Whether the events are proven, or were compared with the pages of the query."""
    pages_without: int = 0


class SplitSeconds:
    """The dates of one query that were read on their own.

    Parameters
    ----------
    read : ReadSecond
        Reads the pages of a second.
    checks : FetchChecks
        Where notes are made.
    """

    def __init__(self, read: ReadSecond, checks: FetchChecks) -> None:
        self._read = read
        self._checks = checks
        self._dates: dict[datetime, _Date] = {}

    def decide(
        self,
        date: datetime,
        page: Page,
        kept: Counter[str],
        *,
        was_passed: bool,
        read: ReadSecond | None = None,
    ) -> bool:
        """Read a date on its own, and return whether its events are known now.

        Parameters
        ----------
        date : datetime
            The date.
        page : Page
            The page that repeats rows of it.
        kept : Counter of str
            The rows of the date that earlier pages brought.
        was_passed : bool
            Whether earlier pages had events on both sides of the date. The API may then send one account group after
            the other, and may have sent other groups' events of this date long before.
        read : ReadSecond, optional
            Returns pages that have the whole date and were read before.

        Raises
        ------
        ReadAgain
            The readings of the second contradict one another, or lack rows that pages had.
        """
        sent = row_counts(of_date(page.batch, date))
        whole = read_whole(read or self._read, date, kept | sent, len(page.batch))
        if whole is None:
            return False
        entry = _Date(whole.page, row_counts(whole.page.batch), kept.copy(), kept.copy(), None, whole.is_proven)
        if was_passed:
            entry.groups = {row["aid"] for row in whole.page.batch.to_pylist() if kept[repr(row)]}
            here = set(of_date(page.batch, date)["aid"].to_pylist())
            if not set(whole.page.batch["aid"].to_pylist()) <= entry.groups | here:
                self._checks.note(
                    f"a page repeated events of the second {iso(date)}, which has events of other account groups too; "
                    "those were not compared, since the API seems to send one group after the other"
                )
        self._dates[date] = entry
        if not whole.is_proven:
            self._checks.note(
                f"the second {iso(date)} has more than a page of events, and equal ones on several pages; two readings "
                "of it agreed and were believed, though the API may have repeated events in place of others"
            )
        return True

    def are_known(self, date: datetime | None) -> bool:
        """Return whether the events of a date are known."""
        return date in self._dates

    def keep_due(self, page: Page) -> tuple[Page, set[datetime]]:
        """Return a page with the due rows of known dates in place of its own, and the dates of which it repeated rows.

        The page has all due rows at once, even those that the API sends on later pages.

        Raises
        ------
        ReadAgain
            The pages of the query brought as many events of a date as its readings, but different ones.
        """
        repeated = set()
        dates = pc.unique(page.batch["date"]).to_pylist() if self._dates else []
        for date in self._dates.keys() & set(dates):
            entry = self._dates[date]
            own = rows_of(page, date)
            sent = row_counts(own.batch)
            # A row that the reading lacks has arrived since.
            due = (self._counts(entry, own) | sent) - entry.kept
            entry.kept += due
            entry.sent += sent
            if sent == due:
                continue
            if sent - due:
                repeated.add(date)
            from_page = taken(own, due)
            from_whole = taken(entry.whole, due - row_counts(from_page.batch))
            page = joined([from_page, from_whole, others_of(page, date)])
        for date, entry in self._dates.items():
            if not entry.is_confirmed and date not in dates:
                entry.pages_without += 1
            if not entry.is_confirmed and (entry.pages_without >= _PAGES_BEHIND or page.next_href is None):
                self._compare(date, entry)
        return page, repeated

    def _compare(self, date: datetime, entry: _Date) -> None:
        """Compare the events that two readings agreed on with those that the pages of the query brought."""
        aids = {repr(row): row["aid"] for row in entry.whole.batch.to_pylist()}
        groups = {aids.get(row) for row in entry.sent}
        there = Counter({row: count for row, count in entry.counts.items() if aids[row] in groups})
        if entry.sent != there and entry.sent.total() == there.total():
            raise ReadAgain("shuffled", floor_second(date))
        entry.is_confirmed = True

    def read_again(self, date: datetime, page_size: int) -> Counter[str] | None:
        """Read a date on its own now, and count its rows. Return None if it cannot be read."""
        whole = read_whole(self._read, date, Counter[str](), page_size)
        return None if whole is None else row_counts(whole.page.batch)

    def _counts(self, entry: _Date, own: Page) -> Counter[str]:
        """Return how often each row of a date is due, including the rows that were kept already."""
        if entry.groups is None:
            return entry.counts
        entry.groups |= set(own.batch["aid"].to_pylist())
        return row_counts(entry.whole.batch.filter(_of_groups(entry.whole, entry.groups)))


def _of_groups(page: Page, groups: set[str | None]) -> pa.BooleanArray:
    aids = page.batch["aid"]
    return pc.is_in(aids, value_set=pa.array(list(groups), aids.type))
