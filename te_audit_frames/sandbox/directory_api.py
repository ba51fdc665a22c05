"""The endpoints of users, account groups, roles and permissions, by the published contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.directory_records import PERMISSIONS, ROLES, Permission, Person, Role
from te_audit_frames.sandbox.event_log import EventLog
from te_audit_frames.sandbox.parameters import Refusal

ENDPOINTS = ("users", "users/{id}", "account-groups", "account-groups/{id}", "roles", "roles/{id}", "permissions")
"""The endpoints below ``/v7/``, as the options of `Sandbox` name them."""

_ORGANISATION = {"organizationName": "Practice Organisation", "orgId": "1"}
_PATH = re.compile(r"/v7/([a-z-]+)(?:/([^/]+))?")


class DirectoryApi:
    """The endpoints of the people, account groups and roles of an organisation.

    Parameters
    ----------
    event_log : EventLog
        The log of their events, which also lists the people.
    refused : tuple of str
        The endpoints, or single paths such as ``account-groups/2071``, that answer 403.
    """

    def __init__(self, event_log: EventLog, refused: tuple[str, ...] = ()) -> None:
        self._event_log = event_log
        self._names = dict(zip(event_log.aids, event_log.group_names, strict=True))
        self._refused = refused

    def answer(self, path: str, parameters: Mapping[str, str], *, link: str, now: int) -> dict[str, Any] | None:
        """Answer a request as a JSON value.

        Parameters
        ----------
        path : str
            The path of the request.
        parameters : mapping of str to str
            The parameters of its query.
        link : str
            The address of the answer itself.
        now : int
            The server's clock, in epoch seconds.

        Returns
        -------
        dict or None
            None if no endpoint of the directory has this path.

        Raises
        ------
        Refusal
            403 if the endpoint or the account group is refused, 404 if there is no user, account group or role with
            this id.
        """
        match = _PATH.fullmatch(path)
        endpoint = match and (f"{match[1]}/{{id}}" if match[2] else match[1])
        if match is None or endpoint not in ENDPOINTS:
            return None
        if endpoint in self._refused or path.removeprefix("/v7/") in self._refused:
            raise Refusal(HTTPStatus.FORBIDDEN, f"the token's user lacks the permission for {endpoint}")
        if parameters.get("aid", self._event_log.login_aid) not in self._names:
            raise Refusal(HTTPStatus.FORBIDDEN, "you are not assigned to this account group")
        answers: dict[str, Callable[[str], dict[str, Any]]] = {
            "users": lambda _: {"users": [_user(person, self._names) for person in self._people(now)]},
            "users/{id}": lambda uid: self._person(uid, now),
            "account-groups": lambda _: {"accountGroups": [self._group(aid) for aid in self._names]},
            "account-groups/{id}": lambda aid: self._whole_group(aid, _expand(parameters), now),
            "roles": lambda _: {"roles": [_role(role) for role in ROLES]},
            "roles/{id}": _whole_role,
            "permissions": lambda _: {"permissions": [_permission(each) for each in PERMISSIONS]},
        }
        return {**answers[endpoint](unquote(match[2] or "")), "_links": {"self": {"href": link}}}

    def _people(self, now: int) -> list[Person]:
        return self._event_log.people(now)

    def _person(self, uid: str, now: int) -> dict[str, Any]:
        person = next((person for person in self._people(now) if person.uid == uid), None)
        if person is None:
            raise _not_found("user", uid)
        roles = [
            {"accountGroup": _named(aid, self._names), "roles": [_role(role) for role in roles]}
            for aid, roles in person.roles.items()
        ]
        everywhere = [_role(role) for role in person.everywhere]
        return {**_user(person, self._names), "accountGroupRoles": roles, "allAccountGroupRoles": everywhere}

    def _group(self, aid: str) -> dict[str, Any]:
        is_login = aid == self._event_log.login_aid
        flags = {"isCurrentAccountGroup": is_login, "isDefaultAccountGroup": is_login}
        return {**_named(aid, self._names), **flags, **_ORGANISATION}

    def _whole_group(self, aid: str, expand: set[str], now: int) -> dict[str, Any]:
        if aid not in self._names:
            raise _not_found("account group", aid)
        group = self._group(aid)
        if "user" in expand:
            people = [person for person in self._people(now) if person.is_in(aid)]
            group["users"] = [
                {**_identity(person), "roles": [_role(role) for role in person.roles_in(aid)]} for person in people
            ]
        if "agent" in expand:
            group["agents"] = []
        return {**group, "accountToken": f"practice-account-token-{aid}"}


def _expand(parameters: Mapping[str, str]) -> set[str]:
    chosen = {part for part in parameters.get("expand", "").split(",") if part}
    if unknown := sorted(chosen - {"user", "agent"}):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"expand takes user and agent, not {unknown[0]}", field="expand")
    return chosen


def _not_found(what: str, identity: str) -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, f"there is no {what} {identity}")


def _named(aid: str, group_names: Mapping[str, str]) -> dict[str, str]:
    return {"aid": aid, "accountGroupName": group_names[aid]}


def _identity(person: Person) -> dict[str, Any]:
    fields = {"uid": person.uid, "name": person.name, "email": person.email, "dateRegistered": iso(person.registered)}
    return fields if person.last_login is None else {**fields, "lastLogin": iso(person.last_login)}


def _user(person: Person, group_names: Mapping[str, str]) -> dict[str, Any]:
    return {**_identity(person), "loginAccountGroup": _named(person.login_aid, group_names)}


def _role(role: Role) -> dict[str, Any]:
    return {**_base_role(role), "hasManagementPermissions": role.is_management}


def _base_role(role: Role) -> dict[str, Any]:
    return {"name": role.name, "roleId": role.role_id, "isBuiltin": role.is_builtin}


def _whole_role(role_id: str) -> dict[str, Any]:
    role = next((role for role in ROLES if role.role_id == role_id), None)
    if role is None:
        raise _not_found("role", role_id)
    return {**_base_role(role), "permissions": [_permission(permission) for permission in role.permissions]}


def _permission(permission: Permission) -> dict[str, Any]:
    return {
        "label": permission.label,
        "permissionId": permission.permission_id,
        "isManagementPermission": permission.is_management,
        "permission": permission.permission,
    }
