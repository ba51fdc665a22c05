"""The events that one sync adds to an archive, gathered in bounded memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ARROW_SCHEMA, in_order, to_events

MOST_NEW_EVENTS = 100_000
"""The most events that are kept. If there are more, the newest are kept."""


class NewEvents:
    """The newest events that a sync has added so far.

    A first sync can add millions of events, so no more than twice `MOST_NEW_EVENTS` and the rows of one write are held.

    Examples
    --------
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> from te_audit_frames.storage.new_events import NewEvents
    >>> new = NewEvents()
    >>> new.add(ARROW_SCHEMA.empty_table())
    >>> len(new.to_frame())
    0
    """

    def __init__(self) -> None:
        self._parts: list[pa.RecordBatch] = []

    def __repr__(self) -> str:
        return f"NewEvents({number_of(self._count(), 'row')})"

    def add(self, rows: pa.Table) -> None:
        """Add rows in `ARROW_SCHEMA`."""
        self._parts += rows.to_batches()
        if self._count() > 2 * MOST_NEW_EVENTS:
            self._parts = self._newest().to_batches()

    def to_frame(self) -> pd.DataFrame:
        """Return the newest rows as an audit frame without a receipt."""
        return to_events(self._newest())

    def _count(self) -> int:
        return sum(part.num_rows for part in self._parts)

    def _newest(self) -> pa.Table:
        """Return the newest rows, in order. Rows without a date count as the oldest, although they come last."""
        rows = in_order(list(self._parts))
        surplus = rows.num_rows - MOST_NEW_EVENTS
        if surplus <= 0:
            return rows
        undated = min(rows["date"].null_count, surplus)
        # A slice would keep all the rows in memory, so the rows are copied.
        return rows.take(pa.array(np.arange(surplus - undated, rows.num_rows - undated)))


def no_new_events() -> pd.DataFrame:
    """Return the frame of a sync that has added nothing."""
    return to_events(ARROW_SCHEMA.empty_table())
