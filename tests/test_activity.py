"""Activity: every event is in its period, and no period is missing, in zones with all kinds of clock changes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import LIBRARIES, START, Row, rows, table, with_receipt

import te_audit_frames as taf
from te_audit_frames.analysis import activity as activity_module
from te_audit_frames.analysis.activity import hours_of_week

FREQS = ["h", "D", "W", "MS"]

# Time zones, and days around which their clocks change.
TURNS = {
    "UTC": ["2026-01-01"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "America/St_Johns": ["2026-03-08", "2026-11-01"],
    "Asia/Kathmandu": ["2026-01-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],  # by half an hour
    "Africa/Casablanca": ["2026-02-15", "2026-03-22"],  # off for Ramadan, and back
    "America/Havana": ["2026-03-08", "2026-11-01"],  # at midnight
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],  # at midnight, and from midnight to the evening before
    "Pacific/Apia": ["2011-12-30"],  # a day that was skipped
}


@st.composite
def zoned_dates(draw: st.DrawFn) -> tuple[str, list[datetime]]:
    zone = draw(st.sampled_from(sorted(TURNS)))
    turn = datetime.fromisoformat(draw(st.sampled_from(TURNS[zone]))).replace(tzinfo=ZoneInfo(zone))
    seconds = st.integers(-3 * 86_400, 3 * 86_400) | st.integers(-8, 8).map(lambda halves: halves * 1800)
    moments = draw(st.lists(seconds, min_size=1, max_size=20))
    return zone, [turn.astimezone(UTC) + timedelta(seconds=second) for second in moments]


def turn(moment: datetime, freq: str, zone: str) -> tuple[Any, ...]:
    """Return what a clock and a calendar in the zone show at a moment, down to the period."""
    wall = moment.astimezone(ZoneInfo(zone))
    if freq == "h":
        return wall.date(), wall.hour, wall.utcoffset()
    if freq == "MS":
        return wall.year, wall.month
    return (wall.date() - timedelta(days=wall.weekday() if freq == "W" else 0),)


def frame(dates: list[datetime | None], **receipt: Any) -> pd.DataFrame:
    events = LIBRARIES["pandas"](table([{"date": moment} for moment in dates]))
    return with_receipt(events, **receipt) if receipt else events


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.few(count=2)
@pytest.mark.parametrize("freq", FREQS)
@given(zoned=zoned_dates())
@settings(max_examples=examples(40), deadline=None)
def test_periods_are_those_of_the_zones_wall_clock(freq: str, zoned: tuple[str, list[datetime]]) -> None:
    zone, dates = zoned

    counts = taf.activity(frame([*dates, None]), freq=freq, tz=zone)

    periods = [period.to_pydatetime() for period in counts["period"]]
    shown = {turn(period, freq, zone): events for period, events in zip(periods, counts["events"], strict=True)}
    assert {key: events for key, events in shown.items() if events} == Counter(turn(d, freq, zone) for d in dates)
    assert len(shown) == len(counts), "a period is there twice"
    for period, following in zip(periods, [*periods[1:], None], strict=True):
        before = period.astimezone(UTC) - timedelta(microseconds=1)
        assert turn(before, freq, zone) != turn(period, freq, zone), "not labelled by its first instant"
        if following is not None:
            before = following.astimezone(UTC) - timedelta(microseconds=1)
            assert turn(before, freq, zone) == turn(period, freq, zone), "an empty period is missing"
    assert counts["events"].iloc[0] > 0
    assert counts["events"].iloc[-1] > 0
    assert str(counts["period"].dtype) == f"datetime64[us, {zone}]"


def test_a_repeated_hour_is_two_periods_and_a_skipped_one_is_none() -> None:
    autumn = taf.activity(frame([at("2026-10-25T00:00"), at("2026-10-25T02:00")]), freq="h", tz="Europe/Berlin")
    spring = taf.activity(frame([at("2026-03-29T00:00"), at("2026-03-29T02:00")]), freq="h", tz="Europe/Berlin")

    assert [f"{hour:%H:%M%z}" for hour in autumn["period"]] == ["02:00+0200", "02:00+0100", "03:00+0100"]
    assert [f"{hour:%H:%M%z}" for hour in spring["period"]] == ["01:00+0100", "03:00+0200", "04:00+0200"]


def test_a_change_by_half_an_hour_makes_an_hour_of_thirty_minutes() -> None:
    hours = taf.activity(frame([at("2026-04-04T14:00"), at("2026-04-04T15:45")]), freq="h", tz="Australia/Lord_Howe")

    assert [f"{hour:%H:%M%z}" for hour in hours["period"]] == ["01:00+1100", "01:30+1030", "02:00+1030"]


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize("library", LIBRARIES)
@given(
    drawn=rows(st.integers(0, 200).map(lambda hours: START + timedelta(hours=hours)), max_size=12),
    by=st.none() | st.sampled_from(["user", "account_group", "event", "ip_address"]),
    top=st.none() | st.integers(1, 3),
    freq=st.sampled_from(FREQS),
)
@settings(max_examples=examples(10), deadline=None)
def test_every_library_gives_the_same(
    library: str, drawn: list[Row], by: str | None, top: int | None, freq: str
) -> None:
    events = table(drawn)

    counts = taf.activity(LIBRARIES[library](events), freq=freq, by=by, top=top, tz="Asia/Kathmandu")

    expected = taf.activity(LIBRARIES["pandas"](events), freq=freq, by=by, top=top, tz="Asia/Kathmandu")
    pd.testing.assert_frame_equal(counts, expected)


@given(drawn=rows(), by=st.sampled_from(["user", "event"]), top=st.none() | st.integers(1, 3))
@settings(max_examples=examples(40), deadline=None)
def test_counts_add_up_to_the_summary_of_events_with_a_date(drawn: list[Row], by: str, top: int | None) -> None:
    dated = [row for row in drawn if row["date"] is not None]
    keys = ["uid", "user"] if by == "user" else ["event"]

    counts = taf.activity(table(drawn), freq="D", by=by, top=top)

    totals = counts.groupby(keys, dropna=False, sort=False)["events"].sum().reset_index()
    summary = taf.summarize(table(dated), by=by, top=top)[[*keys, "events"]]
    expected = summary.groupby(keys, dropna=False, sort=False)["events"].sum().reset_index()
    pd.testing.assert_frame_equal(totals, expected)
    assert list(counts.columns) == ["period", *keys, "events", "complete"]


def test_every_value_has_a_row_in_every_period_in_the_order_of_the_summary() -> None:
    drawn = [
        {"date": at("2026-03-01T10:00"), "event": "seldom"},
        {"date": at("2026-03-03T10:00"), "event": "often"},
        {"date": at("2026-03-03T11:00"), "event": "often"},
    ]

    counts = taf.activity(table(drawn), by="event")

    assert counts[["event", "events"]].to_numpy().tolist() == [
        *[["often", 0], ["seldom", 1]],
        *[["often", 0], ["seldom", 0]],
        *[["often", 2], ["seldom", 0]],
    ]


def test_a_list_counts_every_combination_separately() -> None:
    drawn = [{"date": START, "aid": aid, "event": event} for aid, event in (("1", "a"), ("1", "b"), ("2", "a"))]

    counts = taf.activity(table(drawn), by=["account_group", "event"])

    assert list(counts.columns) == ["period", "aid", "account_group_name", "event", "events", "complete"]
    assert counts[["aid", "event"]].to_numpy().tolist() == [["1", "a"], ["1", "b"], ["2", "a"]]


def test_two_users_with_the_same_name_stay_separate() -> None:
    drawn = [{"date": START, "uid": uid, "user": "Ada"} for uid in ("7", "8", None)]

    counts = taf.activity(table(drawn), by="user")

    assert counts["uid"].fillna("-").to_list() == ["7", "8", "-"]
    assert counts["user"].to_list() == ["Ada"] * 3


def test_without_a_receipt_the_first_and_last_period_are_incomplete() -> None:
    counts = taf.activity(frame([at("2026-03-01T10:00"), at("2026-03-04T10:00")]))

    assert counts["complete"].to_list() == [False, True, True, False]


def test_a_covered_period_without_events_is_complete() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-05T12:00:00Z"}

    counts = taf.activity(frame([at("2026-03-03T10:00")], resolved=resolved))

    assert [f"{day:%d}" for day in counts["period"]] == ["01", "02", "03", "04", "05"]
    assert counts["events"].to_list() == [0, 0, 1, 0, 0]
    assert counts["complete"].to_list() == [True, True, True, True, False]


def test_a_covered_end_is_excluded() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z"}

    counts = taf.activity(frame([], resolved=resolved))

    assert [f"{day:%d}" for day in counts["period"]] == ["01", "02"]
    assert counts["complete"].all()


def test_events_outside_of_what_is_covered_are_shown_as_incomplete() -> None:
    resolved = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-03T00:00:00Z"}

    counts = taf.activity(frame([at("2026-03-01T10:00"), at("2026-03-04T00:00")], resolved=resolved))

    assert counts["complete"].to_list() == [False, True, False, False]


def test_the_future_of_a_fetch_is_not_covered() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"}

    counts = taf.activity(frame([at("2026-03-01T10:00")], resolved=resolved, fetched_at="2026-03-02T12:00:00Z"))

    assert counts["complete"].to_list() == [True, False]


def test_an_incomplete_fetch_makes_no_period_complete() -> None:
    resolved = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-04T00:00:00Z"}

    counts = taf.activity(frame([at("2026-03-02T10:00")], resolved=resolved, complete=False))

    assert counts["events"].to_list() == [0, 1, 0]
    assert not counts["complete"].any()


def test_a_receipt_of_saved_pages_has_no_period_to_read() -> None:
    assert len(taf.activity(frame([at("2026-03-02T10:00")], resolved=None, complete=True))) == 1


def test_periods_long_before_any_event_are_not_listed() -> None:
    resolved = {"start": "1900-01-01T00:00:00Z", "end": "2026-03-04T00:00:00Z"}

    counts = taf.activity(frame([at("2026-03-02T10:00")], resolved=resolved), freq="MS")

    assert counts["period"].iloc[0].year == 1990


@pytest.mark.few
@pytest.mark.parametrize("by", [None, "user", "event"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_an_empty_frame_has_the_same_columns_and_types(library: str, by: str | None) -> None:
    empty = taf.activity(LIBRARIES[library](table([])), by=by, tz="Europe/Berlin", top=None)

    assert len(empty) == 0
    full = taf.activity(table([{"date": START, "event": "a", "uid": "7"}]), by=by, tz="Europe/Berlin")
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


@pytest.mark.parametrize("tz", ["", "CET/", "Berlin", "../etc/passwd", "+02:00", 2, None])
def test_a_wrong_zone_is_refused(tz: object) -> None:
    with pytest.raises(taf.InvalidArgument, match=r'tz: .*tz="Europe/Berlin"'):
        taf.activity(table([]), tz=tz)  # type: ignore[arg-type]


@pytest.mark.parametrize("tz", [ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=5, minutes=45))])
def test_a_zone_may_be_given_as_an_object(tz: Any) -> None:
    counts = taf.activity(frame([at("2026-03-02T18:20")]), tz=tz)

    assert counts["period"].iloc[0] == datetime(2026, 3, 3, tzinfo=tz)


@pytest.mark.parametrize("freq", ["d", "M", "day", "15min", "", None, ["D"]])
def test_a_wrong_freq_is_refused(freq: object) -> None:
    with pytest.raises(taf.InvalidArgument, match=r'freq: .*freq="D"'):
        taf.activity(table([]), freq=freq)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["nothing", ["user", "user"], ["user", "uid"], [], "", 3, [["user"]]])
def test_a_wrong_by_is_refused(by: object) -> None:
    with pytest.raises(taf.InvalidArgument, match="by: "):
        taf.activity(table([]), by=by)  # type: ignore[arg-type]


@pytest.mark.parametrize("year", [1, 1970, 2101, 9999])
def test_implausible_dates_are_refused_by_name(year: int) -> None:
    with pytest.raises(taf.InvalidArgument, match=rf"{year:04}-06-01.*Leave out the implausible"):
        taf.activity(frame([datetime(year, 6, 1, tzinfo=UTC), START]))


def test_too_many_rows_are_refused_and_top_is_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [{"date": START + timedelta(days=day), "ip_address": f"10.0.0.{day}"} for day in range(20)]
    monkeypatch.setattr(activity_module, "MOST_ROWS", 200)

    with pytest.raises(taf.InvalidArgument, match=r"20 values of 'ip_address' in 20 periods.*top=20"):
        taf.activity(table(drawn), by="ip_address")
    assert len(taf.activity(table(drawn), by="ip_address", top=3)) == 20 * 4


def test_only_needed_columns_are_required() -> None:
    dates = frame([START])[["date"]]

    assert taf.activity(dates)["events"].to_list() == [1]
    with pytest.raises(taf.NotAnAuditFrame, match="'event'"):
        taf.activity(dates, by="event")


def test_hours_add_up_to_a_week_by_the_wall_clock() -> None:
    dates = [at("2026-10-25T00:30"), at("2026-10-25T01:30"), at("2026-10-19T22:00")]  # two o'clock strikes twice

    week = hours_of_week(taf.activity(frame(dates), freq="h", tz="Europe/Berlin"))

    assert week.shape == (7, 24)
    assert week.index[0] == "Monday"
    assert week.loc["Sunday", 2] == 2
    assert week.loc["Tuesday", 0] == 1
    assert week.to_numpy().sum() == len(dates)
