"""Dates as the API writes and reads them."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.sandbox.dates import LAST_SECOND, iso, read_date


@given(st.integers(0, LAST_SECOND))
def test_a_date_is_read_as_it_was_written(second):
    assert read_date(iso(second)) == second
    assert int(datetime.fromisoformat(iso(second)).timestamp()) == second


@pytest.mark.parametrize(
    ("text", "second"),
    [("1970-01-01T01:00:00+01:00", 0), ("1970-01-01T00:00:01.999999Z", 1), ("1969-12-31T23:59:59-0100", 3_599)],
)
def test_offsets_and_fractions_are_read(text, second):
    assert read_date(text) == second


@pytest.mark.parametrize(
    "text",
    ["", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "2026-01-01 00:00:00Z", "x2026-01-01T00:00:00Z"],
)
def test_other_texts_are_no_dates(text):
    assert read_date(text) is None
