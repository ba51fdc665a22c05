"""Signs of automation: the hours, weekends and pauses of each actor's bursts of activity, and when they are telling."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

MIN_EVENTS, MIN_DAYS = 50, 10
"""Fewer events, or events on fewer UTC days, are too little to tell automation from a person."""

# In two public histories and the practice organisation, no person with at least 50 events came near these.
CLOCKWORK = 0.3
QUIET_HOURS = 2
WEEKEND_DAY = 0.1  # of the bursts, on each of Saturday and Sunday; if they are spread evenly, each day has a seventh
FEW, MANY = 1 / 3, 6  # kinds of events: at most this share of the median, if the median is at least this

CERTAIN = 3  # points that make an actor automation
DOUBTFUL = 2

_LONGEST = 4 * 24 * 60  # minutes; a longer silence says nothing about a clock
_BUSY = 0.005  # of the bursts, in an hour that counts as busy
_TELLING = 20  # bursts; with fewer, a clock may be chance


def same_pause(actor: Whole, minutes: Whole, count: int, shortest: int = 0) -> Real:
    """Return the share of the pause that each actor makes most often.

    Parameters
    ----------
    actor, minutes : numpy.ndarray of int64
        Who began a burst, and when, in the order of both.
    count : int
        How many actors there are.
    shortest : int
        Minutes; shorter pauses do not count, nor do those of more than four days.
    """
    pauses = np.diff(minutes)
    counted = (np.diff(actor) == 0) & (pauses <= _LONGEST) & (pauses >= shortest)
    return most_frequent(actor[1:][counted], pauses[counted], count)


def most_frequent(actor: Whole, values: Whole, count: int) -> Real:
    """Return the share of each actor's most frequent value; those of few values have a small share."""
    width = int(values.max(initial=0)) + 1
    pairs, times = np.unique(actor * width + values, return_counts=True)
    most = np.zeros(count, dtype="int64")
    np.maximum.at(most, pairs // width, times)
    return shares(most, np.maximum(np.bincount(actor, minlength=count), _TELLING))


def longest_quiet(actor: Whole, minutes: Whole, count: int) -> Whole:
    """Return how many quiet hours each actor has in a row, also across midnight."""
    bursts = np.bincount(actor, minlength=count)
    per_hour = np.bincount(actor * 24 + minutes // 60 % 24, minlength=count * 24).reshape(count, 24)
    quiet = per_hour < np.maximum(1, bursts * _BUSY)[:, None]
    twice = np.concatenate([quiet, quiet], axis=1)
    longest = np.zeros(count, dtype="int64")
    current = np.zeros(count, dtype="int64")
    for hour in range(48):
        current = np.where(twice[:, hour], current + 1, 0)
        longest = np.maximum(longest, current)
    return np.minimum(longest, 24)


def weekend_shares(actor: Whole, minutes: Whole, count: int) -> tuple[Real, Real]:
    """Return the shares of each actor's bursts that begin on a Saturday and on a Sunday, in UTC."""
    weekday = (minutes // 1_440 + 3) % 7  # 1970 began on a Thursday
    bursts = np.bincount(actor, minlength=count)
    saturday, sunday = (shares(np.bincount(actor[weekday == day], minlength=count), bursts) for day in (5, 6))
    return saturday, sunday


def shares(parts: Whole, of: Whole) -> Real:
    """Return the share of each part; of nothing it is 0."""
    return parts / np.maximum(of, 1)
