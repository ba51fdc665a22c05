"""Cutting and joining receipts, without frames: periods, counts, scopes and filters."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.receipts import DAY, HOUR, START, fetch_receipt

import te_audit_frames as taf
from te_audit_frames.receipt_arithmetic import (
    counted_of,
    is_same_fetch,
    is_same_filter,
    is_same_scope,
    joined,
    narrowed,
)
from te_audit_frames.receipts import Receipt

BOUND = st.none() | st.integers(-48, 12 * 24).map(lambda hour: START + hour * HOUR)


def join(*receipts: Receipt) -> Receipt:
    return joined(receipts, events=0, undated=0, account_groups={})


@given(BOUND, BOUND, st.integers(0, 20), st.integers(0, 20))
def test_a_cut_lies_within_its_whole(start, end, rows, more):
    whole = fetch_receipt(events=rows + more)
    part = Receipt.from_dict(narrowed(whole.to_dict(), start=start, end=end, rows=rows, of=rows + more))
    assert whole.period.start <= part.period.start <= part.period.end <= whole.period.end
    assert part.events == rows
    assert (part.period == whole.period) == (part.notes == [])
    if start is not None and whole.period.start <= start <= whole.period.end:
        assert part.period.start == start


def test_a_second_cut_keeps_the_note_of_the_first():
    plain = fetch_receipt().to_dict()
    for day in (2, 4):
        plain = narrowed(plain, start=START + day * DAY, end=None, rows=1, of=1)
    (note,) = plain["notes"]
    assert note.endswith("the fetch was of 2026-03-01T00:00:00Z to 2026-03-11T00:00:00Z")


def test_without_a_period_only_the_events_change():
    plain = fetch_receipt(resolved=None, events=5).to_dict()
    assert narrowed(plain, start=START, end=None, rows=2, of=5) == plain | {"events": 2}


@pytest.mark.parametrize(("events", "of", "rows", "expected"), [(10, 10, 4, 4), (10, 7, 4, 7), (7, 10, 4, 7)])
def test_a_difference_between_rows_and_receipt_is_kept(events, of, rows, expected):
    assert counted_of({"events": events}, rows=rows, of=of) == expected


@given(st.lists(st.integers(1, 9 * 24 - 1), max_size=4, unique=True), st.randoms(use_true_random=False))
def test_the_parts_of_a_receipt_join_to_the_whole(cuts, random):
    whole = fetch_receipt()
    edges = [0, *sorted(cuts), 10 * 24]
    parts = [
        Receipt.from_dict(narrowed(whole.to_dict(), start=START + low * HOUR, end=START + high * HOUR, rows=0, of=0))
        for low, high in pairwise(edges)
    ]
    random.shuffle(parts)
    both = join(*parts)
    assert (both.complete, both.period, both.notes) == (True, whole.period, [])
    assert (both.requests, both.pages) == (whole.requests, whole.pages), "the costs of one fetch are counted once"


def test_a_gap_makes_the_joined_receipt_incomplete():
    both = join(fetch_receipt(START, START + DAY), fetch_receipt(START + 2 * DAY, START + 3 * DAY))
    assert not both.complete
    assert both.period == taf.Period(START, START + 3 * DAY)
    assert both.notes == ["not complete: no frame has the events of 2026-03-02T00:00:00Z to 2026-03-03T00:00:00Z"]


def test_parts_of_one_fetch_are_recognised():
    whole = fetch_receipt()
    part = Receipt.from_dict(narrowed(whole.to_dict(), start=START + DAY, end=None, rows=0, of=0))
    assert is_same_fetch(whole, part)
    assert not is_same_fetch(whole, fetch_receipt(fetched_at=(START + timedelta(days=99)).isoformat()))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"aid": "1"}, {"aid": "1"}, True),
        ({"aid": "1"}, {"aid": "2"}, False),
        ({"aid": "1"}, {"all_account_groups": True}, False),
        ({}, {}, True),
        ({}, {"all_account_groups": True}, False),
    ],
)
def test_scopes_are_compared(one, other, same):
    assert is_same_scope([fetch_receipt(scope=one), fetch_receipt(scope=other)]) == same


def test_login_account_groups_without_a_common_event_are_two_scopes():
    one, other, empty = (fetch_receipt(scope={}, account_groups=groups) for groups in ({"1": 3}, {"2": 3}, {}))
    assert not is_same_scope([one, other])
    assert is_same_scope([one, empty])


def test_filters_are_the_same_by_label_or_else_by_mask():
    def filtered(label, digest):
        return fetch_receipt(filters=[{"label": label, "digest": digest, "kept": 1, "of": 2}])

    assert is_same_filter([filtered("logins", "a"), filtered("logins", "b")])
    assert is_same_filter([filtered(None, "a"), filtered(None, "a")])
    assert not is_same_filter([filtered(None, "a"), filtered(None, "b")])
    assert not is_same_filter([filtered("logins", "a"), fetch_receipt()])
    assert join(filtered("logins", "a"), filtered("logins", "b")).filters[0]["kept"] == 2
