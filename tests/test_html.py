"""The report: a page that needs nothing else, says what is not known first, and takes no name for anything but text."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pandas as pd
import pytest
from support.chromium import axe, browser
from support.frames import with_receipt
from support.histories import SOURCES, START, archive_of, event, frame
from support.hostile_text import PAYLOADS
from support.permissions import unwritable_folder
from support.report_pages import EVENTS, RUNS, Page, reviewed, whole, write

import te_audit_frames as taf
from te_audit_frames.report.section_names import SECTIONS
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import to_arrow


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


def test_a_missing_column_is_said_and_costs_one_section(tmp_path):
    page = write(EVENTS[["date", "event"]], tmp_path)
    assert "the events have no column uid or user" in page.words
    assert "the events have no column aid or account_group_name or ip_address" in page.words
    assert page.column("event-table", "Events")


# ---- names are text ----------------------------------------------------------------------------------------------


@pytest.mark.full
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
