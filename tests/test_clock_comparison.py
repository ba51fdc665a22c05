"""Two clocks, compared. What a sync does about a difference is tested in `test_sync.py`."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from te_audit_frames.storage.clock_comparison import APART, ClockComparison

NOW = datetime(2026, 4, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("ahead", [-APART, timedelta(0), APART])
def test_a_small_difference_is_not_described(ahead):
    assert ClockComparison(NOW, NOW + ahead, NOW).difference() == ""


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (NOW + timedelta(days=2), "the server's clock .* is ahead of this machine's .* by 2 days, 0:00:00"),
        (NOW - timedelta(hours=1), "this machine's clock .* is ahead of the server's .* by 1:00:00"),
    ],
)
def test_the_clock_that_is_ahead_is_named(server, message):
    clocks = ClockComparison(server, server, NOW)
    assert re.fullmatch(message, clocks.difference())
    assert clocks.ahead == server - NOW
    assert (clocks.earlier, clocks.later) == (min(server, NOW), max(server, NOW))


@pytest.mark.parametrize(("days", "is_unusable"), [(365, False), (366, True), (-4_000, False)])
def test_only_a_local_clock_far_behind_is_unusable(days, is_unusable):
    server = NOW + timedelta(days=days)
    assert ClockComparison(server, server, NOW).is_unusable is is_unusable
