"""Reading pages: the part of a range that answers cover, and first pages that change."""

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    HOUR,
    LOG,
    NOW,
    PERIOD,
    SECOND,
    Time,
    event,
    fetch,
    iso,
    practice,
    spread_out,
)
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
@pytest.mark.parametrize("keeps", ["newest", "oldest"])
@pytest.mark.parametrize(
    "question", [{"window": "90d"}, {"start": NOW - 90 * DAY}, {"start": NOW - 90 * DAY, "end": NOW}]
)
def test_what_an_answer_does_not_cover_is_asked_for_in_turn(workers, keeps, question):
    log = spread_out(360, 88 * DAY)
    with practice(log, longest_range=31 * DAY, longest_range_keeps=keeps) as api:
        events, paid, _ = fetch(api, workers=workers, **question)
    assert len(events) == 360
    assert paid.notes, "the receipt does not say that answers covered less than was asked for"


def test_an_empty_answer_to_a_part_is_no_answer_to_the_whole():
    log = spread_out(10, DAY, before=NOW - 80 * DAY)
    with practice(log, longest_range=31 * DAY) as api:
        events, _, _ = fetch(api, window="90d")
    assert len(events) == 10


def test_without_progress_there_is_an_error_with_what_is_missing():
    def script(request):
        return whole(page(event(NOW - HOUR, 1), startDate=iso(NOW - DAY), endDate=iso(NOW)))

    with RawServer(script) as api, pytest.raises(taf.FetchError) as caught:
        raw_client_of(api, clock=Time()).fetch_events(start=NOW - 90 * DAY, end=NOW, all_account_groups=False)
    assert caught.value.missing[0].start == NOW - 90 * DAY
    assert len(api.requests) < 20


@pytest.mark.parametrize(
    ("early", "late"), [(30 * SECOND, -30 * SECOND), (-30 * SECOND, 30 * SECOND), (-DAY, DAY), (SECOND * 0, DAY)]
)
def test_a_difference_of_less_than_a_minute_or_outward_is_none(early, late):
    start, end = NOW - 90 * DAY, NOW - 30 * DAY

    def script(request):
        return whole(page(event(start + HOUR, 1), startDate=iso(start + early), endDate=iso(end + late)))

    with RawServer(script) as api:
        events = raw_client_of(api, clock=Time()).fetch_events(start=start, end=end, all_account_groups=False)
    assert (len(events), len(api.requests)) == (1, 1)
    assert taf.receipt(events).complete


@WORKERS
def test_a_start_moved_up_to_the_retention_is_noted(workers):
    with practice(LOG, retention=20 * DAY) as api:
        events, paid, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert 0 < len(events) < 400
    assert paid.notes


@WORKERS
def test_what_is_removed_at_the_old_end_shifts_no_page_unseen(workers):
    with practice(LOG, order="oldest", removals=1.5) as api:
        try:
            fetch(api, workers=workers, **PERIOD, **EVERYTHING)
        except taf.FetchError as error:
            assert error.missing
    with practice(LOG, order="oldest", removals=0.1) as api:  # two in the whole fetch
        try:
            fetch(api, workers=1, **PERIOD, **EVERYTHING)
        except taf.FetchError as error:
            assert error.missing
