"""Changes: which events are one, what they name, and how often there were such events before."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import START, event, frame

import te_audit_frames as taf
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.changes import chain, count_before, list_resources, missing_classes
from te_audit_frames.checks.selection import Selection, select

DAY = 1440


@pytest.mark.full
def test_before_counts_whole_weeks_of_the_same_person_and_text():
    events = frame(event(0, "Alert rule disabled."))
    past = [event(-7 * DAY - at, "Alert rule disabled.") for at in range(3)]
    other = [event(-7 * DAY, "Alert rule disabled.", "8"), event(-7 * DAY, "Alert rule updated.")]
    assert taf.find_monitoring_changes(events, history=frame(*past, *other))["before"].tolist() == [3]
    assert taf.find_monitoring_changes(events, history=frame(*other))["before"].tolist() == [0]
    same_week = frame(event(-60, "Alert rule disabled."))
    assert taf.find_monitoring_changes(events, history=same_week)["before"].tolist() == [0]
    assert taf.find_monitoring_changes(events)["before"].isna().tolist() == [True]


def test_before_ends_with_the_last_whole_week():
    """The event is on a Thursday: the Tuesday before it is of the same week, and the Sunday before that is not."""
    past = frame(event(-60, "Alert rule disabled."), event(DAY, "Alert rule disabled."))
    past["date"] -= pd.Timedelta(hours=9)
    events = frame(event(3 * DAY, "Alert rule disabled."))
    assert taf.find_monitoring_changes(events, history=past)["before"].tolist() == [1]


def slow_chain(rows: list[tuple[int, str | None, int]], gap: int) -> list[list[int]]:
    """Put positions of rows into groups, one row after the other."""
    found: dict[tuple[str | None, int], list[list[int]]] = {}
    for place, (minute, *keys) in enumerate(rows):
        groups = found.setdefault(tuple(keys), [])
        if groups and minute - rows[groups[-1][-1]][0] <= gap:
            groups[-1].append(place)
        else:
            groups.append([place])
    return sorted(group for groups in found.values() for group in groups)


ROWS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["a", "b", None]), st.integers(0, 1)), max_size=20)


@given(ROWS.map(lambda rows: sorted(rows, key=lambda row: row[0])), st.integers(0, 4))
def test_groups_are_those_made_one_event_after_the_other(drawn, gap):
    dates = [START + pd.Timedelta(minutes=minute) for minute, *_ in drawn]
    rows = pd.DataFrame(
        {
            "date": pd.Series(dates, dtype="datetime64[us, UTC]"),
            "event": pd.array([row[1] for row in drawn], dtype="str"),
            "person": np.array([row[2] for row in drawn], dtype="int64"),
        }
    )
    order, groups, count = chain(rows, ["person", "event"], gap * 60_000_000)
    assert groups.tolist() == sorted(groups.tolist())  # those of a group are side by side
    assert sorted(order[groups == number].tolist() for number in range(count)) == slow_chain(drawn, gap)


def test_each_resource_has_the_place_of_its_event_also_in_a_part_of_a_frame():
    things = [
        [{"type": "testName", "name": "shop"}],
        None,
        [],
        [{"type": None, "name": "=1+1"}, {"type": "roleName", "name": None}],
        [{"type": "", "name": ""}],
    ]
    events = frame(*(event(n, "x", resources=some) for n, some in enumerate(things)))
    for rows in (events, events.iloc[1:], events.iloc[[3, 4, 0]]):
        chosen = [things[at] or [] for at in rows.index]
        expected = [(at, one["type"], one["name"]) for at, some in enumerate(chosen) for one in some]
        listed = list_resources(rows).astype("object")
        assert list(listed.where(listed.notna(), None).itertuples(index=False, name=None)) == expected
    assert list_resources(events.iloc[:0]).dtypes.astype("str").tolist() == ["int64", "str", "str"]


def before(events: pd.DataFrame, history: object, groups: list[int]) -> list[int | None]:
    selection = select(events, ["event"])
    found = count_before(
        selection, history, selection.rows, np.array(groups, dtype="int64"), max(groups, default=-1) + 1
    )
    assert found.dtype == "Int64"
    return [None if pd.isna(count) else int(count) for count in found]


def test_the_texts_of_a_group_are_added_up_each_once_and_the_null_text_is_one():
    events = frame(event(0, "a"), event(1, "a"), event(2, "b"), event(3, None), event(4, "c"))
    past = frame(*(event(-7 * DAY - n, text) for n, text in enumerate(["a", "a", "b", None, None, None, "z"])))
    assert before(events, read_baseline(past, parts=["texts"]), [0, 0, 0, 1, 2]) == [3, 3, 0]


@pytest.mark.full
def test_who_has_no_uid_is_found_by_name_and_nobody_is_not_somebody():
    events = frame(event(0, "a", None, user="Ben"), event(1, "a", "9", user="Ben"), event(2, "a", None, user=None))
    past = frame(event(-7 * DAY, "a", None, user="Ben"), event(-7 * DAY, "a", "8"))
    assert before(events, past, [0, 1, 2]) == [1, 0, 0]


def test_without_a_history_or_events_nothing_is_counted():
    assert before(frame(event(0, "a"), event(1, "b")), None, [0, 1]) == [None, None]
    assert before(frame(), frame(event(0, "a")), []) == []


@pytest.mark.full
def test_an_event_in_the_first_week_of_all_has_nothing_before_it():
    first = frame(event(0, "a", date=datetime(1, 1, 1, tzinfo=UTC)))
    assert before(first, first, [0]) == [0]


@pytest.mark.parametrize(
    ("events", "unclassified", "is_missing"), [(0, 0, False), (3, 2, False), (3, 3, True), (1, 0, False)]
)
def test_classes_are_missing_only_if_no_event_has_any(events, unclassified, is_missing):
    nothing = pd.DataFrame()
    reason = missing_classes(Selection(nothing, nothing, events=events, unclassified=unclassified))
    assert bool(reason) is is_missing
