"""Pages that lead nowhere end in an error, after few requests; pages that only seem to, are read to their end."""

import itertools
import random
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from urllib.parse import urlencode

import pytest
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf
from te_audit_frames.client.next_links import MAX_EMPTY_PAGES

PATH = "/v7/audit-user-events"
END = 1_772_366_400  # 2026-03-01T12:00:00Z
CYCLES = [1, 2, 3, 7, 40]
# How a server may write a cursor: plainly, differently each time, or not as a cursor at all.
LINKS = {
    "query": lambda cursor, serial: f"?{urlencode({'cursor': cursor})}",
    "absolute": lambda cursor, serial: f"{{url}}{PATH}?{urlencode({'cursor': cursor})}#{serial}",
    "dressed up": lambda cursor, serial: f"{PATH}?n={serial}&cursor=%{ord(cursor[0]):x}{cursor[1:]}&max=500",
    "by number": lambda cursor, serial: f"{PATH}?page={cursor}",
    "in the path": lambda cursor, serial: f"{PATH}/{cursor}",
}


def iso(second):
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Leading(RawServer):
    """A log whose pages, from one of them on, lead `astray`: given a page's number, it tells the next one's, or None.

    Each question without a cursor opens a trail of pages; a cursor is the trail, and the number of the page in it.
    """

    def __init__(self, dice, astray):
        self.astray = astray
        self.size, self.gap = dice.choice([1, 2, 5]), dice.choice([0, 0, 1, 3])  # every so many pages one is empty
        self.link, self.newest_first = dice.choice(list(LINKS.values())), dice.random() < 0.5
        self.question = dice.choice(["period", "period", "window", "since"])
        self.length, count = dice.choice([(600, 0), (1, 12), (600, 4), (600, 60), (86_400, 200)])
        dates = sorted((END - dice.randint(1, self.length) for _ in range(count)), reverse=self.newest_first)
        self.events = [(date, str(number)) for number, date in enumerate(dates)]
        self.serials, self.trails, self.asked = itertools.count(), [], Counter()
        super().__init__(self.answer)

    def answer(self, request):
        place = request.query.get("cursor") or request.query.get("page") or request.path.rpartition("/")[2]
        with self._lock:
            if place == "audit-user-events":
                self.trails.append(bounds(request.query))
                place = f"{len(self.trails) - 1}.0"
            trail, number = map(int, place.split("."))
            self.asked[trail] += 1
            serial = next(self.serials)
        low, high = self.trails[trail]
        pages = self.pages([event for event in self.events if low <= event[0] <= high])
        onward = self.astray(number, len(pages))
        return whole(
            page(
                *({"date": iso(date), "uid": uid} for date, uid in (pages[number] if number < len(pages) else [])),
                following=None if onward is None else self.link(f"{trail}.{onward}", serial).format(url=self.url),
                startDate=iso(low),
                endDate=iso(high),
            ),
            Date=formatdate(END, usegmt=True),
        )

    def pages(self, events):
        """Lay out the pages of a question, some of them empty."""
        pages = [events[place : place + self.size] for place in range(0, len(events), self.size)] or [[]]
        return [
            part for number, full in enumerate(pages) for part in ([[], full] if number in (self.gap, 4) else [full])
        ]

    def fetch(self, workers):
        """Fetch; return what came, the receipt and the error if there was one."""
        start, end = (datetime.fromtimestamp(second, UTC) for second in (END - self.length, END))
        asked = {"period": {"start": start, "end": end}, "window": {"window": end - start}, "since": {"start": start}}
        try:
            frame, error = (
                client_of(self, workers=workers).fetch_events(**asked[self.question], all_account_groups=False),
                None,
            )
        except taf.FetchError as caught:
            frame, error = caught.partial, caught
        came = zip(frame["date"].astype("int64") // 1_000_000, frame["uid"], strict=True)
        return Counter(came), taf.receipt(frame), error

    def assert_told(self, came, receipt, error, case):
        """The error is the right one, and outside of what it calls missing nothing is."""
        assert type(error) is taf.PaginationError, f"{case}: {error!r}"
        assert error.missing, case
        assert not receipt.complete, case
        periods = [(low.timestamp(), high.timestamp()) for low, high in error.missing]
        for events in (came, truth := Counter(self.events)):
            for event in list(events):
                if any(low <= event[0] < high for low, high in periods):
                    del events[event]
        assert came == truth, case


def bounds(query):
    high = second_of(query["endDate"]) if "endDate" in query else END
    return (high - int(query["window"][:-1]) if "window" in query else second_of(query["startDate"])), high


def second_of(date):
    return int(datetime.fromisoformat(date).timestamp())


@pytest.mark.campaign(full=150, middle=15)
def test_a_circle_is_an_error_one_request_behind_it_at_the_latest(cases):
    for seed in range(cases):
        dice = random.Random(seed)
        cycle, lead, workers = dice.choice(CYCLES), dice.choice([0, 0, 1, 2, 9]), dice.choice([1, 2, 8])

        def back(number, pages, last=lead + cycle - 1, first=lead):
            return number + 1 if number < last else first

        with Leading(dice, back) as api:
            outcome = api.fetch(workers)
        case = f"seed {seed}, {lead} pages, then {cycle} in a circle, workers {workers}, {api.question}"
        api.assert_told(*outcome, case)
        # A link back to the very first page is written unlike the question, and so known at the second sight.
        assert max(api.asked.values()) <= lead + cycle + (lead == 0), f"{case}: {api.asked}"


@pytest.mark.full
@pytest.mark.campaign(full=10, middle=1)
def test_empty_pages_without_end_are_an_error_at_the_cap(cases):
    for seed in range(cases):
        dice = random.Random(seed)
        workers = dice.choice([1, 2, 8])
        with Leading(dice, lambda number, pages: number + 1) as api:
            outcome = api.fetch(workers)
        case = f"seed {seed}, workers {workers}, {api.question}"
        api.assert_told(*outcome, case)
        assert MAX_EMPTY_PAGES <= max(api.asked.values()) <= len(api.pages(api.events)) + MAX_EMPTY_PAGES, case


@pytest.mark.campaign(full=150, middle=15)
def test_empty_pages_behind_the_last_are_the_end_and_nothing_is_lost(cases):
    for seed in range(cases):
        dice = random.Random(seed)
        empty, workers = dice.choice([1, 1, 2, 5, 30]), dice.choice([1, 2, 8])

        def onward(number, pages, more=empty):
            return number + 1 if number + 1 < pages + more else None

        with Leading(dice, onward) as api:
            came, receipt, error = api.fetch(workers)
        case = f"seed {seed}, {empty} empty pages, workers {workers}, {api.question}"
        assert (came, error, receipt.complete) == (Counter(api.events), None, True), case
