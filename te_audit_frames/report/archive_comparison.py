"""Comparison of the events of a report with the archive that they are said to come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from te_audit_frames.analysis.archived import EventArchive
from te_audit_frames.analysis.freq import PLAUSIBLE
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Period
from te_audit_frames.report.days import ONE_DAY, count_by_day
from te_audit_frames.safe_text import number_of


@dataclass(frozen=True)
class ArchiveComparison:
    """How the events of a report differ from those of an archive.

    Attributes
    ----------
    foreign : int
        How many events of the report cannot be from the archive, because it has fewer on their UTC day.
    archived : int or None
        How many events the archive has in the period of the receipt; None if the period is not known.
    """

    foreign: int
    archived: int | None


def compare_with_archive(
    here: pd.Series, archive: EventArchive, coverage: pd.DataFrame, period: Period | None
) -> ArchiveComparison:
    """Compare the numbers of events per UTC day in a report and in an archive.

    Parameters
    ----------
    here : pandas.Series
        The number of events of the report on each UTC day, as `count_by_day` returns it.
    archive : Archive
        The archive that the events are said to come from.
    coverage : pandas.DataFrame
        The coverage of this archive.
    period : Period or None
        The period of the receipt of the events.

    Returns
    -------
    ArchiveComparison
        The differences.

    Raises
    ------
    InvalidArgument
        The archive has fewer events than the report on a day that its coverage calls complete and sealed. So the
        events are not from this archive.
    ArchiveError, FileError, StoreError
        The archive cannot be read.
    """
    start, end = _bounds(
        [*here.index, *(day + ONE_DAY for day in here.index[-1:]), *([] if period is None else period)]
    )
    archived = archive.load(start=start, end=end, columns=["date"])
    there = count_by_day(archived).reindex(here.index, fill_value=0)
    lacking = here[here > there]
    settled = coverage.loc[coverage["complete"] & coverage["sealed"], "day"]
    for day in lacking.index[lacking.index.isin(settled)]:
        raise InvalidArgument(
            f"archive: the events are not from it: on {day:%Y-%m-%d} (UTC), it has {number_of(there[day], 'event')}, "
            f"and the report is about {here[day]:,}. Give the archive that they were loaded from, or leave it out."
        )
    dates = archived["date"]
    inside = None if period is None else int(((dates >= period.start) & (dates < period.end)).sum())
    return ArchiveComparison(int((lacking - there[lacking.index]).sum()), inside)


def _bounds(moments: Sequence[datetime]) -> tuple[datetime | None, datetime | None]:
    """Return the first and the last moment, each None (no limit) if it is implausible."""
    if not moments:
        return None, None
    first, last = min(moments), max(moments)
    return (first if first >= PLAUSIBLE[0] else None), (last if last <= PLAUSIBLE[1] else None)
