"""Columns of events as integer keys: equal values have equal numbers, so that numpy can compare and count rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.schema import ARROW_SCHEMA, as_text

Numbers = npt.NDArray[np.int64]

_MICROS_PER_SECOND = 1_000_000
_NO_DATE = -(2**61)
_LARGEST_KEY = 2**62


class KeyColumns:
    """The columns of some rows as numbers. Null is 0; so is an empty list of `resources`.

    Parameters
    ----------
    rows : pyarrow.Table
        In `ARROW_SCHEMA`.
    numbers : dict of str to numpy.ndarray, optional
        Columns that have been converted to numbers already.

    Examples
    --------
    >>> from te_audit_frames.merge_keys import KeyColumns
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> rows = ARROW_SCHEMA.empty_table().from_pylist([{"user": "Ada"}, {}, {"user": "Ada"}], ARROW_SCHEMA)
    >>> KeyColumns(rows)["user"].tolist()
    [1, 0, 1]
    """

    def __init__(self, rows: pa.Table, numbers: dict[str, Numbers] | None = None) -> None:
        self.rows = rows
        self._numbers = numbers or {}

    def __repr__(self) -> str:
        return f"KeyColumns(rows={self.rows.num_rows:,})"

    def take(self, positions: Numbers) -> KeyColumns:
        """Return the columns of the rows at some positions, without `date` and `extra`."""
        names = [name for name in ARROW_SCHEMA.names if name not in ("date", "extra")]
        return KeyColumns(self.rows.slice(0, 0), {name: self[name][positions] for name in names})

    def __getitem__(self, name: str) -> Numbers:
        if name not in self._numbers:
            column = self.rows[name]
            if name == "resources":
                column = pc.if_else(pc.equal(pc.list_value_length(column), 0), None, as_text(column))
            self._numbers[name] = _number(column)
        return self._numbers[name]

    @property
    def second(self) -> Numbers:
        """The second of each row's date, counted from 1970."""
        micros = self.rows["date"].cast(pa.int64())
        seconds = np.floor_divide(micros.fill_null(0).to_numpy(), _MICROS_PER_SECOND)
        return np.where(micros.is_null().to_numpy(), _NO_DATE, seconds)

    @property
    def group(self) -> Numbers:
        """The account group of each row: its `aid`, or its name if it has no `aid`."""
        return _coalesce(self["aid"], self["account_group_name"])

    @property
    def person(self) -> Numbers:
        """The person of each row: the `uid`, or the name if the row has no `uid`."""
        return _coalesce(self["uid"], self["user"])


def join_keys(columns: Sequence[Numbers]) -> Numbers:
    """Return one key for each row of several columns: 0, 1, 2 … for each different combination.

    Examples
    --------
    >>> import numpy as np
    >>> from te_audit_frames.merge_keys import join_keys
    >>> join_keys([np.array([7, 7, 7]), np.array([1, 2, 1])]).tolist()
    [0, 1, 0]
    """
    joined = _dense(columns[0])
    size = int(joined.max(initial=0)) + 1
    for each in columns[1:]:
        column = each
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        if size * (high - low + 1) >= _LARGEST_KEY:
            joined, column = _dense(joined), _dense(column)
            size, low, high = int(joined.max(initial=0)) + 1, 0, int(column.max(initial=0))
        joined = joined * (high - low + 1) + (column - low)
        size *= high - low + 1
    return _dense(joined)


def match_keys(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    """Match equal keys of two arrays one to one, the first with the first.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        The positions of the matched keys in `left` and in `right`, in the same order.

    Examples
    --------
    >>> import numpy as np
    >>> from te_audit_frames.merge_keys import match_keys
    >>> [positions.tolist() for positions in match_keys(np.array([5, 5, 6]), np.array([4, 6, 5]))]
    [[0, 2], [2, 1]]
    """
    numbers = join_keys([np.concatenate([left, right])])
    size = int(numbers.max(initial=-1)) + 1
    on_left, on_right = numbers[: len(left)], numbers[len(left) :]
    fewer = np.minimum(np.bincount(on_left, minlength=size), np.bincount(on_right, minlength=size))
    return _first_positions(on_left, fewer), _first_positions(on_right, fewer)


def _first_positions(numbers: Numbers, most: Numbers) -> Numbers:
    """Return the positions of the first `most[n]` occurrences of each number `n`, in the order of the numbers."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(most)))])[ordered]
    chosen: Numbers = order[np.arange(len(ordered)) - starts < most[ordered]]
    return chosen


def _number(column: pa.ChunkedArray | pa.Array) -> Numbers:
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    numbers: Numbers = whole.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64) + 1
    return numbers


def _coalesce(ids: Numbers, names: Numbers) -> Numbers:
    """Take the id, else the name, else 0. An id and a name with the same text get different numbers."""
    return np.where(ids > 0, ids, np.where(names > 0, names + ids.max(initial=0), 0))


def _dense(numbers: Numbers) -> Numbers:
    """Renumber from 0, without gaps, in order of appearance."""
    # pandas uses a hash table, which takes a fraction of the time of sorting (numpy.unique).
    return pd.factorize(numbers)[0].astype(np.int64, copy=False)
