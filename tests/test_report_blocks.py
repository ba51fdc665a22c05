"""Blocks of a report: how values and texts from outside become cells."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_text import PAYLOADS

from te_audit_frames.report.blocks import (
    NOTHING,
    Column,
    Table,
    clean,
    cleaned,
    counts,
    filled,
    listed,
    lists,
    moment,
    moments,
    sentence,
    shares,
    span,
)
from te_audit_frames.safe_text import number_of, width

ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@given(st.text() | st.sampled_from(PAYLOADS), st.integers(1, 150))
def test_any_text_is_one_harmless_line_that_fits(text, longest):
    found = clean(text, longest)
    assert not ACTING.search(found)
    assert found == found.strip() != ""
    assert width(found) <= max(longest, len("(blank)"))


def test_an_absent_value_is_not_an_empty_one():
    assert cleaned([None, pd.NA, pd.NaT, np.nan, float("nan")]) == [NOTHING] * 5
    assert cleaned(["", " ", "\u200b", 0, False, 7.5, NOTHING]) == ["(blank)"] * 3 + ["0", "False", "7.5", NOTHING]


def test_a_sentence_may_be_longer_than_a_cell():
    assert len(clean("x" * 1_000)) == 120
    assert len(sentence("x" * 1_000)) == 600
    assert len(sentence("x" * 600)) == 600


def test_numbers_are_grouped_and_an_absent_one_is_no_zero():
    assert counts([0, 1_234_567, None, pd.NA, np.nan, 2.0, np.int64(7)]) == [
        "0", "1,234,567", NOTHING, NOTHING, NOTHING, "2", "7",
    ]  # fmt: skip
    assert shares([0, 1, 0.0004, float("nan")]) == ["0.0%", "100.0%", "0.0%", NOTHING]
    assert [number_of(count, "day") for count in (0, 1, 2, 1_000)] == ["0 days", "1 day", "2 days", "1,000 days"]
    assert number_of(0, "person", "people") == "0 people"


def test_lists_name_their_first_and_count_the_others():
    assert lists([None, pd.NA, [], ["a"], list("abcde"), list("abcdef")]) == [
        NOTHING, NOTHING, NOTHING, "a", "a, b, c, d, e", "a, b, c, d, e and 1 more",
    ]  # fmt: skip
    assert listed(np.array(["a", None, ""], dtype=object)) == f"a, {NOTHING}, (blank)"
    assert len(listed(["x" * 100])) == 60


DATES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC))
ZONES = st.sampled_from(["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "Etc/GMT+12"])


@given(st.lists(DATES | st.none(), max_size=4), ZONES)
def test_every_moment_of_the_calendar_can_be_shown_on_every_clock(dates, zone):
    found = moments(pd.Series(dates, dtype="datetime64[us, UTC]"), ZoneInfo(zone))
    for date, text in zip(dates, found, strict=True):
        if date is None:
            assert text == NOTHING
        elif datetime(1, 1, 2, tzinfo=UTC) <= date < datetime(9999, 12, 31, tzinfo=UTC):
            local = date.astimezone(ZoneInfo(zone))
            assert text == f"{local.year:04}-{local:%m-%d %H:%M}"
        else:
            assert text == f"{date.year:04}-{date:%m-%d %H:%M} UTC"


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("2026-03-02T09:00Z", "2026-03-02T09:00:59Z", "2026-03-02 10:00"),
        ("2026-03-02T09:00Z", "2026-03-02T22:59Z", "2026-03-02 10:00 to 23:59"),
        ("2026-03-02T22:59Z", "2026-03-02T23:00Z", "2026-03-02 23:59 to 2026-03-03 00:00"),
        (None, "2026-03-02T09:00Z", NOTHING),
        ("2026-03-02T09:00Z", None, NOTHING),
    ],
)
def test_a_span_has_a_day_once_if_both_ends_have_it_on_the_clock_that_is_shown(first, last, text):
    assert span(pd.Timestamp(first), pd.Timestamp(last), ZoneInfo("Europe/Berlin")) == text


def test_one_moment_is_shown_as_many_are():
    date = datetime(2026, 3, 2, 23, 30, tzinfo=timezone(timedelta(hours=-2)))
    assert moment(date, UTC) == "2026-03-03 01:30"
    assert moment(date, UTC, "%H") == "01"


def test_columns_without_any_value_are_left_out_but_never_the_first():
    empty, full, unset = (
        Column(name, cells) for name, cells in (("a", [NOTHING] * 2), ("b", [NOTHING, "x"]), ("c", []))
    )
    assert filled([empty, full, empty]) == [empty, full]
    assert filled([unset, unset]) == [unset, unset]
    assert filled([]) == []


def test_columns_of_a_table_are_of_one_length():
    table = Table("k", "caption", [Column("a", ["1", "2"]), Column("b", ["3", "4"])])
    assert table.rows == [("1", "3"), ("2", "4")]
    with pytest.raises(ValueError, match="shorter"):
        _ = Table("k", "caption", [Column("a", ["1", "2"]), Column("b", ["3"])]).rows
