"""Ranges: which part is answered, and what the answer states."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.ranges import answered_range, is_too_wide, stated_range
from te_audit_frames.sandbox.server_behaviour import Behaviour

SECONDS = st.integers(0, 10**9)


@given(SECONDS, SECONDS, SECONDS)
def test_a_plain_server_answers_the_whole_range(start, length, now):
    assert answered_range(Behaviour(), start, start + length, now=now, ends_now=False) == (start, start + length)


@given(SECONDS, SECONDS, st.integers(1, 10**6), st.sampled_from(["newest", "oldest"]))
def test_a_longest_range_keeps_one_end(start, length, longest, keeps):
    end = start + length
    behaviour = Behaviour(longest_range=timedelta(seconds=longest), longest_range_keeps=keeps)
    begin, stop = answered_range(behaviour, start, end, now=end, ends_now=False)
    assert stop - begin == min(length, longest)
    assert (stop == end) if keeps == "newest" else (begin == start)


def test_retention_moves_the_start_but_not_past_the_end():
    behaviour = Behaviour(retention=timedelta(seconds=100))
    assert answered_range(behaviour, 0, 1_000, now=1_000, ends_now=False) == (899, 1_000)
    assert answered_range(behaviour, 0, 500, now=1_000, ends_now=False) == (500, 500)


@pytest.mark.parametrize(("stated", "end"), [("true", 90_000), ("end of day", 172_799), ("in 3 days", 349_200)])
def test_an_end_left_to_the_server_is_as_it_likes(stated, end):
    behaviour = Behaviour(stated_end=stated)
    assert answered_range(behaviour, 0, 90_000, now=90_000, ends_now=True) == (0, end)
    assert answered_range(behaviour, 0, 90_000, now=90_000, ends_now=False) == (0, 90_000)


def test_only_a_wider_range_is_too_wide():
    behaviour = Behaviour(widest_range=timedelta(seconds=60))
    assert [is_too_wide(behaviour, 0, end) for end in (59, 60, 61)] == [False, False, True]
    assert not is_too_wide(Behaviour(), 0, 10**9)


def test_the_stated_range_can_be_left_out():
    assert stated_range(Behaviour(), 0, 60) == {
        "startDate": "1970-01-01T00:00:00Z",
        "endDate": "1970-01-01T00:01:00Z",
    }
    assert stated_range(Behaviour(), None, 60) == {}
    assert stated_range(Behaviour(stated_range="none"), 0, 60) == {}
