"""Answers that do not fit their query: another range, or another account group."""

import re
from datetime import timedelta

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    HOUR,
    LOG,
    NOW,
    PERIOD,
    WORKERS,
    client_of,
    event,
    fetch,
    iso,
    practice,
)
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.answer_checks import check_later_range, find_misfit, stated_range
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.query import Query
from te_audit_frames.errors import PaginationError


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


# ---- one answer at a time ------------------------------------------------------------------------------------------

LAST_DAY = Query.of_range({}, NOW - DAY, NOW)


def answer_of(*events, start=None, end=None):
    stated = {"startDate": iso(start), "endDate": iso(end)} if start else {}
    return decode_page(page(*events, **stated), name="1")


@pytest.mark.parametrize(
    ("answer", "misfit"),
    [
        (answer_of(start=NOW - DAY, end=NOW), ""),
        (answer_of(), ""),
        (answer_of(start=NOW - 9 * DAY, end=NOW - 8 * DAY), "it covers .* but was asked for "),
        (answer_of(event(NOW - HOUR, 1), start=NOW - 9 * DAY, end=NOW - 8 * DAY), ""),  # its rows fit nevertheless
    ],
)
def test_an_answer_that_states_another_range_is_a_misfit_unless_its_rows_fit(answer, misfit):
    assert re.match(misfit or "$", find_misfit(answer, LAST_DAY, FetchChecks(now=NOW)))


@pytest.mark.parametrize(
    ("aids", "is_misfit"), [(["2"], False), (["1", "2"], False), (["1"], True), (["1", "3"], True), ([None], False)]
)
def test_an_answer_with_rows_of_other_groups_alone_is_a_misfit(aids, is_misfit):
    answer = answer_of(*({"date": iso(NOW - HOUR), "aid": aid} for aid in aids))
    assert bool(find_misfit(answer, Query({"aid": "2"}), FetchChecks())) == is_misfit


def test_once_rows_contradict_a_range_no_range_is_believed():
    checks, good = FetchChecks(), answer_of(start=NOW - DAY, end=NOW)
    assert stated_range(good, checks) == (NOW - DAY, NOW)
    assert stated_range(answer_of(event(NOW - 2 * DAY, 1), start=NOW - DAY, end=NOW), checks) is None
    assert stated_range(good, checks) is None
    assert (checks.ranges, checks.ranges_unconfirmed) == (1, 2)


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(seconds=59)])
def test_a_later_page_may_state_the_same_range_with_less_than_a_minute_off(shift):
    check_later_range((NOW - DAY + shift, NOW - shift), (NOW - DAY, NOW), LAST_DAY, name="2")


@pytest.mark.parametrize("stated", [(NOW - HOUR, NOW), (NOW - DAY, NOW - HOUR)])
def test_a_later_page_that_covers_less_is_an_error(stated):
    with pytest.raises(PaginationError, match=r"^page 2: it covers .*rows may be missing"):
        check_later_range(stated, (NOW - DAY, NOW), LAST_DAY, name="2")


@pytest.mark.parametrize(("ahead", "is_believed"), [(1, True), (3, True), (4, False)])
def test_a_few_events_dated_by_another_clock_do_not_contradict_a_range(ahead, is_believed):
    rows = [event(NOW + HOUR, n) for n in range(ahead)] + [event(NOW - HOUR, n) for n in range(5)]
    stated = stated_range(answer_of(*rows, start=NOW - DAY, end=NOW), FetchChecks())
    assert stated == ((NOW - DAY, NOW) if is_believed else None)
