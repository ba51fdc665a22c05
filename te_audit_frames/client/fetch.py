"""One fetch: what is asked for first, how the rest is read, what is checked, and when it is read again."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Generator, Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from te_audit_frames.client.account_groups import has_one_account_group
from te_audit_frames.client.disjoint_reading import DisjointReading
from te_audit_frames.client.effort import Effort
from te_audit_frames.client.fetch_checks import (
    MOST_RESTARTS,
    YOUNG,
    FetchChecks,
    ReadAgain,
    older_than,
    pick,
    row_counts,
)
from te_audit_frames.client.origin import Origin
from te_audit_frames.client.pacing import Clock, Pacer
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.page_reader import PageReader, epoch_second, epoch_seconds, instant, seconds_of
from te_audit_frames.client.pagination import Paginator, Query
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.sliced_reading import SlicedReading
from te_audit_frames.client.tally import Tally
from te_audit_frames.client.transport import Transport
from te_audit_frames.errors import BadRequest, InvalidRequest, PaginationError, warn
from te_audit_frames.periods import EPOCH, SECOND, Period, Question, Since, Window, floor_second, iso

_LAST_MINUTE = 60
_CLOCKS_APART = timedelta(minutes=5)


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
    tally : Tally
        What came.
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
        origin: Origin,
        pacer: Pacer,
        clock: Clock,
        effort: Effort,
        progress: Progress,
    ) -> None:
        self._question = question
        self._scope = scope
        self._pacer = pacer
        self._clock = clock
        self._effort = effort
        self._progress = progress
        self.checks = FetchChecks()
        self._reader = PageReader(
            scope,
            errors=errors,
            workers=workers,
            transport=transport,
            origin=origin,
            effort=effort,
            progress=progress,
            checks=self.checks,
        )
        self._order_is_trusted = verify == "spot"
        self._one_question = workers == 1
        self._spot_checks = workers > 1 and verify == "spot"
        self._has_one_group: bool | None = None if "useAllPermittedAids" in scope else True
        self._readings: list[SlicedReading | DisjointReading] = []
        self._pending: deque[tuple[int, int]] = deque()
        self._process = os.getpid()
        self._order_seen = "unknown"
        self._pages_moved = False
        self._asked_end = EPOCH
        self.period: Period | None = None

    @property
    def tally(self) -> Tally:
        """What came."""
        return self._reader.tally

    @property
    def order(self) -> str:
        """The order of dates as observed."""
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
                    return
                except ReadAgain as again:
                    restarts += 1
                    is_too_late = not restartable and self.tally.events > 0
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
            self._effort.stop()
            self._pacer.wake()
            self._reader.stop()
            self._progress.close()

    def missing(self) -> list[tuple[datetime, datetime]]:
        """List the periods that the batches so far do not vouch for, in UTC, half-open and ascending."""
        if self.period is None:
            return [self._unresolved()]
        gaps = [gap for reading in self._readings for gap in reading.missing()] + list(self._pending)
        bounds = [(instant(low), instant(high)) for low, high in merged(gaps)]
        clipped = [(max(low, self.period.start), min(high, self.period.end)) for low, high in bounds]
        return [(low, high) for low, high in clipped if low < high]

    def _unresolved(self) -> tuple[datetime, datetime]:
        if isinstance(self._question, Period):
            return self._question.start, self._question.end
        now = self._clock.now()
        start = now - self._question.length if isinstance(self._question, Window) else self._question.start
        return min(start, now), now

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise InvalidRequest(
                "batches: this fetch was begun in another process, whose threads are not here. Begin it in the "
                "process that reads it."
            )

    # ---- the course of a fetch -------------------------------------------------------------------------------------

    def _attempt(self, *, restartable: bool) -> Iterator[pa.RecordBatch]:
        """Read everything once."""
        self._check_process()
        paginator, page = self._first_answer()
        period = self.period
        assert period is not None  # noqa: S101 - the first answer resolved it  # nosec B101
        low, high = self._pending.popleft()
        asked_end = self._asked_end
        now = self.checks.now
        if paginator.more and now is not None:
            # Events still arrive in the last minute, so that it is a question of its own, at the end.
            settled = max(min(high, epoch_second(now) - _LAST_MINUTE), low)
            if settled == low:
                settled = high
            elif settled < high:
                self._pending.append((settled, high))
            high = settled
        # The range of its next pages may move with time, or the range of this one is not known.
        is_loose = paginator.more and (
            self._pages_moved or not paginator.has_fixed_range or (now is not None and asked_end > now + SECOND)
        )
        if (
            is_loose
            or (not paginator.is_absolute and paginator.covered is None)
            or self._is_answered_elsewhere(paginator, low, high)
        ):
            self._pending.appendleft((low, high))
        else:
            yield from self._read(low, high, paginator, page, period, restartable=restartable)
        yield from self._read_pending(period, restartable=restartable)

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

    def _read_pending(self, period: Period, *, restartable: bool) -> Iterator[pa.RecordBatch]:
        while self._pending:
            low, high = self._pending[0]
            paginator = self._reader.ask_seconds(low, high)
            page = self._reader.next_page(paginator)
            self._pending.popleft()
            yield from self._read(low, high, paginator, page, period, restartable=restartable)
        if self._spot_checks:
            yield from self._compare(period)

    def _read(
        self, low: int, high: int, paginator: Paginator, page: Page, period: Period, *, restartable: bool
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
                period,
                pacer=self._pacer,
                asked=self._asked_seconds(paginator, low, high),
                may_cut=not self._one_question,
                restartable=restartable,
            )
        else:
            reading = DisjointReading(self._reader, low, high, period)
        self._readings.append(reading)
        yield from reading.batches(paginator, page)
        if isinstance(reading, SlicedReading):
            self._pending.extendleft(reading.rest)
            reading.rest = []

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
        assert self.period is not None  # noqa: S101 - something was read  # nosec B101
        self._order_seen = "none" if again.reason == "disorder" else self.order
        self._readings = []
        self._pending = deque([epoch_seconds(self.period)])  # nothing of it is vouched for any more
        self._reader.begin_again()

    # ---- the first answer ------------------------------------------------------------------------------------------

    def _first_answer(self) -> tuple[Paginator, Page]:
        """Ask for everything, and resolve the period by what the server says of time."""
        if self.period is not None or isinstance(self._question, Period):
            asked = self.period or self._question
            assert isinstance(asked, Period)  # noqa: S101 - as the line before says  # nosec B101
            low, high = epoch_seconds(asked)
            self.period = asked
            self._pending = deque([(low, high)])
            paginator = self._reader.ask_seconds(low, high)
            page = self._reader.next_page(paginator)
            now = self._note_now(paginator)
            self._asked_end = asked.end
            if asked.end > now > asked.start:
                # Events of the future are not there yet.
                end = floor_second(now)
                if end > asked.start:
                    self.period = Period(asked.start, end)
                    self.checks.note(f"the period ends at {iso(end)}, the time of the fetch")
                    self._pending[-1] = epoch_seconds(self.period)
            return paginator, page
        return self._back_from_now(self._question)

    def _back_from_now(self, question: Window | Since) -> tuple[Paginator, Page]:
        """Resolve a period that ends at the server's now by its first answer.

        A window is asked for one second longer, so that the window itself lies strictly inside the range that the
        answer covers, whether its bounds are inclusive or not.
        """
        if isinstance(question, Window):
            seconds = question.length // SECOND
            try:
                paginator, page = self._ask_for({"window": f"{seconds + 1}s"})
            except BadRequest:
                # It may be the widest window that the API allows.
                paginator, page = self._ask_for({"window": f"{seconds}s"})
        else:
            paginator, page = self._ask_for({"startDate": iso(floor_second(question.start) - SECOND)})
        resolved = None
        if isinstance(question, Window) and paginator.covered:
            resolved = paginator.covered[0] + SECOND + question.length
        now = self._note_now(paginator, resolved=resolved)
        # An end far before now is that of an answer which covers a part; the rest is asked for in turn.
        clocks = (now, self._clock.now())
        is_close = page.end is not None and any(abs(page.end - clock) < _CLOCKS_APART for clock in clocks)
        is_close = is_close or (page.end is not None and page.end > now)
        end = floor_second(min(now, page.end) if is_close and page.end else now)
        low = end - question.length if isinstance(question, Window) else min(question.start, end)
        if paginator.covered and isinstance(question, Window):
            sound = floor_second(paginator.covered[0]) + SECOND
            # The window as the server understood it, if its clock did: no second is asked for twice.
            if page.end and low <= sound < end and sound + question.length <= page.end:
                low = sound
        self._asked_end = end
        self.period = Period(low, max(end, low))
        first, last = epoch_seconds(self.period)
        edge = epoch_second(paginator.covered[0]) + 1 if paginator.covered else first
        if first < edge < min(first + _LAST_MINUTE, last):
            # An answer that covers no more than the window leaves the window's first second to ask for.
            self._pending.extend([(edge, last), (first, edge)])
        else:
            self._pending.append((first, last))
        return paginator, page

    def _ask_for(self, parameters: dict[str, str]) -> tuple[Paginator, Page]:
        start = parameters.get("startDate")
        query = Query({**self._scope, **parameters}, datetime.fromisoformat(start) if start else None)
        paginator = self._reader.ask(query)
        return paginator, self._reader.next_page(paginator)

    def _note_now(self, paginator: Paginator, *, resolved: datetime | None = None) -> datetime:
        """Take the earlier of the server's and the local clock for now, if they are close.

        Else the server's, unless the local clock agrees with the moment that the server resolved a window by.
        """
        if self.checks.now is not None:
            return self.checks.now
        local = self._clock.now()
        server = paginator.answered_at
        now = local
        if server is not None:
            ahead = server - local
            self.checks.clock_ahead_seconds = round(ahead.total_seconds(), 3)
            now = min(server, local)
            if abs(ahead) > _CLOCKS_APART:
                # Only a clock that is ahead is outvoted: to end too early loses nothing of what is said to be there.
                local_is_right = resolved is not None and server > local and abs(resolved - local) <= _CLOCKS_APART
                now = min(local, resolved) if local_is_right and resolved else server
                advice = (
                    "its own range agrees with this machine's, which was used."
                    if local_is_right
                    else "the server's was used. Check the time of this machine."
                )
                warn(
                    f"the server's clock and this machine's are {abs(ahead.total_seconds()) / 60:,.0f} minutes apart; "
                    f"{advice}"
                )
        self.checks.now = now
        return now

    # ---- checks ----------------------------------------------------------------------------------------------------

    def _groups_are_merged(self, page: Page) -> bool:
        """Return whether events of several account groups are known to come in one order of dates, or are of one."""
        if self._has_one_group is None and not _are_interleaved(page.batch):
            self._has_one_group = has_one_account_group(
                self._reader.transport, self._reader.origin, self._effort, seen=page.batch["aid"]
            )
            if not self._has_one_group:
                self.checks.note(
                    "it could not be seen whether the events of several account groups come in one order, so every "
                    "question was read to its last page"
                )
        return self._has_one_group is not False or _are_interleaved(page.batch)

    def _compare(self, period: Period) -> Iterator[pa.RecordBatch]:
        """Compare both sides of every cut, and read a few windows a second time."""
        readings = [reading for reading in self._readings if isinstance(reading, SlicedReading)]
        for reading in readings:
            for beyond, got in reading.seams.overlaps():
                self.checks.seams += 1
                yield from self._add_young(row_counts(beyond) - row_counts(got), beyond, period, where="at a cut")
        pages = self.tally.pages
        number = 1 if pages < 50 else 2 if pages < 150 else 3
        windows = [window for reading in readings for window in reading.seams.windows(number)]
        windows.sort(key=lambda window: window.low)
        step = max(len(windows) / number, 1)
        for window in [windows[-1 - int(step * index)] for index in range(min(number, len(windows)))]:
            rows = self._read_window(window.low, window.high)
            found = row_counts(rows)
            self.checks.windows += 1
            self.checks.window_events += rows.num_rows
            where = f"between {iso(instant(window.low))} and {iso(instant(window.high))}"
            yield from self._add_young(found - window.rows, rows, period, where=where)
            if gone := sum((window.rows - found).values()):
                self.checks.differ(f"{gone:,} events {where} were gone at the second reading")

    def _read_window(self, low: int, high: int) -> pa.Table:
        paginator = self._reader.ask_seconds(low, high)
        rows = []
        while paginator.more:
            batch = self._reader.next_page(paginator).batch
            seconds = seconds_of(batch)
            rows.append(batch.filter(pa.array((seconds >= low) & (seconds < high))))
        return pa.Table.from_batches(rows)

    def _add_young(
        self, lacking: Counter[str], rows: pa.Table, period: Period, *, where: str
    ) -> Iterator[pa.RecordBatch]:
        """Add events that arrived since the first reading; others mean that the first reading lost some."""
        if not lacking:
            return
        found = pick(rows, lacking)
        now = self.checks.now
        if now is None or older_than(found, now - YOUNG):
            self.checks.differ(
                f"a second reading {where} found {found.num_rows:,} events that the first had not, so every question "
                "was read to its last page"
            )
            raise ReadAgain("difference")
        self.checks.differ(f"{found.num_rows:,} events {where} arrived while the rest was read, and were added")
        yield from self._reader.add(found, period)


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


def _are_interleaved(batch: pa.RecordBatch) -> bool:
    """Return whether one account group's events lie on both sides of another's, in the order of dates."""
    if not batch.num_rows:
        return False
    groups = batch["aid"].fill_null("").dictionary_encode().indices.to_numpy(zero_copy_only=False)
    seconds = seconds_of(batch)
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    ended: dict[int, int] = {}  # the last row of each group's latest run
    for start, end in zip(starts, [*(starts[1:] - 1), len(groups) - 1], strict=True):
        before = ended.get(int(groups[start]))
        if before is not None:
            dates = seconds[before : start + 1]
            steps = np.diff(dates)
            if dates[0] != dates[-1] and ((steps >= 0).all() or (steps <= 0).all()):
                return True
        ended[int(groups[start])] = int(end)
    return False
