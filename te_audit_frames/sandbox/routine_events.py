"""Events of people with habits: sessions, weekly duties, monthly clean-ups, and automation on a timetable.

What each person does is routine for that person: the same hours, addresses and kinds of events, month after month.
Nobody attacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.characters import DAY, ROLES_DAY, Setting
from te_audit_frames.sandbox.event_codes import EventCodes, GivenKinds
from te_audit_frames.sandbox.event_log import Integers
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff
from te_audit_frames.sandbox.work_sessions import RULES_DAYS, Leave, Sessions, draw_sessions

LEAST_DAYS, LEAST_EVENTS_A_DAY = 60, 25
"""Shorter or emptier histories do not show what is routine."""

_TWICE, _AUTOMATION = 0.004, 0.12
_EVENTS_PER_SESSION = 3
"""At least this many on average, so that a session has more than a login and a logout."""
_FAILURE = 0.03
_NO_LOGOUT = 0.25
_TOKENS = 0.001
_RUN_STEP = 7
_LONGEST_RUN = 2_400

Row = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Routine:
    """The events, everybody's leave, and when the account of each joiner was made (epoch seconds)."""

    events: EventCodes
    leave: list[Leave]
    joined: dict[int, int]


def generate_routine(
    rng: np.random.Generator,
    events: int,
    setting: Setting,
    kinds: GivenKinds,
) -> Routine:
    """Draw exactly `events` events with `first <= date < stop`, in any order.

    Parameters
    ----------
    rng : Generator
        Determines the events.
    events : int
        At least `LEAST_EVENTS_A_DAY` a day.
    setting : Setting
        The people, their parts, their days, and the range of `LEAST_DAYS` or more.
    kinds : GivenKinds
        Receives the events with given resources.
    """
    sessions, leave = draw_sessions(rng, setting)
    rows, joined, is_on_duty = _Duties(rng, setting, kinds).draw(sessions)
    duties = EventCodes.of(rows)
    twice, automation = int(events * _TWICE), int(events * _AUTOMATION)
    left = events - twice - automation - len(duties)

    is_kept = is_on_duty | (np.isin(sessions.who, setting.cast.regulars) & sessions.is_morning)
    sessions = sessions.take(_choose(rng, is_kept, left // _EVENTS_PER_SESSION))
    frames = _frames(rng, sessions)
    work = _work(rng, left - len(frames), setting.staff, sessions)
    # Events have no id, so the same event twice within a second is two events. A login is never doubled, nor a logout.
    again = work.take(rng.integers(0, len(work), twice))
    return Routine(
        EventCodes.join(
            [duties, frames, work, again, _automate(automation, setting.staff, setting.first, setting.stop)]
        ),
        leave,
        joined,
    )


def _choose(rng: np.random.Generator, is_kept: np.ndarray, most: int) -> Integers:
    """Return all sessions that must be kept, and others up to `most` in total, as indexes."""
    others = rng.permutation(np.flatnonzero(~is_kept))
    return np.sort(np.concatenate([np.flatnonzero(is_kept), others[: max(most - int(is_kept.sum()), 0)]]))


def _frames(rng: np.random.Generator, sessions: Sessions) -> EventCodes:
    """Return what surrounds the work of each session: failed attempts, the login, and mostly a logout."""
    failing = np.flatnonzero(rng.random(len(sessions)) < _FAILURE)
    leaving = np.flatnonzero(rng.random(len(sessions)) >= _NO_LOGOUT)
    parts = (
        (failing, sessions.start[failing] - rng.integers(5, 50, len(failing)), names.LOGIN_FAILED),
        (np.arange(len(sessions)), sessions.start, names.LOGIN),
        (leaving, (sessions.start + sessions.length)[leaving], names.LOGOUT),
    )
    return EventCodes.join(
        [
            EventCodes(date, sessions.who[of], sessions.group[of], np.full(len(of), kind), sessions.where[of])
            for of, date, kind in parts
        ]
    )


def _work(rng: np.random.Generator, events: int, staff: Staff, sessions: Sessions) -> EventCodes:
    """Draw the events inside the sessions, of the kinds that each person prefers."""
    share = sessions.length * rng.lognormal(0, 0.5, len(sessions))
    of = np.repeat(np.arange(len(sessions)), rng.multinomial(events, share / share.sum()))
    date = sessions.start[of] + 60 + (rng.random(events) * (sessions.length[of] - 120)).astype(np.int64)
    who = sessions.who[of]
    kinds = np.array([*names.HABIT_KINDS, names.TOKEN_CREATED])
    weights = np.array([names.KINDS[kind].weight for kind in names.HABIT_KINDS])
    habits = rng.gamma(0.6, size=(staff.headcount, len(weights))) * weights + 0.01 * weights
    # Nobody prefers to delete.
    deleting = np.isin(names.HABIT_KINDS, [names.TEST_DELETED, names.REPORT_DELETED])
    habits[:, deleting] = 0.01 * habits[:, ~deleting].sum(axis=1, keepdims=True)
    habits *= (1 - _TOKENS) / habits.sum(axis=1, keepdims=True)
    bounds = habits.cumsum(axis=1)
    kind = kinds[(rng.random(events)[:, None] >= bounds[who]).sum(axis=1)]
    return EventCodes(date, who, sessions.group[of], kind, sessions.where[of])


def _automate(events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Return the runs of the automation: at fixed times of the day (UTC), from one address."""
    for hours in (3, 6, 12, 24):
        every = hours * 3_600
        # Ten minutes past the hour.
        runs = np.arange(first // DAY * DAY + 600, stop - _LONGEST_RUN, every)
        runs = runs[runs >= first]
        if 2 * len(runs) <= events:
            break
    run = np.arange(events) % len(runs)
    place = np.arange(events) // len(runs)
    step = min(float(_RUN_STEP), _LONGEST_RUN / (events // len(runs) + 1))
    date = runs[run] + (place * step).astype(np.int64)
    pattern = np.array([names.TEST_UPDATED] * 3 + [names.TEST_CREATED, names.TEST_UPDATED, names.TEST_DELETED])
    who = np.full(events, AUTOMATION)
    place_of_work = np.full(events, staff.office_place(AUTOMATION))
    return EventCodes(date, who, staff.home[who], pattern[place % len(pattern)], place_of_work)


class _Duties:
    """What a few people do regularly: change alert rules and roles every week, and clean up every month."""

    def __init__(
        self,
        rng: np.random.Generator,
        setting: Setting,
        kinds: GivenKinds,
    ) -> None:
        self._rng = rng
        self._setting = setting
        self._cast = setting.cast
        self._kinds = kinds

    def draw(self, sessions: Sessions) -> tuple[list[Row], dict[int, int], np.ndarray]:
        """Return the events, when each joiner's account was made, and which sessions have duties."""
        rows: list[Row] = []
        joined: dict[int, int] = {}
        weekday = self._setting.local_days.weekday[sessions.day]
        is_roles = np.isin(sessions.who, self._cast.role_givers) & (weekday == ROLES_DAY)
        is_rules = np.zeros(len(sessions), dtype=bool)
        for person, day in zip(self._cast.rule_keepers, RULES_DAYS, strict=True):
            is_rules |= (sessions.who == person) & (weekday == day)
        # On a Wednesday in the first week of a month, old tests are deleted.
        is_cleaning = np.isin(sessions.who, (self._cast.cleaner, self._cast.leaver)) & (weekday == ROLES_DAY)
        is_cleaning &= self._setting.local_days.first_of_month[sessions.day]
        is_on_duty = (is_roles | is_rules | is_cleaning) & sessions.is_morning
        for of in np.flatnonzero(is_on_duty).tolist():
            who, day, start = int(sessions.who[of]), int(sessions.day[of]), int(sessions.start[of])
            done: list[tuple[int, int]] = []
            if is_roles[of]:
                done += self._assign_roles(start)
            if who == ADMIN:
                for joiner, joining_day in zip(self._cast.joiners, self._cast.joining_days, strict=True):
                    if day == joining_day:
                        joined[joiner] = start + 300
                        done += self._add_user(joiner, start + 300)
            if is_rules[of]:
                done += self._change_rules(start)
            if is_cleaning[of]:
                steps = range(int(self._rng.integers(6, 13)))
                done += [(start + 600 + 20 * step, names.TEST_DELETED) for step in steps]
            rows += [(date, who, int(sessions.group[of]), kind, int(sessions.where[of])) for date, kind in done]
        return rows, joined, is_on_duty

    def _assign_roles(self, start: int) -> list[tuple[int, int]]:
        candidates = [
            person
            for person in range(AUTOMATION + 1, self._setting.staff.headcount)
            if person not in (self._cast.dormant, self._cast.leaver, *self._cast.joiners)
        ]
        chosen = self._rng.choice(candidates, int(self._rng.integers(1, 4)), replace=False).tolist()
        return [(start + 120 + 40 * step, self._assign(person, start)) for step, person in enumerate(chosen)]

    def _add_user(self, person: int, at: int) -> list[tuple[int, int]]:
        added = self._kinds.code(names.USER_ADDED, ("userDisplayName", self._setting.user_name(person, at)))
        return [(at, added), (at + 25, self._assign(person, at))]

    def _assign(self, person: int, at: int) -> int:
        name = self._setting.user_name(person, at)
        return self._kinds.code(names.ROLE_ASSIGNED, ("userDisplayName", name), ("roleName", "Regular User"))

    def _change_rules(self, start: int) -> list[tuple[int, int]]:
        """Change some alert rules; sometimes disable one for maintenance, and enable it again."""
        done = [(start + 120 + 45 * step, names.ALERT_RULE_UPDATED) for step in range(int(self._rng.integers(1, 4)))]
        luck = self._rng.random(3)
        if luck[0] < 0.5:
            done.append((start + 330, names.ALERT_RULE_CREATED))
        if luck[1] < 0.2:
            done.append((start + 390, names.ALERT_RULE_DELETED))
        if luck[2] < 0.5:
            rule = str(self._rng.choice(names.RESOURCE_NAMES["alertRuleName"]))
            for after, event in ((450, names.ALERT_RULE_DISABLED), (1_350, names.ALERT_RULE_ENABLED)):
                done.append((start + after, self._kinds.code(event, ("alertRuleName", rule))))
        return done
