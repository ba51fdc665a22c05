"""Habits: at which hours people act, and how much better other hours would explain what they did.

The day has 96 quarters of an hour. A person's density over them is the sum of three parts: their active quarters, each
spread by a bell curve of 75 minutes; a smooth curve around their mean hour, so that of the hours never seen, those far
from the mean are rarer than those near it; and a little of every hour. A day with n active quarters weighs the square
root of n, since its quarters depend on one another. A day that is 120 days older weighs half.

An hour is judged by comparing these habits with the same habits moved by six hours or more. The moved ones stand for
somebody else, in another place or at another time. The oddness of an hour is the logarithm of how much better they
explain it. It is negative at hours at which a person usually acts.

A week is judged as a whole: by how much better the moved habits explain all of it. More than four hours without an
event end a session, and a session with n active quarters weighs the square root of n. But usual work must not hide
somebody else's night. So one session is enough, whatever else is in the week, if its average quarter is odder than the
threshold by a further factor of 7.

The width of the bell, the weights and the half-life are those that predict the next week best on two public histories
of people at work, which agree on them; the results hardly change if one of them is doubled or halved. A person's own
earlier weeks do not calibrate the ratio: somebody whose past weeks were odd is no likelier to have another odd week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SLOTS = 96
"""Quarters of an hour in a day."""

_WIDTH = 5.0  # of the bell curve, in quarters
_SMOOTH = 4.0  # the weight of the smooth curve, in active days
_EVEN = 0.5  # the weight of an even day
_HALF_LIFE = 120.0  # days
_MOVED = range(24, 73)  # quarters by which habits are moved: 6 to 18 hours
_PAUSE = 16  # quarters without an event that end a session
_AMONG_OTHERS = 2.0  # by how much odder a session must be to be found whatever else is in its week
_WEEKEND_DAYS = 80.0  # how many of a person's own days weigh as much as the assumption of 2 weekend days in 7
_MOST_REGULAR = 0.98  # a mean resultant length of 1 has no finite concentration

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


def day_of(quarter: Whole) -> Whole:
    """Return the day since 1970 of each local quarter."""
    return np.asarray(quarter // SLOTS)


def week_of(quarter: Whole) -> Whole:
    """Return the week, from Monday, of each local quarter."""
    return np.asarray((day_of(quarter) - 4) // 7)


def first_day_of(week: int) -> int:
    """Return the Monday of a week, as the day since 1970."""
    return week * 7 + 4


def is_weekend(quarter: Whole) -> npt.NDArray[np.bool_]:
    """Return whether each local quarter is on a Saturday or Sunday."""
    return np.asarray((day_of(quarter) - 4) % 7 >= 5)


@dataclass(frozen=True, eq=False)
class Habits:
    """The habits of some people before a day.

    Attributes
    ----------
    fit : numpy.ndarray, people x 96
        The logarithm of how much likelier each quarter is than on an even day.
    oddness : numpy.ndarray, people x 96
        The logarithm of how much better moved habits explain one event in each quarter.
    weekend : numpy.ndarray, people x 2
        What a working day and a day of the weekend add to the oddness.
    days : numpy.ndarray of int64
        On how many days each person was active.
    """

    fit: Real
    oddness: Real
    weekend: Real
    days: Whole

    @classmethod
    def learn(cls, person: Whole, quarter: Whole, people: int, *, until: int) -> Habits:
        """Learn from the quarters in which people acted.

        Parameters
        ----------
        person : numpy.ndarray of int64
            Who acted, from 0 to `people`, not including it.
        quarter : numpy.ndarray of int64
            In which local quarter since 1970. Each pair occurs once.
        people : int
            How many people there are.
        until : int
            The day up to which habits are learnt, not including it; days long before it count less.
        """
        day = day_of(quarter)
        weight = _share_of_day(person, day) * 0.5 ** ((until - day) / _HALF_LIFE)
        seen = _by_slot(person, quarter, weight, people)
        density = seen @ _BELL + _SMOOTH * _around_the_mean(seen) + _EVEN / SLOTS
        density /= density.sum(axis=1, keepdims=True)
        fit = np.log(density * SLOTS)
        oddness = np.log(density @ _ELSEWHERE * SLOTS) - fit
        _, once = np.unique(_day_keys(person, day), return_index=True)
        days = np.bincount(person[once], minlength=people)
        at_weekends = np.bincount(person[once][is_weekend(quarter[once])], minlength=people)
        share = (at_weekends + _WEEKEND_DAYS * 2 / 7) / (days + _WEEKEND_DAYS)
        weekend = np.stack([np.log(5 / 7 / (1 - share)), np.log(2 / 7 / share)], axis=1)
        return cls(fit, oddness, weekend, days.astype("int64"))

    def odd(self, person: Whole, quarter: Whole) -> Real:
        """Return the oddness of one event of each person and local quarter."""
        return np.asarray(
            self.oddness[person, quarter % SLOTS] + self.weekend[person, is_weekend(quarter).astype("int64")]
        )

    def judge(self, person: Whole, quarter: Whole) -> tuple[Real, Series]:
        """Judge what people did in a week.

        Parameters
        ----------
        person, quarter : numpy.ndarray of int64
            Who acted in which local quarter, sorted by person, then by quarter, each pair once.

        Returns
        -------
        numpy.ndarray
            The oddness of all that each person did, taken together; minus infinity for people who did nothing.
        Series
            The series of odd quarters: no usual quarter lies between those of a series.
        """
        people = len(self.days)
        odd = self.odd(person, quarter)
        session = _number(person, np.diff(quarter) > _PAUSE)
        length = np.bincount(session)[session]
        weight: Real = np.asarray(length**-0.5, dtype="float64")
        together = self._compare(np.arange(people), person, person, quarter, weight)
        score = np.where(np.bincount(person, minlength=people) > 0, together, -np.inf)
        np.maximum.at(score, person, np.bincount(session, odd)[session] / length - _AMONG_OTHERS)

        number = _number(person, np.diff(odd > 0))
        different, series = np.unique(number[odd > 0], return_inverse=True)
        owner = np.zeros(len(different), dtype="int64")
        owner[series] = person[odd > 0]
        scores = self._compare(owner, series, person[odd > 0], quarter[odd > 0], weight[odd > 0])
        of = np.full(len(person), -1)
        of[odd > 0] = series
        return score, Series(owner, scores, of)

    def _compare(self, owner: Whole, group: Whole, person: Whole, quarter: Whole, weight: Real) -> Real:
        """Return how much better moved habits explain the weighted quarters of each group, as a logarithm.

        `owner` is the person of each group, and `person` that of each quarter.
        """
        done = _by_slot(group, quarter, weight, len(owner))
        # How well the habits fit, moved by every number of quarters: a circular correlation.
        fits = np.fft.irfft(np.fft.rfft(done) * np.fft.rfft(self.fit[owner]).conj(), SLOTS)
        own, other = fits[:, 0], fits[:, _MOVED]
        best = other.max(axis=1)
        mean = best + np.log(np.exp(other - best[:, None]).mean(axis=1))
        added = self.weekend[person, is_weekend(quarter).astype("int64")]
        return np.asarray(mean - own + np.bincount(group, added * weight, len(owner)))


@dataclass(frozen=True, eq=False)
class Series:
    """Unbroken series of odd quarters, each series of one person.

    Attributes
    ----------
    person : numpy.ndarray of int64
        Who acted, for each series.
    score : numpy.ndarray
        The oddness of each series by itself.
    of : numpy.ndarray of int64
        The series of each quarter that was judged; -1 for usual ones.
    """

    person: Whole
    score: Real
    of: Whole

    def strongest(self, people: int) -> Whole:
        """Return each person's series with the highest score, the earliest of several; -1 for people without one."""
        best = np.full(people, -1)
        order = np.lexsort((-np.arange(len(self.score)), self.score))
        best[self.person[order]] = order
        return best


def _number(person: Whole, parts: npt.NDArray[np.bool_]) -> Whole:
    """Count the series of quarters up to each. A new one begins with each person, and wherever `parts` is true."""
    starts = np.ones(len(person), dtype="bool")
    starts[1:] = (np.diff(person) != 0) | parts
    return np.cumsum(starts) - 1


def _by_slot(group: Whole, quarter: Whole, weight: Real, groups: int) -> Real:
    """Add up the weights of each group and quarter of the day."""
    added: Real = np.bincount(group * SLOTS + quarter % SLOTS, weight, groups * SLOTS).astype("float64")
    return added.reshape(groups, SLOTS)


def _day_keys(person: Whole, day: Whole) -> Whole:
    """Return one number for each person and day; days may lie before 1970."""
    first = day.min(initial=0)
    return np.asarray(person * (day.max(initial=0) - first + 1) + day - first)


def _share_of_day(person: Whole, day: Whole) -> Real:
    """Return a weight for each quarter, so that a day with n of them weighs the square root of n."""
    _, of_day, count = np.unique(_day_keys(person, day), return_inverse=True, return_counts=True)
    return np.asarray(count[of_day] ** -0.5)


def _around_the_mean(seen: Real) -> Real:
    """Return the von Mises density with the mean hour and the spread of each person, which sums to 1."""
    angle = 2 * np.pi * np.arange(SLOTS) / SLOTS
    mean = (seen @ np.exp(1j * angle)) / np.maximum(seen.sum(axis=1), 1e-9)
    length = np.minimum(np.abs(mean), _MOST_REGULAR)
    concentration = length * (2 - length**2) / (1 - length**2)
    curve = np.exp(concentration[:, None] * (np.cos(angle - np.angle(mean)[:, None]) - 1))
    return np.asarray(curve / curve.sum(axis=1, keepdims=True))


def _bell() -> Real:
    apart = np.abs(np.subtract.outer(np.arange(SLOTS), np.arange(SLOTS)))
    curve = np.exp(-0.5 * (np.minimum(apart, SLOTS - apart) / _WIDTH) ** 2)
    return np.asarray(curve / curve.sum(axis=1, keepdims=True))


def _elsewhere() -> Real:
    """Return the matrix that takes a density to its mean over all moves."""
    apart = np.subtract.outer(np.arange(SLOTS), np.arange(SLOTS)) % SLOTS
    return np.isin(apart, _MOVED) / len(_MOVED)


_BELL = _bell()
_ELSEWHERE = _elsewhere()
