"""A buffer that groups events by UTC day, and releases a day once no page can still add to it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from te_audit_frames.periods import EPOCH, Period
from te_audit_frames.safe_text import number_of
from te_audit_frames.storage.day_file import ONE_DAY, midnight


class DayBuffer:
    """The days of a period, with the events of each day until it is complete.

    Parameters
    ----------
    period : Period
        It starts at midnight.

    Attributes
    ----------
    days : list of date
        All days that the period touches.
    """

    def __init__(self, period: Period) -> None:
        self._start = midnight(period.start.date())
        count = -((self._start - period.end) // ONE_DAY)
        self.days = [period.start.date() + number * ONE_DAY for number in range(count)]
        self._held: dict[int | None, list[pa.RecordBatch]] = defaultdict(list)
        self._is_waiting = np.ones(count, dtype=np.bool_)

    def __repr__(self) -> str:
        return f"DayBuffer({len(self.waiting()):,} of {number_of(len(self.days), 'day')} waiting)"

    def add(self, batch: pa.RecordBatch) -> set[date]:
        """Add a batch, and return the days in it that were released before.

        The events of these days are dropped: such a day has to be read again.
        """
        micros = batch["date"].cast(pa.int64())
        if micros.null_count:
            self._held[None].append(batch.filter(batch["date"].is_null()))
            batch = batch.filter(batch["date"].is_valid())
            micros = batch["date"].cast(pa.int64())
        first = (self._start - EPOCH) // ONE_DAY
        numbers = np.floor_divide(micros.to_numpy(), ONE_DAY // timedelta(microseconds=1)) - first
        late: set[date] = set()
        for number in np.unique(numbers):
            if self._is_waiting[number]:
                self._held[int(number)].append(batch.filter(pa.array(numbers == number)))
            else:
                late.add(self.days[number])
        return late

    @property
    def has_undated(self) -> bool:
        """Whether the buffer holds events without a date."""
        return None in self._held

    def waiting(self) -> list[date]:
        """List the days that were not released yet, in ascending order."""
        return [self.days[number] for number in np.flatnonzero(self._is_waiting)]

    def take_complete(self, missing: Iterable[Period]) -> Iterator[tuple[date, list[pa.RecordBatch]]]:
        """Release the days that no missing period touches, newest first."""
        is_ready = self._is_waiting.copy()
        for low, high in missing:
            is_ready[max((low - self._start) // ONE_DAY, 0) : max(-((self._start - high) // ONE_DAY), 0)] = False
        for number in np.flatnonzero(is_ready)[::-1]:
            self._is_waiting[number] = False
            yield self.days[number], self._held.pop(int(number), [])

    def undated(self) -> list[pa.RecordBatch]:
        """Release the events without a date."""
        return self._held.pop(None, [])
