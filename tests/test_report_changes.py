"""The sections on changes of access and on deletions."""

from __future__ import annotations

import pytest
from support.histories import SOURCES, event, frame
from support.report_pages import EVENTS, Page, subject, write

from te_audit_frames.report.blocks import Paragraph, Table
from te_audit_frames.report.changes import MOST_CHANGES, MOST_RUNS, MOST_TYPES, describe_access, describe_deletions
from te_audit_frames.schema import to_arrow


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return write(EVENTS, tmp_path_factory.mktemp("report"), tz="Europe/Berlin", sections=["access", "deletions"])


def test_changes_of_access_and_deletions_are_listed(page):
    assert page.column("access-table", "Whose access") == ["Ben"]
    assert page.column("access-table", "Of oneself") == ["yes"]
    assert page.column("runs-table", "Deletions")[0] == "30"
    assert "Note" not in page.tables["access-table"][0]  # no change has one
    assert page.column("deleting-table", "Type of event") == ["Test deleted."]


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


def said(section):
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def tables(section):
    return {block.key: block for block in section.blocks if isinstance(block, Table)}


def column(table, name):
    return next(list(each.cells) for each in table.columns if each.name == name)


def test_nothing_is_said_to_have_happened_only_among_events_that_were_read():
    quiet = subject(frame(event(0, "Test updated.")))
    assert said(describe_access(quiet)) == ["No event changed who may do what."]
    assert said(describe_deletions(quiet)) == ["Nothing was deleted."]
    odd = subject(frame(event(0, "Test updated."), event(1, "Flux capacitor"), event(2, "Flux capacitor")))
    assert said(describe_deletions(odd))[1:] == [
        "2 events with a text that no rule of the vocabulary knows were not judged."
    ]
    one = subject(frame(event(0, "Test updated."), event(1, "Flux capacitor"), {"event": "Test deleted.", "uid": "7"}))
    assert said(describe_deletions(one)) == [
        "Among dated events, nothing was deleted.",
        "1 event without a date was not looked at.",
        "1 event with a text that no rule of the vocabulary knows was not judged.",
    ]


@pytest.mark.full
def test_a_deletion_that_failed_is_none():
    section = describe_deletions(subject(frame(event(0, "Test deleted."), event(1, "Test deletion failed."))))
    assert column(tables(section)["deleting-table"], "Type of event") == ["Test deleted."]
    assert said(section)[0].startswith("1 deletion by 1 person, in 1 run.")
    failed = describe_deletions(subject(frame(event(0, "Test deletion failed."))))
    assert said(failed) == ["Nothing was deleted."]


@pytest.mark.full
def test_the_latest_changes_are_shown_first_and_the_others_are_counted():
    rows = [event(60 * number, "API token created.", str(100 + number)) for number in range(MOST_CHANGES + 1)]
    for events, more in ((frame(*rows), f", the latest {MOST_CHANGES} of {MOST_CHANGES + 1}"), (frame(*rows[1:]), "")):
        table = tables(describe_access(subject(events)))["access-table"]
        assert table.caption == f"Changes of access{more} (times in UTC)"
        assert column(table, "By") == [str(100 + number) for number in range(MOST_CHANGES, 0, -1)]


@pytest.mark.full
def test_the_largest_runs_and_the_most_frequent_types_are_shown():
    count = max(MOST_RUNS, MOST_TYPES) + 1
    rows = [
        event(1440 * number + minute, f"Test {number} deleted.", str(number))
        for number in range(count)
        for minute in range(1 + number)
    ]
    found = tables(describe_deletions(subject(frame(*rows))))
    assert column(found["runs-table"], "Deletions") == [str(number) for number in range(count, count - MOST_RUNS, -1)]
    assert f"the largest {MOST_RUNS} of {count}" in found["runs-table"].caption
    assert column(found["deleting-table"], "Events") == [str(number) for number in range(count, count - MOST_TYPES, -1)]
    assert f"the most frequent {MOST_TYPES} of {count}" in found["deleting-table"].caption


@pytest.mark.full
def test_names_of_others_are_one_harmless_line():
    hostile = "Ada\n\u202e\x1b[31m" + "x" * 500
    rows = frame(event(0, "Test deleted.", user=hostile), event(1, "API token created.", user=hostile))
    for describe, name in ((describe_access, "By"), (describe_deletions, "Person")):
        (cell,) = column(next(iter(tables(describe(subject(rows))).values())), name)
        assert cell.startswith("Ada ")
        assert len(cell) <= 120
        assert not set(cell) & set("\n\u202e\x1b")
