"""The pandas accessor `events.audit`, which offers the functions of the package as methods.

Each method is a one-line delegation. The module is long because `help()` on each of them shows a full docstring.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import pandas as pd

from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.periods import Instant
from te_audit_frames.receipts import Receipt, receipt
from te_audit_frames.schema import COLUMNS, SOURCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from te_audit_frames.analysis.freq import Freq
    from te_audit_frames.storage.parquet import Compression


@pd.api.extensions.register_dataframe_accessor("audit")
class AuditAccessor:
    """The methods of ``events.audit``: analyse, filter, plot and write a frame of events.

    Every method needs only the columns that it uses.

    Parameters
    ----------
    events : pandas.DataFrame
        Events. If you write ``events.audit``, pandas passes the frame.

    Raises
    ------
    NotAnAuditFrame
        The frame has none of the columns of events.

    Notes
    -----
    Type checkers cannot see accessors, which are registered at run time, so mypy reports ``events.audit`` as an error.
    In type-checked code, write ``taf.AuditAccessor(events)`` instead. It is the same object, with types.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7", "user": "Ada"}]}'])
    >>> events.audit
    <AuditAccessor: 1 event, 2026-01-01 00:00:00+00:00>
    >>> events.audit.by_user()["user"].tolist()
    ['Ada']
    >>> taf.AuditAccessor(events).by_user()["user"].tolist()
    ['Ada']
    """

    def __init__(self, events: pd.DataFrame) -> None:
        if not set(COLUMNS) & set(events.columns):
            raise NotAnAuditFrame(
                f"this frame does not hold audit events: it has none of the columns {', '.join(map(repr, COLUMNS))}. "
                f"{SOURCES}",
                missing=list(COLUMNS),
            )
        self._events = events

    def __repr__(self) -> str:
        return f"<AuditAccessor: {_describe(self._events)}>"

    @property
    def receipt(self) -> Receipt:
        """What was asked for, what came back, and how that was checked.

        See Also
        --------
        te_audit_frames.receipt : The same as a function.
        """
        return receipt(self._events)

    @property
    def plot(self) -> AuditPlots:
        """The plots: ``plot.activity()``, ``plot.heatmap()`` and ``plot.top()``."""
        return AuditPlots(self._events)

    def between(
        self, *, start: Instant | None = None, end: Instant | None = None, tz: str | tzinfo | None = None
    ) -> pd.DataFrame:
        """Return the events of the half-open period `[start, end)`, with a receipt that is cut to it.

        Parameters
        ----------
        start, end : str, datetime, date or pandas.Timestamp, optional
            The period: events with ``start <= date < end`` are kept. A bound that is left out does not limit them.
        tz : str or datetime.tzinfo, optional
            The time zone of a `start` or `end` that has none, such as ``"Europe/Berlin"``.

        Returns
        -------
        pandas.DataFrame
            The events of the period.

        See Also
        --------
        te_audit_frames.between : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
        >>> len(events.audit.between(start="2026-01-01", end="2026-01-02"))
        1
        """
        from te_audit_frames.frames import between

        return between(self._events, start=start, end=end, tz=tz)

    def where(self, mask: Any, *, label: str | None = None) -> pd.DataFrame:
        """Return the events that a mask selects, with a receipt that notes the filter.

        Parameters
        ----------
        mask : sequence of bool
            Which events to keep, such as ``events["event"] == "User login."``.
        label : str, optional
            A name for the filter in the receipt, such as ``"failed logins"``.

        Returns
        -------
        pandas.DataFrame
            The selected events.

        See Also
        --------
        te_audit_frames.where : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}, {"event": "Login failed."}]}'])
        >>> len(events.audit.where(events["event"] == "Login failed.", label="failed logins"))
        1
        """
        from te_audit_frames.frames import where

        return where(self._events, mask, label=label)

    def by(self, by: str | Sequence[str], *, top: int | None = None) -> pd.DataFrame:
        """Count events by one or several columns, largest groups first.

        Parameters
        ----------
        by : str or list of str
            ``"user"``, ``"account_group"``, ``"event"``, ``"ip_address"``, or any other column of the events.
        top : int, optional
            Keep this many groups, and combine all others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per group.

        See Also
        --------
        te_audit_frames.summarize : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}, {"event": "Login failed."}]}'])
        >>> events.audit.by("event")["event"].tolist()
        ['Login failed.', 'User login.']
        """
        from te_audit_frames.analysis.summaries import summarize

        return summarize(self._events, by=by, top=top)

    def by_user(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by user, most active first.

        Parameters
        ----------
        top : int, optional
            Keep this many users, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per user.

        See Also
        --------
        te_audit_frames.summarize_by_user : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"uid": "7", "user": "Ada"}]}'])
        >>> events.audit.by_user()[["uid", "user", "events"]]
          uid user  events
        0   7  Ada       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_user

        return summarize_by_user(self._events, top=top)

    def by_account_group(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by account group, most active first.

        Parameters
        ----------
        top : int, optional
            Keep this many account groups, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per account group.

        See Also
        --------
        te_audit_frames.summarize_by_account_group : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"aid": "1", "accountGroupName": "Shops"}]}'])
        >>> events.audit.by_account_group()[["aid", "account_group_name", "events"]]
          aid account_group_name  events
        0   1              Shops       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_account_group

        return summarize_by_account_group(self._events, top=top)

    def by_event_type(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by event type, most frequent first.

        Parameters
        ----------
        top : int, optional
            Keep this many event types, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per event type.

        See Also
        --------
        te_audit_frames.summarize_by_event_type : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}]}'])
        >>> events.audit.by_event_type()[["event", "events"]]
                 event  events
        0  User login.       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_event_type

        return summarize_by_event_type(self._events, top=top)

    def activity(
        self,
        *,
        freq: Freq = "D",
        by: str | Sequence[str] | None = None,
        tz: str | tzinfo = "UTC",
        top: int | None = None,
    ) -> pd.DataFrame:
        """Count events per hour, day, week or month of a time zone.

        Parameters
        ----------
        freq : {"D", "h", "W", "MS"}
            Days, hours, weeks from Monday, or months.
        by : str or list of str, optional
            Count separately per value of these columns; see `AuditAccessor.by`.
        tz : str or datetime.tzinfo
            The time zone of the periods, such as ``"Europe/Berlin"``.
        top : int, optional
            Keep the `top` groups with the most events, and combine the others as ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per period and group.

        See Also
        --------
        te_audit_frames.activity : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z"}]}'])
        >>> events.audit.activity(freq="h", tz="Asia/Tokyo")["period"].iloc[0].isoformat()
        '2026-01-01T18:00:00+09:00'
        """
        from te_audit_frames.analysis.activity import activity

        return activity(self._events, freq=freq, by=by, tz=tz, top=top)

    def resources(self) -> pd.DataFrame:
        """Return one row per resource that an event touched, under the index label of the event.

        Returns
        -------
        pandas.DataFrame
            The columns of the events, with `resource_type` and `resource_name` in place of `resources`.

        See Also
        --------
        te_audit_frames.explode_resources : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"resources": [{"type": "testName", "name": "Shop"}]}]}'
        >>> taf.read_pages([page]).audit.resources()["resource_name"].tolist()
        ['Shop']
        """
        from te_audit_frames.analysis.resources import explode_resources

        return explode_resources(self._events)

    def to_parquet(
        self, path: str | os.PathLike[str], *, compression: Compression | None = "zstd", filesystem: Any = None
    ) -> None:
        """Write the events and their receipt to one Parquet file.

        Parameters
        ----------
        path : str or PathLike
            Where to write the file. Its folder must exist. A URI such as ``s3://bucket/events.parquet`` works too.
        compression : {"zstd", "snappy", "gzip", "lz4", "brotli", "none"}, default "zstd"
            The compression of the file. None means ``"none"``.
        filesystem : pyarrow or fsspec filesystem, optional
            The filesystem of `path` if it is not on the local disk.

        See Also
        --------
        te_audit_frames.write_parquet : The same as a function, with the details.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     events.audit.to_parquet(f"{folder}/events.parquet", compression="snappy")
        ...     taf.read_parquet(f"{folder}/events.parquet")["event"].tolist()
        ['User login.']
        """
        from te_audit_frames.storage.parquet import write_parquet

        write_parquet(self._events, path, compression=compression, filesystem=filesystem)


class AuditPlots:
    """The methods of ``events.audit.plot``. Each draws a plot and returns its Axes without showing it.

    Parameters
    ----------
    events : pandas.DataFrame
        Events. ``events.audit.plot`` passes the frame.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7", "user": "Ada"}]}'])
    >>> events.audit.plot
    <AuditPlots: activity, heatmap, top of 1 event, 2026-01-01 00:00:00+00:00>
    >>> events.audit.plot.top(by="user").get_xlabel()
    'events'
    """

    def __init__(self, events: pd.DataFrame) -> None:
        self._events = events

    def __repr__(self) -> str:
        return f"<AuditPlots: activity, heatmap, top of {_describe(self._events)}>"

    def activity(
        self,
        *,
        freq: Freq = "D",
        by: str | Sequence[str] | None = None,
        tz: str | tzinfo = "UTC",
        top: int | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw events per period of time as bars, stacked by `by`.

        Parameters
        ----------
        freq : {"D", "h", "W", "MS"}
            Days, hours, weeks from Monday, or months.
        by : str or list of str, optional
            Count separately per value of these columns; see `AuditAccessor.by`.
        tz : str or datetime.tzinfo
            The time zone of the periods.
        top : int, optional
            How many groups to show, six by default. The others are combined as ``"(other)"``.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_activity : The same as a function, with the details.
        """
        from te_audit_frames.analysis.plots import plot_activity

        return plot_activity(self._events, freq=freq, by=by, tz=tz, top=top, ax=ax)

    def heatmap(self, *, tz: str | tzinfo = "UTC", ax: Axes | None = None) -> Axes:
        """Draw the number of events per weekday and hour of the day.

        Parameters
        ----------
        tz : str or datetime.tzinfo
            The time zone of weekdays and hours.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_heatmap : The same as a function.
        """
        from te_audit_frames.analysis.plots import plot_heatmap

        return plot_heatmap(self._events, tz=tz, ax=ax)

    def top(self, *, by: str | Sequence[str] = "user", top: int = 10, ax: Axes | None = None) -> Axes:
        """Draw the groups with the most events as horizontal bars.

        Parameters
        ----------
        by : str or list of str
            The columns to group by; see `AuditAccessor.by`.
        top : int
            How many bars to draw.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_top : The same as a function.
        """
        from te_audit_frames.analysis.plots import plot_top

        return plot_top(self._events, by=by, top=top, ax=ax)


def _describe(events: pd.DataFrame) -> str:
    """Return the number of events and the dates of the first and the last one."""
    count = f"{len(events):,} event" + ("" if len(events) == 1 else "s")
    dates = events["date"].dropna() if "date" in events else pd.Series()
    if dates.empty:
        return count
    return f"{count}, {' to '.join(dict.fromkeys(str(moment) for moment in (dates.min(), dates.max())))}"
