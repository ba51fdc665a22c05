"""Read a period in disjoint questions, each to its last page, so that no order of events is counted on."""

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
from te_audit_frames.client.page_reader import PageReader
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.periods import Period

_WORTH_SPLITTING = 3.0
"""Pages that a question must have left, by its first page, to be split."""


@dataclass(eq=False)
class _Part:
    """One question: `[low, high)` in epoch seconds."""

    low: int
    high: int
    paginator: Paginator | None = None


class DisjointReading:
    """Read `[low, high)` by questions that do not overlap.

    A question is split only by its first page, which is then thrown away: its parts are asked for instead. So each
    event comes from a question that was read from its first to its last page.

    Parameters
    ----------
    reader : PageReader
        Asks.
    low, high : int
        Epoch seconds.
    period : Period
        What the events must lie in.
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
            Some events have no date, so it cannot be told which question they belong to.
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
                assert part.paginator is not None  # noqa: S101 - it brought this page  # nosec B101
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
        """List the epoch seconds not received as a whole, as half-open ranges in ascending order."""
        return sorted((part.low, part.high) for part in self._open)

    def _take(self, part: _Part, page: Page) -> pa.RecordBatch:
        assert part.paginator is not None  # noqa: S101 - it brought this page  # nosec B101
        self._pages += 1
        self._empty += not page.batch.num_rows
        if part.paginator.pages == 1:
            self._narrow(part)
        seconds = seconds_of(page.batch)
        undated = seconds == UNDATED
        self._has_undated = self._has_undated or bool(undated.any())
        if self._has_undated and self._thrown_away:
            raise ReadAgain("undated")
        self._observe(seconds[~undated])
        chosen = undated | ((seconds >= part.low) & (seconds < part.high))
        return self._reader.keep(part.paginator, page, chosen, self._period)

    def _observe(self, dates: Seconds) -> None:
        """Note the order of dates on a page; nothing counts on it."""
        steps = np.diff(dates)
        if self.order == "none" or not steps.any():
            return
        back = int((np.maximum.accumulate(dates) - dates).max())
        forth = int((dates - np.minimum.accumulate(dates)).max())
        if min(back, forth) > MARGIN_SECONDS:
            self.order = "none"
        elif self.order == "unknown":
            self.order = "newest first" if back > forth else "oldest first"

    def _narrow(self, part: _Part) -> None:
        """Ask in turn for what the answer does not cover."""
        assert part.paginator is not None  # noqa: S101 - it brought this page  # nosec B101
        low, high = self._reader.covered(part.paginator, part.low, part.high)
        rest = [_Part(since, until) for since, until in ((part.low, low), (high, part.high)) if since < until]
        part.low, part.high = low, high
        self._open += rest
        self._waiting.extend(rest)

    def _split(self, part: _Part, page: Page, *, idle: int) -> list[_Part]:
        """Divide a question among idle workers, if its first page promises many more."""
        paginator = part.paginator
        assert paginator is not None  # noqa: S101 - it brought this page  # nosec B101
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
            # An API that rounds ranges to the minute loses nothing at bounds on whole minutes.
            bounds[1:-1] = [bound - bound % 60 for bound in bounds[1:-1]]
        pieces = [_Part(low, high) for low, high in pairwise(bounds)]
        self._open.remove(part)
        self._open += pieces
        return pieces
