"""Tallies: the figures of a group are those counted one event at a time, and wrong arguments are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import START, event, frame

import te_audit_frames as taf
from te_audit_frames.checks.selection import select
from te_audit_frames.checks.tallies import (
    TEXT_LIST,
    check_by,
    check_duration,
    code,
    count_different,
    dates_of,
    list_different,
    micros,
    micros_of,
    number_by,
    tally,
)


@pytest.mark.parametrize("by", ["uid", "User", "", None, 7, ["user"]])
def test_what_rows_cannot_be_about_is_refused_with_what_they_can(by):
    with pytest.raises(taf.InvalidArgument, match=r"^by: .* is not one of 'user', 'ip_address'$"):
        check_by(by, ["user", "ip_address"])
    assert check_by("user", ["user", "ip_address"]) == "user"


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=100_000)))
def test_a_duration_is_itself_and_is_counted_in_whole_microseconds(duration):
    assert check_duration("gap", duration) == duration
    assert timedelta(microseconds=micros_of(duration)) == duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("10min", timedelta(minutes=10)),
        ("1 day 2h", timedelta(hours=26)),
        ("0.5s", timedelta(milliseconds=500)),
        ("PT8H", timedelta(hours=8)),
        ("1us", timedelta(microseconds=1)),
    ],
)
def test_a_duration_may_be_written_in_many_ways(text, duration):
    assert check_duration("gap", text) == duration


@pytest.mark.parametrize(
    "value",
    [
        "", "10", "8:00", "h", "ten minutes", "nat", "NaT", "-1h", "0s", "400ns", "1e400s", "1h\0", "١h",
        "9" * 400 + "h", 10, 0.5, None, True, timedelta(0), timedelta(seconds=-1), pd.NaT, timedelta.max,
    ],
)  # fmt: skip
def test_what_is_no_duration_above_zero_is_refused_with_examples(value):
    with pytest.raises(taf.InvalidArgument, match=r"^gap: .*is not a duration. Right are"):
        check_duration("gap", value)


ALL_DATES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC))


@given(st.lists(ALL_DATES, max_size=5))
def test_every_date_of_the_calendar_goes_through_microseconds(drawn):
    dates = pd.Series(drawn, dtype="datetime64[us, UTC]")
    pd.testing.assert_series_equal(dates_of(micros(dates)), dates)


GROUPED = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["b", "a", "", "名前", None])), max_size=20)


@given(GROUPED, st.booleans())
def test_different_values_are_listed_in_order_with_null_last_or_left_out(drawn, nulls):
    values = pd.Series([text for _, text in drawn], dtype="str")
    groups = np.array([group for group, _ in drawn], dtype="int64")
    listed = list_different(values, groups, 5, nulls=nulls)
    assert listed.dtype == TEXT_LIST
    for group, found in enumerate(listed):
        expected = sorted({text for of, text in drawn if of == group and text is not None})
        has_null = nulls and (group, None) in drawn
        assert list(found) == expected + [None] * has_null


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 5)), max_size=20))
def test_different_codes_are_counted_and_none_is_not(drawn):
    groups, codes = (np.array([row[at] for row in drawn], dtype="int64") for at in range(2))
    expected = [len({number for of, number in drawn if of == group and number >= 0}) for group in range(5)]
    assert count_different(codes, groups, 5).tolist() == expected


def test_equal_values_have_one_code_and_null_has_none():
    assert code(pd.Series(["b", None, "a", "b"], dtype="str")).tolist() == [0, -1, 1, 0]


def test_a_group_begins_with_its_first_event_in_whatever_order_groups_are():
    rows = frame(event(0, "b"), event(1, "a"), event(2, None), event(3, "a"))
    found = tally(rows, np.array([1, 0, 1, 1]), 2)
    assert found["first_event"].tolist() == [START + timedelta(minutes=1), START]
    assert found["last_event"].tolist() == [START + timedelta(minutes=1), START + timedelta(minutes=3)]
    assert found["events"].tolist() == [1, 3]
    assert [list(texts) for texts in found["event_texts"]] == [["a"], ["a", "b", None]]
    nothing = tally(rows.iloc[:0], np.array([], dtype="int64"), 0)
    assert nothing.dtypes.equals(found.dtypes)


ROWS = (
    event(0, "x", "8", aid="2", account_group_name="Web", ip_address="203.0.113.9"),
    event(1, "x", "7", aid="1", account_group_name="Shops", ip_address=None),
    event(2, "x", "7", aid="2", account_group_name="Web 2", ip_address="198.51.100.7"),
    event(3, "x", None, aid=None, account_group_name="Shops", ip_address="203.0.113.9", user="Ben"),
    event(4, "x", None, aid=None, account_group_name=None, ip_address="203.0.113.9", user=None),
)


@pytest.mark.parametrize(
    ("by", "named"),
    [
        ("user", [("8", "Ben"), ("7", "Ada"), ("7", "Ada"), (None, "Ben"), (None, None)]),
        ("account_group", [("2", "Web 2"), ("1", "Shops"), ("2", "Web 2"), (None, "Shops"), (None, None)]),
        ("ip_address", [("203.0.113.9",), (None,), ("198.51.100.7",), ("203.0.113.9",), ("203.0.113.9",)]),
    ],
)
@pytest.mark.parametrize("count", [5, 0])
def test_each_event_has_the_number_of_what_it_is_about_with_the_newest_name(by, named, count):
    columns = ["event", "aid", "account_group_name", "ip_address"]
    numbers, things = number_by(select(frame(*ROWS[:count]), columns), by)
    rows = things.astype("object").where(things.notna(), None).iloc[numbers]
    assert list(rows.itertuples(index=False, name=None)) == named[:count]
    assert not things.duplicated().any()
