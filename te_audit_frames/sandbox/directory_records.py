"""People of the practice directory, and the roles and permissions that they can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Permission:
    """A permission by the published names."""

    permission_id: str
    label: str
    permission: str
    is_management: bool = False


PERMISSIONS = (
    Permission("1", "API Access", "API_ACCESS"),
    Permission("2", "View tests", "VIEW_TESTS"),
    Permission("3", "Edit tests", "EDIT_TESTS"),
    Permission("4", "View reports", "VIEW_REPORTS"),
    Permission("5", "Edit alert rules", "EDIT_ALERT_RULES"),
    Permission("6", "View all users", "VIEW_ALL_USERS", is_management=True),
    Permission("7", "Edit users in account group", "EDIT_USERS_IN_ACCOUNT_GROUP", is_management=True),
    Permission("8", "View all account groups settings", "VIEW_ALL_ACCOUNT_GROUPS_SETTINGS", is_management=True),
    Permission("9", "Edit all account groups settings", "EDIT_ALL_ACCOUNT_GROUPS_SETTINGS", is_management=True),
    Permission("10", "Edit roles", "EDIT_ROLES", is_management=True),
)


@dataclass(frozen=True)
class Role:
    """A role, and its permissions by their ids."""

    role_id: str
    name: str
    permission_ids: tuple[str, ...]
    is_builtin: bool = True

    @property
    def permissions(self) -> list[Permission]:
        """Return the permissions of the role."""
        return [permission for permission in PERMISSIONS if permission.permission_id in self.permission_ids]

    @property
    def is_management(self) -> bool:
        """Whether one of its permissions is a management permission."""
        return any(permission.is_management for permission in self.permissions)


ORGANIZATION_ADMIN = Role("101", "Organization Admin", tuple(each.permission_id for each in PERMISSIONS))
ACCOUNT_ADMIN = Role("102", "Account Admin", ("1", "2", "3", "4", "5", "6", "7"))
REGULAR_USER = Role("103", "Regular User", ("1", "2", "3", "4", "5"))
READ_ONLY = Role("2204", "Read only", ("2", "4"), is_builtin=False)
PROVISIONING = Role("2217", "Provisioning", ("1", "2", "3", "5"), is_builtin=False)

ROLES = (ORGANIZATION_ADMIN, ACCOUNT_ADMIN, REGULAR_USER, READ_ONLY, PROVISIONING)


@dataclass(frozen=True)
class Person:
    """One user of the organisation.

    Attributes
    ----------
    uid, name, email : str
        As the log and the directory call the person.
    login_aid : str
        The account group that the person logs in to.
    registered : int
        In epoch seconds.
    last_login : int or None
        In epoch seconds; None for somebody who never logged in.
    roles : mapping of str to tuple of Role
        The roles in each of the person's account groups, by `aid`.
    everywhere : tuple of Role
        The roles that the person has in all account groups.
    """

    uid: str
    name: str
    email: str
    login_aid: str
    registered: int
    last_login: int | None
    roles: Mapping[str, tuple[Role, ...]] = field(default_factory=dict)
    everywhere: tuple[Role, ...] = ()

    def roles_in(self, aid: str) -> list[Role]:
        """Return the roles that count in an account group."""
        return list(dict.fromkeys([*self.roles.get(aid, ()), *self.everywhere]))

    def is_in(self, aid: str) -> bool:
        """Whether the person belongs to an account group."""
        return aid in self.roles or bool(self.everywhere)
