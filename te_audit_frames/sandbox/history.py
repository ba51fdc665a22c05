"""The history of an organisation, as codes: scattered events, or people with habits, and incidents among them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from te_audit_frames.sandbox.characters import Cast, Setting, draw_cast
from te_audit_frames.sandbox.event_codes import EventCodes, GivenKinds
from te_audit_frames.sandbox.incidents import Plot, add_incidents
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.random_events import generate_events
from te_audit_frames.sandbox.routine_events import LEAST_DAYS, LEAST_EVENTS_A_DAY, generate_routine
from te_audit_frames.sandbox.staff import Staff
from te_audit_frames.sandbox.work_sessions import Leave

_EVENTS_PER_PERSON = 3
"""The mean number of events per person and day in a history with habits."""


@dataclass(frozen=True)
class History:
    """The staff and its events, in any order; for a log with habits, also what the directory and the truth need."""

    staff: Staff
    events: EventCodes
    kinds: GivenKinds = field(default_factory=GivenKinds)
    cast: Cast | None = None
    leave: list[Leave] = field(default_factory=list)
    joined: dict[int, int] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)
    new_addresses: list[str] = field(default_factory=list)
    granted_at: dict[int, int] = field(default_factory=dict)


def history_with_habits(
    rng: np.random.Generator, events: int, *, seed: int, days: int, first: int, stop: int, with_incidents: bool
) -> History:
    """Draw a history in which everybody has habits.

    Parameters
    ----------
    rng : Generator
        Determines the staff and the routine.
    events : int
        The number of events, apart from those of incidents.
    seed : int
        Determines the incidents.
    days : int
        The length of the range.
    first, stop : int
        The range, in epoch seconds.
    with_incidents : bool
        Whether incidents come on top of the routine.

    Raises
    ------
    ValueError
        There are too few days or events.
    """
    if days < LEAST_DAYS or events < LEAST_EVENTS_A_DAY * days:
        raise ValueError(
            f"events={events}, days={days}: habits need {LEAST_DAYS} or more days to show, and {LEAST_EVENTS_A_DAY} or "
            f"more events a day; write days={max(days, LEAST_DAYS)}, "
            f"events={max(events, LEAST_EVENTS_A_DAY * max(days, LEAST_DAYS))}"
        )
    staff = Staff(rng, headcount=min(max(events // (_EVENTS_PER_PERSON * days), 24), 200))
    local_days = LocalDays(staff, first, stop)
    cast = draw_cast(rng, staff, local_days, first, stop)
    kinds = GivenKinds()
    setting = Setting(staff, cast, local_days, first, stop)
    routine = generate_routine(rng, events, setting, kinds)
    history = History(staff, routine.events, kinds, cast, routine.leave, routine.joined)
    if not with_incidents:
        return history
    # Incidents have a generator of their own, so that they do not change the routine.
    story = add_incidents(np.random.default_rng([seed, 0x1C1]), routine.events, setting, kinds)
    return replace(
        history,
        events=story.events,
        plots=story.plots,
        new_addresses=story.new_addresses,
        granted_at=story.granted_at,
    )


def scattered_history(rng: np.random.Generator, events: int, first: int, stop: int) -> History:
    """Draw a history whose events are scattered at random over people and days."""
    staff = Staff(rng, headcount=min(24 + events // 400, 200))
    return History(staff, generate_events(rng, events, staff, first, stop))
