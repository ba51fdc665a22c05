"""What an archive knows of each day: when it was read, how far, and with which scope. Pure.

Days say nothing of themselves: a file without rows may be a quiet day, or one that nobody was allowed to see. What a
sync read, it notes here, behind the files, so that a process that is killed in between has noted too little and never
too much. Two notes of one day merge, so that it does not matter who wrote first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from te_audit_frames.errors import ArchiveError
from te_audit_frames.periods import DEFAULT_LOOKBACK, iso, to_window
from te_audit_frames.schema import SCHEMA_VERSION
from te_audit_frames.storage.day import ONE_DAY, midnight
from te_audit_frames.storage.sealed import seal, unseal

COVERAGE = "_meta/coverage.json"

RETENTION_YEARS = 2
"""How long the vendor keeps the activity log, by the product's documentation."""


def oldest_kept(moment: datetime) -> datetime:
    """Return the first instant of which the vendor still has the events at some moment."""
    try:
        return moment.replace(year=moment.year - RETENTION_YEARS)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year - RETENTION_YEARS, day=28)


@dataclass(frozen=True, order=True)
class Scope:
    """Whose events a sync could see, as far as what it brought tells: the API does not say.

    Attributes
    ----------
    all_account_groups : bool
        Whether it asked for every account group of the token, or for the login group only.
    groups : tuple of str
        The account groups (`aid`, else name) that had come up until then, and were still seen.
    without : tuple of str
        Those that the archive has events of in days that were read again, and that did not come again.
    own_log_only : bool
        Whether the events of one person came where the archive has those of others.
    """

    all_account_groups: bool
    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    own_log_only: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether the token saw less than one before it."""
        return bool(self.without) or self.own_log_only

    def covers(self, other: Scope) -> bool:
        """Whether everything that the other scope sees, this one sees too."""
        return (
            self.all_account_groups >= other.all_account_groups
            and set(self.groups) >= set(other.groups)
            and self.own_log_only <= other.own_log_only
        )

    def __str__(self) -> str:
        said = "all account groups" if self.all_account_groups else "login account group"
        if self.without:
            said += f", without {', '.join(self.without)}"
        return said + (", own log only" if self.own_log_only else "")


@dataclass(frozen=True, order=True)
class Reading:
    """One reading of one day.

    Attributes
    ----------
    read_to : datetime
        Where the sync's period ended; a day that ends later was read up to there.
    fetched_at : datetime
        The server's time.
    is_import : bool
        Whether it was a frame that was saved earlier, and not a sync.
    scope : Scope
        Whose events were seen.
    """

    read_to: datetime
    fetched_at: datetime
    is_import: bool
    scope: Scope

    def outdoes(self, other: Reading) -> bool:
        """Whether the other reading says nothing beyond this one."""
        return (
            self.scope.covers(other.scope)
            and self.read_to >= other.read_to
            and self.fetched_at >= other.fetched_at
            and self.is_import <= other.is_import
        )

    def has_whole(self, day: date, *, until: datetime | None = None) -> bool:
        """Whether a day, or its part before `until`, was over when it was read, and not yet gone at the vendor's."""
        end = midnight(day) + ONE_DAY
        return self.read_to >= min(until or end, end) and midnight(day) >= oldest_kept(self.fetched_at)

    def seals(self, day: date, lookback: timedelta) -> bool:
        """Whether a day was over by so much that nothing comes late any more."""
        end = midnight(day) + ONE_DAY
        return self.read_to >= end and self.fetched_at >= end + lookback


@dataclass(frozen=True)
class Note:
    """What is known of one day: how many events its file has at least, and the readings that none other outdoes.

    A day of which only a part was taken in, from a file that proves nothing, has no reading.
    """

    events: int
    readings: tuple[Reading, ...]

    def merged(self, other: Note) -> Note:
        """Join two notes of the same day."""
        kept: list[Reading] = []
        for reading in sorted({*self.readings, *other.readings}, reverse=True):
            if not any(better.outdoes(reading) for better in kept):
                kept = [worse for worse in kept if not reading.outdoes(worse)] + [reading]
        return Note(max(self.events, other.events), tuple(sorted(kept)))

    @property
    def latest(self) -> Reading | None:
        """The reading that went furthest."""
        return max(self.readings, default=None)

    @property
    def hidden(self) -> set[str]:
        """The account groups that some reading should have seen, and did not."""
        return {group for reading in self.readings for group in reading.scope.without}


@dataclass(frozen=True)
class Coverage:
    """The notes of all days, and the first day that a sync set out to read."""

    notes: Mapping[date, Note] = field(default_factory=dict)
    since: date | None = None

    def merged(self, other: Coverage) -> Coverage:
        """Join the notes of two writers."""
        days = self.notes.keys() | other.notes.keys()
        both = {day: [notes[day] for notes in (self.notes, other.notes) if day in notes] for day in days}
        merged = {day: found[0].merged(found[-1]) for day, found in both.items()}
        return Coverage(merged, min((each for each in (self.since, other.since) if each), default=None))

    def without(self, days: Iterable[date]) -> Coverage:
        """Leave out days that proved not to be read, or whose files are gone."""
        gone = set(days)
        return Coverage({day: note for day, note in self.notes.items() if day not in gone}, self.since)

    def possible_at(self, moment: datetime) -> Coverage:
        """Leave out readings from later than some moment, which some server or machine with a wrong clock made.

        Such a reading calls days complete that were not over, or that had not even begun.
        """
        notes = {}
        for day, note in self.notes.items():
            possible = tuple(each for each in note.readings if max(each.read_to, each.fetched_at) <= moment)
            if note.events or midnight(day) <= moment or possible == note.readings:
                notes[day] = Note(note.events, possible)
        return Coverage(notes, self.since)

    def backed_by(self, counts: Mapping[date | None, int], days: Iterable[date]) -> Coverage:
        """Leave out those of some days whose files are gone, or have fewer events than they had once."""
        return self.without(day for day in days if day in self.notes and counts.get(day, -1) < self.notes[day].events)

    def needs(self, day: date, scope: Scope, lookback: timedelta) -> bool:
        """Whether a sync of this scope may find something new in a day."""
        note = self.notes.get(day)
        return note is None or not any(
            reading.seals(day, lookback) and reading.scope.covers(scope) for reading in note.readings
        )

    @property
    def first(self) -> date | None:
        """The first day that is known, or should be."""
        return min([*self.notes, *([self.since] if self.since else [])], default=None)

    @property
    def latest(self) -> Reading | None:
        """The latest reading of any day."""
        return max((reading for note in self.notes.values() for reading in note.readings), default=None)

    @property
    def latest_sync(self) -> Reading | None:
        """The latest reading that was a sync's."""
        readings = (reading for note in self.notes.values() for reading in note.readings if not reading.is_import)
        return max(readings, default=None)

    def is_complete(self, day: date, *, until: datetime | None = None) -> bool:
        """Whether a day was read to its end, or to `until`, by a token that saw as much as any."""
        note = self.notes.get(day)
        return note is not None and any(
            reading.has_whole(day, until=until)
            and not reading.scope.is_narrowed
            and note.hidden <= set(reading.scope.groups)
            and reading.scope.all_account_groups >= self._asked_for_all
            for reading in note.readings
        )

    @cached_property
    def _asked_for_all(self) -> bool:
        return any(reading.scope.all_account_groups for note in self.notes.values() for reading in note.readings)

    # ---- as a table ----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """One row a UTC day, from the first to the last that is known; see `Archive.coverage`."""
        rows = []
        day, last = self.first, max(self.notes, default=None)
        while day is not None and last is not None and day <= last:
            rows.append(self._row(day))
            day += ONE_DAY
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def _row(self, day: date) -> dict[str, Any]:
        note = self.notes.get(day)
        if note is None:
            return {"day": midnight(day), "gap": True, "complete": False, "sealed": False}
        row = {"day": midnight(day), "events": note.events, "gap": False, "complete": False, "sealed": False}
        if latest := note.latest:
            lookback = to_window(DEFAULT_LOOKBACK)
            row |= {
                "complete": self.is_complete(day),
                "sealed": any(each.seals(day, lookback) and not each.scope.is_narrowed for each in note.readings),
                "read_to": min(latest.read_to, midnight(day) + ONE_DAY),
                "fetched_at": latest.fetched_at,
                "scope": str(latest.scope),
            }
        return row

    # ---- as a file -----------------------------------------------------------------------------------------------

    def dump(self) -> bytes:
        """Write the notes as JSON that proves its own bytes; the same notes make the same bytes."""
        readings = [reading for note in self.notes.values() for reading in note.readings]
        scopes = sorted({reading.scope for reading in readings})
        numbers = {scope: number for number, scope in enumerate(scopes)}
        content = {
            "schema_version": SCHEMA_VERSION,
            "since": self.since and self.since.isoformat(),
            "scopes": [vars(scope) for scope in scopes],
            "days": {
                day.isoformat(): {
                    "events": note.events,
                    "readings": [
                        [iso(reading.read_to), iso(reading.fetched_at), reading.is_import, numbers[reading.scope]]
                        for reading in note.readings
                    ],
                }
                for day, note in sorted(self.notes.items())
            },
        }
        return seal(content)

    @classmethod
    def load(cls, content: bytes | None, *, file: str) -> Coverage:
        """Read what `dump` wrote; nothing was noted where there is no file.

        Raises
        ------
        ArchiveError
            A bit of it is not as it was written, or a newer version wrote it.
        """
        if content is None:
            return cls()
        read = unseal(content)
        try:
            if read is not None and read["schema_version"] > SCHEMA_VERSION:
                raise ArchiveError(
                    f"{file} was written by a newer te_audit_frames; upgrade with: pip install -U te-audit-frames"
                )
            if read is not None:
                scopes = [
                    Scope(asked, tuple(groups), tuple(without), alone)
                    for asked, groups, without, alone in (scope.values() for scope in read["scopes"])
                ]
                notes = {date.fromisoformat(day): _note(note, scopes) for day, note in read["days"].items()}
                return cls(notes, date.fromisoformat(read["since"]) if read["since"] else None)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            pass  # sealed, but not by this package
        raise ArchiveError(
            f"{file} is damaged, or something else wrote it: its SHA-256 is not the one in it. Take it from a "
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


def _note(note: Mapping[str, Any], scopes: list[Scope]) -> Note:
    readings = (
        Reading(datetime.fromisoformat(read_to), datetime.fromisoformat(fetched_at), is_import, scopes[number])
        for read_to, fetched_at, is_import, number in note["readings"]
    )
    return Note(note["events"], tuple(readings))
