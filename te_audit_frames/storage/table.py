"""The table of events in an archive: its day files, listed, read, checked and extended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import ArchiveError, DamagedFile
from te_audit_frames.merge import Merged, merge
from te_audit_frames.periods import Bounds
from te_audit_frames.schema import ARROW_SCHEMA, CORES
from te_audit_frames.storage.archive_writer import ArchiveWriter, MakeContent, NewContent, sha256_of
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day_file import (
    ONE_DAY,
    TABLE,
    FileCheck,
    check_day,
    day_of,
    dump,
    load,
    midnight,
    name_of,
)
from te_audit_frames.storage.filters import within
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.scope import group_names
from te_audit_frames.storage.store import Store

GROUP = ("aid", "account_group_name")

_FILES_PER_TASK = 16
"""How many files one task reads. A long history has thousands of small files, and each task costs time, too."""

_NO_ROWS = ARROW_SCHEMA.empty_table()

Given = TypeVar("Given")
Found = TypeVar("Found")


@dataclass(frozen=True)
class DayFile:
    """One file of the table.

    Attributes
    ----------
    name : str
        Its name in the archive.
    day : date or None
        Its UTC day. None for the file of events without a date.
    """

    name: str
    day: date | None


class EventTable:
    """The day files of an archive.

    Parameters
    ----------
    store : Store
        The archive's store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"EventTable({self._store.address(TABLE)!r})"

    def names(self) -> list[str]:
        """List every file in the table's folder, including files that do not belong there."""
        return self._store.names(TABLE)

    def files(self, bounds: Bounds) -> list[DayFile]:
        """List the files of the days that a period touches, in the order of the days."""
        return [file for file in self._day_files() if _touches(file.day, bounds)]

    def rows(
        self, file: DayFile, columns: Sequence[str], bounds: Bounds, groups: list[str] | None = None
    ) -> tuple[pa.Table, int]:
        """Read the rows of a file that lie in a period and belong to the given account groups.

        Returns
        -------
        pyarrow.Table, int
            The rows, and the number of all rows in the file.

        Raises
        ------
        ArchiveError
            The file is damaged, or was removed.
        """
        address = self._store.address(file.name)
        content = self._store.read(file.name)
        if content is None:
            raise ArchiveError(f"{address} was removed while the archive was read; read it again")
        to_filter = (*(["date"] if any(bounds) or not columns else []), *([] if groups is None else GROUP))
        needed = dict.fromkeys([*columns, *to_filter])
        rows = load(content, file=address, columns=list(needed))
        count = rows.num_rows
        if any(bounds):
            rows = rows.filter(within(rows, bounds))
        if groups is not None:
            named = (pc.is_in(rows[column], pa.array(groups, pa.large_string())) for column in GROUP)
            rows = rows.filter(pc.or_(*named))
        return (rows if len(needed) == len(columns) else rows.select(list(columns))), count

    def check(self, name: str) -> FileCheck:
        """Check one file by itself: its digest, schema, row count and dates."""
        try:
            day = day_of(name)
        except ValueError:
            return FileCheck(problem="it does not belong here, and readers would take it for events; remove it")
        return check_day(self._store.read(name) or b"", day)

    def check_all(self) -> dict[str, FileCheck]:
        """Check every file in the table's folder by itself."""
        names = self.names()
        return dict(zip(names, in_threads(self.check, names), strict=True))

    def groups(self, name: str) -> set[str]:
        """Return the account groups of the events in a sound file. Empty if the file was removed or damaged since."""
        content = self._store.read(name)
        try:
            return group_names(load(content or b"", file=name, columns=GROUP))
        except DamagedFile:
            return set()

    def survey(self) -> tuple[dict[str, Entry], set[str]]:
        """Return the manifest entries of every sound file, and the account groups of their events."""
        sound = {name: found for name, found in self.check_all().items() if not found.problem}
        entries = {name: Entry(found.sha256, found.rows) for name, found in sound.items()}
        if (coverage := self._store.read(COVERAGE)) is not None:
            entries[COVERAGE] = Entry(sha256_of(coverage), None)
        return entries, set().union(*in_threads(self.groups, sound))

    def _day_files(self) -> Iterator[DayFile]:
        for name in self.names():
            try:
                yield DayFile(name, day_of(name))
            except ValueError:
                continue  # a verification reports it


def in_threads(work: Callable[[Given], Found], items: Iterable[Given]) -> list[Found]:
    """Apply a function to each item in as many threads as there are cores. Return the results in order."""
    listed = list(items)
    tasks = [listed[start : start + _FILES_PER_TASK] for start in range(0, len(listed), _FILES_PER_TASK)]
    if len(tasks) < CORES:
        tasks = [[item] for item in listed]
    with ThreadPoolExecutor(CORES) as pool:
        return [found for some in pool.map(lambda task: [work(item) for item in task], tasks) for found in some]


def _touches(day: date | None, bounds: Bounds) -> bool:
    start, end = bounds
    if day is None:
        return not any(bounds)
    return (start is None or midnight(day) + ONE_DAY > start) and (end is None or midnight(day) < end)


@dataclass(frozen=True)
class MergedDay:
    """One day after a merge.

    Attributes
    ----------
    archived : pyarrow.Table
        The rows that its file had before.
    merged : Merged
        The rows that its file has now.
    is_new : bool
        Whether there was no file before.
    """

    archived: pa.Table
    merged: Merged
    is_new: bool


def merge_rows(
    store: Store,
    writer: ArchiveWriter,
    rows: Mapping[date | None, pa.Table],
    could_see: Callable[[pa.Table], pa.Array] | None = None,
) -> dict[date | None, MergedDay]:
    """Merge rows into the files of their days.

    A file is written if it gains rows or values, or if there was none.

    Parameters
    ----------
    store, writer
        The archive.
    rows : mapping of date to pyarrow.Table
        The events of each day, in any order. None is the key for events without a date.
    could_see : callable, optional
        Returns a mask of the archived rows that the reading could have returned; see `merge`.

    Returns
    -------
    dict of date to MergedDay
    """
    merged_days: dict[date | None, MergedDay] = {}

    def maker_of(day: date | None, fetched: pa.Table) -> MakeContent:
        def make(content: bytes | None) -> NewContent:
            file = store.address(name_of(day))
            archived = _NO_ROWS if content is None else load(content, file=file)
            visible = could_see(archived) if could_see and archived.num_rows else None
            merged = merge(archived, fetched, visible=visible)
            merged_days[day] = MergedDay(archived, merged, is_new=content is None)
            if content is not None and not merged.added.num_rows and not merged.filled:
                return NewContent(None)
            return NewContent(dump(merged.rows), merged.rows.num_rows, group_names(merged.rows))

        return make

    writer.write({name_of(day): maker_of(day, fetched) for day, fetched in rows.items()})
    return merged_days


def read_coverage(store: Store) -> Coverage:
    """Read the archive's record of each day."""
    return Coverage.load(store.read(COVERAGE), file=store.address(COVERAGE))


def update_coverage(store: Store, writer: ArchiveWriter, change: Callable[[Coverage], Coverage]) -> Coverage:
    """Change the coverage file in one step, and return the new coverage."""
    changed: list[Coverage] = []

    def make(content: bytes | None) -> NewContent:
        changed.append(change(Coverage.load(content, file=store.address(COVERAGE))))
        dumped = changed[-1].dump()
        return NewContent(None if dumped == content else dumped)

    writer.write({COVERAGE: make})
    return changed[-1]
