"""Who did how much: events counted by user, account group, event type or address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from te_audit_frames.analysis.dimensions import DIMENSIONS, parse_by
from te_audit_frames.analysis.grouping import Grouper, rank


def summarize(events: Any, *, by: str | Sequence[str], top: int | None = None) -> pd.DataFrame:
    """Count events by who, where or what, the most first.

    A person is `uid`, shown by the name in the latest event; without a `uid`, the name itself tells people apart,
    and never passes for the `uid` of somebody else. An account group is `aid`, likewise. Events that have neither are
    a row of their own with null keys.

    Parameters
    ----------
    events : frame of any supported library
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. Their own engine does the grouping.
    by : {"user", "account_group", "event", "ip_address"} or list of these
        What a row stands for.
    top : int, optional
        Keep this many rows and fold all others into a last one, ``"(other)"``, so that sums hold.

    Returns
    -------
    pandas.DataFrame
        One row per key, most events first, ties in key order. First the columns of `by` (``str``): `uid` and `user`,
        `aid` and `account_group_name`, `event`, `ip_address`. Then `events` (int64; they add up to the number of all
        events), `share` (float64, of all events), of the other dimensions how many different ones there are, nulls
        left out (`users`, `account_groups`, `event_types`, `ip_addresses`; int64), `first_event` and `last_event`
        (``datetime64[us, UTC]``; events without a date are counted, but are neither).

    Raises
    ------
    InvalidArgument
        `by` or `top` is not one of the above, or `events` is of a library that is not supported.
    NotAnAuditFrame
        A column that is needed is missing.

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
    """
    dimensions = parse_by(by)
    others = [dimension for dimension in DIMENSIONS.values() if dimension not in dimensions]
    grouper = Grouper.of(events, dimensions, others)
    identity = [column for dimension in dimensions for column in dimension.identity]
    folded, keys = grouper.fold(identity, top)

    groups = folded.count(keys).rename(columns={"first": "first_event", "last": "last_event"})
    for other in others:
        different = folded.count_distinct(keys, other.identity).rename(columns={"different": other.counted_as})
        groups = groups.merge(different, on=keys, how="left")
    groups = rank(groups, identity)
    groups["share"] = groups["events"] / groups["events"].sum()
    types = (
        {"events": "int64", "share": "float64"}
        | {other.counted_as: "int64" for other in others}
        | {"first_event": "datetime64[us, UTC]", "last_event": "datetime64[us, UTC]"}
    )
    figures = groups[list(types)].fillna({other.counted_as: 0 for other in others}).astype(types)
    return grouper.name(groups, dimensions).join(figures)


def summarize_by_user(events: Any, *, top: int | None = None) -> pd.DataFrame:
    """Count events by person, the most first.

    Parameters
    ----------
    events : frame of any supported library
        As in `summarize`.
    top : int, optional
        Keep this many people and fold the rest into ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `uid` and `user`, then `events`, `share`, `account_groups`, `event_types`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        As in `summarize`.

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
    """Count events by account group, the most first.

    Parameters
    ----------
    events : frame of any supported library
        As in `summarize`.
    top : int, optional
        Keep this many account groups and fold the rest into ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `aid` and `account_group_name`, then `events`, `share`, `users`, `event_types`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        As in `summarize`.

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
    """Count events by type of event, the most first.

    Parameters
    ----------
    events : frame of any supported library
        As in `summarize`.
    top : int, optional
        Keep this many types and fold the rest into ``"(other)"``.

    Returns
    -------
    pandas.DataFrame
        `event`, then `events`, `share`, `users`, `account_groups`, `ip_addresses`, `first_event`,
        `last_event`; see `summarize`.

    Raises
    ------
    InvalidArgument, NotAnAuditFrame
        As in `summarize`.

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
