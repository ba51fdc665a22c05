"""Answers of the directory's endpoints, decoded: users, account groups, their members, and roles.

Only the fields that are needed are taken. An account group's answer can hold its `accountToken`. The parser drops it,
so it gets into no record, message or file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NoReturn, TypeVar

from te_audit_frames.client.decode_fallback import envelope_date
from te_audit_frames.client.transport import Answer
from te_audit_frames.errors import DecodeError
from te_audit_frames.safe_text import excerpt, printable

T = TypeVar("T")

_DROPPED = "accountToken"
_AID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:-]*")
"""The form of an account group's id. It is restricted because the id becomes a part of an address."""


@dataclass(frozen=True)
class UserRecord:
    """A user as an answer lists one."""

    uid: str
    name: str | None
    email: str | None
    registered: datetime | None
    last_login: datetime | None
    login_aid: str | None = None


@dataclass(frozen=True)
class RoleRecord:
    """A role. `is_management` is None if the answer does not state it."""

    role_id: str | None
    name: str | None
    is_management: bool | None = None


@dataclass(frozen=True)
class GroupRecord:
    """An account group."""

    aid: str
    name: str | None
    organization_name: str | None
    org_id: str | None
    is_current: bool | None
    is_default: bool | None


@dataclass(frozen=True)
class MemberRecord:
    """A user of an account group, with the roles there."""

    user: UserRecord
    roles: tuple[RoleRecord, ...]


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One answer: the items that it lists, when it was given, and its link to the next answer, if any."""

    items: list[T]
    date: datetime | None
    next_href: str | None


def decode_users(answer: Answer, page: str) -> Listing[UserRecord]:
    """Decode an answer of ``/users``."""
    return _listing(answer, page, "users", _user)


def decode_groups(answer: Answer, page: str) -> Listing[GroupRecord]:
    """Decode an answer of ``/account-groups``."""
    return _listing(answer, page, "accountGroups", _group)


def decode_roles(answer: Answer, page: str) -> Listing[RoleRecord]:
    """Decode an answer of ``/roles``."""
    return _listing(answer, page, "roles", _role)


def decode_members(answer: Answer, page: str, *, aid: str) -> Listing[MemberRecord]:
    """Decode an answer of ``/account-groups/{aid}?expand=user``, which must be about this account group."""

    def about(envelope: dict[str, Any]) -> None:
        answered = envelope.get("aid")
        if answered is not None and str(answered) != aid:
            raise _broken(page, "it is about another account group")

    return _listing(answer, page, "users", _member, check=about)


# ---- the envelope ----------------------------------------------------------------------------------------------------


def _listing(
    answer: Answer,
    page: str,
    name: str,
    read: Callable[[_Item], T],
    *,
    check: Callable[[dict[str, Any]], None] | None = None,
) -> Listing[T]:
    envelope = _parse(answer.body, page)
    if not isinstance(envelope, dict) or not isinstance(envelope.get(name), list):
        raise _broken(page, f"it has no list named {name}")
    if check:
        check(envelope)
    items = [read(_Item(value, page, position)) for position, value in enumerate(envelope[name])]
    return Listing(items, answer.date, _next_href(envelope, page))


def _parse(body: bytes, page: str) -> Any:
    problem = ""
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        problem = f"its byte {error.start} is not UTF-8"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        # Keep only the message: the error itself holds the whole answer.
        problem = f"it is not JSON ({error})"
    raise _broken(page, problem)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("an object has two values for one name")
    members.pop(_DROPPED, None)
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _next_href(envelope: dict[str, Any], page: str) -> str | None:
    links = envelope.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    if following is None and (links is None or isinstance(links, dict)):
        return None
    href = following.get("href") if isinstance(following, dict) else None
    if not isinstance(href, str) or not href:
        # Treating this as the last page would silently end the list early.
        raise _broken(page, "its link to the next page has no address")
    return href


def _broken(page: str, problem: str) -> DecodeError:
    """Return the error for an answer that is broken as a whole. It quotes none of it, since any part may be secret."""
    return DecodeError(
        f"page {printable(page)} is not an answer of the API's contract: {problem}. If something between here and the "
        "API answers in its place, check base_url and the proxy.",
        page=page,
    )


# ---- one item --------------------------------------------------------------------------------------------------------


class _Item:
    """One object of a list. Its methods read one field each, and their errors name the object."""

    def __init__(self, value: object, page: str, position: int) -> None:
        self._page = page
        self._position = position
        if not isinstance(value, dict):
            raise self._unfit("", value, "an object")
        self._fields: dict[str, Any] = value

    def text(self, field: str) -> str | None:
        """Return text, or None if there is none. A whole number becomes its digits."""
        value = self._fields.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None:
            return None
        # Half a surrogate pair is text in JSON, but not in UTF-8.
        if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
            raise self._unfit(field, value, "text")
        return value

    def identity(self, field: str) -> str:
        """Return text that must not be missing."""
        value = self.text(field)
        if not value:
            raise self._unfit(field, value, "an identifier")
        return value

    def aid(self, field: str = "aid") -> str:
        """Return the id of an account group."""
        value = self.identity(field)
        if not _AID.fullmatch(value):
            raise self._unfit(field, value, "an identifier of letters and digits")
        return value

    def flag(self, field: str) -> bool | None:
        """Return true, false, or None if the field is missing or null."""
        value = self._fields.get(field)
        if value is None or isinstance(value, bool):
            return value
        raise self._unfit(field, value, "true or false")

    def date(self, field: str) -> datetime | None:
        """Return an instant, or None if there is none. An empty text counts as none."""
        value = self._fields.get(field)
        moment = envelope_date(value)
        if moment is None and value not in (None, ""):
            raise self._unfit(field, value, "an ISO 8601 date")
        return moment

    def items(self, field: str) -> list[_Item]:
        """Return the objects in a list, or an empty list if the field is missing."""
        values = self._fields.get(field)
        if values is None:
            return []
        if not isinstance(values, list):
            raise self._unfit(field, values, "a list")
        return [_Item(value, self._page, self._position) for value in values]

    def item(self, field: str) -> _Item | None:
        """Return the object in a field, or None if there is none."""
        value = self._fields.get(field)
        return None if value is None else _Item(value, self._page, self._position)

    def _unfit(self, field: str, value: object, wanted: str) -> DecodeError:
        try:
            shown = excerpt(json.dumps(value))
        except RecursionError:
            shown = "a deep nest"
        subject = f"field {field!r} is {shown}" if field else f"it is {shown}"
        return DecodeError(
            f"page {printable(self._page)}, item {self._position}: {subject}, not {wanted}. That is not the API's "
            "contract; report it to the vendor.",
            page=self._page,
            event=self._position,
            field=field or None,
            value=shown,
        )


def _user(item: _Item) -> UserRecord:
    group = item.item("loginAccountGroup")
    return UserRecord(
        uid=item.identity("uid"),
        name=item.text("name"),
        email=item.text("email"),
        registered=item.date("dateRegistered"),
        last_login=item.date("lastLogin"),
        login_aid=group.text("aid") if group else None,
    )


def _member(item: _Item) -> MemberRecord:
    return MemberRecord(_user(item), tuple(map(_role, item.items("roles"))))


def _role(item: _Item) -> RoleRecord:
    return RoleRecord(item.text("roleId"), item.text("name"), item.flag("hasManagementPermissions"))


def _group(item: _Item) -> GroupRecord:
    return GroupRecord(
        aid=item.aid(),
        name=item.text("accountGroupName"),
        organization_name=item.text("organizationName"),
        org_id=item.text("orgId"),
        is_current=item.flag("isCurrentAccountGroup"),
        is_default=item.flag("isDefaultAccountGroup"),
    )
