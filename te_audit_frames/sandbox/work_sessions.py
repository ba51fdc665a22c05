"""Sessions of people with habits: who is at work when, from where, and who is on leave."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.characters import DAY, ROLES_DAY, Setting
from te_audit_frames.sandbox.event_log import Integers
from te_audit_frames.sandbox.staff import ADDRESSES_EACH, ADMIN, AUTOMATION

RULES_DAYS = (1, 3)
"""The weekdays on which the two rule keepers change alert rules."""

_HOUR = 3_600
_NO_LEAVE_BEFORE_END = 60 * DAY
_LEAVE_EVERY = 120
_AWAY_FROM_HOME_GROUP = 0.08
_HOME = 1
EARLIEST_FAILURE = 60
"""A failed attempt comes at most this many seconds before the login."""


@dataclass(frozen=True)
class Sessions:
    """Sessions as arrays: person, local day, start and length in seconds, address, account group, part of the day."""

    who: Integers
    day: Integers
    start: Integers
    length: Integers
    where: Integers
    group: Integers
    is_morning: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.who)

    def take(self, rows: NDArray[Any]) -> Sessions:
        """Return these sessions."""
        return Sessions(*(getattr(self, column.name)[rows] for column in fields(self)))


@dataclass(frozen=True)
class Leave:
    """Weeks of leave: a person, by index, has no events in `start <= date < stop` (epoch seconds)."""

    person: int
    start: int
    stop: int


def draw_sessions(rng: np.random.Generator, setting: Setting) -> tuple[Sessions, list[Leave]]:
    """Draw every session of everybody in a range, and everybody's leave.

    The sessions of a person do not overlap. Evening sessions come from the home address.

    Parameters
    ----------
    rng : Generator
        Determines the sessions.
    setting : Setting
        The people, their parts, their days, and the range.
    """
    staff, cast, local_days = setting.staff, setting.cast, setting.local_days
    leave = _draw_leave(rng, setting)
    is_present = _presence(rng, setting, leave)
    in_evenings = rng.random(staff.headcount) < 0.2
    in_evenings[[ADMIN, *cast.regulars]] = False
    # Per part: share of days; then, in hours, middle, spread and limit of its start, and its least and greatest length.
    parts = ((1.0, 0.0, 0.3, 0.9, 0.6, 2.8), (0.55, 4.5, 0.2, 0.5, 0.5, 3.4), (0.3, 11.0, 0.3, 0.7, 0.3, 1.0))
    drawn = []
    for part, (share, middle, spread, most, least_length, most_length) in enumerate(parts):
        is_here = is_present & (rng.random(is_present.shape) < share)
        if part == 2:
            is_here &= in_evenings[:, None]
        who, day = np.nonzero(is_here)
        offset = middle + rng.normal(0, spread, len(who)).clip(-most, most)
        start = local_days.begins[who, day] + (staff.starts_at[who] + offset * _HOUR).astype(np.int64)
        length = (rng.uniform(least_length, most_length, len(who)) * _HOUR).astype(np.int64)
        where = who * ADDRESSES_EACH + _HOME if part == 2 else staff.usual_places(rng, who)
        elsewhere = rng.random(len(who)) < _AWAY_FROM_HOME_GROUP
        group = np.where(elsewhere, rng.integers(0, len(names.ACCOUNT_GROUPS), len(who)), staff.home[who])
        drawn.append(Sessions(who, day, start, length, where, group, np.full(len(who), part == 0)))
    sessions = Sessions(
        *(np.concatenate([getattr(each, column.name) for each in drawn]) for column in fields(Sessions))
    )
    inside = (sessions.start - EARLIEST_FAILURE >= setting.first) & (sessions.start + sessions.length < setting.stop)
    return sessions.take(inside), leave


def _draw_leave(rng: np.random.Generator, setting: Setting) -> list[Leave]:
    """Draw leave for people: one to three weeks in every four months, from a Monday on, if they fit."""
    staff, cast, local_days = setting.staff, setting.cast, setting.local_days
    mondays = np.flatnonzero(local_days.weekday == 0)
    leave = []
    for person in range(AUTOMATION + 1, staff.headcount):
        begins = local_days.begins[person]
        for since in range(0, len(begins), _LEAVE_EVERY):
            nearby = mondays[(mondays >= since) & (mondays < since + _LEAVE_EVERY)]
            weeks = int(rng.integers(1, 4))
            monday = int(rng.choice(nearby)) if len(nearby) else len(begins)
            if monday + 7 * weeks >= len(begins):
                continue
            start, end = int(begins[monday]), int(begins[monday + 7 * weeks])
            is_spared = person in cast.regulars and end > setting.stop - _NO_LEAVE_BEFORE_END
            if setting.first <= start and end <= setting.stop and not is_spared:
                leave.append(Leave(person, start, end))
    return leave


def _presence(rng: np.random.Generator, setting: Setting, leave: list[Leave]) -> NDArray[np.bool_]:
    """Return who is at work on which local day."""
    staff, cast, local_days = setting.staff, setting.cast, setting.local_days
    share = 0.2 + 0.75 * staff.busyness.argsort().argsort() / staff.headcount
    share[list(cast.regulars)] = 0.92
    share[[ADMIN, AUTOMATION]] = 0.15, 0.0
    is_present = local_days.is_working_day & (rng.random(local_days.begins.shape) < share[:, None])
    for person in cast.role_givers:
        is_present[person, local_days.weekday == ROLES_DAY] = True
    for person, weekday in zip(cast.rule_keepers, RULES_DAYS, strict=True):
        is_present[person, local_days.weekday == weekday] = True
    is_present[cast.cleaner, (local_days.weekday == ROLES_DAY) & local_days.first_of_month] = True
    begins = local_days.begins
    for person, joining_day in zip(cast.joiners, cast.joining_days, strict=True):
        is_present[person] &= begins[person] > begins[ADMIN, joining_day] + DAY
    is_present[cast.dormant] &= begins[cast.dormant] < cast.dormant_since - DAY
    is_present[cast.leaver] &= begins[cast.leaver] < cast.left_at
    for each in leave:
        is_present[each.person] &= (begins[each.person] < each.start) | (begins[each.person] >= each.stop)
    return is_present
