"""Events scattered at random over people and days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.random_events import generate_events
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff

DAY = 86_400


@pytest.fixture(scope="module")
def staff():
    return Staff(np.random.default_rng(4), headcount=60)


@pytest.mark.parametrize("events", [0, 1, 2, 50, 3_000])
def test_exactly_so_many_events_are_drawn_in_order_and_in_range(staff, events):
    drawn = generate_events(np.random.default_rng(0), events, staff, 1_700_000_000, 1_700_600_000)
    assert len(drawn.date) == events
    assert (np.diff(drawn.date) >= 0).all()
    assert ((drawn.date >= 1_700_000_000) & (drawn.date < 1_700_600_000)).all()
    assert drawn.kind.max(initial=0) < len(names.KINDS)
    assert drawn.where.max(initial=0) < len(staff.addresses)


def test_only_the_administrator_does_an_administrators_work(staff):
    drawn = generate_events(np.random.default_rng(0), 5_000, staff, 1_700_000_000, 1_702_000_000)
    done = drawn.take(np.isin(drawn.kind, names.ADMIN_KINDS))
    assert set(done.who.tolist()) <= {ADMIN}


@given(st.integers(0, 2**32), st.integers(0, 2 * 10**9), st.integers(1, 40), st.integers(0, 400))
def test_any_seed_draws_so_many_events_of_the_staff_on_the_days_of_the_log(staff, seed, first, days, events):
    stop = first + days * DAY
    one, other = (generate_events(np.random.default_rng(seed), events, staff, first, stop) for _ in range(2))
    assert len(one) == events
    assert ((one.date >= first) & (one.date < stop)).all()
    assert ((one.who >= 0) & (one.who < staff.headcount)).all()
    assert ((one.group >= 0) & (one.group < len(names.ACCOUNT_GROUPS))).all()
    assert (one.date == other.date).all()
    assert (one.who == other.who).all()


def test_an_attack_is_on_one_account_from_one_odd_address(staff):
    drawn = generate_events(np.random.default_rng(0), 3_000, staff, 1_700_000_000, 1_702_000_000)
    odd = drawn.take(drawn.where >= staff.headcount * 3)
    assert 60 <= len(odd) <= 72  # 2 %, and some of them twice
    assert set(odd.kind.tolist()) == {names.LOGIN_FAILED}
    for address in set(odd.where.tolist()):
        burst = odd.take(odd.where == address)
        if len(set(burst.date.tolist())) == 12:
            assert len(set(burst.who.tolist())) == 1
            assert burst.date.max() - burst.date.min() <= 12 * 6


def test_the_automation_works_day_and_night_from_its_office(staff):
    drawn = generate_events(np.random.default_rng(0), 3_000, staff, 1_700_000_000, 1_700_000_000 + 20 * DAY)
    automatic = drawn.take(drawn.who == AUTOMATION)
    assert len(automatic) >= 420  # 14 %
    assert np.diff(automatic.date).max() < 2 * 20 * DAY / 420
    assert set(automatic.where[automatic.kind != names.LOGIN_FAILED].tolist()) == {staff.office_place(AUTOMATION)}
