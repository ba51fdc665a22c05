"""The days that paging goes through: the events of those that it has not passed yet. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from te_audit_frames.periods import EPOCH, Period
from te_audit_frames.storage.day_file import ONE_DAY, midnight


class DayBuffer:
    """The days of a period, and the events held of them until nothing is missing any more.

    Parameters
    ----------
    period : Period
        From a midnight on.

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
        self._waits = np.ones(count, dtype=np.bool_)

    def add(self, batch: pa.RecordBatch) -> set[date]:
        """Hold a batch's events by their days, and return the days among them that had been passed already.

        The events of these are not held: such a day has to be read again.
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
            if self._waits[number]:
                self._held[int(number)].append(batch.filter(pa.array(numbers == number)))
            else:
                late.add(self.days[number])
        return late

    @property
    def has_undated(self) -> bool:
        """Whether events without a date came."""
        return None in self._held

    def waiting(self) -> list[date]:
        """List the days that were not passed yet, in ascending order."""
        return [self.days[number] for number in np.flatnonzero(self._waits)]

    def take_complete(self, missing: Iterable[Period]) -> Iterator[tuple[date, list[pa.RecordBatch]]]:
        """Hand over the days that nothing is missing of any more, newest first."""
        ready = self._waits.copy()
        for low, high in missing:
            ready[max((low - self._start) // ONE_DAY, 0) : max(-((self._start - high) // ONE_DAY), 0)] = False
        for number in np.flatnonzero(ready)[::-1]:
            self._waits[number] = False
            yield self.days[number], self._held.pop(int(number), [])

    def undated(self) -> list[pa.RecordBatch]:
        """Hand over the events without a date."""
        return self._held.pop(None, [])
