"""Whole epoch seconds, the unit of slices: conversions from dates, moments and periods, and back."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from te_audit_frames.periods import EPOCH, SECOND, Period, ceil_second, floor_second

Seconds = npt.NDArray[np.int64]

UNDATED = int(np.iinfo(np.int64).min)
"""Stands for the second of an event without a date."""


def seconds_of(batch: pa.RecordBatch) -> Seconds:
    """Return the dates of a batch in whole epoch seconds, with `UNDATED` for events without one."""
    micros = batch["date"].cast(pa.int64())
    seconds: Seconds = np.floor_divide(micros.fill_null(0).to_numpy(zero_copy_only=False), 1_000_000)
    if micros.null_count:
        seconds[micros.is_null().to_numpy(zero_copy_only=False)] = UNDATED
    return seconds


def instant(second: int) -> datetime:
    """Return the moment at which an epoch second begins."""
    return EPOCH + second * SECOND


def epoch_second(moment: datetime) -> int:
    """Return the epoch second that a moment lies in."""
    return (floor_second(moment) - EPOCH) // SECOND


def second_range(period: Period) -> tuple[int, int]:
    """Return the half-open range of epoch seconds that a period touches."""
    return epoch_second(period.start), (ceil_second(period.end) - EPOCH) // SECOND


def join_ranges(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sort ranges, and join those that touch or overlap."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined
