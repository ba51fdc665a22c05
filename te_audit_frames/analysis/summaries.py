"""Summaries of events: counts by user, account group, event type, address or any other column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from te_audit_frames.analysis.archived import load_columns
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.grouping import Grouper, rank


def summarize(events: Any, *, by: str | Sequence[str], top: int | None = None) -> pd.DataFrame:
    """Count events by one or several columns, largest groups first.

    A user is identified by `uid`, and shown with the name in the latest event. Events without a `uid` are grouped by
    name; such a name is never confused with the `uid` of another user. In the same way, an account group is identified
    by `aid`. Events that have neither `uid` nor name form a group with null keys.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. All but pandas and PyArrow group them in their own
        engine. `date` and the columns of `by` are required. In an archive, all events are counted, and only the needed
        columns are read.
    by : str or list of str
        What to group by: ``"user"``, ``"account_group"``, ``"event"``, ``"ip_address"``, or any other column of the
        events, such as one that you added. ``"uid"``, ``"aid"``, ``"event_type"`` and ``"ip"`` are other spellings of
        the four names.
    top : int, optional
        Keep this many groups, and combine all others in a last row, ``"(other)"``, so that sums stay right.

    Returns
    -------
    pandas.DataFrame
        One row per group. The group with the most events comes first; ties are in the order of their keys. The columns:

        - the columns of `by` as ``str``: `uid` and `user` for a user, `aid` and `account_group_name` for an account
          group, otherwise the column itself;
        - `events` (int64): the number of events;
        - `share` (float64): the share of all events, from 0 to 1;
        - `users`, `account_groups`, `event_types` and `ip_addresses` (int64): the number of distinct values, without
          nulls. A count is left out if `by` names it, or if the frame lacks its columns;
        - `first_event` and `last_event` (``datetime64[us, UTC]``): the first and the last date of the events. NaT if no
          event has a date.

    Raises
    ------
    InvalidArgument
        `by` or `top` has none of the values above, or `events` is not a supported frame.
    NotAnAuditFrame
        A needed column is missing, or has values that its type cannot hold.
    ArchiveError, FileError, StoreError
        An archive cannot be read.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T08:00:00Z", "event": "User login.", "uid": "7", "user": "Ada", "aid": "1"},
    ...     {"date": "2026-03-02T09:00:00Z", "event": "Test created.", "uid": "7", "user": "Ada", "aid": "1"},
    ...     {"date": "2026-03-03T08:00:00Z", "event": "User login.", "uid": "8", "user": "Ben", "aid": "2"}]}'''
    >>> events = taf.read_pages([page])
    >>> taf.summarize(events, by=["user", "event"])[["uid", "user", "event", "events", "account_groups"]]
      uid user          event  events  account_groups
    0   7  Ada  Test created.       1               1
    1   7  Ada    User login.       1               1
    2   8  Ben    User login.       1               1

    You can group by any column, including one that you add:

    >>> hours = events.assign(hour=events["date"].dt.hour)
    >>> taf.summarize(hours, by="hour")[["hour", "events", "users"]]
      hour  events  users
    0    8       2      2
    1    9       1      1
    """
    return count_groups(events, by=by, top=top)[0]


def count_groups(events: Any, *, by: str | Sequence[str], top: int | None) -> tuple[pd.DataFrame, Sequence[Dimension]]:
    """Return the result of `summarize`, and the dimensions of `by`."""
    grouper = Grouper.of(load_columns(events, by, count_others=True), by, count_others=True)
    folded, keys = grouper.fold(top)

    groups = folded.tabulate(keys).rename(columns={"first": "first_event", "last": "last_event"})
    groups = rank(groups, grouper.identity)
    groups["share"] = groups["events"] / groups["events"].sum()
    types = (
        {"events": "int64", "share": "float64"}
        | {other.counted_as: "int64" for other in grouper.counted}
        | {"first_event": "datetime64[us, UTC]", "last_event": "datetime64[us, UTC]"}
    )
    figures = groups[list(types)].fillna({other.counted_as: 0 for other in grouper.counted}).astype(types)
    return grouper.name(groups).join(figures), grouper.dimensions


def summarize_by_user(events: Any, *, top: int | None = None) -> pd.DataFrame:
    """Count events by user, most active first.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `summarize`.
    top : int, optional
        Keep this many users, and combine the others in a last row, ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `uid` and `user`, then `events`, `share`, `account_groups`, `event_types`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame, ArchiveError, FileError, StoreError
        See `summarize`.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"uid": "7", "user": "Ada"}]}'])
    >>> taf.summarize_by_user(events)[["uid", "user", "events", "share"]]
      uid user  events  share
    0   7  Ada       1    1.0
    """
    return summarize(events, by="user", top=top)


def summarize_by_account_group(events: Any, *, top: int | None = None) -> pd.DataFrame:
    """Count events by account group, most active first.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `summarize`.
    top : int, optional
        Keep this many account groups, and combine the others in a last row, ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `aid` and `account_group_name`, then `events`, `share`, `users`, `event_types`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame, ArchiveError, FileError, StoreError
        See `summarize`.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"aid": "1", "accountGroupName": "Shops"}]}'])
    >>> taf.summarize_by_account_group(events)[["aid", "account_group_name", "events", "share"]]
      aid account_group_name  events  share
    0   1              Shops       1    1.0
    """
    return summarize(events, by="account_group", top=top)


def summarize_by_event_type(events: Any, *, top: int | None = None) -> pd.DataFrame:
    """Count events by event type, most frequent first.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        See `summarize`.
    top : int, optional
        Keep this many event types, and combine the others in a last row, ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `event`, then `events`, `share`, `users`, `account_groups`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame, ArchiveError, FileError, StoreError
        See `summarize`.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}, {"event": "Login failed."}]}'])
    >>> taf.summarize_by_event_type(events)[["event", "events", "share"]]
               event  events  share
    0  Login failed.       1    0.5
    1    User login.       1    0.5
    """
    return summarize(events, by="event", top=top)
