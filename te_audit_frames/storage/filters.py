"""Choices of a reader: which columns of stored events, and which period."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Bounds
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS

_DATE = ARROW_SCHEMA.field("date").type


def check_columns(columns: Sequence[str] | None) -> tuple[str, ...]:
    """Check a choice of columns. None means all of them.

    Raises
    ------
    InvalidArgument
        A name is not a column of events, or is given twice.
    """
    if columns is None:
        return COLUMNS
    wanted = (columns,) if isinstance(columns, str) else tuple(columns)
    for column in wanted:
        if column not in COLUMNS or wanted.count(column) > 1:
            fault = "is given twice" if column in COLUMNS else "is not a column of events"
            raise InvalidArgument(f"columns: {column!r} {fault}; the columns are {', '.join(COLUMNS)}")
    return wanted


def within(rows: pa.Table, bounds: Bounds) -> pa.ChunkedArray:
    """Return a mask of the rows that lie in a period. It is False or null for rows without a date."""
    start, end = bounds
    dates = rows["date"]
    mask = pc.is_valid(dates)
    if start is not None:
        mask = pc.and_(mask, pc.greater_equal(dates, pa.scalar(start, _DATE)))
    if end is not None:
        mask = pc.and_(mask, pc.less(dates, pa.scalar(end, _DATE)))
    return mask
