"""What a check asks of events, read from an archive a few days at a time, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pandas as pd

from te_audit_frames.analysis.archived import EventArchive
from te_audit_frames.periods import Bounds

_CHUNK = 500_000  # events that are in memory at once


def read_in_chunks(archive: EventArchive, columns: Sequence[str], bounds: Bounds) -> Iterator[pd.DataFrame]:
    """Load some columns of an archive, a few days at a time.

    Events without a date are left out.

    Parameters
    ----------
    archive : Archive
        Where to read.
    columns : sequence of str
        What to read.
    bounds : tuple of datetime or None
        The half-open period; None is open.

    Yields
    ------
    pandas.DataFrame
        Some days, oldest first; only the bounds cut a day.
    """
    since, until = bounds
    coverage = archive.coverage()
    days = coverage[coverage["events"].fillna(0) > 0].sort_values("day")
    chunks = days["events"].astype("int64").cumsum() // _CHUNK
    for _, some in days.groupby(chunks)["day"]:
        start, end = some.min().to_pydatetime(), some.max().to_pydatetime() + timedelta(days=1)
        start, end = max(start, since or start), min(end, until or end)
        if start < end:
            yield archive.load(start=start, end=end, columns=columns)


def count_undated(archive: EventArchive) -> int:
    """Count the events without a date."""
    # Only the call without a period lists the file of the events without a date.
    if len(archive.files()) == len(archive.files(start="0002-01-01", end="9999-01-01")):
        return 0
    return int(archive.load(columns=["date"])["date"].isna().sum())
