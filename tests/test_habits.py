"""Habits: the same figures as a slow reading of their definition, one quarter of an hour at a time."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.checks.habits import SLOTS, Habits, is_weekend, week_of

MONDAY = 20_000 - (20_000 - 4) % 7


def slow_density(quarters: list[int], until: int) -> list[float]:
    """Add up what each active quarter says about each quarter of the day."""
    days = [quarter // SLOTS for quarter in quarters]
    weights = [0.5 ** ((until - day) / 120) / math.sqrt(days.count(day)) for day in days]
    bell = [math.exp(-0.5 * (min(apart, SLOTS - apart) / 5) ** 2) for apart in range(SLOTS)]
    angles = [2 * math.pi * slot / SLOTS for slot in range(SLOTS)]
    mean = sum(w * np.exp(1j * angles[q % SLOTS]) for w, q in zip(weights, quarters, strict=True))
    mean /= max(sum(weights), 1e-9)
    length = min(abs(mean), 0.98)
    concentration = length * (2 - length**2) / (1 - length**2)
    curve = [math.exp(concentration * (math.cos(angle - np.angle(mean)) - 1)) for angle in angles]
    density = []
    for slot in range(SLOTS):
        seen = sum(w * bell[abs(slot - q % SLOTS)] / sum(bell) for w, q in zip(weights, quarters, strict=True))
        density.append(seen + 4 * curve[slot] / sum(curve) + 0.5 / SLOTS)
    return [value / sum(density) for value in density]


def slow_score(past: list[int], week: list[int], until: int) -> float:
    """Compare the week under the habits with the week under the same habits, moved."""
    density = slow_density(past, until)
    active = {quarter // SLOTS for quarter in past}
    share = (sum((day - 4) % 7 >= 5 for day in active) + 80 * 2 / 7) / (len(active) + 80)
    added = [math.log(2 / 7 / share) if (q // SLOTS - 4) % 7 >= 5 else math.log(5 / 7 / (1 - share)) for q in week]
    odd = [
        math.log(sum(density[(q - move) % SLOTS] for move in range(24, 73)) / 49 / density[q % SLOTS]) + more
        for q, more in zip(week, added, strict=True)
    ]
    sessions: list[list[int]] = []
    for place in sorted(range(len(week)), key=lambda place: week[place]):
        if not sessions or week[place] - week[sessions[-1][-1]] > 16:
            sessions.append([])
        sessions[-1].append(place)
    weights = [0.0] * len(week)
    for session in sessions:
        for place in session:
            weights[place] = 1 / math.sqrt(len(session))
    alone = max(sum(odd[place] for place in session) / len(session) for session in sessions)
    return max(slow_ratio(density, week, added, weights), alone - 2)


def slow_ratio(density: list[float], week: list[int], added: list[float], weights: list[float]) -> float:
    """Compare the weighted quarters under the habits with those under the same habits, moved."""
    moved = [
        math.prod((density[(q - move) % SLOTS] * SLOTS) ** w for q, w in zip(week, weights, strict=True))
        for move in range(24, 73)
    ]
    own = math.prod((density[q % SLOTS] * SLOTS) ** w for q, w in zip(week, weights, strict=True))
    return math.log(sum(moved) / 49 / own) + sum(w * more for w, more in zip(weights, added, strict=True))


PAST = st.lists(st.integers((MONDAY - 60) * SLOTS, MONDAY * SLOTS - 1), unique=True, max_size=30)
WEEK = st.lists(st.integers(MONDAY * SLOTS, (MONDAY + 7) * SLOTS - 1), unique=True, min_size=1, max_size=8)


def arrays(some: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    person = np.repeat(np.arange(len(some)), [len(quarters) for quarters in some]).astype("int64")
    return person, np.array([q for quarters in some for q in quarters], dtype="int64")


@given(st.lists(st.tuples(PAST, WEEK), min_size=1, max_size=3))
def test_habits_are_those_of_the_definition(people):
    habits = Habits.learn(*arrays([past for past, _ in people]), len(people), until=MONDAY)
    score, series = habits.judge(*arrays([sorted(week) for _, week in people]))
    person, quarter = arrays([sorted(week) for _, week in people])
    odd = habits.odd(person, quarter) > 0
    assert ((series.of >= 0) == odd).all()
    parted = (np.diff(person) != 0) | (np.diff(odd) != 0)
    assert (parted | (np.diff(series.of) == 0)).all()
    assert (person[odd] == series.person[series.of[odd]]).all()
    for place, (past, week) in enumerate(people):
        density = np.array(slow_density(past, MONDAY))
        np.testing.assert_allclose(np.exp(habits.fit[place]) / SLOTS, density, rtol=1e-9)
        assert habits.days[place] == len({quarter // SLOTS for quarter in past})
        assert math.isclose(score[place], slow_score(past, week, MONDAY), rel_tol=1e-6, abs_tol=1e-7)
        alone = Habits.learn(*arrays([past]), 1, until=MONDAY)
        assert math.isclose(alone.judge(*arrays([sorted(week)]))[0][0], score[place], rel_tol=1e-9, abs_tol=1e-9)


def test_one_event_scores_its_oddness():
    past = [(MONDAY - day) * SLOTS + 40 for day in range(1, 60)]
    habits = Habits.learn(*arrays([past]), 1, until=MONDAY)
    for slot in range(0, SLOTS, 7):
        one = arrays([[MONDAY * SLOTS + slot]])
        odd = habits.odd(*one)[0]
        assert (habits.judge(*one)[0][0] < 0) == (odd < 0)
        assert odd < 0 or math.isclose(habits.judge(*one)[0][0], odd, rel_tol=1e-9)
    assert habits.odd(*arrays([[MONDAY * SLOTS + 88]]))[0] > math.log(8) > 0 > habits.oddness[0, 40]


def test_who_did_nothing_scores_nothing():
    habits = Habits.learn(*arrays([[MONDAY * SLOTS - 1], []]), 2, until=MONDAY)
    assert habits.judge(*arrays([[], [MONDAY * SLOTS]]))[0][0] == -math.inf
    assert habits.days.tolist() == [1, 0]


def test_a_free_weekend_is_learnt():
    """The same hour weighs more on a Sunday than on a Monday, for somebody who never works at weekends."""
    past = [day * SLOTS + 40 for day in range(MONDAY - 120, MONDAY) if (day - 4) % 7 < 5]
    habits = Habits.learn(*arrays([past]), 1, until=MONDAY)
    monday, sunday = (habits.odd(*arrays([[(MONDAY + day) * SLOTS + 40]]))[0] for day in (0, 6))
    assert monday < 0 < sunday - monday


def test_weeks_begin_on_monday():
    days = np.arange(MONDAY - 14, MONDAY + 14) * SLOTS
    assert len(set(week_of(days).tolist())) == 4
    assert week_of(np.array([MONDAY * SLOTS - 1, MONDAY * SLOTS])).tolist() == [week_of(days)[13], week_of(days)[14]]
    assert is_weekend(days)[:7].tolist() == [False] * 5 + [True] * 2
    assert is_weekend(np.array([2 * SLOTS, 3 * SLOTS, -SLOTS])).tolist() == [
        True,
        True,
        False,
    ]  # 1970 began on Thursday
