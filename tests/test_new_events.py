"""The events that a sync added: exactly those, as a frame, in bounded memory."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.world import DAY, NOW, World, event, many

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow
from te_audit_frames.storage import new_events
from te_audit_frames.storage.new_events import NewEvents


def rows(events):
    return Counter(json.dumps(row, default=str, sort_keys=True) for row in to_arrow(events).to_pylist())


@st.composite
def events_of(draw):
    moment = NOW - timedelta(seconds=draw(st.integers(120, 6 * 86_400)) // 20_000 * 20_000 + 120)
    fields = {"uid": draw(st.sampled_from("uvw")), "ipAddress": draw(st.sampled_from(["10.0.0.1", "10.0.0.2"]))}
    return event(moment, draw(st.sampled_from(["User login.", "Test deleted."])), **fields)


@pytest.mark.full
@given(before=st.lists(events_of(), max_size=12), later=st.lists(events_of(), max_size=12), gone=st.integers(0, 3))
@settings(max_examples=examples(60, brief=3))
def test_the_archive_before_and_the_new_events_are_the_archive_after(tmp_path_factory, before, later, gone):
    archive = taf.Archive(tmp_path_factory.mktemp("archive") / "te-audit")
    world = World(*before, event(NOW - 7 * DAY))
    first = world.sync(archive)
    loaded = archive.load()
    assert rows(first.new_events) == rows(loaded)
    world.events = [*world.events[gone:], *later]
    second = world.sync(archive)
    assert rows(loaded) + rows(second.new_events) == rows(archive.load())
    assert (len(second.new_events), second.new_events_truncated) == (second.events_added, False)


def test_a_sync_that_adds_nothing_has_an_empty_frame_of_events(tmp_path):
    archive, world = taf.Archive(tmp_path / "te-audit"), World(*many(3))
    world.sync(archive)
    report = world.sync(archive)
    assert len(report.new_events) == 0
    pd.testing.assert_series_equal(report.new_events.dtypes, archive.load().dtypes)
    assert not report.new_events_truncated
    assert report == replace(report, new_events=archive.load())  # frames cannot be compared with ==
    assert "new_events" not in report.to_dict()


def test_events_without_a_date_are_new_once(tmp_path):
    archive, world = taf.Archive(tmp_path / "te-audit"), World(*many(2), {"event": "No date.", "aid": "1", "uid": "u"})
    assert world.sync(archive).new_events["date"].isna().sum() == 1
    assert len(world.sync(archive).new_events) == 0


def table(moments):
    return pa.Table.from_pylist([{"date": moment, "event": str(moment)} for moment in moments], ARROW_SCHEMA)


@pytest.mark.parametrize("parts", [1, 5, 40])
def test_beyond_the_bound_the_newest_events_are_kept(monkeypatch, parts):
    monkeypatch.setattr(new_events, "MOST_NEW_EVENTS", 10)
    moments = [None, *(NOW - timedelta(hours=hour) for hour in range(39))]
    new, most = NewEvents(), 0
    for number in range(parts):
        new.add(table(moments[number::parts]))
        most = max(most, int(repr(new).removeprefix("NewEvents(").split()[0]))
    assert new.to_frame()["date"].tolist() == sorted(moments[1:11])
    assert most <= 20
    # Without more dated events, those without a date are kept too.
    few = NewEvents()
    few.add(table(moments[:4]))
    assert len(few.to_frame()) == 4


def test_a_report_says_that_it_keeps_only_some_of_the_events(tmp_path, monkeypatch):
    monkeypatch.setattr(new_events, "MOST_NEW_EVENTS", 10)
    archive = taf.Archive(tmp_path / "te-audit")
    report = World(*many(3)).sync(archive)
    assert (report.events_added, len(report.new_events), report.new_events_truncated) == (21, 10, True)
    assert report.new_events["date"].tolist() == archive.load()["date"].tolist()[-10:]
