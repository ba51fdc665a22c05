"""The order of dates: found from the halves of the first pages, then checked on every page."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.client.date_order import MARGIN_SECONDS, DateOrder, Disorder

NONE = np.zeros(0, dtype=np.int64)


def follow(order, *pages):
    recent = NONE
    for page in pages:
        recent = order.follow(np.array(page), recent, page_size=max(map(len, pages)))
    return recent


@pytest.mark.parametrize(
    ("pages", "name", "is_proven"),
    [
        ([[9, 8]], "newest first", False),
        ([[9, 8], [7]], "newest first", True),
        ([[1, 2], [2, 2]], "oldest first", False),
        ([[1, 2], [3]], "oldest first", True),
        ([[5, 5], [5]], "unknown", False),
        ([[5, 5], [5], [6]], "oldest first", True),
    ],
)
def test_the_first_change_of_dates_shows_the_order_and_a_later_page_proves_it(pages, name, is_proven):
    order = DateOrder(0, 10)
    follow(order, *pages)
    assert (order.name, order.is_proven, order.is_known) == (name, is_proven, name != "unknown")


def test_without_an_expected_order_there_is_none():
    order = DateOrder(0, 10, expected=False)
    assert (order.name, order.is_known, order.is_proven) == ("none", False, False)


@given(st.sampled_from(["newest first", "oldest first"]), st.integers(0, 100), st.integers(0, 100))
def test_seconds_along_the_order_turn_back_into_the_same_times(name, a, length):
    order = DateOrder(1_000, 2_000)
    order.name = name
    low, high = order.times(a, a + length)
    assert (high - low, low >= 1_000, high <= 2_000) == (length, True, True)
    seconds = np.arange(low, high)
    assert sorted(order.along(seconds)) == list(range(a, a + length))


def test_a_single_event_may_be_late_by_a_page_but_not_by_more():
    order = DateOrder(0, 5_000)
    recent = follow(order, [4_000, 3_990, 3_980], [3_970, 3_985, 3_960])  # 3,985 belongs to the page before
    with pytest.raises(Disorder):
        order.follow(np.array([3_950, 3_999]), recent, page_size=3)


def test_dates_may_run_backwards_by_the_margin_but_not_by_more():
    late = np.array([10_000, 5_000, 5_000 + MARGIN_SECONDS])
    assert len(DateOrder(0, 20_000).follow(late, NONE, page_size=3)) == 3
    with pytest.raises(Disorder):
        DateOrder(0, 20_000).follow(late + np.array([0, 0, 1]), NONE, page_size=3)
