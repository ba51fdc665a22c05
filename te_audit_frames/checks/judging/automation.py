"""Automation in a history of counts, so that its weeks are compared with those of other automation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from te_audit_frames.checks.actor_signs import (
    CERTAIN,
    CLOCKWORK,
    FEW,
    MANY,
    MIN_DAYS,
    MIN_EVENTS,
    QUIET_HOURS,
    WEEKEND_DAY,
    longest_quiet,
    same_pause,
    weekend_shares,
)
from te_audit_frames.checks.baseline import Baseline

_QUARTER = 15  # minutes
_PAUSE = 60  # minutes; people's pauses of fewer quarters of an hour are alike by chance


def is_automation(history: Baseline) -> npt.NDArray[np.bool_]:
    """Tell automation from people by the counts of a history.

    The signs and points are those of `classify_actors`, measured to the quarter of an hour and without log-ins.

    Parameters
    ----------
    history : Baseline
        With the parts "moments", "networks" and "texts".

    Returns
    -------
    numpy.ndarray of bool
        One value per person of the history. People with too little history are no automation.
    """
    count = len(history.people)
    person, quarter = (history.moments[name].to_numpy(dtype="int64") for name in ("person", "quarter"))
    begins = (np.diff(person, prepend=-1) != 0) | (np.diff(quarter, prepend=0) > 1)
    actor, minutes = person[begins], quarter[begins] * _QUARTER
    saturday, sunday = weekend_shares(actor, minutes, count)
    enough = (history.people["events"] >= MIN_EVENTS) & (history.active_days() >= MIN_DAYS)
    kinds, networks = (
        part.groupby("person")[name].nunique().reindex(history.people.index, fill_value=0)
        for part, name in ((history.texts, "event"), (history.networks, "network"))
    )
    usual_kinds, usual_networks = kinds[enough].median(), networks[enough].median()
    points = (
        2 * (same_pause(actor, minutes, count, _PAUSE) >= CLOCKWORK)
        + 2 * (longest_quiet(actor, minutes, count) <= QUIET_HOURS)
        + ((saturday >= WEEKEND_DAY) & (sunday >= WEEKEND_DAY))
        + ((kinds <= usual_kinds * FEW) & (usual_kinds >= MANY))
        + ((networks == 1) & (usual_networks > 1))
    )
    return np.asarray(enough & (points >= CERTAIN), dtype="bool")
