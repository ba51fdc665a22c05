"""Asking for the pages of a fetch, and keeping their events: what both ways of reading a period share."""

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
from te_audit_frames.safe_text import number_of

_TOLERANCE_SECONDS = 60


class PageReader:
    """Asks for the pages of one fetch, and keeps their events.

    Parameters
    ----------
    scope : dict of str
        The parameters that are not about time.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold.
    workers : int
        How many requests may be under way at once.
    transport : Transport
        Sends the requests.
    context : FetchContext
        Deadline, cancellation, clock, progress and counters of the fetch.
    checks : FetchChecks
        Where checks are counted.
    share_done : callable
        Returns the share of the period that has arrived, from 0 to 1, for the progress bar.
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
        """Return the pages of a query. Nothing is sent yet."""
        return Paginator(self.transport, query, self._errors, self.checks, self.context)

    def ask_seconds(self, low: int, high: int) -> Paginator:
        """Return the pages of `[low, high)`, in epoch seconds.

        The query begins one second early, so that it does not matter whether the API includes the bounds.

        Once an answer was shorter than its query, a range of a minute or less is asked for in whole minutes: an API
        that rounds could make an empty range of it. But no query reaches into the future, which an API may refuse.
        """
        since, until = low - 1, high
        whole = high + -high % _TOLERANCE_SECONDS
        may_widen = self.checks.answers_are_partial and self.checks.now and whole <= epoch_second(self.checks.now)
        if may_widen and high - low <= _TOLERANCE_SECONDS:
            since, until = since - since % _TOLERANCE_SECONDS, whole
        return self.ask(Query.of_range(self.scope, instant(since), instant(until)))

    def submit(self, paginator: Paginator) -> Future[Page]:
        """Ask for the next page in a thread, and return its future."""
        name = self.next_name()
        return self._workers.submit(lambda: paginator.next_page(name=name))

    def next_page(self, paginator: Paginator) -> Page:
        """Ask for the next page, and wait for it."""
        return next(future.result() for future in first_done([self.submit(paginator)]))

    def next_name(self) -> str:
        """Return the next page's number, as its name in messages."""
        self._names += 1
        return str(self._names)

    def run(self, tasks: Iterable[Future[Page]]) -> set[Future[Page]]:
        """Wait until at least one of the pages under way has arrived, and return those that have."""
        return first_done(tasks)

    def stop(self) -> None:
        """End the threads."""
        self._workers.stop()

    # ---- keeping ---------------------------------------------------------------------------------------------------

    def covered(self, paginator: Paginator, low: int, high: int) -> tuple[int, int]:
        """Return the part of `[low, high)`, in epoch seconds, that the answers to a query cover.

        Raises
        ------
        PaginationError
            They cover none of it, or less than a minute of a longer range, so asking for the rest might never end.
        """
        if paginator.covered is None:
            return low, high
        stated_low, stated_high = (epoch_second(moment) for moment in paginator.covered)
        is_at_the_end = high - _TOLERANCE_SECONDS <= stated_low <= stated_high <= high + _TOLERANCE_SECONDS
        is_gone = is_at_the_end and high - low > 2 * _TOLERANCE_SECONDS
        if paginator.is_empty and (is_gone or self.checks.is_before_retention(instant(high))):
            # The API moved the start to the end or beyond: it has no events this old.
            self.checks.note(f"the API has no events before {iso(instant(high))}")
            return low, high
        # An answer surely holds everything strictly inside its range, whether or not its bounds are inclusive. Every
        # lacking second is asked for. But if less than a minute is lacking from so short a range, the API rounds.
        tolerance = _TOLERANCE_SECONDS - 1 if high - low <= _TOLERANCE_SECONDS else 0
        sound_low = low if stated_low - (low - 1) <= tolerance else stated_low + 1
        sound_high = high if high - stated_high <= tolerance else stated_high
        if sound_low >= sound_high or (high - low >= _TOLERANCE_SECONDS > sound_high - sound_low):
            raise PaginationError(
                f"asked for {iso(instant(low))} to {iso(instant(high))}, the API only answers for "
                f"{iso(paginator.covered[0])} to {iso(paginator.covered[1])}, so the rest cannot be fetched. "
                "Ask for a shorter or a later period."
            )
        if (sound_low, sound_high) != (low, high):
            self.checks.answers_are_partial = True
            self.checks.note("the API answered only part of the range asked for; the rest was asked for separately")
        elif (lacking := max(stated_low - (low - 1), high - stated_high)) > 0:
            self.checks.note(
                f"for a range of at most a minute, the API stated up to {number_of(lacking, 'second')} less than asked "
                "for; that was taken for rounding, so events of these seconds may be lacking"
            )
        return sound_low, sound_high

    @staticmethod
    def asked(paginator: Paginator, low: int, high: int) -> tuple[int, int]:
        """Return the epoch seconds in which rows of an answer may lie, at least `[low, high)`."""
        start, end = paginator.asked
        return min(low, epoch_second(start) + 1 if start else low), max(high, epoch_second(end) if end else high)

    def keep(self, paginator: Paginator, page: Page, chosen: npt.NDArray[np.bool_], period: Period) -> pa.RecordBatch:
        """Count a page, and return the chosen events that lie in the period."""
        chosen = chosen & self._first_undated(paginator, page.batch)
        kept = _within(page.batch if chosen.all() else page.batch.filter(pa.array(chosen)), period)
        self.stats.add(kept, coerced=sum(bool(chosen[position]) for position in page.coerced))
        self._progress.page(events=kept.num_rows, done=self._share_done())
        return kept

    def check_start(self, paginator: Paginator) -> None:
        """Read the first page again if it has the oldest events.

        The API may have removed some of them meanwhile, because they became too old. Then every later page has moved.

        Raises
        ------
        ReadAgain
            The first page changed.
        """
        if paginator.pages < 2 or not paginator.has_oldest_first:
            return
        if not paginator.first_page_is_unchanged(self.next_name()):
            self.checks.note("the first page changed while later ones were read, so all were read again")
            raise ReadAgain("moved")

    def add(self, rows: pa.Table, period: Period) -> Iterator[pa.RecordBatch]:
        """Count the events that a second reading found, and yield those of the period."""
        for batch in rows.to_batches():
            kept = _within(batch, period)
            self.stats.add(kept, pages=0)
            yield kept

    def begin_again(self) -> None:
        """Forget the events kept so far."""
        self.stats.forget_events()
        self._undated.clear()
        self.checks.begin_again()

    def _first_undated(self, paginator: Paginator, batch: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Choose all rows except events without a date that another query has already returned.

        Several queries may return the same event without a date. Of equal ones, as many are kept as the largest
        number that one query returned.
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
    """Return the events of the period. Slices have whole seconds, but a period may begin or end within a second."""
    if not (period.start.microsecond or period.end.microsecond):
        return batch
    date = batch["date"]
    kind = date.type
    inside = pc.and_(pc.greater_equal(date, pa.scalar(period.start, kind)), pc.less(date, pa.scalar(period.end, kind)))
    return batch.filter(pc.fill_null(inside, True))  # keep events without a date
