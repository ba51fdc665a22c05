"""Sessions of people with habits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.sandbox.characters import Setting, draw_cast
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.staff import AUTOMATION, Staff
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
