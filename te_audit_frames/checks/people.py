"""People: who an event's `uid` and `user` mean."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

PAIR = ("uid", "user")


def group_people(pairs: pd.DataFrame) -> pd.DataFrame:
    """Make people of the pairs of `uid` and `user` that occur.

    A person is a `uid`, and is shown with the newest `user`. Events without a `uid` belong to the person of that name,
    who is never mixed up with the `uid` of somebody else.

    Parameters
    ----------
    pairs : pandas.DataFrame
        `uid`, `user`, `events` (how many) and `last` (the date of the newest); a pair may occur more than once.

    Returns
    -------
    pandas.DataFrame
        One row per person: `uid`, `user` (str) and `events` (int64), in the order of `uid`, then those without one in
        the order of `user`. Events that name nobody make the last.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.checks.people import group_people
    >>> pairs = pd.DataFrame({"uid": ["7", "7"], "user": ["Ada", "Ada L."], "events": [3, 1], "last": [1, 2]})
    >>> group_people(pairs)
      uid    user  events
    0   7  Ada L.       4
    """
    pairs = pairs.assign(nameless=pairs["user"].where(pairs["uid"].isna()))
    # Null names first: a name wins over none at the same moment. Of two names, the greater wins, as in summaries.
    named = pairs.sort_values(["last", "user"], na_position="first", kind="stable")
    named = named.assign(user=named.groupby(["uid", "nameless"], dropna=False)["user"].ffill())
    people = named.groupby(["uid", "nameless"], dropna=False, sort=True).agg(
        user=("user", "last"), events=("events", "sum")
    )
    people = people.reset_index()[[*PAIR, "events"]]
    return people.astype({"uid": "str", "user": "str", "events": "int64"})


def number_people(rows: pd.DataFrame, people: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the position of each event's person among people.

    Parameters
    ----------
    rows : pandas.DataFrame
        Events with `uid` and `user`.
    people : pandas.DataFrame
        What `group_people` made of all of them, or of more.

    Returns
    -------
    numpy.ndarray of int64
        One position per row.
    """
    uids, uid_index = pd.factorize(rows["uid"])
    users, user_index = pd.factorize(rows["user"].where(rows["uid"].isna()))
    by_uid = {uid: position for position, uid in enumerate(people["uid"]) if pd.notna(uid)}
    nameless = people["uid"].isna()
    by_name = {None if pd.isna(user) else user: position for position, user in people["user"][nameless].items()}
    nobody = by_name.get(None, -1)
    of_uid = np.array([*(by_uid[uid] for uid in uid_index), -1], dtype="int64")[uids]
    of_name = np.array([*(by_name[user] for user in user_index), nobody], dtype="int64")[users]
    return np.where(uids >= 0, of_uid, of_name)
