"""Values as integers, and a cache of the columns that are already encoded.

Encoding text takes most of the time of a summary. Several questions to one frame encode the same columns, so each
encoding is kept for as long as its column exists. In the benchmarks, five questions to one frame then take about half
the time. The cache costs four bytes per row and column.

Callers never notice the cache, because of how pandas 3 stores text. A column of the dtype `str` holds a
`pyarrow.ChunkedArray`, which cannot change. Copies and selections of columns share this object, and assigning values
replaces it. So its encoding can never be out of date. The cache has only a weak reference to it. There is no lock,
since a fork could copy a locked one. Two threads may both encode a column, and either result is right.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Encoding:
    """Values as integers.

    Attributes
    ----------
    codes : pyarrow.ChunkedArray
        One integer per value (int32); null for null.
    values : pyarrow.Array
        The value of each integer. All are different, and each occurs.
    """

    codes: pa.ChunkedArray
    values: pa.Array

    def in_order(self) -> Encoding:
        """Return the same values, with integers in the order of the values."""
        order = pc.array_sort_indices(self.values)
        ranks = np.empty(len(order), dtype="int32")
        ranks[order] = np.arange(len(order), dtype="int32")
        if (ranks[1:] > ranks[:-1]).all():
            return self
        return Encoding(pc.take(pa.array(ranks), self.codes), self.values.take(order))


_remembered: dict[int, tuple[weakref.ref[pa.ChunkedArray], Encoding]] = {}
"""The encoding of each column that still exists, by the `id` of its array. Arrow arrays have no hash."""


def encode(values: pa.ChunkedArray) -> Encoding:
    """Encode values as integers, in the order in which the values first occur.

    Parameters
    ----------
    values : pyarrow.ChunkedArray
        Any values that Arrow can compare. The encoding is kept until this object is deleted.

    Returns
    -------
    Encoding
        The integers, and the value of each.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from te_audit_frames.analysis.encoding import encode
    >>> encoding = encode(pa.chunked_array([["b", None], ["a", "b"]]))
    >>> encoding.codes.to_pylist(), encoding.values.to_pylist()
    ([0, None, 1, 0], ['b', 'a'])
    """
    key = id(values)
    reference, encoding = _remembered.get(key, (None, None))
    if reference is not None and encoding is not None and reference() is values:
        return encoding
    encoding = _encode(values)
    _remembered[key] = weakref.ref(values, partial(_forget, key)), encoding
    return encoding


def _encode(values: pa.ChunkedArray) -> Encoding:
    parts = values.dictionary_encode().chunks  # all with the same dictionary
    codes = pa.chunked_array([part.indices for part in parts], pa.int32())
    return Encoding(codes, parts[0].dictionary if parts else pa.array([], values.type))


def _forget(key: int, reference: weakref.ref[pa.ChunkedArray]) -> None:
    # Another array may have the same id by now.
    if _remembered.get(key, (None, None))[0] is reference:
        _remembered.pop(key, None)
