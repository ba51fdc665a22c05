"""The scope of a token: whose events it sees, found by comparing what it fetches with the archive. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, order=True)
class Scope:
    """Whose events a token sees, as far as the fetched events show. The API does not state it.

    Attributes
    ----------
    all_account_groups : bool
        Whether every account group of the token was asked for, or only its login group.
    groups : tuple of str
        The account groups that the token sees, each by its `aid`, or by its name if it has no `aid`.
    without : tuple of str
        Account groups that have events in the archive, but had none when the same days were read again.
    own_log_only : bool
        Whether the token sees the events of one person only, on days on which the archive has events of others.

    Examples
    --------
    >>> from te_audit_frames.storage.scope import Scope
    >>> str(Scope(True, groups=("1",), without=("2",)))
    'all account groups, without 2'
    """

    all_account_groups: bool
    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    own_log_only: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether the token sees less than an earlier one."""
        return bool(self.without) or self.own_log_only

    def covers(self, other: Scope) -> bool:
        """Whether this scope includes everything in the other one."""
        return (
            self.all_account_groups >= other.all_account_groups
            and set(self.groups) >= set(other.groups)
            and self.own_log_only <= other.own_log_only
        )

    def __str__(self) -> str:
        text = "all account groups" if self.all_account_groups else "login account group"
        if self.without:
            text += f", without {', '.join(self.without)}"
        return text + (", own log only" if self.own_log_only else "")


class ScopeObserver:
    """Finds the scope of a token from the events it fetched and the archived events of the same days.

    Parameters
    ----------
    all_account_groups : bool
        Whether every account group of the token was asked for.
    before : Scope
        What is known beforehand: the scope of the last sync, or of the days in question.

    Attributes
    ----------
    all_account_groups : bool
    """

    def __init__(self, all_account_groups: bool, before: Scope) -> None:
        self.all_account_groups = all_account_groups
        self._before = before
        self._groups_seen: set[str] = set()
        self._group_names_seen: set[str] = set()
        self._groups_archived: set[str] = set()
        self._aids_archived: set[str] = set()
        self._groups_without_aid: set[str] = set()
        self._people_seen: set[str] = set()
        self._user_names_seen: set[str] = set()
        self._people_archived: set[str] = set()
        self._people_without_uid: set[str] = set()

    def __repr__(self) -> str:
        return f"ScopeObserver({self.scope})"

    def add_fetched(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add events that the token fetched."""
        self._groups_seen |= _distinct(groups_of(rows))
        self._group_names_seen |= _distinct(rows["account_group_name"])
        if len(self._people_seen) < 2:
            self._people_seen |= _distinct(_people_of(rows))
            self._user_names_seen |= _distinct(rows["user"])

    def add_archived(self, rows: pa.Table) -> None:
        """Add archived events of the days that were fetched."""
        if not rows.num_rows:  # as on every new day
            return
        self._groups_archived |= _distinct(groups_of(rows))
        self._aids_archived |= _distinct(rows["aid"])
        self._groups_without_aid |= _distinct(rows["account_group_name"].filter(rows["aid"].is_null()))
        self._people_archived |= _distinct(_people_of(rows))
        self._people_without_uid |= _distinct(rows["user"].filter(rows["uid"].is_null()))

    @property
    def scope(self) -> Scope:
        """The token's scope, as far as the events so far show it."""
        # A group or a person is still the same if an id was filled in later.
        same_groups = (self._groups_without_aid & self._group_names_seen) - self._aids_archived
        same_people = self._people_without_uid & self._user_names_seen
        lost = (self._groups_archived | set(self._before.without)) - self._groups_seen - same_groups
        groups = (self._groups_archived | set(self._before.groups) | self._groups_seen) - lost
        others = self._people_archived - self._people_seen - same_people
        own_log_only = len(self._people_seen) == 1 and bool(others)
        own_log_only |= self._before.own_log_only and len(self._people_seen) < 2
        return Scope(self.all_account_groups, tuple(sorted(groups)), tuple(sorted(lost)), own_log_only)

    def could_see(self, rows: pa.Table) -> pa.Array:
        """Return a mask of the rows that the token would fetch if the vendor still had them."""
        groups = groups_of(rows)
        visible = pc.or_(groups.is_null(), _is_among(groups, self._groups_seen))
        by_name = _is_among(rows["account_group_name"], self._group_names_seen)
        visible = pc.or_(visible, pc.and_(rows["aid"].is_null(), by_name))
        if self.scope.own_log_only:
            by_name = pc.and_(rows["uid"].is_null(), _is_among(rows["user"], self._user_names_seen))
            visible = pc.and_(visible, pc.or_(_is_among(_people_of(rows), self._people_seen), by_name))
        return visible


def groups_of(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Return each row's account group: its `aid`, or its name if there is no `aid`."""
    return pc.coalesce(rows["aid"], rows["account_group_name"])


def group_names(rows: pa.Table | pa.RecordBatch) -> set[str]:
    """Return the different account groups of some rows."""
    return _distinct(groups_of(rows))


def _people_of(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    return pc.coalesce(rows["uid"], rows["user"])


def _distinct(names: pa.Array) -> set[str]:
    return set(pc.unique(names.drop_null()).to_pylist())


def _is_among(values: pa.Array, names: set[str]) -> pa.Array:
    return pc.is_in(values, pa.array(sorted(names), pa.large_string()))
