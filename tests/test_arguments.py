"""Argument checks: what passes, what is refused, and what the message names."""

import math

import pytest

from te_audit_frames.arguments import check_number, check_whole_number
from te_audit_frames.errors import InvalidArgument


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 0.95])
def test_numbers_within_their_bounds_pass(value):
    assert check_number("reserve", value, 0, 0.95) == value


@pytest.mark.parametrize("value", [-0.1, 0.951, math.nan, math.inf, "0.5", True, None])
def test_other_numbers_are_refused(value):
    with pytest.raises(InvalidArgument) as caught:
        check_number("reserve", value, 0, 0.95)
    assert str(caught.value) == f"reserve: {value!r} is not a number from 0 to 0.95"


def test_the_unit_is_named():
    with pytest.raises(InvalidArgument, match="wait: -1 is not a number of seconds from 0 to 86,400"):
        check_number("wait", -1, 0, 86_400, unit="seconds")


@pytest.mark.parametrize(("value", "high"), [(1, 64), (64, 64), (10**9, None)])
def test_whole_numbers_within_their_bounds_pass(value, high):
    assert check_whole_number("workers", value, 1, high) == value


@pytest.mark.parametrize("value", [0, 65, 1.0, "8", True, None])
def test_other_whole_numbers_are_refused(value):
    with pytest.raises(InvalidArgument) as caught:
        check_whole_number("workers", value, 1, 64)
    assert str(caught.value) == f"workers: {value!r} is not a whole number from 1 to 64"


def test_without_an_upper_bound_the_message_has_an_example():
    with pytest.raises(InvalidArgument, match=r"top: 0 is not a whole number of at least 1\. For example top=10\."):
        check_whole_number("top", 0, 1)
