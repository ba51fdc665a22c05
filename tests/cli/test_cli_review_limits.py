"""Limits of a review: what it did not look at is said, even under --quiet."""

from dataclasses import replace

import click
import pandas as pd
import pytest
from support.command_line import run
from support.histories import event, frame
from support.receipts import fetch_receipt

import te_audit_frames as taf
from te_audit_frames.cli.reading import Where
from te_audit_frames.cli.review_limits import check_start, list_limits, list_unmatched
from te_audit_frames.receipts import attach_receipt


@pytest.mark.few(count=2)
@pytest.mark.parametrize(
    ("name", "words", "line"),
    [
        ("nothing", (), "No events: there are none with a date in the period, so nothing was reviewed."),
        ("one", (), "Nothing could be assessed of what people did: no --history was given."),
        ("one", ("--fail-on", "high", "--format", "json"), "Nothing could be assessed of what people did: "),
        ("incomplete", (), "Incomplete: the events are incomplete, by their receipt"),
    ],
    ids=str,
)
@pytest.mark.full
def test_quiet_still_says_on_stderr_that_nothing_was_looked_at(tmp_path, name, words, line):
    one = taf.read_pages([b'{"auditEvents": [{"date": "2026-03-02T09:00:00Z", "event": "Test updated.", "uid": "7"}]}'])
    if name == "incomplete":
        one = attach_receipt(one, fetch_receipt(complete=False, events=1))
    taf.write_parquet(one.iloc[:0] if name == "nothing" else one, tmp_path / "events.parquet")
    result = run("review", tmp_path / "events.parquet", "--quiet", *words)
    assert (result.exit_code, result.stdout) == (0, "")
    assert line in result.stderr


@pytest.fixture(scope="module")
def review():
    """A review of one event by two checks, the second of which needs a directory."""
    return taf.review(frame(event(0, "Test updated.")), checks=["find_runs", "find_dormant_users"])


def with_status(review, *status, events=1):
    return replace(review, assessed=review.assessed.assign(status=status, events=events))


def test_a_review_that_looked_at_what_people_did_has_no_limits(review):
    assert list_limits(with_status(review, "assessed", "assessed")) == []
    assert list_limits(with_status(review, "in part", "not assessed")) == []


def test_what_the_directory_says_is_no_look_at_what_people_did(review):
    (line,) = list_limits(with_status(review, "not assessed", "assessed"))
    assert line.startswith("Nothing could be assessed of what people did: ")
    assert "history=" not in line  # in the words of the command line
    assert line.endswith(".")


def test_a_quiet_period_needs_a_receipt_to_be_believed(review):
    nothing = with_status(review, "not assessed", "not assessed", events=0)
    empty = frame()
    for events, lines in (
        (empty, 1),
        (attach_receipt(empty.copy(), fetch_receipt(complete=False)), 1),
        (attach_receipt(empty.copy(), fetch_receipt()), 0),
        (object(), 1),  # of another library, without a receipt
    ):
        found = list_limits(replace(nothing, events=events))
        assert [line.partition(":")[0] for line in found] == ["No events"] * lines


def test_missing_events_are_said_beside_all_else(review):
    found = replace(with_status(review, "assessed", "assessed"), missing=("one", "Give history="))
    assert list_limits(found)[0] == "Incomplete: one."
    assert len(list_limits(found)) == 2


@pytest.fixture
def path(tmp_path):
    taf.write_parquet(frame(event(0, "Test updated."), event(60, "Test updated.")), tmp_path / "events.parquet")
    return str(tmp_path / "events.parquet")


@pytest.mark.parametrize(
    ("start", "tz"),
    [("2026-03-02T09:01", "UTC"), ("2026-03-02T10:00:00.000001", "Europe/Berlin"), ("9999-01-01", "UTC")],
)
def test_a_start_after_all_that_is_covered_is_refused_in_its_time_zone(path, start, tz):
    where = Where((path,), start=start, tz=tz)
    with pytest.raises(click.UsageError) as caught:
        check_start(where, where.read())
    assert f"--start {start} is later than everything in WHERE" in caught.value.message
    assert ("2026-03-02T09:00:00+01:00 to " in caught.value.message) == (tz == "Europe/Berlin")


@pytest.mark.parametrize(
    "where",
    [
        {"start": "2026-03-02T09:00"},  # the last event is there
        {"start": "2026-03-02T08:30", "end": "2026-03-02T08:40"},  # a quiet part of what is covered
        {"end": "2026-01-01"},
        {"start": "2026-03-02", "user": ("nobody",)},
        {},
    ],
)
def test_other_periods_without_events_are_not_refused(path, where):
    chosen = Where((path,), **where)
    check_start(chosen, chosen.read())


def test_an_empty_place_covers_nothing_that_a_start_could_be_after(tmp_path):
    taf.write_parquet(frame(), tmp_path / "events.parquet")
    where = Where((str(tmp_path / "events.parquet"),), start="2030-01-01")
    check_start(where, where.read())


@pytest.mark.full
def test_a_filter_is_named_with_its_text_if_it_matches_nothing_by_itself():
    where = Where(("x",), user=("ada", "8", "ad"), event=("TEST*", "*deleted"), account_group=("shops", "2"))
    events = frame(event(0, "Test updated."), event(1, "Test updated.", "8"))
    expected = [
        "--user: no event of the period is by 'ad'.",
        "--event: no event of the period has the text '*deleted'.",
        "--account-group: no event of the period is in the account group '2'.",
    ]
    assert list_unmatched(where, events) == expected
    assert list_unmatched(Where(("x",), action=("delete",)), events) == []
    assert list_unmatched(Where(("x",), user=("*",)), pd.DataFrame(events.iloc[:0])) == [
        "--user: no event of the period is by '*'."
    ]
