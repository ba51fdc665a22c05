"""Whatever the rate-limit and Date headers say: no wait is beyond 65 s, the deadline holds, and nothing is lost."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

import pytest
from support.rawserver import RawServer, VirtualClock, client_of, page, whole

import te_audit_frames as taf

END = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, YEAR = 86_400, 365 * 86_400
LENGTH = 600  # seconds up to END, and some beyond on both sides
LONGEST_WAIT = 65
LONG = 20_000  # seconds that every one of these fetches gets done in, and twice over
WORKERS = [1, 2, 4, 8]
OFF = [0, DAY, -DAY, YEAR, -YEAR, 0.5]

# What may stand in a header, from the dice and the true time; the time is the server's, in epoch seconds.
TIMES = {
    "past": lambda dice, time: time - dice.choice([1, 60, DAY, YEAR]),
    "ahead": lambda dice, time: time + dice.choice([60, 3_600, DAY, YEAR]),
    "jitter": lambda dice, time: time + dice.randint(-70, 70),
}
RESETS = TIMES | {
    "milliseconds": lambda dice, time: time * 1_000 + dice.randint(0, 999),
    "seconds to go": lambda dice, time: dice.randint(0, 60),
    "fraction": lambda dice, time: time + dice.random(),
    "no number": lambda dice, time: dice.choice(
        ["NaN", "inf", "-inf", "1e400", "soon", "", "0x10", "Sun, 01 Mar 2026"]
    ),
    "odd number": lambda dice, time: dice.choice(
        [0, -1, -time, "1e300", "-1e300", "1_7", "\xb2", f"+{time}", f"{time}.", 2**64]
    ),
    "absent": lambda dice, time: None,
    "twice": lambda dice, time: f"{time}\r\nX-Organization-Rate-Limit-Reset: {time + dice.choice([0, 60, -DAY])}",
}
DATES = {name: lambda dice, time, lie=lie: stamp(lie(dice, time)) for name, lie in TIMES.items()} | {
    "garbage": lambda dice, time: dice.choice(
        ["", "0", "yesterday", f"{time}", "Sun, 99 Mar 2026 12:00:00 GMT", "Thu, 01 Jan 0000 00:00:00 GMT", "\xff\xfe"]
    ),
    "far away": lambda dice, time: dice.choice(
        ["Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 9999 23:59:59 -2359", "Thu, 01 Jan 1970 00:00:00 GMT"]
    ),
    "other zone": lambda dice, time: stamp(time).replace(
        "GMT", dice.choice(["+1400", "-1200", "PST", "-0000", "", "XYZ"])
    ),
    "absent": lambda dice, time: None,
    "twice": lambda dice, time: f"{stamp(time)}\r\nDate: {stamp(time + dice.choice([0, 60, -DAY, YEAR]))}",
}
COUNTS = {
    "odd": lambda dice, count: dice.choice([0, -1, "-1e308", "NaN", "inf", "many", "", None, 0.5, "0x1"]),
    "twice": lambda dice, count: f"{count}\r\nX-Organization-Rate-Limit-Limit: {count}",
    "none left": lambda dice, count: 0,
    "huge": lambda dice, count: dice.choice(["1e308", "1.7e308", 10**300]),
}
LIES = {"Reset": RESETS, "Date": DATES, "Limit": COUNTS, "Remaining": COUNTS}


def stamp(time):
    return format_datetime(datetime.fromtimestamp(time, UTC), usegmt=True)


def iso(second):
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_of(date):
    return int(datetime.fromisoformat(date).timestamp())


class OffClock(VirtualClock):
    """A clock whose wall time is off. Threads that wait at once wait together, and an answer ends a wait."""

    def __init__(self, off):
        super().__init__()
        self.off, self._latest = timedelta(seconds=off), threading.local()

    def now(self):
        return END + timedelta(seconds=self.seconds) + self.off

    def monotonic(self):
        self._latest.look = super().monotonic()
        return self._latest.look

    def wait(self, condition, seconds):
        self.waits.append(seconds)
        if not condition.wait(0.001):  # an answer that is under way may come
            with self._lock:
                self.seconds = max(self.seconds, self._latest.look + seconds)


class Lying(RawServer):
    """A log whose server allows a few requests a window, and tells of it what comes to its mind."""

    def __init__(self, seed):
        self.dice = dice = random.Random(seed)
        self.clock = OffClock(dice.choice(OFF))
        self.limit, self.period = dice.choice([2, 5, 20]), dice.choice([10, 60, 60])
        self.rate = dice.choice([0, 0.1, 0.4])  # of 429s out of turn
        self.honesty = dice.choice([0, 0.5, 0.9])
        # Of each header, one lie for the whole fetch, or any at any time, or none.
        self.lies = {name: dice.choice([list(lies), [dice.choice(list(lies))]]) for name, lies in LIES.items()}
        for name in dice.sample(list(LIES), dice.randint(0, 3)):
            self.lies[name] = []
        if dice.random() < 0.3:
            self.lies["Remaining"] = self.lies["Limit"]
        self.size, self.newest_first = dice.choice([3, 7, 20]), dice.random() < 0.5
        dates = [int(END.timestamp()) - dice.randint(-2, LENGTH + 2) for _ in range(dice.choice([10, 60, 200]))]
        # Twins have one uid: two equal events are two events.
        self.events = [(date, str(number - dice.choice([0, 0, 1]))) for number, date in enumerate(sorted(dates))]
        if self.newest_first:
            self.events.reverse()
        self.used, self.sent, self.lock = Counter(), Counter(), threading.Lock()
        super().__init__(self.answer)

    @property
    def truth(self):
        end = int(END.timestamp())
        return Counter(event for event in self.events if end - LENGTH <= event[0] < end)

    def answer(self, request):
        with self.lock:
            time = int(END.timestamp() + self.clock.seconds)
            window = time // self.period
            is_refused = self.used[window] >= self.limit or self.dice.random() < self.rate
            self.used[window] += not is_refused
            true = {
                "Limit": self.limit,
                "Remaining": self.limit - self.used[window],
                "Reset": (window + 1) * self.period,
            }
            told = {f"X_Organization_Rate_Limit_{name}": self.tell(name, value) for name, value in true.items()}
            told["Date"] = self.tell("Date", time)
        self.sent["429"] += is_refused
        return whole(b"", 429, **told) if is_refused else whole(self.page(request.query), **told)

    def tell(self, name, value):
        if self.lies[name] and self.dice.random() >= self.honesty:
            lie = self.dice.choice(self.lies[name])
            self.sent[name, lie] += 1
            return LIES[name][lie](self.dice, value)
        return stamp(value) if name == "Date" else value

    def page(self, query):
        high = second_of(query["endDate"]) if "endDate" in query else int(END.timestamp())
        low = high - int(query["window"][:-1]) if "window" in query else second_of(query["startDate"])
        offset = int(query.get("cursor", 0))
        found = [event for event in self.events if low <= event[0] <= high]
        link = {"startDate": iso(low), "endDate": iso(high), "cursor": offset + self.size}
        return page(
            *({"date": iso(second), "uid": uid} for second, uid in found[offset : offset + self.size]),
            following="?" + urlencode(link) if offset + self.size < len(found) else None,
            startDate=iso(low),
            endDate=iso(high),
        )


@pytest.mark.full
@pytest.mark.campaign(full=600, middle=60)
def test_no_header_makes_a_fetch_wait_for_long_or_lose_anything(cases):
    ends, sent = Counter(), Counter()
    for seed in range(cases):
        with Lying(seed) as api:
            dice, clock = api.dice, api.clock
            deadline = dice.choice([LONG, LONG, 100, 1_000])
            start = END - timedelta(seconds=LENGTH)
            question = {"start": start, "end": END}
            if deadline == LONG:  # a window that was never answered is missing by the local clock
                question = dice.choice([question, {"start": start}, {"window": timedelta(seconds=LENGTH)}])
            policy = {"workers": dice.choice(WORKERS), "reserve": dice.choice([0, 0, 0.25, 0.95]), "deadline": deadline}
            client = client_of(api, clock=clock, retries=0, **policy)
            try:
                frame, error = client.fetch_events(**question, all_account_groups=False), None
            except (taf.RateLimited, taf.NetworkError) as caught:
                frame, error = caught.partial, caught
        case = f"seed {seed}, {policy}, {dict(api.sent)}, clock {clock.off} off: {error!r}"
        assert all(0 <= wait <= LONGEST_WAIT + 1e-6 for wait in clock.waits), f"{case}: {max(clock.waits)}"
        assert clock.seconds <= deadline, case
        came = Counter(zip(frame["date"].astype("int64") // 1_000_000, frame["uid"], strict=True))
        missing = [(low.timestamp(), high.timestamp()) for low, high in error.missing] if error else []
        lost = [event for event in (api.truth - came) if not any(low <= event[0] < high for low, high in missing)]
        assert (came - api.truth, lost) == (Counter(), []), case
        assert taf.receipt(frame).complete == (error is None), case
        assert error is None or (deadline < LONG and missing), case
        ends[type(error).__name__] += 1
        sent += api.sent
    assert cases / 2 < ends["NoneType"] < cases, ends
    assert sent.keys() == {"429"} | {(name, lie) for name, lies in LIES.items() for lie in lies}, "a lie was never told"
