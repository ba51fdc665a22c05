"""The sections on activity, hours of the week, who, what and where: their numbers, their pictures and their words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from support.histories import event, frame
from support.report_pages import EVENTS, SVG, Page, subject, whole, write

import te_audit_frames as taf
from te_audit_frames.report.activity_sections import (
    TOP,
    choose_freq,
    describe_activity,
    describe_heatmap,
    describe_what,
    describe_where,
    describe_who,
)
from te_audit_frames.report.blocks import Paragraph, Table


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    sections = ["activity", "heatmap", "who", "what", "where"]
    return write(EVENTS, tmp_path_factory.mktemp("report"), tz="Europe/Berlin", sections=sections)


def test_the_tables_have_the_numbers_of_the_package(page):
    daily = taf.activity(EVENTS, freq="D", tz="Europe/Berlin")
    assert [whole(cell) for cell in page.column("activity-table", "Events")] == daily["events"].tolist()
    assert page.column("activity-table", "Day") == daily["period"].dt.strftime("%Y-%m-%d").tolist()
    week = [[whole(cell) for cell in row[1:]] for row in page.tables["heatmap-table"][1:]]
    assert sum(map(sum, week)) == len(EVENTS)
    for by, name in (("user", "user"), ("event", "event"), ("account_group", "account-group")):
        assert [whole(cell) for cell in page.column(f"{name}-table", "Events")] == taf.summarize(EVENTS, by=by)[
            "events"
        ].tolist()


def test_the_pictures_have_the_numbers_of_the_tables(page):
    bars = {"".join(each.itertext()).strip() for svg in page.pictures for each in svg.iter(f"{SVG}text")}
    for table in ("user-table", "event-table", "account-group-table", "ip-address-table"):
        assert set(page.column(table, "Events")) <= bars
    heights = [each for svg in page.pictures for each in svg.iter(f"{SVG}path") if each.get("class") == "bar"]
    drawn = re.findall(r"v(-[\d.]+)h", str(heights[1].get("d")))
    events = [number for number in taf.activity(EVENTS, tz="Europe/Berlin")["events"][1:-1] if number]
    ratios = [float(height) / number for height, number in zip(drawn, events, strict=True)]
    assert max(ratios) - min(ratios) < 0.1


def test_groups_beyond_the_largest_are_one_row(tmp_path):
    many = frame(*(event(number, f"Event {number % 40}.", str(number % 40)) for number in range(100)))
    page = write(many, tmp_path, sections=["what"])
    numbers = [whole(cell) for cell in page.column("event-table", "Events")]
    assert len(numbers) == 16
    assert sum(numbers) == 100
    assert page.column("event-table", "Type of event")[-1] == "All others (25)"


def test_people_of_one_name_have_two_bars(tmp_path):
    page = write(frame(event(0, "x", "1", user="Ada"), event(1, "x", "2", user="Ada")), tmp_path, sections=["who"])
    names = ["".join(each.itertext()) for each in page.pictures[0].iter(f"{SVG}text") if each.get("class") == "name"]
    assert sorted(names) == ["Ada [1]", "Ada [2]"]


def test_events_without_a_person_or_an_account_group_are_counted_as_none_everywhere(tmp_path):
    none = {"user": None, "aid": None, "account_group_name": None}
    some = frame(event(0, "Test deleted."), *(event(n, "Test deleted.", None, **none) for n in (1, 2)))
    page = write(some, tmp_path, sections=["who", "where", "deletions"])
    assert "1 person, 1 account group, 1 type of event." in page.words
    assert "1 person; the first has 33% of all events. 2 events without a person: (none)." in page.words
    assert "1 account group; the first has 33% of all events. 2 events without an account group: (none)." in page.words
    assert "3 deletions by 1 person and (none)" in page.words
    page = write(frame(event(0, "x", None, **none)), tmp_path, sections=["where"])
    assert "0 account groups. 1 event without an account group: (none)." in page.words


@pytest.mark.parametrize(
    ("days", "heading"),
    [
        (30, "Day"),
        *(pytest.param(*each, marks=pytest.mark.full) for each in ((0.5, "Hour"), (700, "Week"), (5_000, "Month"))),
    ],
)
def test_every_length_of_time_has_a_picture(days, heading, tmp_path):
    page = write(frame(event(0, "x"), event(1440 * days, "x")), tmp_path, sections=["activity"], tz="America/St_Johns")
    assert page.tables["activity-table"][0][0] == heading
    assert sum(whole(cell) for cell in page.column("activity-table", "Events")) == 2


@pytest.mark.parametrize(
    ("days", "freq"),
    [(0, "h"), (3, "h"), (3.01, "D"), (123, "D"), (123.1, "W"), (1100, "W"), (1101, "MS"), (3_650_000, "MS")],
)
def test_a_longer_time_is_drawn_in_longer_periods(days, freq):
    assert choose_freq(days) == freq


def said(section):
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def table(section):
    (found,) = (block for block in section.blocks if isinstance(block, Table))
    return {column.name: list(column.cells) for column in found.columns}


@pytest.mark.parametrize("events", [EVENTS.iloc[:0], frame({"event": "Undated.", "uid": "7"})])
def test_without_dates_there_is_a_sentence_in_place_of_a_picture(events):
    for describe in (describe_activity, describe_heatmap):
        assert said(describe(subject(events))) == ["There are no events with a date."]
        assert len(describe(subject(events)).blocks) == 1


def test_without_events_nobody_is_first():
    for describe in (describe_who, describe_what):
        assert said(describe(subject(EVENTS.iloc[:0]))) == ["There are no events."]


@pytest.mark.full
def test_one_event_is_one_period_and_all_of_the_week():
    one = subject(frame(event(0, "x")), zone=ZoneInfo("Asia/Kathmandu"))
    assert said(describe_activity(one))[0].startswith("1 event in 1 hour, 1 in the median hour, and 1 at most (")
    assert table(describe_activity(one))["Hour"] == ["2026-03-02 13:00+0545"]
    assert said(describe_heatmap(one))[0].startswith(
        "By the clock of Asia/Kathmandu: 100% of the events are from Monday"
    )


def test_the_hour_that_a_night_has_twice_is_two_hours():
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    twice = frame(event(0, "x", date=start), event(0, "x", date=start.replace(hour=1)))
    hours = table(describe_activity(subject(twice, zone=ZoneInfo("Europe/Berlin"))))["Hour"]
    assert hours == ["2026-10-25 02:00+0200", "2026-10-25 02:00+0100"]


@pytest.mark.full
def test_as_many_groups_as_are_shown_leave_no_others():
    some = frame(*(event(number, f"Event {number}.") for number in range(TOP)))
    assert len(table(describe_what(subject(some)))["Type of event"]) == TOP
    more = frame(*(event(number, f"Event {number}.") for number in range(TOP + 1)))
    assert table(describe_what(subject(more)))["Type of event"][TOP:] == ["All others (1)"]
    assert "all others together have 6.2%" in said(describe_what(subject(more)))[0]


def test_others_that_have_no_name_are_said_to_be_among_them():
    rows = [event(number, f"Event {number % TOP}.") for number in range(2 * TOP)]
    found = table(describe_what(subject(frame(*rows, event(0, None)))))
    assert found["Type of event"][-1] == "All others (0 and (none))"
    assert found["Events"][-1] == "1"


@pytest.mark.full
def test_where_has_a_heading_only_for_what_the_events_have():
    headings = [
        [block.text for block in describe_where(subject(EVENTS[["date", *columns]])).blocks if block.kind == "heading"]
        for columns in (["aid"], ["ip_address"], ["account_group_name", "ip_address"])
    ]
    assert headings == [["Account groups"], ["Addresses"], ["Account groups", "Addresses"]]
