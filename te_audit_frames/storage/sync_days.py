"""The days that a sync has read: written in groups, compared with the archive, and recorded in the coverage."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.merge import count_fewer
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading
from te_audit_frames.storage.new_events import NewEvents
from te_audit_frames.storage.scope import ScopeObserver, groups_of
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_plan import DAYS_PER_WRITE
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.table import MergedDay, merge_rows, update_coverage

_EVENTS_PER_WRITE = 200_000
"""Events that are held in memory before they are written."""

_SECONDS_PER_WRITE = 10.0
"""Seconds after which days are written, however few they are."""


class SyncDays:
    """The days that one sync has read.

    Parameters
    ----------
    store : Store
        The archive's store. The caller is inside its `writing`.
    writer : ArchiveWriter
        Writes the archive's files.
    report : SyncReport
        Receives the counts of events and days.
    coverage : Coverage
        The archive's record of each day, as earlier syncs left it. Events that these syncs missed count as late.
    observer : ScopeObserver
        Observes whose events the token sees.
    now, end : datetime
        The time of the sync, and the end of its period.

    Attributes
    ----------
    read : dict of date to int
        The days that were read to their end, and the number of events in the file of each.
    coverage : Coverage
        Brought up to date as days are recorded.
    scope_days : set of date
        Days that must be read before any day is recorded; see `SyncPlan`.
    """

    def __init__(
        self,
        store: Store,
        writer: ArchiveWriter,
        report: SyncReport,
        coverage: Coverage,
        observer: ScopeObserver,
        *,
        now: datetime,
        end: datetime,
    ) -> None:
        self._store = store
        self._writer = writer
        self._report = report
        self._observer = observer
        self._now = now
        self._end = end
        self._before = coverage
        self.coverage = coverage
        self.read: dict[date, int] = {}
        self.scope_days: set[date] = set()
        self._unrecorded: dict[date, int] = {}
        self._gathered: dict[date | None, pa.Table] = {}
        self._gathered_since = time.monotonic()
        self._added = NewEvents()
        # By day, so that if a day is read twice, its second reading replaces what the first, incomplete one noted.
        self._days_added: set[date] = set()
        self._days_changed: set[date] = set()
        self._paired: dict[date, int] = {}
        self._vanished: dict[date, pa.Table] = {}
        self._fewer: dict[date, pa.Table] = {}

    def __repr__(self) -> str:
        return f"SyncDays({number_of(len(self.read), 'day')} read, {len(self._gathered):,} to be written)"

    def update_coverage(self, change: Callable[[Coverage], Coverage]) -> None:
        """Change the archive's coverage file in one step."""
        self.coverage = update_coverage(self._store, self._writer, change)

    def add(self, days: Iterable[tuple[date, list[pa.RecordBatch]]]) -> int:
        """Add days that were read to their end, and return how many."""
        count = 0
        for count, (day, batches) in enumerate(days, start=1):  # noqa: B007 - returned below
            self._gather(day, batches)
        return count

    def add_undated(self, batches: list[pa.RecordBatch]) -> None:
        """Add events without a date."""
        if batches:
            self._gather(None, batches)

    def _gather(self, day: date | None, batches: list[pa.RecordBatch]) -> None:
        """Hold a day until enough has gathered to be written."""
        if day in self._gathered:
            self.write()
        self._gathered[day] = pa.Table.from_batches(batches, schema=ARROW_SCHEMA)  # the merge sorts it
        if (
            len(self._gathered) >= DAYS_PER_WRITE
            or sum(rows.num_rows for rows in self._gathered.values()) >= _EVENTS_PER_WRITE
            or time.monotonic() - self._gathered_since >= _SECONDS_PER_WRITE
        ):
            self.write()

    def write(self) -> None:
        """Write the days that have gathered, and record them."""
        gathered, self._gathered = self._gathered, {}
        for day, merged_day in merge_rows(self._store, self._writer, gathered, self._could_see).items():
            merged, is_new = merged_day.merged, merged_day.is_new
            self._report.events_added += merged.added.num_rows
            self._added.add(merged.added)
            if day is None:
                self._report.undated_events = max(self._report.undated_events, gathered[None].num_rows)
                continue
            self._compare_with_archive(day, merged_day)
            self.read[day] = self._unrecorded[day] = merged.rows.num_rows
            self.scope_days.discard(day)
            if is_new:
                self._days_added.add(day)
            elif merged.added.num_rows:
                self._days_changed.add(day)
            self._paired[day] = merged.paired
        self._report.days_added = len(self._days_added)
        self._report.days_changed = len(self._days_changed - self._days_added)
        self._report.paired_events = sum(self._paired.values())
        self._record()
        self._gathered_since = time.monotonic()

    def forget(self, days: Collection[date]) -> None:
        """Withdraw this sync's records of days that were not read to their end after all.

        Their events stay, and so do the records of earlier syncs.
        """
        if self._gathered.keys() & set(days):
            self.write()
        read = [day for day in days if self.read.pop(day, None) is not None]
        for day in read:
            self._unrecorded.pop(day, None)
        if any(day in self.coverage.records for day in read):
            earlier = Coverage({day: self._before.records[day] for day in read if day in self._before.records})
            self.update_coverage(
                lambda coverage: coverage.without_sync(read, read_to=self._end, fetched_at=self._now).merged(earlier)
            )

    def record_all(self) -> None:
        """Record every day that was read, with the scope that is known at the end of the sync."""
        self._unrecorded = self.read.copy()
        self._record()

    def _record(self) -> None:
        """Record the days whose files are written, as soon as the token's scope is known."""
        if not self._unrecorded or self.scope_days:
            return
        reading = Reading(self._end, self._now, False, self._observer.scope)
        records = {day: DayRecord(events, (reading,)) for day, events in self._unrecorded.items()}
        self.update_coverage(lambda coverage: coverage.merged(Coverage(records)))
        self._unrecorded = {}

    # ---- comparing -----------------------------------------------------------------------------------------------

    def _could_see(self, archived: pa.Table) -> pa.Array:
        """Mark the archived rows that the token can see, as far as is known."""
        self._observer.add_archived(self._before_end(archived))
        return self._observer.could_see(archived)

    def _compare_with_archive(self, day: date, merged_day: MergedDay) -> None:
        """Note which archived events of a day were not returned again, and which new events arrived late."""
        merged, archived = merged_day.merged, merged_day.archived
        self._vanished.pop(day, None)
        self._fewer.pop(day, None)
        if merged_day.is_new:
            return
        self._observer.add_archived(self._before_end(archived))
        vanished = self._before_end(merged.vanished)
        if vanished.num_rows:
            self._vanished[day], self._fewer[day] = vanished, count_fewer(archived, vanished)
        record = self._before.records.get(day)
        before = record and record.latest
        if not before or before.scope.all_account_groups < self._observer.all_account_groups:
            return
        # An event of a group that the previous reading could not see is newly visible, and not late.
        groups = groups_of(merged.added)
        seen_before = pc.or_(groups.is_null(), pc.is_in(groups, pa.array(before.scope.groups, pa.large_string())))
        dates = merged.added.filter(seen_before)["date"].to_pandas()
        late = dates[dates < before.read_to] if not before.scope.own_log_only else dates[:0]
        self._report.late_events += len(late)
        if len(late):
            latest = (before.fetched_at - late.min()).total_seconds()
            self._report.latest_late_seconds = max(latest, self._report.latest_late_seconds or 0.0)

    def _before_end(self, rows: pa.Table) -> pa.Table:
        """Leave out events after the end of the sync, which it does not read."""
        return rows.filter(pc.less(rows["date"], pa.scalar(self._end, ARROW_SCHEMA.field("date").type)))

    def report_scope(self) -> None:
        """Complete the report with the scope, the new events, and the visible events that vanished."""
        vanished = pa.concat_tables([ARROW_SCHEMA.empty_table(), *self._vanished.values()])
        self._report.vanished_events = pc.sum(self._observer.could_see(vanished), min_count=0).as_py()
        for fewer in self._fewer.values():
            self._report.add_fewer(fewer.filter(self._observer.could_see(fewer)))
        self._report.new_events = self._added.to_frame()
        self._report.days_read = len(self.read)
        self._report.scope = str(self._observer.scope)
