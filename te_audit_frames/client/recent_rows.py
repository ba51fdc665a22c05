"""The rows of the latest pages of one query, for noticing that a later page repeats some of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import FetchChecks

_REMEMBERED_PAGES = 3

_MOST_ROWS = 50_000
"""If a date has more rows, only those on the remembered pages are compared, so that memory stays small."""

_TOO_MANY = (
    f"a second has more than {_MOST_ROWS:,} events; only those on neighbouring pages were compared, so the API may "
    "have repeated some of them in place of others"
)

Date = datetime | None


class RecentRows:
    """The rows of the latest pages, and all rows of the dates that go on from page to page.

    Parameters
    ----------
    checks : FetchChecks
        Where a note is made if a date has too many rows.
    """

    def __init__(self, checks: FetchChecks) -> None:
        self._checks = checks
        self._pages: list[pa.RecordBatch] = []
        self._kept: dict[Date, Counter[str]] = {}

    def repeated(self, batch: pa.RecordBatch) -> dict[Date, Counter[str]]:
        """Return the dates of which a page repeats rows, each with the rows of that date on the pages before.

        Events of one date may fill many pages. As long as every page has that date, all of them are compared.
        """
        if not self._pages or not batch.num_rows:
            return {}
        before = pa.Table.from_batches(self._pages)
        shared = pc.is_in(batch["date"], value_set=pc.unique(before["date"]))
        if not pc.any(shared).as_py():
            self._kept = {}
            return {}
        sent = _by_date(batch.filter(shared))
        new = _by_date(_of_dates(before, sent.keys() - self._kept.keys()))
        self._kept = {date: self._kept.get(date) or new[date] for date in sent}
        return {date: self._kept[date] for date, rows in sent.items() if not rows.keys().isdisjoint(self._kept[date])}

    def remember(self, batch: pa.RecordBatch) -> None:
        """Remember the rows of a page, after `repeated` was called for it."""
        self._pages = [*self._pages[1 - _REMEMBERED_PAGES :], batch]
        if not self._kept:
            return
        for date, rows in _by_date(_of_dates(batch, self._kept.keys())).items():
            self._kept[date] += rows
            if self._kept[date].total() > _MOST_ROWS:
                del self._kept[date]
                self._checks.note(_TOO_MANY)


def _of_dates(rows: pa.RecordBatch | pa.Table, dates: Iterable[Date]) -> pa.RecordBatch | pa.Table:
    wanted = pa.array(list(dates), rows.schema.field("date").type)
    return rows.filter(pc.is_in(rows["date"], value_set=wanted))


def _by_date(rows: pa.RecordBatch | pa.Table) -> dict[Date, Counter[str]]:
    """Count the equal rows of each date."""
    counts: dict[Date, Counter[str]] = defaultdict(Counter)
    for row in rows.to_pylist():
        counts[row["date"]][repr(row)] += 1
    return counts
