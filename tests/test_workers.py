"""The threads of a fetch."""

import subprocess
import sys
import threading

import pytest

from te_audit_frames.client.workers import Workers, first_done


@pytest.mark.full
def test_a_waiting_thread_does_not_hold_the_exit():
    program = """
import threading
import time
import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
api = Sandbox(events=100, rate_limit=1, rate_period=3_000, page_size=5).start()
client = taf.Client(token=api.token, base_url=api.url, progress=False)
threading.Thread(target=client.fetch_events, kwargs={"window": "90d"}, daemon=True).start()
while not api.requests:
    time.sleep(0.1)
time.sleep(0.5)
print("over")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "over\n")


def test_threads_start_only_when_they_are_needed_and_never_more_than_allowed():
    workers, gate = Workers(2), threading.Event()
    names = lambda: {thread.name for thread in workers._threads}  # noqa: E731
    assert workers.submit(lambda: 1).result(10) == 1
    assert len(names()) == 1
    futures = [workers.submit(lambda: gate.wait(10)) for _ in range(5)]
    assert len(names()) == 2
    gate.set()
    assert [future.result(10) for future in futures] == [True] * 5
    workers.stop()


def test_an_error_of_a_task_is_raised_by_its_future_and_the_thread_goes_on():
    workers = Workers(1)
    failed, fine = workers.submit(lambda: 1 / 0), workers.submit(lambda: 2)
    with pytest.raises(ZeroDivisionError):
        failed.result(10)
    assert fine.result(10) == 2
    workers.stop()


def test_after_a_stop_no_waiting_task_is_run_and_every_thread_ends():
    workers, begun, gate = Workers(1), threading.Event(), threading.Event()

    def first():
        begun.set()
        return gate.wait(10)

    running, waiting = workers.submit(first), workers.submit(lambda: 2)
    assert begun.wait(10)
    workers.stop()
    gate.set()
    assert running.result(10)
    for thread in workers._threads:
        thread.join(10)
        assert thread.daemon
        assert not thread.is_alive()
    assert waiting.cancelled()


def test_the_first_that_are_done_are_returned():
    workers, gate = Workers(2), threading.Event()
    slow, quick = workers.submit(lambda: gate.wait(10)), workers.submit(lambda: 1)
    assert first_done([slow, quick]) == {quick}
    gate.set()
    assert first_done([slow]) == {slow}
    assert first_done([]) == set()
    workers.stop()
