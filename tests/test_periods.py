"""Arguments of time: each becomes a half-open UTC period, or an error that names the culprit and the remedy."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import (
    EPOCH,
    Period,
    Since,
    Window,
    ask,
    ceil_second,
    epoch_micros,
    floor_second,
    iso,
    to_bounds,
    to_instant,
    to_window,
)

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        ("45", 45),
        ("45s", 45),
        ("30m", 1_800),
        ("12h", 43_200),
        ("7d", 604_800),
        ("104w", 62_899_200),
        ("007d", 604_800),
        (timedelta(hours=1), 3_600),
        (pd.Timedelta("90min"), 5_400),
    ],
)
def test_a_window_is_a_number_and_a_unit(window, seconds):
    assert ask(window=window, start=None, end=None) == Window(timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "window",
    [
        *("", " ", "7 days", "7 d", "7D", "d", "-7d", "+7d", "7.5d", "7d\n", "٧d", "1y", "0", "0d", "P7D"),
        *("9" * 11 + "s", "9" * 6_000, "5300w"),
        *(timedelta(0), timedelta(days=-1), timedelta(microseconds=1), timedelta(seconds=1.5)),
        *(7, 7.0, b"7d", True, date(2026, 1, 1), ["7d"]),
    ],
    ids=lambda window: type(window).__name__,
)
def test_any_other_window_is_refused_by_name(window):
    with pytest.raises(InvalidArgument, match=r"^window: ") as caught:
        ask(window=window, start=None, end=None)
    assert len(str(caught.value)) < 300 or len(str(window)) > 100


def test_the_message_about_a_wrong_window_shows_a_valid_one():
    with pytest.raises(InvalidArgument, match=r'Valid are "45".*"7d"'):
        to_window("7 days")


def test_the_default_is_the_last_7_days():
    assert ask(window=None, start=None, end=None) == Window(timedelta(days=7))


@pytest.mark.parametrize("other", [{"start": "2026-01-01"}, {"end": "2026-01-01"}, {"start": "junk"}])
def test_a_window_excludes_bounds(other):
    with pytest.raises(InvalidArgument, match=rf"window and {next(iter(other))} exclude each other"):
        ask(**{"window": "7d", "start": None, "end": None} | other)


def test_an_end_needs_a_start():
    with pytest.raises(InvalidArgument, match=r'^end: needs a start too\. For example start="2026-01-01", end='):
        ask(window=None, start=None, end="2026-01-02")


@pytest.mark.parametrize("end", ["2026-01-01", "2025-12-31", "2026-01-01T01:00:00+01:00", NEW_YEAR])
def test_an_end_is_after_its_start(end):
    with pytest.raises(InvalidArgument, match=r"^end: .* is not after start .*one day is start="):
        ask(window=None, start=NEW_YEAR, end=end)


@pytest.mark.parametrize(
    "start",
    [
        "2026-01-01",
        " 2026-01-01 ",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00Z",
        "2026-01-01 00:00:00+00:00",
        "20260101T000000Z",
        "2026-01-01T05:45:00+05:45",
        "2025-12-31T19:00:00-05:00",
        date(2026, 1, 1),
        NEW_YEAR,
        datetime(2025, 12, 31, 19, tzinfo=ZoneInfo("America/New_York")),
        datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        pd.Timestamp("2026-01-01", tz="UTC"),
        pd.Timestamp("2026-01-01 01:00", tz="Europe/Berlin"),
        pd.Timestamp("2026-01-01", tz="UTC").as_unit("ns"),
    ],
    ids=repr,
)
def test_a_moment_in_any_of_its_forms(start):
    question = ask(window=None, start=start, end=None)
    assert question == Since(NEW_YEAR)
    assert question.start.utcoffset() == timedelta(0)
    assert type(question.start) is datetime


@pytest.mark.parametrize(
    "naive",
    ["2026-01-01T00:00:00", "2026-01-01 12:00", "20260101T120000", datetime(2026, 1, 1), pd.Timestamp("2026-01-01")],
    ids=repr,
)
@pytest.mark.parametrize("argument", ["start", "end"])
def test_a_naive_moment_is_refused_with_the_remedy(argument, naive):
    bounds = {"start": "2020-01-01", "end": "2027-01-01"} | {argument: naive}
    with pytest.raises(InvalidArgument, match=rf'^{argument}: 2026-01-01T.* has no time zone.*Z" for UTC.*ZoneInfo'):
        ask(window=None, **bounds)


@pytest.mark.parametrize(
    "junk",
    [
        *("", " ", "yesterday", "2026-13-01", "2026-02-30", "2026-01-01T25:00Z", "0000-01-01", "1767225600"),
        *(1_767_225_600, 1.5, True, b"2026-01-01", pd.NaT, np.nan, np.datetime64("2026-01-01"), ["2026-01-01"]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("argument", ["start", "end"])
def test_anything_else_is_refused_by_name(argument, junk):
    bounds = {"start": "2020-01-01", "end": "2027-01-01"} | {argument: junk}
    with pytest.raises(InvalidArgument, match=rf'^{argument}: .*"2026-01-01"'):
        ask(window=None, **bounds)


@pytest.mark.parametrize(
    "edge",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        "9999-12-31",
        date.min,
    ],
    ids=repr,
)
def test_the_ends_of_the_calendar_are_refused_or_leave_room(edge):
    try:
        instant = to_instant(edge, argument="start")
    except InvalidArgument as error:
        assert str(error).startswith("start: ")
    else:
        instant - timedelta(days=1), instant + timedelta(days=1)


@given(MOMENTS, st.timedeltas(-timedelta(hours=14), timedelta(hours=14)))
@example(NEW_YEAR, timedelta(hours=5, minutes=45))
def test_the_zone_of_a_moment_does_not_matter(moment, offset):
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset // timedelta(minutes=1))))
    for said in (elsewhere, elsewhere.isoformat(), pd.Timestamp(elsewhere), iso(moment)):
        assert to_instant(said, argument="start") == moment


@given(MOMENTS)
def test_whole_seconds_enclose_a_moment(moment):
    low, high = floor_second(moment), ceil_second(moment)
    assert low <= moment <= high
    assert high - low in (timedelta(0), timedelta(seconds=1))
    assert (low == high) == (moment.microsecond == 0)
    assert low.microsecond == high.microsecond == 0


def test_moments_are_written_in_the_form_of_the_api():
    assert iso(NEW_YEAR) == "2026-01-01T00:00:00Z"
    assert iso(NEW_YEAR + timedelta(microseconds=1)) == "2026-01-01T00:00:00.000001Z"


def test_a_period_has_a_length_and_a_repr():
    period = ask(window=None, start="2026-01-01", end="2026-01-02T12:00:00Z")
    assert period == Period(NEW_YEAR, NEW_YEAR + timedelta(days=1.5))
    assert period.days == 1.5
    assert str(period) == "2026-01-01T00:00:00Z to 2026-01-02T12:00:00Z"
    assert repr(period) == f"Period({period})"
    assert repr([period]) == f"[Period({period})]"


def test_a_period_unpacks_into_its_bounds():
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    start, end = period
    assert (start, end) == (period.start, period.end)


@pytest.mark.parametrize("window", ["9999999999w", "9999999999d", "99999999999", "9" * 1_000_000, "3660000000"])
def test_a_window_of_a_huge_number_is_refused(window):
    with pytest.raises(InvalidArgument, match="longer than a hundred years"):
        to_window(window)


def test_bounds_are_in_utc_and_either_may_be_left_out():
    assert to_bounds("2026-01-01T01:00:00+01:00", None) == (datetime(2026, 1, 1, tzinfo=UTC), None)
    assert to_bounds(None, None) == (None, None)
    with pytest.raises(InvalidArgument, match="end"):
        to_bounds("2026-01-02", "2026-01-02")


@given(st.integers(-6 * 10**16, 6 * 10**16))
def test_a_moment_in_microseconds_is_exact(micros):
    assert epoch_micros(EPOCH + timedelta(microseconds=micros)) == micros
