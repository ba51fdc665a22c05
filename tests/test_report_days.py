"""Events per UTC day, and the odd days that the pictures of a report leave out."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.frames import with_receipt
from support.histories import SOURCES, archive_of, event, frame
from support.report_pages import RUNS, whole, write

import te_audit_frames as taf
from te_audit_frames.periods import Period
from te_audit_frames.report.days import Drawn, choose_drawn, count_by_day, describe_odd
from te_audit_frames.schema import to_arrow

# ---- dates that cannot be right ----------------------------------------------------------------------------------

MOMENTS = {
    "0001-01-01": datetime(1, 1, 1, tzinfo=UTC),
    "1677-09-21": datetime(1677, 9, 21, tzinfo=UTC),
    "1970-01-01": datetime(1970, 1, 1, tzinfo=UTC),
    "2200-01-01": datetime(2200, 1, 1, tzinfo=UTC),
    "9999-12-31": datetime.max.replace(tzinfo=UTC),
}


@pytest.mark.few(count=2)
@pytest.mark.parametrize(
    ("day", "library", "zone"),
    [
        ("9999-12-31", "pandas", "Pacific/Kiritimati"),
        *(
            pytest.param(day, library, zone, marks=pytest.mark.full)
            for day in MOMENTS
            for library, zone in (
                ("pandas", "America/Los_Angeles"),
                ("polars", "Asia/Tokyo"),
                ("duckdb", "America/Lima"),
            )
        ),
    ],
)
def test_one_odd_date_is_left_out_of_the_pictures_and_counted_in_the_tables(day, library, zone, tmp_path):
    rows = [event(1440 * number, "Test updated.") for number in range(0, 90, 2)]
    odd = event(0, "Test deleted.", date=MOMENTS[day])
    events = SOURCES[library](to_arrow(frame(*sorted([*rows, odd], key=lambda row: row["date"]))))
    review = taf.review(events, checks=RUNS) if library == "pandas" else None
    sections = ["activity", "heatmap", "what", "deletions"]
    page = write(events, tmp_path, tz=zone, review=review, sections=sections)
    assert page.words.count(f"Not in this picture: 1 event that is years away from most others ({day}).") == 2
    assert page.tables["activity-table"][0][0] == "Day"
    assert sum(map(whole, page.column("activity-table", "Events"))) == 45
    assert page.column("event-table", "Events") == ["45", "1"]
    assert page.column("deleting-table", "Events") == ["1"]


@pytest.mark.full
def test_odd_dates_of_an_archive_are_drawn_if_somebody_asked_for_them(tmp_path):
    usual = [event(1440 * number, "x") for number in range(40)]
    with archive_of(frame(event(0, "x", date=datetime(1995, 1, 1, tzinfo=UTC)), *usual)) as archive:
        page = write(archive, tmp_path, sections=["completeness", "activity", "heatmap"])
        assert len(page.tables["activity-table"]) == 41
        asked = write(archive.load(start="1994-01-01"), tmp_path, sections=["activity"])
    assert asked.tables["activity-table"][0][0] == "Month"


def test_without_a_plausible_date_there_is_no_picture(tmp_path):
    page = write(frame(event(0, "x", date=MOMENTS["1970-01-01"])), tmp_path, sections=["activity", "heatmap"])
    assert page.words.count("Not in this picture: 1 event with a date before 1990 or after 2099 (1970-01-01).") == 2
    assert not page.pictures


LAST, FIRST = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.few(count=3)
@pytest.mark.parametrize("library", SOURCES)
def test_days_begin_at_midnight_in_utc_in_every_library_and_before_1970(library):
    dates = [LAST, FIRST, FIRST, datetime(2026, 3, 1, 23, tzinfo=UTC), MOMENTS["0001-01-01"], MOMENTS["9999-12-31"]]
    events = frame(*(event(0, "x", date=date) for date in dates), {"event": "Undated."})
    counted = count_by_day(SOURCES[library](to_arrow(events)))
    assert counted.index.dtype == "datetime64[us, UTC]"
    assert {day.date(): number for day, number in counted.items()} == Counter(date.date() for date in dates)
    assert counted.index.is_monotonic_increasing


def test_events_without_dates_have_no_days():
    counted = count_by_day(frame({"event": "Undated."}))
    assert counted.empty
    assert counted.dtype == "int64"
    assert choose_drawn(counted, None, is_asked_for=False) == Drawn()


def days(**counts):
    index = pd.DatetimeIndex([pd.Timestamp(day.replace("_", "-").strip("d"), tz="UTC") for day in counts]).as_unit("us")
    return pd.Series(list(counts.values()), index=index, dtype="int64")


def test_a_few_events_years_away_are_odd_and_many_are_not():
    few, many = (choose_drawn(days(d2020_01_01=number, d2026_03_01=95), None, is_asked_for=False) for number in (5, 6))
    assert (few.events, few.odd) == (5, (datetime(2020, 1, 1, tzinfo=UTC),))
    assert (few.start, few.end) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    assert many == Drawn()


def test_days_are_years_apart_only_beyond_two_years():
    near = choose_drawn(days(d2024_02_29=1, d2026_03_01=100), None, is_asked_for=False)
    far = choose_drawn(days(d2024_02_28=1, d2026_03_01=100), None, is_asked_for=False)
    assert (near.events, far.events) == (0, 1)


def test_no_plausible_day_that_somebody_asked_for_is_odd():
    known = days(d2020_01_01=1, d2026_03_01=100, d2150_01_01=1)
    asked = Period(datetime(2019, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    drawn = choose_drawn(known, asked, is_asked_for=True)
    assert drawn.odd == (datetime(2150, 1, 1, tzinfo=UTC),)
    assert (drawn.start, drawn.end) == tuple(asked)
    assert choose_drawn(known, None, is_asked_for=True).events == 1
    assert choose_drawn(known, asked, is_asked_for=False).events == 2


def test_a_period_from_long_ago_is_drawn_from_1990_on(tmp_path):
    asked = {"start": "1985-01-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
    odd = event(0, "x", date=datetime(1989, 1, 1, tzinfo=UTC))
    events = with_receipt(frame(odd, event(0, "x")), source="api", requested=asked, resolved=asked)
    page = write(events, tmp_path, sections=["activity"])
    assert page.column("activity-table", "Month")[0] == "1990-01"
    assert "Not in this picture: 1 event that is years away from most others (1989-01-01)." in page.words


COUNTS = st.dictionaries(
    st.dates(datetime(1960, 1, 1).date(), datetime(2160, 1, 1).date()), st.integers(1, 50), min_size=1
)


@given(COUNTS, st.booleans(), st.booleans())
def test_every_day_is_either_drawn_or_odd(counts, is_asked_for, has_period):
    index = pd.DatetimeIndex([pd.Timestamp(day, tz="UTC") for day in sorted(counts)]).as_unit("us")
    known = pd.Series([counts[day] for day in sorted(counts)], index=index, dtype="int64")
    period = Period(index[0].to_pydatetime(), index[-1].to_pydatetime() + timedelta(days=1)) if has_period else None
    drawn = choose_drawn(known, period, is_asked_for=is_asked_for)
    assert drawn.events == known[known.index.isin(drawn.odd)].sum()
    assert list(drawn.odd) == sorted(drawn.odd)
    implausible = {day for day in index if not 1990 <= day.year < 2100}
    assert implausible <= set(drawn.odd)
    if drawn.start is not None:
        inside = known[(known.index >= drawn.start) & (known.index < drawn.end)]
        assert set(inside.index) | set(drawn.odd) == set(index)
        assert inside.sum() + drawn.events == known.sum()


def test_odd_days_are_named_up_to_three():
    odd = tuple(datetime(1970, 1, day, tzinfo=UTC) for day in range(1, 6))
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert describe_odd(Drawn()) == ""
    assert describe_odd(Drawn(start, start, odd[:1], 1)) == "1 event that is years away from most others (1970-01-01)"
    assert describe_odd(Drawn(start, start, odd, 7)) == (
        "7 events that are years away from most others (1970-01-01, 1970-01-02, 1970-01-03 and 2 days more)"
    )
    assert describe_odd(Drawn(odd=odd[:1], events=1)).startswith("1 event with a date before 1990 or after 2099 (")
