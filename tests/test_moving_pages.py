"""Pages that move while they are read, and true duplicates that only look so."""

from math import ceil

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    LOG,
    NOW,
    PAGES,
    PERIOD,
    SECOND,
    WORKERS,
    Time,
    event,
    fetch,
    practice,
    spread_out,
)
from support.rawserver import page as body_of

import te_audit_frames as taf
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import MOST_BOUNDARY_CHECKS, FetchChecks
from te_audit_frames.client.moving_pages import MovingPages
from te_audit_frames.client.restarts import ReadAgain


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


# ---- one page at a time --------------------------------------------------------------------------------------------


class Pages:
    """The pages of a log, newest first, to which events may be added in front while it is read."""

    def __init__(self, *numbers, size=4):
        self.numbers, self.size = list(numbers), size

    def get(self, url):
        start = int(url) * self.size
        numbers = self.numbers[start : start + self.size]
        return decode_page(body_of(*(event(NOW - n * SECOND, n) for n in numbers)), name="1")

    def moving(self, checks=None):
        return MovingPages("0", self.get, checks or FetchChecks(), lambda date, **how: None)


def read(pages, moving, number):
    """Read one page as a paginator does; return the numbers of its new events."""
    page = moving.settle(pages.get(str(number)), str(number))
    moving.remember(page.batch, str(number))
    return [int(uid) for uid in page.batch["uid"].to_pylist()]


def test_rows_that_moved_to_a_later_page_are_left_out_there():
    pages = Pages(*range(12))
    moving = pages.moving()
    assert read(pages, moving, 0) == [0, 1, 2, 3]
    pages.numbers[:0] = [-2, -1]  # two events arrive in front
    assert read(pages, moving, 1) == [4, 5]
    assert read(pages, moving, 2) == [6, 7, 8, 9]


def test_equal_rows_of_pages_that_did_not_move_are_kept():
    pages = Pages(0, 1, 2, 3, 3, 4, 5, 6)
    moving = pages.moving()
    assert read(pages, moving, 0) == [0, 1, 2, 3]
    assert read(pages, moving, 1) == [3, 4, 5, 6]
    assert moving.are_unchanged()


@pytest.mark.parametrize("numbers", [[10, 20, 21, 22, 23, 24], [10, 11, 20, 21, 22, 23]])
def test_events_of_one_date_in_another_order_did_not_move(numbers):
    def get(url):
        asked.append(url)
        ties = numbers if len(asked) <= 2 else sorted(numbers, key=lambda number: (number // 10, -number))
        shown = ties[int(url) * 4 : int(url) * 4 + 4]
        return decode_page(body_of(*(event(NOW - number // 10 * SECOND, number) for number in shown)), name="1")

    asked = []
    moving = MovingPages("0", get, FetchChecks(), lambda date, **how: None)
    got = []
    for url in ("0", "1"):
        page = moving.settle(get(url), url)
        moving.remember(page.batch, url)
        got += [int(uid) for uid in page.batch["uid"].to_pylist()]
    assert got == numbers
    assert moving.are_unchanged()


def test_an_event_that_arrives_among_the_last_ones_of_a_page_is_noticed():
    numbers = [10, 20, 21, 22, 23, 24, 30]

    def get(url):
        shown = numbers[int(url) * 4 : int(url) * 4 + 4]
        return decode_page(body_of(*(event(NOW - number // 10 * SECOND, number) for number in shown)), name="1")

    moving = MovingPages("0", get, FetchChecks(), lambda date, **how: None)
    moving.remember(get("0").batch, "0")
    numbers.insert(1, 25)  # the dates of the first page stay as they are, and yet 22 moves to the second
    with pytest.raises(ReadAgain):
        moving.settle(get("1"), "1")


def test_pages_that_change_in_another_way_are_read_again():
    pages = Pages(*range(12))
    moving = pages.moving()
    read(pages, moving, 0)
    pages.numbers = [3, 9, 3, 8, 3, 7, 3, 6]
    with pytest.raises(ReadAgain) as caught:
        read(pages, moving, 1)
    assert caught.value.reason == "moved"


def test_a_cursor_that_leads_back_to_the_first_page_is_noticed():
    pages = Pages(*range(16), size=8)
    moving = pages.moving()
    read(pages, moving, 0)
    with pytest.raises(ReadAgain):
        moving.remember(pages.get("0").batch, "1")


def test_without_checks_left_a_move_is_noticed_at_the_end():
    checks = FetchChecks()
    for _ in range(MOST_BOUNDARY_CHECKS):
        checks.take_boundary_check()
    pages = Pages(0, 1, 2, 3, 3, 4, 5, 6)
    moving = pages.moving(checks)
    read(pages, moving, 0)
    assert not moving.has_unchecked_boundaries
    assert read(pages, moving, 1) == [3, 4, 5, 6]
    assert moving.has_unchecked_boundaries
    assert moving.are_unchanged()
    pages.numbers.insert(0, -1)
    assert not moving.are_unchanged()


@pytest.mark.parametrize("oldest_first", [True, False])
def test_the_middles_of_the_first_and_the_last_page_show_the_order(oldest_first):
    pages = Pages(*(range(11, -1, -1) if oldest_first else range(12)))
    moving = pages.moving()
    for number in range(3):
        read(pages, moving, number)
    assert moving.has_oldest_first == oldest_first
