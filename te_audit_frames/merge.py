"""The multiset merge of two readings of the same time: the most that was ever seen at once.

Events have no id, so only counting tells two readings apart. `concat` and the archive both count with this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.schema import ARROW_SCHEMA, as_text, in_order

KEY = ["date", "aid or account_group_name", "event", "uid or user", "ip_address", "resources"]
"""What makes two rows the same, for people; null and empty `resources` are the same."""

_Numbers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]

_SECOND = 1_000_000
_MOST = 2**62
_BY_ID, _BY_NAME, _BY_NOTHING = range(3)
_ALIKE = (("ip_address", "resources"), ("resources",), ("ip_address",), ())
"""What rows of one class should have in common to be paired, the best first."""


@dataclass(frozen=True)
class Merged:
    """Two readings as one.

    Attributes
    ----------
    rows : pyarrow.Table
        All rows, in order.
    added : pyarrow.Table
        The fetched rows among them that the archive did not have.
    vanished : pyarrow.Table
        The archived rows that the fetch did not return again, as they were.
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


def merge(archived: pa.Table, fetched: pa.Table, *, visible: pa.Array | None = None) -> Merged:
    """Merge two readings; an event that both have is kept once.

    Rows with the same `KEY` pair first. Of the rest, rows of one class pair: the same second, event text, account
    group and person, whatever their address and resources are. Account groups are compared by `aid`, and by name where
    one of the rows has no `aid`; people by `uid`, and by `user` where one has no `uid`. A row with neither matches any.
    Of a pair, the archived row stays, and takes from the fetched one what it does not have itself.

    What is counted does not depend on the order of readings or on repetition: of each class, the merge has as many
    rows as the reading that has most of them. Two limits follow from that:

    - A reading {A, B} and a later one {B, C} of one class give two rows, not three. Nothing tells C, a new event, from
      A renamed.
    - An event whose user was renamed between two readings, and whose `uid` was filled in between the same two, is not
      recognised, and stands there twice.

    Parameters
    ----------
    archived, fetched : pyarrow.Table
        In `ARROW_SCHEMA`.
    visible : pyarrow.Array of bool, optional
        Which archived rows the fetch could have returned at all. The others pair only with rows of the same `KEY`. By
        default all are visible.

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
    if not archived.num_rows:
        return Merged(in_order(fetched.to_batches()), fetched, archived)
    if archived.equals(fetched):
        return Merged(in_order(archived.to_batches()), fetched.slice(0, 0), archived.slice(0, 0))
    both = pa.concat_tables([archived, fetched])
    pairing = _Pairing(_Columns(both), archived.num_rows, np.full(both.num_rows, -1, dtype=np.int64))
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
    """Count by class what a reading has fewer of than the archive.

    Parameters
    ----------
    archived, vanished : pyarrow.Table
        A day before a merge, and what `merge` found vanished of it.

    Returns
    -------
    pyarrow.Table
        The first vanished row of each class, with two further columns: `archived` and `read` (int64), the rows of the
        class in the archive and in the reading.
    """
    columns = _Columns(pa.concat_tables([archived, vanished]))
    numbers = _join([columns.second, columns["event"], columns.group, columns.person])
    size = int(numbers.max(initial=-1)) + 1
    had = np.bincount(numbers[: archived.num_rows], minlength=size)
    gone = np.bincount(numbers[archived.num_rows :], minlength=size)
    found, first = np.unique(numbers[archived.num_rows :], return_index=True)
    rows = vanished.take(pa.array(first))
    rows = rows.append_column("archived", pa.array(had[found]))
    return rows.append_column("read", pa.array(had[found] - gone[found]))


class _Columns:
    """The columns of rows as numbers: equal where the values are equal, 0 where they are null."""

    def __init__(self, rows: pa.Table, numbers: dict[str, _Numbers] | None = None) -> None:
        self.rows = rows
        self._numbers = numbers or {}

    def take(self, places: _Numbers) -> _Columns:
        """Return the columns, but for dates, of some rows."""
        names = [name for name in ARROW_SCHEMA.names if name not in ("date", "extra")]
        return _Columns(self.rows.slice(0, 0), {name: self[name][places] for name in names})

    def __getitem__(self, name: str) -> _Numbers:
        if name not in self._numbers:
            column = self.rows[name]
            if name == "resources":
                column = pc.if_else(pc.equal(pc.list_value_length(column), 0), None, as_text(column))
            self._numbers[name] = _number(column)
        return self._numbers[name]

    @property
    def second(self) -> _Numbers:
        micros = self.rows["date"].cast(pa.int64())
        seconds = np.floor_divide(micros.fill_null(0).to_numpy(), _SECOND)
        return np.where(micros.is_null().to_numpy(), -(2**61), seconds)

    @property
    def group(self) -> _Numbers:
        return _first_of(self["aid"], self["account_group_name"])

    @property
    def person(self) -> _Numbers:
        return _first_of(self["uid"], self["user"])


class _Pairing:
    """Pairs of archived and fetched rows.

    Attributes
    ----------
    partner : numpy.ndarray
        The position of each row's partner in the table of both readings; -1 where it has none.
    """

    def __init__(self, columns: _Columns, archived: int, partner: _Numbers) -> None:
        self._columns = columns
        self._archived = archived
        self.partner = partner

    @property
    def count(self) -> int:
        """The number of pairs."""
        return int((self.partner[: self._archived] >= 0).sum())

    @property
    def has_rest(self) -> bool:
        """Whether both readings have rows without a partner."""
        is_single = self.partner < 0
        return bool(is_single[: self._archived].any() and is_single[self._archived :].any())

    def pair_exact(self) -> None:
        """Pair rows with the same `KEY`."""
        columns = self._columns
        date = _number(columns.rows["date"])
        keys = _join(
            [date, columns.group, columns["event"], columns.person, columns["ip_address"], columns["resources"]]
        )
        self._pair(keys, *self._sides(self.partner < 0))

    def pair_classes(self, visible: _Mask | None) -> None:
        """Pair the remaining rows of each class."""
        # Only rows that share second and event text with single rows of both readings are looked at again.
        moments = _join([self._columns.second, self._columns["event"]])
        size = int(moments.max(initial=-1)) + 1
        ours, theirs = (np.bincount(moments[side], minlength=size) > 0 for side in self._sides(self.partner < 0))
        here = (ours & theirs)[moments]
        if visible is not None:
            here[: self._archived] &= visible
            here &= (self.partner < 0) | here[self.partner]
        places = np.flatnonzero(here)
        numbers = np.full(len(here), -1, dtype=np.int64)
        numbers[places] = np.arange(len(places))
        partner = np.where(self.partner[places] < 0, -1, numbers[self.partner[places]])
        rest = _Pairing(self._columns.take(places), int((places < self._archived).sum()), partner)
        rest._pair_levels(moments[places])
        self.partner[places] = np.where(rest.partner < 0, -1, places[rest.partner])

    def _pair_levels(self, moments: _Numbers) -> None:
        """Pair rows at each level of what they say of their group and person, those that say most first.

        The levels form a tree: a person with a uid is one of those with the name, and these are among all of the
        group. At each level, rows that say more pair with rows that say less before the latter pair with each other.
        So the number of pairs is the largest possible, which makes the merge associative.
        """
        columns = self._columns
        exact = self.partner >= 0
        for group_level, person_level in product(*map(_levels, self._identities())):
            group, group_wild = self._at(group_level, "aid", "account_group_name")
            person, person_wild = self._at(person_level, "uid", "user")
            belongs = (group >= 0) & (person >= 0)
            key = _join([moments, group, person])
            for sides in _combinations(group_wild, person_wild):
                left, right = (belongs & side for side in sides)
                for names in _ALIKE:
                    rest = self.partner < 0
                    ours, _ = self._sides(left & rest)
                    _, theirs = self._sides(right & rest)
                    if not (len(ours) and len(theirs)):
                        break
                    self._pair(_join([key, *(columns[name] for name in names)]), ours, theirs)
            wild = (group_wild | (group_level == _BY_ID)) & (person_wild | (person_level == _BY_ID))
            if (person_level, group_level) != (_BY_ID, _BY_ID):
                self._swap(key, belongs, exact & belongs & wild)

    def _sides(self, chosen: _Mask) -> tuple[_Numbers, _Numbers]:
        places = np.flatnonzero(chosen)
        return places[places < self._archived], places[places >= self._archived]

    def _identities(self) -> Iterator[tuple[_Numbers, _Numbers]]:
        for identity, name in (("aid", "account_group_name"), ("uid", "user")):
            yield self._columns[identity], self._columns[name]

    def _at(self, level: int, identity: str, name: str) -> tuple[_Numbers, _Mask]:
        """Return the numbers of groups or people at a level, -1 for others, and mark those that say no more than it."""
        ids, names = self._columns[identity], self._columns[name]
        if level == _BY_ID:
            return np.where(ids > 0, ids, -1), np.ones(len(ids), dtype=np.bool_)
        if level == _BY_NAME:
            return np.where(names > 0, names, -1), ids == 0
        return np.zeros(len(ids), dtype=np.int64), (ids == 0) & (names == 0)

    def _pair(self, keys: _Numbers, left: _Numbers, right: _Numbers) -> None:
        """Pair archived rows of `left` and fetched rows of `right` with equal keys, the first with the first."""
        ours, theirs = _match(keys[left], keys[right])
        self.partner[left[ours]], self.partner[right[theirs]] = right[theirs], left[ours]

    def _swap(self, keys: _Numbers, belongs: _Mask, exact: _Mask) -> None:
        """Part exact pairs of rows that match anything, where each half then finds a partner that has none."""
        single = belongs & (self.partner < 0)
        (left, right), (middle, _) = self._sides(single), self._sides(exact)
        if not (len(left) and len(right) and len(middle)):
            return
        ours, between = _match(keys[left], keys[middle])
        left, middle = left[ours], middle[between]
        between, theirs = _match(keys[middle], keys[right])
        left, middle, right = left[between], middle[between], right[theirs]
        other = self.partner[middle]
        self.partner[left], self.partner[other] = other, left
        self.partner[right], self.partner[middle] = middle, right


def _levels(identity: tuple[_Numbers, _Numbers]) -> list[int]:
    """List the levels at which rows can pair; where all rows have an id, that is the only one."""
    ids, names = identity
    without_id = ids == 0
    levels = [_BY_ID]
    if without_id.any():
        levels.append(_BY_NAME)
    if (without_id & (names == 0)).any():
        levels.append(_BY_NOTHING)
    return levels


def _combinations(group_wild: _Mask, person_wild: _Mask) -> Iterator[tuple[_Mask, _Mask]]:
    """List which rows may pair: of group and of person, one side at least says no more than the level.

    The pairs in which one side says more come first.
    """
    kinds = list(product((False, True), repeat=2))
    chosen = {kind: (group_wild == kind[0]) & (person_wild == kind[1]) for kind in kinds}
    allowed = [(a, b) for a, b in product(kinds, kinds) if (a[0] or b[0]) and (a[1] or b[1])]
    for a, b in sorted(allowed, key=lambda pair: sum(pair[0] + pair[1])):
        if chosen[a].any() and chosen[b].any():
            yield chosen[a], chosen[b]


def _match(left: _Numbers, right: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Match equal keys of two sides one to one, and return their positions."""
    numbers = _join([np.concatenate([left, right])])
    size = int(numbers.max(initial=-1)) + 1
    ours, theirs = numbers[: len(left)], numbers[len(left) :]
    fewer = np.minimum(np.bincount(ours, minlength=size), np.bincount(theirs, minlength=size))
    return _first(ours, fewer), _first(theirs, fewer)


def _first(numbers: _Numbers, most: _Numbers) -> _Numbers:
    """Return the positions of the first rows of each number, `most` of each, in the order of the numbers."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=len(most)))])[ordered]
    chosen: _Numbers = order[np.arange(len(ordered)) - starts < most[ordered]]
    return chosen


def _fill(both: pa.Table, partner: _Numbers, archived: int) -> tuple[pa.Table, int]:
    """Give archived rows what their partners have beyond them, and count those that gained."""
    mine = np.arange(archived)
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
        columns.append(column.take(pa.array(np.where(gains, others, mine))) if gains.any() else column[:archived])
    return pa.Table.from_arrays(columns, schema=ARROW_SCHEMA), int(gained.sum())


def _number(column: pa.ChunkedArray | pa.Array) -> _Numbers:
    """Return a number for each value of a column; null is 0."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    numbers: _Numbers = whole.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64) + 1
    return numbers


def _first_of(identity: _Numbers, name: _Numbers) -> _Numbers:
    """Take the identity, else the name, else 0; an identity and a name that read the same stay apart."""
    return np.where(identity > 0, identity, np.where(name > 0, name + identity.max(initial=0), 0))


def _join(columns: Sequence[_Numbers]) -> _Numbers:
    """Return a number from 0 on for each combination of several columns."""
    joined = _dense(columns[0])
    size = int(joined.max(initial=0)) + 1
    for each in columns[1:]:
        column = each
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        if size * (high - low + 1) >= _MOST:
            joined, column = _dense(joined), _dense(column)
            size, low, high = int(joined.max(initial=0)) + 1, 0, int(column.max(initial=0))
        joined = joined * (high - low + 1) + (column - low)
        size *= high - low + 1
    return _dense(joined)


def _dense(numbers: _Numbers) -> _Numbers:
    """Replace numbers by 0, 1, 2 …, by a hash table, which takes a fraction of the time of sorting."""
    return pd.factorize(numbers)[0].astype(np.int64, copy=False)
