"""One sync of an archive: which days it reads, in which order, and what it records."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import Any, Literal

from te_audit_frames.errors import (
    ArchiveError,
    AuditFramesWarning,
    FetchError,
    InvalidArgument,
)
from te_audit_frames.periods import EPOCH, floor_second, iso
from te_audit_frames.safe_text import number_of
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.clock_comparison import APART, ClockComparison
from te_audit_frames.storage.coverage import Coverage, oldest_kept
from te_audit_frames.storage.day_file import TABLE, midnight
from te_audit_frames.storage.scope import Scope, ScopeObserver
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_days import SyncDays
from te_audit_frames.storage.sync_plan import SyncPlan, plan_sync
from te_audit_frames.storage.sync_reader import SyncReader, add_costs
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.sync_source import BatchSource


class Sync:
    """One sync.

    Parameters
    ----------
    store : Store
        The archive's store. The caller is inside its `writing`.
    writer : ArchiveWriter
        Writes the archive's files.
    source : BatchSource
        The client that fetches events.
    coverage : Coverage
        The archive's record of each day.
    location : str
        The archive's name in the report.
    start : datetime or None
        Midnight of the first day to read. None means two years ago, or the first day of the earlier syncs if that is
        later.
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
        # A first sync can take hours, because the rate limit allows only so many pages. So it asks for large pages,
        # and its deadline starts again with each page.
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
        self._reader = self._new_reader()

    def __repr__(self) -> str:
        return f"Sync of {self.report.location}: {self._days!r}"

    def run(self) -> SyncReport:
        """Read every day that may have new events, newest first, and keep it."""
        self._begin()
        self._writer.begin()
        self._save_first_day()
        try:
            # The plan is made again until it is empty. Only the fetched events show whether this token sees an account
            # group that the previous one did not see. If it does, older days have to be read, too.
            while (plan := self._plan()).periods:
                for period in plan.periods:
                    self._reader.read(period, plan.unrecorded)
                self._days.write()
        except (FetchError, KeyboardInterrupt) as error:
            self._days.write()
            kept = len(self._days.read)
            error.add_note(
                f"The archive keeps the {number_of(kept, 'day')} read so far; the next sync goes on from there."
            )
            raise
        finally:
            self._days.record_all()
            self._writer.finish()
            self._days.report_scope()
            self._report_manifest()
        return self.report

    def _begin(self) -> None:
        """Ask the server for its time, and derive the end, the first day and the coverage to trust."""
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
        self._reader = self._new_reader()

    def _new_reader(self) -> SyncReader:
        return SyncReader(self._source, self._query, self._days, self._observer, self.report, end=self._end)

    def _compare_clocks(self) -> ClockComparison:
        stream = self._source.iter_batches(window="1s", **self._query)
        for _ in stream:
            pass
        add_costs(self.report, stream.receipt)
        clocks = ClockComparison.from_receipt(stream.receipt)
        self.report.clock_ahead_seconds = round(clocks.ahead.total_seconds(), 3)
        if difference := clocks.difference():
            if clocks.is_unusable:
                # A machine without a battery starts in 1970, and its archive would begin there.
                raise ArchiveError(
                    f"{self.report.location}: {difference}. Set the clock that is wrong, and sync again."
                )
            note = f"{difference}; days count as read only up to the earlier time. Set the clock that is wrong"
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

    def _report_manifest(self) -> None:
        self.report.manifest = self._writer.digest
        if self._writer.adopted:
            self.report.notes.append(
                f"the archive had {number_of(self._writer.adopted, 'file')} and no manifest: the new one cannot be "
                "compared with an earlier one"
            )
        if unexpected := sorted(set(self._writer.unexpected)):
            shown = ", ".join(unexpected[:3]) + (f" and {len(unexpected) - 3} more" if len(unexpected) > 3 else "")
            note = f"something else changed {shown} since the last sync; run a verification to see what happened"
            self._warn(note, stacklevel=5)

    def _warn(self, note: str, *, stacklevel: int) -> None:
        """Add a note to the report, and warn at the line that called `Archive.sync`."""
        self.report.notes.append(note)
        warnings.warn(f"{self.report.location}: {note}", AuditFramesWarning, stacklevel=stacklevel)
