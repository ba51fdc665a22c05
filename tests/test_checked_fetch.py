"""A fetch that says it is complete is complete, whatever the server is like: one server of each kind."""

import json
import multiprocessing
import os
import subprocess
import sys
import warnings
from datetime import timedelta
from math import ceil

import pytest
from support.checked import DAY, HOUR, MINUTE, NOW, SECOND, Time, client_of, event, iso, keys, practice, spread_out
from support.rawserver import RawServer, page, whole
from support.rawserver import client_of as raw_client_of

import te_audit_frames as taf
from te_audit_frames.schema import in_order, to_events

GROUPS = ("1", "2", "3")
LOG = spread_out(400, 40 * DAY, aids=GROUPS)
PAGES = len(LOG) / 20
PERIOD = {"start": NOW - 60 * DAY, "end": NOW}
EVERYTHING = {"all_account_groups": True}
WORKERS = pytest.mark.parametrize("workers", [1, 8])


def fetch(api, clock=None, *, workers=8, policy=None, **question):
    """Fetch, and hold the frame against what the server has: what was there at the start, and has not been removed."""
    whole_time = {"start": NOW - 900 * DAY, "end": NOW + 900 * DAY}
    scope = {"aid": question.get("aid"), "all_account_groups": question.get("all_account_groups", False)}
    before = api.truth(**whole_time, **scope)
    requests = len(api.requests)
    events = client_of(api, clock, workers=workers, **(policy or {})).fetch_events(**question | scope)
    asked = [request for request in api.requests[requests:] if request.path.endswith("audit-user-events")]
    after = api.truth(**whole_time, **scope)
    paid = taf.receipt(events)
    assert paid.complete
    low, high = paid.period.start, paid.period.end
    came, earlier, later = keys(events), inside(keys(before), low, high), inside(keys(after), low, high)
    assert earlier & later <= came, f"{(earlier & later - came).total()} events are missing"
    assert came <= earlier | later, f"{(came - (earlier | later)).total()} events too many"
    return events, paid, asked


def inside(multiset, low, high):
    return type(multiset)({key: count for key, count in multiset.items() if low <= key[0] < high})


# ---- 1: the range that an answer covers ------------------------------------------------------------------------------


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


@WORKERS
def test_a_start_moved_up_to_the_retention_is_noted(workers):
    with practice(LOG, retention=20 * DAY) as api:
        events, paid, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert 0 < len(events) < 400
    assert paid.notes


# ---- 2: events that arrive during the fetch --------------------------------------------------------------------------


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("delay", [0, 3, 40])
@pytest.mark.parametrize("question", [{"window": "60d"}, {"start": NOW - 60 * DAY, "end": NOW + DAY}])
def test_events_that_arrive_during_the_fetch_come_once_or_not_at_all(workers, delay, question):
    clock = Time(step=0.3)
    late = {"arrivals": 1, "most_arrivals": 12, "arrival_delay": delay * SECOND}
    with practice(LOG, clock, **late) as api:
        fetch(api, clock, workers=workers, **question, **EVERYTHING)


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("cursors", ["offset", "row"])
def test_events_that_never_stop_arriving_late_end_in_the_truth_or_in_an_error(workers, cursors):
    clock = Time(step=0.3)
    with practice(LOG, clock, arrivals=1, arrival_delay=40 * SECOND, cursors=cursors) as api:
        try:
            fetch(api, clock, workers=workers, window="60d", **EVERYTHING)
        except taf.FetchError as error:
            assert error.missing
        assert len(api.requests) < 8 * PAGES


@WORKERS
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_true_duplicates_on_both_sides_of_a_page_are_kept(workers, order):
    log = [*spread_out(55, 10 * DAY), *[event(NOW - 5 * DAY, "twin")] * 50]
    with practice(log, order=order) as api:
        events, _, asked = fetch(api, workers=workers, **PERIOD)
    assert (events["uid"] == "twin").sum() == 50
    # At most five such checks, the first page again behind them, and the last minute.
    assert workers > 1 or len(asked) <= ceil(105 / 20) + 5 + 2


# ---- 3: dates out of order -------------------------------------------------------------------------------------------


@pytest.mark.campaign(full=30, middle=30, short=4)
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_an_event_ten_minutes_ahead_of_its_place_is_never_lost(cases, order):
    log = spread_out(800, 10 * HOUR)  # a quarter of an hour a page
    lost = {}
    for seed in range(cases):
        with practice(log, seed=seed, misplaced=1, misplaced_by=10 * MINUTE, order=order) as api:
            try:
                fetch(api, start=NOW - 10 * HOUR, end=NOW)
            except AssertionError as error:
                lost[seed] = str(error).partition("\n")[0]
    assert lost == {}


def test_a_slice_reads_past_its_cut_by_a_quarter_of_an_hour_or_a_page():
    log = spread_out(2_000, 40 * DAY, aids=GROUPS)
    with practice(log, misplaced=6, misplaced_by=10 * MINUTE) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["margin_seconds"] >= 15 * 60


@pytest.mark.few
@pytest.mark.parametrize(
    "options",
    [
        {"misplaced": 1, "misplaced_by": -48 * HOUR},
        {"misplaced": 5, "misplaced_by": 48 * HOUR},
        {"disorder": HOUR},
        {"disorder": timedelta.max},
        {"reversed_pages": True},
        {"grouped": True},
    ],
    ids=lambda options: next(iter(options)),
)
@pytest.mark.parametrize("links", [{}, {"bare_links": True}, {"sliding_links": True}, {"cursors": "row"}])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_one_worker_reads_every_page_under_any_order_and_any_kind_of_link(options, links, order):
    with practice(LOG, order=order, **options, **links) as api:
        _, _, asked = fetch(api, workers=1, **PERIOD, **EVERYTHING)
        # The last minute is a question of its own; oldest first, the first page is read once more.
        assert PAGES <= len(asked) <= PAGES + 1 + (order == "oldest")
        events, _, asked = fetch(api, workers=1, window="60d", **EVERYTHING)
    assert len(events) == 400
    assert len(asked) <= PAGES + 3


def test_dates_that_run_far_backwards_end_all_trust_in_order():
    for seed in range(5):
        with practice(LOG, seed=seed, disorder=timedelta.max) as api:
            events, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
        assert len(events) == 400
        assert paid.order == "none"


# ---- 4: group by group -----------------------------------------------------------------------------------------------


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("listing", ["listed", "refused"])
def test_no_whole_group_is_lost(workers, bare, order, listing):
    # The first group alone is most of the log, so that its pages look like those of a whole log.
    log = [*spread_out(600, 40 * DAY), *spread_out(13, 39 * DAY, aids=("2",)), *spread_out(7, 20 * DAY, aids=("3",))]
    with practice(log, grouped=True, bare_links=bare, order=order, account_groups=listing) as api:
        events, _, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
    assert events["aid"].value_counts().to_dict() == {"1": 600, "2": 13, "3": 7}


@pytest.mark.parametrize("grouped", [False, True])
def test_verify_full_assumes_no_order_at_all(grouped):
    with practice(LOG, grouped=grouped, misplaced=20, misplaced_by=-10 * DAY) as api:
        fetch(api, policy={"verify": "full"}, **PERIOD, **EVERYTHING)


def test_a_fetch_that_relied_on_order_reads_windows_again_and_says_so():
    log = spread_out(4_000, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["seams"] > 0
    assert paid.checked["windows"] == 3
    assert paid.checked["window_events"] > 0
    assert not paid.checked["differences"]
    assert "seams" in repr(paid)


# ---- 5: links that ask for something else ----------------------------------------------------------------------------


@pytest.mark.few
@WORKERS
@pytest.mark.parametrize("changed", ["scope", "window", "dates"])
@pytest.mark.parametrize("question", [PERIOD, {"window": "60d"}])
def test_changed_parameters_are_put_back(workers, changed, question):
    with practice(LOG, changed_links=changed) as api:
        events, _, _ = fetch(api, workers=workers, **question, **EVERYTHING)
    assert len(events) == 400


@pytest.mark.parametrize(
    ("changed", "shown"),
    [("scope", ("useAllPermittedAids", "true", "false")), ("dates", ("startDate", "2026-01-30", "2025-12-31"))],
)
def test_a_server_that_refuses_them_is_an_error_that_shows_both(changed, shown):
    with practice(LOG, changed_links=changed, put_back="refused") as api, pytest.raises(taf.PaginationError) as caught:
        fetch(api, workers=1, **PERIOD, **EVERYTHING)
    assert all(text in str(caught.value) for text in shown)
    assert caught.value.missing


# ---- 6: what else is on the connection -------------------------------------------------------------------------------


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


# ---- 7: more than one process ----------------------------------------------------------------------------------------


def test_a_client_that_was_used_before_a_fork_keeps_its_answers_apart():
    with practice(LOG, latency=0.002) as api:
        client = client_of(api, workers=1)
        client.fetch_events(**PERIOD, aid="1")
        pipes = {}
        for aid in GROUPS * 2:
            reading, writing = os.pipe()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: those of the server
                child = os.fork()
            if not child:
                try:
                    found = [sorted(client.fetch_events(**PERIOD, aid=aid)["uid"]) for _ in range(3)]
                    os.write(writing, json.dumps(found).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            pipes[child] = (reading, aid)
        mine = client.fetch_events(**PERIOD, aid="2")
        for child, (reading, aid) in pipes.items():
            with os.fdopen(reading) as pipe:
                found = pipe.read()
            os.waitpid(child, 0)
            truth = sorted(one["uid"] for one in api.truth(**PERIOD, aid=aid))
            assert json.loads(found) == [truth] * 3
        assert keys(mine) == keys(api.truth(**PERIOD, aid="2"))


def count_in_a_process(url, token, aid, results):
    """Fetch in another process; at the top of the module, so that every way of starting one finds it."""
    events = taf.Client(token=token, base_url=url, progress=False).fetch_events(**PERIOD, aid=aid)
    results.put((aid, len(events)))


@pytest.mark.few(count=1)
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_clients_of_other_processes_fetch_as_well(method):
    context = multiprocessing.get_context(method)
    with practice(LOG) as api:
        results = context.Queue()
        children = [
            context.Process(target=count_in_a_process, args=(api.url, api.token, aid, results)) for aid in GROUPS
        ]
        for child in children:
            child.start()
        counts = dict(results.get(timeout=60) for _ in children)
        for child in children:
            child.join(60)
        assert counts == {aid: len(api.truth(**PERIOD, aid=aid)) for aid in GROUPS}


# ---- 8: what the time is ---------------------------------------------------------------------------------------------


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


# ---- 9: removals -----------------------------------------------------------------------------------------------------


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


# ---- 10: a repeated key ----------------------------------------------------------------------------------------------


@WORKERS
def test_a_repeated_next_has_one_meaning_or_is_an_error(workers):
    with practice(LOG, repeated_next=True) as api:
        try:
            events, _, _ = fetch(api, workers=workers, **PERIOD, **EVERYTHING)
        except taf.FetchError as error:
            assert error.missing
        else:
            assert len(events) == 400


# ---- 11: no end ------------------------------------------------------------------------------------------------------


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


def test_a_waiting_thread_does_not_hold_the_exit():
    program = """
import threading
import time
import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
api = Sandbox(events=100, rate_limit=1, rate_period=3_000, page_size=5).start()
client = taf.Client(token=api.token, base_url=api.url, progress=False)
threading.Thread(target=client.fetch_events, kwargs={"window": "90d"}, daemon=True).start()
while not api.requests:
    time.sleep(0.1)
time.sleep(0.5)
print("over")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "over\n")


# ---- what the checks may cost ----------------------------------------------------------------------------------------


@pytest.mark.few
@pytest.mark.parametrize("question", [{"window": "60d"}, {"start": NOW - 60 * DAY}, PERIOD])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@WORKERS
@pytest.mark.parametrize("count", [0, 1, 19, 20])
def test_a_log_of_one_page_costs_one_request(question, order, workers, count):
    with practice(LOG[:count] if count else [], order=order) as api:
        _, paid, asked = fetch(api, workers=workers, **question, **EVERYTHING)
    assert len(asked) == 1
    assert paid.requests == len(api.requests) == 1


def test_one_worker_sends_one_request_a_page():
    past = {"start": NOW - 60 * DAY, "end": NOW - HOUR}
    with practice(LOG) as api:
        events, paid, asked = fetch(api, workers=1, **past, **EVERYTHING)
    assert len(asked) == ceil(len(events) / 20)
    assert paid.requests == len(api.requests) == len(asked)


@pytest.mark.few(count=2)
@pytest.mark.parametrize("pages", [30, 100, 300])
def test_with_8_workers_the_checks_cost_8_requests_and_3_percent_at_most(pages):
    log = spread_out(pages * 20, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
        spent = len(api.requests)
    assert paid.requests == spent
    # Cutting may waste a page each worker and a tenth; the checks come on top.
    assert spent <= pages * 1.05 + 8 + 8 + 0.03 * pages
