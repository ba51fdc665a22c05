"""People and account groups: which person a `uid` and a `user` mean, and which group an `aid` and its name mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

PAIR = ("uid", "user")

Identity = tuple[str | None, str | None]
"""Who somebody is: a `uid` and None, or, without a `uid`, None and the `user`."""

_NAME_AND_MAIL = re.compile(r"(.*) \((.*)\)", re.DOTALL)


def names_of(user: str) -> tuple[str, ...]:
    """Return the names of a user: "Ada (ada@example.com)" is also "Ada" and "ada@example.com".

    Examples
    --------
    >>> from te_audit_frames.checks.people import names_of
    >>> names_of("Ada (ada@example.com)")
    ('Ada (ada@example.com)', 'Ada', 'ada@example.com')
    """
    parts = _NAME_AND_MAIL.fullmatch(user)
    return (user, *parts.groups()) if parts else (user,)


def matches_text(text: str, patterns: Iterable[str]) -> bool:
    """Return whether a text matches one of some patterns. Only ``*`` is special in them; capitals do not matter.

    Examples
    --------
    >>> from te_audit_frames.checks.people import matches_text
    >>> matches_text("Ada [ops]", ["ADA*"]), matches_text("Ada [ops]", ["Ada"])
    (True, False)
    """
    known = tuple(patterns)
    return bool(known) and _pattern_of(known).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _pattern_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    # Only the asterisk is special, because brackets and question marks are frequent in names.
    whole = "|".join(re.escape(each).replace(r"\*", ".*") for each in patterns)
    return re.compile(whole, re.IGNORECASE | re.DOTALL)


def group_people(pairs: pd.DataFrame, key: str = "uid", label: str = "user") -> pd.DataFrame:
    """Make people of the pairs of `uid` and `user` that occur.

    A person is a `uid`, and is shown with the newest `user`. Events without a `uid` belong to a person who is known by
    `user` alone, even if somebody with a `uid` has the same name.

    Parameters
    ----------
    pairs : pandas.DataFrame
        `uid`, `user`, `events` (how many) and `last` (the date of the newest); a pair may occur more than once.
    key, label : str
        The two columns, for things other than people that have a key and a name.

    Returns
    -------
    pandas.DataFrame
        One row per person: `uid`, `user` (str) and `events` (int64), in the order of `uid`, then those without one in
        the order of `user`. Events that name nobody make the last row.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.checks.people import group_people
    >>> pairs = pd.DataFrame({"uid": ["7", "7"], "user": ["Ada", "Ada L."], "events": [3, 1], "last": [1, 2]})
    >>> group_people(pairs)
      uid    user  events
    0   7  Ada L.       4
    """
    # A loop, because the pairs are few, and grouping a frame of texts takes milliseconds however small it is.
    found: dict[Identity, tuple[int, str | None, int]] = {}
    columns = (plain_texts(pairs[key]), plain_texts(pairs[label]), pairs["last"].astype("int64"), pairs["events"])
    for uid, user, last, events in zip(*columns, strict=True):
        identity = (uid, user if uid is None else None)
        newest, name, total = found.get(identity, (last, user, 0))
        # Of two names at the same moment the greater wins, as in summaries; null is no name.
        if user is not None and (name is None or (last, user) > (newest, name)):
            newest, name = last, user
        found[identity] = newest, name, total + events
    identities = sorted(found, key=lambda each: [(text is None, text or "") for text in each])
    return pd.DataFrame(
        {
            key: pd.array([uid for uid, _ in identities], dtype="str"),
            label: pd.array([found[each][1] for each in identities], dtype="str"),
            "events": np.array([found[each][2] for each in identities], dtype="int64"),
        }
    )


def identities_of(rows: pd.DataFrame, key: str = "uid", label: str = "user") -> Iterator[Identity]:
    """Yield who each row is: its `uid`, or its `user` if it has none."""
    for uid, user in zip(plain_texts(rows[key]), plain_texts(rows[label]), strict=True):
        yield uid, user if uid is None else None


def number_people(
    rows: pd.DataFrame, people: pd.DataFrame, key: str = "uid", label: str = "user"
) -> npt.NDArray[np.int64]:
    """Return the position of each event's person among people.

    Parameters
    ----------
    rows : pandas.DataFrame
        Events with `uid` and `user`.
    people : pandas.DataFrame
        What `group_people` returned for all of these events, or for more.
    key, label : str
        The two columns, as for `group_people`.

    Returns
    -------
    numpy.ndarray of int64
        One position per row.
    """
    keys, different_keys = pd.factorize(rows[key])
    labels, different_labels = pd.factorize(rows[label].where(rows[key].isna()))
    by_key = {value: position for position, value in enumerate(people[key]) if pd.notna(value)}
    nameless = people[label][people[key].isna()]
    by_label = {None if pd.isna(value) else value: int(str(position)) for position, value in nameless.items()}
    of_key = np.array([*(by_key[value] for value in different_keys), -1], dtype="int64")[keys]
    of_label = np.array([*(by_label[value] for value in different_labels), by_label.get(None, -1)], dtype="int64")
    return np.where(keys >= 0, of_key, of_label[labels])


def find_people(people: pd.DataFrame, among: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the position of each person among others, by `uid`, or by `user` if they have none; -1 if not there."""
    places = {who: place for place, who in enumerate(identities_of(among))}
    return np.array([places.get(who, -1) for who in identities_of(people)], dtype="int64")


def plain_texts(values: pd.Series) -> list[str | None]:
    """Return texts as Python has them, with None for null."""
    texts: list[str | None] = pa.array(values.astype("str"), from_pandas=True).to_pylist()
    return texts
