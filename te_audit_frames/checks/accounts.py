"""Accounts: people of the directory who do not use it, who came back, and those who act but are not in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.baseline import QUARTER, read_baseline
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import TEXT_LIST, Groups, micros, tally
from te_audit_frames.errors import InvalidArgument

DAYS = 90
RETURNED_DAYS = 180

_DAY = 86_400_000_000  # microseconds
_NEEDED = ["uid", "name", "email", "registered", "last_login", "fetched_at"]
_INSTANTS = ["registered", "last_login", "fetched_at"]
_STATUSES = ["not in directory", "returned", "dormant", "never logged in"]


def find_dormant_users(
    users: pd.DataFrame, events: Any, *, history: Any = None, days: int = DAYS, returned_days: int = RETURNED_DAYS
) -> pd.DataFrame:
    """Find accounts that nobody uses, that somebody uses again, and people who act but are not in the directory.

    Parameters
    ----------
    users : pandas.DataFrame
        The directory, from `Client.fetch_users` or `Archive.users`.
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event` and `uid` are required.
    history : frame of any supported library, or Archive, optional
        What happened before. It shows a long silence that ends soon after the first of `events`.
    days : int
        After how many days without log-in and events an account is dormant.
    returned_days : int
        After how many days of silence an event is a return.

    Returns
    -------
    pandas.DataFrame
        One row per person and status:

        - `uid`, `user` (str; the name in the log, else name and e-mail of the directory);
        - `status` (str): ``"not in directory"`` (acts in `events`), ``"returned"`` (acts after `returned_days` of
          silence; one row per return), ``"dormant"`` (no log-in and no event for `days` before the directory was
          fetched) or ``"never logged in"`` (registered `days` before it, or nobody knows when);
        - `silent_days` (Int64), how many whole days the silence lasted; null for people who never logged in or are not
          in the directory;
        - `is_admin` (boolean; null if unknown), `registered`, `last_login` (``datetime64[us, UTC]``), of the directory;
        - `first_event`, `last_event` (``datetime64[us, UTC]``; null without events), `events` (int64) and
          `event_texts` (list of str): the person's events; of a return, only the events since then. `evidence` returns
          them.

        In the order of the statuses above, admins first, then the longest silence. `assessed` says what was examined.

    Raises
    ------
    InvalidArgument
        `users` is no directory, or that of another organisation: no `uid` of the events is in it. Or another argument
        is wrong.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* PCI DSS 8.2.6 asks that accounts unused for 90 days are removed or disabled; Microsoft Sentinel calls
    180 days dormant.

    *What it cannot see.* Silence is as long as the events show: without `history`, a return within the first
    `returned_days` of `events` is not seen. A session that stays open needs no log-in, and reading leaves no events.
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
    directory = _read_directory(users)
    selection = select(events, ["event", "uid"])
    _check_same_organisation(directory, selection)
    acts = _Acts.of(directory, selection, history)
    parts = [_absent(acts), _returned(acts, returned_days), *_unused(acts, days)]
    result = _complete(pd.concat(parts, ignore_index=True), directory)
    return attach_assessed(result, Assessed.of("find_dormant_users", selection, notes=_notes(directory, selection)))


def _read_directory(users: pd.DataFrame) -> pd.DataFrame:
    advice = "Pass what client.fetch_users() or archive.users() returned."
    if not isinstance(users, pd.DataFrame):
        raise InvalidArgument(f"users: {type(users).__name__} is not a frame of people. {advice}")
    missing = [name for name in _NEEDED if name not in users.columns]
    if missing:
        raise InvalidArgument(f"users: it has no column {', '.join(map(repr, missing))}. {advice}")
    directory = users[_NEEDED].astype({"uid": "str", "name": "str", "email": "str"})
    for name in _INSTANTS:
        try:
            directory[name] = pd.to_datetime(directory[name], utc=True).astype("datetime64[us, UTC]")
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"users: column {name!r} does not hold moments: {error}. {advice}") from None
    is_admin = users["is_admin"] if "is_admin" in users else pd.Series(pd.NA, index=users.index)
    try:
        directory["is_admin"] = is_admin.astype("boolean")
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"users: column 'is_admin' does not hold True and False: {error}. {advice}") from None
    return directory.dropna(subset=["uid"]).drop_duplicates("uid").reset_index(drop=True)


def _check_same_organisation(directory: pd.DataFrame, selection: Selection) -> None:
    uids = selection.people["uid"].dropna()
    if len(uids) and not uids.isin(directory["uid"]).any():
        raise InvalidArgument(
            f"users: none of the {len(uids):,} people of the events is among its {len(directory):,}. It is the "
            "directory of another organisation. Fetch it with the token that fetched the events."
        )


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
        For each event, the position among the people, and in the directory; -1 for who is not in it.
    earlier : pandas.Series
        The last moment of each `uid` before the first event, in microseconds, to a quarter of an hour.
    until : float
        When the directory was fetched, in microseconds.
    """

    people: pd.DataFrame
    directory: pd.DataFrame
    rows: pd.DataFrame
    person: Groups
    listed: Groups
    earlier: pd.Series
    until: float

    @classmethod
    def of(cls, directory: pd.DataFrame, selection: Selection, history: Any) -> _Acts:
        rows = selection.rows[selection.rows["uid"].notna()]
        person = rows["person"].to_numpy(dtype="int64")
        place = pd.Series(range(len(directory)), index=directory["uid"])
        listed = selection.people["uid"].map(place).fillna(-1).to_numpy(dtype="int64")
        until = directory["fetched_at"].max()
        if pd.isna(until):
            until = pd.NaT if selection.last_event is None else pd.Timestamp(selection.last_event)
        return cls(
            selection.people,
            directory,
            rows,
            person,
            listed[person],
            _last_before(history, selection),
            np.nan if pd.isna(until) else until.timestamp() * 1e6,
        )

    def row_each(self, chosen: npt.NDArray[np.bool_], status: str) -> pd.DataFrame:
        """Make one row per person of the chosen events."""
        who, groups = np.unique(self.person[chosen], return_inverse=True)
        named = self.people.iloc[who][["uid", "user"]].reset_index(drop=True)
        rows = tally(self.rows[chosen], groups.astype("int64"), len(who))
        described: pd.DataFrame = pd.concat([named, rows], axis=1).assign(status=status)
        return described


def _last_before(history: Any, selection: Selection) -> pd.Series:
    past = read_baseline(history, parts=["moments"])
    start = 0 if selection.first_event is None else int(selection.first_event.timestamp() // QUARTER)
    moments = past.moments[past.moments["quarter"] < start]
    last = moments.assign(uid=past.people["uid"].iloc[moments["person"]].to_numpy()).groupby("uid")["quarter"].max()
    return ((last + 1) * QUARTER * 1_000_000 - 1).astype("float64")


def _absent(acts: _Acts) -> pd.DataFrame:
    return acts.row_each(acts.listed < 0, _STATUSES[0])


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
    """Make rows of the dormant, and of those who never logged in."""
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
    """Add what the directory knows, and sort."""
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


def _notes(directory: pd.DataFrame, selection: Selection) -> tuple[str, ...]:
    notes = [f"the directory has {len(directory):,} people"]
    nameless = int((selection.rows["uid"].isna()).sum())
    if nameless:
        notes.append(f"{nameless:,} events have no uid, so that nobody of the directory can be found for them")
    if directory["is_admin"].isna().any():
        notes.append("for some people the directory does not know whether they are admins")
    return tuple(notes)
