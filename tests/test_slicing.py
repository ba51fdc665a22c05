"""Slices of a period, in a simulation of the server: nothing missing, nothing twice, few requests, little time."""

import heapq
import math
from collections import Counter, deque
from itertools import count

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.client.date_order import MARGIN_SECONDS, Disorder
from te_audit_frames.client.epoch import UNDATED
from te_audit_frames.client.slice import Slice
from te_audit_frames.client.slicing import Slicing

DAY = 86_400
START = 20_454 * DAY  # 2026-01-01
LATENCY = 0.5


class Simulation:
    """A fetch without sockets: a server of pages, workers that take `LATENCY` a page, and virtual time."""

    def __init__(
        self,
        dates,
        *,
        end,
        page,
        workers,
        newest=True,
        bounds=(True, True),
        seed=0,
        jitter=0.0,
        watched=False,
        permits=math.inf,
    ):
        self.dates = np.sort(np.asarray(dates, dtype=np.int64))
        self.page = page
        self.newest = newest
        self.bounds = bounds
        self.requests = 0
        self.wall = 0.0
        self.slicing = Slicing(START, end, workers=workers)
        self._offsets = {}
        self._rng = np.random.default_rng(seed)
        self._jitter = jitter
        self.received = []
        self._permits = permits
        self._run(workers, watched=watched)
        self.received = np.sort(np.concatenate([np.zeros(0, np.int64), *self.received]))

    def asked(self, low, high):
        """What the server has for a slice: from a second before it up to its end."""
        first = np.searchsorted(self.dates, low - 1 if self.bounds[0] else low)
        last = np.searchsorted(self.dates, high, "right" if self.bounds[1] else "left")
        found = self.dates[first : max(first, last)]
        return found[::-1] if self.newest else found

    def pages(self, low, high):
        """How many requests plain paging needs."""
        return max(-(-len(self.asked(low, high)) // self.page), 1)

    def _turn(self, part):
        found, offset = self.asked(part.low, part.high), self._offsets.get(part, 0)
        self._offsets[part] = offset + self.page
        return found[offset : offset + self.page], offset + self.page < len(found)

    def _run(self, workers, *, watched):
        under_way, tickets, waiting = [], count(), deque([self.slicing.whole])

        def send(part):
            self.requests += 1
            # The slice's bounds are those it was made with; a cut moves `b` only.
            took = LATENCY * (1 + self._jitter * self._rng.uniform(-1, 1))
            heapq.heappush(under_way, (self.wall + took, next(tickets), part))

        while waiting or under_way:
            while waiting and len(under_way) < workers:
                send(waiting.popleft())
            if under_way and len(under_way) < workers:
                for part in self.slicing.cut(workers - len(under_way), self._permits):
                    send(part)
            assert len(under_way) <= workers
            self.wall, _, part = heapq.heappop(under_way)
            seconds, more = self._turn(part)
            keep, finished = self.slicing.receive(part, seconds, more=more)
            self.received.append(seconds[keep])
            if watched:
                self._check_what_is_missing()
            if not finished:
                waiting.append(part)

    def _check_what_is_missing(self):
        """Every event outside of what is missing was received, and no more often than it is there."""
        gaps = self.slicing.missing()
        vouched = Counter(second for second in self.inside.tolist() if not any(a <= second < b for a, b in gaps))
        received = Counter(np.concatenate(self.received).tolist())
        assert all(received[second] == times for second, times in vouched.items())

    @property
    def inside(self):
        low, high = self.slicing.start, self.slicing.end
        return self.dates[(self.dates >= low) & (self.dates < high)]


# ---- nothing missing, nothing twice ------------------------------------------------------------------------------

BURSTY = st.lists(
    st.tuples(st.integers(-3, 400), st.integers(1, 40), st.integers(0, 12)),
    max_size=8,
).map(lambda bursts: [START + at + (n * spread) // 7 for at, size, spread in bursts for n in range(size)])


POLICY = st.fixed_dictionaries(
    {
        "page": st.integers(1, 30) | st.integers(1, 1000),
        "workers": st.sampled_from([1, 2, 3, 8, 32]),
        "newest": st.booleans(),
        "bounds": st.tuples(st.booleans(), st.booleans()),
        "seed": st.integers(0, 9),
    }
)


@given(BURSTY, st.integers(1, 400), POLICY)
@settings(max_examples=examples(250), deadline=None)
@example([START - 1, START - 1, START, START], 1, {"page": 1, "workers": 8, "newest": True})
@example([START + 9, START + 10, START + 10], 10, {"page": 1, "workers": 8, "newest": False})
def test_every_event_comes_once_whatever_the_order_and_the_bounds(dates, length, policy):
    end, page, workers = START + length, policy["page"], policy["workers"]
    run = Simulation(dates, end=end, jitter=0.9, watched=True, **policy)
    assert run.received.tolist() == run.inside.tolist()
    assert run.slicing.missing() == []
    pages = run.pages(START, end)
    if workers == 1:
        # Plain paging may read on to events of the second before the period; a slice need not.
        needed = max(-(-len(run.inside) // page), 1)
        assert needed <= run.requests <= pages
    else:
        # Each cut asks for a second twice, and here one second may fill many pages.
        assert run.requests <= pages * 2 + workers


# ---- few requests, little time -----------------------------------------------------------------------------------

PAGES, PAGE, SPAN = 150, 100, 90 * DAY


def evenly(rng, events):
    return rng.integers(0, SPAN, events)


def half_in_one_hour(rng, events):
    hour = rng.integers(0, SPAN - 3_600)
    return np.concatenate([rng.integers(0, SPAN, events - events // 2), hour + rng.integers(0, 3_600, events // 2)])


def office_hours(rng, events):
    days = np.array([day for day in range(90) if day % 7 < 5])
    return rng.choice(days, events) * DAY + (8 * 3_600 + rng.normal(5 * 3_600, 1.8 * 3_600, events).clip(0, 39_600))


def five_bursts(rng, events):
    bursts = [rng.integers(0, SPAN - 600) + rng.integers(0, 600, events // 10) for _ in range(5)]
    return np.concatenate([*bursts, rng.integers(0, SPAN, events - 5 * (events // 10))])


def one_second(rng, events):
    return np.full(events, rng.integers(0, SPAN))


def nothing(rng, events):
    return np.zeros(0)


def run_of(shape, seed, workers, *, newest=None, jitter=0.02, permits=math.inf):
    rng = np.random.default_rng(seed)
    dates = START + np.asarray(shape(rng, PAGES * PAGE), dtype=np.int64)
    newest = bool(seed % 2) if newest is None else newest
    return Simulation(
        dates, end=START + SPAN, page=PAGE, workers=workers, newest=newest, seed=seed, jitter=jitter, permits=permits
    )


SHAPES = [evenly, half_in_one_hour, office_hours, five_bursts, one_second, nothing]


@pytest.mark.few(count=2)
@pytest.mark.parametrize("workers", [2, 8, 16, 32])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_requests_stay_within_a_tenth_of_plain_paging_while_permits_are_scarce(shape, workers):
    for seed in range(5):
        run = run_of(shape, seed, workers, permits=0)
        assert len(run.received) == len(run.inside)
        pages = run.pages(START, START + SPAN)
        # A tenth, and three pages of a hundred that slices read past their cuts.
        assert run.requests <= pages * 1.13 + workers, (seed, run.requests, pages)


@pytest.mark.few(count=2)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_requests_stay_within_a_fifth_while_permits_are_plentiful(shape):
    costs = [run_of(shape, seed, 8).requests for seed in range(5)]
    assert np.mean(costs) <= run_of(shape, 0, 1).requests * 1.2 + 2


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_one_worker_needs_exactly_the_pages_of_plain_paging(shape):
    for seed in range(4):
        run = run_of(shape, seed, 1)
        assert run.requests == run.pages(START, START + SPAN), seed


@pytest.mark.few(count=1)
@pytest.mark.parametrize(
    ("shape", "most", "mean"),
    [(evenly, 1.2, 1.16), (half_in_one_hour, 1.45, 1.3), (office_hours, 1.4, 1.25), (five_bursts, 1.5, 1.3)],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.full
def test_wall_time_of_8_workers_is_near_the_ideal(shape, most, mean):
    runs = [run_of(shape, seed, 8) for seed in range(32)]
    ratios = np.array([run.wall / (PAGES * LATENCY / 8) for run in runs])
    costs = np.array([run.requests / PAGES for run in runs])
    told = (
        f"wall / ideal: mean {ratios.mean():.3f}, most {ratios.max():.3f}; "
        f"requests / pages: mean {costs.mean():.3f}, most {costs.max():.3f}"
    )
    assert (ratios.mean() <= mean, ratios.max() <= most) == (True, True), told


def test_one_second_is_paged_through_and_costs_no_more_than_that():
    for seed in range(4):
        run = run_of(one_second, seed, 8)
        assert run.wall <= 1.1 * PAGES * LATENCY, run.wall


def test_an_empty_or_short_log_costs_one_request():
    assert run_of(nothing, 0, 32).requests == 1
    short = Simulation(START + np.arange(50) * 1_000, end=START + SPAN, page=100, workers=32)
    assert short.requests == 1


# ---- disorder ----------------------------------------------------------------------------------------------------

MARGIN = MARGIN_SECONDS


def pages_of(slicing, *pages):
    whole = slicing.whole
    kept = []
    for number, page in enumerate(pages, start=1):
        seconds = np.array(page, dtype=np.int64)
        keep, finished = slicing.receive(whole, seconds, more=number < len(pages))
        assert finished == (number == len(pages))
        kept += seconds[keep].tolist()
    return kept


@pytest.mark.parametrize(
    ("pages", "order"),
    [
        ([[9, 8], [8, 3]], "newest first"),
        ([[3, 3], [8, 9]], "oldest first"),
        ([[5, 5], [5]], "unknown"),
        ([[], []], "unknown"),
        ([[5, 5], [4]], "newest first"),
        ([[8, UNDATED, 3]], "newest first"),
        ([[UNDATED]], "unknown"),
        ([[5], [-7, 9_999]], "none"),
        ([[9, 8, 7], [9, 6, 5]], "newest first"),  # out of order by less than a page
        ([[9, 8], [7, 6], [9, 9]], "none"),  # by more than a page
        ([[2_000, 1_999, 999, 1_900], [500]], "none"),  # by more than the margin
    ],
    ids=str,
)
def test_before_any_cut_disorder_means_going_on(pages, order):
    slicing = Slicing(0, 5_000, workers=8)
    kept = pages_of(slicing, *pages)
    assert kept == [second for page in pages for second in page if second == UNDATED or 0 <= second < 5_000]
    assert slicing.order == order
    assert slicing.missing() == []


def test_disorder_before_the_end_leaves_all_missing():
    slicing = Slicing(0, 5_000, workers=8)
    slicing.receive(slicing.whole, np.array([3_000, 5, 4_000]), more=True)
    assert slicing.missing() == [(0, 5_000)]
    assert slicing.cut(8) == []


@pytest.mark.parametrize("wrong", [[9_940, 9_960], [9_500, 8_000, 8_901], [20_000], [-5]], ids=str)
def test_after_a_cut_disorder_is_an_error(wrong):
    slicing = Slicing(0, 10_000, workers=8)
    slicing.receive(slicing.whole, np.array([9_999, 9_950]), more=True)
    slicing.receive(slicing.whole, np.array([9_945, 9_930]), more=True)
    assert slicing.cut(7)
    with pytest.raises(Disorder):
        slicing.receive(slicing.whole, np.array(wrong), more=True)


@pytest.mark.parametrize("newest", [True, False])
def test_the_order_is_that_of_the_halves_whatever_a_single_event_says(newest):
    seconds = np.arange(1_000, 2_000, 10)
    seconds = seconds[::-1] if newest else seconds
    for position in (0, 1, 50, 98, 99):
        odd = seconds.copy()
        odd[position] += 15
        slicing = Slicing(0, 5_000, workers=8)
        slicing.receive(slicing.whole, odd, more=True)
        assert slicing.order == ("newest first" if newest else "oldest first")


def cut_at(slicing, *pages):
    """Receive pages of the whole, and cut it once."""
    for page in pages:
        slicing.receive(slicing.whole, np.array(page, dtype=np.int64), more=True)
    (new,) = slicing.cut(1)
    return slicing.whole, new


def test_a_slice_reads_past_its_cut_by_the_margin():
    slicing = Slicing(0, 100_000, workers=8)
    whole, new = cut_at(slicing, range(99_999, 95_000, -500))
    end = 100_000 - whole.b  # the epoch second that the cut is at
    assert (new.low, new.high) == (0, end)
    _, finished = slicing.receive(whole, np.arange(end + 400, end - 850, -100), more=True)
    assert not finished  # past the cut, but by less than the margin
    keep, finished = slicing.receive(whole, np.arange(end - 850, end - 1_400, -100), more=True)
    assert finished
    assert not keep.any()
    assert slicing.margin >= MARGIN


def test_a_slice_reads_past_its_cut_by_a_page_if_that_is_less():
    slicing = Slicing(0, 1_000, workers=8)
    whole, _ = cut_at(slicing, [999, 998, 997, 996, 995])
    end = 1_000 - whole.b
    _, finished = slicing.receive(whole, np.array([end + 2, end + 1, end, end - 1, end - 2]), more=True)
    assert not finished
    _, finished = slicing.receive(whole, np.array([end - 3, end - 4, end - 5, end - 6, end - 7]), more=True)
    assert finished
    assert slicing.margin == 6


def test_one_event_far_ahead_ends_no_slice():
    slicing = Slicing(0, 100_000, workers=8)
    whole, _ = cut_at(slicing, range(99_999, 95_000, -500))
    late = [94_500, 94_000, 93_500, 5]
    _, finished = slicing.receive(whole, np.array(late), more=True)
    assert not finished
    with pytest.raises(Disorder):
        slicing.receive(whole, np.array([93_000, 92_500, 92_000]), more=True)


def test_what_lies_within_the_margin_is_missing_still():
    slicing = Slicing(0, 100_000, workers=1)
    slicing.receive(slicing.whole, np.array([99_000, 90_000]), more=True)
    assert slicing.missing() == [(0, 100_000)]  # one page does not vouch for the order of those to come
    slicing.receive(slicing.whole, np.array([80_000, 50_000]), more=True)
    assert slicing.missing() == [(0, 50_000 + 1 + MARGIN)]


def test_without_an_expected_order_it_never_cuts():
    slicing = Slicing(0, 1_000, workers=8, in_order=False)
    assert slicing.order == "none"
    _, finished = slicing.receive(slicing.whole, np.array([999, 950]), more=True)
    assert not finished
    assert slicing.cut(7) == []


# ---- answers that cover less -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize(
    ("covered", "rest"),
    [
        ((0, 10_000), []),
        ((2_000, 3_000), [(1_000, 2_000), (3_000, 5_000)]),
        ((1_500, 9_000), [(1_000, 1_500)]),
        ((7_000, 9_000), [(1_000, 5_000)]),
    ],
)
def test_a_slice_is_narrowed_to_what_its_answers_cover(newest, covered, rest):
    slicing = Slicing(1_000, 9_000, workers=8)
    first = np.array([8_999, 8_000]) if newest else np.array([1_000, 2_000])
    slicing.receive(slicing.whole, first, more=True)
    part = Slice(*((4_000, 8_000) if newest else (0, 4_000)), 1_000, 5_000)
    left = slicing.narrow(part, *covered)
    low, high = slicing.times(part.a, part.b)
    assert sum(until - since for since, until in left) + high - low == 4_000
    assert [period for period in left if period[0] < period[1]] == rest


@given(
    st.integers(3, 5_000),
    st.lists(st.sampled_from([0, 1, 2, 5, 30, 300]), min_size=1, max_size=6),
    st.integers(1, 31),
    st.sampled_from([0, 3, math.inf]),
    st.booleans(),
)
@settings(max_examples=examples(1_000, brief=200), deadline=None)
def test_cuts_ascend_and_stay_inside_the_slice(span, pages, idle, permits, newest):
    slicing = Slicing(START, START + span, workers=32)
    part, along = slicing.whole, 0
    for length in pages:
        seconds = np.minimum(along + np.linspace(0, length, 10).astype(int), span - 1)
        along = int(seconds[-1])
        _, finished = slicing.receive(part, START + (span - 1 - seconds if newest else seconds), more=True)
        if finished:
            break
        received, end = part.pos, part.b
        new = slicing.cut(idle, permits)
        assert len(new) <= idle
        if new:  # they share out what the slice had left, without a gap
            bounds = [part.b, *(piece.b for piece in new)]
            assert received < part.b
            assert bounds[-1] == end
            assert bounds == sorted(set(bounds))
            assert [piece.a for piece in new] == bounds[:-1]
            assert [(piece.low, piece.high) for piece in new] == [slicing.times(piece.a, piece.b) for piece in new]
