"""Counting of groups in memory: every possible group has a place in one array, and NumPy counts by place.

narwhals could group pandas frames and Arrow tables too, with a hash table. This module exists because counting in an
array is faster if there are only few possible groups, as in an audit log. The line of ``benchmarks/RESULTS.md`` that
proves it is "summarize_by_user, 1,000,000 events: time of the same call without bincount". If there are too many
possible groups, the functions return None, and the caller groups through narwhals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[np.int64]

_FEW_PLACES = 2**20
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Digit:
    """A column as one digit of the place number: integers from 0 to `size` - 1.

    Attributes
    ----------
    values : numpy.ndarray
        One digit per row. Empty if the column has only nulls.
    size : int
        The number of possible digits.
    low : int
        The value of the column that digit 0 stands for.
    has_null : bool
        Whether the last digit stands for null.
    """

    values: Numbers
    size: int
    low: int = 0
    has_null: bool = False

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Digit:
        """Return the digits of a column of integers or booleans."""
        if column.null_count == len(column):
            return cls(np.zeros(0, dtype=np.int64), 1, has_null=True)
        ends = pc.min_max(column.cast(pa.int64()) if pa.types.is_boolean(column.type) else column)
        low, high = int(ends["min"].as_py()), int(ends["max"].as_py())
        has_null = column.null_count > 0
        filled = column.cast(pa.int64())
        filled = (filled.fill_null(high + 1) if has_null else filled).to_numpy()
        return cls(filled - low if low else filled, high - low + 1 + has_null, low, has_null)

    def read(self, digits: Numbers) -> pd.Series:
        """Return the values of the column that digits stand for."""
        values = pd.Series(digits + self.low)
        return values.mask(digits == self.size - 1) if self.has_null else values


def count(events: pa.Table, columns: Sequence[str], *, step: int | None = None) -> pd.DataFrame | None:
    """Count the events of each group, and find its first and last date.

    Parameters
    ----------
    events : pyarrow.Table
        The column `date`, and grouping columns of integers or booleans.
    columns : sequence of str
        The grouping columns.
    step : int, optional
        Also group by steps of this many seconds, and do not find the dates. Every event must have a date.

    Returns
    -------
    pandas.DataFrame or None
        One row per group: the grouping columns, `events`, and the dates `first` and `last` (``datetime64[us, UTC]``,
        NaT if no event has a date). With `step`, the number of the `step` since 1970 replaces the dates. None if there
        would be too many places.
    """
    digits = {name: Digit.of(events[name]) for name in columns}
    micros = events["date"].cast(pa.int64())
    if step is not None:
        digits = {"step": Digit.of(pa.chunked_array([_floor_divide(micros, step * 1_000_000)]))} | digits
    sizes = [digit.size for digit in digits.values()]
    if math.prod(sizes) > max(_FEW_PLACES, events.num_rows):
        return None
    place = _places(list(digits.values()), events.num_rows)
    number = np.bincount(place, minlength=math.prod(sizes))
    found = np.flatnonzero(number)
    groups = pd.DataFrame(
        {
            name: digit.read(values)
            for (name, digit), values in zip(digits.items(), np.unravel_index(found, sizes), strict=True)
        },
        index=range(len(found)),
    )
    if step is not None:
        return groups.assign(events=number[found])
    first, last = _ends(place, micros, len(number))
    return groups.assign(events=number[found], first=_dates(first[found], _LAST), last=_dates(last[found], -_LAST))


def count_distinct(events: pa.Table, keys: Sequence[str], others: Sequence[str]) -> pd.DataFrame | None:
    """Count the distinct values of `others` in each group by `keys`.

    Parameters
    ----------
    events : pyarrow.Table
        Columns of integers or booleans.
    keys : sequence of str
        The grouping columns.
    others : sequence of str
        The columns that together make one value. It is not counted if all of them are null.

    Returns
    -------
    pandas.DataFrame or None
        One row per group: the keys and `distinct`. None if there would be too many places.
    """
    left = [Digit.of(events[name]) for name in keys]
    right = [Digit.of(events[name]) for name in others]
    sizes = [digit.size for digit in left]
    shape = math.prod(sizes), math.prod(digit.size for digit in right)
    if shape[0] * shape[1] > max(_FEW_PLACES, 4 * events.num_rows):  # a boolean takes an eighth of a count
        return None
    seen = np.zeros(shape[0] * shape[1], dtype=np.bool_)
    seen[_places([*left, *right], events.num_rows)] = True
    table = seen.reshape(shape)
    found = np.flatnonzero(table.any(axis=1))
    if all(digit.has_null for digit in right):
        table[:, -1] = False  # the last place is null in every column
    groups = {
        name: digit.read(values) for name, digit, values in zip(keys, left, np.unravel_index(found, sizes), strict=True)
    }
    return pd.DataFrame(groups, index=range(len(found))).assign(distinct=table[found].sum(axis=1))


def _places(digits: Sequence[Digit], rows: int) -> Numbers:
    place: Numbers | None = None
    for digit in digits:
        if digit.size > 1:
            place = digit.values if place is None else place * digit.size + digit.values
    return np.zeros(rows, dtype=np.int64) if place is None else place


def _ends(place: Numbers, micros: pa.ChunkedArray, places: int) -> tuple[Numbers, Numbers]:
    first, last = np.full(places, _LAST), np.full(places, -_LAST)
    if micros.null_count:
        dated = micros.is_valid().to_numpy()
        place, micros = place[dated], micros.drop_null()
    moments = micros.to_numpy()
    np.minimum.at(first, place, moments)
    np.maximum.at(last, place, moments)
    return first, last


def _floor_divide(numbers: pa.ChunkedArray, by: int) -> Numbers:
    steps: Numbers = np.floor_divide(numbers.to_numpy(), by)
    return steps


def _dates(micros: Numbers, missing: int) -> pd.Series:
    dates = np.where(micros == missing, np.iinfo(np.int64).min, micros).astype("datetime64[us]")
    return pd.Series(dates).dt.tz_localize("UTC")
