"""One sync of an archive: reads the days that may have new events, and keeps each day once it is read to its end."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, Literal

from te_audit_frames.errors import (
    ArchiveError,
    AuditFramesWarning,
    BadRequest,
    FetchError,
    InvalidArgument,
    PaginationError,
)
from te_audit_frames.periods import EPOCH, SECOND, Period, floor_second, iso
from te_audit_frames.receipts import Receipt
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.clock_comparison import APART, ClockComparison
from te_audit_frames.storage.coverage import Coverage, oldest_kept
from te_audit_frames.storage.day_buffer import DayBuffer
from te_audit_frames.storage.day_file import ONE_DAY, TABLE, midnight
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_days import SyncDays
from te_audit_frames.storage.sync_plan import SyncPlan, join_days, plan_sync
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.sync_source import BatchSource

_MOST_DAYS_AGAIN = 3
"""Days of one stream that are read again because an event arrived after its day seemed complete.

With more of these days, the sync stops relying on the order of events.
"""

_IDLE, _IDLE_OUT_OF_ORDER = 20, 3
"""Batches that complete no day, after which the sync stops relying on the order of events.

The second number holds if the events have proved to be out of order, the first if dates are missing.
"""

_FEW_PAGES, _MANY_PAGES = 100, 400
"""After a piece with fewer pages than the first number, the next piece has twice the days.

After a piece with more pages than the second, it has half the days.
"""


class Sync:
    """One sync.

    Parameters
    ----------
    store : Store
        The archive's store. The caller holds its `writing`.
    writer : ArchiveWriter
        Writes the archive's files.
    source : BatchSource
        The client that fetches events.
    coverage : Coverage
        What the archive knows about each day.
    location : str
        The archive's name in the report.
    start : datetime or None
        Midnight of the first day to read. None means the first day of the earlier syncs, or else two years ago.
    all_account_groups : bool
        Whether to read every account group of the token, or only its login group.
    lookback, settle : timedelta
        See `Archive.sync`.
    errors : {"raise", "coerce"}
        See `Client.fetch_events`.
    page_size : int, "largest" or None
        See `Archive.sync`.

    Attributes
    ----------
    report : SyncReport
        What the sync has done so far.
    """

    def __init__(
        self,
        store: Store,
        writer: ArchiveWriter,
        source: BatchSource,
        coverage: Coverage,
        *,
        location: str,
        start: datetime | None,
        all_account_groups: bool,
        lookback: timedelta,
        settle: timedelta,
        errors: str,
        page_size: int | Literal["largest"] | None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._source = source
        # A first sync can take hours, in which the rate limit lets only so many pages through. So it asks for large
        # pages, and only a sync that gets no more pages has to end.
        self._query: dict[str, Any] = {
            "all_account_groups": all_account_groups,
            "errors": errors,
            "page_size": page_size or source.page_size or "largest",
            "deadline_per_page": True,
        }
        self._lookback = lookback
        self._settle = settle
        self._start = start
        self._stored_coverage = coverage
        self.report = SyncReport(location, start="", end="")
        # `_begin` replaces these, once the server has answered with its time.
        self._end = EPOCH
        self._first = EPOCH.date()
        self._observer = ScopeObserver(all_account_groups, Scope(all_account_groups))
        self._days = SyncDays(store, writer, self.report, coverage, self._observer, now=EPOCH, end=EPOCH)
        self._unrecorded: set[date] = set()

    def __repr__(self) -> str:
        return f"Sync of {self.report.location}: {self._days!r}"

    def run(self) -> SyncReport:
        """Read every day that may have new events, newest first, and keep it."""
        self._begin()
        self._writer.begin()
        self._save_first_day()
        try:
            # The plan is made again until it is empty. Only the events themselves show that a token sees an account
            # group that the one before did not see; then older days have to be read, too.
            while (plan := self._plan()).periods:
                self._unrecorded = plan.unrecorded
                for period in plan.periods:
                    self._fetch(period)
                self._days.write()
        except (FetchError, KeyboardInterrupt) as error:
            self._days.write()
            kept = len(self._days.read)
            error.add_note(f"The archive keeps the {kept:,} days read so far; the next sync goes on from there.")
            raise
        finally:
            self._days.record_all()
            self._writer.finish()
            self._days.report_scope()
            self._report_manifest()
        return self.report

    def _begin(self) -> None:
        """Ask the server for its time, and derive what depends on it: the end, the first day, the coverage to trust."""
        clocks = self._compare_clocks()
        coverage = self._stored_coverage.possible_at(clocks.later + APART)
        if before := coverage.latest_sync:
            self._observer = ScopeObserver(self._query["all_account_groups"], before.scope)
        self._end = floor_second(clocks.earlier - self._settle)
        oldest = oldest_kept(clocks.earlier).date()
        self._first = self._start.date() if self._start else max(coverage.since or oldest, oldest)
        if midnight(self._first) >= self._end:
            raise InvalidArgument(
                f"start: {self._first} is not before {iso(self._end)}, where this sync ends; give an earlier one"
            )
        self.report.start, self.report.end = iso(midnight(self._first)), iso(self._end)
        self._days = SyncDays(
            self._store, self._writer, self.report, coverage, self._observer, now=clocks.earlier, end=self._end
        )

    def _compare_clocks(self) -> ClockComparison:
        stream = self._source.iter_batches(window="1s", **self._query)
        for _ in stream:
            pass
        self._add_costs(stream.receipt)
        clocks = ClockComparison.from_receipt(stream.receipt)
        self.report.clock_ahead_seconds = round(clocks.ahead.total_seconds(), 3)
        if difference := clocks.difference():
            if clocks.is_unusable:
                # A machine without a battery starts in 1970, and its archive would begin there.
                raise ArchiveError(
                    f"{self.report.location}: {difference}. Set the clock that is wrong, and sync again."
                )
            note = f"{difference}; days count as read only up to the earlier. Set the clock that is wrong"
            self._warn(note, stacklevel=6)
        return clocks

    def _save_first_day(self) -> None:
        """Save the first day of this sync, so that the next sync goes back as far even if this one is interrupted."""
        stored, possible, first = self._stored_coverage, self._days.coverage, Coverage(since=self._first)
        if stored != possible or possible.since is None or self._first < possible.since:
            self._days.update_coverage(lambda found: (possible if found == stored else found).merged(first))

    def _plan(self) -> SyncPlan:
        plan = plan_sync(
            self._days.coverage,
            first=self._first,
            end=self._end,
            files=set(self._store.names(TABLE)),
            scope=self._observer.scope,
            lookback=self._lookback,
            done=self._days.read,
        )
        if not self._days.read:
            self._days.scope_days = set(plan.scope_days)
        return plan

    # ---- reading -------------------------------------------------------------------------------------------------

    def _fetch(self, period: Period) -> None:
        if any(period.start <= midnight(day) < period.end for day in self._unrecorded):
            # An earlier sync failed in these days, perhaps because of their order. This one has to get further.
            self._fetch_in_pieces(period)
            return
        try:
            again = self._fetch_in_order(period)
        except BadRequest:
            # The widest range that the API allows is not known. So the range is halved, and the newer half read first.
            days = max((period.end - period.start) / 2 // ONE_DAY, 1)
            middle = midnight(period.start.date() + days * ONE_DAY)
            if not period.start < middle < period.end:
                raise
            self._fetch(Period(middle, period.end))
            self._fetch(Period(period.start, middle))
        else:
            for each in join_days(again, self._end):
                self._fetch_in_pieces(each)

    def _fetch_in_order(self, period: Period) -> Collection[date]:
        """Fetch a period and keep each day once no later page can add to it. Return the days that must be read again.

        All days are returned if the events prove to be out of order, or if events without a date keep every day
        incomplete.
        """
        stream = self._source.iter_batches(start=period.start, end=period.end, **self._query)
        buffer = DayBuffer(period)
        again: set[date] = set()
        idle, is_whole = 0, False
        try:
            for batch in stream:
                self._observer.add_fetched(batch)
                late = buffer.add(batch)
                self._days.forget(late)
                again |= late
                idle = 0 if self._days.add(buffer.take_complete(stream.missing)) else idle + 1
                is_out_of_order = idle >= _IDLE_OUT_OF_ORDER and stream.receipt.order == "none"
                if is_out_of_order or len(again) > _MOST_DAYS_AGAIN:
                    self._days.forget(buffer.days)
                    return buffer.days
                if idle >= _IDLE and buffer.has_undated:
                    self._days.add_undated(buffer.undated())
                    return again | set(buffer.waiting())
            is_whole = True
        except PaginationError:
            # A stream cannot start over, but a fetch of each piece can. If the pages are wrong, it raises again.
            self._days.forget(buffer.days)
            return buffer.days
        finally:
            # Days that are read again are counted then.
            self._add_costs(stream.receipt, coerced=is_whole)
        self._days.add(buffer.take_complete([]))
        self._days.add_undated(buffer.undated())
        return again

    def _fetch_in_pieces(self, period: Period) -> None:
        """Fetch a period with events out of order, in pieces of whole days, newest first.

        A piece is kept only when it has been read to its end. So pieces start small, and grow as long as they are
        quick; an interruption then loses little.
        """
        end, days, most = period.end, 1, (period.end - period.start) // ONE_DAY + 1
        while end > period.start:
            piece = Period(max(period.start, midnight((end - SECOND).date() - (days - 1) * ONE_DAY)), end)
            try:
                pages = self._fetch_piece(piece)
            except BadRequest:
                if days == 1:
                    raise
                days = most = days // 2
                continue
            end = piece.start
            days = min(days * 2, most) if pages <= _FEW_PAGES else max(days // 2, 1) if pages > _MANY_PAGES else days

    def _fetch_piece(self, piece: Period) -> int:
        """Fetch a piece to its end, in whatever order, and keep it. Return the number of pages."""
        buffer = DayBuffer(piece)
        stream = self._source.iter_batches(start=piece.start, end=piece.end, **self._query)
        rows = stream.to_table()
        receipt = stream.receipt
        self._add_costs(receipt)
        for batch in rows.to_batches():
            self._observer.add_fetched(batch)
            buffer.add(batch)
        self._days.add(buffer.take_complete([]))
        self._days.add_undated(buffer.undated())
        self._days.write()
        return receipt.pages

    # ---- reporting -----------------------------------------------------------------------------------------------

    def _add_costs(self, receipt: Receipt, *, coerced: bool = True) -> None:
        self.report.requests += receipt.requests
        self.report.retries += receipt.retries
        self.report.throttled += receipt.throttled
        self.report.waited_seconds = round(self.report.waited_seconds + receipt.waited_seconds, 3)
        self.report.coerced_values += receipt.coerced if coerced else 0

    def _report_manifest(self) -> None:
        self.report.manifest = self._writer.digest
        if self._writer.adopted:
            self.report.notes.append(
                f"the archive had {self._writer.adopted:,} files and no manifest: the new one cannot be compared with "
                "an earlier one"
            )
        if unexpected := sorted(set(self._writer.unexpected)):
            shown = ", ".join(unexpected[:3]) + (f" and {len(unexpected) - 3} more" if len(unexpected) > 3 else "")
            note = f"something else changed {shown} since the last sync; run a verification to see what happened"
            self._warn(note, stacklevel=5)

    def _warn(self, note: str, *, stacklevel: int) -> None:
        """Add a note to the report, and warn at the line that called `Archive.sync`."""
        self.report.notes.append(note)
        warnings.warn(f"{self.report.location}: {note}", AuditFramesWarning, stacklevel=stacklevel)
