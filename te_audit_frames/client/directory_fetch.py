"""People and account groups: one row per person, from the API's list of users and the members of each account group.

The list of users has no roles. The members of an account group come with their roles in one request, so a directory
costs one request per account group and three more. If the API refuses a request with 403, the values from it are null,
and the receipt notes that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.directory_answers import (
    UserRecord,
    decode_groups,
    decode_members,
    decode_roles,
    decode_users,
)
from te_audit_frames.client.directory_requests import NEEDS, NEEDS_SETTINGS, DirectoryRequests
from te_audit_frames.client.memberships import Memberships, joined, unique
from te_audit_frames.client.stats import library_versions
from te_audit_frames.client.transport import Transport
from te_audit_frames.directory_receipts import DirectoryReceipt
from te_audit_frames.errors import PermissionDenied, warn
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import DIRECTORY_KEY
from te_audit_frames.users import ACCOUNT_GROUPS_SCHEMA, USERS_SCHEMA, to_frame

_log = logging.getLogger("te_audit_frames")

_CLOCKS_APART = timedelta(minutes=5)


class DirectoryFetch:
    """One fetch of the directory.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    context : FetchContext
        The deadline, the clock and the counters of this fetch.
    workers : int
        How many requests may be under way at once.
    """

    def __init__(self, transport: Transport, context: FetchContext, *, workers: int) -> None:
        self._context = context
        self._requests = DirectoryRequests(transport, context, workers=workers)
        self._notes: list[str] = []

    def users(self, *, memberships: bool) -> pd.DataFrame:
        """Fetch the people; see `Client.fetch_users`."""
        try:
            listed, refusal = self._list_users()
            found = self._read_memberships() if memberships else Memberships()
        finally:
            self._requests.stop()
        if refusal is not None and not found.members:
            if memberships:
                also = f"The members of account groups, which need {NEEDS_SETTINGS}, were refused too."
                refusal.args = (f"{refusal} {also}",)
            raise refusal
        return self._users_frame(listed, found, asked=memberships)

    def account_groups(self) -> pd.DataFrame:
        """Fetch the account groups; see `Client.fetch_account_groups`."""
        try:
            groups = unique(
                "account groups", self._requests.items("account-groups", decode_groups), lambda group: group.aid
            )
        finally:
            self._requests.stop()
        fetched_at = self._fetched_at()
        rows = [
            {
                "aid": group.aid,
                "account_group_name": group.name,
                "organization_name": group.organization_name,
                "org_id": group.org_id,
                "is_current_account_group": group.is_current,
                "is_default_account_group": group.is_default,
                "fetched_at": fetched_at,
            }
            for group in groups
        ]
        receipt = self._receipt(fetched_at, account_groups=len(groups))
        return _frame(pa.Table.from_pylist(rows, schema=ACCOUNT_GROUPS_SCHEMA), receipt)

    # ---- asking --------------------------------------------------------------------------------------------------

    def _list_users(self) -> tuple[list[UserRecord] | None, PermissionDenied | None]:
        try:
            return unique("users", self._requests.items("users", decode_users), lambda user: user.uid), None
        except PermissionDenied as error:
            _log.info("users: the API answered 403")
            return None, error

    def _read_memberships(self) -> Memberships:
        try:
            listed = self._requests.items("account-groups", decode_groups)
        except PermissionDenied:
            _log.info("account-groups: the API answered 403")
            return Memberships(refused=["account-groups"])
        groups = unique("account groups", listed, lambda group: group.aid)
        tasks: dict[str, Callable[[], Any]] = {"roles": lambda: self._requests.items("roles", decode_roles)}
        for group in groups:
            read = partial(decode_members, aid=group.aid)
            tasks[f"account-groups/{group.aid}"] = partial(
                self._requests.items, f"account-groups/{group.aid}", read, {"expand": "user"}
            )
        answers = self._requests.run(tasks)
        refused = [path for path in tasks if answers[path] is None]
        roles = answers["roles"]
        return Memberships(
            groups=groups,
            members={
                group.aid: members
                for group in groups
                if (members := answers[f"account-groups/{group.aid}"]) is not None
            },
            roles=None if roles is None else unique("roles", roles, lambda role: role.role_id or role.name),
            refused=refused,
        )

    # ---- the frame -----------------------------------------------------------------------------------------------

    def _users_frame(self, listed: list[UserRecord] | None, found: Memberships, *, asked: bool) -> pd.DataFrame:
        fetched_at = self._fetched_at()
        people = {user.uid: user for user in listed or []}
        known = len(people)
        for member in found.all_members():
            user = people.get(member.user.uid)
            people[member.user.uid] = member.user if user is None else joined(user, member.user)
        only_in_groups = len(people) - known
        refused = (["users"] if listed is None else []) + found.refused
        self._note_gaps(listed, found, only_in_groups)
        rows = [
            {
                "uid": user.uid,
                "name": user.name,
                "email": user.email,
                "memberships": found.of(user.uid),
                "is_admin": found.is_admin(user),
                "registered": user.registered,
                "last_login": user.last_login,
                "fetched_at": fetched_at,
                "roles_fetched_at": fetched_at if found.members else None,
            }
            for user in sorted(people.values(), key=lambda user: (len(user.uid), user.uid))
        ]
        receipt = self._receipt(
            fetched_at,
            users=len(rows),
            only_in_groups=only_in_groups,
            account_groups=None if found.groups is None else len(found.groups),
            account_groups_read=len(found.members),
            roles_asked_at=iso(fetched_at) if asked else None,
            refused=refused,
        )
        return _frame(pa.Table.from_pylist(rows, schema=USERS_SCHEMA), receipt)

    def _note_gaps(self, listed: list[UserRecord] | None, found: Memberships, only_in_groups: int) -> None:
        if listed is None:
            self._notes.append(
                f"users were refused, so only members of account groups are here; the list needs {NEEDS['users']}"
            )
        elif only_in_groups:
            self._notes.append(f"people who are in an account group, but not in the list of users: {only_in_groups:,}")
        if found.groups is None and found.refused:
            self._notes.append("account groups were refused, so memberships are null")
        if settings := [path for path in found.refused if path.startswith("account-groups/")]:
            self._notes.append(
                f"the members of {len(settings):,} of "
                f"{number_of(len(found.groups or []), 'account group')} were refused, so "
                f"memberships there are missing; reading them needs {NEEDS_SETTINGS}"
            )
        if "roles" in found.refused:
            self._notes.append("roles were refused, so is_admin is null")
        if unseen := found.unseen_logins(listed or []):
            self._notes.append(f"people who log in to an account group whose members could not be read: {unseen:,}")

    def _fetched_at(self) -> datetime:
        """Return the earlier of the server's and the local clock; the server's if they are far apart."""
        local, server = self._context.clock.now(), self._requests.answered_at
        if server is None or not 1990 < server.year < 9_000:  # the header is wrong, since no clock is so far off
            return local.replace(microsecond=0)
        if abs(server - local) > _CLOCKS_APART:
            warn(
                "the server's clock and this machine's are "
                f"{number_of(round(abs(server - local).total_seconds() / 60), 'minute')} "
                "apart; the server's was used. Check the time of this machine."
            )
            return server
        return min(server, local).replace(microsecond=0)

    def _receipt(self, fetched_at: datetime, **found: Any) -> DirectoryReceipt:
        stats = self._context.stats
        return DirectoryReceipt(
            source="api",
            fetched_at=iso(fetched_at),
            requests=stats.requests,
            retries=stats.retries,
            throttled=stats.throttled,
            waited_seconds=round(stats.waited_seconds, 3),
            versions=library_versions(),
            notes=self._notes,
            **found,
        )


def _frame(table: pa.Table, receipt: DirectoryReceipt) -> pd.DataFrame:
    frame = to_frame(table)
    frame.attrs[DIRECTORY_KEY] = receipt.to_dict()
    return frame
