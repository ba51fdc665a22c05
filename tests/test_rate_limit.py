"""The budget in virtual time: a simulated organisation, and workers that ask the Budget before every request."""

import heapq
import itertools
import math
import random
import threading
from collections import Counter
from datetime import UTC, datetime

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.rawserver import VirtualClock

import te_audit_frames as taf
from te_audit_frames.client.rate_limit import LONGEST_WAIT, Allowance, Budget, Pacer, server_date
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT, PERIOD, WORKERS, LATENCY = 60, 10.0, 8, 0.5


class Organisation:
    """Counts requests in fixed windows, and tells them in whole seconds, as the API does."""

    def __init__(self, *, phase: float, rounding=math.ceil):
        self._phase = phase
        self._rounding = rounding
        self.used = Counter()

    def window(self, time):
        return math.floor((time - self._phase) / PERIOD)

    def ends(self, time):
        return (self.window(time) + 1) * PERIOD + self._phase

    def answer(self, time):
        window = self.window(time)
        throttled = self.used[window] >= LIMIT
        self.used[window] += not throttled
        reset = self._rounding(self.ends(time))
        headers = {
            "X-Organization-Rate-Limit-Limit": str(LIMIT),
            "X-Organization-Rate-Limit-Remaining": str(LIMIT - self.used[window]),
            "X-Organization-Rate-Limit-Reset": str(reset),
            "Date": datetime.fromtimestamp(math.floor(time), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }
        # The local clock is a day off, which must not matter.
        return throttled, Allowance.from_headers(headers, now=NOW)


def simulate(pages, *, seed, others_a_second=0.0, reserve=0.0, rounding=math.ceil, aligned=False):
    """Let eight workers fetch so many pages; return the seconds, the 429s and our requests by window."""
    rng = random.Random(seed)
    organisation = Organisation(phase=0.0 if aligned else rng.random() * PERIOD, rounding=rounding)
    budget = Budget(reserve=reserve)
    began = 1_000_000.0 + rng.random() * PERIOD
    numbers = itertools.count()
    happenings = [(began, next(numbers), "wants", None) for _ in range(WORKERS)]
    if others_a_second:
        happenings.append((began, next(numbers), "other", None))
    heapq.heapify(happenings)
    throttled_in, ours, started, done = Counter(), Counter(), 0, 0

    def then(time, what, about=None):
        heapq.heappush(happenings, (time, next(numbers), what, about))

    while done < pages:
        time, _, what, about = heapq.heappop(happenings)
        if what == "other":
            organisation.answer(time)
            then(time + rng.expovariate(others_a_second), "other")
        elif what == "wants" and (about == "again" or started < pages):
            if wait := budget.wait(time):
                then(time + min(wait, 0.05), "wants", about)
                continue
            budget.leave()
            started += about != "again"
            then(time + LATENCY * rng.uniform(0.3, 0.7), "arrives")
        elif what == "arrives":
            throttled, allowance = organisation.answer(time)
            ours[organisation.window(time)] += not throttled
            throttled_in[organisation.window(time)] += throttled
            then(time + LATENCY * rng.uniform(0.3, 0.7), "answered", (throttled, allowance))
        elif what == "answered":
            throttled, allowance = about
            budget.answer(time, allowance, throttled=throttled)
            done += not throttled
            then(time, "wants", "again" if throttled else None)
    return time - began, +throttled_in, ours, ideal(pages, began, organisation)


def ideal(pages, began, organisation):
    """Compute the shortest time that the limit and the workers permit."""
    time, left = began, pages
    while True:
        fit = min(LIMIT, (organisation.ends(time) - time) * WORKERS / LATENCY)
        if left <= fit:
            return time + max(left * LATENCY / WORKERS, LATENCY) - began
        left -= fit
        time = organisation.ends(time)


@pytest.mark.few(count=20)
@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("aligned", [True, False])
def test_alone_no_request_is_one_too_many_and_little_time_is_lost(seed, aligned):
    # Not a multiple of the limit: there, a single request that misses its window costs a whole one.
    took, throttled, _, best = simulate(270, seed=seed, aligned=aligned)
    assert throttled == {}
    assert took <= 1.15 * best


@pytest.mark.parametrize("rounding", [math.floor, round])
@pytest.mark.parametrize("seed", range(20))
def test_a_reset_that_is_rounded_down_makes_no_request_come_too_early(seed, rounding):
    took, throttled, _, best = simulate(270, seed=seed, rounding=rounding)
    assert throttled == {}
    assert took <= 1.15 * best


@pytest.mark.full
def test_with_another_client_both_finish_and_a_window_sees_one_429_at_most_nearly_always():
    windows = Counter()
    for seed in range(40):
        _, throttled, ours, _ = simulate(150, seed=seed, others_a_second=LIMIT / PERIOD)
        windows.update(throttled[window] for window in ours)
        assert sum(ours.values()) == 150
    # Another client's burst within one round trip cannot be seen coming.
    assert windows[0] + windows[1] >= 0.95 * windows.total()
    assert max(windows) <= 3


@pytest.mark.parametrize("seed", range(10))
def test_a_reserve_is_left_to_others(seed):
    _, throttled, ours, _ = simulate(200, seed=seed, reserve=0.25)
    assert throttled == {}
    assert max(ours.values()) == LIMIT * 3 // 4


def headers(**changed):
    told = {
        "X-Organization-Rate-Limit-Limit": "240",
        "X-Organization-Rate-Limit-Remaining": "7",
        "X-Organization-Rate-Limit-Reset": str(int(NOW.timestamp()) + 30),
        "Date": "Sun, 01 Mar 2026 12:00:00 GMT",
    }
    told |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in told.items() if value is not None}


def test_the_end_of_the_window_is_measured_by_the_servers_own_clock():
    off = NOW.replace(year=2024)
    assert Allowance.from_headers(headers(), now=off).reset_in == 30
    assert Allowance.from_headers(headers(Date=None), now=NOW).reset_in == 30


@pytest.mark.parametrize("reset", ["0", "-5", "99999999999", str(int(NOW.timestamp() * 1000)), "1e300"])
def test_no_reset_makes_anybody_wait_longer_than_a_window(reset):
    allowance = Allowance.from_headers(headers(X_Organization_Rate_Limit_Reset=reset), now=NOW)
    budget = Budget()
    budget.leave()
    budget.answer(0.0, allowance, throttled=True)
    assert 0 < budget.wait(0.0) <= LONGEST_WAIT


def test_a_window_that_ends_later_than_its_headers_say_makes_no_longer_wait():
    later = str(int(NOW.timestamp()) + 86_400)
    budget, time = Budget(), 0.0
    for throttled in (True, True, False):  # the second time at the end of the wait
        budget.leave()
        allowance = Allowance.from_headers(
            headers(X_Organization_Rate_Limit_Remaining="0", X_Organization_Rate_Limit_Reset=later), now=NOW
        )
        budget.answer(time, allowance, throttled=throttled)
        assert 0 < budget.wait(time) <= LONGEST_WAIT
        time += budget.wait(time) + 10.0


def test_a_huge_allowance_is_counted_with():
    huge = [headers(X_Organization_Rate_Limit_Limit="1.7e308", X_Organization_Rate_Limit_Remaining="1e308")] * 2
    budget = Budget(reserve=0.5)
    for _ in range(4):
        budget.leave()
    for told in huge:
        budget.answer(0.0, Allowance.from_headers(told, now=NOW), took=0.1)
    assert budget.enough(1.0) > 0
    assert budget.free(1.0) > 0


@pytest.mark.parametrize("name", ["Limit", "Remaining", "Reset"])
@pytest.mark.parametrize("value", ["nan", "inf", "", "soon", None])
def test_headers_that_make_no_sense_say_nothing(name, value):
    assert Allowance.from_headers(headers(**{f"X_Organization_Rate_Limit_{name}": value}), now=NOW) is None


@pytest.mark.parametrize("zone", ["12:00:00 GMT", "13:00:00 +0100", "12:00:00 -0000"])
def test_a_date_is_read_in_its_zone_and_returned_in_utc(zone):
    told = server_date({"Date": f"Sun, 01 Mar 2026 {zone}"})
    assert (told, told.tzinfo) == (NOW, UTC)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(date):
    assert server_date({"Date": date}) is None


def test_many_429s_without_a_word_of_when_wait_longer_each_time():
    budget = Budget()
    time, waits = 0.0, []
    for _ in range(10):
        budget.leave()
        budget.answer(time, None, throttled=True)
        waits.append(budget.wait(time))
        time += waits[-1]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    for throttled in (False, True):
        budget.leave()
        budget.answer(time, None, throttled=throttled)
    assert budget.wait(time) == 1  # after an answer, the waits begin again


def test_one_pause_serves_all_that_were_in_flight():
    allowance = Allowance.from_headers(headers(), now=NOW)
    budget = Budget()
    for _ in range(8):
        budget.leave()
    for number in range(8):
        budget.answer(0.01 * number, allowance, throttled=True)
    assert budget.wait(0.1) == pytest.approx(31 - 0.1)  # Reset may be rounded down
    assert budget.in_flight == 0


def told(remaining, reset, *, reset_in=30.0):
    return Allowance(limit=240, remaining=remaining, reset=reset, reset_in=reset_in)


def test_only_so_many_are_under_way_as_use_up_the_window():
    budget = Budget()
    assert budget.enough(0.0) == budget.free(0.0) > 100  # nothing is known yet
    budget.leave()
    budget.answer(0.0, told(60, reset=1.0), took=0.5)
    # At half a second each, one at a time sends two a second; twice that many, to be sure.
    assert [budget.enough(time) for time in (0.0, 16.0, 30.5)] == [2, 4, 120]
    assert budget.enough(31.0) == budget.free(31.0) == 1
    budget.leave()
    budget.answer(0.0, told(59, reset=1.0), took=3.0)
    assert budget.enough(0.0) == math.ceil(2 * 59 * (0.8 * 0.5 + 0.2 * 3.0) / 31)
    budget.leave()
    budget.answer(0.0, told(0, reset=1.0), throttled=True)
    assert budget.enough(0.0) == 0


def test_workers_get_what_may_leave_beside_what_is_under_way():
    pacer = Pacer(Budget(), VirtualClock())
    assert pacer.try_leave() == 0.0
    pacer.answer(told(60, reset=1.0), took=0.5)
    assert pacer.free(under_way=0, wanted=60) == 60
    assert pacer.free(under_way=5, wanted=1) == 55
    assert pacer.free(under_way=0, wanted=61) == 2
    assert pacer.free(under_way=9, wanted=61) == 0


def test_a_request_that_broke_off_may_have_been_counted():
    budget = Budget()
    for allowance, free in ((told(60, reset=1.0), 60), (None, 59)):
        budget.leave()
        budget.answer(0.0, allowance)
        assert budget.free(0.0) == free


def test_a_late_answer_says_nothing_of_the_window_that_has_begun():
    budget = Budget()
    for time in (0.0, 31.0):
        budget.leave()
        budget.answer(time, told(100, reset=1.0))
    assert budget.free(31.0) == 1  # still to be tried out
    budget.leave()
    budget.answer(40.0, told(100, reset=1.0))  # later than any late one: this API names its windows alike
    assert budget.free(40.0) == 100


def test_where_others_use_up_the_window_requests_leave_one_at_a_time():
    budget = Budget()
    for remaining, free in ((239, 239), (30, 1)):
        budget.leave()
        budget.answer(0.0, told(remaining, reset=1.0))
        assert budget.free(0.0) == free
    budget.leave()
    assert budget.free(0.0) == 0


def test_the_end_of_a_window_is_tried_out_with_one_request_and_then_trusted():
    budget = Budget()
    for window in range(3):
        budget.leave()
        budget.answer(31.0 * window, told(100, reset=window))
        assert budget.free(31.0 * window) == 100
        assert budget.free(31.0 * window + 30.9) == 100  # Reset may be rounded down
        assert budget.free(31.0 * window + 31) == (240 if window else 1)


@pytest.mark.full
@pytest.mark.few(count=1)
@pytest.mark.parametrize("rival", [True, False])
def test_a_real_fetch_waits_for_the_practice_servers_windows(rival):
    done = threading.Event()
    with Sandbox(events=1_000, seed=0, page_size=20, rate_limit=20, rate_period=2.0, latency=0.05) as api:

        def take_half():
            with requests.Session() as session:
                session.headers["Authorization"] = f"Bearer {api.token}"
                while not done.wait(0.2):
                    session.get(f"{api.url}/v7/audit-user-events?window=1s", timeout=10)

        other = threading.Thread(target=take_half)
        if rival:
            other.start()
        try:
            client = taf.Client(token=api.token, base_url=api.url)
            paid = taf.receipt(client.fetch_events(window="90d", all_account_groups=True))
        finally:
            done.set()
            if rival:
                other.join()
    assert paid.events == 1_000
    assert paid.waited_seconds > 0
    windows = paid.requests / (10 if rival else 20) + 1
    assert paid.throttled <= (windows if rival else 0)


@given(st.text(max_size=40) | st.sampled_from(["Thu, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 2026 12:00:00 -9999"]))
@settings(max_examples=examples(100), deadline=None)
def test_no_date_header_is_too_odd(text):
    date = server_date({"Date": text})
    assert date is None or date.utcoffset().total_seconds() == 0


NUMBERS = st.text("0123456789.-+eE_ naifNI", max_size=8) | st.integers().map(str) | st.floats().map(str)


@given(NUMBERS, NUMBERS, NUMBERS)
@settings(max_examples=examples(200), deadline=None)
def test_no_limit_header_is_too_odd(limit, remaining, reset):
    names = ("Limit", "Remaining", "Reset")
    headers = {f"X-Organization-Rate-Limit-{n}": v for n, v in zip(names, (limit, remaining, reset), strict=True)}
    allowance = Allowance.from_headers(headers | {"Date": "Thu, 01 Jan 2026 12:00:00 GMT"}, now=datetime.now(UTC))
    if allowance is not None:
        assert 0 <= allowance.remaining <= allowance.limit
        assert allowance.limit >= 1
        assert 0 <= allowance.reset_in <= LONGEST_WAIT
