"""The plan of a sync: which days to read, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from te_audit_frames.periods import Period
from te_audit_frames.safe_text import number_of
from te_audit_frames.storage.coverage import Coverage
from te_audit_frames.storage.day_file import ONE_DAY, midnight, name_of
from te_audit_frames.storage.scope import Scope

DAYS_PER_WRITE = 32
"""The most days that are written together. If a sync is killed, at most this many days are read again."""


@dataclass(frozen=True, repr=False)
class SyncPlan:
    """What a sync has left to read.

    Attributes
    ----------
    periods : list of Period
        The periods to read, in this order.
    unrecorded : set of date
        Days that have a file but no record. A sync that was killed, or that met events out of order, leaves these.
    scope_days : set of date
        Days that an earlier sync has read, but too early for the reading to be final. They show whether this token sees
        as much as the previous one, so no day is recorded until these are read.
    """

    periods: list[Period]
    unrecorded: set[date]
    scope_days: set[date]

    def __repr__(self) -> str:
        days = sum(-((period.start - period.end) // ONE_DAY) for period in self.periods)
        return f"SyncPlan({number_of(days, 'day')} in {number_of(len(self.periods), 'period')})"


def plan_sync(
    coverage: Coverage,
    *,
    first: date,
    end: datetime,
    files: Collection[str],
    scope: Scope,
    lookback: timedelta,
    done: Collection[date],
) -> SyncPlan:
    """Plan which days a sync reads.

    A day is read if it may have new events, or if its file is gone.

    Parameters
    ----------
    coverage : Coverage
        The archive's record of each day.
    first : date
        The first day of the sync.
    end : datetime
        Where the sync ends.
    files : collection of str
        The names of the archive's day files.
    scope : Scope
        Whose events the token sees, as far as is known.
    lookback : timedelta
        How long after the end of a day its events may arrive.
    done : collection of date
        Days that this sync has read already.

    Returns
    -------
    SyncPlan

    Examples
    --------
    >>> from datetime import date, timedelta
    >>> from te_audit_frames.storage.coverage import Coverage
    >>> from te_audit_frames.storage.day_file import midnight
    >>> from te_audit_frames.storage.scope import Scope
    >>> from te_audit_frames.storage.sync_plan import plan_sync
    >>> plan_sync(
    ...     Coverage(),
    ...     first=date(2026, 1, 1),
    ...     end=midnight(date(2026, 1, 4)),
    ...     files=[],
    ...     scope=Scope(True),
    ...     lookback=timedelta(hours=72),
    ...     done=[date(2026, 1, 2)],
    ... )
    SyncPlan(2 days in 2 periods)
    """
    days = [first + number * ONE_DAY for number in range((end.date() - first).days + 1)]
    left = [day for day in days if day not in done]
    needed = [
        day
        for day in left
        if midnight(day) < end and (coverage.needs(day, scope, lookback) or name_of(day) not in files)
    ]
    unrecorded = {day for day in left if day not in coverage.records and name_of(day) in files}
    scope_days = {day for day in needed if _is_open(coverage, day, lookback)}
    others = [day for day in needed if day not in scope_days]
    if not done and scope_days and len(others) > DAYS_PER_WRITE:
        # If many other days have to be read, the days that show the scope come first. Otherwise, nothing could be
        # recorded for a long time.
        periods = join_days(scope_days, end) + join_days(others, end)
    else:
        periods = join_days(needed, end)
    return SyncPlan(periods, unrecorded, scope_days)


def join_days(days: Iterable[date], end: datetime) -> list[Period]:
    """Join adjacent days into periods, newest first. No period ends after `end`."""
    periods: list[Period] = []
    for day in sorted(days):
        day_start, day_end = midnight(day), min(midnight(day) + ONE_DAY, end)
        if periods and periods[-1].end == day_start:
            day_start = periods.pop().start
        periods.append(Period(day_start, day_end))
    return periods[::-1]


def _is_open(coverage: Coverage, day: date, lookback: timedelta) -> bool:
    """Whether a sync has read a day before, but too early for the reading to be final."""
    record = coverage.records.get(day)
    readings = [reading for reading in record.readings if not reading.is_import] if record else []
    return bool(readings) and not any(reading.is_final(day, lookback) for reading in readings)
