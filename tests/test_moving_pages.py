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
    Time,
    event,
    fetch,
    practice,
    spread_out,
)

import te_audit_frames as taf

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
@pytest.mark.parametrize("delay", [0, 3, 40])
@pytest.mark.parametrize("question", [{"window": "60d"}, {"start": NOW - 60 * DAY, "end": NOW + DAY}])
def test_events_that_arrive_during_the_fetch_come_once_or_not_at_all(workers, delay, question):
    clock = Time(step=0.3)
    late = {"arrivals": 1, "most_arrivals": 12, "arrival_delay": delay * SECOND}
    with practice(LOG, clock, **late) as api:
        fetch(api, clock, workers=workers, **question, **EVERYTHING)


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
