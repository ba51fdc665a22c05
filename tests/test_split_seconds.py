"""Seconds on both sides of a page boundary: ties that come in another order, cursors that begin a second again."""

from email.utils import format_datetime
from urllib.parse import urlencode

import pytest
from support.checked import HOUR, MINUTE, NOW, SECOND, WORKERS, Time, event, keys
from support.rawserver import RawServer, client_of, page, whole

import te_audit_frames as taf

T = NOW - 5 * HOUR
PERIOD = {"start": NOW - 24 * HOUR, "end": NOW - HOUR, "all_account_groups": False}
LOG = [
    event(T + 2 * MINUTE, "first"),
    event(T + MINUTE, "next"),
    *[event(T, f"tie {n}") for n in range(3)],
    event(T, "tie 2"),
]
LOG += [event(T - n * MINUTE, n) for n in range(1, 7)]


class Pages(RawServer):
    """A log, newest first, in pages of four.

    `change` may change the log before a page, and returns its ties' order. Each page repeats `back` rows.
    """

    def __init__(self, events, *, change=lambda events, request, offset: 1, size=4, back=0):
        self.events, self.change, self.size, self.back = list(events), change, size, back
        super().__init__(self.answer)

    def answer(self, request):
        query = request.query
        offset = int(query.get("cursor", "0"))
        sign = self.change(self.events, len(self.requests), offset)
        asked = [one for one in self.events if query["startDate"] <= one["date"] <= query["endDate"]]
        found = sorted(asked[::sign], key=lambda one: one["date"], reverse=True)
        more = {"startDate": query["startDate"], "endDate": query["endDate"], "cursor": offset + self.size - self.back}
        following = f"?{urlencode(more)}" if offset + self.size < len(found) else None
        stated = {"startDate": query["startDate"], "endDate": query["endDate"]}
        body = page(*found[offset : offset + self.size], following=following, **stated)
        return whole(body, Date=format_datetime(NOW, usegmt=True))


def fetch(api, workers):
    return client_of(api, workers=workers, clock=Time()).fetch_events(**PERIOD)


@WORKERS
def test_ties_whose_order_depends_on_the_page_come_once(workers):
    # As a database sorts that has no second key: the same for each page, but not for two pages together.
    with Pages(LOG, change=lambda events, request, offset: -1 if offset else 1) as api:
        events = fetch(api, workers)
    assert keys(events) == keys(LOG)
    assert any("read on its own" in note for note in taf.receipt(events).notes)


@WORKERS
@pytest.mark.parametrize("seed", range(1, 8))
def test_ties_in_another_order_for_each_request_come_once(workers, seed):
    with Pages(LOG, change=lambda events, request, offset: 1 if request * seed % 5 % 2 else -1) as api:
        events = fetch(api, workers)
    assert keys(events) == keys(LOG)


@WORKERS
def test_a_late_event_that_equals_one_of_the_following_page_moves_no_other(workers):
    def change(events, request, offset):
        if offset == 4 and len(events) == len(log):
            events.insert(2, event(T, "d"))  # in front of the ties, as the latest one stored
        return 1

    log = [event(T + 2 * MINUTE, "a"), event(T + MINUTE, "b"), *[event(T, name) for name in "ecd"], *LOG[-6:]]
    with Pages(log, change=change) as api:
        events = fetch(api, workers)
    came = keys(events)
    assert keys(log) <= came <= keys([*log, event(T, "d")])


@WORKERS
def test_a_cursor_that_begins_its_second_again_brings_no_event_twice(workers):
    def script(request):
        query = request.query
        until = query.get("cursor", query["endDate"])
        found = [one for one in log if query["startDate"] <= one["date"] <= until]
        stated = {"startDate": query["startDate"], "endDate": query["endDate"]}
        following = f"?{urlencode({**stated, 'cursor': found[4]['date']})}" if len(found) > 5 else None
        return whole(page(*found[:5], following=following, **stated), Date=format_datetime(NOW, usegmt=True))

    log = [event(T - n // 2 * MINUTE, n) for n in range(24)]
    with RawServer(script) as api:
        events = fetch(api, workers)
    assert keys(events) == keys(log)


@WORKERS
def test_true_duplicates_that_fill_more_than_a_page_are_kept(workers):
    log = [event(T + SECOND, "before"), *[event(T, "twin")] * 14, *LOG[-6:]]
    with Pages(log) as api:
        assert keys(fetch(api, workers)) == keys(log)


def test_a_value_kept_in_extra_is_counted_once_where_a_second_is_put_right():
    odd = [{**one, "ipAddress": {"is": "odd"}} if "tie" in one["uid"] else one for one in LOG]
    reversed_later = Pages(odd, change=lambda events, request, offset: -1 if offset else 1)
    with reversed_later as api, pytest.warns(taf.AuditFramesWarning, match="no column"):
        events = client_of(api, workers=1, clock=Time()).fetch_events(**PERIOD, errors="coerce")
    assert keys(events) == keys(LOG)
    assert taf.receipt(events).coerced == 4


@WORKERS
@pytest.mark.parametrize("verify", ["spot", "full"])
@pytest.mark.full
def test_a_late_batch_of_many_pages_doubles_no_event(workers, verify):
    def change(events, request, offset):
        if offset == 40 and len(events) == len(log):
            events.extend(event(T + 10 * MINUTE + n * SECOND, f"late {n}") for n in range(23))
        return 1

    log = [event(T - n * MINUTE, n) for n in range(80)]
    with Pages(log, change=change) as api:
        events = client_of(api, workers=workers, clock=Time(), verify=verify).fetch_events(**PERIOD)
    came = keys(events)
    assert keys(log) <= came
    assert max(came.values()) == 1


def test_a_crowded_second_in_another_order_for_each_page_is_an_error_that_names_it():
    ties = [event(T, f"tie {n}") for n in range(9)]
    reversed_later = Pages([*LOG[:2], *ties], change=lambda events, request, offset: -1 if offset else 1)
    message = f"the second {T:%Y-%m-%dT%H:%M:%SZ} has more than a page"
    with reversed_later as api, pytest.raises(taf.PaginationError, match=message):
        fetch(api, 1)


@WORKERS
@pytest.mark.parametrize("back", [2, 3])
def test_rows_of_several_seconds_that_every_page_repeats_come_once(back, workers):
    log = [event(T - n * MINUTE, n) for n in range(12)]
    with Pages(log, size=5, back=back) as api:
        events = fetch(api, workers)
    assert keys(events) == keys(log)
    assert any("several seconds" in note for note in taf.receipt(events).notes)


def test_true_duplicates_of_several_seconds_on_two_pages_are_kept():
    log = [event(T - n * MINUTE, n) for n in (0, 1, 2, 1, 2, 3)]

    def answer(request):
        start, end = request.query["startDate"], request.query["endDate"]
        asked = [one for one in log if start <= one["date"] <= end]
        offset = int(request.query.get("cursor", "0"))
        is_long = len(asked) > max(offset + 3, 4)
        following = f"?startDate={start}&endDate={end}&cursor={offset + 3}" if is_long else None
        shown = asked[offset : offset + 3] if len(asked) > 4 else asked  # a short range fits on one page
        return whole(page(*shown, following=following), Date=format_datetime(NOW, usegmt=True))

    with RawServer(answer) as api:
        events = fetch(api, 1)
    assert keys(events) == keys(log)
