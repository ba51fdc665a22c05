"""The table of an archive: finds, reads and extends its day files, and changes the coverage behind them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import ArchiveError
from te_audit_frames.merge import Merged, merge
from te_audit_frames.schema import ARROW_SCHEMA, CORES
from te_audit_frames.storage.archive_writer import ArchiveWriter, MakeContent, NewContent
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day_file import ONE_DAY, TABLE, day_of, dump, find_problem, load, midnight, name_of
from te_audit_frames.storage.filters import Bounds, within
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.scope import group_names
from te_audit_frames.storage.store import Store

GROUP = ("aid", "account_group_name")


@dataclass(frozen=True)
class DayFile:
    """One file of the table.

    Attributes
    ----------
    name : str
        Its name in the archive.
    day : date or None
        Its UTC day; None for the events without a date.
    """

    name: str
    day: date | None


@dataclass(frozen=True)
class FileCheck:
    """What one file proved to be, looked at by itself.

    Attributes
    ----------
    sha256 : str
        Of its bytes.
    rows : int
        The number of events in it.
    groups : frozenset of str
        The account groups of these.
    problem : str
        What is wrong with it. Empty if nothing is.
    """

    sha256: str = ""
    rows: int = 0
    groups: frozenset[str] = frozenset()
    problem: str = ""


class EventTable:
    """The day files of an archive.

    Parameters
    ----------
    store : Store
        Where it lies.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """List every file, also those that do not belong there."""
        return self._store.names(TABLE)

    def files(self, bounds: Bounds) -> list[DayFile]:
        """List the files of the days that a stretch of time touches, in the order of the days."""
        return [file for file in self._day_files() if _touches(file.day, bounds)]

    def rows(
        self, file: DayFile, columns: Sequence[str], bounds: Bounds, groups: list[str] | None = None
    ) -> tuple[pa.Table, int]:
        """Read the rows of a file that lie in a stretch of time, and are of certain account groups.

        Returns
        -------
        pyarrow.Table, int
            The rows, and how many the file has in all.

        Raises
        ------
        ArchiveError
            The file is damaged.
        """
        address = self._store.address(file.name)
        content = self._store.read(file.name)
        if content is None:
            raise ArchiveError(f"{address} went away while the archive was read")
        needed = dict.fromkeys([*columns, "date", *([] if groups is None else GROUP)])
        rows = load(content, file=address, columns=list(needed))
        count = rows.num_rows
        if any(bounds):
            rows = rows.filter(within(rows, bounds))
        if groups is not None:
            named = (pc.is_in(rows[column], pa.array(groups, pa.large_string())) for column in GROUP)
            rows = rows.filter(pc.or_(*named))
        return rows.select(list(columns)), count

    def check(self, name: str) -> FileCheck:
        """Look at a file by itself: whether it is as it was written, and what it holds."""
        try:
            day = day_of(name)
        except ValueError:
            return FileCheck(problem="it does not belong here: readers of the table take it for events")
        content = self._store.read(name) or b""
        sha256 = hashlib.sha256(content).hexdigest()
        if problem := find_problem(content, day):
            return FileCheck(sha256, problem=problem)
        rows = load(content, file=name, columns=["date", *GROUP])
        return FileCheck(sha256, rows.num_rows, frozenset(group_names(rows)))

    def survey(self) -> tuple[dict[str, Entry], set[str]]:
        """List every sound file as a manifest names it, and the account groups in them."""
        names = self.names()
        with ThreadPoolExecutor(CORES) as pool:
            checked = dict(zip(names, pool.map(self.check, names), strict=True))
        sound = {name: found for name, found in checked.items() if not found.problem}
        entries = {name: Entry(found.sha256, found.rows) for name, found in sound.items()}
        if (coverage := self._store.read(COVERAGE)) is not None:
            entries[COVERAGE] = Entry(hashlib.sha256(coverage).hexdigest(), None)
        return entries, {group for found in sound.values() for group in found.groups}

    def _day_files(self) -> Iterator[DayFile]:
        for name in self.names():
            try:
                yield DayFile(name, day_of(name))
            except ValueError:
                continue  # a verification tells of files that do not belong here


def _touches(day: date | None, bounds: Bounds) -> bool:
    since, until = bounds
    if day is None:
        return not any(bounds)
    return (since is None or midnight(day) + ONE_DAY > since) and (until is None or midnight(day) < until)


@dataclass(frozen=True)
class MergedDay:
    """A day that was kept.

    Attributes
    ----------
    archived : pyarrow.Table
        What its file had.
    merged : Merged
        What it has now.
    is_new : bool
        Whether there was no file.
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
    """Merge rows into the files of their days. A file is written if it gains rows or values, or if there was none.

    `could_see` marks which archived rows the reading could have returned; see `merge`.
    """
    kept: dict[date | None, MergedDay] = {}

    def maker_of(day: date | None, fetched: pa.Table) -> MakeContent:
        def make(content: bytes | None) -> NewContent:
            file = store.address(name_of(day))
            archived = ARROW_SCHEMA.empty_table() if content is None else load(content, file=file)
            merged = merge(archived, fetched, visible=could_see and could_see(archived))
            kept[day] = MergedDay(archived, merged, is_new=content is None)
            if content is not None and not merged.added.num_rows and not merged.filled:
                return NewContent(None)
            return NewContent(dump(merged.rows), merged.rows.num_rows, group_names(merged.rows))

        return make

    writer.write({name_of(day): maker_of(day, fetched) for day, fetched in rows.items()})
    return kept


def read_coverage(store: Store) -> Coverage:
    """Read what is known of each day."""
    return Coverage.load(store.read(COVERAGE), file=store.address(COVERAGE))


def update_coverage(store: Store, writer: ArchiveWriter, change: Callable[[Coverage], Coverage]) -> Coverage:
    """Change what is known of each day, in one step."""
    changed: list[Coverage] = []

    def make(content: bytes | None) -> NewContent:
        changed.append(change(Coverage.load(content, file=store.address(COVERAGE))))
        dumped = changed[-1].dump()
        return NewContent(None if dumped == content else dumped)

    writer.write({COVERAGE: make})
    return changed[-1]
