"""Connections: cut when their time is over, and never with the bytes of another answer."""

import time

import pytest
from support.checked import (
    EVERYTHING,
    GROUPS,
    LOG,
    PAGES,
    PERIOD,
    client_of,
    fetch,
    keys,
    practice,
)
from support.rawserver import Pause, RawServer, head
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.connections import OpenConnections
from te_audit_frames.errors import NetworkError

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
@pytest.mark.parametrize("interim", [(102,), (103,), (102, 103, 103)])
def test_interim_answers_are_skipped(workers, interim):
    with practice(LOG, interim=interim) as api:
        events, _, asked = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert len(events) == 400
    assert workers > 1 or len(asked) == PAGES + 1  # the last minute is a question of its own


@WORKERS
@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("every", [2, 3, 5])
def test_bytes_left_on_a_connection_answer_no_question(workers, status, every):
    with practice(LOG, stray_answers=every, stray_status=status) as api:
        client = client_of(api, workers=workers)
        for aid in GROUPS * 2:
            truth = api.truth(**PERIOD, aid=aid)
            try:
                events = client.fetch_events(**PERIOD, aid=aid)
            except taf.FetchError as error:
                assert keys(error.partial) <= keys(truth)
                assert error.missing
            else:
                assert keys(events) == keys(truth)


ONE_DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}


def test_a_head_that_drips_is_bounded_by_the_time_out():
    drip = [step for byte in head(200) for step in (bytes([byte]), Pause(0.05))]
    began = time.monotonic()
    with RawServer([drip]) as api, pytest.raises(NetworkError, match="timeout"):
        raw_client_of(api, timeout=0.3, retries=0).fetch_events(**ONE_DAY)
    assert time.monotonic() - began < 2


def test_after_a_stop_no_further_connection_is_used():
    lines = OpenConnections()
    with lines.used(seconds=60):
        lines.cut()
    with pytest.raises(ConnectionAbortedError), lines.used(seconds=60):
        pytest.fail("a connection was used")
