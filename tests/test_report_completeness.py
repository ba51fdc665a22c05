"""The verdict of a report and its section on completeness: what is not known is said first."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.frames import with_receipt
from support.histories import archive_of, event, frame
from support.report_pages import EVENTS, PERIOD, RUNS, runs_reviewed, subject, write

import te_audit_frames as taf
from te_audit_frames.report.blocks import Facts, Notes, Table
from te_audit_frames.report.completeness import describe, judge


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


@pytest.mark.full
@pytest.mark.parametrize("events", [EVENTS.iloc[:0], frame({"event": "Undated.", "uid": "7"})])
def test_no_events_and_no_dates_are_said(events, tmp_path):
    page = write(events, tmp_path, review=taf.review(events, checks=RUNS))
    assert "There are no events with a date." in page.words
    assert f"{len(events)} event" in page.words


def test_the_verdict_says_why_events_are_missing_whatever_the_sections(tmp_path):
    some = with_receipt(EVENTS.copy(), source="api", resolved=PERIOD, complete=False, notes=["page 3 was refused"])
    page = write(some, tmp_path, sections=["who"])
    assert "Not every event of the period arrived: page 3 was refused." in page.words


def answer(number, events, **options):
    return judge(subject(events, **options))[number]


@pytest.mark.few(count=1)
@pytest.mark.parametrize(
    ("stated", "state", "expected"),
    [
        ({}, "good", "Yes"),
        ({"complete": False, "notes": []}, "bad", "No"),
        ({"complete": False, "events": 7}, "open", "Not known"),
        ({"source": "pages"}, "open", "Not known"),
        ({"filters": [{"label": "x", "digest": "", "kept": 91, "of": 99}]}, "open", "No, a selection"),
    ],
)
def test_only_a_whole_receipt_is_good(stated, state, expected):
    events = with_receipt(EVENTS.copy(), **{"source": "api", "resolved": PERIOD} | stated)
    verdict = answer(0, events)
    assert (verdict.answer, verdict.state) == (expected, state)
    assert verdict.why


@pytest.mark.full
def test_the_reasons_of_a_receipt_are_harmless_and_end_once():
    events = with_receipt(
        EVENTS.copy(), source="api", resolved=PERIOD, complete=False, notes=["page 3 was\n\u202erefused.", "x."]
    )
    assert answer(0, events).why == "Not every event of the period arrived: page 3 was refused.; x."
    silent = with_receipt(EVENTS.copy(), source="api", resolved=PERIOD, complete=False, notes=[])
    assert answer(0, silent).why.endswith("arrived: the receipt does not say why.")


@pytest.mark.full
def test_without_a_receipt_an_archive_speaks_only_of_its_days():
    rows = frame(event(0, "x"), event(1440, "x"))
    with archive_of(rows) as archive:
        partial = answer(0, rows, archive=archive)
        elsewhere = answer(0, frame(event(144_000, "x")), archive=archive)
    assert (partial.answer, partial.why) == ("No", "The archive lacks 2 days of the period, or parts of them.")
    assert (elsewhere.answer, elsewhere.why) == ("No", "The archive does not cover the period.")


@pytest.mark.full
def test_the_review_is_judged_by_its_findings_and_by_what_it_could_not_look_at():
    assert answer(1, EVENTS).answer == "Not reviewed"
    assert answer(1, EVENTS, review=runs_reviewed()).answer.startswith("Yes: ")
    review = replace(runs_reviewed(), findings=runs_reviewed().findings.iloc[:0])
    for status, expected, state, why in (
        ("assessed", "Nothing found", "good", "All checks were made."),
        ("in part", "Nothing found", "open", "1 of 1 check was made in part."),
        ("not assessed", "Not known", "open", "1 of 1 check could not be made."),
    ):
        found = answer(1, EVENTS, review=replace(review, assessed=review.assessed.assign(status=status)))
        assert (found.answer, found.state) == (expected, state)
        assert found.why.endswith(why)


@pytest.mark.full
def test_the_extent_counts_people_and_not_their_absence():
    assert answer(2, EVENTS.iloc[:0]).answer == "0 events"
    assert answer(2, EVENTS.iloc[:0]).why == ""
    one = answer(2, frame(event(0, "x")))
    assert (one.answer, one.why) == ("1 event", "1 person, 1 account group, 1 type of event. From 2026-03-02 08:00.")
    bare = answer(2, frame(event(0, "x"))[["date"]])
    assert bare.why == " From 2026-03-02 08:00."


def test_the_section_has_the_receipt_and_what_was_checked():
    receipt = with_receipt(EVENTS.copy(), source="api", resolved=PERIOD, notes=["<b>\u202e"])
    kinds = [block.kind for block in describe(subject(receipt)).blocks]
    assert kinds == ["heading", "facts", "heading", "paragraph"]
    (facts,) = (block for block in describe(subject(receipt)).blocks if isinstance(block, Facts))
    assert not any("\u202e" in text for _, text in facts.pairs)
    review = runs_reviewed()
    checked = describe(subject(EVENTS, review=review)).blocks
    (table,) = (block for block in checked if isinstance(block, Table))
    assert len(table.rows) == len(review.assessed)
    assert sum(isinstance(block, Notes) for block in checked) <= 1


def test_events_without_a_date_are_counted_in_a_note():
    texts = [getattr(block, "text", "") for block in describe(subject(frame(event(0, "x"), {"event": "y"}))).blocks]
    assert "1 event without a date: counted by person, type and place, not by time." in texts
