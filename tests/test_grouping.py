"""Groups: counted in every library in the same way, with and without the fast path, and ranked in one order."""

from __future__ import annotations

from collections import Counter
from typing import Any

import narwhals as nw
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import LIBRARIES, START, Row, rows, table

import te_audit_frames as taf
from te_audit_frames.analysis.grouping import OTHER, REST, Grouper, collect, rank


def counted(grouper: Grouper, **how: Any) -> list[tuple[Any, ...]]:
    """Count by every identity, with names instead of codes, in an order that no engine decides."""
    groups = rank(grouper.count(grouper.identity, **how), grouper.identity)
    names = grouper.name(groups).astype(object)
    return [
        tuple(None if pd.isna(value) else value for value in (*name, *found))
        for name, found in zip(
            names.itertuples(index=False), groups.drop(columns=grouper.identity).itertuples(index=False), strict=True
        )
    ]


@pytest.mark.parametrize("library", ["pandas", "pyarrow chunks and dictionaries", "polars lazy", "duckdb"])
@given(drawn=rows(), by=st.sampled_from(["user", "event", ["account_group", "event"]]))
@settings(max_examples=examples(10), deadline=None)
def test_every_library_counts_the_same(library: str, drawn: list[Row], by: Any) -> None:
    fast = counted(Grouper.of(table(drawn), by))
    assert sum(group[-3] for group in fast) == len(drawn)
    assert counted(Grouper.of(LIBRARIES[library](table(drawn)), by)) == fast


def test_many_groups_by_two_columns() -> None:
    drawn = [{"date": START, "uid": str(number % 1_100), "event": str(number % 1_099)} for number in range(2_000)]
    grouper = Grouper.of(table(drawn), ["user", "event"])
    groups = grouper.count(grouper.identity)
    assert Counter(groups["events"]) == Counter(Counter((row["uid"], row["event"]) for row in drawn).values())
    assert groups["first"].eq(pd.Timestamp(START)).all()
    users = Grouper.of(table(drawn), "user", count_others=True)
    tabulated = users.tabulate(users.identity)
    assert tabulated["event_types"].sum() == len({(row["uid"], row["event"]) for row in drawn})


@given(drawn=rows(), by=st.sampled_from(["user", "event"]), top=st.integers(1, 5))
@settings(max_examples=examples(40), deadline=None)
def test_folding_keeps_the_largest_and_loses_no_event(drawn: list[Row], by: str, top: int) -> None:
    grouper = Grouper.of(table(drawn), by)
    everything = grouper.count(grouper.identity)
    folded, keys = grouper.fold(top)
    groups = rank(folded.count(keys), grouper.identity)
    assert groups["events"].sum() == len(drawn)
    assert len(groups) == min(len(everything), top + 1)
    largest = rank(everything, grouper.identity)["events"].head(top).tolist()
    assert groups["events"].head(top).tolist() == largest
    assert (REST in keys) == (len(everything) > top)
    if REST in keys:
        assert groups[REST].tolist() == [False] * top + [True]
        assert set(grouper.name(groups).iloc[-1]) == {OTHER}


@pytest.mark.parametrize("top", [0, -1, 1.0, "3", True])
def test_a_wrong_top_is_refused_even_without_groups(top: Any) -> None:
    for by in ("event", None):
        with pytest.raises(taf.InvalidArgument, match=r"^top: .* not a whole number of at least 1"):
            Grouper.of(table([]), by).fold(top)


def test_the_latest_name_is_shown() -> None:
    drawn = [
        {"date": START, "uid": "7", "user": "Old"},
        {"date": START.replace(hour=1), "uid": "7", "user": "New"},
        {"date": None, "uid": "7", "user": "Undated"},
    ]
    grouper = Grouper.of(table(drawn), "user")
    assert grouper.name(grouper.count(grouper.identity))["user"].tolist() == ["New"]


def test_ranking_is_by_size_then_by_key_with_nulls_and_the_rest_at_the_end() -> None:
    groups = pd.DataFrame(
        {
            REST: [True, False, False, False, False],
            "by event": pd.array([None, "b", None, "a", "c"], dtype="str"),
            "events": [9, 2, 2, 2, 5],
        }
    )
    ranked = rank(groups, ["by event"])
    assert ranked["events"].tolist() == [5, 2, 2, 2, 9]
    assert ranked["by event"].fillna("-").tolist() == ["c", "a", "b", "-", "-"]


@pytest.mark.parametrize("library", ["pandas", "polars in another zone", "duckdb"])
def test_collected_dates_are_in_utc_microseconds(library: str) -> None:
    found = collect(nw.from_native(LIBRARIES[library](table([{"date": START}]))).lazy().select("date"))
    assert str(found["date"].dtype) == "datetime64[us, UTC]"
    assert found["date"].tolist() == [pd.Timestamp(START)]


def test_events_without_a_date_can_be_left_out() -> None:
    grouper = Grouper.of(table([{"date": START, "event": "a"}, {"event": "a"}]), "event")
    assert grouper.count(grouper.identity)["events"].tolist() == [2]
    assert grouper.dated().count(grouper.identity)["events"].tolist() == [1]


@pytest.mark.parametrize("events", [None, [], pd.Series([1])])
def test_what_is_no_frame_is_refused(events: Any) -> None:
    with pytest.raises(taf.InvalidArgument, match=r"^events: a .* is not a supported frame\. Supported are pandas"):
        Grouper.of(events, "user")
