"""How a page differs from the same page read again: whether its rows moved, changed places, or are others."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import row_counts
from te_audit_frames.client.recent_rows import Date
from te_audit_frames.client.restarts import ReadAgain


def compare(page: pa.RecordBatch, again: pa.RecordBatch, possible: Counter[str]) -> Literal["none", "order", "rows"]:
    """Return what changed on a page: nothing, the order of events of equal dates, or its rows.

    The page may be longer or shorter now, so only as many rows are compared as both readings have. Events of its last
    date may have changed places with events of later pages. If all its events are of one date, any other events of that
    date count as a change of order.

    Parameters
    ----------
    page, again : pyarrow.RecordBatch
        The two readings of the page.
    possible : Counter of str
        The rows that the page may have if only the order changed.
    """
    rows = min(len(page), len(again))
    page, again = page.slice(0, rows), again.slice(0, rows)
    dates = page["date"]
    if not rows or dates.null_count or not again["date"].equals(dates):
        return "none" if rows and again.equals(page) else "rows"
    if again.equals(page):
        return "none"
    if is_of_one_date(page):
        return "order"
    inner = pc.not_equal(dates, dates[-1])
    is_possible = row_counts(page.filter(inner)) == row_counts(again.filter(inner)) and row_counts(again) <= possible
    return "order" if is_possible else "rows"


def moved_by(before: pa.RecordBatch, again: pa.RecordBatch) -> int:
    """Return by how many rows a page moved.

    Raises
    ------
    ReadAgain
        It changed in another way, or the number is not certain.
    """
    fits = [by for by in range(1, len(before)) if again.slice(by).equals(before.slice(0, max(len(again) - by, 0)))]
    if len(fits) != 1:
        raise ReadAgain("moved")
    return fits[0]


def is_of_one_date(batch: pa.RecordBatch) -> bool:
    """Return whether a page has rows, all of one date."""
    return bool(len(batch)) and len(pc.unique(batch["date"])) == 1


def last_date(batch: pa.RecordBatch | None) -> Date:
    """Return the date of the last row, None if there is no row or it has no date."""
    return batch["date"][-1].as_py() if batch is not None and len(batch) else None


def is_uniform(batch: pa.RecordBatch) -> bool:
    """Return whether all rows are equal, so that the page would look the same if it moved."""
    return bool(batch.slice(1).equals(batch.slice(0, max(len(batch) - 1, 0))))


def dates_of(batch: pa.RecordBatch | None) -> npt.NDArray[np.int64]:
    """Return the dates of a page, in microseconds since 1970, without nulls."""
    if batch is None:
        return np.zeros(0, dtype=np.int64)
    dates: npt.NDArray[np.int64] = batch["date"].drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
    return dates
