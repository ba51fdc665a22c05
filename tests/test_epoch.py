"""Whole epoch seconds: from dates, moments and periods, and back."""

from te_audit_frames.client.epoch import join_ranges


def test_ranges_that_touch_are_told_as_one():
    assert join_ranges([(8, 9), (5, 7), (1, 3), (3, 4), (5, 6)]) == [(1, 4), (5, 7), (8, 9)]
