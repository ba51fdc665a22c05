"""The history of a review: what of it is read, and what is said about its end and its gaps."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import polars as pl
import pytest
from support.frames import with_receipt
from support.histories import SOURCES, START, archive_of, event, frame, table
from support.reviews import HISTORY, at
from support.world import DAY, NOW, World, many

import te_audit_frames as taf
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.review_history import list_missing, read_history

STEP = timedelta(microseconds=1)
REACHES = "the history reaches into the period: what is not older than {} was left out"


def notes_on(history, start=START) -> list[str]:
    return read_history(history, start, ["moments", "texts"], None)[1]


@pytest.mark.full
def test_a_history_that_overlaps_is_cut_and_that_is_said():
    events = frame(at(1, 9, "Alert rule deleted."))
    whole = pd.concat([HISTORY, events])
    review, apart = taf.review(events, history=whole), taf.review(events, history=HISTORY)
    pd.testing.assert_frame_equal(review.findings, apart.findings)
    assert any("reaches into the period" in note for note in review.notes)
    assert not any("reaches into the period" in note for note in apart.notes)


def test_without_a_history_nothing_is_read_and_nothing_is_said():
    past, notes = read_history(None, START, ["moments"], None)
    assert (past.events, notes) == (0, [])


def test_a_baseline_is_taken_as_it_is():
    baseline = read_baseline(frame(event(5, "x")), parts=["moments"])
    past, notes = read_history(baseline, START, ["moments"], None)
    assert past is baseline
    assert notes == []


@pytest.mark.few(count=2)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("apart", "reaches"), [(-STEP, False), (0 * STEP, True)], ids=["before", "at"])
def test_a_history_ends_before_the_first_moment_of_the_period(source, apart, reaches):
    rows = [event(-1, "x"), event(0, "x", date=START + apart), event(0, "x", date=None)]
    past, notes = read_history(SOURCES[source](table(rows)), START, ["moments"], None)
    assert past.events == 2 - reaches
    assert notes == [REACHES.format("2026-03-02T08:00:00Z")] * reaches


def test_a_history_with_nothing_before_the_period_says_how_to_cut_it():
    assert notes_on(frame()) == ["the history has no events before the period"]
    assert notes_on(frame(event(0, "x", date=None))) == ["the history has no events before the period"]
    notes = notes_on(frame(event(1, "x")))
    assert "reaches into the period" in notes[0]
    assert notes[1:] == ["the history has no events before the period; between() cuts events and their period together"]


@pytest.mark.full
def test_without_a_period_the_whole_history_is_read():
    past, notes = read_history(frame(event(9_999, "x")), None, ["moments"], None)
    assert (past.events, notes) == (1, [])


@pytest.mark.full
def test_an_archive_is_told_from_its_days_and_its_gaps_before_the_period():
    with archive_of(frame(event(-3 * 1_440, "x"), event(-1_440, "x"))) as archive:
        gaps = int((~archive.coverage()["complete"]).sum())
        assert gaps == len(archive.coverage())  # a file without a receipt makes no day complete
        assert list_missing(archive) == [f"the archive under review has {gaps} days that are missing or not complete"]
        assert notes_on(archive) == [f"the history has {gaps} days that are missing or not complete"]
        first = notes_on(archive, START - timedelta(days=2))
        assert first[0].startswith("the history reaches into the period")
        early = pd.to_datetime(archive.coverage()["day"], utc=True) < START - timedelta(days=2)
        assert first[1] == f"the history has {early.sum()} days that are missing or not complete"


def test_one_day_is_not_written_as_several():
    with archive_of(frame(event(0, "x"))) as archive:
        assert list_missing(archive) == ["the archive under review has 1 day that is missing or not complete"]


@pytest.mark.full
def test_an_archive_that_was_synced_has_no_gaps_but_today(tmp_path):
    whole = taf.Archive(tmp_path / "te-audit")
    World(*many(3)).sync(whole, start=NOW - 3 * DAY)
    assert notes_on(whole, NOW - DAY) == [REACHES.format("2026-04-19T10:00:00Z")]
    # Today is not over.
    assert notes_on(whole, NOW + DAY) == ["the history has 1 day that is missing or not complete"]


RESOLVED = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-09T00:00:00Z"}


@pytest.mark.parametrize(
    ("stated", "is_missing"),
    [
        ({"resolved": RESOLVED, "complete": True}, False),
        ({"resolved": RESOLVED, "complete": False}, True),
        ({"resolved": None, "complete": False}, False),  # saved pages stand for no period
    ],
)
def test_events_are_missing_if_their_receipt_says_so(stated, is_missing):
    missing = list_missing(with_receipt(frame(event(0, "x")), source="api", **stated))
    assert missing == ["the events are incomplete, by their receipt: what is missing was not reviewed"] * is_missing


def test_nothing_is_known_to_be_missing_without_a_receipt():
    assert list_missing(frame(event(0, "x"))) == []
    assert list_missing(pl.DataFrame({"date": [START]})) == []
