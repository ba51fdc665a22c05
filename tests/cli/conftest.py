"""A practice server for the command line, and a file of its events."""

import pytest
from support.command_line import CANARY, FOREVER, LOG, NOW, run

from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Sandbox


@pytest.fixture(scope="module")
def a_machine_whose_clock_agrees_with_the_servers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "now", lambda self: NOW)
        yield


@pytest.fixture(scope="module")
def api(a_machine_whose_clock_agrees_with_the_servers):
    with Sandbox(events=LOG, now=NOW, page_size=50, rate_limit=None, token=CANARY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def parquet(api, tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    result = run("fetch", *FOREVER, "-o", path, at=api)
    assert result.exit_code == 0, result.output
    return path
