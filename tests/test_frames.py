"""Filters and cuts of frames: the rows, and a receipt that matches them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import rows
from support.receipts import (
    CUTS,
    DAY,
    HOUR,
    HOURS,
    START,
    TEN_DAYS,
    complete_days,
    drawn_frame,
    fetch_receipt,
    frame,
    split,
    with_fetch_receipt,
)

import te_audit_frames as taf
from te_audit_frames.schema import ATTRS_KEY


@pytest.fixture
def events() -> pd.DataFrame:
    return frame(*TEN_DAYS)


# ---- a frame that plain pandas cut -------------------------------------------------------------------------------


def test_after_a_plain_filter_only_days_between_two_events_are_complete(events: pd.DataFrame) -> None:
    assert complete_days(events) == 10
    counts = taf.activity(events[events["date"] >= START + 4 * DAY])
    assert counts["events"].tolist() == [0] * 4 + [1] * 6  # zeros stay, marked
    # The first and the last day may be cut: nothing is known about the time before the first event.
    assert counts["complete"].tolist() == [False] * 5 + [True] * 4 + [False]
    weeks = taf.activity(events[events["date"] >= START + 4 * DAY], freq="W")
    assert not weeks["complete"].any()
    assert not taf.activity(events[events["event"] == "nothing"])["complete"].any()
    assert (
        complete_days(pd.concat([events, events])) == 8
    )  # pandas keeps the equal receipts, which are wrong for the result


@pytest.mark.full
def test_plots_mark_days_that_a_plain_filter_made_incomplete(events: pd.DataFrame) -> None:
    cut = events[events["date"] >= START + 4 * DAY]
    kept = taf.where(events, events["date"] >= START + 4 * DAY)
    for some, is_marked in ((cut, True), (kept, False), (taf.between(events, start=START + 4 * DAY), False)):
        ax = taf.plot_activity(some)
        shown = [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []
        assert ("day not covered in full" in shown) == is_marked
        assert taf.plot_heatmap(some).get_title(loc="left").startswith("Events by weekday and hour")


def test_a_part_of_a_file_is_complete_but_a_file_of_a_filtered_frame_is_not(events, tmp_path) -> None:
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
    receipt = taf.receipt(kept)
    assert (receipt.events, receipt.rows, receipt.period, receipt.complete) == (6, 6, taf.receipt(events).period, True)
    assert receipt.account_groups == {"1": 6}
    (note,) = receipt.filters
    assert (note["label"], note["kept"], note["of"]) == ("late ones", 6, 10)
    assert "late ones: 6 of 10 events kept" in repr(receipt)
    assert complete_days(kept) == 10
    assert events.audit.where(events["uid"] == "u").equals(events)
    pd.testing.assert_frame_equal(events, before[0])
    assert json.dumps(events.attrs) == before[1]
    twice = taf.where(kept, kept["date"] < START + 5 * DAY)
    assert [each["of"] for each in taf.receipt(twice).filters] == [10, 6]
    assert complete_days(twice) == 10
    assert "unnamed: 1 of 6 events kept" in repr(taf.receipt(twice))


def test_a_frame_filtered_by_plain_pandas_stays_incomplete(events: pd.DataFrame) -> None:
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
    ("mask", "message"),
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
def test_a_wrong_mask_is_named(events: pd.DataFrame, mask: Callable[..., Any], message: str) -> None:
    with pytest.raises(taf.InvalidArgument, match=message):
        taf.where(events, mask(events))


# ---- between -----------------------------------------------------------------------------------------------------


def test_between_cuts_rows_and_receipt_and_notes_what_it_left_out() -> None:
    events = frame(*TEN_DAYS, None, None)
    before = events.copy(), json.dumps(events.attrs)
    part = events.audit.between(start=START + 2 * DAY, end=TEN_DAYS[5])
    assert part["date"].tolist() == TEN_DAYS[2:5]  # the end is not part of it
    receipt = taf.receipt(part)
    assert receipt.period == taf.Period(START + 2 * DAY, TEN_DAYS[5])
    assert (receipt.events, receipt.undated, receipt.complete, receipt.account_groups) == (3, 0, True, {"1": 3})
    assert "left out: 2 events without a date" in receipt.notes
    assert complete_days(part) == 3
    assert len(taf.between(events)) == 12  # without bounds, all
    pd.testing.assert_frame_equal(events, before[0])
    assert json.dumps(events.attrs) == before[1]


def test_between_takes_bounds_of_a_time_zone(events: pd.DataFrame) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for start in ("2026-03-03", "2026-03-03T00:00", datetime(2026, 3, 3), date(2026, 3, 3), pd.Timestamp("2026-03-03")):
        for tz in ("Europe/Berlin", berlin):
            part = taf.between(events, start=start, tz=tz)
            assert taf.receipt(part).period.start == datetime(2026, 3, 2, 23, tzinfo=UTC)
    # A moment with a zone keeps it, and a bare date without tz is that of UTC.
    aware = datetime(2026, 3, 3, tzinfo=UTC)
    for part in (taf.between(events, start=aware, tz=berlin), taf.between(events, start="2026-03-03")):
        assert taf.receipt(part).period.start == aware
    # A repeated time means the first one. A skipped time is moved forward by the length of the gap.
    for wall, instant in (("2026-10-25T02:30", "2026-10-25T00:30"), ("2026-03-29T02:30", "2026-03-29T01:30")):
        year = with_fetch_receipt(frame(), fetch_receipt(end=START + 300 * DAY))
        assert taf.receipt(taf.between(year, start=wall, tz=berlin)).period.start.isoformat() == instant + ":00+00:00"


def test_between_covers_nothing_outside_the_fetched_period(events: pd.DataFrame) -> None:
    wide = taf.between(events, start=START - 9 * DAY, end=START + 99 * DAY)
    assert taf.receipt(wide).period == taf.receipt(events).period
    assert "not in the frame that was cut: 2026-02-20T00:00:00Z to 2026-03-01T00:00:00Z" in taf.receipt(wide).notes
    assert "not in the frame that was cut: 2026-03-11T00:00:00Z to 2026-06-08T00:00:00Z" in taf.receipt(wide).notes
    beside = taf.between(events, start=START + 20 * DAY, end=START + 30 * DAY)
    assert taf.receipt(beside).period.days == 0
    assert "not in the frame that was cut: 2026-03-21T00:00:00Z to 2026-03-31T00:00:00Z" in taf.receipt(beside).notes
    assert taf.activity(beside)["complete"].sum() == 0


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"start": "2026-03-03T00:00"}, taf.InvalidArgument, "start: .* no time zone"),
        ({"start": datetime(2026, 3, 3)}, taf.InvalidArgument, "start: .* no time zone"),
        ({"end": "2026-03-03", "tz": "Berlin"}, taf.InvalidArgument, "tz: 'Berlin'"),
        ({"start": "2026-03-03", "end": "2026-03-03"}, taf.InvalidArgument, "end: .* is not after start"),
        ({"start": 3}, taf.InvalidArgument, "start: 3"),
    ],
)
def test_wrong_bounds_are_named(events: pd.DataFrame, how: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
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


def test_every_function_refuses_a_damaged_receipt(events: pd.DataFrame) -> None:
    events.attrs[ATTRS_KEY] |= {"scope": "all"}
    for act in (
        lambda: taf.where(events, [True] * 10),
        lambda: taf.between(events, start=START),
        lambda: taf.concat([events, events]),
        lambda: taf.with_receipt(events, like=events),
        lambda: taf.receipt(events),
    ):
        with pytest.raises(taf.InvalidArgument, match=r"the receipt in events.attrs.* is damaged"):
            act()


def test_frames_without_a_receipt_can_be_filtered_and_cut_too(events: pd.DataFrame) -> None:
    bare = events.copy()
    bare.attrs = {}
    for some in (taf.where(bare, bare["date"] < START + 3 * DAY), taf.between(bare, end=START + 3 * DAY)):
        assert len(some) == 3
        assert some.attrs == {}


# ---- with_receipt ------------------------------------------------------------------------------------------------


def test_with_receipt_restores_the_receipt_after_a_merge(events: pd.DataFrame) -> None:
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


@pytest.mark.full
@settings(max_examples=examples(50), deadline=None)
@given(rows(HOURS), CUTS, st.sampled_from(["h", "D", "W"]), st.sampled_from(["UTC", "Asia/Kathmandu"]))
def test_the_activity_of_parts_adds_up(some: list[dict[str, Any]], cuts: list[datetime], freq: str, tz: str) -> None:
    events = drawn_frame(some)
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
def test_complete_periods_of_a_filtered_frame_have_the_right_counts(
    some: list[dict[str, Any]], low: int, high: int
) -> None:
    events = drawn_frame(some)
    whole = taf.activity(events).set_index("period")["events"]
    inside = (events["date"] >= START + low * DAY + HOUR / 2) & (events["date"] < START + high * DAY + HOUR / 2)
    cut = taf.activity(events[inside]).set_index("period")
    sure = cut[cut["complete"]]
    assert sure["events"].tolist() == whole.reindex(sure.index).tolist()
    kept = taf.activity(taf.where(events, inside))
    assert kept["complete"].all()
    assert kept["events"].sum() == inside.sum()
