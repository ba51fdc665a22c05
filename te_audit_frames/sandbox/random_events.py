"""Events scattered at random over people and days: work, automation, attacks and clean-ups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_codes import EventCodes
from te_audit_frames.sandbox.event_log import Integers
from te_audit_frames.sandbox.local_days import days_around, midnights
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff

_WEEKEND_WORK = 0.05
_AWAY_FROM_HOME_GROUP = 0.12
_BURST = 12
"""Events in one attack or clean-up."""


def generate_events(rng: np.random.Generator, events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Draw exactly `events` events with `first <= date < stop`, in ascending date."""
    twice, attacks, clean_ups, automation = (int(events * share) for share in (0.004, 0.02, 0.006, 0.14))
    once = EventCodes.join(
        [
            _work(rng, events - twice - attacks - clean_ups - automation, staff, first, stop),
            _automate(rng, automation, staff, first, stop),
            _attack(rng, attacks, staff, first, stop),
            _clean_up(rng, clean_ups, staff, first, stop),
        ]
    )
    # Events have no id, so the same event twice within a second is two events. The log has some of these.
    again = once.take(rng.integers(0, len(once.date), twice)) if twice else once.take(np.array([], dtype=int))
    everything = EventCodes.join([once, again])
    return everything.take(np.argsort(everything.date, kind="stable"))


def _work(rng: np.random.Generator, events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Draw people at work, in their time zone, on their working days."""
    calendar = _Calendar(rng, first, stop)
    dates, whos = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    missing = events
    while missing:
        # Draw half as many more than are missing, since those outside the range are dropped.
        who = rng.choice(staff.headcount, missing + missing // 2 + 8, p=staff.busyness / staff.busyness.sum())
        drawn = calendar.draw(rng, staff.office[who]) + _hours(rng, staff.starts_at[who])
        inside = np.flatnonzero((drawn >= first) & (drawn < stop))[:missing]
        dates.append(drawn[inside])
        whos.append(who[inside])
        missing -= len(inside)
    date, who = np.concatenate(dates), np.concatenate(whos)
    weights = np.array([kind.weight for kind in names.KINDS])
    kind = rng.choice(len(weights), events, p=weights / weights.sum())
    admin = who == ADMIN
    kind[admin] = rng.choice(names.ADMIN_KINDS, int(admin.sum()))
    return EventCodes(date, who, _groups(rng, staff, who), kind, staff.usual_places(rng, who))


def _hours(rng: np.random.Generator, starts_at: NDArray[np.float64]) -> Integers:
    """Draw seconds of the local day: a morning and an afternoon, and some late evenings."""
    part = np.searchsorted([0.5, 0.94], rng.random(len(starts_at)), side="right")
    middle = np.array([1.4, 5.6, 11.0])[part] * 3_600
    spread = np.array([0.9, 1.2, 1.5])[part] * 3_600
    return (starts_at + rng.normal(middle, spread)).astype(np.int64)


def _automate(rng: np.random.Generator, events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Draw automation: evenly, day and night, from one address."""
    steps = np.linspace(first, stop - 1, events, endpoint=False).astype(np.int64)
    date = np.minimum(steps + rng.integers(0, 20, events), stop - 1)
    who = np.full(events, AUTOMATION)
    kind = rng.choice(names.AUTOMATION_KINDS, events)
    return EventCodes(date, who, _groups(rng, staff, who), kind, np.full(events, staff.office_place(AUTOMATION)))


def _attack(rng: np.random.Generator, events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Draw bursts of failed logins: one account, one odd address, seconds apart."""
    burst, date = _bursts(rng, events, first, stop, apart=6)
    who = rng.integers(0, staff.headcount, events)[burst]
    kind = np.full(events, names.LOGIN_FAILED)
    return EventCodes(date, who, staff.home[who], kind, staff.odd_places(rng, events)[burst])


def _clean_up(rng: np.random.Generator, events: int, staff: Staff, first: int, stop: int) -> EventCodes:
    """Draw runs of deletions: one person deletes many tests within minutes."""
    burst, date = _bursts(rng, events, first, stop, apart=15)
    somebody = rng.integers(AUTOMATION + 1, staff.headcount, events)
    who = somebody[burst]
    kind = np.full(events, names.TEST_DELETED)
    return EventCodes(date, who, staff.home[who], kind, staff.usual_places(rng, somebody)[burst])


def _bursts(rng: np.random.Generator, events: int, first: int, stop: int, *, apart: int) -> tuple[Integers, Integers]:
    """Return the burst and the date of each event. Consecutive events of a burst are about `apart` seconds apart."""
    burst = np.arange(events) // _BURST
    begins = rng.integers(first, stop, events)[burst]
    steps = np.arange(events) % _BURST * apart + rng.integers(0, apart, events)
    return burst, np.minimum(begins + steps, stop - 1)


def _groups(rng: np.random.Generator, staff: Staff, who: Integers) -> Integers:
    elsewhere = rng.random(len(who)) < _AWAY_FROM_HOME_GROUP
    return np.where(elsewhere, rng.integers(0, len(names.ACCOUNT_GROUPS), len(who)), staff.home[who])


class _Calendar:
    """The UTC start of each office's local days, and how busy they are."""

    def __init__(self, rng: np.random.Generator, first: int, stop: int) -> None:
        days = days_around(first, stop)
        mood = rng.lognormal(0, 0.2, len(days)) * np.linspace(0.9, 1.1, len(days))
        self._begins = np.array([midnights(office.zone, days) for office in names.OFFICES])
        self._busyness = [
            np.cumsum(mood * [_WEEKEND_WORK if day.weekday() in office.weekend else 1.0 for day in days])
            for office in names.OFFICES
        ]

    def draw(self, rng: np.random.Generator, offices: Integers) -> Integers:
        """Draw a day for each of these offices, and return its start in epoch seconds."""
        luck = rng.random(len(offices))
        begins = np.empty(len(offices), dtype=np.int64)
        for office, busyness in enumerate(self._busyness):
            here = offices == office
            begins[here] = self._begins[office, np.searchsorted(busyness, luck[here] * busyness[-1], side="right")]
        return begins
