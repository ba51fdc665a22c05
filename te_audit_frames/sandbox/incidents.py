"""Incidents in the practice organisation's log, and the truth about them.

All of them happen in the last three weeks, so that the weeks before show what is routine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.characters import DAY, Setting
from te_audit_frames.sandbox.event_codes import EventCodes, GivenKinds
from te_audit_frames.sandbox.event_log import Integers
from te_audit_frames.sandbox.routine_events import Row
from te_audit_frames.sandbox.staff import ADDRESSES_EACH, AUTOMATION

IncidentKind = Literal[
    "break-in after a spray",
    "alert rule silenced",
    "mass deletion",
    "role granted to oneself",
    "dormant account returns",
    "token from a new network",
    "automation from a new address",
]
"""Every kind of incident; a log has one of each."""

_HOUR = 3_600
_HOME = 1
_SPRAYED = 18
_SINCE_TOKEN, _SINCE_GRANT, _SINCE_SPRAY, _SINCE_MOVE = 16, 12, 9, 6


@dataclass(frozen=True)
class Incident:
    """One incident, as it happened.

    Attributes
    ----------
    kind : str
        One of "break-in after a spray", "alert rule silenced", "mass deletion", "role granted to oneself",
        "dormant account returns", "token from a new network" and "automation from a new address".
    uid, user : str
        The account in question, as the log calls it. For a break-in it is the victim's.
    start, end : datetime
        The half-open period of the events, in UTC.
    account_groups : tuple of str
        The `aid` of each account group with an event of the incident.
    events : tuple of dict
        The events as the API sends them, oldest first.
    sentence : str
        What happened.
    """

    kind: IncidentKind
    uid: str
    user: str
    start: datetime
    end: datetime
    account_groups: tuple[str, ...]
    events: tuple[dict[str, Any], ...] = field(repr=False)
    sentence: str


@dataclass(frozen=True)
class Plot:
    """An incident before it becomes text: its person, its rows in the log, and its sentence about that person."""

    kind: IncidentKind
    person: int
    rows: NDArray[np.int64]
    sentence: Callable[[str], str]


@dataclass(frozen=True)
class Story:
    """A log with incidents.

    Attributes
    ----------
    events : EventCodes
        The routine, then the events of incidents. Addresses from `new_addresses` follow those of the staff.
    plots : list of Plot
        The incidents; their rows are indexes into `events`.
    new_addresses : list of str
        Addresses that only incidents use.
    granted_at : dict of int to int
        When a person became an organisation admin, in epoch seconds.
    """

    events: EventCodes
    plots: list[Plot]
    new_addresses: list[str]
    granted_at: dict[int, int]


def add_incidents(
    rng: np.random.Generator,
    routine: EventCodes,
    setting: Setting,
    kinds: GivenKinds,
) -> Story:
    """Add one incident of each kind to a routine.

    No event of the routine is removed. The automation's events get another address for a day.

    Parameters
    ----------
    rng : Generator
        Determines times, addresses and numbers.
    routine : EventCodes
        The events of people with habits.
    setting : Setting
        The people, their parts, their days, and the range.
    kinds : GivenKinds
        Receives the events with given resources.
    """
    return _Storyteller(rng, routine, setting, kinds).tell()


class _Storyteller:
    def __init__(
        self,
        rng: np.random.Generator,
        routine: EventCodes,
        setting: Setting,
        kinds: GivenKinds,
    ) -> None:
        self._rng = rng
        self._routine = routine
        self._setting = setting
        self._staff, self._cast, self._stop = setting.staff, setting.cast, setting.stop
        self._kinds = kinds
        # Documentation networks that nobody on the staff uses.
        hosts = rng.permutation(np.arange(1, 255))[:3].tolist()
        self._new_addresses = [f"192.0.2.{host}" for host in hosts]
        self._added: list[Row] = []
        self._plots: list[Plot] = []

    def tell(self) -> Story:
        """Return the log with its incidents."""
        self._return_of_the_dormant()
        self._make_token()
        granted = self._grant_role()
        self._spray_and_break_in()
        moved = self._move_automation()
        self._silence_and_delete()
        where = self._routine.where.copy()
        where[moved] = self._new_place(2)
        routine = EventCodes(*(self._routine.date, self._routine.who, self._routine.group, self._routine.kind, where))
        events = EventCodes.join([routine, EventCodes.of(self._added)])
        return Story(events, self._plots, self._new_addresses, {self._cast.climber: granted})

    def _new_place(self, index: int) -> int:
        return len(self._staff.addresses) + index

    def _plot(self, kind: IncidentKind, person: int, rows: list[Row], sentence: Callable[[str], str]) -> None:
        begin = len(self._routine) + len(self._added)
        self._added += rows
        self._plots.append(Plot(kind, person, np.arange(begin, begin + len(rows)), sentence))

    def _session(self, person: int, where: int, steps: list[tuple[int, int]]) -> list[Row]:
        """Return these (date, kind) as events of one person from one address."""
        group = int(self._staff.home[person])
        return [(date, person, group, kind, where) for date, kind in steps]

    def _return_of_the_dormant(self) -> None:
        person, at = self._cast.dormant, self._cast.returns_at
        kinds = (names.LOGIN, names.DASHBOARD_UPDATED, names.SNAPSHOT_SHARED, names.SNAPSHOT_SHARED, names.LOGOUT)
        steps = [(at + 150 * step, kind) for step, kind in enumerate(kinds)]
        rows = self._session(person, person * ADDRESSES_EACH + _HOME, steps)
        self._plot(
            "dormant account returns",
            person,
            rows,
            lambda user: f"{user} logged in and shared two snapshots, after more than 180 days without a login.",
        )

    def _make_token(self) -> None:
        person = self._cast.token_maker
        at = self._stop - _SINCE_TOKEN * DAY + int(self._rng.integers(0, DAY))
        steps = [(at, names.LOGIN), (at + 140, names.TOKEN_CREATED), (at + 170, names.LOGOUT)]
        self._plot(
            "token from a new network",
            person,
            self._session(person, self._new_place(1), steps),
            lambda user: f"{user} made an API token from {self._new_addresses[1]}, which nobody had used before.",
        )

    def _grant_role(self) -> int:
        """Let the climber take a role in the middle of an ordinary session, and return when."""
        person, routine = self._cast.climber, self._routine
        logins = np.flatnonzero((routine.who == person) & (routine.kind == names.LOGIN))
        wanted = self._stop - _SINCE_GRANT * DAY
        login = int(logins[np.abs(routine.date[logins] - wanted).argmin()])
        at = int(routine.date[login]) + 45
        resources = ("userDisplayName", self._setting.user_name(person, at))
        kind = self._kinds.code(names.ROLE_ASSIGNED, resources, ("roleName", "Organization Admin"))
        self._plot(
            "role granted to oneself",
            person,
            [(at, person, int(routine.group[login]), kind, int(routine.where[login]))],
            lambda user: f"{user}, an account admin, gave themselves the role Organization Admin.",
        )
        return at

    def _spray_and_break_in(self) -> None:
        """Try many accounts twice each, and then log in to one of them."""
        victim = self._cast.victim
        away = {AUTOMATION, victim, self._cast.dormant, *self._cast.joiners}
        others = self._rng.permutation([each for each in range(self._staff.headcount) if each not in away]).tolist()
        tried = self._rng.permutation([victim, *others[: _SPRAYED - 1]])
        # Two rounds in about a quarter of an hour, like a spray that avoids lock-outs.
        tries = np.concatenate([tried, self._rng.permutation(tried)]).tolist()
        begin = self._stop - _SINCE_SPRAY * DAY + int(self._rng.integers(0, DAY))
        dates = (begin + self._rng.integers(12, 46, len(tries)).cumsum()).tolist()
        home, place = self._staff.home, self._new_place(0)
        failed = [
            (date, each, int(home[each]), names.LOGIN_FAILED, place) for date, each in zip(dates, tries, strict=True)
        ]
        at = dates[-1] + int(self._rng.integers(60, 300))
        kinds = (names.LOGIN, names.SNAPSHOT_SHARED, names.SNAPSHOT_SHARED, names.LOGOUT)
        steps = [(at + 70 * step, kind) for step, kind in enumerate(kinds)]
        address = self._new_addresses[0]
        self._plot(
            "break-in after a spray",
            victim,
            failed + self._session(victim, place, steps),
            lambda user: f"{address} failed to log in as {len(tried)} people, twice each, and then got in as {user}.",
        )

    def _move_automation(self) -> NDArray[np.int64]:
        """Let the automation work from another address for a day, and return its events of that day."""
        # No run is in progress at 22:00 UTC, see `routine_events`.
        begin = (self._stop - _SINCE_MOVE * DAY) // DAY * DAY - 2 * _HOUR
        routine = self._routine
        in_time = (routine.date >= begin) & (routine.date < begin + DAY)
        moved = np.flatnonzero((routine.who == AUTOMATION) & in_time)
        usual, new = self._staff.addresses[self._staff.office_place(AUTOMATION)], self._new_addresses[2]
        self._plots.append(
            Plot(
                "automation from a new address",
                AUTOMATION,
                moved,
                lambda user: f"{user} worked from {new} for a day, and at all other times from {usual}.",
            )
        )
        return moved

    def _silence_and_delete(self) -> None:
        """Let the leaver come back in the night after the last day, disable an alert rule, and delete."""
        person = self._cast.leaver
        place = person * ADDRESSES_EACH + _HOME
        login = self._cast.left_at + int(self._rng.integers(int(1.5 * _HOUR), int(2.5 * _HOUR)))
        rule = names.RESOURCE_NAMES["alertRuleName"][0]
        disabled = self._kinds.code(names.ALERT_RULE_DISABLED, ("alertRuleName", rule))
        silenced = login + int(self._rng.integers(90, 240))
        self._plot(
            "alert rule silenced",
            person,
            self._session(person, place, [(login, names.LOGIN), (silenced, disabled)]),
            lambda user: (
                f'{user} logged in at night and disabled the alert rule "{rule}", before deleting what it watches.'
            ),
        )
        count = int(self._rng.integers(40, 71))
        begin = silenced + int(self._rng.integers(10 * 60, 20 * 60))
        dates: Integers = begin + self._rng.integers(4, 11, count).cumsum()
        deleted = self._rng.choice([names.TEST_DELETED] * 4 + [names.REPORT_DELETED], count).tolist()
        steps = [*zip(dates.tolist(), deleted, strict=True), (int(dates[-1]) + 40, names.LOGOUT)]
        self._plot(
            "mass deletion",
            person,
            self._session(person, place, steps),
            lambda user: f"{user} deleted tests and reports {count} times in a night, and never logged in again.",
        )
