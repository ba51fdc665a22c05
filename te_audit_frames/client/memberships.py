"""Who belongs to which account group with which roles, put together from the answers of a directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from te_audit_frames.client.directory_answers import GroupRecord, MemberRecord, RoleRecord, UserRecord
from te_audit_frames.errors import DecodeError
from te_audit_frames.safe_text import printable

T = TypeVar("T")


@dataclass
class Memberships:
    """What was found out about memberships and roles.

    Attributes
    ----------
    groups : list of GroupRecord or None
        The account groups that the token may see. None if they were refused or not asked for.
    members : dict
        The members of each account group (`aid`) that could be read.
    roles : list of RoleRecord or None
        Every role. None if they were refused or not asked for.
    refused : list of str
        The paths that answered 403.
    """

    groups: list[GroupRecord] | None = None
    members: dict[str, list[MemberRecord]] = field(default_factory=dict)
    roles: list[RoleRecord] | None = None
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._role_names = {role.role_id: role.name for role in self.roles or [] if role.role_id}
        self._of_person: dict[str, dict[str, list[RoleRecord]]] = {}
        for aid, members in self.members.items():
            for member in members:
                roles = self._of_person.setdefault(member.user.uid, {}).setdefault(aid, [])
                roles += [role for role in member.roles if role not in roles]

    def all_members(self) -> Iterable[MemberRecord]:
        """Yield every member of every account group that could be read."""
        for members in self.members.values():
            yield from members

    def of(self, uid: str) -> list[dict[str, Any]] | None:
        """Return the memberships of a person as the column holds them; None if nothing was read."""
        if not self.members:
            return None
        names = {group.aid: group.name for group in self.groups or []}
        return [
            {"aid": aid, "account_group_name": names[aid], "roles": [self._name(role) for role in roles]}
            for aid, roles in self._of_person.get(uid, {}).items()
        ]

    def _name(self, role: RoleRecord) -> str | None:
        return role.name or self._role_names.get(role.role_id or "") or role.role_id

    def is_admin(self, user: UserRecord) -> bool | None:
        """Return whether a person has a role with management permissions; None if that is not known."""
        if self.roles is None or not self.members:
            return None
        is_management = {role.role_id or role.name: role.is_management for role in self.roles}
        memberships = self._of_person.get(user.uid, {})
        held = [
            is_management.get(role.role_id or role.name, role.is_management)
            for roles in memberships.values()
            for role in roles
        ]
        if any(held):
            return True
        is_all_known = len(self.members) == len(self.groups or []) and not self._is_unseen(user) and memberships
        return False if is_all_known and None not in held else None

    def unseen_logins(self, users: list[UserRecord]) -> int:
        """Count the people whose login account group could not be read."""
        return sum(map(self._is_unseen, users)) if self.members else 0

    def _is_unseen(self, user: UserRecord) -> bool:
        return user.login_aid is not None and user.login_aid not in self.members


def joined(user: UserRecord, other: UserRecord) -> UserRecord:
    """Return one record from two of a person: the first one's values, the other's for gaps, and the latest log-in."""
    logins = [login for login in (user.last_login, other.last_login) if login is not None]
    return replace(
        user,
        name=user.name or other.name,
        email=user.email or other.email,
        registered=user.registered or other.registered,
        last_login=max(logins, default=None),
        login_aid=user.login_aid or other.login_aid,
    )


def unique(what: str, items: list[T], key: Callable[[T], object]) -> list[T]:
    """Return items without duplicates; raise if two different items have the same key."""
    distinct = list(dict.fromkeys(items))
    counts = Counter(map(key, distinct))
    again, count = max(counts.items(), key=lambda found: found[1], default=(None, 0))
    if count > 1:
        raise DecodeError(
            f"{what}: {printable(str(again))} is listed {count} times, and not alike. The list may have changed while "
            "it was read; ask again."
        )
    return distinct
