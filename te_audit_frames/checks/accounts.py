"""Accounts that nobody uses, accounts in use again after a long silence, and people who are not in the directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.directory import check_same_organisation, notes_of_directory, read_directory
from te_audit_frames.checks.history_counts import QUARTER
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import TEXT_LIST, Groups, micros, tally
from te_audit_frames.safe_text import number_of

DAYS = 90
RETURNED_DAYS = 180

_DAY = 86_400_000_000  # microseconds
_MOST_UNKNOWN = 0.5  # of the people who acted; if the directory lacks more of them, it probably does not fit the events
_STATUSES = ["not in directory", "returned", "dormant", "never logged in"]


def find_dormant_users(
    users: pd.DataFrame, events: Any, *, history: Any = None, days: int = DAYS, returned_days: int = RETURNED_DAYS
) -> pd.DataFrame:
    """Find accounts that nobody uses or that somebody uses again, and people who act but are not in the directory.

    Parameters
    ----------
    users : pandas.DataFrame
        The directory, from `Client.fetch_users` or `Archive.users`.
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event` and `uid` are required.
    history : frame of any supported library, or Archive, optional
        What happened before. Without it, a silence that began before the first of `events` is not seen.
    days : int
        How many days without a log-in or an event make an account dormant.
    returned_days : int
        How many days of silence make the next event a return.

    Returns
    -------
    pandas.DataFrame
        One row per person and status:

        - `uid`, `user` (str; the name in the log, else name and e-mail from the directory);
        - `status` (str): ``"not in directory"`` (acts in `events`, and was first seen before the directory was
          fetched), ``"returned"`` (acts after `returned_days` of silence; one row per return), ``"dormant"`` (no log-in
          and no event for `days` before the directory was fetched) or ``"never logged in"`` (registered at least `days`
          before the directory was fetched, or at an unknown time);
        - `silent_days` (Int64), how many whole days the silence lasted; null for people who never logged in or are not
          in the directory;
        - `is_admin` (boolean; null if unknown), `registered`, `last_login` (``datetime64[us, UTC]``), from the
          directory;
        - `first_event`, `last_event` (``datetime64[us, UTC]``; null without events), `events` (int64) and
          `event_texts` (list of str): the person's events; for a return, those from it to the next return. `evidence`
          returns them.

        Sorted by status in the order above; then admins come first, then the longest silence. `assessed` says what was
        examined.

    Raises
    ------
    InvalidArgument
        `users` is not a directory, or no `uid` of the events is in it: it is empty or that of another organisation. Or
        another argument is wrong.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* PCI DSS 8.2.6 asks that accounts unused for 90 days are removed or disabled; Microsoft Sentinel calls
    180 days dormant. If more than half of the people who acted are not in the directory, the directory probably does
    not fit the events, and `in_part` of `assessed` says so.

    *What it cannot see.* Silence before the first event: without `history`, a return within the first `returned_days`
    of `events` is not seen. A session that stays open needs no log-in, and looking at data leaves no events.
    Somebody who was removed after they acted is not in the directory either: compare with their last event, or take
    the directory of that day from `Archive.users`. Some actors are operations of the vendor, not people.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> day = pd.Timestamp("2026-03-01T00:00Z")
    >>> users = pd.DataFrame({
    ...     "uid": ["7", "8"], "name": ["Ada", "Ben"], "email": ["ada@example.com", "ben@example.com"],
    ...     "registered": day - pd.Timedelta("900D"), "last_login": [day, day - pd.Timedelta("200D")],
    ...     "is_admin": [False, True], "fetched_at": day})
    >>> events = pd.DataFrame({"date": [day], "event": "Test created.", "uid": ["7"], "user": ["Ada"]})
    >>> taf.find_dormant_users(users, events)[["uid", "user", "status", "silent_days"]]
      uid                   user   status  silent_days
    0   8  Ben (ben@example.com)  dormant          200
    """
    check_whole_number("days", days, 1, 3650)
    check_whole_number("returned_days", returned_days, 1, 3650)
    directory = read_directory(users)
    selection = select(events, ["event", "uid"])
    check_same_organisation(directory, selection.people["uid"].dropna())
    acts = _Acts.of(directory, selection, history)
    parts = [_absent(acts), _returned(acts, returned_days), *_unused(acts, days)]
    result = _complete(pd.concat(parts, ignore_index=True), directory)
    notes, in_part = _notes(acts, selection)
    return attach_assessed(result, Assessed.of("find_dormant_users", selection, notes=notes, in_part=in_part))


@dataclass(frozen=True, eq=False)
class _Acts:
    """What the people of the events did, and who they are in the directory.

    Attributes
    ----------
    people, directory : pandas.DataFrame
        The people of the events, and those of the directory.
    rows : pandas.DataFrame
        The events that have a `uid`, in ascending order.
    person, listed : numpy.ndarray of int64
        For each event, the position of its person in `people` and in `directory`; -1 if the directory lacks them.
    earlier : pandas.Series
        When each `uid` last acted before the first event: the end of that quarter of an hour, in microseconds.
    is_absent, is_late : numpy.ndarray of bool
        For each of the people, whether the directory lacks them, and whether they were first seen after it was fetched.
    until : float
        When the directory was fetched, or else the last event, in microseconds.
    """

    people: pd.DataFrame
    directory: pd.DataFrame
    rows: pd.DataFrame
    person: Groups
    listed: Groups
    earlier: pd.Series
    is_absent: npt.NDArray[np.bool_]
    is_late: npt.NDArray[np.bool_]
    until: float

    @classmethod
    def of(cls, directory: pd.DataFrame, selection: Selection, history: Any) -> _Acts:
        rows = selection.rows[selection.rows["uid"].notna()]
        person = rows["person"].to_numpy(dtype="int64")
        place = pd.Series(range(len(directory)), index=directory["uid"])
        listed = selection.people["uid"].map(place).fillna(-1).to_numpy(dtype="int64")
        until = fetched = directory["fetched_at"].max()
        if pd.isna(until):
            until = pd.NaT if selection.last_event is None else pd.Timestamp(selection.last_event)
        before = _seen_before(history, selection)
        first = np.full(len(selection.people), np.inf)
        np.minimum.at(first, person, micros(rows["date"]).astype("float64"))
        first = np.fmin(first, selection.people["uid"].map(before["first"]).to_numpy(dtype="float64"))
        return cls(
            selection.people,
            directory,
            rows,
            person,
            listed[person],
            before["last"],
            listed < 0,
            np.zeros(len(first), dtype="bool") if pd.isna(fetched) else first > fetched.timestamp() * 1e6,
            np.nan if pd.isna(until) else until.timestamp() * 1e6,
        )

    def row_each(self, chosen: npt.NDArray[np.bool_], status: str) -> pd.DataFrame:
        """Make one row per person of the chosen events."""
        who, groups = np.unique(self.person[chosen], return_inverse=True)
        named = self.people.iloc[who][["uid", "user"]].reset_index(drop=True)
        rows = tally(self.rows[chosen], groups.astype("int64"), len(who))
        described: pd.DataFrame = pd.concat([named, rows], axis=1).assign(status=status)
        return described


def _seen_before(history: Any, selection: Selection) -> pd.DataFrame:
    """Return when each `uid` first and last acted before the first event, in microseconds."""
    past = read_baseline(history, parts=["moments"])
    start = 0 if selection.first_event is None else int(selection.first_event.timestamp() // QUARTER)
    moments = past.moments[past.moments["quarter"] < start]
    by_uid = moments.assign(uid=past.people["uid"].iloc[moments["person"]].to_numpy()).groupby("uid")["quarter"]
    first, last = by_uid.min() * QUARTER * 1_000_000, (by_uid.max() + 1) * QUARTER * 1_000_000 - 1
    return pd.DataFrame({"first": first, "last": last}).astype("float64")


def _absent(acts: _Acts) -> pd.DataFrame:
    return acts.row_each((acts.listed < 0) & ~acts.is_late[acts.person], _STATUSES[0])


def _returned(acts: _Acts, returned_days: int) -> pd.DataFrame:
    order = np.argsort(acts.person, kind="stable")
    rows, person = acts.rows.iloc[order], acts.person[order]
    moments = micros(rows["date"])
    is_first = np.ones(len(rows), dtype="bool")
    is_first[1:] = np.diff(person) != 0
    before = np.roll(moments, 1).astype("float64")
    before[is_first] = rows["uid"][is_first].map(acts.earlier).to_numpy(dtype="float64")
    silence = moments - before
    starts = silence >= returned_days * _DAY
    # Each return lasts until the next one, or until the person's last event.
    begins = np.flatnonzero(is_first | starts)
    period = np.cumsum(is_first | starts) - 1
    chosen = starts[begins][period]
    different, groups = np.unique(period[chosen], return_inverse=True)
    heads = begins[different]
    named = acts.people.iloc[person[heads]][["uid", "user"]].reset_index(drop=True)
    result = pd.concat([named, tally(rows[chosen], groups.astype("int64"), len(heads))], axis=1)
    returned: pd.DataFrame = result.assign(status=_STATUSES[1], silent_days=silence[heads] // _DAY)
    return returned


def _unused(acts: _Acts, days: int) -> list[pd.DataFrame]:
    """Make rows for dormant accounts, and for those that never logged in."""
    directory = acts.directory
    acted = np.full(len(directory) + 1, -np.inf)
    np.maximum.at(acted, acts.listed, micros(acts.rows["date"]).astype("float64"))
    last = np.maximum(acted[:-1], directory["uid"].map(acts.earlier).fillna(-np.inf).to_numpy(dtype="float64"))
    logged_in = directory["last_login"].notna().to_numpy()
    silence = acts.until - np.maximum(last, np.where(logged_in, micros(directory["last_login"]), -np.inf))
    is_old = directory["registered"].isna().to_numpy() | (micros(directory["registered"]) <= acts.until - days * _DAY)
    parts = []
    for status, chosen in ((_STATUSES[2], logged_in & (silence >= days * _DAY)), (_STATUSES[3], ~logged_in & is_old)):
        theirs = np.append(chosen, False)[acts.listed]
        whole_days = silence[chosen] // _DAY if status == _STATUSES[2] else np.nan
        people = pd.DataFrame({"uid": directory["uid"][chosen], "silent_days": whole_days})
        parts.append(people.merge(acts.row_each(theirs, status), on="uid", how="left").assign(status=status))
    return parts


def _complete(result: pd.DataFrame, directory: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of the directory, and sort."""
    email = (" (" + directory["email"] + ")").fillna("")
    known = directory.assign(called=directory["name"].fillna("") + email)
    result = result.merge(known[["uid", "called", "is_admin", "registered", "last_login"]], on="uid", how="left")
    result["user"] = result["user"].fillna(result["called"])
    texts = [list(some) if np.ndim(some) else [] for some in result["event_texts"]]
    result["event_texts"] = pd.Series(texts, index=result.index, dtype=TEXT_LIST)
    types: Mapping[str, str] = {
        "silent_days": "Int64",
        "events": "int64",
        "is_admin": "boolean",
        **dict.fromkeys(["first_event", "last_event", "registered", "last_login"], "datetime64[us, UTC]"),
    }
    result = result.fillna({"events": 0}).astype(types)
    result["rank"] = result["status"].map({status: place for place, status in enumerate(_STATUSES)})
    result = result.assign(admin=result["is_admin"].fillna(False)).sort_values(
        ["rank", "admin", "silent_days", "first_event", "uid"], ascending=[True, False, False, True, True]
    )
    columns = [
        "uid", "user", "status", "silent_days", "is_admin", "registered", "last_login",
        "first_event", "last_event", "events", "event_texts",
    ]  # fmt: skip
    complete: pd.DataFrame = result[columns].reset_index(drop=True)
    return complete


def _notes(acts: _Acts, selection: Selection) -> tuple[tuple[str, ...], str]:
    """Return notes, and why the directory does not fit the events; empty if it does."""
    notes = notes_of_directory(acts.directory, selection.first_event, selection.last_event)
    nameless = int((selection.rows["uid"].isna()).sum())
    if nameless:
        notes.append(
            f"{number_of(nameless, 'event')} {'has' if nameless == 1 else 'have'} no uid, so nobody in "
            "the directory can be found for them"
        )
    acting = np.unique(acts.person)
    unknown = acting[acts.is_absent[acting]]
    late = int(acts.is_late[unknown].sum())
    if late:
        were = "person was" if late == 1 else "people were"
        notes.append(f"{late:,} {were} first seen after the directory was fetched, and may be new: they are left out")
    # Newcomers say nothing about whether the directory fits.
    missing, examined = len(unknown) - late, len(acting) - late
    if not missing:
        return tuple(notes), ""
    verb = "is" if missing == 1 else "are"
    share = f"{missing:,} of {number_of(examined, 'person', 'people')} of the events {verb} not in the directory"
    if missing > _MOST_UNKNOWN * examined:
        return tuple(notes), f"{share}: the directory seems to be old, or that of another organisation"
    return (*notes, share), ""
