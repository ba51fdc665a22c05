"""What the two ways of reading a period share: asking for pages, and taking over their events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.epoch import epoch_second, instant
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.query import Query
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.transport import Transport
from te_audit_frames.client.workers import Workers, first_done
from te_audit_frames.errors import PaginationError
from te_audit_frames.periods import Period, iso

_TOLERANCE_SECONDS = 60


class PageReader:
    """Asks for the pages of one fetch, and takes over what they hold.

    Parameters
    ----------
    scope : dict of str
        The parameters that are not about time.
    errors : {"raise", "coerce"}
        What a value does that its column cannot hold.
    workers : int
        How many requests may be under way at once.
    """

    def __init__(
        self,
        scope: dict[str, str],
        *,
        errors: Errors,
        workers: int,
        transport: Transport,
        context: FetchContext,
        checks: FetchChecks,
        share_done: Callable[[], float],
    ) -> None:
        self.scope = scope
        self.number_of_workers = workers
        self.transport = transport
        self.context = context
        self.checks = checks
        self.stats = context.stats
        self._errors = errors
        self._progress = context.progress
        self._workers = Workers(workers)
        self._share_done = share_done
        self._names = 0
        self._undated: Counter[str] = Counter()

    # ---- asking ----------------------------------------------------------------------------------------------------

    def ask(self, query: Query) -> Paginator:
        """Begin a question; nothing is sent yet."""
        return Paginator(self.transport, query, self._errors, self.checks, self.context)

    def ask_seconds(self, low: int, high: int) -> Paginator:
        """Ask for `[low, high)` in epoch seconds: from one second before, up to the end, included or not."""
        return self.ask(Query.of_range(self.scope, instant(low - 1), instant(high)))

    def submit(self, paginator: Paginator) -> Future[Page]:
        """Ask for the next page, in a thread of the pool."""
        name = self.next_name()
        return self._workers.submit(lambda: paginator.next_page(name=name))

    def next_page(self, paginator: Paginator) -> Page:
        """Wait for the next page."""
        return next(future.result() for future in first_done([self.submit(paginator)]))

    def next_name(self) -> str:
        """Return the number of the next page, for messages."""
        self._names += 1
        return str(self._names)

    def run(self, tasks: Iterable[Future[Page]]) -> set[Future[Page]]:
        """Wait for the next pages among those under way."""
        return first_done(tasks)

    def stop(self) -> None:
        """End the threads."""
        self._workers.stop()

    # ---- taking over -----------------------------------------------------------------------------------------------

    def covered(self, paginator: Paginator, low: int, high: int) -> tuple[int, int]:
        """Return the part of `[low, high)`, in epoch seconds, that the answers of a question cover.

        Raises
        ------
        PaginationError
            They cover nothing of it, or not a minute, so that asking for the rest would never end.
        """
        if paginator.covered is None:
            return low, high
        stated_low, stated_high = (epoch_second(moment) for moment in paginator.covered)
        is_at_the_end = high - _TOLERANCE_SECONDS <= stated_low <= stated_high <= high + _TOLERANCE_SECONDS
        is_gone = is_at_the_end and high - low > 2 * _TOLERANCE_SECONDS
        if paginator.is_empty and (is_gone or self.checks.is_before_retention(instant(high))):
            # The start was moved up to the end, or beyond it: the API has nothing so early.
            self.checks.note(f"the API has no events before {iso(instant(high))}")
            return low, high
        # What lies strictly inside the range that an answer covers is whole, whether its bounds are inclusive or not.
        # Less than a minute counts as rounding, unless there is more than a page, or the API is known to answer in
        # part: then even seconds are asked for.
        is_rounding = not paginator.more and not self.checks.answers_are_partial
        tolerance = _TOLERANCE_SECONDS - 1 if high - low <= _TOLERANCE_SECONDS or is_rounding else 0
        sound_low = low if stated_low - (low - 1) <= tolerance else stated_low + 1
        sound_high = high if high - stated_high <= tolerance else stated_high
        if sound_low >= sound_high or (high - low >= _TOLERANCE_SECONDS > sound_high - sound_low):
            raise PaginationError(
                f"asked for {iso(instant(low))} to {iso(instant(high))}, the API answers for "
                f"{iso(paginator.covered[0])} to {iso(paginator.covered[1])}, so the rest cannot be had. "
                "Ask for a shorter or a later period."
            )
        if (sound_low, sound_high) != (low, high):
            self.checks.answers_are_partial = True
            self.checks.note("the API answered a part of the range that was asked for; the rest was asked for in turn")
        return sound_low, sound_high

    @staticmethod
    def asked(paginator: Paginator, low: int, high: int) -> tuple[int, int]:
        """Return the epoch seconds in which rows of an answer may lie, at least `[low, high)`."""
        start, end = paginator.asked
        return min(low, epoch_second(start) + 1 if start else low), max(high, epoch_second(end) if end else high)

    def keep(self, paginator: Paginator, page: Page, chosen: npt.NDArray[np.bool_], period: Period) -> pa.RecordBatch:
        """Count a page, and return those of its events that were chosen and lie in the period."""
        chosen = chosen & self._first_undated(paginator, page.batch)
        kept = _within(page.batch if chosen.all() else page.batch.filter(pa.array(chosen)), period)
        self.stats.add(kept, coerced=sum(bool(chosen[position]) for position in page.coerced))
        self._progress.page(events=kept.num_rows, done=self._share_done())
        return kept

    def check_start(self, paginator: Paginator) -> None:
        """Read the first page again if retention may have removed events while later pages were counted from them.

        Raises
        ------
        ReadAgain
            The first page changed.
        """
        if paginator.pages < 2 or not paginator.has_oldest_first:
            return
        if not paginator.first_page_is_unchanged(self.next_name()):
            self.checks.note("the first page changed while later ones were read, so they were read again")
            raise ReadAgain("moved")

    def add(self, rows: pa.Table, period: Period) -> Iterator[pa.RecordBatch]:
        """Count events that a second reading found, and return those of the period."""
        for batch in rows.to_batches():
            kept = _within(batch, period)
            self.stats.add(kept, pages=0)
            yield kept

    def begin_again(self) -> None:
        """Forget what was taken over so far."""
        self.stats.forget_events()
        self._undated.clear()
        self.checks.begin_again()

    def _first_undated(self, paginator: Paginator, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Choose all rows but those without a date that another question brought already.

        Which questions bring an event without a date is not known. So of equal ones as many count as one question
        brought at most.
        """
        chosen = np.ones(batch.num_rows, dtype=np.bool_)
        if not batch["date"].null_count:
            return chosen
        for position in pc.indices_nonzero(pc.is_null(batch["date"])).to_pylist():
            row = repr(batch.slice(position, 1).to_pylist())
            paginator.undated[row] += 1
            chosen[position] = paginator.undated[row] > self._undated[row]
            self._undated[row] = max(self._undated[row], paginator.undated[row])
        return chosen


def _within(batch: pa.RecordBatch, period: Period) -> pa.RecordBatch:
    """Cut off what a bound within a second leaves outside; slices are of whole seconds."""
    if not (period.start.microsecond or period.end.microsecond):
        return batch
    date = batch["date"]
    kind = date.type
    inside = pc.and_(pc.greater_equal(date, pa.scalar(period.start, kind)), pc.less(date, pa.scalar(period.end, kind)))
    return batch.filter(pc.fill_null(inside, True))  # an event without a date stays
