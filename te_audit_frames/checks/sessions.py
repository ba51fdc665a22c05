"""Sessions: what people did between log-in and log-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import (
    Groups,
    check_duration,
    dates_of,
    list_different,
    micros,
    micros_of,
    tally,
)
from te_audit_frames.checks.text.reading import FAILURE
from te_audit_frames.periods import epoch_micros

Flags = npt.NDArray[np.bool_]
Moments = npt.NDArray[np.int64]

_NEVER = np.iinfo(np.int64).min  # NaT, as numpy stores it
_USED = ["person", "date", "event", "action", "outcome", "ip_address", "aid", "account_group_name"]
_COUNTED = {"created": "create", "updated": "update", "deleted": "delete"}


def find_sessions(
    events: Any, *, idle: str | timedelta = "8h", vocabulary: str | PathLike[str] | None = None
) -> pd.DataFrame:
    """Find sessions: what each user did from log-in to log-out.

    A session begins with a log-in, or with the first event after a log-out or after a silence of more than `idle`. It
    ends with a log-out, before the next log-in, or before such a silence. Failed log-ins belong to no session. What the
    log does not hold is null, and never guessed. The log never has time-outs, and it has log-outs through single
    sign-on only if single log-out is set up.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event` and `uid` or `user` are required.
    idle : str or timedelta
        The longest silence within a session.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`.

    Returns
    -------
    pandas.DataFrame
        One row per session, in the order of `first_event`:

        - `uid` and `user` (str);
        - `login` and `logout` (``datetime64[us, UTC]``), null if the log has none;
        - `ended_by` (str): ``"logout"``; ``"login"``, the same user's next one; ``"silence"``; or ``"open"`` if the
          session may go on after the last of the events;
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `duration` (``timedelta64[us]``) from the first to the last event;
        - `created`, `updated` and `deleted` (int64): how many events of the session did so;
        - `ip_addresses` and `account_groups` (list of str): the different ones, groups by name, or by `aid` if they
          have none.

        `assessed` says what was examined.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* Nobody publishes how long a session of this log may be silent. Eight hours are a working day: a lunch
    break does not end a session, a night does.

    *What it cannot see.* Two sessions of one user at the same time: events belong to the one that began last. Events in
    one second have no order; if one of them is a log-in, all belong to the session that it begins. Automation that uses
    a token never logs in.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T09:00:00Z", "event": "User login.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:10:00Z", "event": "Test created.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T09:30:00Z", "event": "User logout.", "uid": "7", "user": "Ada"}]}'''
    >>> sessions = taf.find_sessions(taf.read_pages([page]))
    >>> sessions[["user", "ended_by", "events", "duration", "created"]]
      user ended_by  events        duration  created
    0  Ada   logout       3 0 days 00:30:00        1
    """
    longest = micros_of(check_duration("idle", idle))
    selection = select(
        events,
        ["event"],
        optional=["ip_address", "aid", "account_group_name"],
        keep=lambda action, _, outcome: action != "login" or outcome != FAILURE,
        with_object=False,
        vocabulary=vocabulary,
    )
    known = selection.people[["uid", "user"]].notna().any(axis=1).to_numpy()[selection.rows["person"]]
    named = selection if known.all() else replace(selection, rows=selection.rows[known])
    result = _describe(named, longest)
    record = _assessed(selection, int((~known).sum()))
    return attach_assessed(result, record)


@dataclass(frozen=True)
class _Seconds:
    """The different moments of each person, in their order."""

    person: Groups
    moment: Moments
    logs_in: Flags
    logs_out: Flags

    def split(self, longest: int) -> tuple[Flags, Flags, Moments]:
        """Return which moments begin a session, which end one, and the log-outs that belong to the session before."""
        count = len(self.person)
        follows = np.zeros(count, dtype="bool")  # within the idle time, and of the same person
        follows[1:] = (np.diff(self.person) == 0) & (np.diff(self.moment) <= longest)
        both = self.logs_in & self.logs_out
        # A log-in and a log-out in one second: if a session is open, the log-out ends it and the log-in begins another;
        # otherwise both are one session. In an unbroken series of such seconds, the first one decides for all.
        is_open = follows.copy()
        is_open[1:] &= ~(self.logs_out & ~both)[:-1]
        continues = both.copy()
        continues[1:] &= both[:-1] & follows[1:]
        is_open = is_open[np.maximum.accumulate(np.where(continues, 0, np.arange(count)))]
        ends = self.logs_out & ~(both & is_open)
        begins = ~follows | self.logs_in
        begins[1:] |= ends[:-1]
        logged_out = np.where(both & is_open, self.moment, _NEVER)
        return begins, ends, logged_out


def _seconds(rows: pd.DataFrame) -> tuple[_Seconds, Groups]:
    """Return the moments of each person, and the moment of each event; the events are sorted by person, then date."""
    person, moments = rows["person"].to_numpy(), micros(rows["date"])
    first = np.ones(len(rows), dtype="bool")
    first[1:] = (np.diff(person) != 0) | (np.diff(moments) != 0)
    of = np.cumsum(first) - 1
    action = rows["action"]
    flags = []
    for name in ("login", "logout"):
        flag = np.zeros(int(first.sum()), dtype="bool")
        flag[of[(action == name).to_numpy()]] = True
        flags.append(flag)
    return _Seconds(person[first], moments[first], *flags), of


def _describe(selection: Selection, longest: int) -> pd.DataFrame:
    order = np.argsort(selection.rows["person"].to_numpy(), kind="stable")
    rows = selection.rows[_USED].iloc[order].reset_index(drop=True)
    seconds, of = _seconds(rows)
    begins, ends, logged_out = seconds.split(longest)
    session = np.cumsum(begins) - 1
    count = int(begins.sum())
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(begins))[:count] - 1
    groups = session[of]

    logout = np.where(ends[last], seconds.moment[last], _NEVER)
    logout[:-1] = np.where(logout[:-1] == _NEVER, logged_out[first[1:]], logout[:-1]) if count else logout[:-1]
    login = np.where(seconds.logs_in[first], seconds.moment[first], _NEVER)
    next_moment = np.full(count, _moment_of(selection))
    goes_on = np.zeros(count, dtype="bool")
    if count:
        goes_on[:-1] = np.diff(seconds.person[first]) == 0
        next_moment[:-1] = np.where(goes_on[:-1], seconds.moment[first[1:]], next_moment[:-1])
    silent = next_moment - seconds.moment[last] > longest
    ended = np.where(silent, "silence", np.where(goes_on, "login", "open"))
    ended = np.where(logout != _NEVER, "logout", ended)

    result = pd.DataFrame(
        {
            **{name: selection.people[name].take(seconds.person[first]).array for name in ("uid", "user")},
            "login": dates_of(login),
            "logout": dates_of(logout),
            "ended_by": pd.Series(ended, dtype="str"),
        }
    ).join(tally(rows, groups, count))
    result["duration"] = result["last_event"] - result["first_event"]
    for name, action in _COUNTED.items():
        did = ((rows["action"] == action) & (rows["outcome"] != FAILURE)).to_numpy()
        result[name] = np.bincount(groups[did], minlength=count).astype("int64")
    result["ip_addresses"] = list_different(rows["ip_address"], groups, count, nulls=False)
    touched = rows["account_group_name"].fillna(rows["aid"])
    result["account_groups"] = list_different(touched, groups, count, nulls=False)
    return result.sort_values(["first_event", "uid", "user"], kind="stable", ignore_index=True)


def _moment_of(selection: Selection) -> int:
    """Return the moment of the last event."""
    return 0 if selection.last_event is None else epoch_micros(selection.last_event)


def _assessed(selection: Selection, nameless: int) -> Assessed:
    actions = set(selection.rows["action"].unique())
    notes = []
    if nameless:
        notes.append(f"events that name no user, and belong to no session: {nameless:,}")
    if not actions & {"login", "logout"}:
        notes.append("no event is known to be a log-in or a log-out: silence alone tells sessions apart")
    return Assessed.of("find_sessions", selection, notes=tuple(notes))
