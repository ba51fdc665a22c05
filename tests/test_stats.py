"""The counters of a fetch, and the receipt made from them."""

import threading
from datetime import UTC, datetime

import pytest
from support.rawserver import page

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.stats import FetchStats
from te_audit_frames.periods import Period

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def batch_of(*events):
    return decode_page(page(*({"date": "2026-01-01T00:00:00Z", **event} for event in events)), name="1").batch


def receipt_of(stats, *, order="newest first", **more):
    fields = {"source": "api", "requested": {}, "scope": {}, "complete": True, "notes": ["given"]} | more
    period = Period(START, END)
    return stats.receipt(period=period, order=order, fetched_at=END.replace(microsecond=7), **fields)


def test_pages_events_groups_and_undated_events_are_added_up():
    stats = FetchStats()
    stats.add(batch_of({"aid": "2"}, {"aid": "1"}, {"aid": "2"}), coerced=2)
    stats.add(batch_of({"date": None}), pages=3)
    receipt = receipt_of(stats)
    assert (receipt.events, receipt.pages, receipt.undated, receipt.coerced) == (4, 4, 1, 2)
    assert receipt.account_groups == {"": 1, "1": 1, "2": 2}
    assert list(receipt.account_groups) == ["", "1", "2"]
    assert receipt.resolved == {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    assert receipt.fetched_at == "2026-01-02T00:00:00Z"


def test_requests_are_counted_from_any_thread():
    stats = FetchStats()

    def count():
        for _ in range(1_000):
            stats.count(requests=1, retries=2, throttled=3, waited_seconds=0.25)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (stats.requests, stats.retries, stats.throttled, stats.waited_seconds) == (8_000, 16_000, 24_000, 2_000)


def test_events_that_are_read_again_are_forgotten_but_requests_are_not():
    stats = FetchStats()
    stats.add(batch_of({"aid": "1", "uid": "a", "date": None}), coerced=1)
    stats.count(requests=5)
    stats.forget_events()
    assert stats == FetchStats(requests=5, _lock=stats._lock)


@pytest.mark.parametrize(
    ("events", "order", "remark"),
    [
        ([{"uid": "a"}, {"uid": "a"}], "newest first", "only one uid was seen"),
        ([{"uid": "a"}, {"uid": "b"}, {"date": None}], "newest first", "events without a date are last"),
        ([{"uid": "a"}, {"uid": "b"}], "none", "not in the order of their dates"),
        ([{"uid": "a"}, {"uid": "b"}], "newest first", None),
        ([{"uid": None}], "newest first", None),
    ],
)
def test_what_is_worth_a_remark_is_a_note_after_the_given_ones(events, order, remark):
    stats = FetchStats()
    stats.add(batch_of(*events))
    first, *remarks = receipt_of(stats, order=order).notes
    assert first == "given"
    assert len(remarks) == (remark is not None)
    assert all(remark in note for note in remarks)
