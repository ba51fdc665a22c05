"""Batches: a stream in flat memory, or one frame."""

from datetime import timedelta

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    LOG,
    PERIOD,
    client_of,
    keys,
    practice,
    spread_out,
)
from support.log_server import MINUTE, Log, assert_no_thread_stays, iso, second
from support.log_server import NOW as LOG_NOW
from support.rawserver import Pause, RawServer, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.errors import PaginationError, PermissionDenied
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import in_order, to_events


@pytest.mark.full
def test_pages_for_ever_end_in_an_error_that_names_the_limit_and_the_stream():
    with practice(LOG, endless=True, page_size=200) as api:
        with pytest.raises(taf.FetchError, match="max_fetch_bytes") as caught:
            client_of(api, workers=1, max_fetch_bytes=500_000).fetch_events(**PERIOD, **EVERYTHING)
        assert "iter_batches" in str(caught.value)
        assert caught.value.missing
        assert len(api.requests) < 200


def test_a_stream_has_no_such_limit():
    log = spread_out(3_000, 40 * DAY)
    with practice(log, page_size=200) as api:
        batches = client_of(api, workers=1, max_fetch_bytes=50_000).iter_batches(**PERIOD, **EVERYTHING)
        events = to_events(in_order(list(batches)))
        assert keys(events) == keys(api.truth(**PERIOD, **EVERYTHING))
        assert batches.receipt.complete


def test_disorder_after_batches_were_yielded_is_an_error():
    events = [second(number) for number in [*range(59, 20, -1), 3, 20, *range(19, 3, -1), 2, 1, 0]]
    with Log(events, size=4) as api:
        batches = raw_client_of(api, workers=8).iter_batches(**MINUTE)
        with pytest.raises(PaginationError, match=r"not in the order.*fetch_events.*verify=.full") as caught:
            list(batches)
        assert not batches.receipt.complete
        assert sum(b.num_rows for b in raw_client_of(api, workers=1).iter_batches(**MINUTE)) == 60
    assert caught.value.missing


@pytest.mark.parametrize("workers", [1, 4])
def test_between_two_batches_every_event_was_handed_out_or_is_missing(workers):
    step = timedelta(minutes=10)
    ten_hours = {"start": LOG_NOW - 60 * step, "end": LOG_NOW, "all_account_groups": False}
    events = [{"date": iso(LOG_NOW - (60 - number) * step), "uid": str(number)} for number in range(59, -1, -1)]
    with Log(events, size=5) as api:
        batches = raw_client_of(api, workers=workers).iter_batches(**ten_hours)
        handed_out, least = set(), 60
        for batch in batches:
            handed_out |= {int(uid) for uid in batch["uid"].to_pylist()}
            vouched = set(range(60))
            for low, high in batches.missing:
                vouched -= {number for number in range(60) if low <= ten_hours["start"] + number * step < high}
            assert vouched <= handed_out
            least = min(least, 60 - len(vouched))
    assert 0 < least < 30  # what came long ago is vouched for
    assert batches.missing == []


def test_an_iteration_that_failed_is_never_complete():
    events = [second(number) for number in range(59, -1, -1)]
    with Log(events, size=5) as api:
        api._script = lambda request: whole(b"no", 403) if len(api.requests) > 3 else api.answer(request)
        batches = raw_client_of(api, workers=1).iter_batches(**MINUTE)
        with pytest.raises(PermissionDenied) as caught:
            list(batches)
        assert caught.value.missing
        assert list(batches) == []
        assert not batches.receipt.complete


def test_to_stop_iterating_stops_the_workers():
    events = [second(number // 4, uid=str(number)) for number in range(239, -1, -1)]
    with Log(events, size=5) as api:
        api._script = lambda request: [Pause(30)] if len(api.requests) > 2 else api.answer(request)
        for _ in raw_client_of(api, workers=4, timeout=20).iter_batches(**MINUTE):
            break
        assert_no_thread_stays()


def test_batches_that_were_begun_do_not_become_a_frame():
    with Sandbox(events=100, seed=0, page_size=10) as api:
        batches = taf.Client(token=api.token, base_url=api.url).iter_batches(window="90d", all_account_groups=True)
        next(batches)
        with pytest.raises(taf.InvalidArgument, match="one by one"):
            batches.to_events()


def test_batches_that_became_a_frame_are_used_up():
    with Log([second(1)]) as api:
        batches = raw_client_of(api).iter_batches(**MINUTE)
        assert len(batches.to_events()) == 1
        assert list(batches) == []
        with pytest.raises(taf.InvalidArgument):
            batches.to_events()
        assert len(api.requests) == 1
    assert batches.receipt.complete


def test_the_repr_says_which_period_how_many_events_and_whether_that_is_all():
    with Log([second(30), second(20)]) as api:
        batches = raw_client_of(api).iter_batches(**MINUTE)
        assert repr(batches) == "<Batches, period not resolved yet: 0 events so far, not begun>"
        next(batches)
        period = "2026-03-01T11:59:00Z to 2026-03-01T12:00:00Z"
        assert repr(batches) == f"<Batches, {period}: 2 events so far, under way>"
        assert list(batches) == []
        assert repr(batches) == f"<Batches, {period}: 2 events so far, complete>"


def test_the_repr_of_batches_that_failed_says_that_they_are_not_complete():
    with RawServer([whole(b"no", 403)]) as api:
        batches = raw_client_of(api).iter_batches(**MINUTE)
        with pytest.raises(PermissionDenied):
            batches.to_events()
    assert repr(batches).endswith("0 events so far, not complete>")


def test_all_batches_become_one_table_in_the_order_of_dates():
    with Log([second(number) for number in (50, 40, 30, 20)]) as api:
        table = raw_client_of(api, workers=1).iter_batches(**MINUTE).to_table()
    assert table["uid"].to_pylist() == ["20", "30", "40", "50"]
