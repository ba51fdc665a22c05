"""What an archive has of a day, and what a fetch brings of it, as one: the most that was ever seen of each key.

No event has an id, so two readings of a day can only be told apart by counting. An event's key is what happened, by
whom, where and on what, without the names that people and groups have at the moment: a rename would double the day.
Of each key the merge has as many rows as the reading that has more of them. So it is commutative, associative and
idempotent in what it counts, and nothing is ever lost or doubled by merging again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.schema import as_text, in_order

KEY = ["date", "aid or account_group_name", "event", "uid or user", "ip_address", "resources"]
"""For people; null and empty `resources` are the same."""


@dataclass(frozen=True)
class Merged:
    """One day of two readings.

    Attributes
    ----------
    rows : pyarrow.Table
        All rows, in order.
    added : pyarrow.Table
        The fetched rows among them that the archive did not have.
    vanished : pyarrow.Table
        The archived rows among them that the fetch did not bring again.
    """

    rows: pa.Table
    added: pa.Table
    vanished: pa.Table


def merge(archived: pa.Table, fetched: pa.Table) -> Merged:
    """Merge two readings of one day; of rows with the same key, those of the archive stay as they are.

    Parameters
    ----------
    archived, fetched : pyarrow.Table
        In `ARROW_SCHEMA`.

    Returns
    -------
    Merged

    Examples
    --------
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> from te_audit_frames.storage.merge import merge
    >>> once = ARROW_SCHEMA.empty_table().from_pylist([{"event": "User login."}], ARROW_SCHEMA)
    >>> merge(once, once).rows.num_rows
    1
    """
    if not archived.num_rows:
        return Merged(in_order(fetched.to_batches()), fetched, archived)
    both = pa.concat_tables([archived, fetched])
    keys = _keys(both)
    is_fetched = np.arange(len(both)) >= len(archived)
    numbers = pd.DataFrame({"key": keys, "is_fetched": is_fetched}).groupby(["key", "is_fetched"]).cumcount().to_numpy()
    size = int(keys.max()) + 1 if len(keys) else 0
    had, came = (np.bincount(keys[side], minlength=size) for side in (~is_fetched, is_fetched))
    is_new = is_fetched & (numbers >= had[keys])
    has_vanished = ~is_fetched & (numbers >= came[keys])
    added = both.filter(pa.array(is_new))
    rows = in_order([*archived.to_batches(), *added.to_batches()])
    return Merged(rows, added, both.filter(pa.array(has_vanished)))


def _keys(rows: pa.Table) -> npt.NDArray[np.intp]:
    """Give the rows of each key a number."""
    parts = {
        "date": rows["date"].cast(pa.int64()),
        "group": _first_of(rows, "aid", "account_group_name"),
        "event": rows["event"],
        "person": _first_of(rows, "uid", "user"),
        "ip_address": rows["ip_address"],
        "resources": pc.if_else(pc.equal(pc.list_value_length(rows["resources"]), 0), None, as_text(rows["resources"])),
    }
    frame = pa.table(parts).to_pandas(types_mapper=pd.ArrowDtype)
    keys: npt.NDArray[np.intp] = frame.groupby(list(parts), dropna=False, sort=False).ngroup().to_numpy()
    return keys


def _first_of(rows: pa.Table, identity: str, name: str) -> pa.ChunkedArray:
    """Take the identity, else the name; the mark keeps an identity apart from a name that reads the same."""
    marks = (pa.scalar(mark, pa.large_string()) for mark in "=~")
    nothing = pa.scalar("", pa.large_string())
    marked = (
        pc.binary_join_element_wise(mark, rows[column], nothing)
        for mark, column in zip(marks, (identity, name), strict=True)
    )
    return pc.coalesce(*marked)
