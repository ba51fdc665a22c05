"""The clock of the practice server, as a client has it."""

import threading
from datetime import UTC, datetime, timedelta

from te_audit_frames.sandbox.practice_clock import PracticeClock

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_date_is_the_servers_each_time_it_is_asked_for():
    dates = iter([NOW, NOW + timedelta(days=365), NOW])
    clock = PracticeClock(lambda: next(dates))
    assert [clock.now() for _ in range(3)] == [NOW, NOW + timedelta(days=365), NOW]


def test_seconds_never_go_backwards_even_if_the_date_does():
    clock = PracticeClock(lambda: NOW)
    seconds = [clock.monotonic() for _ in range(100)]
    assert seconds == sorted(seconds)


def test_a_wait_ends_when_it_is_notified_and_lets_others_in_until_then():
    clock, condition, entered = PracticeClock(lambda: NOW), threading.Condition(), []

    def enter():
        with condition:
            entered.append(True)
            condition.notify_all()

    with condition:
        thread = threading.Thread(target=enter)
        thread.start()
        while not entered:
            clock.wait(condition, 60)
    thread.join()
    assert entered == [True]


def test_a_wait_that_nobody_ends_ends_by_itself():
    condition = threading.Condition()
    with condition:
        PracticeClock(lambda: NOW).wait(condition, 0.001)
