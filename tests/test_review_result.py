"""The result of a review: how it is shown, what its JSON has, and which numbers have evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from support.histories import frame
from support.reviews import HISTORY, MONDAY, at, finding

import te_audit_frames as taf
from te_audit_frames.checks.judging.combining import findings_frame, rank_people
from te_audit_frames.checks.review_result import Extent, Review, visible_line
from te_audit_frames.periods import Period


@pytest.mark.full
def test_the_representations_escape_foreign_text_and_json_is_complete():
    evil = "<b>Ada</b>\x1b[31m"
    events = frame(at(1, 9, "Alert rule deleted.", "5", user=evil))
    review = taf.review(events, history=HISTORY)
    assert "\x1b" not in repr(review)
    assert "<b>" not in review._repr_html_()
    assert "&lt;b&gt;" in review._repr_html_()
    plain = json.loads(review.to_json())
    assert plain["findings"][0]["user"] == evil
    assert plain["attack_version"].startswith("ATT&CK v")
    assert {row["check"] for row in plain["assessed"]} == set(review.assessed["check"])


def test_evidence_of_a_number_that_is_no_finding_is_refused():
    review = taf.review(frame(at(1, 9, "Alert rule deleted.")), checks=["find_monitoring_changes"])
    for number in (1, -1, True, "0"):
        with pytest.raises(taf.InvalidArgument, match="number"):
            review.evidence(number)


def result_of(*findings, **stated) -> Review:
    """Make a review of some findings, with one check that was not assessed."""
    frames = {"findings": findings_frame(list(findings)), "people": rank_people(list(findings))}
    assessed = pd.DataFrame({"check": ["find_runs"], "status": ["not assessed"], "reason": ["no history was given"]})
    rows = [one.row for one in findings]
    rest = {"assessed": assessed, "reviewed": findings_frame([]), "period": None, "notes": (), "events": frame()}
    return Review(**{**frames, **rest, "rows": rows, **stated})


LOW = finding("find_runs", "low")


@pytest.mark.parametrize(
    ("extent", "text"),
    [
        (Extent(), "0 events"),
        (Extent(undated=1), "1 event"),
        (Extent(1_200, 3), "1,203 events"),
        (
            Extent(1, 0, datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)),
            "1 event from 2026-03-02 08:00:00 to 9999-12-31 23:59:59 UTC",
        ),
    ],
)
def test_an_extent_counts_all_events_and_names_their_ends(extent, text):
    assert str(extent) == text


def test_ten_findings_are_shown_and_the_others_counted_but_for_mere_notes():
    lines = repr(result_of(*[LOW] * 12, finding("find_runs", "info"))).splitlines()
    assert lines[0] == "Review of no dated events: 0 high, 0 medium, 12 low, 1 info"
    assert [line.split()[0] for line in lines[1:11]] == [str(number) for number in range(10)]
    assert lines[11:] == ["      and 2 more in .findings", "  not assessed: find_runs: no history was given"]
    assert "more in" not in repr(result_of(*[LOW] * 10))


def test_the_headline_has_the_period_and_what_was_reviewed_before():
    closed = findings_frame([LOW], 1)
    review = result_of(LOW, period=Period(MONDAY, MONDAY + pd.Timedelta(days=7)), reviewed=closed, notes=("Note.",))
    first, *_, last = repr(review).splitlines()
    assert first.startswith("Review of 2026-03-02")
    assert first.endswith("1 low, 0 info, 1 reviewed before")
    assert last == "  Note."


def test_no_name_reaches_the_terminal_or_the_page_as_it_is():
    name = "a\nb\x1b[2J\u202e<script>&amp;'\"\x00\u2028\r"
    row = {**LOW.row, "user": name}
    review = result_of(replace(LOW, row=row, why=f"{name} did."), notes=(name,))
    text, page = repr(review), review._repr_html_()
    assert len(text.splitlines()) == 4
    assert all(letter.isprintable() for letter in text.replace("\n", ""))
    assert page.count("<") == result_of(LOW, notes=("x",))._repr_html_().count("<")
    assert all(letter.isprintable() for letter in page)
    assert json.loads(review.to_json())["findings"][0]["user"] == name


def test_somebody_without_a_name_is_shown_by_uid_and_nobody_by_a_dash():
    by_uid = replace(LOW, row={**LOW.row, "user": None})
    silent = {"uid": None, "user": None, "first_event": pd.NaT, "last_event": pd.NaT}
    review = result_of(by_uid, replace(LOW, row={**LOW.row, **silent}))
    assert [line.split()[2] for line in repr(review).splitlines()[1:3]] == ["7:", "-:"]
    assert "<td></td>" in review._repr_html_()  # no date


def test_json_has_no_number_that_is_none_and_keeps_lists():
    silent = {"uid": None, "user": None, "first_event": pd.NaT, "last_event": pd.NaT}
    unknown = replace(LOW, row={**LOW.row, **silent}, chance=float("nan"), account_groups=("Shops", "Café"))
    review = result_of(LOW, unknown, reviewed=findings_frame([LOW], 2))
    text = review.to_json(indent=1)
    plain = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert "Café" in text
    assert text.count("\n") > 20 > review.to_json().count("\n")
    assert [row["number"] for row in plain["findings"] + plain["reviewed"]] == [0, 1, 2]
    assert plain["findings"][0]["first_event"] == "2026-03-02T09:00:00+00:00"
    second = plain["findings"][1]
    assert (second["chance"], second["first_event"], second["uid"]) == (None, None, None)
    assert second["account_groups"] == ["Shops", "Café"]
    assert plain["period"] is None
    assert json.loads(result_of(period=Period(MONDAY, MONDAY + pd.Timedelta(days=1))).to_json())["period"] == {
        "start": "2026-03-02T00:00:00+00:00",
        "end": "2026-03-03T00:00:00+00:00",
    }


def test_a_number_of_numpy_is_a_number_and_without_findings_none_is():
    events = frame(at(0, 9, "Test deleted."), at(0, 9, "Test deleted.", "8"))
    review = result_of(LOW, events=events)
    assert review.evidence(np.int64(0))["uid"].tolist() == ["7"]
    for number in (0.0, False, np.bool_(False), np.int64(1), None):
        with pytest.raises(taf.InvalidArgument, match=r"^number: .*the numbers are 0 to 0"):
            review.evidence(number)
    with pytest.raises(taf.InvalidArgument, match="there are no findings"):
        result_of().evidence(0)


def test_a_line_keeps_its_indent_and_nothing_that_acts():
    assert visible_line("   a\tb") == "   " + visible_line("a\tb")
    assert visible_line("  \n a").splitlines() == [visible_line("  \n a")]
    assert (visible_line(""), visible_line("  ")) == ("", "  ")
