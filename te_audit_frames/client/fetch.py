"""One fetch: what is asked for first, how the rest is read, what is checked, and when it is read again."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Generator, Iterator
from datetime import timedelta

import pyarrow as pa

from te_audit_frames.client.account_groups import interleaved, list_account_groups
from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.disjoint_reading import DisjointReading
from te_audit_frames.client.fetch_checks import (
    MOST_RESTARTS,
    FetchChecks,
    ReadAgain,
)
from te_audit_frames.client.first_answer import FirstAnswer, ask_period, ask_since, ask_window
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.page_reader import PageReader, epoch_second, epoch_seconds, instant
from te_audit_frames.client.pagination import Paginator
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
        What of time is asked for.
    scope : dict of str
        The parameters that are not about time.
    errors : {"raise", "coerce"}
        What a value does that its column cannot hold.
    workers : int
        How many requests may be under way at once.
    verify : {"spot", "full"}
        Whether to count on the order of events and check samples, or to read every question to its last page.

    Attributes
    ----------
    period : Period or None
        What the question resolved to. None before the first answer of a window.
    stats : FetchStats
        Every counter of the fetch.
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
        self._scope = scope
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
        self._order_is_trusted = verify == "spot"
        self._one_question = workers == 1
        self._spot_checks = workers > 1 and verify == "spot"
        self._groups_are_safe: bool | None = None if "useAllPermittedAids" in scope else True
        self._readings: list[SlicedReading | DisjointReading] = []
        self._pending: deque[tuple[int, int]] = deque()
        self._process = os.getpid()
        self._order_seen = "unknown"
        self._pages_moved = False
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
        if self._order_seen == "none":
            return "none"  # as was found before everything was read again
        orders = [reading.order for reading in self._readings if reading.order != "unknown"]
        return "none" if "none" in orders else orders[0] if orders else self._order_seen

    def batches(self, *, restartable: bool) -> Generator[pa.RecordBatch | None, None, None]:
        """Fetch everything, batch by batch, in the order of arrival.

        Parameters
        ----------
        restartable : bool
            Whether what was handed out can be taken back, if it has to be read again.

        Yields
        ------
        pyarrow.RecordBatch or None
            Events of the period; None means: forget all batches up to here, they are read again.

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
                    self._prepare(again)
                    if is_too_late:
                        raise _too_late(again) from None
                    if restarts > MOST_RESTARTS:
                        raise PaginationError(
                            f"the log changed while it was read, {restarts} times over. Ask for a period that ends "
                            "earlier, or for shorter ones."
                        ) from None
                yield None
        finally:
            self._context.stop()
            self._pacer.wake()
            self._reader.stop()
            self._progress.close()

    def missing(self) -> list[Period]:
        """List the periods that the batches so far do not vouch for, in UTC, half-open and ascending."""
        if self.period is None:
            return [self._unresolved()]
        gaps = [gap for reading in self._readings for gap in reading.missing()] + list(self._pending)
        bounds = [(instant(low), instant(high)) for low, high in merged(gaps)]
        clipped = [(max(low, self.period.start), min(high, self.period.end)) for low, high in bounds]
        return [Period(low, high) for low, high in clipped if low < high]

    def _share_done(self) -> float:
        """Return the share of the period that is vouched for, from 0 to 1."""
        if self.period is None or self.period.start == self.period.end:
            return 0.0
        left = sum((end - start for start, end in self.missing()), timedelta())
        return 1 - left / (self.period.end - self.period.start)

    def _unresolved(self) -> Period:
        if isinstance(self._question, Period):
            return self._question
        now = self._clock.now()
        start = now - self._question.length if isinstance(self._question, Window) else self._question.start
        return Period(min(start, now), now)

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise InvalidArgument(
                "batches: this fetch was begun in another process, whose threads are not here. Begin it in the "
                "process that reads it."
            )

    # ---- the course of a fetch -------------------------------------------------------------------------------------

    def _attempt(self, *, restartable: bool) -> Iterator[pa.RecordBatch]:
        """Read everything once."""
        self._check_process()
        first = self._first_answer()
        self.period = first.period
        self._pending = deque(first.split_off_last_minute())
        low, high = self._pending[0]
        may_move = self._pages_moved and first.paginator.more
        if first.is_usable and not may_move and not self._is_answered_elsewhere(first.paginator, low, high):
            self._pending.popleft()
            yield from self._read(low, high, first.paginator, first.page, restartable=restartable)
        yield from self._read_pending(restartable=restartable)

    def _first_answer(self) -> FirstAnswer:
        period = self.period or self._question
        if isinstance(period, Period):
            self.period = period
            self._pending = deque([epoch_seconds(period)])
            return ask_period(self._reader, period, self._clock, self.checks)
        if isinstance(period, Window):
            return ask_window(self._reader, period, self._clock, self.checks)
        return ask_since(self._reader, period, self._clock, self.checks)

    def _is_answered_elsewhere(self, paginator: Paginator, low: int, high: int) -> bool:
        """Return whether the answer to a window covers too little of it to be used.

        The window ends at the earlier of two clocks. If it is shorter than the clocks are apart, the server, which
        counts back from its own, answers for a later range.
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
                self.checks.note(f"the API refuses to answer for what lies before {iso(instant(high))}")
                self._pending.popleft()
                continue
            self._pending.popleft()
            yield from self._read(low, high, paginator, page, restartable=restartable)
        sliced = [reading for reading in self._readings if isinstance(reading, SlicedReading)]
        if self._spot_checks and any(reading.seams.are_there for reading in sliced):
            self._pending = deque([epoch_seconds(self._resolved)])  # what is not checked is not vouched for
            yield from SpotChecks(self._reader, self.checks).compare(sliced, self._resolved)
            self._pending.clear()

    def _read(
        self, low: int, high: int, paginator: Paginator, page: Page, *, restartable: bool
    ) -> Iterator[pa.RecordBatch]:
        """Read `[low, high)`, in epoch seconds, from its first answer on; what it does not cover is asked for later."""
        whole = low, high
        self._pending.appendleft(whole)  # missing, if the answer proves to be of no use
        low, high = self._reader.covered(paginator, low, high)
        self._pending.popleft()
        self._pending.extendleft(
            (since, until) for since, until in ((high, whole[1]), (whole[0], low)) if since < until
        )
        reading: SlicedReading | DisjointReading
        cuts_are_safe = not paginator.more or self._one_question or self._groups_are_merged(page)
        if self._one_question or (self._order_is_trusted and cuts_are_safe):
            reading = SlicedReading(
                self._reader,
                low,
                high,
                self._resolved,
                pacer=self._pacer,
                asked=self._asked_seconds(paginator, low, high),
                may_cut=not self._one_question,
                restartable=restartable,
            )
        else:
            _log.info("reading %s to %s in disjoint questions", iso(instant(low)), iso(instant(high)))
            reading = DisjointReading(self._reader, low, high, self._resolved)
        self._readings.append(reading)
        yield from reading.batches(paginator, page)
        if isinstance(reading, SlicedReading):
            self._pending.extendleft(reading.rest)
            reading.rest = []

    def _groups_are_merged(self, page: Page) -> bool:
        """Return whether the events of all account groups are known to come in one order of dates."""
        if self._groups_are_safe is None:
            listed = list_account_groups(self._reader.transport, self._context)
            seen = set(page.batch["aid"].to_pylist())
            is_one = listed is not None and len(listed) == 1 and seen <= listed
            self._groups_are_safe = is_one or (listed is not None and listed | seen <= interleaved(page.batch))
            if not self._groups_are_safe:
                self.checks.note(
                    "it could not be seen whether the events of all account groups come in one order, so every "
                    "question was read to its last page"
                )
        return self._groups_are_safe

    @staticmethod
    def _asked_seconds(paginator: Paginator, low: int, high: int) -> tuple[int, int]:
        """Return the epoch seconds that the first answer may have rows of."""
        start, end = paginator.asked
        return min(low, epoch_second(start) + 1 if start else low), max(high, epoch_second(end) if end else high)

    def _prepare(self, again: ReadAgain) -> None:
        """Decide how to read again what cannot be relied on."""
        if again.reason == "undated":
            self._one_question = True
        elif again.reason == "moved":
            self._pages_moved = True
        else:
            self._order_is_trusted = False
        if again.reason == "difference":
            self._spot_checks = False
        self._order_seen = "none" if again.reason == "disorder" else self.order
        self._readings = []
        self._pending = deque([epoch_seconds(self._resolved)])  # nothing of it is vouched for any more
        self._reader.begin_again()


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort ranges, and join those that touch."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _too_late(again: ReadAgain) -> PaginationError:
    """Say why a stream cannot go on: what was handed out would have to be taken back."""
    reasons = {
        "disorder": "the events are not in the order of their dates",
        "undated": "some events have no date, so that it cannot be told which part of the period they belong to",
        "moved": "pages moved while they were read",
        "difference": "a second reading found other events than the first",
    }
    return PaginationError(
        f"{reasons[again.reason]}, and batches were handed out that counted on the contrary. Use fetch_events, which "
        'takes them back, or a Client(verify="full"), which does not count on it.'
    )
