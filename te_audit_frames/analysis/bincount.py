"""Counting of groups in memory, with NumPy.

Each row gets the number of its group. Everything is then counted in arrays with one place per number. narwhals could
group pandas frames and Arrow tables too, with hash tables, but arrays are faster. The figures are in
``benchmarks/RESULTS.md``, under "time of the same call on a Polars frame".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis.encoding import encode
from te_audit_frames.schema import CORES

Numbers = npt.NDArray[np.int64]

_FEW_PLACES = 2**20

_EARLIEST = np.iinfo(np.int64).min  # also NaT
_LATEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Digit:
    """A column as one digit of a place number: integers from 0 to `size` - 1.

    Attributes
    ----------
    values : numpy.ndarray
        One digit per row.
    size : int
        The number of possible digits.
    low : int
        The column's value for digit 0.
    has_null : bool
        Whether the last digit stands for null.
    """

    values: npt.NDArray[Any]
    size: int
    low: int = 0
    has_null: bool = False

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Digit:
        """Return the digits of a column of integers or booleans."""
        if column.null_count == len(column):
            return cls(np.broadcast_to(np.int64(0), len(column)), 1, has_null=True)
        if column.type != pa.int32():  # the type of codes, which are not copied
            column = column.cast(pa.int64())
        ends = pc.min_max(column)
        low, high = int(ends["min"].as_py()), int(ends["max"].as_py())
        has_null = column.null_count > 0
        filled = (column.fill_null(high + 1) if has_null else column).to_numpy()
        return cls(filled - low if low else filled, high - low + 1 + has_null, low, has_null)

    def read(self, digits: npt.NDArray[Any]) -> pd.Series:
        """Return the column's values for some digits."""
        values = pd.Series(digits.astype(np.int64) + self.low)
        return values.mask(digits == self.size - 1) if self.has_null else values


@dataclass(frozen=True)
class Places:
    """A place number for each row. Rows that are equal in all columns have the same number.

    Attributes
    ----------
    of_rows : numpy.ndarray
        The place number of each row.
    size : int
        The number of places.
    null : int or None
        The place of the rows that are null in all columns; None if there cannot be any.
    """

    of_rows: npt.NDArray[Any]
    size: int
    null: int | None

    @classmethod
    def of(cls, digits: Sequence[Digit], rows: int) -> Places:
        """Give each row the place number that its digits form."""
        places = cls(np.broadcast_to(np.int64(0), rows), 1, 0)
        for digit in digits:
            null = digit.size - 1 if digit.has_null else None
            places = places._times(cls(digit.values, digit.size, null)._few())._few()
        return places

    def split(self, digits: Sequence[Digit], places: Numbers) -> Sequence[npt.NDArray[Any]]:
        """Return the digits of some places. Each of these places must have a row."""
        sizes = [digit.size for digit in digits]
        if self.size == math.prod(sizes):
            return np.unravel_index(places, sizes) if sizes else []
        row_of = np.empty(self.size, dtype=np.int64)
        row_of[self.of_rows] = np.arange(len(self.of_rows))
        return [digit.values[row_of[places]] for digit in digits]

    def _times(self, other: Places) -> Places:
        null = None if self.null is None or other.null is None else self.null * other.size + other.null
        if other.size == 1:
            return Places(self.of_rows, self.size, null)
        if self.size == 1:
            return Places(other.of_rows, other.size, null)
        of_rows = np.multiply(self.of_rows, other.size, dtype=np.int64)
        of_rows += other.of_rows
        return Places(of_rows, self.size * other.size, null)

    def _few(self) -> Places:
        """If there are too many places for an array, leave out those without a row."""
        if self.size <= max(_FEW_PLACES, len(self.of_rows)):
            return self
        of_rows, found = pd.factorize(self.of_rows)
        null = np.flatnonzero(found == self.null)
        return Places(of_rows, len(found), int(null[0]) if len(null) else None)


@dataclass(frozen=True)
class Groups:
    """Events in groups.

    Attributes
    ----------
    rows : pyarrow.Table
        The events: `date`, and other columns as integers or booleans. Labels are text.
    places : Places
        The place number of each row.
    found : numpy.ndarray
        The place of each group.
    keys : pandas.DataFrame
        The grouping columns, with one row per group.
    events : numpy.ndarray
        The number of events of each group.
    """

    rows: pa.Table
    places: Places
    found: Numbers
    keys: pd.DataFrame
    events: Numbers

    @classmethod
    def of(cls, rows: pa.Table, columns: Sequence[str], *, step: int | None = None) -> Groups:
        """Group events.

        Parameters
        ----------
        rows : pyarrow.Table
            The events.
        columns : sequence of str
            The grouping columns.
        step : int, optional
            Also group by steps of this many seconds, with the number of the step since 1970 in the grouping column
            `step`. Every event must have a date.
        """
        digits = {name: Digit.of(rows[name]) for name in columns}
        if step is not None:
            numbers = np.floor_divide(rows["date"].cast(pa.int64()).to_numpy(), step * 1_000_000)
            digits = {"step": Digit.of(pa.chunked_array([numbers]))} | digits
        places = Places.of(list(digits.values()), rows.num_rows)
        events = np.bincount(places.of_rows, minlength=places.size)
        found = np.flatnonzero(events)
        parts = zip(digits.items(), places.split(list(digits.values()), found), strict=True)
        keys = pd.DataFrame({name: digit.read(part) for (name, digit), part in parts}, index=range(len(found)))
        return cls(rows, places, found, keys, events[found])

    @cached_property
    def of_rows(self) -> Numbers:
        """The number of the group of each row, which is its position in `keys`."""
        of_rows = self.places.of_rows.astype(np.int64, copy=False)  # other types are several times slower as an index
        if len(self.found) == self.places.size:
            return of_rows
        numbers = np.empty(self.places.size, dtype=np.int64)
        numbers[self.found] = np.arange(len(self.found))
        return numbers[of_rows]

    def tabulate(self, counted: Mapping[str, Sequence[str]]) -> pd.DataFrame:
        """Return the keys, `events`, `first` and `last`, and the number of distinct values of other columns.

        The columns are counted in parallel.

        Parameters
        ----------
        counted : mapping of str to sequence of str
            For each column of the result, the columns that together make one value; see `count_distinct`.
        """
        _ = self.of_rows  # computed once, before the threads use it
        with ThreadPoolExecutor(CORES) as pool:
            ends = pool.submit(self.find_ends)
            counts = zip(counted, pool.map(self.count_distinct, counted.values()), strict=True)
            table = self.keys.assign(events=self.events).join(ends.result())
            for name, count in counts:
                table[name] = count
        return table

    def find_ends(self) -> pd.DataFrame:
        """Return the `first` and the `last` date of each group (``datetime64[us, UTC]``); NaT if no event has one."""
        first, last = np.full(len(self.keys), _LATEST), np.full(len(self.keys), _EARLIEST)
        of_rows, micros = self.of_rows, self.rows["date"].cast(pa.int64())
        if micros.null_count:
            of_rows, micros = of_rows[micros.is_valid().to_numpy()], micros.drop_null()
        np.minimum.at(first, of_rows, micros.to_numpy())
        np.maximum.at(last, of_rows, micros.to_numpy())
        first[last == _EARLIEST] = _EARLIEST
        return pd.DataFrame({"first": _dates(first), "last": _dates(last)})

    def count_distinct(self, columns: Sequence[str]) -> Numbers:
        """Count the distinct values of each group.

        Parameters
        ----------
        columns : sequence of str
            The columns that together make one value. It is not counted if all of them are null.
        """
        values = Places.of([Digit.of(self.rows[name]) for name in columns], self.rows.num_rows)
        pairs = len(self.keys) * values.size
        if pairs <= max(_FEW_PLACES, 4 * self.rows.num_rows):
            return self._count_in_bitmap(values)
        return self._count_in_order(values, "uint32" if pairs < 2**32 else "uint64")

    def _count_in_bitmap(self, values: Places) -> Numbers:
        pairs = self.of_rows * values.size
        pairs += values.of_rows
        seen = np.zeros((len(self.keys), values.size), dtype=np.bool_)
        seen.reshape(-1)[pairs] = True
        if values.null is not None:
            seen[:, values.null] = False
        counts: Numbers = np.count_nonzero(seen, axis=1)
        return counts

    def _count_in_order(self, values: Places, kind: str) -> Numbers:
        """Count by sorting, which is faster than a bitmap that does not fit into the cache of the processor."""
        pairs = self.of_rows.astype(kind)
        pairs *= np.array(values.size, kind)
        pairs += values.of_rows.astype(kind)
        pairs.sort()
        is_new = np.ones(len(pairs), dtype=np.bool_)
        np.not_equal(pairs[1:], pairs[:-1], out=is_new[1:])
        pairs = pairs[is_new]
        if values.null is not None:
            pairs = pairs[pairs % pairs.dtype.type(values.size) != values.null]
        starts = np.arange(len(self.keys)) * values.size
        # `starts` needs the same type, or NumPy would compare in floating point.
        return np.diff(np.searchsorted(pairs, starts.astype(kind)), append=len(pairs))

    def find_latest(self, column: str) -> pd.Series:
        """Return for each group the text of a column in the latest event that has one.

        Of several events with the latest date, take the greatest text. Events without a date count as the earliest. The
        column is not encoded: only the few rows with the latest date of a group are compared.
        """
        texts = self.rows[column]
        micros = self.rows["date"].cast(pa.int64()).fill_null(_EARLIEST).to_numpy()
        rows = np.flatnonzero(texts.is_valid().to_numpy()) if texts.null_count else slice(None)
        last = np.full(len(self.keys), _EARLIEST)
        np.maximum.at(last, self.of_rows[rows], micros[rows])
        is_latest = micros == last[self.of_rows]
        if texts.null_count:
            is_latest &= texts.is_valid().to_numpy()
        latest = np.flatnonzero(is_latest)
        ranked = encode(texts.take(pa.array(latest))).in_order()
        greatest = np.full(len(self.keys), -1, dtype=np.int32)
        np.maximum.at(greatest, self.of_rows[latest], ranked.codes.to_numpy())
        found = ranked.values.take(pa.array(greatest, mask=greatest < 0))
        return pd.Series(pd.array(found, dtype="str"), index=self.keys.index)


def _dates(micros: Numbers) -> pd.Series:
    return pd.Series(micros.astype("datetime64[us]")).dt.tz_localize("UTC")
