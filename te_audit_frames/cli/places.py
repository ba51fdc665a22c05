"""Places of events: an archive, a bucket, a file or a glob; how each is read, and how several become one frame."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli.output import FILE_FORMATS, ending
from te_audit_frames.errors import ArchiveError, DamagedFile, InvalidArgument
from te_audit_frames.periods import Bounds, Period, to_instant
from te_audit_frames.receipts import stored_receipt
from te_audit_frames.safe_text import visible

_MICROSECOND = timedelta(microseconds=1)
_LAST_END = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
"""The latest end that a period may have; see `to_instant`."""


def is_archive(place: str) -> bool:
    """Return whether a place is a folder or a bucket, and not a file."""
    if "://" in place:
        return ending(place) not in FILE_FORMATS
    return Path(place).expanduser().is_dir()


def expand(places: Iterable[str]) -> list[str]:
    """Replace each glob with the files that match it, in the order of their names. No place is returned twice."""
    found: list[str] = []
    for place in places:
        if "://" in place or not glob.has_magic(place) or Path(place).exists():
            found.append(place)
            continue
        matching = sorted(glob.glob(place, recursive=True))  # noqa: PTH207 - a pattern may be absolute
        if not matching:
            raise InvalidArgument(f"WHERE: no file matches {place}")
        found += matching
    return list(dict.fromkeys(found))


def read_file(place: str, columns: list[str], bounds: Bounds) -> pd.DataFrame:
    """Read some columns and a period of a file. Its ending decides the format: CSV, JSON Lines, or else Parquet."""
    start, end = bounds
    kind = ending(place)
    if kind not in (".csv", ".jsonl"):
        try:
            return taf.read_parquet(place, columns=columns, start=start, end=end)
        except DamagedFile as error:
            if kind not in FILE_FORMATS:
                *others, last = FILE_FORMATS
                error.add_note(
                    f"Files that end in {', '.join(others)} and {last} are read; a file with another ending is taken "
                    "for Parquet."
                )
            raise
    from te_audit_frames.storage.csv_jsonl_reader import read_csv, read_jsonl

    is_empty = _is_empty(place)
    if is_empty:
        click.echo(visible(f"Note: {place} is an empty file: it holds no events."), err=True)
    # An empty file is valid JSON Lines but no valid CSV, so it is read as JSON Lines whatever its ending.
    events = read_csv(place) if kind == ".csv" and not is_empty else read_jsonl(place)
    return taf.between(events[columns], start=start, end=end).reset_index(drop=True)


def _is_empty(place: str) -> bool:
    """Return whether a local file has no bytes."""
    path = Path(place).expanduser()
    return "://" not in place and path.is_file() and path.stat().st_size == 0


@contextmanager
def advice_about(place: str) -> Iterator[None]:
    """Add advice to an error about a folder of files that is not an archive."""
    try:
        yield
    except ArchiveError as error:
        folder = Path(place)
        if not (folder / "events").exists() and any([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
            error.add_note(f"{place} is a folder of files. To read them, give a glob: '{folder}/**/*.parquet'")
        elif ending(place) in FILE_FORMATS and folder.is_dir():
            error.add_note(f"{place} is a folder, although its name ends as that of a file.")
        raise


def end_of(events: pd.DataFrame) -> datetime | None:
    """Return the end of what a file covers: by its receipt, or else just after its last event."""
    receipt = stored_receipt(events)
    if receipt is not None and receipt.period is not None:
        end = receipt.period.end
        return min(end, to_instant(receipt.fetched_at, argument="fetched_at")) if receipt.fetched_at else end
    last = events["date"].max()
    return None if pd.isna(last) else min(last.to_pydatetime(), _LAST_END - _MICROSECOND) + _MICROSECOND


def end_of_archive(archive: taf.Archive) -> datetime | None:
    """Return the end of the last reading, or of the UTC day of the newest imported event, as `Archive.load` does."""
    with advice_about(archive.location):
        days = archive.coverage()
    read_to, day = days["read_to"].max(), days["day"].max()
    if not pd.isna(read_to):
        day = archive.load(start=read_to, columns=["date"])["date"].max().floor("D")
    end = read_to if pd.isna(day) else day + timedelta(days=1)
    return None if pd.isna(end) else end.to_pydatetime()


def bounds_of(events: pd.DataFrame) -> Period | None:
    """Return what a file covers: by its receipt, or else from its first event to its last."""
    receipt, end = stored_receipt(events), end_of(events)
    if end is None:
        return None
    if receipt is not None and receipt.period is not None:
        return Period(receipt.period.start, end)
    return Period(events["date"].min().to_pydatetime(), end)


def bounds_of_archive(archive: taf.Archive) -> Period | None:
    """Return what an archive covers: from its first day to `end_of_archive`."""
    end = end_of_archive(archive)
    first = archive.coverage()["day"].min()
    return None if end is None or pd.isna(first) else Period(first.to_pydatetime(), end)


def join(frames: Sequence[pd.DataFrame], places: Sequence[str]) -> pd.DataFrame:
    """Join frames with `concat`. Frames without a receipt are appended as they are; the result then has no receipt."""
    if len(frames) == 1:
        return frames[0]
    with_receipts = [frame for frame in frames if stored_receipt(frame) is not None]
    if len(with_receipts) == len(frames):
        return taf.concat(frames)
    _note_overlap(frames, places)
    parts = [taf.concat(with_receipts)] if with_receipts else []
    parts += [frame for frame in frames if stored_receipt(frame) is None]
    joined = pd.concat(parts, ignore_index=True)
    joined.attrs = {}
    return joined.sort_values("date", kind="stable", ignore_index=True)


def _note_overlap(frames: Sequence[pd.DataFrame], places: Sequence[str]) -> None:
    """Print a note that events of two files may be counted twice, if a file without a receipt overlaps with another."""
    for (one, first), (other, second) in combinations(zip(places, frames, strict=True), 2):
        if stored_receipt(first) is not None and stored_receipt(second) is not None:
            continue
        if first["date"].min() <= second["date"].max() and second["date"].min() <= first["date"].max():
            lacking = one if stored_receipt(first) is None else other
            note = (
                f"Note: {one} and {other} overlap, and {lacking} has no receipt. Events that are in both are counted "
                "twice. Parquet files from fetch have receipts."
            )
            click.echo(visible(note), err=True)
            return
