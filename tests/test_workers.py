"""The threads of a fetch."""

import subprocess
import sys

import pytest

WORKERS = pytest.mark.parametrize("workers", [1, 8])


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
