"""One fetch: its first query, how the rest of the period is read, what is checked, and when it is read again."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Generator, Iterator
from datetime import timedelta

import pyarrow as pa

from te_audit_frames.client.account_groups import come_in_one_order
from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.disjoint_reading import DisjointReading
from te_audit_frames.client.epoch import instant, join_ranges, second_range
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.period_resolution import FirstAnswer, ask_period, ask_since, ask_window, provisional_period
from te_audit_frames.client.restarts import MOST_RESTARTS, ReadAgain, Strategy, cannot_restart, gives_up
from te_audit_frames.client.sliced_reading import SlicedReading
from te_audit_frames.client.spot_checks import SpotChecks
from te_audit_frames.client.stats import FetchStats
from te_audit_frames.client.transport import Transport
from te_audit_frames.errors import BadRequest, InvalidArgument, PaginationError
from te_audit_frames.periods import Period, Question, Window, iso

_log = logging.getLogger("te_audit_frames")


class Fetch:
    """One fetch from its first request to its last.

    Parameters
    ----------
    question : Question
        The range of time asked for: a period, a window, or a start.
    scope : dict of str
        The parameters that are not about time.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold.
    workers : int
        How many requests may be under way at once.
    verify : {"spot", "full"}
        Whether to rely on the order of events and check samples, or to read every query to its last page.
    transport : Transport
        Sends the requests.
    context : FetchContext
        Deadline, cancellation, clock, progress and counters of this fetch.

    Attributes
    ----------
    period : Period or None
        The period that the question resolved to. None before the first answer to a window or start.
    checks : FetchChecks
        What was checked.
    """

    def __init__(
        self,
        question: Question,
        scope: dict[str, str],
        *,
        errors: Errors,
        workers: int,
        verify: str,
        transport: Transport,
        context: FetchContext,
    ) -> None:
        self._question = question
        self._pacer = transport.pacer
        self._clock = context.clock
        self._context = context
        self._progress = context.progress
        self.checks = FetchChecks()
        self._reader = PageReader(
            scope,
            errors=errors,
            workers=workers,
            transport=transport,
            context=context,
            checks=self.checks,
            share_done=self._share_done,
        )
        self._strategy = Strategy(
            trusts_order=verify == "spot",
            one_query=workers == 1,
            spot_checks=workers > 1 and verify == "spot",
        )
        self._groups_are_merged: bool | None = None if "useAllPermittedAids" in scope else True
        self._readings: list[SlicedReading | DisjointReading] = []
        self._pending: deque[tuple[int, int]] = deque()  # epoch seconds still to be asked for
        self._process = os.getpid()
        self._order_before = "unknown"
        self.period: Period | None = None

    @property
    def stats(self) -> FetchStats:
        """Every counter of the fetch."""
        return self._context.stats

    @property
    def _resolved(self) -> Period:
        assert self.period is not None  # noqa: S101 - the first answer resolved it  # nosec B101
        return self.period

    @property
    def order(self) -> str:
        """The order of dates as observed."""
        if self._order_before == "none":
            return "none"  # observed before everything was read again
        orders = [reading.order for reading in self._readings if reading.order != "unknown"]
        return "none" if "none" in orders else orders[0] if orders else self._order_before

    def batches(self, *, restartable: bool) -> Generator[pa.RecordBatch | None, None, None]:
        """Fetch everything, batch by batch, in the order of arrival.

        Parameters
        ----------
        restartable : bool
            Whether the caller can drop the batches it has, if everything has to be read again.

        Yields
        ------
        pyarrow.RecordBatch or None
            Events of the period. None means: drop all batches so far, because they are read again.

        Raises
        ------
        FetchError
            The fetch cannot be completed. The first failure stops all workers.
        """
        self._progress.open()
        restarts = 0
        try:
            while True:
                try:
                    for batch in self._attempt(restartable=restartable):
                        yield batch
                        self._check_process()
                    self._progress.finish()
                    return
                except ReadAgain as again:
                    restarts += 1
                    is_too_late = not restartable and self.stats.events > 0
                    self._start_again(again)
                    if is_too_late:
                        raise cannot_restart(again.reason) from None
                    if restarts > MOST_RESTARTS:
                        raise gives_up(again, restarts) from None
                yield None
        finally:
            self._context.stop()
            self._pacer.wake()
            self._reader.stop()
            self._progress.close()

    def missing(self) -> list[Period]:
        """Return the periods whose events may be missing from the batches so far: in UTC, half-open, ascending."""
        if self.period is None:
            return [provisional_period(self._question, self._clock)]
        gaps = [gap for reading in self._readings for gap in reading.missing()] + list(self._pending)
        bounds = [(instant(low), instant(high)) for low, high in join_ranges(gaps)]
        clipped = [(max(low, self.period.start), min(high, self.period.end)) for low, high in bounds]
        return [Period(low, high) for low, high in clipped if low < high]

    def _share_done(self) -> float:
        """Return the share of the period that is not missing, from 0 to 1."""
        if self.period is None or self.period.start == self.period.end:
            return 0.0
        left = sum((end - start for start, end in self.missing()), timedelta())
        return 1 - left / (self.period.end - self.period.start)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise InvalidArgument(
                "batches: this fetch began in another process, and its threads do not exist here. Start the fetch in "
                "the process that reads it."
            )

    # ---- the course of a fetch -------------------------------------------------------------------------------------

    def _attempt(self, *, restartable: bool) -> Iterator[pa.RecordBatch]:
        """Read everything once."""
        self._check_process()
        first = self._first_answer()
        self.period = first.period
        if self.period.start == self.period.end:
            self._pending.clear()
            return  # the start is the present
        self._pending = deque(first.split_off_last_minute())
        low, high = self._pending[0]
        may_move = self._strategy.pages_moved and first.paginator.more
        if first.is_usable and not may_move and not self._is_for_another_range(first.paginator, low, high):
            self._pending.popleft()
            yield from self._read(low, high, first.paginator, first.page, restartable=restartable)
        yield from self._read_pending(restartable=restartable)

    def _first_answer(self) -> FirstAnswer:
        period = self.period or self._question
        if isinstance(period, Period):
            self.period = period
            self._pending = deque([second_range(period)])
            return ask_period(self._reader, period, self._clock, self.checks)
        if isinstance(period, Window):
            return ask_window(self._reader, period, self._clock, self.checks)
        return ask_since(self._reader, period, self._clock, self.checks)

    def _is_for_another_range(self, paginator: Paginator, low: int, high: int) -> bool:
        """Return whether the answer to a window covers too little of the period to be used.

        The period ends at the earlier of two clocks, but the server counts back from its own. If the window is
        shorter than the difference between the clocks, the server answers for a later range.
        """
        if isinstance(self._question, Period):
            return False
        try:
            self._reader.covered(paginator, low, high)
        except PaginationError:
            return True
        return False

    def _read_pending(self, *, restartable: bool) -> Iterator[pa.RecordBatch]:
        while self._pending:
            low, high = self._pending[0]
            paginator = self._reader.ask_seconds(low, high)
            try:
                page = self._reader.next_page(paginator)
            except BadRequest:
                if not self.checks.is_before_retention(instant(high)):
                    raise
                self.checks.note(f"the API refuses to answer for the time before {iso(instant(high))}")
                self._pending.popleft()
                continue
            self._pending.popleft()
            yield from self._read(low, high, paginator, page, restartable=restartable)
        sliced = [reading for reading in self._readings if isinstance(reading, SlicedReading)]
        if self._strategy.spot_checks and any(reading.seams.exist for reading in sliced):
            self._pending = deque([second_range(self._resolved)])  # all of it is missing until it is checked
            yield from SpotChecks(self._reader, self.checks).compare(sliced, self._resolved)
            self._pending.clear()

    def _read(
        self, low: int, high: int, paginator: Paginator, page: Page, *, restartable: bool
    ) -> Iterator[pa.RecordBatch]:
        """Read `[low, high)`, in epoch seconds, from its first answer on; put off what that answer does not cover."""
        whole = low, high
        self._pending.appendleft(whole)  # it is missing if the answer turns out to be of no use
        low, high = self._reader.covered(paginator, low, high)
        self._pending.popleft()
        self._pending.extendleft(
            (since, until) for since, until in ((high, whole[1]), (whole[0], low)) if since < until
        )
        one_query = self._strategy.one_query
        cuts_are_safe = not paginator.more or one_query or self._are_groups_merged(page)
        reading: SlicedReading | DisjointReading
        if one_query or (self._strategy.trusts_order and cuts_are_safe):
            reading = SlicedReading(
                self._reader,
                low,
                high,
                self._resolved,
                pacer=self._pacer,
                asked=self._reader.asked(paginator, low, high),
                may_cut=not one_query,
                restartable=restartable,
            )
        else:
            _log.info("reading %s to %s with separate queries", iso(instant(low)), iso(instant(high)))
            reading = DisjointReading(self._reader, low, high, self._resolved)
        self._readings.append(reading)
        yield from reading.batches(paginator, page)
        if isinstance(reading, SlicedReading):
            self._pending.extendleft(reading.rest)
            reading.rest = []

    def _are_groups_merged(self, page: Page) -> bool:
        """Return whether the events of all account groups are known to come in one order of dates."""
        if self._groups_are_merged is None:
            self._groups_are_merged = come_in_one_order(page.batch, self._reader.transport, self._context)
            if not self._groups_are_merged:
                self.checks.note(
                    "it is not certain that the events of all account groups come in one order, so every query was "
                    "read to its last page"
                )
        return self._groups_are_merged

    def _start_again(self, again: ReadAgain) -> None:
        """Forget everything that was read, and rely on less from now on."""
        self._order_before = "none" if again.reason == "disorder" else self.order
        self._strategy = self._strategy.after(again.reason)
        self._readings = []
        self._pending = deque([second_range(self._resolved)])
        self._reader.begin_again()
