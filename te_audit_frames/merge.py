"""The multiset merge of two readings of the same time: the highest count of each event in either reading.

Events have no id, so two readings can only be compared by counting. `concat` and the archive both merge with this
module. `merge_pairs` finds the rows that are the same event, and `merge_keys` makes columns comparable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.merge_keys import KeyColumns, Numbers, join_keys
from te_audit_frames.merge_pairs import Pairing
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ARROW_SCHEMA, in_order

KEY = ["date", "aid or account_group_name", "event", "uid or user", "ip_address", "resources"]
"""The columns of an exact match, as text for readers. Null and empty `resources` match."""


@dataclass(frozen=True, repr=False)
class Merged:
    """Two readings as one.

    Attributes
    ----------
    rows : pyarrow.Table
        All rows, in order.
    added : pyarrow.Table
        The fetched rows that the archive did not have.
    vanished : pyarrow.Table
        The archived rows that the fetch did not return, unchanged.
    paired : int
        Rows that were recognised although they changed: a resource was renamed, or a field was filled in later.
    filled : int
        Archived rows that gained a value that was null before.
    """

    rows: pa.Table
    added: pa.Table
    vanished: pa.Table
    paired: int = 0
    filled: int = 0

    def __repr__(self) -> str:
        return (
            f"Merged({number_of(self.rows.num_rows, 'row')}: {self.added.num_rows:,} added, "
            f"{self.vanished.num_rows:,} vanished, "
            f"{self.paired:,} paired, {self.filled:,} filled)"
        )


def merge(archived: pa.Table, fetched: pa.Table, *, visible: pa.Array | None = None) -> Merged:
    """Merge two readings. An event that is in both is kept once.

    Rows with the same `KEY` are paired first. Then the remaining rows of each class are paired. Rows are of one class
    if they have the same second, event text, account group and person; their address and resources may differ. Account
    groups are compared by `aid`, or by name if one of the two rows has no `aid`. People are compared by `uid`, or by
    `user` if one has no `uid`. A row with neither matches any. Of each pair, the archived row is kept, and its null
    values are filled from the fetched row.

    The number of rows does not depend on which of two readings comes first, and a reading that is merged again adds
    nothing. No reading has more rows of a class than the result. The grouping of three or more readings does not matter
    either, as long as each row with an id also has its name, and each id always has the same name. For each class, the
    result then has as many rows as the reading with the most rows of it. The limits are:

    - A reading with events A and B and a later one with B and C, all of one class, give two rows, not three: a new
      event C cannot be distinguished from a renamed A.
    - If between two readings a user is renamed and the `uid` is filled in, the event is not recognised and is kept
      twice.
    - If rows of one `uid` have different names (or none) and other rows have a name only, the number of rows may depend
      on which of three readings are merged first.

    Parameters
    ----------
    archived, fetched : pyarrow.Table
        In `ARROW_SCHEMA`. The fetched rows may be in any order.
    visible : pyarrow.Array of bool, optional
        Which archived rows the fetch could have returned. The others pair only with rows of the same `KEY`. By default
        all are visible.

    Returns
    -------
    Merged

    Examples
    --------
    >>> from te_audit_frames.merge import merge
    >>> from te_audit_frames.schema import ARROW_SCHEMA
    >>> rows = ARROW_SCHEMA.empty_table()
    >>> before = rows.from_pylist([{"event": "User login.", "user": "Ada"}], ARROW_SCHEMA)
    >>> now = rows.from_pylist([{"event": "User login.", "user": "Ada", "uid": "7"}], ARROW_SCHEMA)
    >>> merge(before, now).rows.to_pylist()[0]["uid"], merge(before, now).added.num_rows
    ('7', 0)
    """
    fetched = in_order(fetched.to_batches())  # rows pair in this order, however they arrived
    if not archived.num_rows:
        return Merged(fetched, fetched, archived)
    if archived.equals(fetched):
        return Merged(in_order(archived.to_batches()), fetched.slice(0, 0), archived.slice(0, 0))
    both = pa.concat_tables([archived, fetched])
    pairing = Pairing(KeyColumns(both), archived.num_rows)
    pairing.pair_exact()
    exact = pairing.count
    if pairing.has_rest:
        pairing.pair_classes(None if visible is None else np.asarray(visible.fill_null(True)))
    partner = pairing.partner
    kept, filled = _fill(both, partner, archived.num_rows)
    added = fetched.filter(pa.array(partner[archived.num_rows :] < 0))
    vanished = archived.filter(pa.array(partner[: archived.num_rows] < 0))
    rows = in_order([*kept.to_batches(), *added.to_batches()])
    return Merged(rows, added, vanished, pairing.count - exact, filled)


def count_fewer(archived: pa.Table, vanished: pa.Table) -> pa.Table:
    """Count the rows of each class in the archive and in a reading that has fewer.

    Parameters
    ----------
    archived : pyarrow.Table
        The rows of a day before a merge.
    vanished : pyarrow.Table
        `Merged.vanished` of that merge.

    Returns
    -------
    pyarrow.Table
        The first vanished row of each class, with two further columns: `archived` and `read` (int64), the number of
        rows of the class in the archive and in the reading.
    """
    columns = KeyColumns(pa.concat_tables([archived, vanished]))
    numbers = join_keys([columns.second, columns["event"], columns.group, columns.person])
    size = int(numbers.max(initial=-1)) + 1
    had = np.bincount(numbers[: archived.num_rows], minlength=size)
    gone = np.bincount(numbers[archived.num_rows :], minlength=size)
    found, first = np.unique(numbers[archived.num_rows :], return_index=True)
    rows = vanished.take(pa.array(first))
    rows = rows.append_column("archived", pa.array(had[found]))
    return rows.append_column("read", pa.array(had[found] - gone[found]))


def _fill(both: pa.Table, partner: Numbers, archived: int) -> tuple[pa.Table, int]:
    """Fill null values of archived rows from their partners. Return the rows, and how many of them gained a value."""
    own = np.arange(archived)
    others = partner[:archived]
    gained = np.zeros(archived, dtype=np.bool_)
    columns = []
    for name in ARROW_SCHEMA.names:
        column = both[name].combine_chunks()
        lacks = column.is_null()
        if name == "resources":
            lacks = pc.or_(lacks, pc.equal(pc.list_value_length(column).fill_null(0), 0))
        is_null = lacks.to_numpy(zero_copy_only=False)
        gains = is_null[:archived] & (others >= 0) & ~is_null[others]
        gained |= gains
        columns.append(column.take(pa.array(np.where(gains, others, own))) if gains.any() else column[:archived])
    return pa.Table.from_arrays(columns, schema=ARROW_SCHEMA), int(gained.sum())
