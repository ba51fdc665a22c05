"""The import of saved files into an archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import EPOCH, Period
from te_audit_frames.storage.archive_receipt import observer_of, proven_period, whole_days
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading, oldest_kept
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.table import EventTable, merge_rows, read_coverage, update_coverage

_MOST_NEW_FILES = 5_000
"""The most days that one import may add: more than thirteen years. A longer period is likely to be a mistake."""

_DAYS_PER_WRITE, _EVENTS_PER_WRITE = 256, 200_000
"""The most days that are written together, and the number of events after which no more days are added."""

_MICROS_PER_DAY = 86_400_000_000


def import_events(
    store: Store, table: EventTable, writer: ArchiveWriter, rows: pa.Table, attrs: Mapping[Any, Any], *, file: str
) -> int:
    """Merge the events of a file into an archive. Return the number of events that the archive did not have.

    Parameters
    ----------
    store, table, writer
        The archive. The caller is inside the store's `writing`.
    rows : pyarrow.Table
    attrs : mapping
        As returned by `read_table`.
    file : str
        The file's name, for messages.

    Raises
    ------
    InvalidArgument
        The file would add too many days. Nothing was written.
    NotAnAuditFrame
        An event's date is outside the calendar.
    """
    days = _by_day(rows, file=file)
    proof = proven_period(attrs, rows=rows.num_rows)
    present = [each.day for each in table.files((None, None)) if each.day is not None]
    whole: set[date] = set()
    if proof:
        period, receipt = proof
        whole = _worth_noting(period, datetime.fromisoformat(receipt.fetched_at), present, days)
    touched = days.keys() | whole
    if (new := len(touched - {*present, None})) > _MOST_NEW_FILES:
        receipt_text = f" Its receipt is for {proof[0]}." if proof else ""
        raise InvalidArgument(
            f"path: {file} would add {new:,} days to the archive, and an import may add at most {_MOST_NEW_FILES:,} at "
            f"once.{receipt_text} If that is right, import it in parts: read_parquet(path, start=..., end=...), "
            "write_parquet, and import_parquet for each."
        )
    writer.begin()
    coverage = read_coverage(store)
    observer = observer_of(coverage, whole, all_account_groups=bool(proof and proof[1].scope.get("all_account_groups")))
    observer.add_fetched(rows)
    added = 0
    events_of: dict[date, int] = {}
    for fetched in _batched(
        {day: days.get(day, rows.slice(0, 0)) for day in sorted(touched, key=lambda day: day or date.max)}
    ):
        for day, kept in merge_rows(store, writer, fetched, observer.could_see).items():
            added += kept.merged.added.num_rows
            if day is not None:
                events_of[day] = kept.merged.rows.num_rows
            if day in whole:
                observer.add_archived(kept.archived)
    records = {day: DayRecord(count, ()) for day, count in events_of.items()}
    if proof:
        period, receipt = proof
        reading = Reading(period.end, datetime.fromisoformat(receipt.fetched_at), True, observer.scope)
        records |= {day: DayRecord(events_of[day], (reading,)) for day in whole}
    if records:
        update_coverage(store, writer, lambda coverage: coverage.merged(Coverage(records)))
    writer.finish()
    return added


def _by_day(rows: pa.Table, *, file: str) -> dict[date | None, pa.Table]:
    """Split rows into days. The rows are in ascending order, with undated rows last."""
    undated = rows["date"].null_count
    dated = rows.slice(0, rows.num_rows - undated)
    numbers = np.floor_divide(dated["date"].cast(pa.int64()).to_numpy(), _MICROS_PER_DAY)
    different, starts = np.unique(numbers, return_index=True)
    days: dict[date | None, pa.Table] = {}
    ends = [*starts[1:], len(numbers)] if len(starts) else []
    for number, start, end in zip(different, starts, ends, strict=True):
        try:
            day = EPOCH.date() + int(number) * ONE_DAY
            # Later arithmetic on the day must not overflow either: its ends are bounds of `load`.
            midnight(day) + 3 * ONE_DAY
            midnight(day) - 2 * ONE_DAY
        except OverflowError:
            raise NotAnAuditFrame(
                f"{file}: the date of an event is day {number:,} after 1970, outside the calendar; leave the event out"
            ) from None
        days[day] = dated.slice(start, end - start)
    if undated:
        days[None] = rows.slice(len(numbers))
    return days


def _worth_noting(
    period: Period, fetched_at: datetime, present: list[date], days: Mapping[date | None, pa.Table]
) -> set[date]:
    """Choose the days that are worth recording, among those that begin within a period.

    A day without events is recorded only if the vendor still kept it, or if it lies between days of the archive. A log
    is always empty before it began, however long the requested period was.
    """
    oldest = oldest_kept(fetched_at)
    first, last = min(present, default=date.max), max(present, default=date.min)
    low = min([oldest, *(midnight(day) for day in present[:1]), *(midnight(day) for day in days if day is not None)])
    start = max(period.start, low)
    if start >= period.end:
        return set()
    return {
        day
        for day in whole_days(Period(start, period.end))
        if day in days or midnight(day) >= oldest or first <= day <= last
    }


def _batched(days: Mapping[date | None, pa.Table]) -> Iterator[dict[date | None, pa.Table]]:
    """Yield the days in groups that are written together."""
    group: dict[date | None, pa.Table] = {}
    events = 0
    for day, rows in days.items():
        group[day] = rows
        events += rows.num_rows
        if len(group) == _DAYS_PER_WRITE or events >= _EVENTS_PER_WRITE:
            yield group
            group, events = {}, 0
    if group:
        yield group
