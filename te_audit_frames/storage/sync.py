"""One sync of an archive: which days to read, and keeping each as soon as it is known to be whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import BadRequest, FetchError, InvalidRequest, PaginationError
from te_audit_frames.merge import count_fewer
from te_audit_frames.periods import Period, floor_second, iso
from te_audit_frames.receipt import Receipt
from te_audit_frames.schema import ARROW_SCHEMA, in_order, to_arrow
from te_audit_frames.storage.coverage import Coverage, Note, Reading, Scope, oldest_kept
from te_audit_frames.storage.day import ONE_DAY, TABLE, midnight, name_of
from te_audit_frames.storage.keeping import Kept, keep_rows, update_coverage
from te_audit_frames.storage.passing import Passing
from te_audit_frames.storage.place import Place
from te_audit_frames.storage.report import SyncReport
from te_audit_frames.storage.sight import Sight, groups_of

_NOTED_AT_ONCE = 32
"""Days that are kept before they are noted: what a killed process reads again at most."""


class Stream(Protocol):
    """Batches of a fetch, as `Client.iter_batches` returns them."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Hand out the batches."""

    @property
    def receipt(self) -> Receipt:
        """What came so far."""

    @property
    def missing(self) -> list[tuple[datetime, datetime]]:
        """What the batches so far do not vouch for."""


class Source(Protocol):
    """The verbs of a `Client` that a sync uses."""

    def iter_batches(
        self,
        *,
        window: str | None = ...,
        start: datetime | None = ...,
        end: datetime | None = ...,
        all_account_groups: bool = ...,
        errors: Literal["raise", "coerce"] = ...,
    ) -> Stream:
        """Fetch a period, batch by batch."""

    def fetch_events(
        self,
        *,
        start: datetime | None = ...,
        end: datetime | None = ...,
        all_account_groups: bool = ...,
        errors: Literal["raise", "coerce"] = ...,
    ) -> pd.DataFrame:
        """Fetch a period whole."""


class Sync:
    """One sync.

    Parameters
    ----------
    place : Place
        Where the archive lies; its `writing` is held by the caller.
    source : Source
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
        place: Place,
        source: Source,
        coverage: Coverage,
        *,
        location: str,
        start: datetime | None,
        all_account_groups: bool,
        lookback: timedelta,
        settle: timedelta,
        errors: str,
    ) -> None:
        self._place = place
        self._source = source
        self._coverage = coverage
        self._all_account_groups = all_account_groups
        self._question: dict[str, Any] = {"all_account_groups": all_account_groups, "errors": errors}
        self._lookback = lookback
        self._read: dict[date, int] = {}
        self._unnoted: dict[date, int] = {}
        self._waits_for: set[date] = set()
        self._vanished: list[pa.Table] = []
        self._fewer: list[pa.Table] = []
        carried = coverage.latest_sync
        self._sight = Sight(all_account_groups, carried.scope if carried else Scope(all_account_groups))
        self.report = SyncReport(location, start="", end="")
        self._now = self._server_now()
        self._end = floor_second(self._now - settle)
        oldest = oldest_kept(self._now).date()
        self._first = start.date() if start else max(coverage.since or oldest, oldest)
        if midnight(self._first) >= self._end:
            raise InvalidRequest(
                f"start: {self._first} is not before {iso(self._end)}, where this sync ends; give an earlier one"
            )
        self.report.start, self.report.end = iso(midnight(self._first)), iso(self._end)

    def run(self) -> SyncReport:
        """Read every day that may have something new, newest first, and keep it."""
        # Before anything else, so that a sync that is interrupted leaves behind how far back the next has to go.
        if self._coverage.since is None or self._first < self._coverage.since:
            self._coverage = update_coverage(self._place, lambda coverage: coverage.merged(Coverage(since=self._first)))
        try:
            # Again, since a token that sees more than the one before shows it only by what it brings: a new account
            # group may be one whose events of the past could not be seen.
            while stretches := self._plan():
                for stretch in stretches:
                    self._fetch(stretch)
        except (FetchError, KeyboardInterrupt) as error:
            kept = len(self._read)
            error.add_note(f"The archive keeps the {kept:,} days read so far; the next sync goes on from there.")
            raise
        finally:
            self._unnoted = self._read.copy()  # all, since the scope is known only now
            self._note()
            self._tell()
        return self.report

    # ---- deciding ------------------------------------------------------------------------------------------------

    def _server_now(self) -> datetime:
        stream = self._source.iter_batches(window="1s", **self._question)
        for _ in stream:
            pass
        self._charge(stream.receipt)
        period = stream.receipt.period
        assert period is not None  # noqa: S101 - a fetch that ended well has one  # nosec B101
        return period.end

    def _plan(self) -> list[Period]:
        """List the stretches of days to read, newest first."""
        days = [self._first + number * ONE_DAY for number in range((self._end.date() - self._first).days + 1)]
        present = set(self._place.names(TABLE))  # a day whose file was removed is read again
        needed = [
            day
            for day in days
            if day not in self._read
            and midnight(day) < self._end
            and (self._coverage.needs(day, self._sight.scope, self._lookback) or name_of(day) not in present)
        ]
        if not self._read:
            # Days that a sync read before, and that are not sealed, show whether the token sees as much as the one
            # before. Nothing is noted until they are through, and where there are many others they come first.
            self._waits_for = {day for day in needed if self._is_open(day)}
            others = [day for day in needed if day not in self._waits_for]
            if self._waits_for and len(others) > _NOTED_AT_ONCE:
                return self._stretches(self._waits_for) + self._stretches(others)
        return self._stretches(needed)

    def _is_open(self, day: date) -> bool:
        note = self._coverage.notes.get(day)
        readings = [reading for reading in note.readings if not reading.is_import] if note else []
        return bool(readings) and not any(reading.seals(day, self._lookback) for reading in readings)

    def _stretches(self, days: Iterable[date]) -> list[Period]:
        stretches: list[Period] = []
        for day in sorted(days):
            start, end = midnight(day), min(midnight(day) + ONE_DAY, self._end)
            if stretches and stretches[-1].end == start:
                start = stretches.pop().start
            stretches.append(Period(start, end))
        return stretches[::-1]

    # ---- reading -------------------------------------------------------------------------------------------------

    def _fetch(self, stretch: Period) -> None:
        try:
            if not self._follow(stretch):
                self._take_whole(stretch)
        except BadRequest:
            # Nobody knows the widest range that the API allows; halves of whole days are asked for, newest first.
            days = max((stretch.end - stretch.start) / 2 // ONE_DAY, 1)
            middle = midnight(stretch.start.date() + days * ONE_DAY)
            if not stretch.start < middle < stretch.end:
                raise
            self._fetch(Period(middle, stretch.end))
            self._fetch(Period(stretch.start, middle))

    def _follow(self, stretch: Period) -> bool:
        """Fetch a stretch, and keep each day as soon as paging has passed it; tell whether dates were in order."""
        stream = self._source.iter_batches(start=stretch.start, end=stretch.end, **self._question)
        passing = Passing(stretch)
        try:
            for batch in stream:
                self._sight.see(batch)
                if passing.add(batch):
                    return False
                self._keep(passing.passed(stream.missing))
        except PaginationError:
            if stream.receipt.order != "none":
                raise
            return False
        finally:
            self._charge(stream.receipt)
        self._keep(passing.passed([]))
        self._keep_day(None, passing.undated())
        return True

    def _take_whole(self, stretch: Period) -> None:
        """Fetch a stretch whose events are not in the order of their dates, so that no day is whole before the end."""
        days = Passing(stretch)
        self._forget(days.days)
        events = self._source.fetch_events(start=stretch.start, end=stretch.end, **self._question)
        self._charge(Receipt.from_dict(events.attrs["te_audit_frames"]))
        for batch in to_arrow(events).to_batches():
            self._sight.see(batch)
            days.add(batch)
        self._keep(days.passed([]))
        self._keep_day(None, days.undated())

    def _charge(self, receipt: Receipt) -> None:
        self.report.requests += receipt.requests
        self.report.retries += receipt.retries
        self.report.throttled += receipt.throttled
        self.report.waited_seconds = round(self.report.waited_seconds + receipt.waited_seconds, 3)
        self.report.coerced_values += receipt.coerced

    # ---- keeping -------------------------------------------------------------------------------------------------

    def _keep(self, days: Iterable[tuple[date, list[pa.RecordBatch]]]) -> None:
        for day, batches in days:
            self._keep_day(day, batches)
            if len(self._unnoted) >= _NOTED_AT_ONCE:
                self._note()

    def _keep_day(self, day: date | None, batches: list[pa.RecordBatch]) -> None:
        if day is None and not batches:
            return
        fetched = in_order(batches)
        kept = keep_rows(self._place, day, fetched, self._could_see)
        if day is None:
            self.report.undated_events += fetched.num_rows
        else:
            self._look_back(day, kept)
            self._read[day] = self._unnoted[day] = kept.merged.rows.num_rows
            self._waits_for.discard(day)
            self.report.days_added += kept.is_new
            self.report.days_changed += bool(not kept.is_new and kept.merged.added.num_rows)
        self.report.events_added += kept.merged.added.num_rows
        self.report.paired_events += kept.merged.paired

    def _could_see(self, archived: pa.Table) -> pa.Array:
        """Mark the archived rows that this sync's token would have brought, as far as is known until now."""
        self._sight.look_back(archived.filter(self._is_asked_for(archived)))
        return self._sight.could_see(archived)

    def _look_back(self, day: date, kept: Kept) -> None:
        """Compare what came of a day with what the archive had of it."""
        # What lies behind the end of this sync was not asked for.
        self._sight.look_back(kept.archived.filter(self._is_asked_for(kept.archived)))
        vanished = kept.merged.vanished.filter(self._is_asked_for(kept.merged.vanished))
        if vanished.num_rows:
            self._vanished.append(vanished)
            self._fewer.append(count_fewer(kept.archived, vanished))
        note = self._coverage.notes.get(day)
        before = note and note.latest
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
        self.report.vanished_events = pc.sum(self._sight.could_see(vanished), min_count=0).as_py()
        for fewer in self._fewer:
            self.report.add_fewer(fewer.filter(self._sight.could_see(fewer)))
        self.report.days_read = len(self._read)
        self.report.scope = str(self._sight.scope)

    def _note(self) -> None:
        """Note the days that were kept, behind their files, as soon as it is known what the token sees."""
        if not self._unnoted or self._waits_for:
            return
        reading = Reading(self._end, self._now, False, self._sight.scope)
        notes = {day: Note(events, (reading,)) for day, events in self._unnoted.items()}
        self._coverage = update_coverage(self._place, lambda coverage: coverage.merged(Coverage(notes)))
        self._unnoted = {}

    def _forget(self, days: list[date]) -> None:
        """Take back what was noted of days that proved not to be whole."""
        for day in days:
            self._read.pop(day, None)
            self._unnoted.pop(day, None)
        if any(day in self._coverage.notes for day in days):
            self._coverage = update_coverage(self._place, lambda coverage: coverage.without(days))
