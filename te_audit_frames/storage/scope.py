"""Whose events a token is seen to see, compared with what the archive has of the same days. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, order=True)
class Scope:
    """Whose events a sync could see, as far as what it brought tells: the API does not say.

    Attributes
    ----------
    all_account_groups : bool
        Whether it asked for every account group of the token, or for the login group only.
    groups : tuple of str
        The account groups (`aid`, else name) that had come up until then, and were still seen.
    without : tuple of str
        Those that the archive has events of in days that were read again, and that did not come again.
    own_log_only : bool
        Whether the events of one person came where the archive has those of others.
    """

    all_account_groups: bool
    groups: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    own_log_only: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether the token saw less than one before it."""
        return bool(self.without) or self.own_log_only

    def covers(self, other: Scope) -> bool:
        """Whether everything that the other scope sees, this one sees too."""
        return (
            self.all_account_groups >= other.all_account_groups
            and set(self.groups) >= set(other.groups)
            and self.own_log_only <= other.own_log_only
        )

    def __str__(self) -> str:
        said = "all account groups" if self.all_account_groups else "login account group"
        if self.without:
            said += f", without {', '.join(self.without)}"
        return said + (", own log only" if self.own_log_only else "")


class ScopeObserver:
    """What came from a token, and what the archive has where it came from: together they tell the token's scope.

    Parameters
    ----------
    all_account_groups : bool
        What was asked for.
    carried : Scope
        What is known before: of the token before this one, or of the days in question.
    """

    def __init__(self, all_account_groups: bool, carried: Scope) -> None:
        self._all_account_groups = all_account_groups
        self._carried = carried
        self._groups_seen: set[str] = set()
        self._group_names_seen: set[str] = set()
        self._groups_archived: set[str] = set()
        self._aids_archived: set[str] = set()
        self._groups_without_aid: set[str] = set()
        self._people_seen: set[str] = set()
        self._user_names_seen: set[str] = set()
        self._people_archived: set[str] = set()
        self._people_without_uid: set[str] = set()

    def add_fetched(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Take note of events that came."""
        self._groups_seen |= _different(groups_of(rows))
        self._group_names_seen |= _different(rows["account_group_name"])
        if len(self._people_seen) < 2:
            self._people_seen |= _different(_people_of(rows))
            self._user_names_seen |= _different(rows["user"])

    def add_archived(self, rows: pa.Table) -> None:
        """Take note of events that the archive has where these came from."""
        self._groups_archived |= _different(groups_of(rows))
        self._aids_archived |= _different(rows["aid"])
        self._groups_without_aid |= _different(rows["account_group_name"].filter(rows["aid"].is_null()))
        self._people_archived |= _different(_people_of(rows))
        self._people_without_uid |= _different(rows["user"].filter(rows["uid"].is_null()))

    @property
    def scope(self) -> Scope:
        """Whose events the token sees, as far as that tells."""
        # An identity that was filled in since does not make a group or a person another one.
        same_groups = (self._groups_without_aid & self._group_names_seen) - self._aids_archived
        same_people = self._people_without_uid & self._user_names_seen
        lost = (self._groups_archived | set(self._carried.without)) - self._groups_seen - same_groups
        groups = (self._groups_archived | set(self._carried.groups) | self._groups_seen) - lost
        others = self._people_archived - self._people_seen - same_people
        is_alone = len(self._people_seen) == 1 and bool(others)
        is_alone |= self._carried.own_log_only and len(self._people_seen) < 2
        return Scope(self._all_account_groups, tuple(sorted(groups)), tuple(sorted(lost)), is_alone)

    def could_see(self, rows: pa.Table) -> pa.Array:
        """Tell which rows the token would have brought, were they still at the vendor."""
        groups = groups_of(rows)
        visible = pc.or_(groups.is_null(), _is_among(groups, self._groups_seen))
        by_name = _is_among(rows["account_group_name"], self._group_names_seen)
        visible = pc.or_(visible, pc.and_(rows["aid"].is_null(), by_name))
        if self.scope.own_log_only:
            by_name = pc.and_(rows["uid"].is_null(), _is_among(rows["user"], self._user_names_seen))
            visible = pc.and_(visible, pc.or_(_is_among(_people_of(rows), self._people_seen), by_name))
        return visible


def groups_of(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    """Name each row's account group: by identity, else by name."""
    return pc.coalesce(rows["aid"], rows["account_group_name"])


def group_names(rows: pa.Table | pa.RecordBatch) -> set[str]:
    """Return the account groups of some rows."""
    return _different(groups_of(rows))


def _people_of(rows: pa.Table | pa.RecordBatch) -> pa.Array:
    return pc.coalesce(rows["uid"], rows["user"])


def _different(names: pa.Array) -> set[str]:
    return set(pc.unique(names.drop_null()).to_pylist())


def _is_among(values: pa.Array, names: set[str]) -> pa.Array:
    return pc.is_in(values, pa.array(sorted(names), pa.large_string()))
