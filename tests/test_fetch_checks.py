"""What a fetch has checked, and what checking may cost."""

from math import ceil

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    GROUPS,
    HOUR,
    LOG,
    NOW,
    PERIOD,
    fetch,
    practice,
    spread_out,
)

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@pytest.mark.parametrize("question", [{"window": "60d"}, {"start": NOW - 60 * DAY}, PERIOD])
@pytest.mark.parametrize("order", ["newest", "oldest"])
@WORKERS
@pytest.mark.parametrize("count", [0, 1, 19, 20])
def test_a_log_of_one_page_costs_one_request(question, order, workers, count):
    with practice(LOG[:count] if count else [], order=order) as api:
        _, paid, asked = fetch(api, workers=workers, **question, **EVERYTHING)
    assert len(asked) == 1
    assert paid.requests == len(api.requests) == 1


def test_one_worker_sends_one_request_a_page():
    past = {"start": NOW - 60 * DAY, "end": NOW - HOUR}
    with practice(LOG) as api:
        events, paid, asked = fetch(api, workers=1, **past, **EVERYTHING)
    assert len(asked) == ceil(len(events) / 20)
    assert paid.requests == len(api.requests) == len(asked)


@pytest.mark.parametrize("pages", [30, 100, 300])
def test_with_8_workers_the_checks_cost_8_requests_and_3_percent_at_most(pages):
    log = spread_out(pages * 20, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
        spent = len(api.requests)
    assert paid.requests == spent
    # Cutting may waste a page each worker and a tenth; the checks come on top.
    assert spent <= pages * 1.05 + 8 + 8 + 0.03 * pages
