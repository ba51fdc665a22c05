"""A fetch is the truth: the same frame for every page size, order, bound, link and number of workers, or an error."""

import itertools
import json
import pickle
import signal
import threading
import time
import warnings
from datetime import timedelta

import polars  # noqa: F401 - it handles Ctrl-C in its own way, which a fetch has to survive
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.log_server import MINUTE, NOW, SECOND, Log, assert_no_thread_stays, frame_of, iso, same, second
from support.rawserver import HANG_UP, Pause, RawServer, VirtualClock, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.errors import (
    AuditFramesWarning,
    DecodeError,
    FetchError,
    NetworkError,
    PermissionDenied,
)
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.schema import in_order, to_events

WORKERS = [1, 2, 8, 32]


def client(api, *, workers=8, **policy):
    return taf.Client(token=api.token, base_url=api.url, workers=workers, progress=False, **policy)


# ---- the same frame ----------------------------------------------------------------------------------------------

SPAN = 40  # seconds of history up to NOW


@st.composite
def histories(draw):
    """Events with many ties and true duplicates, in few seconds, the bounds of a question among them."""
    seconds = st.integers(-2, SPAN + 2) | st.sampled_from([10, 11, 29, 30, SPAN])
    bursts = draw(st.lists(st.tuples(seconds, st.integers(1, 8), st.booleans()), max_size=12))
    numbers = itertools.count()
    return [
        {
            "date": iso(NOW - (SPAN - second) * SECOND),
            "aid": "1234" if twins or number % 3 else "77",
            "event": "Login failed.",
            "uid": "same" if twins else str(next(numbers)),
            "user": "Ann (ann@example.com)",
            **({"resources": [{"type": "testName", "name": "t"}]} if number % 2 else {}),
        }
        for second, size, twins in bursts
        for number in range(size)
    ]


SERVERS = st.fixed_dictionaries(
    {
        "page_size": st.integers(1, 9) | st.integers(1, 1_000),
        "order": st.sampled_from(["newest", "oldest"]),
        "include_start": st.booleans(),
        "include_end": st.booleans(),
        "relative_links": st.booleans(),
        "sliding_links": st.booleans(),
    }
)
WITHIN = st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=500)])


@given(histories(), SERVERS, st.tuples(st.integers(-1, SPAN), st.integers(0, SPAN)).map(sorted), WITHIN, WITHIN)
@settings(max_examples=examples(40), deadline=None)
def test_a_period_is_the_same_frame_for_every_server_and_number_of_workers(events, server, bounds, later, further):
    start = NOW - (SPAN - bounds[0]) * SECOND + later
    end = NOW - (SPAN - bounds[1] - 1) * SECOND + further
    with Sandbox(events, now=NOW + timedelta(hours=1), rate_limit=None, **server) as api:
        expected = frame_of(api.truth(start, end, all_account_groups=True))
        for workers in WORKERS:
            api.requests.clear()
            frame = client(api, workers=workers).fetch_events(start=start, end=end, all_account_groups=True)
            same(frame, expected)
            said = taf.receipt(frame)
            assert said.complete
            assert said.requests == len(api.requests)
            assert (said.period.start, said.period.end) == (start, end)
            if workers == 1:
                # Besides the pages: five boundaries with equal rows, and at the end one more and the first page.
                assert said.requests <= max(-(-len(events) // server["page_size"]), 1) + 7


@pytest.mark.full
@given(histories(), SERVERS, st.integers(1, SPAN + 5), st.sampled_from(WORKERS))
@settings(max_examples=examples(50), deadline=None)
def test_a_window_is_the_same_frame_too(events, server, length, workers):
    with Sandbox(events, now=NOW, rate_limit=None, **server) as api:
        expected = frame_of(api.truth(NOW - length * SECOND, NOW, all_account_groups=True))
        frame = client(api, workers=workers).fetch_events(window=str(length), all_account_groups=True)
        same(frame, expected)
        period = taf.receipt(frame).period
    assert (period.start, period.end) == (NOW - length * SECOND, NOW)


@pytest.mark.full
@given(histories(), SERVERS, st.integers(0, SPAN), WITHIN, st.sampled_from(WORKERS))
@settings(max_examples=examples(50), deadline=None)
def test_a_start_without_an_end_is_the_same_frame_too(events, server, second, later, workers):
    start = NOW - (SPAN - second) * SECOND + later - SECOND
    with Sandbox(events, now=NOW, rate_limit=None, **server) as api:
        expected = frame_of(api.truth(start, NOW, all_account_groups=True))
        same(client(api, workers=workers).fetch_events(start=start, all_account_groups=True), expected)


@given(histories(), SERVERS, st.sampled_from(WORKERS), st.integers(1, 3))
@settings(max_examples=examples(40), deadline=None)
def test_a_window_is_resolved_once_although_time_goes_on(events, server, workers, step):
    ticks = itertools.count()
    with Sandbox(events, now=lambda: NOW + next(ticks) * step * SECOND, rate_limit=None, **server) as api:
        frame = client(api, workers=workers).fetch_events(window=str(SPAN), all_account_groups=True)
        period = taf.receipt(frame).period
        assert period.end - period.start == SPAN * SECOND
        same(frame, frame_of(api.truth(period.start, period.end, all_account_groups=True)))
        windows = [request.query["window"] for request in api.requests if "window" in request.query]
    assert windows == [f"{SPAN + 1}s"]


@pytest.mark.few(count=1)
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.full
def test_a_lived_in_organisation_comes_whole(workers, order):
    with Sandbox(
        Organisation(events=3_000, seed=5, end=NOW), now=NOW, rate_limit=None, page_size=40, order=order
    ) as api:
        start, end = NOW - timedelta(days=80), NOW - timedelta(days=1)
        frame = client(api, workers=workers).fetch_events(start=start, end=end, all_account_groups=True)
        expected = api.truth(start, end, all_account_groups=True)
        same(frame, frame_of(expected))
        pages = -(-len(expected) // 40)
        assert len(api.requests) <= pages * 1.10 + workers
        if workers == 1:
            assert len(api.requests) == pages + (order == "oldest")  # its first page is read again at the end
    assert taf.receipt(frame).order == f"{order} first"


@pytest.mark.parametrize(
    "scope", [{"all_account_groups": False}, {"aid": "2071"}, {"aid": 2071}, {"all_account_groups": True}]
)
def test_the_scope_is_asked_for(scope):
    with Sandbox(events=500, seed=1, now=NOW, rate_limit=None) as api:
        frame = client(api).fetch_events(window="90d", **scope)
        told = {name: str(value) if name == "aid" else value for name, value in scope.items()}
        same(frame, frame_of(api.truth(NOW - timedelta(days=90), NOW, **told)))
        queries = [request.query for request in api.requests]
    assert all(
        query.get("useAllPermittedAids") == ("true" if scope.get("all_account_groups") else None) for query in queries
    )


def test_an_account_group_of_others_is_refused():
    with Sandbox(events=5, now=NOW) as api, pytest.raises(PermissionDenied):
        client(api).fetch_events(window="7d", aid="404")


def test_nothing_at_all_is_an_empty_frame_of_the_same_kind():
    with Sandbox([], now=NOW) as api:
        frame = client(api).fetch_events()
    same(frame, frame_of([]))
    assert list(frame.dtypes) == list(frame_of([{"date": iso(NOW)}]).dtypes)
    said = taf.receipt(frame)
    assert (said.complete, said.events, said.pages, said.requests, said.order) == (True, 0, 1, 1, "unknown")
    assert said.requested["default"]
    assert any("last 7 days" in note for note in said.notes)


@given(histories(), SERVERS, st.sampled_from(WORKERS))
@settings(max_examples=examples(40), deadline=None)
@pytest.mark.full
def test_streamed_batches_are_the_same_events(events, server, workers):
    with Sandbox(events, now=NOW, rate_limit=None, **server) as api:
        batches = client(api, workers=workers).iter_batches(window=str(SPAN), all_account_groups=True)
        pieces = list(batches)
        expected = frame_of(api.truth(NOW - SPAN * SECOND, NOW, all_account_groups=True))
    assert all(piece.num_rows for piece in pieces)
    same(to_events(in_order(pieces)), expected)
    assert batches.receipt.complete
    assert batches.receipt.events == len(expected)


# ---- servers of another mind -------------------------------------------------------------------------------------


@given(st.permutations(range(60)), st.integers(1, 70), st.sampled_from(WORKERS))
@settings(max_examples=examples(25), deadline=None)
def test_events_out_of_order_are_all_there(order, size, workers):
    with Log([second(number) for number in order], size=size) as api:
        frame = client_of(api, workers=workers).fetch_events(**MINUTE)
    same(frame, frame_of([second(number) for number in range(60)]))
    assert taf.receipt(frame).complete


@pytest.mark.few(count=2)
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.full
def test_disorder_that_shows_late_starts_the_reading_again(workers):
    # The older part runs the other way. It has more pages than there are workers, so some slice reads two of them.
    events = [second(number) for number in [*range(59, -1, -1), *range(-160, 0)]]
    with Log(events, size=4) as api:
        frame = client_of(api, workers=workers).fetch_events(**MINUTE | {"start": NOW - 220 * SECOND})
    same(frame, frame_of(events))
    said = taf.receipt(frame)
    assert (said.order, said.events, said.complete) == ("none", 220, True)
    assert any("not in the order" in note for note in said.notes)


def turned_round(*, size):
    """Pages newest first, each oldest first within itself: the first one ends with the end of the period."""
    newest_first = [second(number) for number in range(60, -2, -1)]
    events = [event for place in range(0, 62, size) for event in reversed(newest_first[place : place + size])]
    return Log(events, size=size, startDate=iso(NOW - 61 * SECOND), endDate=iso(NOW))


@pytest.mark.few
@pytest.mark.parametrize("question", [MINUTE, {"window": "60s"}, {"start": MINUTE["start"]}], ids=str)
@pytest.mark.parametrize("workers", WORKERS)
def test_pages_turned_round_within_themselves_do_not_end_early(workers, question):
    with turned_round(size=4) as api:
        frame = client_of(api, workers=workers).fetch_events(**question)
    same(frame, frame_of([second(number) for number in range(60)]))
    assert taf.receipt(frame).complete


@pytest.mark.few
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("answered", [1, 2, 3, 9])
def test_one_page_does_not_vouch_for_an_order(answered, workers):
    with turned_round(size=4) as api:
        api._script = lambda request: api.answer(request) if len(api.requests) <= answered else whole(b"no", 403)
        with pytest.raises(PermissionDenied) as caught:
            client_of(api, workers=workers).fetch_events(**MINUTE)
    assert_vouched_for(caught.value, [second(number) for number in range(60)], **MINUTE)


@pytest.mark.few(count=1)
@pytest.mark.parametrize("workers", WORKERS)
def test_a_server_that_ignores_the_dates_is_filtered(workers):
    events = [second(number) for number in range(100, -40, -1)]
    with Log(events, size=7, ignores_dates=True) as api:
        frame = client_of(api, workers=workers).fetch_events(**MINUTE)
    same(frame, frame_of([second(number) for number in range(60)]))
    assert taf.receipt(frame).complete


# ---- what goes wrong in the middle -------------------------------------------------------------------------------


def assert_vouched_for(error, events, *, start, end, **scope):
    """Every event outside `.missing` is in `.partial`, and nothing that is not in the log."""
    expected = frame_of(events)
    partial = error.partial.assign(resources=None).astype(str)
    whole_log = expected.assign(resources=None).astype(str)
    counts = partial.value_counts()
    assert counts.le(whole_log.value_counts().reindex(counts.index, fill_value=0)).all()
    inside = (expected["date"] >= start) & (expected["date"] < end)
    for low, high in error.missing:
        assert start <= low < high <= end
        inside &= ~((expected["date"] >= low) & (expected["date"] < high))
    vouched = whole_log[inside].value_counts()
    assert counts.reindex(vouched.index, fill_value=0).ge(vouched).all()


@given(st.integers(0, 12), st.sampled_from(WORKERS), st.integers(1, 8), st.booleans(), st.sampled_from([0, 1, 2]))
@settings(max_examples=examples(50), deadline=None)
@example(3, 8, 4, True, 2)
def test_after_a_failure_every_event_is_in_partial_or_in_missing(broken, workers, size, newest, ties):
    events = [second(number // (ties + 1), uid=str(number)) for number in range(60)]
    events = sorted(events, key=lambda event: event["date"], reverse=newest)
    numbers = itertools.count()
    with Log(events, size=size) as api:
        api._script = lambda request: whole(b"no", 403) if next(numbers) == broken else api.answer(request)
        try:
            frame = client_of(api, workers=workers).fetch_events(**MINUTE)
        except PermissionDenied as error:
            assert error.missing
            assert_vouched_for(error, events, **MINUTE)
            assert not taf.receipt(error.partial).complete
            copy = pickle.loads(pickle.dumps(error))
            same(copy.partial, error.partial)
            assert copy.missing == error.missing
        else:
            same(frame, frame_of(events))


def test_a_failure_after_the_last_event_leaves_something_missing_too():
    events = [second(number) for number in range(60, -1, -1)] + [second(-1)] * 5
    with Log(events, size=31) as api:
        api._script = lambda request: api.answer(request) if len(api.requests) <= 2 else whole(b"no", 403)
        with pytest.raises(PermissionDenied) as caught:
            client_of(api, workers=1).fetch_events(**MINUTE)
    # An event out of order may still be behind the last second received.
    assert caught.value.missing == [taf.Period(MINUTE["start"], MINUTE["end"])]
    same(caught.value.partial, frame_of([second(number) for number in range(60)]))


def test_one_failed_slice_leaves_the_pages_of_the_others():
    events = [second(number // 4, uid=str(number)) for number in range(239, -1, -1)]
    with Log(events, size=5) as api:
        api._script = lambda request: (
            [Pause(0.5), whole(b"no", 403)]
            if len(api.requests) > 6 and request.query["endDate"] < iso(NOW - 30 * SECOND)
            else api.answer(request)
        )
        with pytest.raises(PermissionDenied) as caught:
            client_of(api, workers=4).fetch_events(**MINUTE)
    assert_vouched_for(caught.value, events, **MINUTE)
    assert len(caught.value.partial) > 20
    assert sum(((high - low) for low, high in caught.value.missing), timedelta(0)) < timedelta(seconds=60)


def test_a_failed_window_names_what_is_missing():
    events = [second(number) for number in range(59, -1, -1)]
    with Log(events, size=5, startDate=iso(NOW - 61 * SECOND), endDate=iso(NOW)) as api:
        api._script = lambda request: whole(b"no", 403) if len(api.requests) > 3 else api.answer(request)
        with pytest.raises(PermissionDenied) as caught:
            client_of(api, workers=1).fetch_events(window="60s")
    assert_vouched_for(caught.value, events, **MINUTE)
    assert 10 <= len(caught.value.partial) <= 15


def test_the_first_failure_stops_the_other_workers():
    slow = [Pause(30)]
    events = [second(number // 4, uid=str(number)) for number in range(239, -1, -1)]
    with Log(events, size=5) as api:

        def script(request):
            if len(api.requests) <= 3:
                return api.answer(request)
            return whole(b"no", 403) if len(api.requests) == 9 else slow

        api._script = script
        began = time.monotonic()
        with pytest.raises(PermissionDenied):
            client_of(api, workers=8, timeout=20).fetch_events(**MINUTE)
        assert time.monotonic() - began < 2
        assert_no_thread_stays()


@pytest.mark.parametrize("kind", ["answer", "rate limit", "back-off"])
def test_ctrl_c_stops_at_once_and_keeps_the_events_so_far(kind):
    events = [second(number // 4, uid=str(number)) for number in range(239, -1, -1)]
    waits = {
        "answer": [Pause(30)],
        "rate limit": whole(b"", 429, X_Organization_Rate_Limit_Limit=1, X_Organization_Rate_Limit_Remaining=0),
        "back-off": [HANG_UP],
    }
    with Log(events, size=5) as api:
        interrupt = threading.Timer(0.4, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
        api._script = lambda request: api.answer(request) if len(api.requests) <= 4 else waits[kind]
        real = taf.Client(token="practice", base_url=api.url, workers=4, timeout=20, retries=1_000, progress=False)
        interrupt.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as caught:
            real.fetch_events(**MINUTE)
        assert time.monotonic() - began < 2
        asked = len(api.requests)
        assert_no_thread_stays()
        assert len(api.requests) <= asked + 1
    assert caught.value.missing
    assert len(caught.value.partial) > 0
    assert_vouched_for(caught.value, events, **MINUTE)


def test_a_client_serves_again_after_a_failure():
    with RawServer([whole(b"", 403), whole(page(second(3)))]) as api:
        one = client_of(api)
        with pytest.raises(PermissionDenied):
            one.fetch_events(**MINUTE)
        assert len(one.fetch_events(**MINUTE)) == 1


@pytest.mark.full
def test_two_fetches_of_one_client_do_not_disturb_each_other():
    with Sandbox(events=2_000, seed=2, now=NOW, rate_limit=None, page_size=50, latency=0.002) as api:
        one = client(api, workers=4)
        frames = [None] * 3

        def work(place):
            frames[place] = one.fetch_events(window="90d", all_account_groups=True)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = frame_of(api.truth(NOW - timedelta(days=90), NOW, all_account_groups=True))
    for frame in frames:
        same(frame, expected)


# ---- values that do not fit --------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("question", [MINUTE, {"window": "60s"}])
def test_a_bad_value_is_not_asked_for_again(question, workers):
    with RawServer([whole(page(second(5), second(4, date="soon")))]) as api:
        with pytest.raises(DecodeError, match="event 1: field 'date' is \"soon\"") as caught:
            client_of(api, workers=workers).fetch_events(**question)
        assert len(api.requests) == 1
    error = caught.value
    assert (error.page, error.event, error.field, error.value) == ("1", 1, "date", '"soon"')
    assert error.missing


@pytest.mark.parametrize("workers", WORKERS)
def test_coerced_values_are_kept_counted_and_warned_of_once(workers):
    events = [second(number) for number in range(59, -1, -1)]
    events[10] |= {"user": {"name": "Ann"}}
    events[40] |= {"aid": True, "uid": 1.5}
    counted = pytest.warns(AuditFramesWarning, match="3 values that no column can hold")
    with Log(events, size=7) as api, counted as warned:
        frame = client_of(api, workers=workers).fetch_events(**MINUTE, errors="coerce")
    (one,) = [warning for warning in warned if "clock" not in str(warning.message)]
    assert one.filename == __file__
    with warnings.catch_warnings(action="ignore", category=AuditFramesWarning):
        same(frame, taf.read_pages([json.dumps({"auditEvents": events}).encode()], errors="coerce"))
    assert taf.receipt(frame).coerced == 3
    assert frame["extra"].notna().sum() == 2


def test_coerced_dates_go_last():
    events = [second(number) for number in range(59, -1, -1)]
    events[10] |= {"date": "2026-02-30T00:00:00Z"}
    with Log(events, ignores_dates=True) as api, pytest.warns(AuditFramesWarning, match="1 value that"):
        frame = client_of(api).fetch_events(**MINUTE, errors="coerce")
    assert frame["date"].isna().tolist() == [False] * 59 + [True]
    assert json.loads(frame["extra"].iloc[-1]) == {"date": "2026-02-30T00:00:00Z"}
    assert taf.receipt(frame).undated == taf.receipt(frame).coerced == 1


# ---- the allowance, for real --------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_small_allowance_is_waited_for_and_never_exceeded():
    with Sandbox(events=400, seed=4, rate_limit=6, rate_period=1.0, page_size=40) as api:
        frame = client(api, workers=8).fetch_events(window="100d", all_account_groups=True)
        assert 429 not in {request.status for request in api.requests}
    said = taf.receipt(frame)
    assert (said.events, said.throttled) == (400, 0)
    assert said.waited_seconds > 0


def test_a_deadline_ends_an_endless_wait_in_the_middle():
    clock = VirtualClock()
    events = [second(number) for number in range(59, -1, -1)]
    with Log(events, size=5) as api:
        api._script = lambda request: api.answer(request) if len(api.requests) <= 3 else whole(b"", 429)
        with pytest.raises(FetchError, match="deadline") as caught:
            client_of(api, workers=2, deadline=200, clock=clock).fetch_events(**MINUTE)
    assert_vouched_for(caught.value, events, **MINUTE)
    assert not isinstance(caught.value, NetworkError)
