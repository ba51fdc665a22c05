"""Which period a window means, by which clock."""

import warnings
from datetime import timedelta
from email.utils import format_datetime

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    LOG,
    MINUTE,
    NOW,
    SECOND,
    WORKERS,
    Time,
    fetch,
    practice,
    spread_out,
)
from support.log_server import MINUTE as ONE_MINUTE
from support.log_server import NOW as LOG_NOW
from support.log_server import SECOND as LOG_SECOND
from support.log_server import Log, frame_of, same, second
from support.log_server import iso as log_iso
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.period_resolution import provisional_period
from te_audit_frames.errors import BadRequest, PaginationError
from te_audit_frames.periods import Since, Window


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("stated", ["end of day", "in 3 days", "9999"])
@pytest.mark.parametrize("question", [{"window": "7d"}, {"start": NOW - 7 * DAY}])
def test_an_end_far_ahead_is_not_believed(workers, stated, question):
    log = spread_out(168, 7 * DAY - MINUTE)
    with practice(log, stated_end=stated) as api:
        events, paid, _ = fetch(api, workers=workers, **question)
    assert len(events) == 168
    assert paid.period.start == NOW - 7 * DAY
    assert paid.period.end == NOW


@WORKERS
def test_a_window_that_is_the_widest_allowed_is_asked_for_without_the_second_more(workers):
    log = spread_out(168, 7 * DAY - MINUTE)
    with practice(log, widest_range=7 * DAY) as api:
        events, _, _ = fetch(api, workers=workers, window="7d")
    assert len(events) == 168


@pytest.mark.few(count=4)
@pytest.mark.parametrize(
    ("date_error", "local_error", "end", "warns"),
    [
        (0 * DAY, 0 * DAY, NOW, False),
        (0 * DAY, -2 * MINUTE, NOW - 2 * MINUTE, False),
        (0 * DAY, 2 * MINUTE, NOW, False),
        (0 * DAY, -3 * DAY, NOW, True),
        (0 * DAY, 3 * DAY, NOW, True),
        (-3 * DAY, 0 * DAY, NOW - 3 * DAY, True),
        (3 * DAY, 0 * DAY, NOW, True),
    ],
)
def test_the_end_is_the_earliest_of_the_clocks_that_agree(date_error, local_error, end, warns):
    clock = Time(local_error=local_error)
    with practice(LOG, clock, date_error=date_error) as api, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, paid, _ = fetch(api, clock, window="30d", **EVERYTHING)
    assert paid.period.end == end
    assert paid.period.start <= NOW - 30 * DAY
    assert any(issubclass(warning.category, taf.AuditFramesWarning) for warning in caught) == warns


@pytest.mark.parametrize(
    ("question", "date"),
    [({"window": "60s"}, None), ({"window": "60s"}, DAY), ({"start": LOG_NOW - 60 * LOG_SECOND}, None)],
    ids=["window", "window, Date a day ahead", "start"],
)
def test_the_answers_own_range_shows_the_time_if_this_machine_is_a_year_behind(question, date):
    stamp = {} if date is None else {"Date": (LOG_NOW + date).strftime("%a, %d %b %Y %H:%M:%S GMT")}
    events = [second(number) for number in range(59, -1, -1)]

    def script(request):
        asked = request.query
        low = asked.get("startDate", log_iso(LOG_NOW - int(asked.get("window", "0s")[:-1]) * LOG_SECOND))
        envelope = {"startDate": low, "endDate": asked.get("endDate", log_iso(LOG_NOW))}
        return whole(
            page(*(event for event in events if low <= event["date"] <= envelope["endDate"]), **envelope), **stamp
        )

    clock = Time(local_error=LOG_NOW - 365 * DAY - NOW)
    with RawServer(script) as api, pytest.warns(taf.AuditFramesWarning, match="clock"):
        frame = raw_client_of(api, workers=1, clock=clock).fetch_events(**question)
    same(frame, frame_of(events))


@pytest.mark.parametrize("envelope", [{}, {"endDate": log_iso(LOG_NOW)}, {"startDate": "soon", "endDate": "later"}])
@pytest.mark.parametrize("workers", [1, 8])
def test_a_window_without_resolved_dates_ends_at_the_answer_s_date(envelope, workers):
    stamp = LOG_NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")
    events = [second(number) for number in range(59, -1, -1)]

    def script(request):
        assert request.query.keys() & {"window", "startDate"}
        found = [event for event in events if Log.is_asked_for(event, request.query)]
        return whole(page(*found, **envelope), Date=stamp)

    with RawServer(script) as api:
        frame = raw_client_of(api, workers=workers).fetch_events(window="30s")
        asked = [request.query.get("startDate") for request in api.requests]
    same(frame, frame_of(events[:30]))
    assert asked == [None, log_iso(LOG_NOW - 31 * LOG_SECOND)]


@pytest.mark.parametrize("workers", [1, 8])
def test_a_window_that_the_api_cuts_short_is_an_error(workers):
    events = [second(number) for number in range(59, -1, -1)]
    log = Log(events, size=5, startDate=log_iso(LOG_NOW - 20 * LOG_SECOND), endDate=log_iso(LOG_NOW))
    with log as api, pytest.raises(PaginationError, match="the rest cannot be fetched") as caught:
        raw_client_of(api, workers=workers).fetch_events(window="104w")
    assert caught.value.missing[0].start < LOG_NOW - 700 * 86_400 * LOG_SECOND


@pytest.mark.parametrize("question", [{}, {"window": "1h"}, {"start": "2026-01-01"}, ONE_MINUTE])
def test_a_fetch_that_fails_at_once_misses_all_of_it(question):
    with RawServer([whole(b"", 400)]) as api, pytest.raises(BadRequest) as caught:
        raw_client_of(api).fetch_events(**question)
    ((start, end),) = caught.value.missing
    assert start < end
    assert start.utcoffset() == end.utcoffset() == timedelta(0)
    same(caught.value.partial, frame_of([]))


# ---- a period near the present -------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 8])
def test_a_period_that_reaches_into_the_future_ends_at_the_time_of_the_fetch(workers):
    with practice(LOG) as api:
        _, paid, _ = fetch(api, workers=workers, start=NOW - 9 * DAY, end=NOW + DAY, **EVERYTHING)
    assert paid.period.end == NOW
    assert any("the time of the fetch" in note for note in paid.notes)


@pytest.mark.parametrize(("behind", "end"), [(30, NOW - 30 * SECOND), (0, NOW), (90, None)])
def test_a_period_ends_where_the_index_of_the_server_ends_if_that_is_close(behind, end):
    def script(request):
        rest = request.query["startDate"] > log_iso(NOW - 5 * MINUTE)
        stated = {"startDate": request.query["startDate"], "endDate": log_iso(NOW if rest else NOW - behind * SECOND)}
        return whole(page(**stated), Date=format_datetime(NOW, usegmt=True))

    with RawServer(script) as api:
        client = raw_client_of(api, clock=Time(), workers=1)
        paid = taf.receipt(client.fetch_events(start=NOW - DAY, end=NOW, all_account_groups=False))
        requests = len(api.requests)
    assert paid.period.end == (end or NOW)
    assert requests == (1 if end else 2)  # a longer part is asked for separately


def test_a_date_header_of_another_age_is_not_believed():
    answer = whole(page(), Date="Mon, 01 Jan 1900 00:00:00 GMT")
    with RawServer([answer]) as api:
        paid = taf.receipt(raw_client_of(api, clock=Time()).fetch_events(window="1d", all_account_groups=False))
    assert paid.period.end == NOW
    assert paid.checked["clock_ahead_seconds"] is None


@pytest.mark.parametrize(
    ("question", "period"),
    [
        (taf.Period(NOW - DAY, NOW), taf.Period(NOW - DAY, NOW)),
        (Window(7 * DAY), taf.Period(NOW - 7 * DAY, NOW)),
        (Since(NOW - DAY), taf.Period(NOW - DAY, NOW)),
        (Since(NOW + DAY), taf.Period(NOW, NOW)),
    ],
)
def test_before_any_answer_the_local_clock_says_what_a_question_means(question, period):
    assert provisional_period(question, Time()) == period


@WORKERS
@pytest.mark.parametrize("ahead", [0, 1])
def test_a_start_at_the_present_gives_an_empty_frame(workers, ahead):
    with practice(LOG) as api:
        events, paid, asked = fetch(api, workers=workers, start=NOW + ahead * SECOND)
    assert (len(events), len(asked)) == (0, 1)
    assert tuple(paid.period) == (NOW, NOW)


@pytest.mark.parametrize("end", ["2026-03-01T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_without_a_date_an_end_far_ahead_is_not_the_present(end):
    def script(request):
        return whole(page(startDate=request.query["startDate"], endDate=request.query.get("endDate", end)))

    with RawServer(script) as api:
        events = raw_client_of(api, clock=Time()).fetch_events(start=NOW - DAY, all_account_groups=False)
    assert taf.receipt(events).period.end == NOW
