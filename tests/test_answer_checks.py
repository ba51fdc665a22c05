"""Answers that do not fit their query: another range, or another account group."""

import pytest
from support.checked import (
    EVERYTHING,
    LOG,
    PERIOD,
    client_of,
    fetch,
    practice,
)
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.errors import PaginationError

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
def test_a_range_that_its_own_rows_contradict_confirms_nothing(workers):
    with practice(LOG, stated_range="example") as api:
        events, paid, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert len(events) == 400
    assert paid.checked["ranges"] == 0
    assert paid.checked["ranges_unconfirmed"] > 0


@WORKERS
def test_a_server_that_gives_no_range_is_no_error(workers):
    with practice(LOG, stated_range="none") as api:
        events, paid, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert len(events) == 400
    assert paid.checked["ranges"] == 0


def test_an_answer_about_another_group_is_asked_for_once_more():
    with practice(LOG, mixed_up=4) as api:
        events, _, _ = fetch(api, workers=1, **PERIOD, aid="2")
    assert set(events["aid"]) == {"2"}


@WORKERS
def test_answers_that_are_always_about_another_group_are_an_error(workers):
    with practice(LOG, mixed_up=1) as api, pytest.raises(taf.FetchError) as caught:
        client_of(api, workers=workers).fetch_events(**PERIOD, aid="2")
    assert len(caught.value.partial) == 0
    assert caught.value.missing == [taf.Period(**PERIOD)]


def test_a_range_shorter_than_a_second_is_no_answer_to_a_day():
    event = {"date": "2026-03-01T12:00:00.5Z", "event": "Login failed."}
    answer = whole(page(event, startDate="2026-03-01T12:00:00.200Z", endDate="2026-03-01T12:00:00.800Z"))
    with RawServer([answer]) as api, pytest.raises(PaginationError, match="does not belong to the query"):
        raw_client_of(api).fetch_events(window="1d")
