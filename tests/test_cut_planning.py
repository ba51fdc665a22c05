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
    planner.learn(part, before, rows, rows, more=True)


def test_nothing_is_cut_before_a_page_has_shown_how_dense_events_are():
    planner = CutPlanner(8)
    assert planner.share_out([Slice(0, 10_000, 0, 10_000)], 7) == []
    assert planner.pages_left([Slice(0, 10_000, 0, 10_000)]) == 0


def test_an_even_history_is_cut_into_equal_pieces():
    planner, part = CutPlanner(8), Slice(0, 10_000, 0, 10_000)
    read(planner, part, 100)
    assert planner.pages_left([part]) == pytest.approx(99)
    assert planner.share_out([part], 3) == [(part, 4)]
    assert planner.places(part, 4) == pytest.approx([0.25, 0.5, 0.75])


def test_a_slice_with_about_a_page_left_is_not_worth_a_cut():
    planner, part = CutPlanner(8), Slice(0, 250, 0, 250)
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
        planner.learn(part, part.pos, 0, 0, more=True)
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
    assert sorted(widths) == pytest.approx(widths if near <= far else widths[::-1])
