"""What all requests of one fetch share: they end together."""

import pytest
from support.rawserver import VirtualClock

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.progress import Progress


@pytest.fixture
def clock():
    return VirtualClock()


def test_the_deadline_is_counted_from_the_start_of_the_fetch(clock):
    clock.seconds += 50
    context = FetchContext(clock=clock, seconds_allowed=100, progress=Progress(show=False))
    clock.seconds += 30
    assert context.seconds_left() == pytest.approx(70)
    clock.seconds += 80
    assert context.seconds_left() == pytest.approx(-10)


def test_a_stop_is_seen_by_all_and_allows_no_further_connection(clock):
    context = FetchContext(clock=clock, seconds_allowed=100, progress=Progress(show=False))
    assert not context.is_stopped
    context.stop()
    assert context.is_stopped
    assert context.stopped.wait(0)
    with pytest.raises(ConnectionAbortedError), context.connections.used(seconds=1):
        pytest.fail("a connection was used")


def test_two_fetches_share_nothing(clock):
    one, other = (FetchContext(clock=clock, seconds_allowed=100, progress=Progress(show=False)) for _ in range(2))
    one.stats.count(requests=1)
    one.stop()
    assert (other.stats.requests, other.is_stopped) == (0, False)
