"""Reports of events beside the archive that they are said to be from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.frames import with_receipt
from support.histories import SOURCES, archive_of, event, frame
from support.report_pages import EVENTS, PERIOD, subject, write

import te_audit_frames as taf
from te_audit_frames.periods import Period
from te_audit_frames.report.archive_comparison import ArchiveComparison, compare_with_archive
from te_audit_frames.report.coverage import describe_archive
from te_audit_frames.report.days import count_by_day
from te_audit_frames.schema import to_arrow


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
    shown = subject(events, archive=archive, sections=["completeness"])
    narrowed = archive.coverage().assign(scope="all account groups, without 4711")
    text = str(describe_archive(replace(shown, coverage=narrowed)))
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


@pytest.fixture(scope="module")
def partial():
    """An archive of two days that are not complete, with three events."""
    with archive_of(frame(event(0, "a"), event(1, "b"), event(1440, "c"))) as archive:
        yield archive


def compared(archive, *rows, period=None):
    return compare_with_archive(count_by_day(frame(*rows)), archive, archive.coverage(), period)


def test_events_beyond_those_that_an_archive_has_of_their_day_are_foreign(partial):
    assert compared(partial, event(0, "x"), event(1, "y")) == ArchiveComparison(0, None)
    assert compared(partial, *(event(number, "x") for number in range(5))) == ArchiveComparison(3, None)
    # Too few on one day do not make up for too many on another.
    assert compared(partial, event(0, "x"), event(1440, "y"), event(1441, "z")) == ArchiveComparison(1, None)
    assert compared(partial, event(14_400, "x")) == ArchiveComparison(1, None)


def test_the_events_of_an_archive_are_counted_in_the_half_open_period(partial):
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    for end, number in ((start.replace(minute=1), 1), (start.replace(minute=1, second=1), 2)):
        assert compared(partial, period=Period(start, end)).archived == number
        assert compared(partial, event(1440, "x"), period=Period(start, end)).archived == number


def test_without_events_and_a_period_there_is_nothing_to_compare(partial):
    assert compared(partial) == ArchiveComparison(0, None)


@pytest.mark.few(count=1)
@pytest.mark.parametrize("year", [1, 1970, 2200, 9998])
def test_dates_far_away_are_compared_too(partial, year):
    odd = event(0, "x", date=datetime(year, 1, 1, tzinfo=UTC))
    assert compared(partial, odd, event(0, "x")) == ArchiveComparison(1, None)


@pytest.mark.full
def test_a_day_that_is_settled_cannot_have_fewer_events_than_a_report(settled):
    archive, events = settled
    day = events["date"].iloc[0].floor("D")
    here = count_by_day(events)
    coverage = archive.coverage()
    assert compare_with_archive(here, archive, coverage, None) == ArchiveComparison(0, None)
    here[day] += 1
    with pytest.raises(taf.InvalidArgument, match=rf"on {day:%Y-%m-%d} \(UTC\), it has {here[day] - 1} event"):
        compare_with_archive(here, archive, coverage, None)
    assert compare_with_archive(here, archive, coverage.assign(sealed=False), None).foreign == 1
    assert re.search("foreign=1", repr(compare_with_archive(here, archive, coverage.assign(complete=False), None)))
