"""Seconds whose events stand on both sides of a page boundary, read with a query of their own.

An API may put events of one date into another order for each page, or continue a page at a date instead of behind an
event. The next page then repeats some events of that second, and may lack others. The second alone, on a single page,
shows how often each of its events happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import row_counts
from te_audit_frames.client.page import Page


class SplitSeconds:
    """The seconds of one query that lie on both sides of a page boundary.

    Parameters
    ----------
    read : callable
        Reads the page of all events of a second, given as a date of it. It returns None if a single page does not hold
        them all.
    """

    def __init__(self, read: Callable[[datetime], Page | None]) -> None:
        self._read = read
        self._known: dict[datetime, Page | None] = {}

    def is_known(self, date: datetime) -> bool:
        """Return whether this date was read, so that it costs no other request."""
        return self._known.get(date) is not None

    def due(self, date: datetime, page: Page, before: Sequence[pa.RecordBatch]) -> Counter[str] | None:
        """Return the rows of a date that are still to come after the pages before; None if that is not known.

        Parameters
        ----------
        date : datetime
            The date.
        page : Page
            The page whose rows are in question. Only its account groups and those of the pages before are looked at,
            since the events of others may come elsewhere.
        before : sequence of RecordBatch
            The pages before it.
        """
        if date not in self._known:
            self._known[date] = self._read(date)
        whole = self._known[date]
        if whole is None:
            return None
        came = _of_date(pa.Table.from_batches(before), date)
        groups = pc.unique(pa.chunked_array([*came["aid"].chunks, *_of_date(page.batch, date)["aid"].chunks]))
        there = _of_date(whole.batch, date)
        there = there.filter(pc.is_in(there["aid"], value_set=groups))
        if not row_counts(came) <= row_counts(there):
            return None  # it does not hold what the pages before had, so it does not hold all
        return row_counts(there) - row_counts(came)

    def put_right(self, page: Page, date: datetime, due: Counter[str]) -> Page:
        """Return a page with exactly these rows of a date, and its other rows as they are."""
        whole = self._known[date]
        assert whole is not None  # noqa: S101 - `due` was found on it  # nosec B101
        left = due.copy()
        kept = _chosen(page, lambda row: row["date"] != date or _take(left, row))
        added = _chosen(whole, lambda row: row["date"] == date and _take(left, row))
        return replace(
            page,
            batch=pa.concat_batches([added.batch, kept.batch]),
            coerced=(*added.coerced, *(len(added.batch) + position for position in kept.coerced)),
        )


def count_of_date(batch: pa.RecordBatch, date: datetime) -> Counter[str]:
    """Count the equal rows of a date on a page."""
    return row_counts(_of_date(batch, date))


def _of_date(rows: pa.RecordBatch | pa.Table, date: datetime) -> pa.Table:
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    return table.filter(pc.equal(table["date"], pa.scalar(date, table.schema.field("date").type)))


def _chosen(page: Page, is_chosen: Callable[[dict[str, object]], bool]) -> Page:
    """Return a page with the chosen rows only."""
    chosen = [is_chosen(row) for row in page.batch.to_pylist()]
    return replace(
        page,
        batch=page.batch.filter(pa.array(chosen, pa.bool_())),
        coerced=tuple(sum(chosen[:position]) for position in page.coerced if chosen[position]),
    )


def _take(left: Counter[str], row: dict[str, object]) -> bool:
    left[repr(row)] -= 1
    return left[repr(row)] >= 0
