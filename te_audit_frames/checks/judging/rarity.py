"""Rarity: how likely a person is to do something in one of their active weeks.

The share of a person's weeks in which something happens is estimated from their own earlier weeks and from those of the
others, as if these had lent the person some of their weeks. The number of lent weeks is estimated too: many if people
hardly differ, few if each does something else. So somebody with a long history is compared with themselves, and a
newcomer with the others.

The others of a person are people, and those of a program are programs. If the history has fewer than three of the kind,
the others are everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.checks.baseline import Baseline
from te_audit_frames.checks.judging.automation import is_automation
from te_audit_frames.checks.people import find_people

MIN_SPAN = 28.0
"""The fewest days of history before the period. With fewer, nothing is called rare."""

_FEWEST, _MOST = 1.0, 200.0  # weeks that others can lend
_FEW = 3  # people, or automation, of the history: fewer are not compared among themselves

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rarity:
    """How rare something is for a person in a week.

    Attributes
    ----------
    chance : float
        How likely the person is to do it in one active week; NaN if there is too little history.
    own, own_weeks : int
        In how many of the person's earlier active weeks it happened, and how many there are.
    others, other_weeks : int
        The same of the others.
    among : str
        Who the others are.
    """

    chance: float
    own: int
    own_weeks: int
    others: int
    other_weeks: int
    among: str = "other people"


UNKNOWN = Rarity(float("nan"), 0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class _Pool:
    """Actors who are compared with the same others: who they are, who the others are, and what these are called."""

    actors: npt.NDArray[np.bool_]
    others: npt.NDArray[np.bool_]
    name: str


class Weeks:
    """The active weeks of everybody: those of the history, and those of the period under review so far.

    A week is a number that grows with time. The history's part of the first week under review is a week of its own, so
    that a review that begins on a Tuesday counts the Monday.

    Parameters
    ----------
    past, now : Baseline
        The history, and the period under review, with the parts "moments", "networks" and "texts".
    span : float or None
        Days from the first event of the history to the start of the period; None without a history.
    """

    def __init__(self, past: Baseline, now: Baseline, span: float | None) -> None:
        self.span = span
        self.is_assessed = span is not None and span >= MIN_SPAN
        self.people = now.people
        found = find_people(past.people, now.people).copy()
        rest = found < 0
        found[rest] = len(now.people) + np.arange(rest.sum())
        self.count = len(now.people) + int(rest.sum())
        self._of_past = found
        self._pools = self._divide(past)
        moments = pd.concat(
            [self._place(part.moments, part is now, week_of_quarter(part.moments["quarter"])) for part in (past, now)]
        )
        active = moments[["week", "person"]].drop_duplicates().sort_values(["week", "person"], ignore_index=True)
        self._active_week = active["week"].to_numpy(dtype="int64")
        self._active_person = active["person"].to_numpy(dtype="int64")
        self.texts = pd.concat(
            [self._place(part.texts, part is now, week_of_date(part.texts["week"])) for part in (past, now)],
            ignore_index=True,
        ).sort_values("week", kind="stable", ignore_index=True)
        self.networks = pd.concat(
            [self._place(part.networks, part is now, week_of_date(part.networks["first"])) for part in (past, now)],
            ignore_index=True,
        ).sort_values(["week", "first"], kind="stable", ignore_index=True)

    def _divide(self, past: Baseline) -> list[_Pool]:
        automation = np.zeros(self.count, dtype="bool")
        automation[self._of_past] = is_automation(past)
        everybody = np.ones(self.count, dtype="bool")
        if not automation.any():
            return [_Pool(everybody, everybody, "other people")]
        known = np.zeros(self.count, dtype="bool")
        known[self._of_past] = True
        return [
            _Pool(kind, kind, name) if (kind & known).sum() >= _FEW else _Pool(kind, everybody, "all others")
            for kind, name in ((~automation, "other people"), (automation, "other automation"))
        ]

    def _place(self, rows: pd.DataFrame, is_now: bool, week: Whole) -> pd.DataFrame:
        person = rows["person"].to_numpy(dtype="int64")
        return rows.assign(person=person if is_now else self._of_past[person], week=2 * week + int(is_now))

    def person_of(self, rows: pd.DataFrame) -> Whole:
        """Return the number of the person of each row by its `uid` and `user`; -1 for nobody."""
        return find_people(rows[["uid", "user"]], self.people)

    def active_in_history(self) -> Whole:
        """Count the active weeks of each person in the history."""
        return np.bincount(self._active_person[self._active_week % 2 == 0], minlength=self.count).astype("int64")

    def returns(self, days: int) -> pd.DataFrame:
        """Return the weeks in which somebody acted again after `days` of silence or more: `person`, `week`."""
        order = np.lexsort((self._active_week, self._active_person))
        person, week = self._active_person[order], self._active_week[order]
        again = (np.diff(person) == 0) & (np.diff(week // 2) * 7 >= days)
        return pd.DataFrame({"person": person[1:][again], "week": week[1:][again]})

    def active_before(self, week: int) -> Whole:
        """Count the active weeks of each person before a week."""
        stop = np.searchsorted(self._active_week, week)
        return np.bincount(self._active_person[:stop], minlength=self.count).astype("int64")

    def rarity(self, person: int, week: int, done: pd.DataFrame) -> Rarity:
        """Return how rare something is, given in which weeks (`person`, `week`) it was done."""
        if not self.is_assessed or person < 0:
            return UNKNOWN
        before = done.loc[done["week"] < week, ["person", "week"]].drop_duplicates()
        pool = next(pool for pool in self._pools if pool.actors[person])
        times = np.bincount(before["person"], minlength=self.count) * pool.others
        active = self.active_before(week) * pool.others
        chance = float(_estimate(times[:, None], active)[person, 0])
        own, own_weeks = int(times[person]), int(active[person])
        return Rarity(chance, own, own_weeks, int(times.sum()) - own, int(active.sum()) - own_weeks, pool.name)

    def rarity_among(self, person: Whole, week: Whole, kind: Whole, done: pd.DataFrame) -> list[Rarity]:
        """Return how rare each act is among all kinds: how likely its person is to do anything as rare, or rarer.

        Parameters
        ----------
        person, week, kind : numpy.ndarray of int64
            Who did what in which week.
        done : pandas.DataFrame
            In which weeks each kind was done: `person`, `week`, `kind`.
        """
        result = [UNKNOWN] * len(person)
        if not self.is_assessed or not len(person):
            return result
        kinds = int(max(kind.max(), done["kind"].max())) + 1
        done = done[["week", "person", "kind"]].drop_duplicates().sort_values("week", ignore_index=True)
        weeks, cells = done["week"].to_numpy(), (done["person"] * kinds + done["kind"]).to_numpy(dtype="int64")
        for number in np.unique(week):
            stop = np.searchsorted(weeks, number)
            times_of_all = np.bincount(cells[:stop], minlength=self.count * kinds).reshape(self.count, kinds)
            active_of_all = self.active_before(int(number))
            for pool in self._pools:
                times, active = times_of_all * pool.others[:, None], active_of_all * pool.others
                chances = _estimate(times, active)
                for at in np.flatnonzero((week == number) & (person >= 0) & pool.actors[person]):
                    who, what = person[at], kind[at]
                    row = chances[who]
                    chance = min(float(row[row <= row[what]].sum()), 1.0)
                    own, own_weeks = int(times[who, what]), int(active[who])
                    others, other_weeks = int(times[:, what].sum()) - own, int(active.sum()) - own_weeks
                    result[at] = Rarity(chance, own, own_weeks, others, other_weeks, pool.name)
        return result


def week_of_quarter(quarter: pd.Series) -> Whole:
    """Return the week, from Monday in UTC, of each quarter of an hour."""
    return np.asarray((quarter.to_numpy(dtype="int64") // 96 - 4) // 7)


def week_of_date(dates: pd.Series) -> Whole:
    """Return the week, from Monday in UTC, of each date."""
    return np.asarray((dates.to_numpy(dtype="datetime64[D]").astype("int64") - 4) // 7)


def _estimate(times: npt.NDArray[np.int64], active: Whole) -> Real:
    """Return the share of each person's weeks with each kind, from `times` (people x kinds) in `active` weeks."""
    weeks = active[:, None].astype("float64")
    others = (times.sum(axis=0) - times + 0.5) / (weeks.sum() - weeks + 1.0)
    strength = _strength(times, weeks)
    return np.asarray((times + strength * others) / (weeks + strength))


def _strength(times: npt.NDArray[np.int64], weeks: Real) -> Real:
    """Estimate how many weeks the others lend, by the moments of the beta-binomial distribution."""
    acting = weeks[:, 0] > 0
    times, weeks = times[acting], weeks[acting]
    if len(weeks) < 3:
        return np.full(times.shape[1], _FEWEST)
    total = weeks.sum()
    share = times.sum(axis=0) / total
    spread = (weeks * (times / weeks - share) ** 2).sum(axis=0)
    chance = share * (1 - share)
    free = len(weeks) - 1
    scale = chance * (total - (weeks**2).sum() / total - free)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = np.where(scale > 0, (spread - free * chance) / scale, 0.1)
        strength = np.where(alike > 0, 1 / alike - 1, _MOST)
    return np.asarray(np.clip(strength, _FEWEST, _MOST))
