"""One sync of an archive: which days to read, and keeping each as soon as it is known to be whole."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import (
    ArchiveError,
    AuditFramesWarning,
    BadRequest,
    FetchError,
    InvalidArgument,
    PaginationError,
)
from te_audit_frames.merge import count_fewer
from te_audit_frames.periods import EPOCH, SECOND, Period, floor_second, iso
from te_audit_frames.receipts import Receipt
from te_audit_frames.schema import ARROW_SCHEMA, in_order
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.clock_comparison import APART, ClockComparison
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading, oldest_kept
from te_audit_frames.storage.day_buffer import DayBuffer
from te_audit_frames.storage.day_file import ONE_DAY, TABLE, midnight, name_of
from te_audit_frames.storage.event_table import MergedDay, merge_rows, update_coverage
from te_audit_frames.storage.scope import Scope, ScopeObserver, groups_of
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_report import SyncReport

_KEPT_AT_ONCE = 32
"""Days that are gathered before they are written and noted: what a killed process reads again at most."""

_EVENTS_AT_ONCE = 200_000
"""Events that are gathered, since memory is finite."""

_SECONDS_AT_ONCE = 10.0
"""Seconds after which the days gathered are written, however few they are."""

_MOST_AGAIN = 3
"""Days of a stream that are read again since an event of theirs came late in it; with more, order is given up."""

_IDLE, _IDLE_OUT_OF_ORDER = 20, 3
"""Batches without a whole day after which order is given up, if dates are missing, or out of order."""

_FEW_PAGES, _MANY_PAGES = 100, 400
"""A piece of fewer pages is followed by one of twice the days, a piece of more by one of half the days."""


class BatchStream(Protocol):
    """The batches of one fetch, as `Client.iter_batches` returns them."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches."""

    def to_table(self) -> pa.Table:
        """Take all batches at once, whatever their order."""

    @property
    def receipt(self) -> Receipt:
        """What came so far."""

    @property
    def missing(self) -> Sequence[Period]:
        """What the batches so far do not vouch for."""


class BatchSource(Protocol):
    """The one method of a `Client` that a sync uses."""

    def iter_batches(
        self,
        *,
        window: str | None = ...,
        start: datetime | None = ...,
        end: datetime | None = ...,
        all_account_groups: bool | None = ...,
        errors: Literal["raise", "coerce"] = ...,
    ) -> BatchStream:
        """Fetch a period, batch by batch."""


class Sync:
    """One sync.

    Parameters
    ----------
    store : Store
        Where the archive lies; its `writing` is held by the caller.
    writer : ArchiveWriter
        Writes its files.
    source : BatchSource
        How to ask.
    coverage : Coverage
        What is known so far.
    location : str
        What the report calls the archive.
    start : datetime or None
        The first day to read, at its midnight; None for the one that a sync set out from before, or for the vendor's
        two years.
    all_account_groups : bool
        What to ask for.
    lookback, settle : timedelta
        As of `Archive.sync`.
    errors : {"raise", "coerce"}
        As of `Client.fetch_events`.
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
    ) -> None:
        self._store = store
        self._writer = writer
        self._source = source
        self._all_account_groups = all_account_groups
        self._question: dict[str, Any] = {"all_account_groups": all_account_groups, "errors": errors}
        self._lookback = lookback
        self._read: dict[date, int] = {}
        self._unrecorded: dict[date, int] = {}
        self._waits_for: set[date] = set()
        self._unproven: set[date] = set()
        self._gathered: dict[date | None, pa.Table] = {}
        self._gathered_since = time.monotonic()
        self._vanished: list[pa.Table] = []
        self._fewer: list[pa.Table] = []
        self.report = SyncReport(location, start="", end="")
        self._start = start
        self._settle = settle
        self._had = self._coverage = coverage
        # Set by `_begin`, which asks for the time.
        self._now = self._end = EPOCH
        self._first = EPOCH.date()
        self._observer = ScopeObserver(all_account_groups, Scope(all_account_groups))

    def _begin(self) -> None:
        """Ask the server for its time, and settle what depends on it: the end, the first day, what is possible."""
        self._now, horizon = self._clocks()
        self._coverage = self._had.possible_at(horizon + APART)
        if carried := self._coverage.latest_sync:
            self._observer = ScopeObserver(self._all_account_groups, carried.scope)
        self._end = floor_second(self._now - self._settle)
        oldest = oldest_kept(self._now).date()
        self._first = self._start.date() if self._start else max(self._coverage.since or oldest, oldest)
        if midnight(self._first) >= self._end:
            raise InvalidArgument(
                f"start: {self._first} is not before {iso(self._end)}, where this sync ends; give an earlier one"
            )
        self.report.start, self.report.end = iso(midnight(self._first)), iso(self._end)

    def run(self) -> SyncReport:
        """Read every day that may have something new, newest first, and keep it."""
        self._begin()
        self._writer.begin()
        # Before anything else, so that a sync that is interrupted leaves behind how far back the next has to go.
        if self._had != self._coverage or self._coverage.since is None or self._first < self._coverage.since:
            had, healed, since = self._had, self._coverage, Coverage(since=self._first)
            self._coverage = self._update(lambda found: (healed if found == had else found).merged(since))
        try:
            # Again, since a token that sees more than the one before shows it only by what it brings: a new account
            # group may be one whose events of the past could not be seen.
            while stretches := self._plan():
                for period in stretches:
                    self._fetch(period)
                self._write()
        except (FetchError, KeyboardInterrupt) as error:
            self._write()
            kept = len(self._read)
            error.add_note(f"The archive keeps the {kept:,} days read so far; the next sync goes on from there.")
            raise
        finally:
            self._unrecorded = self._read.copy()  # all, since the scope is known only now
            self._record()
            self._writer.finish()
            self._tell()
        return self.report

    def _update(self, change: Callable[[Coverage], Coverage]) -> Coverage:
        return update_coverage(self._store, self._writer, change)

    # ---- deciding ------------------------------------------------------------------------------------------------

    def _clocks(self) -> tuple[datetime, datetime]:
        """Return the earlier of the server's and this machine's time, which decides what is past, and the later."""
        stream = self._source.iter_batches(window="1s", **self._question)
        for _ in stream:
            pass
        self._charge(stream.receipt)
        clocks = ClockComparison.of(stream.receipt)
        self.report.clock_ahead_seconds = round(clocks.ahead.total_seconds(), 3)
        if difference := clocks.difference():
            if clocks.is_beyond_doubt:
                # Or an archive might begin in 1970, where a machine's clock stands without its battery.
                raise ArchiveError(
                    f"{self.report.location}: {difference}. Set the clock that is wrong, and sync again."
                )
            self._remark(f"{difference}; days count as read only up to the earlier. Set the clock that is wrong")
        return clocks.earlier, clocks.later

    def _remark(self, note: str) -> None:
        self.report.notes.append(note)
        warnings.warn(f"{self.report.location}: {note}", AuditFramesWarning, stacklevel=5)

    def _plan(self) -> list[Period]:
        """List the stretches of days to read, newest first."""
        days = [self._first + number * ONE_DAY for number in range((self._end.date() - self._first).days + 1)]
        present = set(self._store.names(TABLE))  # a day whose file was removed is read again
        # A file without a record is what a sync leaves behind that gave up order, or that was killed. Whatever it was,
        # this one must get further.
        self._unproven = {
            day
            for day in days
            if day not in self._read and day not in self._coverage.records and name_of(day) in present
        }
        needed = [
            day
            for day in days
            if day not in self._read
            and midnight(day) < self._end
            and (self._coverage.needs(day, self._observer.scope, self._lookback) or name_of(day) not in present)
        ]
        if not self._read:
            # Days that a sync read before, and that are not sealed, show whether the token sees as much as the one
            # before. Nothing is noted until they are through, and where there are many others they come first.
            self._waits_for = {day for day in needed if self._is_open(day)}
            others = [day for day in needed if day not in self._waits_for]
            if self._waits_for and len(others) > _KEPT_AT_ONCE:
                return self._stretches(self._waits_for) + self._stretches(others)
        return self._stretches(needed)

    def _is_open(self, day: date) -> bool:
        record = self._coverage.records.get(day)
        readings = [reading for reading in record.readings if not reading.is_import] if record else []
        return bool(readings) and not any(reading.is_final(day, self._lookback) for reading in readings)

    def _stretches(self, days: Iterable[date]) -> list[Period]:
        stretches: list[Period] = []
        for day in sorted(days):
            start, end = midnight(day), min(midnight(day) + ONE_DAY, self._end)
            if stretches and stretches[-1].end == start:
                start = stretches.pop().start
            stretches.append(Period(start, end))
        return stretches[::-1]

    # ---- reading -------------------------------------------------------------------------------------------------

    def _fetch(self, period: Period) -> None:
        if any(period.start <= midnight(day) < period.end for day in self._unproven):
            self._fetch_in_pieces(period)
            return
        try:
            again = self._follow(period)
        except BadRequest:
            # Nobody knows the widest range that the API allows; halves of whole days are asked for, newest first.
            days = max((period.end - period.start) / 2 // ONE_DAY, 1)
            middle = midnight(period.start.date() + days * ONE_DAY)
            if not period.start < middle < period.end:
                raise
            self._fetch(Period(middle, period.end))
            self._fetch(Period(period.start, middle))
        else:
            for each in self._stretches(again):
                self._fetch_in_pieces(each)

    def _follow(self, period: Period) -> Collection[date]:
        """Fetch a period, and keep each day as soon as paging has passed it; return the days to read again.

        Order is given up if the dates prove to run no way, and if events without a date keep the fetch from vouching
        for any day.
        """
        stream = self._source.iter_batches(start=period.start, end=period.end, **self._question)
        buffer = DayBuffer(period)
        again: set[date] = set()
        idle, is_whole = 0, False
        try:
            for batch in stream:
                self._observer.add_fetched(batch)
                late = buffer.add(batch)
                self._forget(late)
                again |= late
                idle = 0 if self._keep(buffer.take_complete(stream.missing)) else idle + 1
                is_out_of_order = idle >= _IDLE_OUT_OF_ORDER and stream.receipt.order == "none"
                if is_out_of_order or len(again) > _MOST_AGAIN:
                    self._forget(buffer.days)
                    return buffer.days
                if idle >= _IDLE and buffer.has_undated:
                    self._keep_day(None, buffer.undated())
                    return again | set(buffer.waiting())
            is_whole = True
        except PaginationError:
            # A stream cannot take back what it handed out; a fetch can. What is wrong with the pages, it says again.
            self._forget(buffer.days)
            return buffer.days
        finally:
            # What was given up comes again, and its values that no column can hold are counted then.
            self._charge(stream.receipt, coerced=is_whole)
        self._keep(buffer.take_complete([]))
        self._keep_day(None, buffer.undated())
        return again

    def _fetch_in_pieces(self, period: Period) -> None:
        """Fetch a period whose events are out of order: pieces of whole days, newest first, each kept at once.

        A piece is whole only at its end, so small pieces lose little to a deadline; they grow while they are quick.
        """
        end, days, most = period.end, 1, (period.end - period.start) // ONE_DAY + 1
        while end > period.start:
            piece = Period(max(period.start, midnight((end - SECOND).date() - (days - 1) * ONE_DAY)), end)
            try:
                pages = self._take_whole(piece)
            except BadRequest:
                if days == 1:
                    raise
                days = most = days // 2
                continue
            end = piece.start
            days = min(days * 2, most) if pages <= _FEW_PAGES else max(days // 2, 1) if pages > _MANY_PAGES else days

    def _take_whole(self, piece: Period) -> int:
        """Fetch a piece whatever its order, and keep it; return the number of pages."""
        days = DayBuffer(piece)
        stream = self._source.iter_batches(start=piece.start, end=piece.end, **self._question)
        rows = stream.to_table()
        receipt = stream.receipt
        self._charge(receipt)
        for batch in rows.to_batches():
            self._observer.add_fetched(batch)
            days.add(batch)
        self._keep(days.take_complete([]))
        self._keep_day(None, days.undated())
        self._write()
        return receipt.pages

    def _charge(self, receipt: Receipt, *, coerced: bool = True) -> None:
        self.report.requests += receipt.requests
        self.report.retries += receipt.retries
        self.report.throttled += receipt.throttled
        self.report.waited_seconds = round(self.report.waited_seconds + receipt.waited_seconds, 3)
        self.report.coerced_values += receipt.coerced if coerced else 0

    # ---- keeping -------------------------------------------------------------------------------------------------

    def _keep(self, days: Iterable[tuple[date, list[pa.RecordBatch]]]) -> int:
        count = 0
        for count, (day, batches) in enumerate(days, start=1):  # noqa: B007 - counted for the caller
            self._keep_day(day, batches)
        return count

    def _keep_day(self, day: date | None, batches: list[pa.RecordBatch]) -> None:
        """Gather a day, and write what was gathered if that is enough."""
        if day is None and not batches:
            return
        if day in self._gathered:
            self._write()
        self._gathered[day] = in_order(batches)
        if (
            len(self._gathered) >= _KEPT_AT_ONCE
            or sum(rows.num_rows for rows in self._gathered.values()) >= _EVENTS_AT_ONCE
            or time.monotonic() - self._gathered_since >= _SECONDS_AT_ONCE
        ):
            self._write()

    def _write(self) -> None:
        """Write the days gathered, and record them."""
        gathered, self._gathered = self._gathered, {}
        for day, kept in merge_rows(self._store, self._writer, gathered, self._could_see).items():
            self.report.events_added += kept.merged.added.num_rows
            if day is None:
                self.report.undated_events = max(self.report.undated_events, gathered[None].num_rows)
                continue
            self._compare_with_archive(day, kept)
            self._read[day] = self._unrecorded[day] = kept.merged.rows.num_rows
            self._waits_for.discard(day)
            self.report.days_added += kept.is_new
            self.report.days_changed += bool(not kept.is_new and kept.merged.added.num_rows)
            self.report.paired_events += kept.merged.paired
        self._record()
        self._gathered_since = time.monotonic()

    def _could_see(self, archived: pa.Table) -> pa.Array:
        """Mark the archived rows that this sync's token would have brought, as far as is known until now."""
        self._observer.add_archived(archived.filter(self._is_asked_for(archived)))
        return self._observer.could_see(archived)

    def _compare_with_archive(self, day: date, kept: MergedDay) -> None:
        """Compare what came of a day with what the archive had of it."""
        # What lies behind the end of this sync was not asked for.
        self._observer.add_archived(kept.archived.filter(self._is_asked_for(kept.archived)))
        vanished = kept.merged.vanished.filter(self._is_asked_for(kept.merged.vanished))
        if vanished.num_rows:
            self._vanished.append(vanished)
            self._fewer.append(count_fewer(kept.archived, vanished))
        record = self._coverage.records.get(day)
        before = record and record.latest
        if before and not kept.is_new and before.scope.all_account_groups >= self._all_account_groups:
            # Events of a group that the reading before did not see are not late, but newly visible.
            groups = groups_of(kept.merged.added)
            seen_before = pc.or_(groups.is_null(), pc.is_in(groups, pa.array(before.scope.groups, pa.large_string())))
            dates = kept.merged.added.filter(seen_before)["date"].to_pandas()
            late = dates[dates < before.read_to] if not before.scope.own_log_only else dates[:0]
            self.report.late_events += len(late)
            if len(late):
                latest = (before.fetched_at - late.min()).total_seconds()
                self.report.latest_late_seconds = max(latest, self.report.latest_late_seconds or 0.0)

    def _is_asked_for(self, rows: pa.Table) -> pa.ChunkedArray:
        return pc.less(rows["date"], pa.scalar(self._end, ARROW_SCHEMA.field("date").type))

    def _tell(self) -> None:
        """Report what is known only at the end: the scope, and what is gone of that which the token could see."""
        vanished = pa.concat_tables([ARROW_SCHEMA.empty_table(), *self._vanished])
        self.report.vanished_events = pc.sum(self._observer.could_see(vanished), min_count=0).as_py()
        for fewer in self._fewer:
            self.report.add_fewer(fewer.filter(self._observer.could_see(fewer)))
        self.report.days_read = len(self._read)
        self.report.scope = str(self._observer.scope)
        self.report.manifest = self._writer.digest
        if self._writer.adopted:
            self.report.notes.append(
                f"the archive had {self._writer.adopted:,} files and no manifest: the new one is not comparable with "
                "before"
            )
        if unexpected := sorted(set(self._writer.unexpected)):
            shown = ", ".join(unexpected[:3]) + (f" and {len(unexpected) - 3} more" if len(unexpected) > 3 else "")
            self._remark(f"something else changed {shown} since the last sync; run a verification, which says how")

    def _record(self) -> None:
        """Note the days that were kept, behind their files, as soon as it is known what the token sees."""
        if not self._unrecorded or self._waits_for:
            return
        reading = Reading(self._end, self._now, False, self._observer.scope)
        records = {day: DayRecord(events, (reading,)) for day, events in self._unrecorded.items()}
        self._coverage = self._update(lambda coverage: coverage.merged(Coverage(records)))
        self._unrecorded = {}

    def _forget(self, days: Collection[date]) -> None:
        """Take back what was noted of days that proved not to be whole; the events that came of them stay."""
        if self._gathered.keys() & set(days):
            self._write()
        for day in days:
            self._read.pop(day, None)
            self._unrecorded.pop(day, None)
        if any(day in self._coverage.records for day in days):
            self._coverage = self._update(lambda coverage: coverage.without(days))
