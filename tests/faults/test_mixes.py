"""Whatever goes wrong, and whatever with it: the events are all there, or an error says which are and which are not."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from support.rawserver import HANG_UP, RESET, Pause, RawServer, VirtualClock, client_of, head, page, until_close, whole

import te_audit_frames as taf
from te_audit_frames.schema import in_order, to_events

END = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIMEOUT = 0.1  # seconds of real time, as those of a stall are
ORDERS = ["newest first"] * 3 + ["oldest first"] * 3 + ["turned round"] * 2  # from page to page, and on each page
HTML = b"<!doctype html><title>Sign in</title>"


def iso(second):
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_of(date):
    return int(datetime.fromisoformat(date).timestamp())


# ---- what goes wrong: from the dice and the right body, an answer ---------------------------------------------------


def too_many(dice, body):
    told = {"X_Organization_Rate_Limit_Limit": 240, "X_Organization_Rate_Limit_Remaining": 0}
    reset = {"X_Organization_Rate_Limit_Reset": int(END.timestamp()) + dice.randint(-5, 70)}
    return whole(b"", 429, Date="Sun, 01 Mar 2026 12:00:00 GMT", **(told | reset) if dice.random() < 0.5 else {})


def truncated(dice, body):
    cut = dice.randrange(len(body))
    return dice.choice([until_close(body[:cut]), [head(Content_Length=len(body)) + body[:cut], HANG_UP]])


def slowly(dice, body):
    """Send it byte by byte at first, in time or not."""
    pause = Pause(dice.choice([0.002, TIMEOUT / 5]))
    answer = whole(body)
    return [step for place in range(10) for step in (answer[place : place + 1], pause)] + [answer[10:]]


FAULTS = {
    "429": too_many,
    "500": lambda dice, body: whole({"title": "Internal Server Error"}, 500),
    "502": lambda dice, body: [head(502, Content_Type="text/html") + HTML, HANG_UP],
    "503": lambda dice, body: whole(b"", 503),
    "reset": lambda dice, body: [whole(body)[: dice.choice([0, dice.randrange(len(body))])], RESET],
    "stall": lambda dice, body: [whole(body)[: dice.choice([0, dice.randrange(len(body))])], Pause(30)],
    "truncation": truncated,
    "slow drip": slowly,
    "HTML": lambda dice, body: head(Content_Type="text/html", Content_Length=len(HTML)) + HTML,
    "wrong Content-Type": lambda dice, body: head(Content_Type="text/html", Content_Length=len(body)) + body,
    "closed behind": lambda dice, body: [whole(body), dice.choice([HANG_UP, RESET])],
    "an answer too many": lambda dice, body: whole(body) + whole(page()),
    "403": lambda dice, body: whole({"title": "Forbidden"}, 403),
}
WEIGHTS = [0.3 if name == "403" else 1 for name in FAULTS]  # it is the end of a fetch


class Troubled(RawServer):
    """A log whose server answers each page rightly in the end, if it is asked often enough.

    What goes wrong depends on the seed, the page, and how often it was asked for: not on the threads.
    """

    def __init__(self, seed):
        self.dice = dice = random.Random(seed)
        self.seed, self.lock, self.asked = seed, threading.Lock(), Counter()
        self.rate, self.size, self.order = dice.choice([0.1, 0.3, 0.6]), dice.choice([3, 7, 20]), dice.choice(ORDERS)
        self.length = dice.choice([5, 60, 600])  # seconds up to END, and some beyond on both sides
        self.end = int(END.timestamp())
        dates = sorted(self.end - dice.randint(-2, self.length + 2) for _ in range(dice.choice([0, 10, 60, 120])))
        # Twins have one uid: two equal events are two events.
        self.events = [(date, str(number - dice.choice([0, 0, 1]))) for number, date in enumerate(dates)]
        if self.order != "oldest first":
            self.events.reverse()
        self.sent = Counter()
        super().__init__(self.answer)

    @property
    def truth(self):
        return Counter(event for event in self.events if self.end - self.length <= event[0] < self.end)

    def answer(self, request):
        with self.lock:
            self.asked[str(request.query)] += 1
            dice = random.Random(f"{self.seed} {request.query} {self.asked[str(request.query)]}")
            body = self.page(request.query)
            if dice.random() >= self.rate:
                return whole(body)
            (name,) = dice.choices(list(FAULTS), WEIGHTS)
            self.sent[name] += 1
            return FAULTS[name](dice, body)

    def page(self, query):
        high = second_of(query["endDate"]) if "endDate" in query else self.end
        low = high - int(query["window"][:-1]) if "window" in query else second_of(query["startDate"])
        offset = int(query.get("cursor", "-0").split("-")[1])
        found = [event for event in self.events if low <= event[0] <= high]
        shown = found[offset : offset + self.size][:: -1 if self.order == "turned round" else 1]
        link = {"startDate": iso(low), "endDate": iso(high), "cursor": f"{low}.{high}-{offset + self.size}"}
        return page(
            *({"date": iso(second), "uid": uid} for second, uid in shown),
            following="?" + urlencode(link) if offset + self.size < len(found) else None,
            startDate=iso(low),
            endDate=iso(high),
        )


class Noon(VirtualClock):
    """The local clock goes as the server's."""

    def now(self):
        return END


# ---- what must hold ------------------------------------------------------------------------------------------------


def fetch(client, api, *, streamed):
    """Fetch; return the events that came, the receipt, and the error if there was one."""
    length = timedelta(seconds=api.length)
    question = api.dice.choice([{"start": END - length, "end": END}, {"window": length}, {"start": END - length}])
    if streamed:
        pieces, error, batches = [], None, client.iter_batches(**question, all_account_groups=False)
        try:
            pieces.extend(batches)
        except taf.FetchError as caught:
            error = caught
        return to_events(in_order(pieces)), batches.receipt, error
    try:
        frame, error = client.fetch_events(**question, all_account_groups=False), None
    except taf.FetchError as caught:
        frame, error = caught.partial, caught
    return frame, taf.receipt(frame), error


@pytest.mark.campaign(full=1_000, middle=100, short=60)
@pytest.mark.full
def test_a_mix_of_faults_ends_in_the_truth_or_in_an_error_that_tells_it(cases):
    ends, sent, connections, requests = Counter(), Counter(), 0, 0
    for seed in range(cases):
        streamed = seed % 4 == 3
        with Troubled(seed) as api:
            workers, retries = api.dice.choice([1, 2, 4, 8]), api.dice.choice([0, 1, 3, 5])
            client = client_of(api, workers=workers, retries=retries, timeout=TIMEOUT, clock=Noon())
            frame, receipt, error = fetch(client, api, streamed=streamed)
        case = f"seed {seed}, workers {workers}, retries {retries}, {api.order}: {error!r}, {dict(api.sent)}"
        came = Counter(zip(frame["date"].astype("int64") // 1_000_000, frame["uid"], strict=True))
        missing = [(low.timestamp(), high.timestamp()) for low, high in error.missing] if error else []
        vouched = [event for event in api.truth.elements() if not is_within(event, missing)]
        assert came <= api.truth, case
        assert Counter(event for event in came.elements() if not is_within(event, missing)) == Counter(vouched), case
        assert receipt.complete == (error is None), case
        if error:
            assert all(api.end - api.length <= low < high <= api.end for low, high in missing), case
            assert missing, case
            assert type(error) is not taf.FetchError, case
            is_refused = isinstance(error, taf.PaginationError)  # a stream cannot start again
            assert not is_refused or (streamed and api.order == "turned round"), case
            ends["partly"] += len(frame) > 0 and missing != [(api.end - api.length, api.end)]
        ends[type(error).__name__] += 1
        sent += api.sent
        connections += api.accepted
        requests += len(api.requests)
    assert cases / 10 < ends["NoneType"] < cases * 9 / 10, ends
    assert ends["partly"] > cases // 100, "few errors had something to tell apart"
    assert sent.keys() == FAULTS.keys(), "a fault was never sent"
    assert requests > 1.5 * connections, "few faults met a connection used before"


def is_within(event, periods):
    return any(low <= event[0] < high for low, high in periods)
