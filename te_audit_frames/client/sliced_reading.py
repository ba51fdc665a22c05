"""Reading a period in slices that are cut while it is read. This relies on the order of events.

Only the caller's thread decides: it gives single requests to a pool of workers, accounts for each page that arrives,
and cuts slices for workers that would be idle. So nothing here needs a lock.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future

import pyarrow as pa

from te_audit_frames.client.date_order import Disorder
from te_audit_frames.client.epoch import UNDATED, instant, seconds_of
from te_audit_frames.client.page import Page
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.rate_limit import Pacer
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.seams import Seams
from te_audit_frames.client.slice import Slice
from te_audit_frames.client.slicing import Slicing
from te_audit_frames.periods import Period, iso

_log = logging.getLogger("te_audit_frames")


class SlicedReading:
    """Reads `[low, high)` in slices.

    Parameters
    ----------
    reader : PageReader
        Sends the queries.
    low, high : int
        Epoch seconds, half-open.
    period : Period
        Events outside this period are left out.
    pacer : Pacer
        Decides how many requests may be sent.
    asked : tuple of int
        The epoch seconds in which rows of the first answer may lie, at least `[low, high)`.
    may_cut : bool
        False to read a single slice to its last page.
    restartable : bool
        Whether the caller can drop the batches it has, if everything has to be read again.

    Attributes
    ----------
    rest : list of (int, int)
        The epoch seconds that answers did not cover, to be asked for separately.
    seams : Seams
        The rows on both sides of each cut.
    """

    def __init__(
        self,
        reader: PageReader,
        low: int,
        high: int,
        period: Period,
        *,
        pacer: Pacer,
        asked: tuple[int, int],
        may_cut: bool,
        restartable: bool,
    ) -> None:
        self._reader = reader
        self._period = period
        self._pacer = pacer
        self._restartable = restartable
        self._slicing = Slicing(low, high, workers=reader.number_of_workers, asked=asked)
        self._slicing.may_cut = may_cut and reader.number_of_workers > 1
        self._first: Paginator | None = None
        self._in_hand: list[tuple[Slice, int]] = []
        self.rest: list[tuple[int, int]] = []
        self.seams = Seams(self._slicing)

    @property
    def order(self) -> str:
        """The order of dates as observed."""
        return self._slicing.order

    def missing(self) -> list[tuple[int, int]]:
        """Return the epoch seconds whose events may be missing from the batches so far, as half-open ranges."""
        # Pages in hand are accounted for, but their batches may not have reached the caller yet.
        in_hand = [self._slicing.doubtful(part, since=before) for part, before in self._in_hand]
        return self._slicing.missing() + in_hand + self.rest

    def batches(self, paginator: Paginator, first: Page) -> Iterator[pa.RecordBatch]:
        """Read everything, from the first answer on.

        Raises
        ------
        ReadAgain
            The events are not in the order of their dates, some have no date although slices were cut, or pages moved.
        """
        whole = self._slicing.whole
        paginators = {whole: paginator}
        waiting: deque[Slice] = deque()
        under_way: dict[Future[Page], Slice] = {}
        arrived = [(whole, first)]
        while waiting or under_way or arrived:
            batches = []
            for part, page in arrived:
                kept, finished = self._account(part, paginators[part], page)
                batches.append(kept)
                if finished:
                    self._check_start(part, paginators.pop(part))
                else:
                    waiting.append(part)
            workers = self._reader.number_of_workers
            while waiting and len(under_way) < workers:
                self._send(waiting.popleft(), paginators, under_way)
            idle = workers - len(under_way)
            if idle and under_way:
                free = self._pacer.free(under_way=len(under_way), wanted=self._slicing.pages_left)
                for part in self._slicing.cut(min(idle, free), self._pacer.permits):
                    _log.debug(
                        "cut: %s to %s becomes a slice of its own", iso(instant(part.low)), iso(instant(part.high))
                    )
                    paginators[part] = self._reader.ask_seconds(part.low, part.high)
                    self._send(part, paginators, under_way)
            yield from batches
            self._in_hand.clear()
            arrived = [(under_way.pop(future), future.result()) for future in self._reader.run(under_way)]
        self._reader.checks.margin_seconds = _least(self._reader.checks.margin_seconds, self._slicing.margin)

    def _send(self, part: Slice, paginators: dict[Slice, Paginator], under_way: dict[Future[Page], Slice]) -> None:
        under_way[self._reader.submit(paginators[part])] = part

    def _account(self, part: Slice, paginator: Paginator, page: Page) -> tuple[pa.RecordBatch, bool]:
        if paginator.pages == 1 and part is not self._slicing.whole:
            low, high = self._slicing.times(part.a, part.b)
            self.rest += self._slicing.narrow(part, *self._reader.covered(paginator, low, high))
        self._in_hand.append((part, part.pos))
        seconds = seconds_of(page.batch)
        if (seconds == UNDATED).any():
            # Several slices may return the same event without a date, so there must be only one slice.
            if self._slicing.is_sliced:
                raise ReadAgain("undated")
            self._slicing.may_cut = False
        try:
            keep, finished = self._slicing.receive(part, seconds, more=paginator.more)
        except Disorder:
            raise ReadAgain("disorder") from None
        if self.order == "none" and self._restartable and self._slicing.may_cut and paginator.more:
            raise ReadAgain("disorder")
        self.seams.note(part, page.batch, seconds)
        return self._reader.keep(paginator, page, keep, self._period), finished

    def _check_start(self, part: Slice, paginator: Paginator) -> None:
        if self._slicing.times(part.a, part.b)[0] == self._slicing.start:
            self._reader.check_start(paginator)


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)
