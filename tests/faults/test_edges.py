"""Events on the very seconds where a fetch is cut, whatever the bounds, the order and the number of workers.

The server does not know beforehand where the cuts will be: it puts events on the edges of a question when that comes
in, into seconds that no answer has shown yet. So every cut goes through a crowd, and nothing that was said is taken
back.
"""

import itertools
import random
import threading
from bisect import bisect_left, insort
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from urllib.parse import urlencode

import numpy as np
import pytest
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.schema import in_order, to_events

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
SECOND = 1_000_000
START = 1_772_366_400 * SECOND  # 2026-03-01T12:00:00Z
BOUNDS_AND_ORDERS = list(itertools.product((True, False), (True, False), (True, False)))
QUESTIONS = ["period", "period", "window", "since"]
LENGTHS = [1, 2, 3, 4, 10, 60, 601, 3_600, 86_400]
WITHIN = [0, 1, 500_000, 999_999]
WORKERS = [1, 2, 8]
MOST_EVENTS = 120


def iso(micros):
    return (EPOCH + micros * MICRO).isoformat().replace("+00:00", "Z")


def micros_of(date):
    return (datetime.fromisoformat(date) - EPOCH) // MICRO


class CrowdedEdges:
    """A log that grows where it is asked. Times are microseconds; an event is `(time, uid)`, twins have one uid.

    `grain` is what a bound excludes: the instant, or the whole second where the server looks at nothing finer.
    """

    def __init__(self, seed):
        self.dice = dice = random.Random(seed)
        self.include_start, self.include_end, self.newest_first = BOUNDS_AND_ORDERS[seed % len(BOUNDS_AND_ORDERS)]
        self.asks_for = dice.choice(QUESTIONS)
        self.fractions, self.grain = dice.choice([([0], SECOND), (WITHIN, SECOND), (WITHIN, 1)])
        self.start = START + dice.choice([0, 0, 500_000])
        self.end = START + dice.choice(LENGTHS) * SECOND + dice.choice([0, 0, 500_000])
        if self.asks_for != "period" and self.grain == SECOND:
            self.end -= self.end % SECOND  # the server's now, of which it sees nothing finer
        if self.asks_for == "window":
            self.start = START + self.end % SECOND
        self.tick = dice.choice([0, SECOND])
        self.size, self.is_uneven = dice.choice([1, 2, 3, 7, 20]), dice.random() < 0.3
        self.links = dice.choice(["dates", "cursor alone", "sliding window"])
        self.events, self.numbers, self.serials = [], itertools.count(), itertools.count()
        self.trails, self.crowds, self.slid = [], 0, False
        self.shown = np.zeros((self.end - self.start) // SECOND + 16, dtype=bool)
        self.lock = threading.Lock()
        for _ in range(dice.choice([0, 1, 3, 8, 20])):
            self.crowd(dice.randrange(self.start - 2 * SECOND, self.end + 2 * SECOND))

    @property
    def truth(self):
        return [event for event in self.events if self.start <= event[0] < self.end]

    def place(self, time):
        """Where in `shown` a second stands."""
        return min(max((time - START) // SECOND + 8, 0), len(self.shown) - 1)

    def crowd(self, time):
        """Put some events, twins among them, into the second of a time."""
        for _ in range(self.dice.choice([1, 1, 2, 5])):
            event = time // SECOND * SECOND + self.dice.choice(self.fractions), str(next(self.numbers))
            for _ in range(self.dice.choice([1, 1, 2, 4])):
                insort(self.events, event)

    def answer(self, request):
        with self.lock:
            now = self.end + len(self.trails) * self.tick
            if self.asks_for == "period":
                now += -now % SECOND  # the header has whole seconds, and the period is over
            return whole(self.page(request.query), Date=formatdate(now // SECOND, usegmt=True))

    def page(self, query):
        if "cursor" in query:
            self.slid = self.slid or "window" in query
            trail, offset = map(int, query["cursor"].split("-")[:2])
        else:
            trail, offset = self.open(query), 0
        low, high = self.trails[trail]
        first, stop = low + (not self.include_start) * self.grain, high + self.include_end * self.grain
        found = self.within(first, stop, trail)
        size = self.dice.randint(0, self.size) if self.is_uneven else self.size
        sent = found[offset : offset + size]
        more = offset + size < len(found)
        if not more:
            self.show(first, stop - 1)
        elif sent:
            self.show(*((sent[-1][0], stop - 1) if self.newest_first else (first, sent[-1][0])))
        return page(
            *({"date": iso(time), "uid": uid} for time, uid in sent),
            following=self.link(query, trail, offset + size) if more else None,
            startDate=iso(low),
            endDate=iso(high),
        )

    def open(self, query):
        """Begin a question, and crowd its edges where nobody has looked yet."""
        now = self.end + len(self.trails) * self.tick
        high = micros_of(query["endDate"]) if "endDate" in query else now
        low = high - int(query["window"][:-1]) * SECOND if "window" in query else micros_of(query["startDate"])
        for edge in (low, low + SECOND, high - SECOND, high):
            if not self.shown[self.place(edge)] and len(self.events) < MOST_EVENTS and self.dice.random() < 0.8:
                self.crowd(edge)
                self.crowds += bool(self.trails)
        self.trails.append((low, high))
        return len(self.trails) - 1

    def within(self, first, stop, trail):
        """Find the events of a question, in the order sent; events of one time stand as each question has them."""
        low, high = (bisect_left(self.events, (time,)) for time in (first, stop))
        found = sorted(self.events[low:high], key=lambda event: (event[0], event[1][:: 1 if trail % 2 else -1]))
        return found[::-1] if self.newest_first else found

    def show(self, first, last):
        self.shown[self.place(first) : self.place(last) + 1] = True

    def link(self, query, trail, offset):
        cursor = {"cursor": f"{trail}-{offset}-{next(self.serials)}"}
        if self.links == "sliding window" and "window" in query:
            return "?" + urlencode({"window": query["window"]} | cursor)
        low, high = self.trails[trail]
        dates = {} if self.links == "cursor alone" else {"startDate": iso(low), "endDate": iso(high)}
        return "?" + urlencode(dates | cursor)


def fetch(client, log, *, streamed):
    start, end = (EPOCH + time * MICRO for time in (log.start, log.end))
    length = (log.end - log.start) // SECOND
    question = {"period": {"start": start, "end": end}, "window": {"window": f"{length}s"}, "since": {"start": start}}
    if not streamed:
        frame = client.fetch_events(**question[log.asks_for], all_account_groups=False)
        return frame, taf.receipt(frame)
    batches = client.iter_batches(**question[log.asks_for], all_account_groups=False)
    return to_events(in_order(list(batches))), batches.receipt


@pytest.mark.campaign(full=2_000, middle=12)
@pytest.mark.full
def test_events_on_the_edges_of_slices_come_once(cases):
    crowds = 0
    with RawServer([b""]) as api:
        for seed, workers in itertools.product(range(cases), WORKERS):
            log = CrowdedEdges(seed)
            api._script = log.answer
            streamed = seed % 4 == 3
            frame, receipt = fetch(client_of(api, workers=workers), log, streamed=streamed)
            got = list(zip(frame["date"].astype("int64").tolist(), frame["uid"].tolist(), strict=True))
            case = f"seed {seed}, workers {workers}"
            assert sorted(got) == log.truth, case
            assert (receipt.complete, receipt.events) == (True, len(got)), case
            period = EPOCH + log.start * MICRO, EPOCH + log.end * MICRO
            assert (receipt.period.start, receipt.period.end) == period, case
            assert receipt.order in ("unknown", "newest first" if log.newest_first else "oldest first"), case
            assert log.shown[log.place(log.start) : log.place(log.end - 1) + 1].all(), f"{case}: not all was looked at"
            assert not log.slid, f"{case}: a link was followed that means another range by now"
            crowds += log.crowds
    assert crowds > cases, "few cuts went through a crowd"


class ShuffledTies:
    """A log, newest first. One second has a page of events or more, in another order for each page.

    `order` names what their order depends on: the request, the offset of the page, or which of two replicas answers,
    in turn or at random. Some servers heed `max`, some ignore it, and some refuse it.
    """

    def __init__(self, seed):
        self.dice = dice = random.Random(f"ties {seed}")
        self.order = ["request", "offset", "in turn", "at random"][seed % 4]
        self.handles_max = dice.choice(["heeds", "ignores", "refuses"])
        self.size, self.requests, self.lock = dice.choice([5, 20]), 0, threading.Lock()
        crowd = dice.randrange(self.size, 4 * self.size)
        times = [0] * crowd + [dice.randrange(-900, 900) for _ in range(dice.randrange(3 * self.size))]
        self.events = [(START + time * SECOND, str(number)) for number, time in enumerate(times)]
        self.events += [dice.choice(self.events) for _ in range(dice.choice([0, 0, 3, crowd]))]

    def answer(self, request):
        with self.lock:
            return self.page(request.query)

    def page(self, query):
        self.requests += 1
        if "max" in query and self.handles_max == "refuses":
            return whole({"title": "max is not a parameter"}, status=400)
        size = int(query["max"]) if "max" in query and self.handles_max == "heeds" else self.size
        offset = int(query.get("cursor", "0-").split("-")[0])
        low, high = micros_of(query["startDate"]), micros_of(query["endDate"])
        salt = {"request": self.requests, "offset": (offset, size), "in turn": self.requests % 2}.get(self.order)
        ties = random.Random(str(self.dice.randrange(2) if salt is None else salt))
        found = [event for event in self.events if low <= event[0] <= high]
        found.sort(key=lambda event: (-event[0], ties.random()))
        more = {**query, "cursor": f"{offset + size}-{self.requests}"}
        body = page(
            *({"date": iso(time), "uid": uid} for time, uid in found[offset : offset + size]),
            following=f"?{urlencode(more)}" if offset + size < len(found) else None,
            startDate=query["startDate"],
            endDate=query["endDate"],
        )
        return whole(body, Date=formatdate(START // SECOND + 86_400, usegmt=True))


@pytest.mark.campaign(full=400, middle=16)
@pytest.mark.full
def test_ties_in_another_order_for_each_page_are_never_wrong_silently(cases):
    right = 0
    start, end = (EPOCH + (START + hours * 3_600 * SECOND) * MICRO for hours in (-1, 1))
    with RawServer([b""]) as api:
        for seed in range(cases):
            log = ShuffledTies(seed)
            api._script = log.answer
            try:
                client = client_of(api, workers=WORKERS[seed % 3])
                frame = client.fetch_events(start=start, end=end, all_account_groups=False)
            except taf.PaginationError as error:
                assert "another order" in str(error) or "while it was read" in str(error), seed
                assert error.missing, seed
                assert log.handles_max != "heeds", f"seed {seed}: on a larger page, the second would have shown"
                continue
            got = list(zip(frame["date"].astype("int64").tolist(), frame["uid"].tolist(), strict=True))
            is_right = sorted(got) == sorted(log.events)
            assert is_right or any("may have repeated" in note for note in taf.receipt(frame).notes), seed
            right += is_right
    assert right, "each fetch ended in an error or a note"
