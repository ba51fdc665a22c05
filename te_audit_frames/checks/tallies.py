"""Tallies: groups of events, counted, as the rows of a check's result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.checks.people import group_people, number_people
from te_audit_frames.checks.selection import Selection
from te_audit_frames.errors import InvalidArgument

Groups = npt.NDArray[np.int64]
"""The number of each event's group."""

TEXT_LIST = pd.ArrowDtype(pa.list_(pa.large_string()))
"""The dtype of a column that holds several texts in each row."""

By = Literal["user", "account_group", "ip_address"]

BY: dict[str, list[str]] = {
    "user": ["uid", "user"],
    "account_group": ["aid", "account_group_name"],
    "ip_address": ["ip_address"],
}
"""The columns that identify what a row is about."""


def check_by(by: object, allowed: Sequence[str]) -> str:
    """Return `by`; raise InvalidArgument unless it is one of those allowed."""
    if not isinstance(by, str) or by not in allowed:
        raise InvalidArgument(f"by: {by!r} is not one of {', '.join(map(repr, allowed))}")
    return by


def check_duration(name: str, value: str | timedelta) -> timedelta:
    """Return a duration above zero, such as ``"10min"`` or ``"8h"``; raise InvalidArgument for anything else."""
    advice = f'{name}: {value!r} is not a duration. Right are, for example, "10min", "8h", "7d" or a timedelta.'
    if not isinstance(value, str | timedelta) or (isinstance(value, str) and not any(map(str.isalpha, value))):
        raise InvalidArgument(advice)
    try:
        duration = pd.Timedelta(value)
    except (ValueError, OverflowError):
        raise InvalidArgument(advice) from None
    # Below a microsecond, a duration above zero becomes none.
    if pd.isna(duration) or duration.to_pytimedelta() <= timedelta(0):
        raise InvalidArgument(advice)
    return duration.to_pytimedelta()


def micros_of(duration: timedelta) -> int:
    """Return a duration in microseconds."""
    return duration // timedelta(microseconds=1)


def micros(dates: pd.Series) -> npt.NDArray[np.int64]:
    """Return dates as microseconds since 1970."""
    return dates.to_numpy(dtype="datetime64[us]").astype("int64")


def dates_of(moments: npt.NDArray[np.int64]) -> pd.Series:
    """Return microseconds since 1970 as dates in UTC."""
    return pd.Series(moments.astype("datetime64[us]")).dt.tz_localize("UTC")


def number_by(selection: Selection, by: str) -> tuple[Groups, pd.DataFrame]:
    """Give numbers to what the events are about: people, account groups or addresses.

    Parameters
    ----------
    selection : Selection
        The events, with the columns of `by`.
    by : {"user", "account_group", "ip_address"}
        What to number.

    Returns
    -------
    numpy.ndarray of int64, pandas.DataFrame
        The number of each event, and the identifying columns at each number. Events without any of them have a number
        too, with nulls.
    """
    rows = selection.rows
    if by == "user":
        return rows["person"].to_numpy(), selection.people[BY["user"]]
    if by == "account_group":
        key, label = BY[by]
        grouped = rows.groupby(BY[by], dropna=False)["date"]
        pairs = grouped.agg(["size", "max"]).reset_index().rename(columns={"size": "events", "max": "last"})
        groups = group_people(pairs, key, label)
        return number_people(rows, groups, key, label), groups[BY[by]]
    codes, different = pd.factorize(rows[by], use_na_sentinel=False, sort=True)
    return codes.astype("int64"), pd.DataFrame({by: pd.array(list(different), dtype="str")})


def tally(rows: pd.DataFrame, groups: Groups, count: int) -> pd.DataFrame:
    """Count the events of each group.

    Parameters
    ----------
    rows : pandas.DataFrame
        Events in ascending order, with `date` and `event`.
    groups : numpy.ndarray of int64
        The group of each, from 0 on. Every group has an event.
    count : int
        How many groups there are.

    Returns
    -------
    pandas.DataFrame
        `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str).
    """
    moments = micros(rows["date"])
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, np.iinfo(np.int64).min)
    np.minimum.at(first, groups, moments)
    np.maximum.at(last, groups, moments)
    return pd.DataFrame(
        {
            "first_event": dates_of(first),
            "last_event": dates_of(last),
            "events": np.bincount(groups, minlength=count).astype("int64"),
            "event_texts": list_different(rows["event"], groups, count),
        }
    )


def list_different(values: pd.Series, groups: Groups, count: int, *, nulls: bool = True) -> pd.Series:
    """List the different values of each group, sorted, with null last or left out."""
    codes, different = pd.factorize(values, use_na_sentinel=False, sort=True)
    pairs = np.sort(groups * max(len(different), 1) + codes)  # numpy.unique hashes, which takes many times longer
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    of, value = pairs // max(len(different), 1), pairs % max(len(different), 1)
    if not nulls:
        known = np.array([pd.notna(text) for text in different], dtype="bool")[value]
        of, value = of[known], value[known]
    texts = pa.array([None if pd.isna(text) else str(text) for text in different], pa.large_string())
    offsets = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=count))]).astype("int32")
    lists = pa.ListArray.from_arrays(pa.array(offsets), texts.take(pa.array(value)))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists))


def count_different(codes: npt.NDArray[np.int64], groups: Groups, count: int) -> npt.NDArray[np.int64]:
    """Count the different codes of each group; -1 is none."""
    known = codes >= 0
    width = int(codes.max(initial=0)) + 1
    pairs = pd.unique(groups[known] * width + codes[known])
    return np.bincount(pairs // width, minlength=count).astype("int64")


def code(values: pd.Series) -> npt.NDArray[np.int64]:
    """Return each value as a number, -1 for null."""
    return pd.factorize(values)[0].astype("int64")
