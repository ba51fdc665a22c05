"""Parts of the staff in a history with habits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.characters import DAY, ROLES_DAY, Setting, draw_cast
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.staff import ADMIN, FIRST_NAMED, Staff

FEWEST = FIRST_NAMED + 10


def draw(seed=0, *, headcount=FEWEST, first=1_700_000_000, days=60):
    staff, stop = Staff(np.random.default_rng(4), headcount=headcount), first + days * DAY
    local_days = LocalDays(staff, first, stop)
    cast = draw_cast(np.random.default_rng(seed), staff, local_days, first, stop)
    return Setting(staff, cast, local_days, first, stop)


@given(st.integers(0, 2**32), st.integers(0, 2 * 10**9), st.integers(60, 400))
def test_every_part_is_played_by_somebody_else_with_a_name(seed, first, days):
    cast = draw(seed, first=first, days=days).cast
    parts = [cast.leaver, cast.dormant, cast.climber, cast.token_maker, cast.victim, cast.cleaner]
    parts += [*cast.rule_keepers, *cast.joiners]
    assert sorted(parts) == list(range(FIRST_NAMED, FEWEST))
    assert set(cast.regulars) < set(parts)
    assert cast.role_givers == (ADMIN, cast.leaver)


@given(st.integers(0, 2**32), st.integers(0, 2 * 10**9), st.integers(60, 400))
def test_the_moments_of_a_history_are_in_its_range_and_in_working_hours(seed, first, days):
    setting = draw(seed, first=first, days=days)
    cast, begins, stop = setting.cast, setting.local_days.begins, first + days * DAY
    assert cast.left_at in begins[cast.leaver]
    assert stop - 5 * DAY <= cast.left_at <= stop - 4 * DAY + 1
    assert first < cast.returns_at < stop - 17 * DAY
    since_midnight = cast.returns_at - begins[cast.dormant][setting.local_days.day_of(cast.dormant, cast.returns_at)]
    assert 9 * 3_600 <= since_midnight < 17 * 3_600  # an hour more or less where clocks change
    assert 190 * DAY <= cast.returns_at - cast.dormant_since < 260 * DAY
    one, other = cast.joining_days
    assert one < other
    assert {int(setting.local_days.weekday[day]) for day in (one, other)} == {ROLES_DAY}
    assert first < begins[ADMIN][one] < begins[ADMIN][other] < stop


def test_the_parts_are_the_same_for_the_same_seed_and_others_for_another():
    assert draw(1).cast == draw(1).cast
    assert draw(1).cast != draw(2).cast


@pytest.mark.parametrize("headcount", [24, 200])
def test_a_person_has_the_later_name_from_its_second_on(headcount):
    setting = draw(headcount=headcount)
    renamed_at = setting.staff.renamed_at(setting.first, setting.stop)
    person = int(np.argmin(renamed_at))
    names = [setting.user_name(person, int(renamed_at[person]) + step) for step in (-1, 0, 1)]
    assert names[0] != names[1] == names[2]
    never = int(np.argmax(renamed_at))
    assert setting.user_name(never, setting.first) == setting.user_name(never, setting.stop)
    assert "@" not in "".join(names)
