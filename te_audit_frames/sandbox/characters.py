"""Parts that people play in a history with habits: who has which duties, who joins, who leaves, who is the victim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from te_audit_frames.sandbox.event_log import split_user
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.staff import ADMIN, FIRST_NAMED, Staff

DAY = 86_400
ROLES_DAY = 2
"""The weekday on which roles are changed: Wednesday, which no office has off."""

_SINCE_RETURN, _SINCE_LEAVING = 19, 4
_LEAST_DORMANT, _MOST_DORMANT = 190, 260


@dataclass(frozen=True)
class Cast:
    """Who plays which part, as indexes into the staff, and when. Incidents do not change it.

    Attributes
    ----------
    leaver : int
        An account admin who leaves before the end of the log.
    dormant : int
        Somebody who stops logging in more than half a year before the end.
    climber : int
        An account admin who grants themselves a role.
    token_maker : int
        Somebody who makes a token from a network that is new to them.
    victim : int
        The owner of the account that is broken into.
    rule_keepers : tuple of int
        Two people who change alert rules every week.
    cleaner : int
        Somebody who deletes old tests every month; so does the leaver.
    joiners : tuple of int
        People who join in the course of the log.
    joining_days : tuple of int
        The local day of the administrator (an index) on which each joiner's account is made.
    left_at : int
        The local midnight in the leaver's last night, in epoch seconds.
    dormant_since, returns_at : int
        The end of the dormant account's use, and the time of its return, in epoch seconds.
    """

    leaver: int
    dormant: int
    climber: int
    token_maker: int
    victim: int
    rule_keepers: tuple[int, int]
    cleaner: int
    joiners: tuple[int, int]
    joining_days: tuple[int, int]
    left_at: int
    dormant_since: int
    returns_at: int

    @property
    def role_givers(self) -> tuple[int, int]:
        """The people who assign roles every week."""
        return ADMIN, self.leaver

    @property
    def regulars(self) -> tuple[int, ...]:
        """The people who are at work nearly every day until the end, or until they leave."""
        return self.leaver, self.climber, self.token_maker, self.victim


@dataclass(frozen=True)
class Setting:
    """The people of a history with habits, their parts, their days, and the range in epoch seconds."""

    staff: Staff
    cast: Cast
    local_days: LocalDays
    first: int
    stop: int

    def user_name(self, person: int, at: int) -> str:
        """Return the display name that a person has at an epoch second."""
        is_renamed = at >= int(self.staff.renamed_at(self.first, self.stop)[person])
        uid, user = self.staff.identities()[person + is_renamed * self.staff.headcount]
        return split_user(user, uid)[0]


def draw_cast(rng: np.random.Generator, staff: Staff, local_days: LocalDays, first: int, stop: int) -> Cast:
    """Draw who plays which part.

    Parameters
    ----------
    rng : Generator
        Determines the parts.
    staff : Staff
        At least 15 people.
    local_days : LocalDays
        Their days.
    first, stop : int
        The range of the log in epoch seconds, at least 60 days long.
    """
    people = (FIRST_NAMED + rng.permutation(staff.headcount - FIRST_NAMED)).tolist()
    leaver, dormant, climber, token_maker, victim, keeper, other_keeper, cleaner, joiner, other_joiner = people[:10]
    last_day = local_days.day_of(leaver, stop - _SINCE_LEAVING * DAY)
    returns_on = local_days.day_of(dormant, stop - _SINCE_RETURN * DAY)
    returns_at = int(local_days.begins[dormant, returns_on]) + int(rng.integers(10 * 3_600, 16 * 3_600))
    wednesdays = np.flatnonzero((local_days.weekday == ROLES_DAY) & (local_days.begins[ADMIN] > first))
    return Cast(
        leaver=leaver,
        dormant=dormant,
        climber=climber,
        token_maker=token_maker,
        victim=victim,
        rule_keepers=(keeper, other_keeper),
        cleaner=cleaner,
        joiners=(joiner, other_joiner),
        joining_days=(int(wednesdays[len(wednesdays) // 3]), int(wednesdays[len(wednesdays) * 2 // 3])),
        left_at=int(local_days.begins[leaver, last_day]),
        dormant_since=returns_at - int(rng.integers(_LEAST_DORMANT * DAY, _MOST_DORMANT * DAY)),
        returns_at=returns_at,
    )
