"""Sessions of people with habits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.sandbox.characters import Setting, draw_cast
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff
from te_audit_frames.sandbox.work_sessions import EARLIEST_FAILURE, draw_sessions

DAY = 86_400


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2 * 10**9), st.integers(60, 400))
def test_sessions_of_a_person_are_in_range_and_do_not_overlap(seed, first, days):
    rng = np.random.default_rng(seed)
    staff, stop = Staff(rng, headcount=24), first + days * DAY
    local_days = LocalDays(staff, first, stop)
    cast = draw_cast(rng, staff, local_days, first, stop)
    sessions, leave = draw_sessions(rng, Setting(staff, cast, local_days, first, stop))
    assert (sessions.start - EARLIEST_FAILURE >= first).all()
    assert (sessions.start + sessions.length < stop).all()
    assert AUTOMATION not in sessions.who
    assert (sessions.where // 3 == sessions.who).all()
    for person in range(24):
        mine = sessions.take(np.flatnonzero(sessions.who == person))
        mine = mine.take(np.argsort(mine.start))
        assert (mine.start[1:] > (mine.start + mine.length)[:-1] + EARLIEST_FAILURE).all()
    spared = [each for each in leave if each.person in cast.regulars]
    assert all(each.stop <= stop - 60 * DAY for each in spared)
    assert (sessions.start[sessions.who == cast.leaver] < cast.left_at).all()
    assert (sessions.start[sessions.who == cast.dormant] < cast.dormant_since).all()


def test_people_work_on_the_days_and_at_the_hours_of_their_habits():
    rng, first, stop = np.random.default_rng(7), 1_699_920_000, 1_699_920_000 + 700 * DAY
    staff = Staff(rng, headcount=24)
    local_days = LocalDays(staff, first, stop)
    cast = draw_cast(rng, staff, local_days, first, stop)
    sessions, leave = draw_sessions(rng, Setting(staff, cast, local_days, first, stop))
    special = {AUTOMATION, ADMIN, cast.leaver, cast.dormant, *cast.regulars, *cast.joiners, *cast.role_givers}
    rank = staff.busyness.argsort().argsort()
    for person in set(range(24)) - special:
        working = local_days.is_working_day[person].copy()
        for each in (each for each in leave if each.person == person):
            working &= (local_days.begins[person] < each.start) | (local_days.begins[person] >= each.stop)
        days = len(np.unique(sessions.day[sessions.who == person]))
        assert abs(days / working.sum() - (0.2 + 0.75 * rank[person] / 24)) < 0.1
    begins = local_days.begins[sessions.who, sessions.day] + staff.starts_at[sessions.who]
    hours, lengths = (sessions.start - begins) / 3_600, sessions.length / 3_600
    parts = [(-0.9, 0.9, 0.6, 2.8, 0, 0.3), (4.0, 5.0, 0.5, 3.4, 4.5, 0.2), (10.3, 11.7, 0.3, 1.0, 11, 0.3)]
    part = np.digitize(hours, [2.5, 8])
    for number, (earliest, latest, shortest, longest, middle, spread) in enumerate(parts):
        start, length = hours[part == number], lengths[part == number]
        assert earliest - 0.01 <= start.min() < start.max() <= latest + 0.01
        assert abs(start.mean() - middle) < 0.05
        assert abs(start.std() - spread) < 0.05
        assert shortest - 0.01 <= length.min() < shortest + 0.1 < longest - 0.1 < length.max() <= longest + 0.01
    count = np.bincount(part)
    assert abs(count[1] / count[0] - 0.55) < 0.03
    in_evenings = np.unique(sessions.who[part == 2])
    assert 0 < len(in_evenings) < 12
    assert not {ADMIN, *cast.regulars} & set(in_evenings.tolist())
    mornings = np.isin(sessions.who, in_evenings) & (part == 0)
    assert abs(count[2] / mornings.sum() - 0.3) < 0.05
    assert len(np.unique(sessions.where[part == 2])) == len(in_evenings)
