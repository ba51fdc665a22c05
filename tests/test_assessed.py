"""The record of what a check examined: it is plain, survives JSON, and says why nothing was found."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import START, event, frame
from support.questions import QUESTIONS

import te_audit_frames as taf
from te_audit_frames.checks.assessed import attach_assessed
from te_audit_frames.checks.selection import select


@pytest.mark.few(count=4)
@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_the_record_is_plain_survives_filters_and_says_what_was_read(question):
    events = frame(event(0, "Flux capacitor"), event(1, "Test deleted.", "8"), event(2, "Test deleted.", date=None))
    found = QUESTIONS[question](events)
    record = taf.assessed(found)
    needs_classes = question != "new addresses"
    assert (record.events, record.people, record.undated, record.unclassified) == (2, 2, 1, needs_classes)
    assert (record.first_event, record.last_event) == (START, START + timedelta(minutes=1))
    assert record.check.startswith(("find_", "classify_actors"))
    assert callable(getattr(taf, record.check))
    assert taf.Assessed.from_dict(json.loads(json.dumps(record.to_dict()))) == record
    assert taf.assessed(found.head(0)) == record
    assert taf.Assessed.from_dict(record.to_dict() | {"of_a_later_version": 1}) == record


@pytest.mark.parametrize("lost", [pd.DataFrame({"a": [1]}), 7, None])
def test_a_result_without_a_record_is_refused(lost):
    with pytest.raises(taf.InvalidArgument, match=r"^result: "):
        taf.assessed(lost)


def test_an_empty_record_goes_through_json():
    record = taf.assessed(taf.find_runs(frame(event(0, "x")).iloc[:0]))
    assert (record.events, record.first_event, record.not_assessed) == (0, None, "there are no events")
    assert taf.Assessed.from_dict(json.loads(json.dumps(record.to_dict()))) == record


TEXTS = st.lists(st.text()).map(tuple)
DATES = st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))


RECORDS = st.builds(
    taf.Assessed,
    st.just("find_runs"),
    first_event=DATES,
    last_event=DATES,
    unclassified_texts=TEXTS,
    notes=TEXTS,
    baseline_days=st.none() | st.floats(0, 1e6),
    not_assessed=st.text(),
)


@given(RECORDS)
def test_every_record_goes_through_json(record):
    assert taf.Assessed.from_dict(json.loads(json.dumps(record.to_dict(), allow_nan=False))) == record


def test_who_is_named_by_a_user_alone_is_a_person_and_nobody_is_none():
    selection = select(frame(event(0, "x"), event(1, "x", None, user="Ben"), event(2, "x", None)), ["event"])
    record = taf.Assessed.of("find_runs", selection)
    assert (record.events, record.people, record.concerned) == (3, 2, 3)


@pytest.mark.parametrize(
    ("rows", "stated", "reason"),
    [
        ([event(0, "x")], {}, ""),
        ([event(0, "x")], {"not_assessed": "no addresses"}, "no addresses"),
        ([event(0, "x", date=None)], {}, "no event has a date"),
        ([event(0, "x", date=None)], {"not_assessed": ""}, "no event has a date"),
        ([], {}, "there are no events"),
        ([], {"not_assessed": "no addresses"}, "no addresses"),
    ],
)
def test_without_dated_events_there_is_a_reason_unless_the_check_has_its_own(rows, stated, reason):
    assert taf.Assessed.of("find_runs", select(frame(*rows), ["event"]), **stated).not_assessed == reason


def test_a_record_of_an_earlier_version_has_the_defaults_of_this_one():
    assert taf.Assessed.from_dict({"check": "find_runs", "events": 7}) == taf.Assessed("find_runs", events=7)


def test_a_new_record_states_nothing_but_its_check():
    plain = taf.Assessed("find_runs").to_dict()
    assert plain.pop("check") == "find_runs"
    assert not any(plain.values())


def test_a_new_record_takes_the_place_of_the_old_one():
    result = attach_assessed(pd.DataFrame({"a": [1]}), taf.Assessed("find_runs", events=1))
    assert attach_assessed(result, taf.Assessed("find_runs", events=2)) is result
    assert taf.assessed(result).events == 2
