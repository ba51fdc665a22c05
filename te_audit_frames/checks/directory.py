"""Directory of the people of an organisation, as checks read it, and how far it fits the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.safe_text import number_of

_NEEDED = ["uid", "name", "email", "registered", "last_login", "fetched_at"]
_INSTANTS = ["registered", "last_login", "fetched_at"]
_ADVICE = "Pass what client.fetch_users() or archive.users() returned."

_DAY = pd.Timedelta(days=1)


def read_directory(users: Any) -> pd.DataFrame:
    """Read a directory: one row per `uid`, with the dtypes that checks need.

    Parameters
    ----------
    users : pandas.DataFrame
        The directory, from `Client.fetch_users` or `Archive.users`.

    Returns
    -------
    pandas.DataFrame
        `uid`, `name`, `email` (str), `registered`, `last_login`, `fetched_at` (``datetime64[us, UTC]``) and `is_admin`
        (boolean).

    Raises
    ------
    InvalidArgument
        `users` is not a directory.
    """
    if not isinstance(users, pd.DataFrame):
        raise InvalidArgument(f"users: {type(users).__name__} is not a frame of people. {_ADVICE}")
    missing = [name for name in _NEEDED if name not in users.columns]
    if missing:
        raise InvalidArgument(f"users: it has no column {', '.join(map(repr, missing))}. {_ADVICE}")
    directory = users[_NEEDED].astype({"uid": "str", "name": "str", "email": "str"})
    for name in _INSTANTS:
        try:
            directory[name] = pd.to_datetime(directory[name], utc=True).astype("datetime64[us, UTC]")
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"users: column {name!r} does not hold moments: {error}. {_ADVICE}") from None
    is_admin = users["is_admin"] if "is_admin" in users else pd.Series(pd.NA, index=users.index)
    try:
        directory["is_admin"] = is_admin.astype("boolean")
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"users: column 'is_admin' does not hold True and False: {error}. {_ADVICE}") from None
    return directory.dropna(subset=["uid"]).drop_duplicates("uid").reset_index(drop=True)


def check_same_organisation(directory: pd.DataFrame, uids: pd.Series) -> None:
    """Refuse a directory that has none of the people of the events.

    Parameters
    ----------
    directory : pandas.DataFrame
        What `read_directory` returned.
    uids : pandas.Series
        The different `uid` of the events.

    Raises
    ------
    InvalidArgument
        The directory is empty, or has none of them.
    """
    if not len(uids) or uids.isin(directory["uid"]).any():
        return
    if not len(directory):
        raise InvalidArgument(
            "users: the directory is empty, so that none of the "
            f"{number_of(len(uids), 'person', 'people')} of the events can be in it. "
            "Fetch it again."
        )
    raise InvalidArgument(
        f"users: none of the {number_of(len(uids), 'person', 'people')} of the events is among its "
        f"{len(directory):,}. It is the "
        "directory of another organisation. Fetch it with the token that fetched the events."
    )


def notes_of_directory(directory: pd.DataFrame, first_event: datetime | None, last_event: datetime | None) -> list[str]:
    """Return what a reader should know of a directory: how old it is, and what it does not know.

    Parameters
    ----------
    directory : pandas.DataFrame
        What `read_directory` returned.
    first_event, last_event : datetime or None
        The dates of the first and the last event.

    Returns
    -------
    list of str
        One sentence each, without a full stop.
    """
    notes = [f"the directory has {number_of(len(directory), 'person', 'people')}"]
    fetched = directory["fetched_at"].max()
    if len(directory) and pd.isna(fetched):
        notes.append("the directory does not say when it was fetched: the last event stands in")
    for what, date in (("first", first_event), ("last", last_event)):
        if date is None or pd.isna(fetched):
            continue
        if (days := (pd.Timestamp(date) - fetched) // _DAY) > 0:
            notes.append(
                f"the directory was fetched {days:,} day{'s' * (days != 1)} before the {what} event: it lacks "
                "people who came since"
            )
            break
    # A day of tolerance, because the clock of the machine that fetched it may be behind.
    ahead = int((directory["last_login"] > directory["fetched_at"] + _DAY).sum())
    if pd.isna(fetched):
        ahead = int((directory["last_login"] > pd.Timestamp.now("UTC") + _DAY).sum())
    if ahead:
        when = "in the future" if pd.isna(fetched) else "after the directory was fetched"
        people = "person has" if ahead == 1 else "people have"
        notes.append(f"{ahead:,} {people} a last log-in {when}, and cannot be dormant")
    if directory["is_admin"].isna().any():
        notes.append("for some people the directory does not know whether they are admins")
    return notes
