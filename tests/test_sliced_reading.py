"""Reading in slices: dates out of order, margins, and any order with one worker."""

from datetime import timedelta

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    GROUPS,
    HOUR,
    LOG,
    MINUTE,
    NOW,
    PAGES,
    PERIOD,
    fetch,
    practice,
    spread_out,
)


@pytest.mark.few(count=1)
@pytest.mark.campaign(full=30, middle=30, short=2)
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.full
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


@pytest.mark.full
def test_a_slice_reads_past_its_cut_by_a_quarter_of_an_hour_or_a_page():
    log = spread_out(2_000, 40 * DAY, aids=GROUPS)
    with practice(log, misplaced=6, misplaced_by=10 * MINUTE) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
    assert paid.checked["margin_seconds"] >= 15 * 60


@pytest.mark.full
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


@pytest.mark.full
def test_dates_that_run_far_backwards_end_all_trust_in_order():
    for seed in range(5):
        with practice(LOG, seed=seed, disorder=timedelta.max) as api:
            events, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
        assert len(events) == 400
        assert paid.order == "none"
