"""Reading pages: the part of a range that answers cover, and first pages that change."""

from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    HOUR,
    LOG,
    NOW,
    PERIOD,
    SECOND,
    WORKERS,
    Time,
    event,
    fetch,
    iso,
    keys,
    practice,
    spread_out,
)
from support.log_server import MINUTE, Log, frame_of, same, second
from support.log_server import NOW as LOG_NOW
from support.log_server import SECOND as LOG_SECOND
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.query import Query
from te_audit_frames.sandbox import Sandbox


def sandbox_client(api, *, workers=8):
    return taf.Client(token=api.token, base_url=api.url, workers=workers, progress=False)


@pytest.mark.few
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


@pytest.mark.parametrize("keeps", ["newest", "oldest"])
def test_a_period_as_long_as_the_longest_range_keeps_its_first_and_last_second(keeps):
    start, end = NOW - 3 * DAY, NOW - 2 * DAY
    log = [event(start, "first"), event(start + HOUR, "between"), event(end - SECOND, "last")]
    server = {"longest_range": DAY, "longest_range_keeps": keeps, "include_start": False, "include_end": False}
    with practice(log, **server) as api:
        events, _, asked = fetch(api, workers=1, start=start, end=end)
    assert sorted(events["uid"]) == ["between", "first", "last"]
    assert len(asked) == 2


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


@pytest.mark.parametrize(("early", "late"), [(-30 * SECOND, 30 * SECOND), (-DAY, DAY), (-SECOND, SECOND * 0)])
def test_an_answer_with_a_wider_range_is_whole(early, late):
    start, end = NOW - 90 * DAY, NOW - 30 * DAY

    def script(request):
        return whole(page(event(start + HOUR, 1), startDate=iso(start + early), endDate=iso(end + late)))

    with RawServer(script) as api:
        events = raw_client_of(api, clock=Time()).fetch_events(start=start, end=end, all_account_groups=False)
    assert (len(events), len(api.requests)) == (1, 1)
    assert taf.receipt(events).complete


class Rounding(RawServer):
    """A server that rounds the range of each query to whole minutes, says so, and answers for the rounded range."""

    def __init__(self, log, direction):
        self.log, self.direction = log, direction
        super().__init__(self.answer)

    def answer(self, request):
        low, high = (self.rounded(datetime.fromisoformat(request.query[name])) for name in ("startDate", "endDate"))
        found = [one for one in self.log if iso(low) <= one["date"] < iso(high)]
        return whole(page(*found, startDate=iso(low), endDate=iso(high)), Date=format_datetime(NOW, usegmt=True))

    def rounded(self, moment):
        whole_minute = moment.replace(second=0, microsecond=0)
        shift = {"down": 0, "up": 59, "nearest": 30}[self.direction]
        return whole_minute + timedelta(minutes=(moment.second + shift) // 60)


@WORKERS
@pytest.mark.parametrize("direction", ["down", "up", "nearest"])
def test_an_api_that_rounds_ranges_to_the_minute_loses_nothing(direction, workers):
    start, end = NOW - HOUR - 7 * SECOND, NOW - HOUR / 2 + 47 * SECOND
    log = [event(end - n * SECOND, n) for n in range(-90, 2_000)]
    with Rounding(log, direction) as api:
        events = raw_client_of(api, workers=workers, clock=Time()).fetch_events(start=start, end=end, aid="1")
    assert keys(events) == keys(one for one in log if iso(start) <= one["date"] < iso(end))
    assert taf.receipt(events).complete
    assert any("asked for separately" in note for note in taf.receipt(events).notes)


def test_a_short_period_that_an_api_rounds_is_noted():
    with Rounding([event(NOW - HOUR + 20 * SECOND, 1)], "down") as api:
        client = raw_client_of(api, clock=Time())
        events = client.fetch_events(start=NOW - HOUR + 5 * SECOND, end=NOW - HOUR + 30 * SECOND, aid="1")
    assert not len(events)
    assert any("taken for rounding" in note for note in taf.receipt(events).notes)


@WORKERS
def test_a_start_moved_up_to_the_retention_is_noted(workers):
    with practice(LOG, retention=20 * DAY) as api:
        events, paid, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert 0 < len(events) < 400
    assert paid.notes


@pytest.mark.full
@pytest.mark.few(count=1)
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


@pytest.mark.few
@pytest.mark.parametrize("workers", [1, 2, 8, 32])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.full
def test_sub_second_bounds_hold_to_the_microsecond_where_dates_have_fractions(order, workers):
    dates = [f"2026-03-01T11:59:{second:02}.{part}Z" for second in range(60) for part in ("000000", "250000", "5")]
    events = [{"date": date, "uid": str(number)} for number, date in enumerate(dates)]
    start, end = LOG_NOW - 30.5 * LOG_SECOND, LOG_NOW - 10.25 * LOG_SECOND
    expected = frame_of(events)
    expected = expected[(expected["date"] >= start) & (expected["date"] < end)].reset_index(drop=True)
    with Sandbox(events, now=LOG_NOW, rate_limit=None, page_size=3, order=order) as api:
        same(sandbox_client(api, workers=workers).fetch_events(start=start, end=end), expected)


def test_an_event_without_a_date_stays_where_bounds_lie_within_seconds_too():
    with RawServer([whole(page(second(5), {"uid": "undated"}, second(20)))]) as api:
        frame = raw_client_of(api).fetch_events(start=LOG_NOW - 50.5 * LOG_SECOND, end=LOG_NOW - 30.5 * LOG_SECOND)
    assert frame["uid"].tolist() == [second(20)["uid"], "undated"]


def test_a_start_within_a_second_keeps_the_rest_of_that_second_without_an_end_too():
    events = [{"date": f"2026-03-01T11:59:30.{part}Z", "uid": part} for part in ("25", "5", "75")]
    with Sandbox(events, now=LOG_NOW, rate_limit=None) as api:
        frame = sandbox_client(api).fetch_events(start=LOG_NOW - 29.5 * LOG_SECOND)
    assert frame["uid"].tolist() == ["5", "75"]


@pytest.mark.few
@pytest.mark.parametrize("workers", [1, 2, 8, 32])
@pytest.mark.parametrize("place", [0, 3, 30, 59])
def test_events_without_a_date_come_once_and_last(place, workers):
    events = [second(number) for number in range(59, -1, -1)]
    events[place:place] = [{"uid": "undated"}, {"date": None, "uid": "undated"}]
    with Log(events, size=4) as api:
        frame = raw_client_of(api, workers=workers).fetch_events(**MINUTE)
    same(frame, frame_of(events))
    assert frame["date"].isna().tolist() == [False] * 60 + [True] * 2
    said = taf.receipt(frame)
    assert (said.undated, said.events, said.complete) == (2, 62, True)


def test_one_event_without_a_date_counts_as_often_as_one_query_returned_it():
    undated = [{"uid": "twin"}, {"uid": "twin"}, {"uid": "one"}]
    first, second_query = batch_of(*undated), batch_of(*undated, undated[2])
    with RawServer([]) as api:
        client = raw_client_of(api)
        context = client._context(Progress(show=False))
        settings = {"workers": 1, "transport": client._transport, "share_done": lambda: 0.0, "errors": "raise"}
        reader = PageReader({}, context=context, checks=FetchChecks(), **settings)
        kept = [reader._first_undated(reader.ask(Query({})), batch) for batch in (first, second_query)]
        reader.stop()
    assert [chosen.tolist() for chosen in kept] == [[True] * 3, [False, False, False, True]]


def batch_of(*events):
    return decode_page(page(*events), name="1").batch
