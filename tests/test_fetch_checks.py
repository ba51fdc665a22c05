"""What a fetch has checked, and what checking may cost."""

from math import ceil

import pyarrow as pa
import pytest
from support.checked import (
    DAY,
    EVERYTHING,
    GROUPS,
    HOUR,
    LOG,
    NOW,
    PERIOD,
    SECOND,
    WORKERS,
    fetch,
    iso,
    practice,
    spread_out,
)
from support.rawserver import page

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import MOST_BOUNDARY_CHECKS, FetchChecks, older_than, pick, row_counts


@pytest.mark.few
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


@pytest.mark.few(count=1)
@pytest.mark.parametrize("pages", [30, 100, 300])
def test_with_8_workers_the_checks_cost_8_requests_and_3_percent_at_most(pages):
    log = spread_out(pages * 20, 40 * DAY, aids=GROUPS)
    with practice(log) as api:
        _, paid, _ = fetch(api, **PERIOD, **EVERYTHING)
        spent = len(api.requests)
    assert paid.requests == spent
    # Cutting may waste a page each worker and a tenth; the checks come on top.
    assert spent <= pages * 1.05 + 8 + 8 + 0.03 * pages


# ---- the counts ----------------------------------------------------------------------------------------------------


def test_a_note_is_made_once():
    checks = FetchChecks()
    for text in ("a", "b", "a"):
        checks.note(text)
    assert checks.notes == ["a", "b"]


def test_only_so_many_boundaries_are_checked_until_everything_is_read_again():
    checks = FetchChecks()
    assert [checks.take_boundary_check() for _ in range(MOST_BOUNDARY_CHECKS + 2)].count(True) == MOST_BOUNDARY_CHECKS
    checks.begin_again()
    assert checks.take_boundary_check()


def test_reading_again_forgets_what_was_compared_but_not_what_was_found():
    checks = FetchChecks(seams=3, windows=2, window_events=9, margin_seconds=7, ranges=4)
    checks.differ("one event more")
    checks.begin_again()
    counts = checks.to_dict()
    assert [counts[name] for name in ("seams", "windows", "window_events", "margin_seconds")] == [0, 0, 0, None]
    assert (counts["ranges"], counts["differences"]) == (4, ["one event more"])


def test_only_what_ended_before_two_years_ago_is_before_retention():
    assert not FetchChecks().is_before_retention(NOW - 1_000 * DAY)  # as long as the time is unknown
    checks = FetchChecks(now=NOW)
    assert checks.is_before_retention(NOW - 730 * DAY)
    assert checks.is_before_retention(NOW - 727 * DAY)
    assert not checks.is_before_retention(NOW - 726 * DAY)


def rows_of(*seconds):
    events = [{"date": iso(NOW + second * SECOND), "uid": str(second)} for second in seconds]
    return decode_page(page(*events), name="1").batch


def test_equal_rows_are_counted_and_as_many_are_picked_as_wanted():
    rows = rows_of(1, 2, 1, 3, 1)
    counts = row_counts(rows)
    assert sorted(counts.values()) == [1, 1, 3]
    assert pick(rows, row_counts(rows_of(1, 1, 3, 4)))["uid"].to_pylist() == ["1", "1", "3"]
    assert pick(rows, counts)["uid"].to_pylist() == ["1", "2", "1", "3", "1"]
    assert pick(rows, row_counts(rows_of())).num_rows == 0


def test_rows_older_than_a_moment_are_counted():
    rows = pa.Table.from_batches([rows_of(1, 2, 3)])
    assert [older_than(rows, NOW + second * SECOND) for second in (1, 3, 4)] == [0, 2, 3]
    assert older_than(rows.slice(0, 0), NOW) == 0
