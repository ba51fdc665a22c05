"""One sync of an archive: which days to read, and keeping each as soon as it is known to be whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import BadRequest, FetchError, InvalidRequest, PaginationError
from te_audit_frames.periods import Period, floor_second, iso
from te_audit_frames.receipt import Receipt
from te_audit_frames.schema import ARROW_SCHEMA, in_order, to_arrow
from te_audit_frames.storage.coverage import Coverage, Note, Reading, Scope
from te_audit_frames.storage.day import ONE_DAY, TABLE, midnight, name_of
from te_audit_frames.storage.keeping import Kept, keep_rows, update_coverage
from te_audit_frames.storage.passing import Passing
from te_audit_frames.storage.place import Place
from te_audit_frames.storage.report import SyncReport

RETENTION_YEARS = 2
"""How long the vendor keeps the activity log, by the product's documentation."""

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
        The first day to read, at its midnight; None for the archive's first day, or the vendor's two years.
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
        self._groups_seen: set[str] = set()
        self._groups_archived: set[str] = set()
        self._people_seen: set[str] = set()
        self._people_archived: set[str] = set()
        carried = coverage.latest
        self._carried = carried.scope if carried else Scope(all_account_groups)
        self.report = SyncReport(location, start="", end="")
        self._now = self._server_now()
        self._end = floor_second(self._now - settle)
        first = min(coverage.notes, default=None)
        oldest = _years_before(self._now, RETENTION_YEARS).date()
        self._first = start.date() if start else max(first or oldest, oldest)
        if midnight(self._first) >= self._end:
            raise InvalidRequest(f"start: {self._first} is not before {iso(self._end)}, where this sync ends")
        self.report.start, self.report.end = iso(midnight(self._first)), iso(self._end)

    def run(self) -> SyncReport:
        """Read every day that may have something new, newest first, and keep it."""
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
            self._unnoted = self._read  # all, since the scope is known only now
            self._note()
            self.report.scope = str(self._scope)
        return self.report

    # ---- deciding ------------------------------------------------------------------------------------------------

    def _server_now(self) -> datetime:
        stream = self._source.iter_batches(window="1s", **self._question)
        for _ in stream:
            pass
        self._charge(stream.receipt)
        period = stream.receipt.period
        assert period is not None  # noqa: S101 - a fetch that ended well has one
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
            and (self._coverage.needs(day, self._scope) or name_of(day) not in present)
        ]
        known = [day for day in needed if day in self._coverage.notes]
        if known and len(needed) > len(known) + _NOTED_AT_ONCE:
            # Days that were read before come first: they show whether the token sees as much as the one before, and
            # that has to be known before other days are noted.
            return self._stretches(known) + self._stretches(day for day in needed if day not in self._coverage.notes)
        return self._stretches(needed)

    def _stretches(self, days: Iterable[date]) -> list[Period]:
        stretches: list[Period] = []
        for day in sorted(days):
            start, end = midnight(day), min(midnight(day) + ONE_DAY, self._end)
            if stretches and stretches[-1].end == start:
                start = stretches.pop().start
            stretches.append(Period(start, end))
        return stretches[::-1]

    @property
    def _scope(self) -> Scope:
        """Whose events this sync sees, as far as what it brought tells."""
        lost = (self._groups_archived | set(self._carried.without)) - self._groups_seen
        groups = (self._groups_archived | set(self._carried.groups) | self._groups_seen) - lost
        others = self._people_archived - self._people_seen
        is_alone = len(self._people_seen) == 1 and bool(others)
        is_alone |= self._carried.own_log_only and len(self._people_seen) < 2
        return Scope(self._all_account_groups, tuple(sorted(groups)), tuple(sorted(lost)), is_alone)

    # ---- reading -------------------------------------------------------------------------------------------------

    def _fetch(self, stretch: Period) -> None:
        try:
            if not self._follow(stretch):
                self._take_whole(stretch)
        except BadRequest:
            # Nobody knows the widest range that the API allows; halves of whole days are asked for, newest first.
            middle = midnight(stretch.start.date() + (stretch.end - stretch.start) / 2 // ONE_DAY * ONE_DAY)
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
                self._see(batch)
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
            self._see(batch)
            days.add(batch)
        self._keep(days.passed([]))
        self._keep_day(None, days.undated())

    def _see(self, batch: pa.RecordBatch) -> None:
        self._groups_seen |= _different(batch, "aid", "account_group_name")
        if len(self._people_seen) < 2:
            self._people_seen |= _different(batch, "uid", "user")

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
        kept = keep_rows(self._place, day, fetched)
        if day is None:
            self.report.undated_events += fetched.num_rows
        else:
            self._look_back(day, kept)
            self._read[day] = self._unnoted[day] = kept.merged.rows.num_rows
            self.report.days_read += 1
            self.report.days_added += kept.is_new
            self.report.days_changed += bool(not kept.is_new and kept.merged.added.num_rows)
        self.report.events_added += kept.merged.added.num_rows

    def _look_back(self, day: date, kept: Kept) -> None:
        """Compare what came of a day with what the archive had of it."""
        # What lies behind the end of this sync was not asked for.
        before_end = pc.less(kept.archived["date"], pa.scalar(self._end, ARROW_SCHEMA.field("date").type))
        archived = kept.archived.filter(before_end)
        self._groups_archived |= _different(archived, "aid", "account_group_name")
        self._people_archived |= _different(archived, "uid", "user")
        vanished = kept.merged.vanished["date"].to_pandas()
        self.report.vanished_events += int((vanished < self._end).sum())
        note = self._coverage.notes.get(day)
        if note and not kept.is_new and not note.latest.scope.is_narrowed:
            dates = kept.merged.added["date"].to_pandas()
            late = dates[dates < note.latest.read_to]
            self.report.late_events += len(late)
            if len(late):
                latest = (note.latest.fetched_at - late.min()).total_seconds()
                self.report.latest_late_seconds = max(latest, self.report.latest_late_seconds or 0.0)

    def _note(self) -> None:
        """Note the days that were kept, behind their files."""
        if not self._unnoted:
            return
        scope = self._scope
        notes = {day: Note(events, (self._reading(day, scope),)) for day, events in self._unnoted.items()}
        self._coverage = update_coverage(self._place, lambda coverage: coverage.merged(Coverage(notes)))
        self._unnoted = {}

    def _reading(self, day: date, scope: Scope) -> Reading:
        sealed = midnight(day) + ONE_DAY + self._lookback <= self._end
        return Reading(self._end, self._now, sealed, scope)

    def _forget(self, days: list[date]) -> None:
        """Take back what was noted of days that proved not to be whole."""
        for day in days:
            self._read.pop(day, None)
            self._unnoted.pop(day, None)
        if any(day in self._coverage.notes for day in days):
            self._coverage = update_coverage(self._place, lambda coverage: coverage.without(days))


def _different(rows: pa.Table | pa.RecordBatch, identity: str, name: str) -> set[str]:
    """Collect who or what the rows are of: by identity, else by name."""
    return set(pc.unique(pc.coalesce(rows[identity], rows[name]).drop_null()).to_pylist())


def _years_before(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year - years)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year - years, day=28)
