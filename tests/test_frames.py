"""Filters, cuts and joins of frames: the rows, and a receipt that is true of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import rows

import te_audit_frames as taf
from te_audit_frames.receipts import Receipt
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, in_order, to_arrow, to_events

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def paid(start: datetime = START, end: datetime = START + 10 * DAY, **what: Any) -> Receipt:
    return Receipt(
        **{
            "source": "api",
            "requested": {"window": None, "start": start.isoformat(), "end": end.isoformat(), "default": False},
            "resolved": {"start": start.isoformat(), "end": end.isoformat()},
            "scope": {"aid": None, "all_account_groups": True},
            "complete": True,
            "events": 0,
            "pages": 2,
            "requests": 3,
            "account_groups": {"1": 1},
            "checked": {
                "seams": 2,
                "margin_seconds": 60.0,
                "windows": 1,
                "differences": [],
                "clock_ahead_seconds": 1.0,
            },
            "fetched_at": (end + HOUR).isoformat(),
            **what,
        }
    )


def frame(*dates: datetime | None, receipt: Receipt | None = None, **fields: Any) -> pd.DataFrame:
    drawn = [{"date": moment, "aid": "1", "event": "User login.", "uid": "u"} | fields for moment in dates]
    return given_a(to_events(in_order(pa.Table.from_pylist(drawn, ARROW_SCHEMA).to_batches())), receipt or paid())


def given_a(events: pd.DataFrame, receipt: Receipt) -> pd.DataFrame:
    events.attrs[ATTRS_KEY] = receipt.to_dict() | {
        "events": len(events),
        "undated": int(events["date"].isna().sum()),
        "account_groups": events["aid"].fillna("").value_counts().sort_index().to_dict(),
    }
    return events


def counted(events: pd.DataFrame) -> Counter[str]:
    return Counter(map(str, to_arrow(events).to_pylist()))


TEN_DAYS = [START + n * DAY + HOUR for n in range(10)]


@pytest.fixture
def events() -> pd.DataFrame:
    return frame(*TEN_DAYS)


def complete_days(events: pd.DataFrame, **how: Any) -> int:
    return int(taf.activity(events, **how)["complete"].sum())


# ---- a frame that plain pandas cut -------------------------------------------------------------------------------


def test_a_plain_filter_leaves_only_what_lies_between_its_events_complete(events: pd.DataFrame) -> None:
    assert complete_days(events) == 10
    counts = taf.activity(events[events["date"] >= START + 4 * DAY])
    assert counts["events"].tolist() == [0] * 4 + [1] * 6  # zeros stay, marked
    # The first and the last day are cut somewhere: before an event seen, nothing is known.
    assert counts["complete"].tolist() == [False] * 5 + [True] * 4 + [False]
    weeks = taf.activity(events[events["date"] >= START + 4 * DAY], freq="W")
    assert not weeks["complete"].any()
    assert not taf.activity(events[events["event"] == "nothing"])["complete"].any()
    assert complete_days(pd.concat([events, events])) == 8  # pandas keeps equal receipts, which are then wrong


def test_pictures_mark_what_a_plain_filter_left_out(events: pd.DataFrame) -> None:
    cut = events[events["date"] >= START + 4 * DAY]
    kept = taf.where(events, events["date"] >= START + 4 * DAY)
    for some, is_marked in ((cut, True), (kept, False), (taf.between(events, start=START + 4 * DAY), False)):
        ax = taf.plot_activity(some)
        shown = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
        assert ("day not covered in full" in shown) == is_marked
        assert taf.plot_heatmap(some).get_title(loc="left").startswith("Events by weekday and hour")


def test_a_part_read_from_a_file_is_complete_and_a_cut_frame_stays_cut_in_a_file(events, tmp_path) -> None:
    taf.write_parquet(events, tmp_path / "all.parquet")
    part = taf.read_parquet(tmp_path / "all.parquet", start=START + 4 * DAY)
    assert taf.receipt(part).events == len(part) == 6
    assert complete_days(part) == len(taf.activity(part)) == 6
    taf.write_parquet(events[events["date"] >= START + 2 * DAY], tmp_path / "cut.parquet")
    for some in (
        taf.read_parquet(tmp_path / "cut.parquet"),
        taf.read_parquet(tmp_path / "cut.parquet", start=START + DAY),
    ):
        assert not taf.activity(some)["complete"].iloc[:2].any()


# ---- where -------------------------------------------------------------------------------------------------------


def test_where_keeps_the_period_and_notes_the_filter(events: pd.DataFrame) -> None:
    before = events.copy(), json.dumps(events.attrs)
    kept = taf.where(events, events["date"] >= START + 4 * DAY, label="late ones")
    said = taf.receipt(kept)
    assert (said.events, said.rows, said.period, said.complete) == (6, 6, taf.receipt(events).period, True)
    assert said.account_groups == {"1": 6}
    (note,) = said.filters
    assert (note["label"], note["kept"], note["of"]) == ("late ones", 6, 10)
    assert "late ones: 6 of 10 events kept" in repr(said)
    assert complete_days(kept) == 10
    assert events.audit.where(events["uid"] == "u").equals(events)
    pd.testing.assert_frame_equal(events, before[0])
    assert json.dumps(events.attrs) == before[1]
    twice = taf.where(kept, kept["date"] < START + 5 * DAY)
    assert [each["of"] for each in taf.receipt(twice).filters] == [10, 6]
    assert complete_days(twice) == 10
    assert "unnamed: 1 of 6 events kept" in repr(taf.receipt(twice))


def test_where_does_not_make_a_cut_frame_whole(events: pd.DataFrame) -> None:
    cut = events[events["date"] >= START + 4 * DAY]
    for some in (
        taf.where(cut, cut["uid"] == "u"),
        taf.between(cut, end=START + 9 * DAY),
        taf.concat([cut]),
        taf.concat([cut, events]),
        taf.with_receipt(cut.assign(more=1), like=cut),
    ):
        assert taf.receipt(some).events != len(some)
        assert not taf.activity(some)["complete"].iloc[0]


@pytest.mark.parametrize(
    "mask",
    [
        lambda events: events["date"] < START + 3 * DAY,
        lambda events: (events["date"] < START + 3 * DAY).to_numpy(),
        lambda events: (events["date"] < START + 3 * DAY).to_list(),
        lambda events: (events["date"] < START + 3 * DAY).astype("boolean"),
        lambda events: (events["date"] < START + 3 * DAY).astype("bool[pyarrow]"),
        lambda events: (events["date"] < START + 3 * DAY).astype("object"),
    ],
)
def test_where_takes_masks_of_every_kind_and_any_index(events: pd.DataFrame, mask: Callable[..., Any]) -> None:
    for some in (events, events.set_index(pd.Index([7] * len(events)))):
        assert len(taf.where(some, mask(some))) == 3
    assert len(taf.where(events.iloc[:0], [])) == 0


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (lambda events: events["uid"], "mask: its values are str, not bool"),
        (lambda events: [1] * 10, "mask: its values are int64, not bool"),
        (lambda events: [[True], [True, False]] * 5, "mask: its values are object, not bool"),
        (lambda events: pd.Series([True, None] * 5), "mask: 5 of its values are null. .*fillna"),
        (lambda events: pd.Series([True, pd.NA] * 5, dtype="boolean"), "mask: 5 of its values are null"),
        (lambda events: pd.Series([True] * 10, index=range(5, 15)), "mask: its index is not that of events"),
        (lambda events: [True] * 9, "mask: it has 9 values, but the events have 10 rows"),
        (lambda events: events, "mask: takes one truth value per row, not DataFrame"),
        (lambda events: np.ones((10, 2), dtype=bool), "mask: takes one truth value per row, not ndarray"),
        (lambda events: True, "mask: takes one truth value per row, not bool"),
        (lambda events: "uid == 'u'", "mask: takes one truth value per row, not str"),
        (lambda events: None, "mask: takes one truth value per row, not NoneType"),
    ],
)
def test_a_wrong_mask_is_named(events: pd.DataFrame, mask: Callable[..., Any], said: str) -> None:
    with pytest.raises(taf.InvalidArgument, match=said):
        taf.where(events, mask(events))


# ---- between -----------------------------------------------------------------------------------------------------


def test_between_cuts_rows_and_receipt_and_says_what_it_left_out() -> None:
    events = frame(*TEN_DAYS, None, None)
    before = events.copy(), json.dumps(events.attrs)
    part = events.audit.between(start=START + 2 * DAY, end=TEN_DAYS[5])
    assert part["date"].tolist() == TEN_DAYS[2:5]  # the end is not part of it
    said = taf.receipt(part)
    assert said.period == taf.Period(START + 2 * DAY, TEN_DAYS[5])
    assert (said.events, said.undated, said.complete, said.account_groups) == (3, 0, True, {"1": 3})
    assert "left out: 2 events without a date" in said.notes
    assert complete_days(part) == 3
    assert len(taf.between(events)) == 12  # without bounds, all
    pd.testing.assert_frame_equal(events, before[0])
    assert json.dumps(events.attrs) == before[1]


def test_between_reads_moments_of_a_zone(events: pd.DataFrame) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for start in ("2026-03-03", "2026-03-03T00:00", datetime(2026, 3, 3), date(2026, 3, 3), pd.Timestamp("2026-03-03")):
        for tz in ("Europe/Berlin", berlin):
            part = taf.between(events, start=start, tz=tz)
            assert taf.receipt(part).period.start == datetime(2026, 3, 2, 23, tzinfo=UTC)
    # A moment with a zone keeps it, and a bare date without tz is that of UTC.
    aware = datetime(2026, 3, 3, tzinfo=UTC)
    for part in (taf.between(events, start=aware, tz=berlin), taf.between(events, start="2026-03-03")):
        assert taf.receipt(part).period.start == aware
    # Struck twice: the first. Skipped: as long after the change as it claims.
    for wall, instant in (("2026-10-25T02:30", "2026-10-25T00:30"), ("2026-03-29T02:30", "2026-03-29T01:30")):
        year = given_a(frame(), paid(end=START + 300 * DAY))
        assert taf.receipt(taf.between(year, start=wall, tz=berlin)).period.start.isoformat() == instant + ":00+00:00"


def test_between_beyond_what_was_fetched_claims_nothing_there(events: pd.DataFrame) -> None:
    wide = taf.between(events, start=START - 9 * DAY, end=START + 99 * DAY)
    assert taf.receipt(wide).period == taf.receipt(events).period
    assert "not in the frame that was cut: 2026-02-20T00:00:00Z to 2026-03-01T00:00:00Z" in taf.receipt(wide).notes
    assert "not in the frame that was cut: 2026-03-11T00:00:00Z to 2026-06-08T00:00:00Z" in taf.receipt(wide).notes
    beside = taf.between(events, start=START + 20 * DAY, end=START + 30 * DAY)
    assert taf.receipt(beside).period.days == 0
    assert "not in the frame that was cut: 2026-03-21T00:00:00Z to 2026-03-31T00:00:00Z" in taf.receipt(beside).notes
    assert taf.activity(beside)["complete"].sum() == 0


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"start": "2026-03-03T00:00"}, taf.InvalidArgument, "start: .* no time zone"),
        ({"start": datetime(2026, 3, 3)}, taf.InvalidArgument, "start: .* no time zone"),
        ({"end": "2026-03-03", "tz": "Berlin"}, taf.InvalidArgument, "tz: 'Berlin'"),
        ({"start": "2026-03-03", "end": "2026-03-03"}, taf.InvalidArgument, "end: .* is not after start"),
        ({"start": 3}, taf.InvalidArgument, "start: 3"),
    ],
)
def test_wrong_bounds_are_named(events: pd.DataFrame, how: dict[str, Any], error: type, said: str) -> None:
    with pytest.raises(error, match=said):
        taf.between(events, **how)


def test_frames_that_cannot_be_cut_are_named(events: pd.DataFrame) -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'date'"):
        taf.between(events.drop(columns="date"), start=START)
    naive = events.assign(date=events["date"].dt.tz_localize(None))
    for act in (lambda: taf.between(naive, start=START), lambda: taf.concat([naive, naive])):
        with pytest.raises(taf.NotAnAuditFrame, match=r"column 'date' has dtype datetime64\[us\], but .*tz_localize"):
            act()
    for act in (lambda: taf.between([1]), lambda: taf.where("x", [True]), lambda: taf.with_receipt(1, like=events)):
        with pytest.raises(taf.InvalidArgument, match="takes a pandas frame of events"):
            act()


@pytest.mark.parametrize(
    "damage",
    [
        {"resolved": {"start": 7}},
        {"resolved": {"start": "2026-03-01", "end": "2026-03-02"}},
        {"fetched_at": "soon"},
        {"fetched_at": "2026-03-01"},
        {"events": "many"},
        {"checked": []},
        {"notes": None},
        {"filters": [{}]},
        {"parts": None},
        {"scope": "all"},
    ],
    ids=str,
)
def test_a_damaged_receipt_is_named(damage: dict[str, Any], events: pd.DataFrame) -> None:
    events.attrs[ATTRS_KEY] |= damage
    for act in (
        lambda: taf.where(events, [True] * 10),
        lambda: taf.between(events, start=START),
        lambda: taf.concat([events, events]),
        lambda: taf.with_receipt(events, like=events),
        lambda: taf.receipt(events),
    ):
        with pytest.raises(taf.InvalidArgument, match=r"the receipt in events.attrs.* is damaged"):
            act()


def test_frames_without_a_receipt_are_filtered_and_cut_all_the_same(events: pd.DataFrame) -> None:
    bare = events.copy()
    bare.attrs = {}
    for some in (taf.where(bare, bare["date"] < START + 3 * DAY), taf.between(bare, end=START + 3 * DAY)):
        assert len(some) == 3
        assert some.attrs == {}


# ---- concat ------------------------------------------------------------------------------------------------------


def fetched(start: int, end: int, *more: datetime, **what: Any) -> pd.DataFrame:
    inside = [moment for moment in TEN_DAYS if START + start * DAY <= moment < START + end * DAY]
    return frame(*inside, *more, receipt=paid(START + start * DAY, START + end * DAY, **what))


@pytest.mark.parametrize("parts", [[(0, 4), (4, 10)], [(4, 10), (0, 4)], [(0, 6), (3, 10)], [(0, 10), (2, 5)]])
def test_adjacent_and_overlapping_periods_make_one_complete_receipt(parts, events: pd.DataFrame) -> None:
    both = taf.concat([fetched(*part) for part in parts])
    assert both.index.equals(pd.RangeIndex(10))
    pd.testing.assert_frame_equal(both, events)
    said = taf.receipt(both)
    assert (said.complete, said.period, said.events) == (True, taf.receipt(events).period, 10)
    assert (said.parts, said.pages, said.requests, said.account_groups) == (2, 4, 6, {"1": 10})
    assert "joined from" in repr(said)
    assert complete_days(both) == 10


def test_gaps_are_named_and_nothing_is_complete() -> None:
    said = taf.receipt(taf.concat([fetched(6, 10), fetched(0, 2), fetched(3, 5)]))
    assert not said.complete
    (note,) = said.notes
    assert "no frame has the events of 2026-03-03T00:00:00Z to 2026-03-04T00:00:00Z, 2026-03-06T00:00:00Z" in note
    assert (said.period.start, said.period.end) == (START, START + 10 * DAY)
    many = taf.receipt(taf.concat([fetched(2 * n, 2 * n + 1) for n in range(9)]))
    assert many.notes[0].endswith(", 3 more")


@pytest.mark.parametrize(
    ("scopes", "said"),
    [
        ([{"aid": "1"}, {"aid": "2"}], "different scopes: account group 1; account group 2"),
        ([{"aid": "1"}, {"all_account_groups": True}], "different scopes: account group 1; every account group"),
        (
            [{}, {"all_account_groups": True}],
            "scopes: the token's login account group 1; every account group",
        ),
    ],
)
def test_different_scopes_are_named(scopes: list[dict[str, Any]], said: str) -> None:
    joined = taf.receipt(taf.concat([fetched(0, 5, scope=scopes[0]), fetched(5, 10, scope=scopes[1])]))
    assert not joined.complete
    assert said in joined.notes[0]


def test_login_groups_of_two_tokens_are_two_scopes() -> None:
    one, two = (
        fetched(0, 5, scope={}),
        frame(*TEN_DAYS[5:], receipt=paid(START + 5 * DAY, START + 10 * DAY, scope={}), aid="2"),
    )
    assert "group 1; the token's login account group 2" in taf.receipt(taf.concat([one, two])).notes[0]
    assert taf.receipt(taf.concat([one, fetched(5, 10, scope={})])).complete


def test_a_frame_that_is_not_complete_or_has_no_period_makes_the_whole_so() -> None:
    said = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, complete=False)]))
    assert not said.complete
    assert "1 of the 2 frames is not complete" in said.notes[0]
    pages = taf.read_pages([b'{"auditEvents": [{"date": "2026-03-01T00:00:00Z"}, {"date": "2026-03-01T00:00:00Z"}]}'])
    assert len(taf.concat([pages, pages])) == 4
    said = taf.receipt(taf.concat([pages, fetched(0, 10)]))
    assert (said.complete, said.source) == (False, "mixed")
    assert "not complete: 1 of the 2 frames has no period, so overlaps cannot be recognised" in said.notes


def test_an_overlap_is_counted_by_the_larger() -> None:
    moment = START + 4 * DAY
    one = frame(*[moment] * 3, START, receipt=paid(START, START + 5 * DAY))
    two = frame(*[moment] * 2, receipt=paid(START + 3 * DAY, START + 9 * DAY))
    for pair in ([one, two], [two, one]):
        assert taf.concat(pair)["date"].tolist() == [START, moment, moment, moment]
    # One that was filled in between the two fetches is still one, but not within one fetch.
    early = frame(moment, receipt=paid(START, START + 5 * DAY), uid=None, user=None)
    later = frame(moment, receipt=paid(START, START + 6 * DAY))
    assert taf.concat([early, later])["uid"].tolist() == ["u"]
    same = given_a(early.copy(), paid(START, START + 6 * DAY))
    assert len(taf.concat([same, later])) == 2
    assert len(taf.concat([given_a(early.copy(), paid(START, START + 5 * DAY, scope={"aid": "1"})), later])) == 2


def test_a_fetch_into_the_future_saw_only_what_was_past() -> None:
    early = fetched(0, 4, fetched_at=(START + 2 * DAY).isoformat())
    said = taf.receipt(taf.concat([early, fetched(4, 10)]))
    assert not said.complete
    assert "2026-03-03T00:00:00Z to 2026-03-05T00:00:00Z" in said.notes[0]
    # Clocks that differ by minutes make no gap.
    early = fetched(0, 4, fetched_at=(START + 4 * DAY - timedelta(minutes=3)).isoformat())
    assert taf.receipt(taf.concat([early, fetched(4, 10)])).complete


def test_checks_and_costs_are_added_up_once_a_fetch(events: pd.DataFrame) -> None:
    less = {"seams": 1, "margin_seconds": None, "windows": 2, "differences": ["x"], "clock_ahead_seconds": -9.0}
    said = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, checked=less)]))
    both = {"seams": 3, "margin_seconds": 60.0, "windows": 3, "differences": ["x"], "clock_ahead_seconds": -9.0}
    assert said.checked == both
    parts = [taf.between(events, end=START + 3 * DAY), taf.between(events, start=START + 3 * DAY)]
    again = taf.receipt(taf.concat(parts))
    assert (again.requests, again.pages, again.checked) == (3, 2, taf.receipt(events).checked)
    assert again.notes == []  # no part is missing any more
    unchecked = taf.receipt(taf.concat([fetched(0, 5), fetched(5, 10, checked={})]))
    assert unchecked.complete
    assert unchecked.notes == ["1 of the 2 joined fetches was not checked"]


def test_filters_join_if_they_mean_the_same(events: pd.DataFrame) -> None:
    kept = taf.where(events, events["date"] >= START + 2 * DAY)
    parts = [taf.between(kept, end=START + 5 * DAY), taf.between(kept, start=START + 5 * DAY)]
    said = taf.receipt(taf.concat(parts))
    assert (said.complete, said.filters) == (True, taf.receipt(kept).filters)
    first, second = fetched(0, 5), fetched(5, 10)
    named = [taf.where(each, each["uid"] == "u", label="u") for each in (first, second)]
    said = taf.receipt(taf.concat(named))
    assert (said.complete, said.filters[0]["kept"], said.filters[0]["of"]) == (True, 10, 10)
    for pair in ([named[0], second], [taf.where(each, each["uid"] == "u") for each in (first, second)]):
        said = taf.receipt(taf.concat(pair))
        assert not said.complete
        assert "filtered differently" in said.notes[0]


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
        frame(*dates, receipt=paid(START + n * DAY, START + (n + 1) * DAY))
        for n, dates in ((0, [None]), (1, [None] * 2))
    )
    both = taf.concat([one, two])
    assert both["date"].isna().tolist() == [True, True]
    assert taf.receipt(both).undated == 2


def test_further_columns_join_where_periods_do_not_overlap() -> None:
    one, two = (taf.with_receipt(each.assign(team="Shops"), like=each) for each in (fetched(0, 5), fetched(5, 10)))
    both = taf.concat([two, one])
    assert both["team"].tolist() == ["Shops"] * 10
    assert both["date"].tolist() == TEN_DAYS
    assert taf.receipt(both).complete
    assert len(taf.concat([one[["date"]], two[["date"]]])) == 10
    with pytest.raises(taf.InvalidArgument, match=r"overlap, .* not with 'team'"):
        taf.concat([one, one])


@pytest.mark.parametrize(
    ("join", "said"),
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
def test_what_cannot_be_joined_is_named(join: Callable[..., Any], said: str, events: pd.DataFrame) -> None:
    with pytest.raises(taf.InvalidArgument, match=said):
        taf.concat(join(events))


def test_frames_handed_to_concat_stay_as_they_are(events: pd.DataFrame) -> None:
    other = fetched(5, 12)
    before = [(each.copy(), json.dumps(each.attrs)) for each in (events, other)]
    both = taf.concat([events, other])
    both["event"] = "changed"
    both.attrs[ATTRS_KEY]["notes"].append("changed")
    for each, (rows_before, attrs) in zip((events, other), before, strict=True):
        pd.testing.assert_frame_equal(each, rows_before)
        assert json.dumps(each.attrs) == attrs


def test_such_receipts_survive_parquet_and_prove_no_day_of_an_archive(events: pd.DataFrame, tmp_path) -> None:
    kept = taf.where(events, events["date"] >= START + 2 * DAY, label="some")
    both = taf.concat([fetched(0, 5), fetched(5, 10)])
    for some in (kept, taf.between(kept, end=START + 5 * DAY), both):
        taf.write_parquet(some, tmp_path / "some.parquet")
        again = taf.read_parquet(tmp_path / "some.parquet")
        assert again.attrs == some.attrs
        archive = taf.Archive(tmp_path / f"archive of {id(some)}")
        archive.import_parquet(tmp_path / "some.parquet")
        assert not archive.coverage()["complete"].any()


# ---- with_receipt ------------------------------------------------------------------------------------------------


def test_with_receipt_gives_the_receipt_back_to_what_pandas_made(events: pd.DataFrame) -> None:
    staff = pd.DataFrame({"uid": ["u", "v"], "team": ["Shops", "Lab"]})
    merged = events.merge(staff, on="uid", how="left")
    wider = taf.with_receipt(merged, like=events)
    assert wider.attrs[ATTRS_KEY] == events.attrs[ATTRS_KEY]
    assert wider.attrs[ATTRS_KEY] is not events.attrs[ATTRS_KEY]
    assert complete_days(wider) == 10
    wider["team"] = "changed"
    assert merged["team"].eq("Shops").all()
    assert taf.with_receipt(events.sort_values("date", ascending=False), like=events).equals(events.iloc[::-1])


def test_with_receipt_raises_if_rows_were_lost(events: pd.DataFrame) -> None:
    staff = pd.DataFrame({"uid": ["u", "u"], "team": ["Shops", "Lab"]})
    with pytest.raises(taf.InvalidArgument, match=r'frame: it has 9 rows, .* have 10\. Merge with how="left"'):
        taf.with_receipt(events.iloc[1:], like=events)
    with pytest.raises(taf.InvalidArgument, match=r"frame: it has 20 rows, .*many_to_one"):
        taf.with_receipt(events.merge(staff, on="uid"), like=events)
    doubled = pd.concat([events.iloc[1:], events.iloc[1:2]])
    with pytest.raises(taf.InvalidArgument, match="frame: it lost 1 row of the events"):
        taf.with_receipt(doubled, like=events)
    with pytest.raises(taf.InvalidArgument, match="no receipt"):
        taf.with_receipt(events, like=pd.DataFrame(events.to_dict("list")))


# ---- for all frames ----------------------------------------------------------------------------------------------

HOURS = st.integers(0, 10 * 24 - 1).map(lambda hour: START + hour * HOUR)
CUTS = st.lists(st.integers(-30, 11 * 24).map(lambda hour: START + hour * HOUR), max_size=4, unique=True)


def drawn(some: list[dict[str, Any]]) -> pd.DataFrame:
    return given_a(to_events(in_order(pa.Table.from_pylist(some, ARROW_SCHEMA).to_batches())), paid())


def split(events: pd.DataFrame, cuts: list[datetime]) -> list[pd.DataFrame]:
    edges = [None, *sorted(cuts), None]
    return [taf.between(events, start=low, end=high) for low, high in pairwise(edges)]


@settings(max_examples=examples(100), deadline=None)
@given(rows(HOURS), CUTS, st.randoms(use_true_random=False))
def test_parts_join_to_the_whole(some: list[dict[str, Any]], cuts: list[datetime], random: Any) -> None:
    events = drawn(some)
    parts = split(events, cuts)
    random.shuffle(parts)
    whole = taf.concat(parts)
    dated = events if not cuts else events[events["date"].notna()]
    assert counted(whole) == counted(dated)
    assert sum(map(len, parts)) == len(whole)
    said = taf.receipt(whole)
    assert (said.complete, said.period, said.events) == (True, taf.receipt(events).period, len(dated))
    assert said.requests == taf.receipt(events).requests
    assert list(whole.columns) == list(COLUMNS)


@settings(max_examples=examples(50), deadline=None)
@given(rows(HOURS), CUTS, st.sampled_from(["h", "D", "W"]), st.sampled_from(["UTC", "Asia/Kathmandu"]))
def test_the_activity_of_parts_adds_up(some: list[dict[str, Any]], cuts: list[datetime], freq: str, tz: str) -> None:
    events = drawn(some)
    whole = taf.activity(events, freq=freq, tz=tz).set_index("period")
    parts = [taf.activity(part, freq=freq, tz=tz).set_index("period") for part in split(events, cuts)]
    together = pd.concat([part["events"] for part in parts]).groupby(level=0).sum()
    assert together.reindex(whole.index, fill_value=0).tolist() == whole["events"].tolist()
    assert together.sum() == whole["events"].sum()
    # What is complete in a part has the count of the whole.
    for part in parts:
        sure = part[part["complete"]]
        assert sure["events"].tolist() == whole["events"].reindex(sure.index).tolist()


@settings(max_examples=examples(50), deadline=None)
@given(rows(HOURS), st.integers(0, 9), st.integers(0, 9))
def test_what_a_cut_frame_calls_complete_is_right(some: list[dict[str, Any]], low: int, high: int) -> None:
    events = drawn(some)
    whole = taf.activity(events).set_index("period")["events"]
    inside = (events["date"] >= START + low * DAY + HOUR / 2) & (events["date"] < START + high * DAY + HOUR / 2)
    cut = taf.activity(events[inside]).set_index("period")
    sure = cut[cut["complete"]]
    assert sure["events"].tolist() == whole.reindex(sure.index).tolist()
    kept = taf.activity(taf.where(events, inside))
    assert kept["complete"].all()
    assert kept["events"].sum() == inside.sum()


def test_a_real_fetch_splits_and_joins() -> None:
    with Sandbox(events=500, seed=0, days=30) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        events = client.fetch_events(window="30d", all_account_groups=True)
    middle = events["date"].iloc[250]
    whole = taf.concat([taf.between(events, start=middle), taf.between(events, end=middle)])
    pd.testing.assert_frame_equal(whole, events)
    said, before = taf.receipt(whole), taf.receipt(events)
    assert (said.complete, said.period, said.account_groups) == (True, before.period, before.account_groups)
    pd.testing.assert_frame_equal(taf.activity(whole), taf.activity(events))
