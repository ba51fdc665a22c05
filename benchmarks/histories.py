"""Histories of twelve kinds, drawn at random: when the events of a log happen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

DAY = 86_400
HOUR = 3_600

Seconds = npt.NDArray[np.int64]
Kind = Callable[[np.random.Generator, int], tuple[Seconds, int]]


def _even(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Spread events evenly over a month to two years."""
    span = int(rng.integers(30, 730)) * DAY
    return rng.integers(0, span, events), span


def _days_and_nights(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Leave nights and weekends nearly empty."""
    days = int(rng.integers(20, 200))
    working = np.array([day for day in range(days) if day % 7 < 5])
    at_work = rng.choice(working, events) * DAY + rng.normal(13 * HOUR, 2.5 * HOUR, events).clip(0, DAY - 1)
    anywhere = rng.random(events) < 0.03
    return np.where(anywhere, rng.integers(0, days * DAY, events), at_work).astype(np.int64), days * DAY


def _half_in_an_hour(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put half of all events into one hour."""
    span = 90 * DAY
    hour = rng.integers(0, span - HOUR) + rng.integers(0, HOUR, events // 2)
    return np.concatenate([hour, rng.integers(0, span, events - events // 2)]), span


def _several_bursts(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put a part of the events into a few bursts of five minutes to a day."""
    span = int(rng.integers(30, 365)) * DAY
    share = int(events * rng.uniform(0.2, 0.7))
    sizes = rng.multinomial(share, rng.dirichlet(np.ones(rng.integers(3, 12))))
    lengths = np.exp(rng.uniform(np.log(300), np.log(DAY), len(sizes))).astype(int)
    bursts = [
        rng.integers(0, span - length) + rng.integers(0, length, size)
        for size, length in zip(sizes, lengths, strict=True)
    ]
    return np.concatenate([*bursts, rng.integers(0, span, events - share)]), span


def _floods_of_a_second(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put a half of the events into single seconds, up to a twentieth into each."""
    span = int(rng.integers(30, 365)) * DAY
    floods = []
    left = events // 2
    while left > 0:
        size = min(left, int(events * min(0.05, 0.003 * (1 + rng.pareto(1.0)))))
        floods.append(np.full(size, rng.integers(0, span)))
        left -= size
    return np.concatenate([*floods, rng.integers(0, span, events - events // 2)]), span


def _sharp_bursts(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put most of the events into a few bursts of a second to five minutes."""
    span = int(rng.integers(30, 365)) * DAY
    share = int(events * rng.uniform(0.5, 0.95))
    sizes = rng.multinomial(share, rng.dirichlet(np.ones(rng.integers(2, 12))))
    lengths = np.exp(rng.uniform(0, np.log(300), len(sizes))).astype(int)
    bursts = [
        rng.integers(0, span - length) + rng.integers(0, length, size)
        for size, length in zip(sizes, lengths, strict=True)
    ]
    return np.concatenate([*bursts, rng.integers(0, span, events - share)]), span


def _great_floods(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put a large part of the events into one to five single seconds."""
    span = int(rng.integers(30, 365)) * DAY
    share = int(events * rng.uniform(0.3, 0.9))
    sizes = rng.multinomial(share, rng.dirichlet(np.ones(rng.integers(1, 6))))
    floods = [np.full(size, rng.integers(0, span)) for size in sizes]
    return np.concatenate([*floods, rng.integers(0, span, events - share)]), span


def _empty_years(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Put everything into a few days or weeks of two years."""
    span = 730 * DAY
    length = int(rng.integers(3, 60)) * DAY
    return rng.integers(0, span - length) + rng.integers(0, length, events), span


def _growth(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Let the number of events a day grow or shrink by a factor of 3 to 1,000."""
    span = int(rng.integers(60, 730)) * DAY
    factor = np.exp(rng.uniform(np.log(3), np.log(1_000))) ** rng.choice([-1, 1])
    along = np.log1p(rng.random(events) * (factor - 1)) / np.log(factor)
    return np.minimum((along * span).astype(np.int64), span - 1), span


def _nightly_job(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Let a nightly job of a few minutes write a part of the events."""
    days = int(rng.integers(10, 90))
    share = int(events * rng.uniform(0.3, 0.9))
    minutes = int(rng.integers(1, 30))
    jobs = rng.integers(0, days, share) * DAY + 2 * HOUR + rng.integers(0, minutes * 60, share)
    return np.concatenate([jobs, rng.integers(0, days * DAY, events - share)]), days * DAY


def _changing_days(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Let some days have a hundred times the events of others."""
    days = int(rng.integers(30, 365))
    weights = rng.lognormal(0, rng.uniform(0.8, 2), days)
    return rng.choice(days, events, p=weights / weights.sum()) * DAY + rng.integers(0, DAY, events), days * DAY


def _long_gaps(rng: np.random.Generator, events: int) -> tuple[Seconds, int]:
    """Let the time between two events vary without a scale, so that bursts lie within bursts."""
    moments = np.cumsum(rng.pareto(rng.uniform(0.7, 1.2), events))
    span = int(rng.integers(30, 730)) * DAY
    return np.minimum((moments / moments[-1] * span).astype(np.int64), span - 1), span


KINDS: dict[str, Kind] = {
    "even": _even,
    "days and nights": _days_and_nights,
    "half in an hour": _half_in_an_hour,
    "several bursts": _several_bursts,
    "floods of a second": _floods_of_a_second,
    "empty years": _empty_years,
    "growth": _growth,
    "nightly job": _nightly_job,
    "changing days": _changing_days,
    "long gaps": _long_gaps,
    "sharp bursts": _sharp_bursts,
    "great floods": _great_floods,
}
"""Each draws the times of a number of events, and the length of their period, in seconds."""


def draw(kind: str, number: int, events: int) -> tuple[Seconds, int]:
    """Draw one history: the ascending seconds of its events, and the length of its period in seconds."""
    seconds, span = KINDS[kind](np.random.default_rng([list(KINDS).index(kind), number]), events)
    return np.sort(np.asarray(seconds, dtype=np.int64)), span
