"""The report: a page that needs nothing else, says what is not known first, and takes no name for anything but text."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from support.chromium import axe, browser
from support.frames import with_receipt
from support.histories import SOURCES, START, archive_of, event, frame
from support.hostile_text import PAYLOADS
from support.permissions import unwritable_folder

import te_audit_frames as taf
from te_audit_frames.report.coverage import describe_archive
from te_audit_frames.report.section_names import SECTIONS
from te_audit_frames.report.subject import Subject
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import to_arrow

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "img", "source"}


class Page(HTMLParser):
    """A page, as a parser sees it: its tags with their attributes, its tables, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.open: list[str] = []
        self.text: list[str] = []
        self.style = ""
        self._key = ""
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "caption":
            self._key = str(dict(attrs)["id"])
            self.tables[self._key] = []
        elif tag == "tr":
            self.tables[self._key].append([])
        elif tag in ("th", "td"):
            self.tables[self._key][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        self.text.append(data)
        if "th" in self.open or "td" in self.open:
            self.tables[self._key][-1][-1] += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())

    def column(self, table: str, name: str) -> list[str]:
        head, *rows = self.tables[table]
        return [row[head.index(name)] for row in rows]

    @property
    def pictures(self) -> list[ET.Element]:
        uris = [str(value) for attrs in self.all("img", "source") for name, value in attrs.items() if "src" in name]
        return [ET.fromstring(base64.b64decode(uri.removeprefix("data:image/svg+xml;base64,"))) for uri in uris]


def whole(text: str) -> int:
    return int(text.replace(",", ""))


def write(events: Any, folder: Path, **options: Any) -> Page:
    path = folder / "report.html"
    digest = taf.write_report(events, path, **options)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    return Page(path.read_text("utf-8"))


def make_events() -> pd.DataFrame:
    """Make three weeks of what Ada and Ben do at work, and a night in which Ben deletes a lot and becomes an admin."""
    days = [day for day in range(21) if day % 7 < 5]
    work = [
        event(1440 * day + 60 * uid, text, str(uid), ip_address=f"203.0.113.{uid}")
        for day in days
        for uid in (7, 8)
        for text in ("User login.", "Test updated.")
    ]
    night = [event(1440 * 20 + 900 + n / 4, "Test deleted.", "8", ip_address="198.51.100.1") for n in range(30)]
    role = [{"type": "userDisplayName", "name": "Ben"}, {"type": "roleName", "name": "Admin"}]
    night.append(event(1440 * 20 + 920, "Role assigned.", "8", resources=role))
    return frame(*sorted([*work, *night], key=lambda row: row["date"]))


EVENTS = make_events()
RUNS = ["find_runs"]


@cache
def reviewed() -> taf.Review:
    """Review the events, once for those tests that need it."""
    return taf.review(EVENTS)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(EVENTS, tmp_path_factory.mktemp("report"), review=reviewed(), tz="Europe/Berlin")


# ---- a page that needs nothing else ------------------------------------------------------------------------------


def test_it_has_no_script_and_loads_nothing(page):
    assert not page.all("script", "link", "iframe", "object", "embed", "form", "base", "svg")
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], (tag, attrs)
        for name in ("src", "srcset"):
            assert (attrs.get(name) or "data:image/svg+xml;base64,").startswith("data:image/svg+xml;base64,")
        assert (attrs.get("href") or "#").startswith("#")
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_its_policy_allows_its_own_style_and_pictures_that_it_carries_and_nothing_else(page):
    assert len(page.all("style")) == 1
    policy = next(each["content"] for each in page.all("meta") if each.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    stated = [part.strip() for part in str(policy).split(";")]
    assert stated[:3] == ["default-src 'none'", f"style-src 'sha256-{digest}'", "img-src data:"]


def test_every_link_leads_somewhere_and_no_id_is_there_twice(page):
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert max(ids.values()) == 1
    for attrs in page.all("a"):
        assert str(attrs["href"])[1:] in ids
    for _, attrs in page.tags:
        assert set(str(attrs.get("aria-labelledby", "main")).split()) <= set(ids)


def test_without_the_section_of_evidence_no_link_leads_there(tmp_path):
    page = write(EVENTS, tmp_path, review=reviewed(), sections=["findings"])
    assert {attrs["href"] for attrs in page.all("a")} == {"#main", "#findings"}


def test_headings_landmarks_tables_and_pictures_are_named(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.all("html") == [{"lang": "en"}]
    assert all(len(page.all(name)) == 1 for name in ("header", "nav", "main", "footer"))
    assert all(attrs["alt"] for attrs in page.all("img"))
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.all("th"))
    assert len(page.tables) == len(page.all("table"))
    assert all(rows[0] and all(rows[0]) for rows in page.tables.values())


def test_the_verdict_is_first_and_the_sections_follow_in_their_order(page):
    assert [attrs["id"] for attrs in page.all("section")] == ["verdict", *SECTIONS]


@pytest.mark.full
def test_the_same_events_give_the_same_bytes_elsewhere_and_at_another_time(tmp_path):
    taf.write_parquet(EVENTS, tmp_path / "events.parquet")
    code = (
        "import sys; sys.modules['matplotlib'] = None; import te_audit_frames as taf\n"
        "events = taf.read_parquet('events.parquet')\n"
        "review = taf.review(events, checks=['find_runs'])\n"
        "print(taf.write_report(events, 'there.html', review=review, tz='Asia/Tokyo'))"
    )
    elsewhere = os.environ | {"PYTHONHASHSEED": "7", "TZ": "America/New_York", "LC_ALL": "C", "COLUMNS": "40"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )
    events = taf.read_parquet(tmp_path / "events.parquet")
    here = taf.write_report(events, tmp_path / "here.html", review=taf.review(events, checks=RUNS), tz="Asia/Tokyo")
    assert done.stdout.strip() == here


@pytest.mark.full
def test_a_report_on_three_months_can_go_with_a_mail(tmp_path):
    with Sandbox(events=3_000, days=90, seed=0, incidents=True) as api:
        events = taf.Client(token=api.token, base_url=api.url).fetch_events(window="91d")
    write(events, tmp_path, review=taf.review(events))
    assert (tmp_path / "report.html").stat().st_size < 400_000


# ---- numbers -----------------------------------------------------------------------------------------------------


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


def test_findings_people_and_evidence_are_those_of_the_review(page):
    above = reviewed().findings[reviewed().findings["severity"] != "info"]
    assert len(above) > 0
    assert len(page.all("li")) >= len(above)
    assert all(why in page.words for why in above["why"])
    assert page.column("people", "Person") == reviewed().people["user"].tolist()
    assert [whole(cell) for cell in page.column("people", "Score")] == reviewed().people["score"].tolist()
    for number in above.index:
        events = reviewed().evidence(int(number)).head(20)
        times = events["date"].dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d %H:%M:%S").tolist()
        assert page.column(f"evidence-table-{number}", "Time") == times
        has_resources = events["resources"].map(lambda value: hasattr(value, "__len__") and len(value) > 0).any()
        assert ("Resources" in page.tables[f"evidence-table-{number}"][0]) == has_resources


def test_changes_of_access_and_deletions_are_listed(page):
    assert page.column("access-table", "Whose access") == ["Ben"]
    assert page.column("access-table", "Of oneself") == ["yes"]
    assert page.column("runs-table", "Deletions")[0] == "30"
    assert "Note" not in page.tables["access-table"][0]  # no change has one
    assert page.column("deleting-table", "Type of event") == ["Test deleted."]


@pytest.mark.full
def test_evidence_is_found_in_any_order_of_rows(tmp_path, page):
    shuffled = EVENTS.sample(frac=1, random_state=1)
    other = write(shuffled, tmp_path, review=taf.review(shuffled, checks=RUNS), sections=["evidence"])
    assert len(other.tables["evidence-table-0"]) == 21


@pytest.mark.full
@pytest.mark.parametrize("library", ["polars", "pyarrow", "duckdb"])
def test_every_library_gives_the_same_numbers(library, page, tmp_path):
    given = SOURCES[library](to_arrow(EVENTS))
    tables = write(given, tmp_path, tz="Europe/Berlin").tables
    assert {key: page.tables[key] for key in tables} == tables
    assert len(tables) > 8


@pytest.mark.full
def test_an_archive_is_its_own_coverage(tmp_path):
    fetched = with_receipt(
        EVENTS.copy(), source="api", resolved={"start": START.isoformat(), "end": "2026-04-01T00:00:00Z"}
    )
    with archive_of(fetched) as archive:
        page = write(archive, tmp_path, review=taf.review(archive, checks=RUNS), sections=["completeness", "who"])
    assert "of the period, the archive has" in page.words
    assert [whole(cell) for cell in page.column("user-table", "Events")] == taf.summarize_by_user(EVENTS)[
        "events"
    ].tolist()


# ---- what is not known -------------------------------------------------------------------------------------------

PERIOD = {"start": "2026-03-02T00:00:00+00:00", "end": "2026-03-23T12:00:00+00:00"}


@pytest.mark.full
@pytest.mark.parametrize(
    ("stated", "verdict"),
    [
        ({"source": "api", "resolved": PERIOD}, "Are these all events? Yes"),
        ({"source": "api", "resolved": PERIOD, "complete": False}, "Are these all events? No Not every event"),
        (
            {"source": "api", "resolved": PERIOD, "events": 1_000},
            "Are these all events? Not known The receipt is about",
        ),
        ({"source": "pages", "complete": False}, "Are these all events? Not known They were read from saved pages"),
        (
            {"source": "api", "resolved": PERIOD, "filters": [{"label": "x", "digest": "", "kept": 91, "of": 99}]},
            "Are these all events? No, a selection",
        ),
    ],
)
def test_the_verdict_claims_no_more_than_the_receipt(stated, verdict, tmp_path):
    page = write(with_receipt(EVENTS.copy(), **stated), tmp_path, sections=["completeness"])
    assert verdict in re.sub(r" +", " ", page.words.replace("?", "? "))


@pytest.mark.full
def test_without_receipt_and_review_nothing_is_claimed(tmp_path):
    page = write(EVENTS, tmp_path)
    assert "Not known The events carry no receipt" in page.words
    assert "Not reviewed No check was made" in page.words
    assert "Nothing found" not in page.words


@pytest.mark.full
def test_nothing_found_is_not_said_if_a_check_could_not_be_made(tmp_path):
    quiet = frame(event(0, "Test updated."))
    review = taf.review(quiet, checks=["find_runs", "find_dormant_users"])
    assert (review.assessed["status"] == "not assessed").any()
    page = write(quiet, tmp_path, review=review)
    assert "Not known Nothing was found, but not everything was looked at" in page.words
    assert page.column("assessed", "Assessed").count("no") == (review.assessed["status"] == "not assessed").sum()


@pytest.mark.full
def test_the_days_that_an_archive_lacks_are_listed(tmp_path):
    gap = frame(event(0, "x"), event(1440 * 3, "x"))
    with archive_of(gap) as archive:
        page = write(gap, tmp_path, archive=archive)
    assert "Are these all events?No" in page.words.replace("? ", "?")
    assert page.tables["coverage"][1:] == [
        ["2026-03-02", "2026-03-02", "1", "read in part", "1"],
        ["2026-03-03", "2026-03-04", "2", "never read", "0"],
        ["2026-03-05", "2026-03-05", "1", "read in part", "1"],
    ]


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """Return an archive whose days are complete, and all its events."""
    events = EVENTS.iloc[::8]
    period = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-23T00:00:00Z"}
    scope = {"aid": None, "all_account_groups": True}
    with archive_of(
        with_receipt(events.copy(), source="api", resolved=period, scope=scope, fetched_at="2026-04-30T00:00:00Z")
    ) as archive:
        yield archive, archive.load(start="2026-03-02", end="2026-03-23")


def test_an_archive_that_settled_with_fewer_events_of_a_day_is_not_theirs(settled, tmp_path):
    archive, events = settled
    page = write(events, tmp_path, archive=archive, sections=["completeness"])
    assert "Are these all events? Yes" in page.words.replace("?", "? ").replace("  ", " ")
    assert "What the token could see: all account groups." in page.words
    twice = pd.concat([events, events.iloc[3:4]]).sort_values("date")
    for more in (twice, SOURCES["polars"](to_arrow(twice))):
        with pytest.raises(taf.InvalidArgument, match=r"archive: the events are not from it: on 2026-03-\d\d \(UTC\)"):
            taf.write_report(more, tmp_path / "report.html", archive=archive)


def test_what_is_said_of_the_archive_of_pseudonymized_events_names_no_account_group(settled):
    archive, events = settled
    subject = Subject.of(events, review=None, archive=archive, zone=UTC, sections=["completeness"])
    narrowed = archive.coverage().assign(scope="all account groups, without 4711")
    text = str(describe_archive(replace(subject, coverage=narrowed)))
    assert "could see: all account groups, on some days without some of them." in text
    assert "4711" not in text


def test_the_verdict_compares_the_receipt_with_the_archive(settled, tmp_path):
    archive, events = settled
    fewer = {"source": "api", "scope": {"aid": None, "all_account_groups": True}, "resolved": PERIOD}
    page = write(with_receipt(events.iloc[:-2].copy(), **fewer), tmp_path, archive=archive, sections=["completeness"])
    assert (
        "No longer Every event from 2026-03-02 00:00 to 2026-03-23 12:00 arrived when they were fetched" in page.words
    )
    assert f"The archive has {len(events)} events of the period" in page.words
    one_group = fewer | {"scope": {"aid": "1", "all_account_groups": False}}
    page = write(
        with_receipt(events.iloc[:-2].copy(), **one_group), tmp_path, archive=archive, sections=["completeness"]
    )
    assert "Yes Every event from" in page.words
    assert "The archive has" in page.words


def test_an_archive_of_another_period_lacks_every_day(settled, tmp_path):
    archive, _ = settled
    later = frame(*(event(1440 * (60 + day), "x") for day in range(3)))
    page = write(later, tmp_path, archive=archive, sections=["completeness"])
    assert "No The archive does not cover the period." in page.words
    assert "3 events of the report are not in the archive" in page.words
    assert page.tables["coverage"][1:] == [["2026-05-01", "2026-05-03", "3", "never read", "0"]]


@pytest.mark.full
@pytest.mark.parametrize("events", [EVENTS.iloc[:0], frame({"event": "Undated.", "uid": "7"})])
def test_no_events_and_no_dates_are_said(events, tmp_path):
    page = write(events, tmp_path, review=taf.review(events, checks=RUNS))
    assert "There are no events with a date." in page.words
    assert f"{len(events)} event" in page.words


def test_a_missing_column_is_said_and_costs_one_section(tmp_path):
    page = write(EVENTS[["date", "event"]], tmp_path)
    assert "the events have no column uid or user" in page.words
    assert "the events have no column aid or account_group_name or ip_address" in page.words
    assert page.column("event-table", "Events")


UNDATED = [
    {"event": "Test deleted.", "uid": "7", "user": "Ada"},
    {"event": "Role assigned.", "uid": "7", "user": "Ada"},
]


@pytest.mark.parametrize(
    "library", ["pandas", *(pytest.param(name, marks=pytest.mark.full) for name in SOURCES if name != "pandas")]
)
def test_sections_that_need_dates_say_how_many_events_they_did_not_look_at(library, tmp_path):
    given = SOURCES[library](to_arrow(frame(event(0, "Test updated."), *UNDATED)))
    page = write(given, tmp_path, sections=["access", "deletions"])
    assert "Among dated events, nothing was deleted. 2 events without a date were not looked at." in page.words
    assert "Among dated events, no event changed who may do what. 2 events without" in page.words
    given = SOURCES[library](to_arrow(frame(event(0, "Test deleted."), *UNDATED)))
    page = write(given, tmp_path, sections=["deletions"])
    assert "1 deletion by 1 person" in page.words
    assert page.column("deleting-table", "Events") == ["1"]
    assert "2 events without a date were not looked at." in page.words


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


def test_the_verdict_says_why_events_are_missing_whatever_the_sections(tmp_path):
    some = with_receipt(EVENTS.copy(), source="api", resolved=PERIOD, complete=False, notes=["page 3 was refused"])
    page = write(some, tmp_path, sections=["who"])
    assert "Not every event of the period arrived: page 3 was refused." in page.words


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


# ---- names are text ----------------------------------------------------------------------------------------------


def test_hostile_names_are_text_in_the_page_and_in_its_pictures(page, tmp_path):
    plain = page
    names = [text for text in PAYLOADS if not re.search("[\ud800-\udfff]", text)]
    rows = [
        event(number / 6, f"Test deleted. {name}", name, user=name, aid=name, account_group_name=name, ip_address=name)
        | {"resources": [{"type": name, "name": name}]}
        for number, name in enumerate(names)
    ]
    rows += [event(60 + number / 60, "Test deleted.", names[0], user=names[0]) for number in range(40)]
    hostile = frame(*rows)
    title = "".join(PAYLOADS)
    page = write(hostile, tmp_path, review=taf.review(hostile, checks=RUNS), title=title)
    for page_tag in ("script", "img", "source"):
        assert {frozenset(attrs) for attrs in page.all(page_tag)} <= {frozenset(attrs) for attrs in plain.all(page_tag)}
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"bdi", "a", "code", "ol"}
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "<script>alert(1)</script>" in page.words
    drawn = {each.tag.rpartition("}")[2] for svg in page.pictures for each in svg.iter()}
    assert drawn == {"svg", "style", "defs", "pattern", "path", "text"}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "".join(page.text))


def test_a_name_of_many_letters_costs_a_line(tmp_path):
    long = frame(event(0, "x" * 50_000, "y" * 50_000, user="z\u0301" * 25_000))
    write(long, tmp_path, sections=["who", "what", "activity"])
    assert (tmp_path / "report.html").stat().st_size < 60_000


# ---- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "."}, taf.FileError, "Give the path of a file, not of a folder"),
        ({"path": "new/"}, taf.InvalidArgument, "'new/' ends like a folder"),
        ({"path": "missing/report.html"}, taf.MissingFile, "No such folder"),
        ({"path": ""}, taf.InvalidArgument, "is not a path"),
        ({"events": pd.DataFrame({"price": [1]})}, taf.NotAnAuditFrame, "has none of the columns"),
        ({"events": pd.DataFrame()}, taf.NotAnAuditFrame, "has none of the columns"),
        ({"events": EVENTS.drop(columns="date")}, taf.NotAnAuditFrame, "no column 'date'"),
        ({"events": EVENTS.assign(date="yesterday")}, taf.NotAnAuditFrame, "not timestamps"),
        ({"events": 7}, taf.InvalidArgument, "not a supported frame"),
        (
            {"events": EVENTS.iloc[:5], "review": reviewed},
            taf.InvalidArgument,
            f"it has read {len(EVENTS)} events from 2026-03-02",
        ),
        ({"events": EVENTS.assign(uid="9"), "review": reviewed}, taf.InvalidArgument, "it is of other events"),
        ({"review": "review"}, taf.InvalidArgument, "str is not a review"),
        ({"archive": "te-audit/"}, taf.InvalidArgument, "str is not an archive"),
        ({"sections": ["who", "whom"]}, taf.InvalidArgument, "'whom' is not one of completeness, findings, activity"),
        ({"sections": "who"}, taf.InvalidArgument, "give a list of sections"),
        ({"sections": []}, taf.InvalidArgument, "give a list of sections"),
        ({"title": " "}, taf.InvalidArgument, "title: ' '"),
        ({"tz": "Mars"}, taf.InvalidArgument, "tz: 'Mars'"),
    ],
)
def test_bad_input_gets_an_error_and_leaves_nothing(options, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"events": EVENTS, "path": "report.html", "sections": ["what"]} | options
    if arguments.get("review") is reviewed:
        arguments["review"] = reviewed()
    with pytest.raises(error, match=re.escape(message)):
        taf.write_report(arguments.pop("events"), arguments.pop("path"), **arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_writable_is_an_error_and_keeps_its_files(tmp_path):
    taf.write_report(EVENTS[:5], tmp_path / "report.html", sections=["who"])  # imports everything
    with unwritable_folder("report.html") as folder:
        for name in ("report.html", "new.html"):
            with pytest.raises(taf.FileError, match="Check the permissions"):
                taf.write_report(EVENTS[:5], folder / name, sections=["who"])
        assert [(file.name, file.stat().st_size) for file in folder.iterdir()] == [("report.html", 0)]


def test_an_equal_frame_may_have_the_review_and_the_accessor_writes_the_same(tmp_path):
    digests = {
        taf.write_report(EVENTS.copy(), tmp_path / "a.html", review=reviewed(), sections=["findings"]),
        taf.AuditAccessor(EVENTS).write_report(tmp_path / "b.html", review=reviewed(), sections=["findings"]),
    }
    assert len(digests) == 1


CHANGES = {
    "a value": lambda events: events.__setitem__("uid", "9"),
    "a cell": lambda events: events.loc.__setitem__((3, "event"), "Test deleted."),
    "resources": lambda events: events.__setitem__("resources", events["resources"].iloc[::-1].array),
    "fewer rows": lambda events: events.drop(index=range(20), inplace=True),
    "fewer columns": lambda events: events.pop("user"),
    "a cell in Polars": lambda events: events.__setitem__((3, "event"), "Test deleted."),
}


@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize(
    "change", [pytest.param(name, marks=[] if name == "a cell" else pytest.mark.full) for name in CHANGES]
)
def test_a_review_is_refused_if_its_events_were_changed_in_place(change, tmp_path):
    events = SOURCES["polars"](to_arrow(EVENTS)) if "Polars" in change else EVENTS.copy()
    review = taf.review(events, checks=RUNS)
    taf.write_report(events, tmp_path / "report.html", review=review, sections=["findings"])
    CHANGES[change](events)
    with pytest.raises(taf.InvalidArgument, match="they have changed since"):
        taf.write_report(events, tmp_path / "report.html", review=review)


@pytest.mark.full
def test_a_review_is_refused_if_its_archive_has_grown(tmp_path):
    with archive_of(EVENTS.iloc[:20]) as archive, archive_of(EVENTS) as grown:
        review = taf.review(archive, checks=RUNS)
        taf.write_report(archive, tmp_path / "report.html", review=review, sections=["findings"])
        shutil.copytree(grown.location, archive.location, dirs_exist_ok=True)
        with pytest.raises(taf.InvalidArgument, match=f"it has read 20 events .* about {len(EVENTS)} events"):
            taf.write_report(taf.Archive(archive.location), tmp_path / "report.html", review=review)


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


# ---- in a browser ------------------------------------------------------------------------------------------------


def test_axe_finds_nothing_at_any_width_in_light_and_dark(tmp_path):
    source = axe()
    taf.write_report(EVENTS, tmp_path / "report.html", review=reviewed())
    with browser(tmp_path / "profile") as chromium:
        for width in (1400, 400):
            for scheme in ("light", "dark"):
                chromium.open(tmp_path / "report.html", width=width, scheme=scheme)
                entries = [one for one in chromium.events if one.get("method") == "Log.entryAdded"]
                assert not entries  # a policy that forbids something of its own would be there
                chromium.run(f"{source}; document.querySelectorAll('details').forEach(one => one.open = true)")
                found = chromium.run("axe.run().then(done => done.violations.map(one => one.id + one.nodes[0].html))")
                assert found == []
                room = chromium.run("document.documentElement.clientWidth")
                assert chromium.run("document.documentElement.scrollWidth") <= room
