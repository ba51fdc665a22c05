"""Reading a period with separate queries, each to its last page, without relying on any order of events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from te_audit_frames.client.date_order import MARGIN_SECONDS
from te_audit_frames.client.epoch import UNDATED, Seconds, seconds_of
from te_audit_frames.client.page import Page
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.periods import Period

_WORTH_SPLITTING = 3.0
"""A query is split only if its first page suggests that it has at least this many pages."""


@dataclass(eq=False)
class _Part:
    """The part of the period that one query asks for: `[low, high)` in epoch seconds."""

    low: int
    high: int
    paginator: Paginator | None = None


class DisjointReading:
    """Reads `[low, high)` with queries that do not overlap.

    A query may be split once its first page has arrived. That page is then thrown away, and the parts are asked for
    instead. So every event comes from a query that was read from its first to its last page.

    Parameters
    ----------
    reader : PageReader
        Sends the queries.
    low, high : int
        Epoch seconds, half-open.
    period : Period
        Events outside this period are left out.
    """

    def __init__(self, reader: PageReader, low: int, high: int, period: Period) -> None:
        self._reader = reader
        self._period = period
        self._low = low
        self._open: list[_Part] = [_Part(low, high)]
        self._waiting: deque[_Part] = deque()
        self._thrown_away = 0
        self._pages = 0
        self._empty = 0
        self._has_undated = False
        self.order = "unknown"

    def batches(self, paginator: Paginator, first: Page) -> Iterator[pa.RecordBatch]:
        """Read everything, from the first answer on.

        Raises
        ------
        ReadAgain
            Some events have no date, and a query was split, so it is unknown which part they belong to.
        """
        whole = self._open[0]
        whole.paginator = paginator
        waiting = self._waiting
        under_way: dict[Future[Page], _Part] = {}
        arrived = [(whole, first)]
        while waiting or under_way or arrived:
            batches = []
            for part, page in arrived:
                pieces = self._split(part, page, idle=self._reader.number_of_workers - len(under_way) - len(waiting))
                if pieces:
                    waiting.extend(pieces)
                    continue
                batches.append(self._take(part, page))
                assert part.paginator is not None  # noqa: S101 - it delivered this page  # nosec B101
                if part.paginator.more:
                    waiting.appendleft(part)
                else:
                    self._open.remove(part)
                    if part.low == self._low:
                        self._reader.check_start(part.paginator)
            while waiting and len(under_way) < self._reader.number_of_workers:
                part = waiting.popleft()
                part.paginator = part.paginator or self._reader.ask_seconds(part.low, part.high)
                under_way[self._reader.submit(part.paginator)] = part
            yield from batches
            arrived = [(under_way.pop(future), future.result()) for future in self._reader.run(under_way)]

    def missing(self) -> list[tuple[int, int]]:
        """Return the epoch seconds not completely received, as half-open ranges in ascending order."""
        return sorted((part.low, part.high) for part in self._open)

    def _take(self, part: _Part, page: Page) -> pa.RecordBatch:
        assert part.paginator is not None  # noqa: S101 - it delivered this page  # nosec B101
        self._pages += 1
        self._empty += not page.batch.num_rows
        if part.paginator.pages == 1:
            self._put_off_the_rest(part)
        seconds = seconds_of(page.batch)
        undated = seconds == UNDATED
        self._has_undated = self._has_undated or bool(undated.any())
        if self._has_undated and self._thrown_away:
            raise ReadAgain("undated")
        self._observe(seconds[~undated])
        chosen = undated | ((seconds >= part.low) & (seconds < part.high))
        return self._reader.keep(part.paginator, page, chosen, self._period)

    def _observe(self, dates: Seconds) -> None:
        """Note the order of dates on a page, for the receipt."""
        steps = np.diff(dates)
        if self.order == "none" or not steps.any():
            return
        back = int((np.maximum.accumulate(dates) - dates).max())
        forth = int((dates - np.minimum.accumulate(dates)).max())
        if min(back, forth) > MARGIN_SECONDS:
            self.order = "none"
        elif self.order == "unknown":
            self.order = "newest first" if back > forth else "oldest first"

    def _put_off_the_rest(self, part: _Part) -> None:
        """Put off the range that the answer does not cover, to be asked for separately."""
        assert part.paginator is not None  # noqa: S101 - it delivered this page  # nosec B101
        low, high = self._reader.covered(part.paginator, part.low, part.high)
        rest = [_Part(since, until) for since, until in ((part.low, low), (high, part.high)) if since < until]
        part.low, part.high = low, high
        self._open += rest
        self._waiting.extend(rest)

    def _split(self, part: _Part, page: Page, *, idle: int) -> list[_Part]:
        """Split a query among idle workers, if its first page suggests many more."""
        paginator = part.paginator
        assert paginator is not None  # noqa: S101 - it delivered this page  # nosec B101
        length = part.high - part.low
        allowed = self._reader.number_of_workers + 0.1 * (self._pages - self._empty)
        if (
            paginator.pages > 1
            or not paginator.more
            or idle < 1
            or length < 2
            or self._thrown_away + self._empty >= allowed
        ):
            return []
        seconds = seconds_of(page.batch)
        seconds = seconds[seconds != UNDATED]
        if not len(seconds):
            return []
        pages = length / (int(np.ptp(seconds)) + 1)
        number = min(idle + 1, length, int(pages))
        if number < 2 or pages < _WORTH_SPLITTING:
            return []
        self._thrown_away += 1
        bounds = [part.low + length * step // number for step in range(number + 1)]
        if length >= 120 * number:
            # Cut at whole minutes, so that an API that rounds ranges to the minute loses nothing.
            bounds[1:-1] = [bound - bound % 60 for bound in bounds[1:-1]]
        pieces = [_Part(low, high) for low, high in pairwise(bounds)]
        self._open.remove(part)
        self._open += pieces
        return pieces
