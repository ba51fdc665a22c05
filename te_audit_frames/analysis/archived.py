"""Archives as a source of events. Only the columns that an analysis needs are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeGuard, runtime_checkable

import pandas as pd

from te_audit_frames.analysis.dimensions import list_countable, parse_by
from te_audit_frames.periods import Instant
from te_audit_frames.schema import COLUMNS


@runtime_checkable
class EventArchive(Protocol):
    """The methods of an archive that analyses and checks use without importing `storage`."""

    def load(
        self, *, start: Instant | None = None, end: Instant | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Load these columns of the events of a period, with a receipt."""

    def coverage(self) -> pd.DataFrame:
        """Return one row per day: its `day` and how many `events` it has."""

    def files(self, *, start: Instant | None = None, end: Instant | None = None) -> list[str]:
        """List the files of a period; without one, also the file of events without a date."""


def is_archive(events: object) -> TypeGuard[EventArchive]:
    """Return whether events are an archive, and not a frame.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.analysis.archived import is_archive
    >>> is_archive(taf.Archive("te-audit/")), is_archive(taf.read_pages([]))
    (True, False)
    """
    # The class is checked, because some frames have their columns as attributes, and a column may be called "files".
    return issubclass(type(events), EventArchive)


def load_columns(events: Any, by: str | Sequence[str] | None, *, count_others: bool = False) -> Any:
    """Load from an archive the columns that are needed to count its events.

    Parameters
    ----------
    events : Archive or frame of any supported library
        Events. A frame is returned as it is.
    by : str, list of str or None
        What to group by; see `parse_by`.
    count_others : bool
        Whether to count the distinct values of the other dimensions too.

    Returns
    -------
    frame
        The events of the archive as a pandas frame. Its receipt has the period that the archive covers.

    Raises
    ------
    InvalidArgument
        An archive has no such column.
    ArchiveError, FileError, StoreError
        The archive cannot be read.
    """
    if not is_archive(events):
        return events
    dimensions = [] if by is None else parse_by(by, COLUMNS)
    if count_others:
        dimensions += list_countable(COLUMNS, dimensions)
    needed = {"date", *(name for dimension in dimensions for name in dimension.columns.values())}
    return events.load(columns=[name for name in COLUMNS if name in needed])
