"""A review as text: it fits, it is harmless, and it says what was not looked at."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import event, frame
from support.hostile_text import PAYLOADS
from support.review_logs import NIGHT, night_review

import te_audit_frames as taf
from te_audit_frames.cli.review_text import Shown, count_severities, list_assessed, notes_of, write_review
from te_audit_frames.safe_text import width

SECTIONS = ["Findings", "People", "What was assessed", "Notes"]


def shown(review=None, min_severity="low", tz="UTC", **more):
    review = review or night_review()
    findings = more.pop("findings", review.findings)
    return Shown(review, findings, min_severity, tz, **{"source": "te-audit", "given": False} | more)


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.full
def test_the_table_fits_and_has_the_most_useful_first(columns):
    lines = write_review(shown(), columns)
    assert max(map(width, lines)) <= columns
    assert [line for line in lines if line in SECTIONS] == SECTIONS
    assert not any(character in "".join(lines) for character in "\x1b\u202e\x9b")
    head = lines[lines.index("Findings") + 1]
    assert head.split()[:3] == ["0", "high", "Ada"]
    assert head.endswith(NIGHT) is (columns == 80)


@given(st.integers(20, 200))
def test_no_line_is_wider_than_the_terminal_and_none_ends_in_blanks(room):
    lines = write_review(shown(), room)
    assert max(map(width, lines)) <= room
    assert not [line for line in lines if line != line.rstrip()]
    words = re.sub(r"\s+", "", "".join(lines))
    assert "Findings" in words and "Whatwasassessed" in words


@pytest.mark.full
def test_a_hostile_name_acts_on_no_terminal():
    names = [text.encode("utf-8", "ignore").decode() for text in PAYLOADS[::8]]
    rows = frame(
        *(
            event(60 * at + number / 6, "Test deleted.", str(at), user=name, account_group_name=name)
            for at, name in enumerate(names)
            for number in range(12)
        )
    )
    text = "\n".join(write_review(shown(taf.review(rows, checks=["find_runs"])), 80))
    assert text.count("Test deleted") + text.count("12 deletions") >= len(names)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_times_are_those_of_the_zone():
    text = "\n".join(write_review(shown(tz="Asia/Kolkata"), 100))
    assert "2026-04-20T07:30:00+05:30" in text
    assert "Review of 2026-04-20T07:30:00+05:30 to 2026-04-20T14:30:00.000001+05:30" in text
    assert NIGHT not in text


def test_severities_are_counted_down_to_the_least_that_was_asked_for():
    findings = night_review().findings
    severe = findings[findings["severity"].isin(["high", "medium"])]
    assert count_severities(shown()) == "1 high, 2 medium, 1 low"
    assert count_severities(shown(findings=severe, min_severity="medium")) == "1 high, 2 medium; 1 more not shown"
    assert count_severities(shown(findings=findings.iloc[:0], min_severity="high")) == "0 high; 4 more not shown"
    left_out = shown(findings=findings.iloc[:1], left_out=findings.iloc[1:], filters="--user and --event")
    assert count_severities(left_out) == "1 high, 0 medium, 0 low; left out by --user and --event: 2 medium, 1 low"


def test_people_are_those_of_the_findings_that_are_shown():
    findings = night_review().findings
    assert shown().people["uid"].tolist() == ["7", "8"]
    assert shown(findings=findings[findings["uid"] == "8"]).people["uid"].tolist() == ["8"]
    assert shown(findings=findings.iloc[:0]).people.empty
    assert "People" not in write_review(shown(findings=findings.iloc[:0]), 80)


def test_nothing_found_is_said_with_what_was_not_looked_at():
    found = night_review()
    nothing = {"findings": found.findings.iloc[:0], "source": None}
    text = " ".join(" ".join(write_review(shown(found, **nothing), 80)).split())
    assert "History: none, so nothing could be called unusual." in text
    missing = (found.assessed["status"] != "assessed").sum()
    assert f"(nothing at or above low; {missing} of {len(found.assessed)} checks could not be made in full: see" in text
    whole = replace(found, assessed=found.assessed.assign(status="assessed"))
    assert "  (nothing at or above low)" in write_review(shown(whole, **nothing), 80)


def test_a_review_of_no_dated_events_says_so():
    assert write_review(shown(replace(night_review(), period=None)), 80)[0] == "Review: there are no dated events"


def test_what_was_not_assessed_comes_first_and_says_why():
    examined, *lines = list_assessed(shown())
    assert examined == "examined: 13 events of 2 people"
    states = [line.partition(":")[0] for line in lines]
    assert states == sorted(states, key=["not assessed", "in part", "assessed"].index)
    assert len(lines) == len(night_review().assessed)
    assert all(line.count(": ") >= 2 for line in lines if not line.startswith("assessed"))


def test_list_items_are_indented_by_two_and_their_further_lines_by_four():
    found = night_review()
    closed = found.findings.assign(by="Eve", reviewed_why="known " * 20, until="2026-09-01")
    lines = write_review(shown(replace(found, reviewed=closed)), 70)
    for title, count in (("Reviewed before", 4), ("What was assessed", len(found.assessed) + 1), ("Notes", None)):
        section = lines[lines.index(title) + 1 :]
        section = section[: section.index("")] if "" in section else section
        indents = [len(line) - len(line.lstrip()) for line in section]
        assert set(indents) == {2, 4}
        assert indents.count(2) == (len(notes_of(shown(found))) if count is None else count)
    first = " ".join(" ".join(lines[lines.index("Reviewed before") + 1 :]).split())
    assert first.startswith("high, ")
    assert ": known known " in first
    assert "(Eve, until 2026-09-01)" in first
    assert count_severities(shown(replace(found, reviewed=closed))).endswith("; 4 reviewed before")


def test_a_note_that_the_headline_has_is_not_repeated():
    own, given = (notes_of(shown(given=given)) for given in (False, True))
    assert set(own) <= set(given)
    assert not any(note.startswith("the history reaches into the period") for note in own)
    assert any(note.startswith("the history reaches into the period") for note in given)


def test_who_has_no_name_is_called_by_what_is_known():
    findings = night_review().findings.copy()
    findings.loc[0, "user"] = None
    findings.loc[1, ["user", "uid"]] = None
    lines = write_review(shown(findings=findings.iloc[:2]), 100)
    heads = [line for line in lines if re.match(r" +[01] {2}\w", line)]
    assert [head.split()[2] for head in heads] == ["7", "(nobody)"]
    assert pd.isna(findings["uid"][1])
