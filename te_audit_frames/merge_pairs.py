"""Pairs of rows from two readings: which archived row and which fetched row are the same event."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from te_audit_frames.merge_keys import KeyColumns, Numbers, join_keys, match_keys
from te_audit_frames.safe_text import number_of

Mask = npt.NDArray[np.bool_]

_BY_ID, _BY_NAME, _BY_NOTHING = range(3)
"""How rows identify an account group or a person, the most exact first."""

_PREFERENCES = (("ip_address", "resources"), ("resources",), ("ip_address",), ())
"""Columns that should be equal in two rows of one class, the best match first."""


class Pairing:
    """The pairs of archived and fetched rows, and the steps that find them.

    Parameters
    ----------
    columns : KeyColumns
        The rows of both readings, the archived ones first.
    archived : int
        The number of archived rows.
    partner : numpy.ndarray of int64, optional
        Pairs that are already known. By default, no row has a partner.

    Attributes
    ----------
    partner : numpy.ndarray of int64
        For each row, the position of its partner. -1 if it has none.
    """

    def __init__(self, columns: KeyColumns, archived: int, partner: Numbers | None = None) -> None:
        self._columns = columns
        self._archived = archived
        self.partner = np.full(columns.rows.num_rows, -1, dtype=np.int64) if partner is None else partner

    def __repr__(self) -> str:
        fetched = len(self.partner) - self._archived
        return (
            f"Pairing({number_of(self.count, 'pair')} of {self._archived:,} archived and "
            f"{number_of(fetched, 'fetched row')})"
        )

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
        """Pair rows that are equal in every column of `te_audit_frames.merge.KEY`."""
        columns = self._columns
        keys = join_keys(
            [
                columns["date"],
                columns.group,
                columns["event"],
                columns.person,
                columns["ip_address"],
                columns["resources"],
            ]
        )
        self._pair(keys, *self._by_reading(self.partner < 0))

    def pair_classes(self, visible: Mask | None) -> None:
        """Pair the remaining rows of each class: the same second, event text, account group and person.

        Parameters
        ----------
        visible : numpy.ndarray of bool, optional
            Which archived rows may pair. By default all.
        """
        # At most moments, every row already has a partner. Only the rows of other moments are looked at again.
        moments = join_keys([self._columns.second, self._columns["event"]])
        size = int(moments.max(initial=-1)) + 1
        archived, fetched = (
            np.bincount(moments[side], minlength=size) > 0 for side in self._by_reading(self.partner < 0)
        )
        chosen = (archived & fetched)[moments]
        if visible is not None:
            chosen[: self._archived] &= visible
            chosen &= (self.partner < 0) | chosen[self.partner]
        positions = np.flatnonzero(chosen)
        new_position = np.full(len(chosen), -1, dtype=np.int64)
        new_position[positions] = np.arange(len(positions))
        partner = np.where(self.partner[positions] < 0, -1, new_position[self.partner[positions]])
        rest = Pairing(self._columns.take(positions), int((positions < self._archived).sum()), partner)
        rest._pair_levels(moments[positions])
        self.partner[positions] = np.where(rest.partner < 0, -1, positions[rest.partner])

    def _pair_levels(self, moments: Numbers) -> None:
        """Pair rows level by level, from the level that identifies account group and person best to the vaguest.

        The levels form a tree: the rows with one `uid` are among the rows with one name, and these are among the rows
        of one account group. A row is vague at a level if it identifies nothing more exactly than the level does. At
        each level, a more exact row is paired with a vague one before two vague rows are paired. This gives the largest
        possible number of pairs. It makes the merge associative as long as the levels are nested, so that each id has
        one name.
        """
        columns = self._columns
        was_exact = self.partner >= 0
        groups = (columns["aid"], columns["account_group_name"])
        people = (columns["uid"], columns["user"])
        for group_level, person_level in product(_levels(*groups), _levels(*people)):
            group, group_is_vague = _at_level(group_level, *groups)
            person, person_is_vague = _at_level(person_level, *people)
            belongs = (group >= 0) & (person >= 0)
            key = join_keys([moments, group, person])
            for sides in _allowed_sides(group_is_vague, person_is_vague):
                left, right = (belongs & side for side in sides)
                for names in _PREFERENCES:
                    single = self.partner < 0
                    archived, _ = self._by_reading(left & single)
                    _, fetched = self._by_reading(right & single)
                    if not (len(archived) and len(fetched)):
                        break
                    self._pair(join_keys([key, *(columns[name] for name in names)]), archived, fetched)
            if (person_level, group_level) != (_BY_ID, _BY_ID):
                is_vague = (group_is_vague | (group_level == _BY_ID)) & (person_is_vague | (person_level == _BY_ID))
                self._split_pairs(key, belongs, was_exact & belongs & is_vague)

    def _by_reading(self, chosen: Mask) -> tuple[Numbers, Numbers]:
        """Return the positions of the chosen archived rows, and of the chosen fetched rows."""
        positions = np.flatnonzero(chosen)
        return positions[positions < self._archived], positions[positions >= self._archived]

    def _pair(self, keys: Numbers, archived: Numbers, fetched: Numbers) -> None:
        """Pair rows at the given positions that have equal keys, the first with the first."""
        ours, theirs = match_keys(keys[archived], keys[fetched])
        self.partner[archived[ours]], self.partner[fetched[theirs]] = fetched[theirs], archived[ours]

    def _split_pairs(self, keys: Numbers, belongs: Mask, pairs: Mask) -> None:
        """Split a pair of vague rows if each of the two can pair with an unpaired row of the other reading instead."""
        single = belongs & (self.partner < 0)
        (left, right), (middle, _) = self._by_reading(single), self._by_reading(pairs)
        if not (len(left) and len(right) and len(middle)):
            return
        on_left, in_middle = match_keys(keys[left], keys[middle])
        left, middle = left[on_left], middle[in_middle]
        in_middle, on_right = match_keys(keys[middle], keys[right])
        left, middle, right = left[in_middle], middle[in_middle], right[on_right]
        other = self.partner[middle]
        self.partner[left], self.partner[other] = other, left
        self.partner[right], self.partner[middle] = middle, right


def _levels(ids: Numbers, names: Numbers) -> list[int]:
    """List the levels at which rows can pair. If all rows have an id, `_BY_ID` is the only one."""
    has_no_id = ids == 0
    levels = [_BY_ID]
    if has_no_id.any():
        levels.append(_BY_NAME)
    if (has_no_id & (names == 0)).any():
        levels.append(_BY_NOTHING)
    return levels


def _at_level(level: int, ids: Numbers, names: Numbers) -> tuple[Numbers, Mask]:
    """Return each row's number at a level (-1 if it has none), and which rows are vague at that level."""
    if level == _BY_ID:
        return np.where(ids > 0, ids, -1), np.ones(len(ids), dtype=np.bool_)
    if level == _BY_NAME:
        return np.where(names > 0, names, -1), ids == 0
    return np.zeros(len(ids), dtype=np.int64), (ids == 0) & (names == 0)


def _allowed_sides(group_is_vague: Mask, person_is_vague: Mask) -> Iterator[tuple[Mask, Mask]]:
    """Yield masks of archived and fetched rows that may pair: for group and for person, one of the two must be vague.

    The combinations with the fewest vague sides come first.
    """
    kinds = list(product((False, True), repeat=2))
    rows = {kind: (group_is_vague == kind[0]) & (person_is_vague == kind[1]) for kind in kinds}
    allowed = [(a, b) for a, b in product(kinds, kinds) if (a[0] or b[0]) and (a[1] or b[1])]
    for a, b in sorted(allowed, key=lambda pair: sum(pair[0] + pair[1])):
        if rows[a].any() and rows[b].any():
            yield rows[a], rows[b]
