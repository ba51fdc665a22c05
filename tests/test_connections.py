"""Connections: cut when their time is over, and never with the bytes of another answer."""

import http.client
import threading
import time

import pytest
import requests
from support.checked import (
    EVERYTHING,
    GROUPS,
    LOG,
    PAGES,
    PERIOD,
    WORKERS,
    client_of,
    fetch,
    keys,
    practice,
)
from support.rawserver import HANG_UP, Pause, RawServer, head, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.connections import Adapter, OpenConnections
from te_audit_frames.errors import NetworkError


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("interim", [(102,), (103,), (102, 103, 103)])
def test_interim_answers_are_skipped(workers, interim):
    with practice(LOG, interim=interim) as api:
        events, _, asked = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert len(events) == 400
    assert workers > 1 or len(asked) == PAGES + 1  # the last minute is a question of its own


@pytest.mark.few
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


def test_a_cut_ends_a_waiting_request_at_once():
    connections = OpenConnections()
    waiting = threading.Event()
    failed = []

    def script(request):
        waiting.set()
        return [Pause(30)]

    def ask(url):
        with requests.Session() as session, connections.used(seconds=30):
            session.mount("http://", Adapter())
            try:
                session.get(url, timeout=30)
            except requests.ConnectionError as error:
                failed.append(error)

    with RawServer(script) as api:
        thread = threading.Thread(target=ask, args=[api.url])
        thread.start()
        assert waiting.wait(10)
        connections.cut()
        thread.join(10)
        assert not thread.is_alive()
    assert failed


def test_an_exchange_is_cut_once_its_time_is_over():
    with RawServer([[Pause(30)]]) as api, requests.Session() as session:
        session.mount("http://", Adapter())
        with pytest.raises(requests.ConnectionError), OpenConnections().used(seconds=0.1):
            session.get(api.url, timeout=30)


def test_interim_answers_without_end_are_an_error():
    endless = [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 30, HANG_UP]
    with RawServer([endless]) as api, requests.Session() as session:
        session.mount("http://", Adapter())
        with pytest.raises(requests.ConnectionError, match="more than 20 interim answers"):
            session.get(api.url, timeout=30)


def test_an_answer_other_than_200_closes_its_connection():
    with RawServer([whole(b"no", 404), whole(b"yes"), whole(b"yes")]) as api, requests.Session() as session:
        session.mount("http://", Adapter())
        assert [session.get(api.url, timeout=30).status_code for _ in range(3)] == [404, 200, 200]
        assert api.accepted == 2


def test_the_debug_level_of_a_whole_program_prints_no_headers(monkeypatch, capsys):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with RawServer([whole(b"yes")]) as api, requests.Session() as session:
        session.mount("http://", Adapter())
        session.get(api.url, headers={"Authorization": "Bearer practice"}, timeout=30)
    assert capsys.readouterr().out == ""
