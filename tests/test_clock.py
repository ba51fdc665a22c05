"""The system's clock: an aware time, a scale that never goes backwards, and waits that anybody can end."""

import threading
from datetime import UTC, datetime, timedelta

from te_audit_frames.client.clock import Clock


def test_the_time_is_that_of_the_system_in_utc():
    before = datetime.now(UTC)
    now = Clock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_the_scale_never_goes_backwards():
    clock = Clock()
    read = [clock.monotonic() for _ in range(100)]
    assert read == sorted(read)


def test_a_wait_ends_by_itself_after_its_seconds_even_if_these_are_none():
    condition = threading.Condition()
    with condition:
        for seconds in (0.001, 0, -1):
            Clock().wait(condition, seconds)


def test_a_wait_ends_once_somebody_gives_notice_and_leaves_the_condition_to_others_until_then():
    clock, condition = Clock(), threading.Condition()
    is_over = threading.Event()

    def wait():
        with condition:
            is_waiting.set()
            clock.wait(condition, 3_600)
        is_over.set()

    is_waiting = threading.Event()
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    is_waiting.wait()
    with condition:  # held by nobody while the other waits
        assert not is_over.is_set()
        condition.notify_all()
    assert is_over.wait(60)
