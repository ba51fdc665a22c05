"""The two changes that are ever made to an archive: a day gains rows, and what is known of days grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from te_audit_frames.merge import Merged, merge
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day import dump, load, name_of
from te_audit_frames.storage.place import Place


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
    place: Place, day: date | None, fetched: pa.Table, could_see: Callable[[pa.Table], pa.Array] | None = None
) -> Kept:
    """Merge rows into a day's file, which is written only if it gains rows or values, or if there is none yet.

    `could_see` marks which archived rows the reading could have returned; see `merge`.
    """
    kept: list[Kept] = []

    def change(content: bytes | None) -> bytes | None:
        file = place.address(name_of(day))
        archived = ARROW_SCHEMA.empty_table() if content is None else load(content, file=file)
        merged = merge(archived, fetched, visible=could_see and could_see(archived))
        kept.append(Kept(archived, merged, is_new=content is None))
        return dump(merged.rows) if content is None or merged.added.num_rows or merged.filled else None

    place.update(name_of(day), change)
    return kept[-1]  # in a bucket, a change may have to be made more than once


def read_coverage(place: Place) -> Coverage:
    """Read what is known of each day."""
    return Coverage.load(place.read(COVERAGE), file=place.address(COVERAGE))


def update_coverage(place: Place, change: Callable[[Coverage], Coverage]) -> Coverage:
    """Change what is known of each day, in one step."""
    changed: list[Coverage] = []

    def rewrite(content: bytes | None) -> bytes:
        changed.append(change(Coverage.load(content, file=place.address(COVERAGE))))
        return changed[-1].dump()

    place.update(COVERAGE, rewrite)
    return changed[-1]
