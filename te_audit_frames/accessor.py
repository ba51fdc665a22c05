"""`events.audit`: the same functions, at hand on the frame itself. Every method is a one-line delegation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import pandas as pd

from te_audit_frames.periods import Instant
from te_audit_frames.receipts import Receipt, receipt
from te_audit_frames.schema import COLUMNS, require_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@pd.api.extensions.register_dataframe_accessor("audit")
class AuditAccessor:
    """What can be done with events, as `events.audit`.

    Parameters
    ----------
    events : pandas.DataFrame
        A frame with the columns of events; pandas hands it in.

    Raises
    ------
    NotAnAuditFrame
        Columns are missing; the message lists them.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7", "user": "Ada"}]}'])
    >>> events.audit.by_user()["user"].tolist()
    ['Ada']
    """

    def __init__(self, events: pd.DataFrame) -> None:
        require_columns(events.columns, COLUMNS)
        self._events = events

    @property
    def receipt(self) -> Receipt:
        """The frame's receipt: `te_audit_frames.receipt`."""
        return receipt(self._events)

    @property
    def plot(self) -> AuditPlots:
        """The plots: `activity`, `heatmap` and `top`."""
        return AuditPlots(self._events)

    def between(
        self, *, start: Instant | None = None, end: Instant | None = None, tz: str | tzinfo | None = None
    ) -> pd.DataFrame:
        """Cut the frame and its receipt to a period: `te_audit_frames.between`."""
        from te_audit_frames.frames import between

        return between(self._events, start=start, end=end, tz=tz)

    def where(self, mask: Any, *, label: str | None = None) -> pd.DataFrame:
        """Keep the rows of a mask, and the receipt's period: `te_audit_frames.where`."""
        from te_audit_frames.frames import where

        return where(self._events, mask, label=label)

    def by(self, by: str | Sequence[str], *, top: int | None = None) -> pd.DataFrame:
        """Summarise by one or several columns: `te_audit_frames.summarize`."""
        from te_audit_frames.analysis.summaries import summarize

        return summarize(self._events, by=by, top=top)

    def by_user(self, *, top: int | None = None) -> pd.DataFrame:
        """Summarise by user: `te_audit_frames.summarize_by_user`."""
        from te_audit_frames.analysis.summaries import summarize_by_user

        return summarize_by_user(self._events, top=top)

    def by_account_group(self, *, top: int | None = None) -> pd.DataFrame:
        """Summarise by account group: `te_audit_frames.summarize_by_account_group`."""
        from te_audit_frames.analysis.summaries import summarize_by_account_group

        return summarize_by_account_group(self._events, top=top)

    def by_event_type(self, *, top: int | None = None) -> pd.DataFrame:
        """Summarise by event type: `te_audit_frames.summarize_by_event_type`."""
        from te_audit_frames.analysis.summaries import summarize_by_event_type

        return summarize_by_event_type(self._events, top=top)

    def activity(
        self, *, freq: str = "D", by: str | None = None, tz: str | tzinfo = "UTC", top: int | None = None
    ) -> pd.DataFrame:
        """Count events per period: `te_audit_frames.activity`."""
        from te_audit_frames.analysis.activity import activity

        return activity(self._events, freq=freq, by=by, tz=tz, top=top)

    def resources(self) -> pd.DataFrame:
        """Take one row per touched resource: `te_audit_frames.explode_resources`."""
        from te_audit_frames.analysis.resources import explode_resources

        return explode_resources(self._events)

    def to_parquet(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the frame to a file: `te_audit_frames.write_parquet`."""
        from te_audit_frames.storage.parquet import write_parquet

        write_parquet(self._events, path, **options)


class AuditPlots:
    """The plots of `events.audit.plot`."""

    def __init__(self, events: pd.DataFrame) -> None:
        self._events = events

    def activity(
        self,
        *,
        freq: str = "D",
        by: str | None = None,
        tz: str | tzinfo = "UTC",
        top: int | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the events per period: `te_audit_frames.plot_activity`."""
        from te_audit_frames.analysis.plots import plot_activity

        return plot_activity(self._events, freq=freq, by=by, tz=tz, top=top, ax=ax)

    def heatmap(self, *, tz: str | tzinfo = "UTC", ax: Axes | None = None) -> Axes:
        """Draw the hours of the week: `te_audit_frames.plot_heatmap`."""
        from te_audit_frames.analysis.plots import plot_heatmap

        return plot_heatmap(self._events, tz=tz, ax=ax)

    def top(self, *, by: str = "user", n: int = 10, ax: Axes | None = None) -> Axes:
        """Draw the groups with the most events: `te_audit_frames.plot_top`."""
        from te_audit_frames.analysis.plots import plot_top

        return plot_top(self._events, by=by, n=n, ax=ax)
