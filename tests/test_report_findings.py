"""The sections on findings and people, and on the events behind them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from support.histories import event, frame
from support.report_pages import EVENTS, RUNS, Page, reviewed, runs_reviewed, subject, whole, write

import te_audit_frames as taf
from te_audit_frames.report.blocks import Findings, Heading, Notes, Paragraph, Table
from te_audit_frames.report.findings import describe, describe_evidence
from te_audit_frames.users import USERS_SCHEMA, to_frame


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("report")
    return write(EVENTS, folder, review=reviewed(), tz="Europe/Berlin", sections=["findings", "evidence"])


@pytest.mark.full
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


@pytest.mark.full
def test_evidence_is_found_in_any_order_of_rows(tmp_path, page):
    shuffled = EVENTS.sample(frac=1, random_state=1)
    other = write(shuffled, tmp_path, review=taf.review(shuffled, checks=RUNS), sections=["evidence"])
    assert len(other.tables["evidence-table-0"]) == 21


def test_without_the_section_of_evidence_no_link_leads_there(tmp_path):
    page = write(EVENTS, tmp_path, review=reviewed(), sections=["findings"])
    assert {attrs["href"] for attrs in page.all("a")} == {"#main", "#findings"}


def items(section):
    return [item for block in section.blocks if isinstance(block, Findings) for item in block.items]


def said(section):
    return [block.text for block in section.blocks if isinstance(block, Paragraph)]


def test_without_a_review_nothing_is_found_and_nothing_proved():
    assert len(describe(subject(EVENTS)).blocks) == 1
    assert said(describe(subject(EVENTS)))[0].startswith("These events were not reviewed.")
    assert said(describe_evidence(subject(EVENTS))) == ["Without a review, there are no findings."]


def test_a_review_without_findings_says_so():
    found = runs_reviewed()
    shown = subject(EVENTS, review=replace(found, findings=found.findings.iloc[:0], people=found.people.iloc[:0]))
    assert said(describe(shown)) == ["No check found anything above info."]
    assert not [block for block in describe(shown).blocks if isinstance(block, Heading)]
    assert said(describe_evidence(shown)) == ["No finding has events behind it."]


@pytest.mark.full
def test_findings_are_in_the_order_of_the_review_and_linked_only_to_evidence_that_is_there():
    with_evidence = items(describe(subject(EVENTS, review=reviewed(), sections=["findings", "evidence"])))
    without = items(describe(subject(EVENTS, review=reviewed(), sections=["findings"])))
    above = reviewed().findings[reviewed().findings["severity"] != "info"]
    assert [item.number for item in with_evidence] == above.index.tolist()
    assert [item.evidence for item in with_evidence] == [f"evidence-{number}" for number in above.index]
    assert {item.evidence for item in without} == {""}
    anchors = [table.anchor for table in describe_evidence(subject(EVENTS, review=reviewed())).blocks]
    assert anchors == [item.evidence for item in with_evidence]


@pytest.mark.full
def test_a_finding_about_an_unused_account_has_no_events_to_show():
    old, new = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 3, 22, tzinfo=UTC)
    rows = [
        {"uid": uid, "name": uid, "email": f"{uid}@x.example", "registered": old, "last_login": seen, "fetched_at": new}
        for uid, seen in (("7", new), ("8", new), ("9", old))
    ]
    users = to_frame(pa.Table.from_pylist(rows, USERS_SCHEMA))
    review = taf.review(EVENTS, users=users, checks=["find_dormant_users"])
    review = replace(review, findings=review.findings.assign(severity="low"))
    shown = subject(EVENTS, review=review, sections=["evidence"])
    (item,) = items(describe(shown))
    assert (item.evidence, item.when, item.events) == ("", "–", "0 events")
    assert said(describe_evidence(shown)) == ["No finding has events behind it."]


def test_the_first_events_of_a_long_finding_are_shown_and_the_others_counted():
    (table,) = (
        block for block in describe_evidence(subject(EVENTS, review=runs_reviewed())).blocks if isinstance(block, Table)
    )
    assert len(table.rows) == 20
    assert table.caption == "The events behind finding 0, the first 20 of 30; review.evidence(0) has all"
    assert table.folded.endswith(": Ben, 30 events")


def many(count, **more):
    """Return a review with the first finding so many times, and all of it looked at before as well."""
    review = runs_reviewed()
    first = review.findings.iloc[[0] * count].reset_index(drop=True).assign(severity="low")
    return replace(
        review,
        findings=first,
        rows=[review.rows[0]] * count,
        people=review.people.iloc[[0] * count].reset_index(drop=True),
        reviewed=first.assign(by="Eve", reviewed_why="agreed", until="2026-09-01"),
        **more,
    )


@pytest.mark.parametrize(("count", "left"), [(50, None), (101, "1 more are in review.findings")])
def test_a_hundred_findings_and_fifty_people_are_shown_and_the_others_counted(count, left):
    blocks = describe(subject(EVENTS, review=many(count))).blocks
    (found,) = (block for block in blocks if isinstance(block, Findings))
    people, closed = (block for block in blocks if isinstance(block, Table))
    assert len(found.items) == min(count, 100)
    assert [list(block.texts) for block in blocks if isinstance(block, Notes)] == ([[left]] if left else [])
    assert [block.text for block in blocks if isinstance(block, Heading)] == ["People", "Looked at before"]
    assert (len(people.rows), len(closed.rows)) == (50, 50)
    more = ", the first 50 of 101" if count > 50 else ""
    assert people.caption == f"People with findings, the highest score first{more}"
    assert closed.caption == f"Findings that somebody has looked at: {count}"
    assert closed.rows[0][-3:] == ("Eve", "agreed", "2026-09-01")


def test_at_most_600_events_are_shown_for_all_findings_together():
    tables = [block for block in describe_evidence(subject(EVENTS, review=many(32))).blocks if isinstance(block, Table)]
    assert [len(table.rows) for table in tables] == [20] * 30 + [0] * 2


def test_the_evidence_of_events_in_another_order_is_in_the_order_of_time():
    other = EVENTS.iloc[::-1].reset_index(drop=True)
    (table,) = describe_evidence(subject(other, review=taf.review(other, checks=RUNS))).blocks
    (expected,) = describe_evidence(subject(EVENTS, review=runs_reviewed())).blocks
    assert table.rows == expected.rows


@pytest.mark.full
def test_a_hostile_name_is_one_line_in_every_part_of_a_finding():
    hostile = "\u202eEve\n\x1b]0;x\x07"
    rows = frame(*(event(number / 6, "Test deleted.", user=hostile) for number in range(30)))
    shown = subject(rows, review=taf.review(rows, checks=RUNS), sections=["evidence"])
    (item,) = items(describe(shown))
    texts = [
        item.who,
        item.why,
        *(cell for block in describe_evidence(shown).blocks for row in block.rows for cell in row),
    ]
    assert not set("".join(texts)) & set("\u202e\n\x1b\x07")
