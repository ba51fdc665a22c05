"""User accounts of the practice organisation, with their roles and the times of changes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.characters import Cast
from te_audit_frames.sandbox.directory_records import (
    ACCOUNT_ADMIN,
    ORGANIZATION_ADMIN,
    PROVISIONING,
    READ_ONLY,
    REGULAR_USER,
    Person,
    Role,
)
from te_audit_frames.sandbox.event_log import split_user
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff

_DAY = 86_400
_ADMIN_SHARE = 0.1


class Accounts:
    """The accounts of the staff, and a few that nobody uses.

    Parameters
    ----------
    staff : Staff
        The people of the log.
    seed : int
        Determines roles and dates. They are drawn apart from the log, so that they do not change it.
    first, stop : int
        The log's range in epoch seconds.
    cast : Cast, optional
        The parts of the staff in a history with habits.
    joined : mapping of int to int, optional
        When the account of each joiner was made, in epoch seconds.
    granted_at : mapping of int to int, optional
        When a person became an organisation admin, in epoch seconds.
    """

    def __init__(
        self,
        staff: Staff,
        *,
        seed: int,
        first: int,
        stop: int,
        cast: Cast | None = None,
        joined: Mapping[int, int] | None = None,
        granted_at: Mapping[int, int] | None = None,
    ) -> None:
        rng = np.random.default_rng([seed, 0xACC])
        self._identities = staff.identities()
        self._headcount = staff.headcount
        self._home = [list(names.ACCOUNT_GROUPS)[home] for home in staff.home.tolist()]
        self._renamed_at = staff.renamed_at(first, stop).tolist()
        self._is_account_admin = (rng.random(staff.headcount) < _ADMIN_SHARE).tolist()
        self._registered = (first - rng.integers(30 * _DAY, 1_500 * _DAY, staff.headcount)).tolist()
        # A person without a login in the log had one before it.
        self._earlier_login: list[int | None] = (first - rng.integers(1, 20 * _DAY, staff.headcount)).tolist()
        self._idle = self._draw_idle(rng, {uid for uid, _ in self._identities}, first)
        self._joined = joined or {}
        self._granted_at = granted_at or {}
        if cast is not None:
            self._follow(cast)

    def _follow(self, cast: Cast) -> None:
        for person in (cast.leaver, cast.climber):
            self._is_account_admin[person] = True
        for person, second in self._joined.items():
            self._registered[person], self._earlier_login[person] = second, None
        # The dormant account may have fallen out of use before the log begins.
        last = min(self._earlier_login[cast.dormant] or cast.dormant_since, cast.dormant_since)
        self._earlier_login[cast.dormant] = last
        self._registered[cast.dormant] = min(self._registered[cast.dormant], last - 30 * _DAY)

    @staticmethod
    def _draw_idle(rng: np.random.Generator, taken: set[str], first: int) -> list[Person]:
        free = [uid for uid in map(str, rng.permutation(9_000) + 1_000) if uid not in taken]
        registered = (first - rng.integers(700 * _DAY, 1_500 * _DAY, len(names.IDLE_ACCOUNTS))).tolist()
        last_logins = [*(first - rng.integers(200 * _DAY, 600 * _DAY, len(names.IDLE_ACCOUNTS) - 1)).tolist(), None]
        aid = next(iter(names.ACCOUNT_GROUPS))
        return [
            Person(uid, name, email, aid, since, last_login, {aid: (READ_ONLY,)})
            for uid, (name, email), since, last_login in zip(
                free, names.IDLE_ACCOUNTS, registered, last_logins, strict=False
            )
        ]

    def people(self, now: int, *, last_logins: Mapping[int, int], groups: Mapping[int, set[str]]) -> list[Person]:
        """Return everybody, as of a moment.

        Parameters
        ----------
        now : int
            In epoch seconds.
        last_logins : mapping of int to int
            The last login of each person up to now, if the log has one.
        groups : mapping of int to set of str
            The account groups (`aid`) of each person's events.

        Returns
        -------
        list of Person
            The staff, and after it the accounts that nobody uses.
        """
        staff = [person for person in range(self._headcount) if self._joined.get(person, now) <= now]
        return [self._person(person, now, last_logins, groups.get(person, set())) for person in staff] + self._idle

    def _person(self, person: int, now: int, last_logins: Mapping[int, int], groups: set[str]) -> Person:
        is_renamed = now >= self._renamed_at[person]
        uid, user = self._identities[person + is_renamed * self._headcount]
        name, email = split_user(user, uid)
        home = self._home[person]
        if person == ADMIN:
            everywhere: tuple[Role, ...] = (ORGANIZATION_ADMIN,)
        else:
            everywhere = (PROVISIONING,) if person == AUTOMATION else ()
        roles: dict[str, tuple[Role, ...]] = {}
        if not everywhere:
            roles = dict.fromkeys(sorted({home, *groups}), (REGULAR_USER,))
        if person in self._granted_at and now >= self._granted_at[person]:
            everywhere = (ORGANIZATION_ADMIN,)
        if roles and self._is_account_admin[person]:
            roles[home] = (ACCOUNT_ADMIN, REGULAR_USER)
        # Automation has an API token, and needs no login.
        last_login = last_logins.get(person, None if person == AUTOMATION else self._earlier_login[person])
        return Person(uid, name, email, home, self._registered[person], last_login, roles, everywhere)
