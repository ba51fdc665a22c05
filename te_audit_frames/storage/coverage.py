"""The coverage of an archive: when each day was read, how far, and with which scope. Pure.

A day file without rows does not show whether the day was quiet or whether the token could not see its events. So each
sync records here what it read. It does so after writing the files: a process that is killed in between has recorded too
little, but never too much. Two records of one day can be merged, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from te_audit_frames.errors import DamagedFile
from te_audit_frames.periods import DEFAULT_LOOKBACK, iso, to_window
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import SCHEMA_VERSION
from te_audit_frames.storage.checksummed_json import check_version, dump_checked, load_checked
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.scope import Scope

COVERAGE = "_meta/coverage.json"

RETENTION_YEARS = 2
"""How long the vendor keeps the activity log, according to the product's documentation."""


def oldest_kept(moment: datetime) -> datetime:
    """Return the first instant whose events the vendor still keeps at a given moment."""
    try:
        return moment.replace(year=moment.year - RETENTION_YEARS)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year - RETENTION_YEARS, day=28)


@dataclass(frozen=True, order=True)
class Reading:
    """One reading of one day.

    Attributes
    ----------
    read_to : datetime
        The end of the sync's period. A day that ends later was read only up to this instant.
    fetched_at : datetime
        The time of the reading.
    is_import : bool
        Whether the events came from a file that was saved earlier, and not from a sync.
    scope : Scope
        Whose events the token saw.
    """

    read_to: datetime
    fetched_at: datetime
    is_import: bool
    scope: Scope

    def supersedes(self, other: Reading) -> bool:
        """Whether this reading makes the other one redundant."""
        return (
            self.scope.covers(other.scope)
            # Otherwise, a hidden group would be forgotten, and the day would count as complete.
            and {*self.scope.groups, *self.scope.without} >= set(other.scope.without)
            and self.read_to >= other.read_to
            and self.fetched_at >= other.fetched_at
            and self.is_import <= other.is_import
        )

    def has_whole(self, day: date, *, until: datetime | None = None) -> bool:
        """Whether a day, or its part before `until`, was read to its end while the vendor still had all of it."""
        end = midnight(day) + ONE_DAY
        return self.read_to >= min(until or end, end) and midnight(day) >= oldest_kept(self.fetched_at)

    def is_final(self, day: date, lookback: timedelta) -> bool:
        """Whether a day was read after its end and the lookback, so that no further event is expected."""
        end = midnight(day) + ONE_DAY
        return self.read_to >= end and self.fetched_at >= end + lookback


@dataclass(frozen=True)
class DayRecord:
    """The record of one day.

    Attributes
    ----------
    events : int
        The number of events in its file when it was recorded. The file may have gained events since.
    readings : tuple of Reading
        The readings that no other reading supersedes. Empty if the events were imported without proof that they are
        all events of the day.
    """

    events: int
    readings: tuple[Reading, ...]

    def merged(self, other: DayRecord) -> DayRecord:
        """Merge two records of the same day."""
        kept: list[Reading] = []
        for reading in sorted({*self.readings, *other.readings}, reverse=True):
            if not any(better.supersedes(reading) for better in kept):
                kept = [worse for worse in kept if not reading.supersedes(worse)] + [reading]
        return DayRecord(max(self.events, other.events), tuple(sorted(kept)))

    @property
    def latest(self) -> Reading | None:
        """The reading that goes furthest."""
        return max(self.readings, default=None)

    @property
    def hidden(self) -> set[str]:
        """The account groups that were missing from some reading although the archive has events of them."""
        return {group for reading in self.readings for group in reading.scope.without}


@dataclass(frozen=True)
class Coverage:
    """The records of all days.

    Attributes
    ----------
    records : mapping of date to DayRecord
    since : date or None
        The first day that the syncs were meant to read.

    Examples
    --------
    >>> from datetime import date
    >>> from te_audit_frames.storage.coverage import Coverage, DayRecord
    >>> Coverage({date(2026, 1, 5): DayRecord(events=3, readings=())})
    Coverage(1 day, 2026-01-05 to 2026-01-05, 3 events)
    """

    records: Mapping[date, DayRecord] = field(default_factory=dict)
    since: date | None = None

    def __repr__(self) -> str:
        if not self.records:
            return "Coverage(no days)"
        count, events = len(self.records), sum(record.events for record in self.records.values())
        days = f"{number_of(count, 'day')}, {min(self.records)} to {max(self.records)}"
        return f"Coverage({days}, {number_of(events, 'event')})"

    def merged(self, other: Coverage) -> Coverage:
        """Merge the records of two writers."""
        days = self.records.keys() | other.records.keys()
        both = {day: [records[day] for records in (self.records, other.records) if day in records] for day in days}
        merged = {day: found[0].merged(found[-1]) for day, found in both.items()}
        return Coverage(merged, min((each for each in (self.since, other.since) if each), default=None))

    def without(self, days: Iterable[date]) -> Coverage:
        """Return the coverage without the given days."""
        gone = set(days)
        return Coverage({day: record for day, record in self.records.items() if day not in gone}, self.since)

    def without_sync(self, days: Iterable[date], *, read_to: datetime, fetched_at: datetime) -> Coverage:
        """Return the coverage without one sync's readings of the given days.

        A day without other readings then has no record, as if it had never been read.
        """
        records = dict(self.records)
        for day in days:
            record = records.pop(day, None)
            others = tuple(
                each
                for each in (record.readings if record else ())
                if each.is_import or (each.read_to, each.fetched_at) != (read_to, fetched_at)
            )
            if record and others:
                records[day] = DayRecord(record.events, others)
        return Coverage(records, self.since)

    def possible_at(self, moment: datetime) -> Coverage:
        """Return the coverage without readings from after a moment.

        Such readings were made with a wrong clock, and may call days complete that were not over.
        """
        records = {}
        for day, record in self.records.items():
            possible = tuple(each for each in record.readings if max(each.read_to, each.fetched_at) <= moment)
            if record.events or midnight(day) <= moment or possible == record.readings:
                records[day] = DayRecord(record.events, possible)
        return Coverage(records, self.since)

    def backed_by(self, counts: Mapping[date | None, int]) -> Coverage:
        """Return the coverage without the days that have fewer events in their files than recorded."""
        return self.without(day for day, record in self.records.items() if counts.get(day, -1) < record.events)

    def needs(self, day: date, scope: Scope, lookback: timedelta) -> bool:
        """Whether a sync with this scope may find new events in a day."""
        record = self.records.get(day)
        return record is None or not any(
            reading.is_final(day, lookback) and reading.scope.covers(scope) for reading in record.readings
        )

    @property
    def first(self) -> date | None:
        """The first day that was read, or was meant to be."""
        return min([*self.records, *([self.since] if self.since else [])], default=None)

    @property
    def latest(self) -> Reading | None:
        """The latest reading of any day."""
        return max((reading for record in self.records.values() for reading in record.readings), default=None)

    @property
    def latest_sync(self) -> Reading | None:
        """The latest reading by a sync."""
        readings = (reading for record in self.records.values() for reading in record.readings if not reading.is_import)
        return max(readings, default=None)

    def is_complete(self, day: date, *, until: datetime | None = None) -> bool:
        """Whether a day was read to its end, or to `until`, with the widest scope so far."""
        record = self.records.get(day)
        return record is not None and any(
            reading.has_whole(day, until=until)
            and not reading.scope.is_narrowed
            and record.hidden <= set(reading.scope.groups)
            and reading.scope.all_account_groups >= self._asked_for_all
            for reading in record.readings
        )

    @cached_property
    def _asked_for_all(self) -> bool:
        return any(reading.scope.all_account_groups for record in self.records.values() for reading in record.readings)

    # ---- as a table ----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return one row per UTC day, from the first to the last; see `Archive.coverage`."""
        first, last = self.first, max(self.records, default=None)
        read = pd.DataFrame(
            [self._row(day, record) for day, record in self.records.items()], columns=list(_COLUMNS)
        ).astype(_COLUMNS)
        if first is None or last is None:
            return read
        # One imported day may be centuries before the others, so all gaps are filled in at once and not day by day.
        read.index = pd.Index([(day - first).days for day in self.records])
        number_of_days = max((last - first).days + 1, 0)
        columns = {name: read[name].reindex(range(number_of_days), fill_value=_IN_A_GAP.get(name)) for name in _COLUMNS}
        columns["day"] = pd.Series(
            pd.date_range(midnight(first), periods=number_of_days, freq="D", unit="us"), dtype=_COLUMNS["day"]
        )
        return pd.DataFrame(columns)

    def _row(self, day: date, record: DayRecord) -> dict[str, Any]:
        row = {"day": midnight(day), "events": record.events, "gap": False, "complete": False, "sealed": False}
        if latest := record.latest:
            lookback = to_window(DEFAULT_LOOKBACK)
            row |= {
                "complete": self.is_complete(day),
                "sealed": any(each.is_final(day, lookback) and not each.scope.is_narrowed for each in record.readings),
                "read_to": min(latest.read_to, midnight(day) + ONE_DAY),
                "fetched_at": latest.fetched_at,
                "scope": str(latest.scope),
            }
        return row

    # ---- as a file -----------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Return the records as JSON with its own SHA-256. The same records always give the same bytes."""
        readings = [reading for record in self.records.values() for reading in record.readings]
        scopes = sorted({reading.scope for reading in readings})
        numbers = {scope: number for number, scope in enumerate(scopes)}
        content = {
            "schema_version": SCHEMA_VERSION,
            "since": self.since and self.since.isoformat(),
            "scopes": [vars(scope) for scope in scopes],
            "days": {
                day.isoformat(): {
                    "events": record.events,
                    "readings": [
                        [iso(reading.read_to), iso(reading.fetched_at), reading.is_import, numbers[reading.scope]]
                        for reading in record.readings
                    ],
                }
                for day, record in sorted(self.records.items())
            },
        }
        return dump_checked(content)

    @classmethod
    def load(cls, content: bytes | None, *, file: str) -> Coverage:
        """Read what `dump` wrote. Without a file, the coverage is empty.

        Raises
        ------
        ArchiveError
            The file has changed since it was written, or a newer version of this package wrote it.
        """
        if content is None:
            return cls()
        read = load_checked(content)
        try:
            if read is not None:
                check_version(read, file=file)
                scopes = [
                    Scope(asked, tuple(groups), tuple(without), alone)
                    for asked, groups, without, alone in (scope.values() for scope in read["scopes"])
                ]
                records = {date.fromisoformat(day): _record(record, scopes) for day, record in read["days"].items()}
                return cls(records, date.fromisoformat(read["since"]) if read["since"] else None)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # its SHA-256 is right, but another program wrote it
        raise DamagedFile(
            f"{file} is damaged, or something else wrote it: its content does not match its SHA-256. Restore it from a "
            "backup; or remove it: the events stay, and the next sync reads the vendor's two years again."
        )


_COLUMNS = {
    "day": "datetime64[us, UTC]",
    "events": "Int64",
    "gap": "bool",
    "complete": "bool",
    "sealed": "bool",
    "read_to": "datetime64[us, UTC]",
    "fetched_at": "datetime64[us, UTC]",
    "scope": "str",
}

_IN_A_GAP = {"gap": True, "complete": False, "sealed": False}


def _record(record: Mapping[str, Any], scopes: list[Scope]) -> DayRecord:
    readings = (
        Reading(datetime.fromisoformat(read_to), datetime.fromisoformat(fetched_at), is_import, scopes[number])
        for read_to, fetched_at, is_import, number in record["readings"]
    )
    return DayRecord(record["events"], tuple(readings))
