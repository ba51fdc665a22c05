"""Where cuts go: pieces of equal pages, and only as many as are worth their requests."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.client.cut_planning import CutPlanner
from te_audit_frames.client.slice import Slice


def read(planner, part, seconds, rows=100):
    """Account for a full page that covers this many seconds."""
    before, part.pos = part.pos, part.pos + seconds
    planner.learn(part, before, rows, rows, spread=seconds, more=True)


def test_nothing_is_cut_before_a_page_has_shown_how_dense_events_are():
    planner = CutPlanner(8)
    assert planner.share_out([Slice(0, 10_000, 0, 10_000)], 7) == []
    assert planner.pages_left([Slice(0, 10_000, 0, 10_000)]) == 0


def test_an_even_history_is_cut_into_equal_pieces():
    planner, part = CutPlanner(8), Slice(0, 10_000, 0, 10_000)
    read(planner, part, 100)
    assert planner.pages_left([part]) == pytest.approx(99)
    assert planner.share_out([part], 3) == [(part, 4)]
    # Half of the first piece's next page is over already, so it gets as much more.
    assert planner.places(part, 4) == pytest.approx([0.25, 0.5, 0.75], abs=0.005)


def test_a_slice_with_about_a_page_left_is_not_worth_a_cut():
    planner, part = CutPlanner(8), Slice(0, 205, 0, 205)
    read(planner, part, 100)
    assert planner.share_out([part], 7) == []


def test_the_slice_with_the_most_pages_left_is_cut_first():
    planner, small, large = CutPlanner(8), Slice(0, 1_000, 0, 1_000), Slice(1_000, 9_000, 0, 9_000)
    read(planner, small, 100)
    read(planner, large, 100)
    assert planner.share_out([small, large], 1) == [(large, 2)]


def test_no_more_cuts_once_the_waste_is_a_tenth_and_a_page_for_each_worker():
    planner, part = CutPlanner(2), Slice(0, 100_000, 0, 100_000)
    for _ in range(3):  # pages that brought nothing
        planner.learn(part, part.pos, 0, 0, spread=0, more=True)
    read(planner, part, 100)
    assert planner.share_out([part], 7) == []


@given(st.integers(1, 500), st.integers(1, 500), st.integers(2, 8))
def test_places_are_in_order_and_closer_where_events_are_denser(near, far, pieces):
    planner, part, next_part = CutPlanner(8), Slice(0, 10_000, 0, 10_000), Slice(10_000, 20_000, 0, 20_000)
    read(planner, part, near)
    read(planner, next_part, far)
    places = [0.0, *planner.places(part, pieces), 1.0]
    assert len(places) == pieces + 1
    widths = [high - low for low, high in itertools.pairwise(places)]
    assert all(width > 0 for width in widths)
    later = widths[1:]  # the first piece gets half a page more
    assert sorted(later) == pytest.approx(later if near <= far else later[::-1])


def test_a_first_page_after_empty_years_does_not_hide_how_dense_its_rows_are():
    planner, part = CutPlanner(8), Slice(0, 1_000_000, 0, 1_000_000)
    part.pos = 900_000
    planner.learn(part, 0, 100, 100, spread=100, more=True)
    assert len(planner.share_out([part], 7)) == 1


def test_a_second_that_nobody_can_share_is_left_to_one_slice_and_the_rest_is_given_away():
    planner, part = CutPlanner(8), Slice(0, 100_000, 0, 100_000)
    read(planner, part, 1_000)
    read(planner, part, 0)
    assert planner.share_out([part], 2) == [(part, 3)]
    assert planner.places(part, 3) == pytest.approx([0, 0.5])


def test_single_pages_count_for_little_where_pages_do_not_predict_each_other():
    alike, unlike = CutPlanner(8), CutPlanner(8)
    for planner, days in ((alike, [100] * 10 + [1_000] * 10), (unlike, [100, 1_000] * 10)):
        part = Slice(0, 30_000, 0, 30_000)
        for seconds in days:
            read(planner, part, seconds)
    part = Slice(0, 20_000, 0, 20_000)
    read(alike, part, 100)
    read(unlike, part, 100)
    assert alike.pages_left([part]) > 1.2 * unlike.pages_left([part])


def test_fewer_cuts_are_made_once_permits_are_scarce():
    planner, part = CutPlanner(8), Slice(0, 250, 0, 250)
    read(planner, part, 100)
    assert planner.share_out([part], 7, permits=100) == [(part, 2)]
    assert planner.share_out([part], 7, permits=1) == []
