"""The receipts of archived events, and what the receipt of a saved file proves."""

from datetime import UTC, date, datetime, timedelta

import pytest

import te_audit_frames as taf
from te_audit_frames.periods import Period
from te_audit_frames.schema import ATTRS_KEY
from te_audit_frames.storage.archive_receipt import observer_of, proven_period, receipt_of, whole_days
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading
from te_audit_frames.storage.scope import Scope

FIRST = date(2026, 4, 10)
DAY = timedelta(days=1)
ALL = Scope(True, ("1",))


def at(day, hour=0):
    return datetime(2026, 4, day, hour, tzinfo=UTC)


@pytest.fixture
def coverage():
    """Three days, read up to the third's noon, with three events each."""
    reading = Reading(at(12, 12), at(12, 12), False, ALL)
    return Coverage({FIRST + n * DAY: DayRecord(3, (reading,)) for n in range(3)})


COUNTS = {FIRST + n * DAY: 3 for n in range(3)}


@pytest.mark.parametrize(
    ("bounds", "complete", "period"),
    [
        ((None, None), True, (at(10), at(12, 12))),
        ((at(10, 5), at(12)), True, (at(10, 5), at(12))),
        ((at(11), at(12, 13)), False, (at(11), at(12, 13))),  # read only up to noon
        ((at(9), at(11)), False, (at(9), at(11))),  # the 9th is not in the archive
        ((at(20), None), False, (at(20), at(20))),
    ],
)
def test_a_receipt_is_complete_if_every_day_of_the_period_is(coverage, bounds, complete, period):
    receipt = receipt_of(coverage, bounds, counts=COUNTS, events=9)
    assert (receipt.source, receipt.events, receipt.complete) == ("archive", 9, complete)
    assert (receipt.period.start, receipt.period.end) == period
    assert bool(receipt.notes) is not complete


def test_a_day_that_lost_events_is_not_complete(coverage):
    receipt = receipt_of(coverage, (None, None), counts=COUNTS | {FIRST: 2}, events=8)
    assert not receipt.complete
    assert "1 day of the period" in receipt.notes[0]


def test_the_account_groups_asked_for_are_in_the_receipt(coverage):
    assert receipt_of(coverage, (None, None), counts=COUNTS, events=0, groups=["1", "x"]).scope["aid"] == "1, x"
    assert receipt_of(coverage, (None, None), counts=COUNTS, events=0).scope == {
        "aid": None,
        "all_account_groups": True,
    }


def test_an_archive_that_nothing_is_known_of_gives_no_period():
    receipt = receipt_of(Coverage(), (None, None), counts={}, events=0)
    assert (receipt.period, receipt.complete) == (None, False)


def attrs(**changes):
    plain = taf.receipt(taf.read_pages([b'{"auditEvents": []}'])).to_dict()
    plain |= {
        "source": "api",
        "resolved": {"start": "2026-04-10T00:00:00Z", "end": "2026-04-12T00:00:00Z"},
        "scope": {"aid": None, "all_account_groups": True},
        "complete": True,
        "events": 5,
        "fetched_at": "2026-04-20T00:00:00Z",
    }
    return {ATTRS_KEY: plain | changes}


def test_a_complete_fetch_proves_its_period():
    period, receipt = proven_period(attrs(), rows=5)
    assert period == Period(at(10), at(12))
    assert receipt.fetched_at == "2026-04-20T00:00:00Z"


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "pages"},
        {"complete": False},
        {"events": 6},
        {"parts": 2},
        {"scope": {"aid": "1", "all_account_groups": False}},
        {"fetched_at": ""},
        {"resolved": None},
        {
            "fetched_at": "2026-04-11T00:00:00Z",
            "resolved": {"start": "2026-04-10T00:00:00Z", "end": "2026-05-01T00:00:00Z"},
        },
    ],
)
def test_other_receipts_prove_nothing(changes):
    assert proven_period(attrs(**changes), rows=5) is None
    assert proven_period({}, rows=5) is None


def test_a_period_that_goes_on_after_the_fetch_is_proven_up_to_a_day_before_it():
    resolved = {"start": "2026-04-10T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
    period, _ = proven_period(attrs(resolved=resolved), rows=5)
    assert period == Period(at(10), at(19))


def test_whole_days_begin_in_the_period():
    assert whole_days(Period(at(10), at(12))) == [FIRST, FIRST + DAY]
    assert whole_days(Period(at(10, 1), at(12, 1))) == [FIRST + DAY, FIRST + 2 * DAY]


def test_an_observer_starts_with_what_is_hidden_in_the_days():
    reading = Reading(at(12), at(12), False, Scope(True, ("1",), ("2",), own_log_only=True))
    known = Coverage({FIRST: DayRecord(1, (reading,))})
    assert observer_of(known, [FIRST], all_account_groups=True).scope.without == ("2",)
    assert observer_of(known, [FIRST], all_account_groups=True).scope.own_log_only
    assert not observer_of(known, [FIRST + DAY], all_account_groups=True).scope.is_narrowed
