"""One fetch: a period, its slices, the workers that page through them, and what came.

The caller's thread alone decides: it hands single requests to a pool of workers, accounts for each page that comes
back, and cuts slices for workers that would be idle. So nothing here needs a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.effort import Effort
from te_audit_frames.client.origin import Origin
from te_audit_frames.client.pacing import Clock, Pacer
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.paging import Trail
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.slicing import UNDATED, Disorder, Seconds, Slice, Slicing
from te_audit_frames.client.tally import Tally
from te_audit_frames.client.transport import Transport
from te_audit_frames.errors import PaginationError
from te_audit_frames.periods import EPOCH, SECOND, Period, Question, Since, Window, ceil_second, floor_second, iso

_MOMENT = 0.2  # seconds


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

    Attributes
    ----------
    period : Period or None
        What the question resolved to. None before the first answer of a window.
    tally : Tally
        What came.
    order : str
        The order of dates as observed.
    """

    def __init__(
        self,
        question: Question,
        scope: dict[str, str],
        *,
        errors: Errors,
        workers: int,
        transport: Transport,
        origin: Origin,
        pacer: Pacer,
        clock: Clock,
        effort: Effort,
        progress: Progress,
    ) -> None:
        self._question = question
        self._scope = scope
        self._errors = errors
        self._workers = workers
        self._transport = transport
        self._origin = origin
        self._pacer = pacer
        self._clock = clock
        self._effort = effort
        self._progress = progress
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="te-audit-frames")
        self._slicings: list[Slicing] = []
        self._in_hand: list[tuple[Slicing, Slice, int]] = []
        self._names = 0
        self.period: Period | None = None
        self.tally = Tally()

    @property
    def order(self) -> str:
        """The order of dates as observed."""
        return self._slicings[0].order if self._slicings else "unknown"

    def batches(self, *, restartable: bool) -> Iterator[pa.RecordBatch | None]:
        """Fetch everything, batch by batch, in the order of arrival.

        Parameters
        ----------
        restartable : bool
            Whether what was handed out can be taken back, should the events prove to be out of order.

        Yields
        ------
        pyarrow.RecordBatch or None
            Events of the period; None means: forget all batches up to here, the fetch begins anew.

        Raises
        ------
        FetchError
            The fetch cannot be completed. The first failure stops all workers.
        """
        self._progress.open()
        try:
            try:
                yield from self._everything()
            except Disorder:
                if self.period is None or (not restartable and self.tally.events):
                    for slicing in self._slicings:
                        slicing.order = "none"  # so that the receipt says it, and nothing counts as passed
                    raise PaginationError(
                        "the events are not in the order of their dates, and batches were handed out that counted on "
                        "it. Use fetch_events, or a Client(workers=1), which pages through without counting on it."
                    ) from None
                self.tally = Tally()
                yield None
                yield from self._anew(self.period, in_order=False)
        finally:
            self._effort.stop()
            self._pacer.wake()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._progress.close()

    def missing(self) -> list[tuple[datetime, datetime]]:
        """List the periods that the batches so far do not vouch for, in UTC, half-open and ascending."""
        if self.period is None:
            return [self._unresolved()]
        gaps = [gap for slicing in self._slicings for gap in slicing.missing()]
        # A page in hand is accounted for, but whoever asks may not have got its events.
        gaps += [slicing.doubtful(part, since=before) for slicing, part, before in self._in_hand]
        bounds = [(EPOCH + low * SECOND, EPOCH + high * SECOND) for low, high in _merged(gaps)]
        return [(max(low, self.period.start), min(high, self.period.end)) for low, high in bounds]

    def _unresolved(self) -> tuple[datetime, datetime]:
        if isinstance(self._question, Period):
            return self._question.start, self._question.end
        now = self._clock.now()
        start = now - self._question.length if isinstance(self._question, Window) else self._question.start
        return min(start, now), now

    # ---- the course of a fetch ---------------------------------------------------------------------------------

    def _everything(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self._question, Period):
            yield from self._anew(self._question)
        else:
            yield from self._back_from_now(self._question)

    def _anew(self, period: Period, *, in_order: bool = True) -> Iterator[pa.RecordBatch]:
        """Page through a period from its first page on."""
        self.period = period
        self._slicings = [self._slice_up(period, in_order=in_order)]
        yield from self._walk(self._slicings[0], period)

    def _back_from_now(self, question: Window | Since) -> Iterator[pa.RecordBatch]:
        """Resolve a period that ends at the server's now by its first answer, and use that answer where it is sound.

        What lies strictly inside the range that the answer covers is whole, whether its bounds are inclusive or not.
        A window is asked for one second longer, so that the window itself lies strictly inside.
        """
        if isinstance(question, Window):
            asked = {"window": f"{question.length // SECOND + 1}s"}
        else:
            asked = {"startDate": iso(floor_second(question.start) - SECOND)}
        trail = Trail(self._transport, self._origin, {**self._scope, **asked}, self._errors)
        first = self._pool.submit(trail.turn, name=self._name(), effort=self._effort)
        page = next(future.result() for future in _first_done([first]))
        end = page.end or floor_second(trail.answered_at or self._clock.now())
        if isinstance(question, Window):
            covered, start = page.start, max(end - question.length, page.start or EPOCH)
        else:
            covered, start = floor_second(question.start) - SECOND, min(question.start, end)
        if page.end is None or covered is None:
            yield from self._anew(Period(start, end))
            return
        sound = max(floor_second(start), floor_second(covered) + SECOND)
        if sound >= end:
            yield from self._anew(Period(start, end))
            return
        inside = Period(sound, end)
        self.period = Period(start, end)
        self._slicings = [self._slice_up(inside)]
        # An answer that covers no more than the window itself leaves the window's first second to ask for.
        edge = Period(start, sound) if start < sound else None
        if edge:
            self._slicings.append(self._slice_up(edge))
        yield from self._walk(self._slicings[0], self.period, (trail, page))
        if edge:
            yield from self._walk(self._slicings[1], self.period)

    def _walk(
        self, slicing: Slicing, period: Period, first: tuple[Trail, Page] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Page through every slice, cutting more for workers that would be idle."""
        whole = slicing.whole
        trails = {whole: first[0] if first else self._trail(whole)}
        waiting: deque[Slice] = deque() if first else deque([whole])
        arrived = [(whole, first[1])] if first else []
        under_way: dict[Future[Page], Slice] = {}
        while waiting or under_way or arrived:
            batches = []
            for part, page in arrived:
                kept, onward = self._account(slicing, part, trails[part], page, period)
                if onward is not None:
                    waiting.append(onward)
                if onward is not part:
                    del trails[part]
                    if onward is not None:
                        trails[onward] = self._trail(onward)
                batches.append(kept)
            while waiting and len(under_way) < self._workers:
                self._send(waiting.popleft(), trails, under_way)
            idle = self._workers - len(under_way)
            if idle and under_way:
                free = self._pacer.free(under_way=len(under_way), wanted=slicing.pages_left)
                for part in slicing.cut(min(idle, free)):
                    trails[part] = self._trail(part)
                    self._send(part, trails, under_way)
            yield from batches
            self._in_hand.clear()
            arrived = [(under_way.pop(future), future.result()) for future in _first_done(under_way)]

    def _send(self, part: Slice, trails: dict[Slice, Trail], under_way: dict[Future[Page], Slice]) -> None:
        under_way[self._pool.submit(trails[part].turn, name=self._name(), effort=self._effort)] = part

    def _account(
        self, slicing: Slicing, part: Slice, trail: Trail, page: Page, period: Period
    ) -> tuple[pa.RecordBatch, Slice | None]:
        self._in_hand.append((slicing, part, part.pos))
        tied = trail.is_tied or not trail.more
        keep, onward = slicing.receive(part, _seconds(page.batch), more=trail.more, tied=tied)
        kept = _within(page.batch if keep.all() else page.batch.filter(pa.array(keep)), period)
        self.tally.add(kept, coerced=sum(bool(keep[position]) for position in page.coerced))
        self._progress.page(events=kept.num_rows)
        return kept, onward

    def _slice_up(self, period: Period, *, in_order: bool = True) -> Slicing:
        low, high = (floor_second(period.start) - EPOCH) // SECOND, (ceil_second(period.end) - EPOCH) // SECOND
        return Slicing(low, high, workers=self._workers, in_order=in_order)

    def _trail(self, part: Slice) -> Trail:
        """Ask for a slice: from one second before it, and up to its end, whether that is included or not."""
        bounds = {"startDate": iso(EPOCH + (part.low - 1) * SECOND), "endDate": iso(EPOCH + part.high * SECOND)}
        return Trail(self._transport, self._origin, {**self._scope, **bounds}, self._errors)

    def _name(self) -> str:
        self._names += 1
        return str(self._names)


def _first_done(under_way: Iterable[Future[Page]]) -> set[Future[Page]]:
    """Wait for the next pages."""
    # A moment at a time: where another library handles signals (Polars does), Ctrl-C does not end a long wait.
    done: set[Future[Page]] = set()
    pages = list(under_way)
    while pages and not done:
        done, _ = wait(pages, timeout=_MOMENT, return_when=FIRST_COMPLETED)
    return done


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort ranges, and join those that touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _seconds(batch: pa.RecordBatch) -> Seconds:
    """Write the dates of a batch in whole epoch seconds."""
    micros = batch["date"].cast(pa.int64())
    seconds: Seconds = np.floor_divide(micros.fill_null(0).to_numpy(zero_copy_only=False), 1_000_000)
    if micros.null_count:
        seconds[micros.is_null().to_numpy(zero_copy_only=False)] = UNDATED
    return seconds


def _within(batch: pa.RecordBatch, period: Period) -> pa.RecordBatch:
    """Cut off what a bound within a second leaves outside; slices are of whole seconds."""
    if not (period.start.microsecond or period.end.microsecond):
        return batch
    date = batch["date"]
    kind = date.type
    inside = pc.and_(pc.greater_equal(date, pa.scalar(period.start, kind)), pc.less(date, pa.scalar(period.end, kind)))
    return batch.filter(pc.fill_null(inside, True))  # an event without a date stays
