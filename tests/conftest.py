"""What every test stands on."""

import os
import signal

import pytest
from hypothesis import settings

# Started in the background of a shell, a process ignores Ctrl-C, and hands that on to its children; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The whole check has to say the same twice; new examples are looked for everywhere else.
settings.register_profile("check", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("check")


def pytest_addoption(parser):
    parser.addoption("--full-faults", action="store_true", help="run every campaign of tests/faults at its full count")


def pytest_configure(config):
    config.addinivalue_line("markers", "campaign(full, short): how many cases a campaign has, and how many by default")


@pytest.fixture
def cases(request):
    """How many cases the campaign at hand shall run: those of its mark, in full or in short."""
    counts = request.node.get_closest_marker("campaign").kwargs
    return counts["full" if request.config.getoption("--full-faults") else "short"]
