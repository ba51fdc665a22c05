"""Sliding windows: what is counted and joined at once is what is found one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.checks.sliding_windows import count_different_within, count_within, join_windows, search

MOMENTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(-1, 3)), max_size=30).map(sorted)


@given(MOMENTS, st.integers(1, 10))
def test_windows_are_counted_as_one_by_one(drawn, length):
    groups, moments, members = (np.array([row[n] for row in drawn], dtype="int64") for n in range(3))
    inside = [[m for g, t, m in drawn if g == group and moment - length <= t <= moment] for group, moment, _ in drawn]
    assert count_within(groups, moments, length).tolist() == [len(some) for some in inside]
    different = count_different_within(groups, moments, members, length)
    assert different.tolist() == [len(set(some) - {-1}) for some in inside]


@given(MOMENTS, st.integers(1, 10))
def test_joined_windows_cover_what_the_windows_cover(drawn, length):
    groups, moments = (np.array([row[n] for row in drawn], dtype="int64") for n in range(2))
    joined = list(zip(*(part.tolist() for part in join_windows(groups, moments, length)), strict=True))
    for group in range(3):
        spans = sorted((start, end) for of, start, end in joined if of == group)
        assert all(one[1] < other[0] for one, other in pairwise(spans))
        for half in range(-30, 80):
            at = half / 2
            covered = any(t - length <= at <= t for g, t, _ in drawn if g == group)
            assert covered == any(start <= at <= end for start, end in spans)


@given(MOMENTS, st.integers(-2, 4), st.integers(-20, 60))
def test_search_is_searchsorted_in_each_group(drawn, group, moment):
    groups, moments = (np.array([row[n] for row in drawn], dtype="int64") for n in range(2))
    pairs = [(g, t) for g, t, _ in drawn]
    for side in ("left", "right"):
        found = search(groups, moments, np.array([group]), np.array([moment]), side=side)
        before = [pair for pair in pairs if pair < (group, moment) or (side == "right" and pair == (group, moment))]
        assert found.tolist() == [len(before)]


NOTHING = np.array([], dtype="int64")


def test_no_events_have_no_windows():
    assert count_within(NOTHING, NOTHING, 10).tolist() == []
    assert count_different_within(NOTHING, NOTHING, NOTHING, 10).tolist() == []
    assert [part.tolist() for part in join_windows(NOTHING, NOTHING, 10)] == [[], [], []]
    assert search(NOTHING, NOTHING, np.array([0]), np.array([0])).tolist() == [0]


def test_the_first_and_the_last_date_in_microseconds_are_counted_in_many_groups():
    ends = np.array(["0001-01-01", "9999-12-31T23:59:59.999999"], dtype="datetime64[us]").astype("int64")
    groups, moments = np.repeat(np.arange(1_000), 2) * 10**6, np.tile(ends, 1_000)
    everything = int(ends[1] - ends[0])
    assert count_within(groups, moments, everything).tolist() == [1, 2] * 1_000
    assert count_within(groups, moments, everything - 1).tolist() == [1, 1] * 1_000
    assert count_different_within(groups, moments, np.zeros(2_000, dtype="int64"), everything).tolist() == [1] * 2_000
    joined = join_windows(groups, moments, everything)
    assert joined[0].tolist() == [group * 10**6 for group in range(1_000)]


def test_members_of_whom_none_is_known_are_not_counted():
    groups, moments = np.array([0, 0, 1]), np.array([0, 1, 1])
    assert count_different_within(groups, moments, np.array([-1, -1, -1]), 5).tolist() == [0, 0, 0]
