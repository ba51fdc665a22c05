"""The export of an archive: one Parquet file, or one per month."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from te_audit_frames.file_errors import file_errors
from te_audit_frames.periods import Bounds
from te_audit_frames.schema import ATTRS_KEY, COLUMNS
from te_audit_frames.storage.archive_receipt import receipt_of
from te_audit_frames.storage.coverage import Coverage
from te_audit_frames.storage.day_file import ONE_DAY, UNDATED, midnight
from te_audit_frames.storage.table import DayFile, EventTable
from te_audit_frames.storage.writer import parquet_writer


def export_events(table: EventTable, coverage: Coverage, path: str, bounds: Bounds, *, by_month: bool) -> list[str]:
    """Write the events of a period, day by day, and return the files written.

    Parameters
    ----------
    table : EventTable
        The day files of the archive.
    coverage : Coverage
        The archive's record of each day, for the receipts.
    path : str
        The file, or with `by_month` the folder, which is made if it does not exist.
    bounds : tuple of datetime or None
        The period.
    by_month : bool
        Whether each month gets a file of its own.

    Raises
    ------
    AuditFramesError
        A file cannot be read or written.
    """
    parts: dict[str, list[DayFile]] = {} if by_month else {path: []}
    for file in table.files(bounds):
        target = _month_file(path, file.day) if by_month else path
        parts.setdefault(target, []).append(file)
    for target, files in parts.items():
        if by_month and "://" not in target:
            with file_errors(Path(target).parent):
                Path(target).parent.mkdir(0o700, parents=True, exist_ok=True)
        _write(table, coverage, target, files, _clip(files, bounds) if by_month else bounds)
    return list(parts)


def _write(table: EventTable, coverage: Coverage, target: str, files: list[DayFile], bounds: Bounds) -> None:
    events = 0
    counts: dict[date | None, int] = {}
    with parquet_writer(target) as writer:
        for file in files:
            rows, counts[file.day] = table.rows(file, COLUMNS, bounds)
            events += rows.num_rows
            writer.write(rows)
        writer.attrs[ATTRS_KEY] = receipt_of(coverage, bounds, counts=counts, events=events).to_dict()


def _month_file(path: str, day: date | None) -> str:
    month = f"{day:%Y-%m}" if day else UNDATED
    return f"{path.rstrip('/')}/event_month={month}/events.parquet"


def _clip(files: list[DayFile], bounds: Bounds) -> Bounds:
    """Clip bounds to the days of some files."""
    days = [file.day for file in files if file.day is not None]
    if not days:
        return bounds
    first, end = midnight(days[0]), midnight(days[-1]) + ONE_DAY
    return max(first, bounds[0] or first), min(end, bounds[1] or end)
