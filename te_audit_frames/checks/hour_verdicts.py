"""Verdicts: for each person and week, what was done outside their hours, and who has too little history."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_number, check_whole_number
from te_audit_frames.checks.baseline import Baseline
from te_audit_frames.checks.habits import SLOTS, Habits, Whole, day_of, first_day_of, week_of
from te_audit_frames.checks.history_counts import QUARTER
from te_audit_frames.checks.people import find_people
from te_audit_frames.checks.selection import Selection
from te_audit_frames.checks.tallies import micros
from te_audit_frames.checks.zones import Clocks, Zones

_SECONDS = 1_000_000 * QUARTER  # a quarter of an hour in microseconds
_NEAR = 2  # quarters before and after: what counts as the same time of day in `days_alike`


@dataclass(frozen=True)
class HoursRule:
    """From how much history hours are learnt, and how odd a week must be to be found."""

    days: int
    min_days: int
    min_events: int
    ratio: float

    @classmethod
    def of(cls, days: int, min_days: int, min_events: int, ratio: float) -> HoursRule:
        """Check the thresholds.

        Raises
        ------
        InvalidArgument
            One of them is no number, or out of its range.
        """
        check_whole_number("days", days, 28, 730)
        check_whole_number("min_days", min_days, 5, days)
        check_whole_number("min_events", min_events, 1)
        check_number("ratio", ratio, 1, 1e6)
        return cls(days, min_days, min_events, float(ratio))


@dataclass(frozen=True, eq=False)
class Acted:
    """Who acted in which quarter of an hour of their own zone: the events to judge, and all that was before them.

    Attributes
    ----------
    person, quarter : numpy.ndarray of int64
        Each pair once, sorted by quarter.
    events : numpy.ndarray of int64
        How many events each pair has.
    is_new : numpy.ndarray of bool
        Whether a pair has events to judge.
    of_row : numpy.ndarray of int64
        The pair of each row of the selection; -1 for events that name nobody.
    """

    people: pd.DataFrame
    clocks: Clocks
    person: Whole
    quarter: Whole
    events: Whole
    is_new: npt.NDArray[np.bool_]
    of_row: Whole
    cut: int

    @classmethod
    def of(cls, selection: Selection, past: Baseline, tz: Zones) -> Acted:
        """Join the events with the history before the first of them, in each person's zone."""
        people, rows = selection.people, selection.rows
        number = find_people(past.people, people)
        who = np.flatnonzero(people[["uid", "user"]].notna().any(axis=1).to_numpy())
        new = rows["person"].isin(who).to_numpy()
        old = past.moments.assign(person=number[past.moments["person"].to_numpy()])
        old = old[old["person"] >= 0]
        start = 0 if selection.first_event is None else int(selection.first_event.timestamp() // QUARTER)
        early = (old["quarter"] < start).to_numpy()
        clocks = Clocks.assign(tz, people, _groups(selection, past, number))
        person = np.concatenate([old["person"].to_numpy()[early], rows["person"].to_numpy()[new]])
        quarter = np.concatenate([old["quarter"].to_numpy()[early], (micros(rows["date"]) // _SECONDS)[new]])
        events = np.concatenate([old["events"].to_numpy()[early], np.ones(new.sum(), dtype="int64")])
        local = clocks.local(person, quarter)
        keys, of = np.unique(_pack(person, local), return_inverse=True)
        of_row = np.full(len(rows), -1)
        of_row[new] = of[early.sum() :]
        is_new = np.zeros(len(keys), dtype="bool")
        is_new[of_row[new]] = True
        return cls(
            people,
            clocks,
            *_unpack(keys),
            np.bincount(of, events, len(keys)).astype("int64"),
            is_new,
            of_row,
            int((~early).sum()),
        )


def _groups(selection: Selection, past: Baseline, number: Whole) -> pd.DataFrame:
    names = ["aid", "account_group_name"]
    if "aid" not in selection.rows:
        return pd.DataFrame(columns=["person", *names, "events"])
    now = selection.rows.groupby(["person", *names], dropna=False, as_index=False).size()
    now = now.rename(columns={"size": "events"})
    old = past.groups.assign(person=number[past.groups["person"].to_numpy(dtype="int64")])
    return pd.concat([old[old["person"] >= 0], now], ignore_index=True)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What was found in one week."""

    people: Whole  # who acted in it, and has enough history
    habits: Habits
    score: npt.NDArray[np.float64]
    moments: Whole  # positions in `Acted` of the quarters that are found
    index: Whole  # the person of each of these quarters, as a row of `habits`
    alike: Whole  # on how many earlier days this person acted at about that time
    more: Whole  # how many further series each person has
    unknown: Whole  # who acted in it, and has too little history


def judge_weeks(acted: Acted, rule: HoursRule) -> Iterator[Verdict]:
    """Judge one week after the other. Each reads only the `days` before it."""
    day, week = day_of(acted.quarter), week_of(acted.quarter)
    before = np.zeros(len(acted.people), dtype="int64")  # events of each person before the week
    counted = 0
    for number in np.unique(week[acted.is_new]):
        monday = first_day_of(int(number))
        low, first, last = np.searchsorted(day, [monday - rule.days, monday, monday + 7])
        np.add.at(before, acted.person[counted:first], acted.events[counted:first])
        counted = first
        moments = first + np.flatnonzero(acted.is_new[first:last])
        acting = np.unique(acted.person[moments])
        place = np.full(len(acted.people), -1)
        place[acting] = np.arange(len(acting))
        past = low + np.flatnonzero(place[acted.person[low:first]] >= 0)
        habits = Habits.learn(place[acted.person[past]], acted.quarter[past], len(acting), until=monday)
        known = (habits.days >= rule.min_days) & (before[acting] >= rule.min_events)
        # In the order of people, then of quarters.
        moments = moments[np.argsort(place[acted.person[moments]], kind="stable")]
        moments = moments[known[place[acted.person[moments]]]]
        index = place[acted.person[moments]]
        score, series = habits.judge(index, acted.quarter[moments])
        found = score >= math.log(rule.ratio)
        strongest = series.strongest(len(acting))
        kept = found[index] & (series.of >= 0) & (series.of == strongest[index])
        more = np.bincount(series.person, minlength=len(acting)) - 1
        # Only people above the threshold need the rest.
        moments, index = moments[kept], index[kept]
        past = past[found[place[acted.person[past]]]]
        near = _days_near(place[acted.person[past]], acted.quarter[past], len(acting))
        alike = near[index, acted.quarter[moments] % SLOTS]
        yield Verdict(acting[known], habits, score, moments, index, alike, more, acting[~known])


def _days_near(person: Whole, quarter: Whole, people: int) -> Whole:
    """Count the days on which each person acted within half an hour of each quarter of the day."""
    day, slot = day_of(quarter), quarter % SLOTS
    day = day - day.min(initial=0)
    near = [(slot + apart) % SLOTS for apart in range(-_NEAR, _NEAR + 1)]
    keys = np.unique(np.concatenate([(person * 2**24 + day) * SLOTS + other for other in near]))
    counts = np.bincount(keys // SLOTS // 2**24 * SLOTS + keys % SLOTS, minlength=people * SLOTS)
    return np.asarray(counts.reshape(people, SLOTS))


def different_quarters(person: Whole, quarter: Whole) -> tuple[Whole, Whole]:
    """Return each pair once, in the order of the quarters."""
    return _unpack(np.unique(_pack(person, quarter)))


def _pack(person: Whole, quarter: Whole) -> Whole:
    """Return a number for each pair, in the order of the quarters."""
    return np.asarray((quarter + 2**30 << 32) + person)


def _unpack(keys: Whole) -> tuple[Whole, Whole]:
    return keys % 2**32, (keys >> 32) - 2**30
