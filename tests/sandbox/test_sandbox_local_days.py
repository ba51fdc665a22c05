"""Local days of the offices, across changes of the clock."""

from datetime import UTC, date, datetime

import numpy as np

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.local_days import LocalDays, days_around, midnights
from te_audit_frames.sandbox.staff import Staff

FIRST = int(datetime(2026, 3, 20, 5, tzinfo=UTC).timestamp())
STOP = FIRST + 30 * 86_400


def test_a_day_of_23_hours_is_one():
    saturday, sunday, monday = midnights("Europe/Berlin", [date(2026, 3, day) for day in (28, 29, 30)])
    assert (sunday - saturday, monday - sunday) == (24 * 3_600, 23 * 3_600)


def test_the_days_reach_a_day_beyond_the_range_on_both_sides():
    days = days_around(FIRST, STOP)
    assert days[0] == date(2026, 3, 19)
    assert days[-1] >= date(2026, 4, 20)


def test_everybody_has_the_days_of_their_office():
    staff = Staff(np.random.default_rng(0), headcount=30)
    local_days = LocalDays(staff, FIRST, STOP)
    for person in range(30):
        weekend = names.OFFICES[staff.office[person]].weekend
        off = set(local_days.weekday[~local_days.is_working_day[person]].tolist())
        assert off == set(weekend)
        noon = int(local_days.begins[person, 5]) + 12 * 3_600
        assert local_days.day_of(person, noon) == 5
    assert local_days.first_of_month.sum() == 7
