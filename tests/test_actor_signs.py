"""Signs of automation: the measure of an actor does not depend on others, and is defined without events too."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.checks.actor_signs import longest_quiet, most_frequent, same_pause, weekend_shares

SIGNS = {
    "same_pause": lambda actor, minutes, count: [same_pause(actor, minutes, count)],
    "same_pause of a minute": lambda actor, minutes, count: [same_pause(actor, minutes, count, 60)],
    "most_frequent": lambda actor, minutes, count: [most_frequent(actor, minutes % 60, count)],
    "longest_quiet": lambda actor, minutes, count: [longest_quiet(actor, minutes, count)],
    "weekend_shares": weekend_shares,
}
DAY = 1_440
BURSTS = st.lists(st.integers(0, 20 * DAY) | st.integers(0, 40).map(lambda hour: 90 * hour), max_size=30).map(sorted)


def whole(values) -> np.ndarray:
    return np.array(list(values), dtype="int64")


@pytest.mark.parametrize("sign", SIGNS)
@given(st.lists(BURSTS, max_size=4))
def test_an_actor_is_measured_alone(sign, bursts):
    actor = whole(number for number, minutes in enumerate(bursts) for _ in minutes)
    together = SIGNS[sign](actor, whole(chain(*bursts)), len(bursts))
    alone = [SIGNS[sign](whole([0] * len(minutes)), whole(minutes), 1) for minutes in bursts]
    for part, values in enumerate(together):
        assert values.tolist() == [float(each[part][0]) for each in alone]


@pytest.mark.parametrize(
    ("minutes", "shortest", "share"),
    [
        (range(0, 42 * 90, 90), 0, 1),  # 41 equal pauses
        (range(0, 11 * 90, 90), 0, 10 / 20),  # few pauses may be chance
        ([], 0, 0),
        ([5], 0, 0),
        (range(0, 41 * 90, 90), 90, 1),
        (range(0, 41 * 90, 90), 91, 0),
        (range(0, 41 * 4 * DAY, 4 * DAY), 0, 1),
        (range(0, 41 * (4 * DAY + 1), 4 * DAY + 1), 0, 0),  # silence
        ([*range(0, 30 * 90, 90), *range(30 * 90, 30 * 90 + 10 * 7, 7)], 0, 30 / 39),
    ],
)
def test_the_share_of_the_most_frequent_pause(minutes, shortest, share):
    minutes = whole(minutes)
    assert same_pause(np.zeros_like(minutes), minutes, 1, shortest).tolist() == [pytest.approx(share)]


@pytest.mark.parametrize(
    ("hours", "quiet"),
    [
        ([], 24),
        ([0], 23),
        ([12], 23),
        ([0, 12], 11),
        ([3, 22], 18),  # from four to 22
        ([6, 10], 19),  # across midnight, from 11 to six
        (range(24), 0),
        ([0] * 399 + [12], 23),  # one burst of 400 makes no hour busy
        ([0] * 199 + [12], 11),
    ],
)
def test_quiet_hours_in_a_row_also_across_midnight(hours, quiet):
    minutes = whole(60 * hour + 59 for hour in hours)
    assert longest_quiet(np.zeros_like(minutes), minutes, 1).tolist() == [quiet]


def test_days_are_those_of_utc():
    first = whole([day * DAY for day in range(7)])  # a Thursday, and the days after it
    last = first + DAY - 1
    for minutes in (first, last):
        alone = weekend_shares(np.arange(7), minutes, 7)
        assert [share.tolist() for share in alone] == [[0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]]
