"""Joined frames: the rows, and one receipt that matches all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import rows
from support.receipts import (
    CUTS,
    DAY,
    HOURS,
    START,
    TEN_DAYS,
    as_multiset,
    complete_days,
    drawn_frame,
    fetch_receipt,
    fetched,
    frame,
    split,
    with_fetch_receipt,
)

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ATTRS_KEY, COLUMNS, to_arrow


@pytest.fixture
def events() -> pd.DataFrame:
    return frame(*TEN_DAYS)


@pytest.mark.parametrize("parts", [[(0, 4), (4, 10)], [(4, 10), (0, 4)], [(0, 6), (3, 10)], [(0, 10), (2, 5)]])
def test_adjacent_and_overlapping_periods_make_one_complete_receipt(parts, events: pd.DataFrame) -> None:
    both = taf.concat([fetched(*part) for part in parts])
    assert both.index.equals(pd.RangeIndex(10))
    pd.testing.assert_frame_equal(both, events)
    receipt = taf.receipt(both)
    assert (receipt.complete, receipt.period, receipt.events) == (True, taf.receipt(events).period, 10)
    assert (receipt.parts, receipt.pages, receipt.requests, receipt.account_groups) == (2, 4, 6, {"1": 10})
    assert "joined from" in repr(receipt)
    assert complete_days(both) == 10


def test_gaps_are_named_and_nothing_is_complete() -> None:
    receipt = taf.receipt(taf.concat([fetched(6, 10), fetched(0, 2), fetched(3, 5)]))
    assert not receipt.complete
    (note,) = receipt.notes
    assert "no frame has the events of 2026-03-03T00:00:00Z to 2026-03-04T00:00:00Z, 2026-03-06T00:00:00Z" in note
    assert (receipt.period.start, receipt.period.end) == (START, START + 10 * DAY)
    many = taf.receipt(taf.concat([fetched(2 * n, 2 * n + 1) for n in range(9)]))
    assert many.notes[0].endswith(", 3 more")


@pytest.mark.parametrize(
    ("scopes", "message"),
    [
        ([{"aid": "1"}, {"aid": "2"}], "different scopes: account group 1; account group 2"),
        ([{"aid": "1"}, {"all_account_groups": True}], "different scopes: account group 1; every account group"),
        (
            [{}, {"all_account_groups": True}],
            "scopes: the token's login account group 1; every account group",
        ),
    ],
)
def test_different_scopes_are_named(scopes: list[dict[str, Any]], message: str) -> None:
    joined = taf.receipt(taf.concat([fetched(0, 5, scope=scopes[0]), fetched(5, 10, scope=scopes[1])]))
    assert not joined.complete
    assert message in joined.notes[0]


def test_login_groups_of_two_tokens_are_two_scopes() -> None:
    one, two = (
        fetched(0, 5, scope={}),
        frame(*TEN_DAYS[5:], receipt=fetch_receipt(START + 5 * DAY, START + 10 * DAY, scope={}), aid="2"),
    )
    assert "group 1; the token's login account group 2" in taf.receipt(taf.concat([one, two])).notes[0]
    assert taf.receipt(taf.concat([one, fetched(5, 10, scope={})])).complete


def test_an_incomplete_frame_or_one_without_a_period_makes_the_whole_incomplete() -> None:
    receipt = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, complete=False)]))
    assert not receipt.complete
    assert "1 of the 2 frames is not complete" in receipt.notes[0]
    pages = taf.read_pages([b'{"auditEvents": [{"date": "2026-03-01T00:00:00Z"}, {"date": "2026-03-01T00:00:00Z"}]}'])
    assert len(taf.concat([pages, pages])) == 4
    receipt = taf.receipt(taf.concat([pages, fetched(0, 10)]))
    assert (receipt.complete, receipt.source) == (False, "mixed")
    assert "not complete: 1 of the 2 frames has no period, so overlaps cannot be recognised" in receipt.notes


def test_in_an_overlap_the_larger_number_of_equal_events_is_kept() -> None:
    moment = START + 4 * DAY
    one = frame(*[moment] * 3, START, receipt=fetch_receipt(START, START + 5 * DAY))
    two = frame(*[moment] * 2, receipt=fetch_receipt(START + 3 * DAY, START + 9 * DAY))
    for pair in ([one, two], [two, one]):
        assert taf.concat(pair)["date"].tolist() == [START, moment, moment, moment]
    # An event that was completed between two fetches is the same one. Within one fetch, it is another event.
    early = frame(moment, receipt=fetch_receipt(START, START + 5 * DAY), uid=None, user=None)
    later = frame(moment, receipt=fetch_receipt(START, START + 6 * DAY))
    assert taf.concat([early, later])["uid"].tolist() == ["u"]
    same = with_fetch_receipt(early.copy(), fetch_receipt(START, START + 6 * DAY))
    assert len(taf.concat([same, later])) == 2
    assert (
        len(
            taf.concat(
                [with_fetch_receipt(early.copy(), fetch_receipt(START, START + 5 * DAY, scope={"aid": "1"})), later]
            )
        )
        == 2
    )


def test_rows_outside_the_period_of_their_own_receipt_are_not_counted_twice() -> None:
    moments = [START + timedelta(hours=hour) for hour in range(48)]
    # An archive of imported files holds events of days that it does not count as read.
    archived = frame(*moments, receipt=fetch_receipt(START, START + DAY))
    files = frame(*moments, receipt=fetch_receipt(START, START + 2 * DAY))
    for pair in ([archived, files], [files, archived], [archived, files, archived]):
        assert taf.concat(pair)["date"].tolist() == moments


def test_a_fetch_covers_nothing_of_its_future() -> None:
    early = fetched(0, 4, fetched_at=(START + 2 * DAY).isoformat())
    receipt = taf.receipt(taf.concat([early, fetched(4, 10)]))
    assert not receipt.complete
    assert "2026-03-03T00:00:00Z to 2026-03-05T00:00:00Z" in receipt.notes[0]
    # Clocks that differ by a few minutes make no gap.
    early = fetched(0, 4, fetched_at=(START + 4 * DAY - timedelta(minutes=3)).isoformat())
    assert taf.receipt(taf.concat([early, fetched(4, 10)])).complete


def test_checks_and_costs_are_counted_once_per_fetch(events: pd.DataFrame) -> None:
    less = {"seams": 1, "margin_seconds": None, "windows": 2, "differences": ["x"], "clock_ahead_seconds": -9.0}
    receipt = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, checked=less)]))
    both = {"seams": 3, "margin_seconds": 60.0, "windows": 3, "differences": ["x"], "clock_ahead_seconds": -9.0}
    assert receipt.checked == both
    parts = [taf.between(events, end=START + 3 * DAY), taf.between(events, start=START + 3 * DAY)]
    again = taf.receipt(taf.concat(parts))
    assert (again.requests, again.pages, again.checked) == (3, 2, taf.receipt(events).checked)
    assert again.notes == []  # the parts together are complete
    unchecked = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, checked={})]))
    assert unchecked.complete
    assert unchecked.notes == ["1 of the 2 joined fetches was not checked"]


def test_filters_join_if_they_mean_the_same(events: pd.DataFrame) -> None:
    kept = taf.where(events, events["date"] >= START + 2 * DAY)
    parts = [taf.between(kept, end=START + 5 * DAY), taf.between(kept, start=START + 5 * DAY)]
    receipt = taf.receipt(taf.concat(parts))
    assert (receipt.complete, receipt.filters) == (True, taf.receipt(kept).filters)
    first, second = fetched(0, 5), fetched(5, 10)
    named = [taf.where(each, each["uid"] == "u", label="u") for each in (first, second)]
    receipt = taf.receipt(taf.concat(named))
    assert (receipt.complete, receipt.filters[0]["kept"], receipt.filters[0]["of"]) == (True, 10, 10)
    for pair in ([named[0], second], [taf.where(each, each["uid"] == "u") for each in (first, second)]):
        receipt = taf.receipt(taf.concat(pair))
        assert not receipt.complete
        assert "filtered differently" in receipt.notes[0]


def test_empty_frames_and_single_ones_join(events: pd.DataFrame) -> None:
    nothing = fetched(10, 12)
    assert taf.receipt(taf.concat([nothing, nothing])).complete
    assert taf.concat([nothing]).dtypes.equals(events.dtypes)
    both = taf.concat(part for part in (events, nothing))
    assert taf.receipt(both).period == taf.Period(START, START + 12 * DAY)
    assert complete_days(both) == 12
    alone = taf.concat([events])
    assert alone.attrs == events.attrs
    assert alone is not events


def test_undated_events_of_two_fetches_are_the_same_ones() -> None:
    one, two = (
        frame(*dates, receipt=fetch_receipt(START + n * DAY, START + (n + 1) * DAY))
        for n, dates in ((0, [None]), (1, [None] * 2))
    )
    both = taf.concat([one, two])
    assert both["date"].isna().tolist() == [True, True]
    assert taf.receipt(both).undated == 2


def test_frames_with_other_columns_join_if_their_periods_do_not_overlap() -> None:
    one, two = (taf.with_receipt(each.assign(team="Shops"), like=each) for each in (fetched(0, 5), fetched(5, 10)))
    both = taf.concat([two, one])
    assert both["team"].tolist() == ["Shops"] * 10
    assert both["date"].tolist() == TEN_DAYS
    assert taf.receipt(both).complete
    assert len(taf.concat([one[["date"]], two[["date"]]])) == 10
    with pytest.raises(taf.InvalidArgument, match=r"overlap, .* not with 'team'"):
        taf.concat([one, one])


@pytest.mark.parametrize(
    ("join", "message"),
    [
        (lambda events: [], "frames: there is no frame to join"),
        (lambda events: events, "frames: takes a list .* not DataFrame"),
        (lambda events: None, "frames: takes a list .* not NoneType"),
        (lambda events: [events, None], r"frames\[1\]: takes a pandas frame of events, not NoneType"),
        (lambda events: [events, to_arrow(events)], r"frames\[1\]: takes a pandas frame of events, not Table"),
        (lambda events: [events, pd.DataFrame(events.to_dict("list"))], r"frames\[1\]: .*carries no receipt"),
        (lambda events: [events, events.assign(x=1)], r"frames\[1\]: its columns differ .* it has 'x'"),
        (lambda events: [events, events[["date", "uid"]]], r"frames\[1\]: its columns differ .* it lacks 'aid'"),
        (lambda events: [events[["date", "uid", "uid"]]], r"frames\[0\]: two columns have the same name"),
    ],
)
def test_what_cannot_be_joined_is_named(join: Callable[..., Any], message: str, events: pd.DataFrame) -> None:
    with pytest.raises(taf.InvalidArgument, match=message):
        taf.concat(join(events))


def test_concat_does_not_change_the_given_frames(events: pd.DataFrame) -> None:
    other = fetched(5, 12)
    before = [(each.copy(), json.dumps(each.attrs)) for each in (events, other)]
    both = taf.concat([events, other])
    both["event"] = "changed"
    both.attrs[ATTRS_KEY]["notes"].append("changed")
    for each, (rows_before, attrs) in zip((events, other), before, strict=True):
        pd.testing.assert_frame_equal(each, rows_before)
        assert json.dumps(each.attrs) == attrs


def test_filtered_and_joined_receipts_survive_parquet_but_prove_no_day_of_an_archive(
    events: pd.DataFrame, tmp_path
) -> None:
    kept = taf.where(events, events["date"] >= START + 2 * DAY, label="some")
    both = taf.concat([fetched(0, 5), fetched(5, 10)])
    for some in (kept, taf.between(kept, end=START + 5 * DAY), both):
        taf.write_parquet(some, tmp_path / "some.parquet")
        again = taf.read_parquet(tmp_path / "some.parquet")
        assert again.attrs == some.attrs
        archive = taf.Archive(tmp_path / f"archive of {id(some)}")
        archive.import_parquet(tmp_path / "some.parquet")
        assert not archive.coverage()["complete"].any()


# ---- for all frames ----------------------------------------------------------------------------------------------


@settings(max_examples=examples(100), deadline=None)
@given(rows(HOURS), CUTS, st.randoms(use_true_random=False))
def test_parts_join_to_the_whole(some: list[dict[str, Any]], cuts: list[datetime], random: Any) -> None:
    events = drawn_frame(some)
    parts = split(events, cuts)
    random.shuffle(parts)
    whole = taf.concat(parts)
    dated = events if not cuts else events[events["date"].notna()]
    assert as_multiset(whole) == as_multiset(dated)
    assert sum(map(len, parts)) == len(whole)
    receipt = taf.receipt(whole)
    assert (receipt.complete, receipt.period, receipt.events) == (True, taf.receipt(events).period, len(dated))
    assert receipt.requests == taf.receipt(events).requests
    assert list(whole.columns) == list(COLUMNS)


def test_a_real_fetch_splits_and_joins() -> None:
    with Sandbox(events=500, seed=0, days=30) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        events = client.fetch_events(window="30d", all_account_groups=True)
    middle = events["date"].iloc[250]
    whole = taf.concat([taf.between(events, start=middle), taf.between(events, end=middle)])
    pd.testing.assert_frame_equal(whole, events)
    receipt, before = taf.receipt(whole), taf.receipt(events)
    assert (receipt.complete, receipt.period, receipt.account_groups) == (True, before.period, before.account_groups)
    pd.testing.assert_frame_equal(taf.activity(whole), taf.activity(events))
