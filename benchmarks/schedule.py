"""The schedule of a fetch in virtual time, over histories of twelve kinds, compared with the ideal.

The planning, the budget and the pacer are the package's own. Only the server, the workers and the clock are simulated.
"""

from __future__ import annotations

import heapq
import itertools
import math
import statistics
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

import te_audit_frames as taf
from benchmarks.histories import KINDS, Seconds, draw
from benchmarks.measure import Result, alone, at_most
from te_audit_frames.client.clock import Clock
from te_audit_frames.client.rate_limit import Allowance, Budget, Pacer
from te_audit_frames.client.slice import Slice
from te_audit_frames.client.slicing import Slicing
from te_audit_frames.errors import AuditFramesWarning
from te_audit_frames.sandbox import Sandbox

START = 1_700_000_040
WORKERS, PAGES, PAGE_SIZE, LATENCY = 8, 150, 100, 0.5
SPREAD = 0.25
"""The standard deviation of the logarithm of the latency."""

HELD_OUT = 1_000
"""The number of the first history. The rule for cuts was tuned on histories with smaller numbers."""

HARSHER = ("sharp bursts", "great floods")
"""Kinds that one of the pooled figures leaves out."""

REAL_KINDS = ("even", "days and nights", "half in an hour", "several bursts", "empty years", "growth")


@dataclass(frozen=True)
class Run:
    """One simulated fetch: its seconds and the ideal ones, its requests and full pages, and the 429s it caused."""

    seconds: float
    ideal: float
    requests: int
    pages: int
    throttled: int

    @property
    def stretch(self) -> float:
        """The time, compared with the ideal."""
        return self.seconds / self.ideal

    @property
    def requests_a_page(self) -> float:
        """The requests, compared with those of plain paging."""
        return self.requests / self.pages


class VirtualClock(Clock):
    """A clock that the simulation sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def monotonic(self) -> float:
        """Return the simulated time."""
        return self.seconds

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Fail, because nothing waits in the simulation."""
        raise NotImplementedError


class RateLimit:
    """An organisation's rate limit: requests per fixed window, with headers in whole seconds."""

    def __init__(self, limit: int, *, period: float = 60.0, phase: float, rounding: Callable[[float], int]) -> None:
        self.limit = limit
        self._period = period
        self._phase = phase
        self._rounding = rounding
        self._used: Counter[float] = Counter()

    def end(self, moment: float) -> float:
        """Return the end of the window of a moment."""
        return (math.floor((moment - self._phase) / self._period) + 1) * self._period + self._phase

    def spend(self, moment: float) -> tuple[bool, Allowance | None]:
        """Count a request. Return whether it is one too many, and what its headers say."""
        end = self.end(moment)
        throttled = self._used[end] >= self.limit
        self._used[end] += not throttled
        headers = {
            "X-Organization-Rate-Limit-Limit": str(self.limit),
            "X-Organization-Rate-Limit-Remaining": str(self.limit - self._used[end]),
            "X-Organization-Rate-Limit-Reset": str(self._rounding(end)),
            "Date": datetime.fromtimestamp(math.floor(moment), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        }
        return throttled, Allowance.from_headers(headers, now=datetime.now(UTC))

    def ideal(self, pages: int, began: float, *, workers: int) -> float:
        """Return the shortest time for this many pages under the limit and with these workers."""
        moment = began
        while (fit := min(self.limit, (self.end(moment) - moment) * workers / LATENCY)) < pages:
            pages -= int(fit)
            moment = self.end(moment)
        return moment + pages * LATENCY / workers - began


class Simulation:
    """A fetch of one history.

    Parameters
    ----------
    seconds : numpy.ndarray
        When the events happen, in seconds from the start of the period, ascending.
    span : int
        The length of the period in seconds.
    workers : int
        How many requests may be under way at once.
    seed : int
        Draws the latencies. If it is odd, the server sends the oldest events first.
    spread : float
        The standard deviation of the logarithm of the latency.
    rate_limit : RateLimit, optional
        The organisation's rate limit.
    began : float
        The time of the first request.
    """

    def __init__(
        self,
        seconds: Seconds,
        span: int,
        *,
        seed: int,
        workers: int = WORKERS,
        spread: float = SPREAD,
        rate_limit: RateLimit | None = None,
        began: float = 1_000_000.0,
    ) -> None:
        self._dates = seconds + START
        self._newest_first = seed % 2 == 0
        self._rng = np.random.default_rng(seed)
        self._workers = workers
        self._spread = spread
        self._limit = rate_limit
        self._began = began
        self._clock = VirtualClock(began)
        self._pacer = Pacer(Budget(), self._clock)
        self._slicing = Slicing(START, START + span, workers=workers)
        self._read: Counter[Slice] = Counter()  # rows sent so far
        self._sent: dict[Slice, float] = {}  # when the latest request of a slice was sent
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, str, Slice, tuple[bool, Allowance | None]]] = []
        self._without_permit: deque[Slice] = deque()
        self._requests = self._throttled = self._under_way = 0

    def run(self) -> Run:
        """Simulate the fetch as `SlicedReading` conducts it."""
        waiting = deque([self._slicing.whole])
        while waiting or self._under_way:
            while waiting and self._under_way < self._workers:
                self._submit(waiting.popleft())
            if self._under_way < self._workers:
                free = self._pacer.free(under_way=self._under_way, wanted=self._slicing.pages_left)
                for part in self._slicing.cut(min(self._workers - self._under_way, free), self._pacer.permits):
                    self._submit(part)
            part = self._next_answer()
            if not self._receive(part):
                waiting.append(part)
        pages = -(-len(self._dates) // PAGE_SIZE)
        took = self._clock.seconds - self._began
        return Run(took, self._ideal(pages), self._requests, pages, self._throttled)

    def _ideal(self, pages: int) -> float:
        if self._limit:
            return self._limit.ideal(pages, self._began, workers=self._workers)
        # Workers cannot share a second, since the pages of one query come one after the other.
        in_one_second = int(np.unique(self._dates, return_counts=True)[1].max()) / PAGE_SIZE
        return max(pages / self._workers, in_one_second) * LATENCY

    def _submit(self, part: Slice) -> None:
        self._under_way += 1
        self._without_permit.append(part)
        self._send()

    def _send(self) -> None:
        """Send the requests that the budget permits."""
        while self._without_permit:
            if wait := self._pacer.try_leave():
                self._then(min(wait, 0.05), "permit", self._without_permit[0])
                return
            self._requests += 1
            self._sent[self._without_permit[0]] = self._clock.seconds
            self._then(self._half_a_trip(), "server", self._without_permit.popleft())

    def _next_answer(self) -> Slice:
        """Let time go on until a page arrives."""
        while True:
            self._clock.seconds, _, what, part, told = heapq.heappop(self._events)
            if what == "server":
                counted = self._limit.spend(self._clock.seconds) if self._limit else (False, None)
                self._then(self._half_a_trip(), "answer", part, counted)
            elif what == "answer":
                throttled, allowance = told
                took = self._clock.seconds - self._sent[part]
                self._pacer.answer(allowance, throttled=throttled, took=took)
                if not throttled:
                    self._under_way -= 1
                    self._send()
                    return part
                self._throttled += 1
                self._without_permit.appendleft(part)
            self._send()

    def _receive(self, part: Slice) -> bool:
        low, high = np.searchsorted(self._dates, [part.low - 1, part.high])
        found = self._dates[low:high]
        found = found[::-1] if self._newest_first else found
        first = self._read[part]
        self._read[part] += PAGE_SIZE
        more = self._read[part] < len(found)
        return self._slicing.receive(part, found[first : self._read[part]], more=more)[1]

    def _half_a_trip(self) -> float:
        return LATENCY / 2 * math.exp(self._rng.normal(0, self._spread) - self._spread**2 / 2)

    def _then(
        self, seconds: float, what: str, part: Slice, told: tuple[bool, Allowance | None] = (False, None)
    ) -> None:
        heapq.heappush(self._events, (self._clock.seconds + seconds, next(self._numbers), what, part, told))


def limited(pages: int, seed: int, *, rounding: Callable[[float], int], kind: str = "even") -> Run:
    """Simulate a fetch under the API's limit, 240 requests a minute, from a random moment of a window on."""
    rng = np.random.default_rng(seed)
    limit = RateLimit(240, phase=rng.random() * 60, rounding=rounding)
    seconds, span = draw(kind, seed, pages * PAGE_SIZE)
    return Simulation(seconds, span, seed=seed, rate_limit=limit, began=1_000_000 + rng.random() * 60).run()


def run(full: bool) -> list[Result]:
    """Simulate the kinds of histories without a limit and within one, and fetch some of them in real time."""
    number = 40 if full else 4
    runs = {
        kind: [
            Simulation(*draw(kind, seed, PAGES * PAGE_SIZE), seed=seed).run()
            for seed in range(HELD_OUT, HELD_OUT + number)
        ]
        for kind in KINDS
    }
    results = [_times(f"schedule, {kind}", [each.stretch for each in those]) for kind, those in runs.items()]
    milder = [each for kind, those in runs.items() if kind not in HARSHER for each in those]
    results.append(_times("schedule, all kinds but the two harsher ones", [each.stretch for each in milder]))
    every = [each for those in runs.values() for each in those]
    few = range(HELD_OUT, HELD_OUT + number // 4)
    stretches = [each.stretch for each in every]
    results += [
        at_most(f"schedule, all {len(every)} histories: time of the ideal, median", statistics.median(stretches), 1.16),
        at_most("schedule, all: 95th percentile", float(np.quantile(stretches, 0.95)), 1.33),
        at_most("schedule, all: worst", max(stretches), 2.0),
        _requests("schedule, plentiful permits", every, 1.2),
        at_most("schedule, plentiful permits: requests a page, worst", max(e.requests_a_page for e in every), 1.2),
        _requests(
            "schedule, 600 pages within 240 requests a minute",
            [limited(600, seed, rounding=math.ceil, kind=kind) for kind in KINDS for seed in few],
            1.1,
        ),
    ]
    return results + [_compare(kind, full) for kind in REAL_KINDS[: None if full else 2]]


def _times(what: str, stretches: Sequence[float]) -> Result:
    median, late, worst = statistics.median(stretches), float(np.quantile(stretches, 0.95)), max(stretches)
    return Result(f"{what}: time of the ideal", f"{median:.2f} x (95th percentile {late:.2f}, worst {worst:.2f})")


def _requests(what: str, runs: Sequence[Run], bound: float) -> Result:
    each = [run.requests_a_page for run in runs]
    mean = statistics.mean(each)
    figure = f"{mean:.2f} x (95th percentile {np.quantile(each, 0.95):.2f}, worst {max(each):.2f})"
    return Result(f"{what}: requests a page, mean", figure, f"at most {bound:g} x", mean <= bound)


def _compare(kind: str, full: bool) -> Result:
    """Compare a real fetch of one history, without its checks of completeness, with its simulation."""
    seconds, span = draw(kind, 0, PAGES * PAGE_SIZE)
    simulated = Simulation(seconds, span, seed=0, spread=0.001).run()
    latency = LATENCY if full else 0.2
    real = _fetch(seconds, span, latency)
    off = abs(real / latency / (simulated.seconds / LATENCY) - 1)
    return at_most(f"schedule, {kind}: a real fetch against the simulation", 1 + off, 1.05)


def _fetch(seconds: Seconds, span: int, latency: float) -> float:
    """Fetch a history from the practice server; return the seconds until its last event had arrived."""
    start = datetime.fromtimestamp(START, UTC)
    dates = [(start + timedelta(seconds=int(second))).strftime("%Y-%m-%dT%H:%M:%SZ") for second in seconds]
    events: list[dict[str, Any]] = [
        {"date": date, "aid": "1", "uid": "7", "user": "Ann", "event": f"Event {number}."}
        for number, date in enumerate(dates)
    ]
    end = start + timedelta(seconds=span)
    options: dict[str, Any] = {"now": end + timedelta(days=1), "page_size": PAGE_SIZE, "rate_limit": None}
    with warnings.catch_warnings(), Sandbox(events, **options, latency=latency) as api:
        warnings.simplefilter("ignore", AuditFramesWarning)  # the practice server's clock is not today's
        client = taf.Client(token=api.token, base_url=api.url, workers=WORKERS, progress=False)
        arrived = began = time.perf_counter()
        left = len(events)
        for batch in client.iter_batches(start=start, end=end, all_account_groups=False):
            left -= batch.num_rows
            if batch.num_rows:
                arrived = time.perf_counter()
    assert left == 0
    return arrived - began


if __name__ == "__main__":
    alone(run)
