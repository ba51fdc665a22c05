"""People and account groups: one row per person, from the API's list of users and the members of each account group.

The list of users has no roles. The members of an account group come with their roles in one request, so that a
directory costs one request per account group and three more. What the API answers with 403 is left null and noted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.directory_answers import (
    Listing,
    UserRecord,
    read_groups,
    read_members,
    read_roles,
    read_users,
)
from te_audit_frames.client.memberships import Memberships, joined, unique
from te_audit_frames.client.stats import library_versions
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.client.workers import Workers, first_done
from te_audit_frames.directory_receipts import DirectoryReceipt
from te_audit_frames.errors import PaginationError, PermissionDenied, warn
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import printable
from te_audit_frames.schema import DIRECTORY_KEY
from te_audit_frames.users import ACCOUNT_GROUPS_SCHEMA, USERS_SCHEMA, to_frame

_log = logging.getLogger("te_audit_frames")

T = TypeVar("T")

_MOST_PAGES = 10_000
_MOST_BYTES = 64 * 2**20  # more than any organisation needs; as Python objects they take many times as much
_CLOCKS_APART = timedelta(minutes=5)
_NEEDS = {
    "users": "`API Access` and `View all users`",
    "account-groups": "`API Access`",
    "roles": "`API Access` and a permission to view roles",
}
_NEEDS_SETTINGS = "`API Access` and `View all account groups settings`"


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
        self._transport = transport
        self._context = context
        self._workers = workers
        self._answered_at: datetime | None = None
        self._notes: list[str] = []
        self._bytes = 0
        self._lock = threading.Lock()

    def users(self, *, memberships: bool) -> pd.DataFrame:
        """Fetch the people; see `Client.fetch_users`."""
        try:
            listed, refusal = self._list_users()
            found = self._read_memberships() if memberships else Memberships()
        finally:
            self._stop()
        if refusal is not None and not found.members:
            if memberships:
                also = f"The members of account groups, which need {_NEEDS_SETTINGS}, were refused too."
                refusal.args = (f"{refusal} {also}",)
            raise refusal
        return self._users_frame(listed, found, asked=memberships)

    def account_groups(self) -> pd.DataFrame:
        """Fetch the account groups; see `Client.fetch_account_groups`."""
        try:
            groups = unique("account groups", self._list("account-groups", read_groups), lambda group: group.aid)
        finally:
            self._stop()
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

    def _stop(self) -> None:
        self._context.stop()
        self._transport.pacer.wake()

    # ---- asking --------------------------------------------------------------------------------------------------

    def _list(
        self, path: str, read: Callable[[Answer, str], Listing[T]], parameters: Mapping[str, str] | None = None
    ) -> list[T]:
        """Return all items of a list, page by page; the contract has one page, but a next link is followed."""
        url = self._transport.origin.url(dict(parameters or {}), of=path)
        items: list[T] = []
        asked: set[str] = set()
        while True:
            if url in asked or len(asked) == _MOST_PAGES:
                raise PaginationError(
                    f"page {printable(path)}: its next links do not end ({len(asked):,} pages were read). Ask again; "
                    "if it stays so, report it to the vendor."
                )
            asked.add(url)
            answered = self._get(url, path, read)
            items += answered.items
            if self._answered_at is None:
                self._answered_at = answered.date
            if answered.next_href is None:
                return items
            url = self._follow(answered.next_href, url, path)

    def _follow(self, href: str, after: str, path: str) -> str:
        transport = self._transport
        return transport.without_token(lambda: transport.origin.follow(href, after=after, page=path))

    def _get(self, url: str, path: str, read: Callable[[Answer, str], Listing[T]]) -> Listing[T]:
        def read_within_bounds(answer: Answer) -> Listing[T]:
            with self._lock:
                self._bytes += len(answer.body)
            if self._bytes > _MOST_BYTES:
                raise PaginationError(
                    f"page {printable(path)}: the answers of this fetch take more than {_MOST_BYTES // 2**20} MiB, "
                    "which no organisation needs. Report it to the vendor."
                )
            return read(answer, path)

        try:
            return self._transport.get(url, page=path, read=read_within_bounds, context=self._context)
        except PermissionDenied as error:
            # The transport's own advice is about events.
            said = f", {error.detail or error.title}" if error.detail or error.title else ""
            raise PermissionDenied(
                f"page {printable(path)}: the API answered 403{said.removesuffix('.')}. The token's user needs the "
                f"permissions {_NEEDS.get(path, _NEEDS_SETTINGS)}.",
                status=error.status,
                title=error.title,
                detail=error.detail,
                fields=error.fields,
            ) from None

    def _list_users(self) -> tuple[list[UserRecord] | None, PermissionDenied | None]:
        try:
            return unique("users", self._list("users", read_users), lambda user: user.uid), None
        except PermissionDenied as error:
            _log.info("users: the API answered 403")
            return None, error

    def _read_memberships(self) -> Memberships:
        try:
            listed = self._list("account-groups", read_groups)
        except PermissionDenied:
            _log.info("account-groups: the API answered 403")
            return Memberships(refused=["account-groups"])
        groups = unique("account groups", listed, lambda group: group.aid)
        tasks: dict[str, Callable[[], Any]] = {"roles": lambda: self._list("roles", read_roles)}
        for group in groups:
            read = partial(read_members, aid=group.aid)
            tasks[f"account-groups/{group.aid}"] = partial(
                self._list, f"account-groups/{group.aid}", read, {"expand": "user"}
            )
        answers = self._all(tasks)
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

    def _all(self, tasks: Mapping[str, Callable[[], T]]) -> dict[str, T | None]:
        """Run all tasks at once; a refused one gives None, and the first other failure ends them all."""
        answers: dict[str, T | None] = {}
        pool = Workers(self._workers)
        futures = {pool.submit(task): path for path, task in tasks.items()}
        try:
            while futures:
                for done in first_done(futures):
                    path = futures.pop(done)
                    try:
                        answers[path] = done.result()
                    except PermissionDenied:
                        _log.info("%s: the API answered 403", printable(path))
                        answers[path] = None
        finally:
            if futures:
                self._stop()  # before the pool, so that what is still under way ends at once
            pool.stop()
        return answers

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
                f"users were refused, so only members of account groups are here; they need {_NEEDS['users']}"
            )
        elif only_in_groups:
            self._notes.append(f"people who are in an account group, but not in the list of users: {only_in_groups:,}")
        if found.groups is None and found.refused:
            self._notes.append("account groups were refused, so memberships are null")
        if settings := [path for path in found.refused if path.startswith("account-groups/")]:
            self._notes.append(
                f"the members of {len(settings):,} of {len(found.groups or []):,} account groups were refused, so "
                f"memberships there are missing; they need {_NEEDS_SETTINGS}"
            )
        if "roles" in found.refused:
            self._notes.append("roles were refused, so is_admin is null")
        if unseen := found.unseen_logins(listed or []):
            self._notes.append(f"people who log in to an account group whose members could not be read: {unseen:,}")

    def _fetched_at(self) -> datetime:
        """Return the earlier of the server's and the local clock; the server's if they are far apart."""
        local, server = self._context.clock.now(), self._answered_at
        if server is None or not 1990 < server.year < 9_000:  # no clock is so wrong; the header is
            return local.replace(microsecond=0)
        if abs(server - local) > _CLOCKS_APART:
            warn(
                f"the server's clock and this machine's are {abs(server - local).total_seconds() / 60:,.0f} minutes "
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
