"""The two changes that are ever made to an archive: a day gains rows, and what is known of days grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from te_audit_frames.merge import Merged, merge
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day import dump, load, name_of
from te_audit_frames.storage.ledger import Ledger, Made, Maker
from te_audit_frames.storage.place import Place
from te_audit_frames.storage.sight import group_names


@dataclass(frozen=True)
class Kept:
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


def keep_rows(
    place: Place,
    ledger: Ledger,
    rows: Mapping[date | None, pa.Table],
    could_see: Callable[[pa.Table], pa.Array] | None = None,
) -> dict[date | None, Kept]:
    """Merge rows into the files of their days. A file is written if it gains rows or values, or if there was none.

    `could_see` marks which archived rows the reading could have returned; see `merge`.
    """
    kept: dict[date | None, Kept] = {}

    def maker_of(day: date | None, fetched: pa.Table) -> Maker:
        def make(content: bytes | None) -> Made:
            file = place.address(name_of(day))
            archived = ARROW_SCHEMA.empty_table() if content is None else load(content, file=file)
            merged = merge(archived, fetched, visible=could_see and could_see(archived))
            kept[day] = Kept(archived, merged, is_new=content is None)
            if content is not None and not merged.added.num_rows and not merged.filled:
                return Made(None)
            return Made(dump(merged.rows), merged.rows.num_rows, group_names(merged.rows))

        return make

    ledger.write({name_of(day): maker_of(day, fetched) for day, fetched in rows.items()})
    return kept


def read_coverage(place: Place) -> Coverage:
    """Read what is known of each day."""
    return Coverage.load(place.read(COVERAGE), file=place.address(COVERAGE))


def update_coverage(place: Place, ledger: Ledger, change: Callable[[Coverage], Coverage]) -> Coverage:
    """Change what is known of each day, in one step."""
    changed: list[Coverage] = []

    def make(content: bytes | None) -> Made:
        changed.append(change(Coverage.load(content, file=place.address(COVERAGE))))
        dumped = changed[-1].dump()
        return Made(None if dumped == content else dumped)

    ledger.write({COVERAGE: make})
    return changed[-1]
