"""Which period a window means, by which clock."""

import warnings

import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    LOG,
    MINUTE,
    NOW,
    Time,
    fetch,
    practice,
    spread_out,
)

import te_audit_frames as taf

WORKERS = pytest.mark.parametrize("workers", [1, 8])


@WORKERS
@pytest.mark.parametrize("stated", ["end of day", "in 3 days", "9999"])
@pytest.mark.parametrize("question", [{"window": "7d"}, {"start": NOW - 7 * DAY}])
def test_an_end_far_ahead_is_not_believed(workers, stated, question):
    log = spread_out(168, 7 * DAY - MINUTE)
    with practice(log, stated_end=stated) as api:
        events, paid, _ = fetch(api, workers=workers, **question)
    assert len(events) == 168
    assert paid.period.start == NOW - 7 * DAY
    assert paid.period.end == NOW


@WORKERS
def test_a_window_that_is_the_widest_allowed_is_asked_for_without_the_second_more(workers):
    log = spread_out(168, 7 * DAY - MINUTE)
    with practice(log, widest_range=7 * DAY) as api:
        events, _, _ = fetch(api, workers=workers, window="7d")
    assert len(events) == 168


@pytest.mark.parametrize(
    ("date_error", "local_error", "end", "warns"),
    [
        (0 * DAY, 0 * DAY, NOW, False),
        (0 * DAY, -2 * MINUTE, NOW - 2 * MINUTE, False),
        (0 * DAY, 2 * MINUTE, NOW, False),
        (0 * DAY, -3 * DAY, NOW, True),
        (0 * DAY, 3 * DAY, NOW, True),
        (-3 * DAY, 0 * DAY, NOW - 3 * DAY, True),
        (3 * DAY, 0 * DAY, NOW, True),
    ],
)
def test_the_end_is_the_earliest_of_the_clocks_that_agree(date_error, local_error, end, warns):
    clock = Time(local_error=local_error)
    with practice(LOG, clock, date_error=date_error) as api, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, paid, _ = fetch(api, clock, window="30d", **EVERYTHING)
    assert paid.period.end == end
    assert paid.period.start <= NOW - 30 * DAY
    assert any(issubclass(warning.category, taf.AuditFramesWarning) for warning in caught) == warns
