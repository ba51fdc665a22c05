"""Reading from an archive: in few columns, a few days at a time, and nothing twice or never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from support.histories import START, archive_of, event, frame

import te_audit_frames as taf
from te_audit_frames.checks import in_archive
from te_audit_frames.checks.in_archive import count_undated, read_in_chunks
from te_audit_frames.checks.selection import select

OPEN = (None, None)
DAY = timedelta(days=1)


def test_an_archive_is_read_in_few_columns_and_few_days_at_once(monkeypatch):
    events = frame(*(event(90 * n, "Test deleted.") for n in range(200)))
    monkeypatch.setattr(in_archive, "_CHUNK", 40)
    loaded = []
    with archive_of(events) as archive:
        load = archive.load
        monkeypatch.setattr(archive, "load", lambda **asked: loaded.append(frame := load(**asked)) or frame)
        select(archive, ["event"], keep=lambda action, name, outcome: action == "login", people=False)
    assert len(loaded) >= 5
    assert max(map(len, loaded)) <= 40 + 16  # a chunk is full with the day on which it reaches its size
    assert {tuple(chunk.columns) for chunk in loaded} == {("date", "event", "resources")}


@pytest.mark.parametrize("most", [1, 30, 500_000])
def test_chunks_are_whole_days_oldest_first_and_together_all(monkeypatch, most):
    monkeypatch.setattr(in_archive, "_CHUNK", most)
    events = frame(*(event(360 * n, "x", str(n)) for n in range(-20, 20)), event(0, "x", "u", date=None))
    with archive_of(events) as archive:
        chunks = list(read_in_chunks(archive, ["date", "uid"], OPEN))
    assert len(chunks) == {1: 11, 30: 2, 500_000: 1}[most]
    whole = pd.concat(chunks)
    assert whole["date"].is_monotonic_increasing
    assert sorted(whole["uid"]) == sorted(events["uid"].iloc[:-1])
    days = [set(chunk["date"].dt.date) for chunk in chunks]
    assert sum(map(len, days)) == len(set.union(*days))


def test_bounds_cut_the_first_and_the_last_chunk_to_the_microsecond(monkeypatch):
    monkeypatch.setattr(in_archive, "_CHUNK", 1)
    events = frame(*(event(720 * n, "x", str(n)) for n in range(6)))

    def uids(since, until):
        chunks = read_in_chunks(archive, ["uid"], (since, until))
        return [list(chunk["uid"]) for chunk in chunks if len(chunk)]

    step = timedelta(microseconds=1)
    with archive_of(events) as archive:
        assert uids(START, START + 2 * DAY) == [["0", "1"], ["2", "3"]]
        assert uids(START + step, START + 2 * DAY + step) == [["1"], ["2", "3"], ["4"]]
        assert uids(START + 9 * DAY, None) == uids(None, START) == []


def test_days_without_events_are_not_read(monkeypatch):
    monkeypatch.setattr(in_archive, "_CHUNK", 1)
    with archive_of(frame(event(0, "x"), event(30 * 1_440, "x"))) as archive:
        assert [len(chunk) for chunk in read_in_chunks(archive, ["uid"], OPEN)] == [1, 1]
    with archive_of(frame()) as archive:
        assert list(read_in_chunks(archive, ["uid"], OPEN)) == []


@pytest.mark.parametrize("undated", [0, 3])
@pytest.mark.parametrize("dated", [0, 2])
def test_events_without_a_date_are_counted_and_never_read(undated, dated):
    rows = [event(n, "x") for n in range(dated)] + [event(n, str(n), date=None) for n in range(undated)]
    with archive_of(frame(*rows)) as archive:
        assert count_undated(archive) == undated
        assert sum(len(chunk) for chunk in read_in_chunks(archive, ["uid"], OPEN)) == dated


@pytest.mark.parametrize("date", [datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)])
def test_the_first_and_the_last_day_of_the_calendar_are_read(date):
    events = frame(event(0, "Test deleted."), event(0, "Test deleted.", date=date))
    with archive_of(events) as archive:
        assert sum(len(chunk) for chunk in read_in_chunks(archive, ["uid"], OPEN)) == 2
        assert sum(len(chunk) for chunk in read_in_chunks(archive, ["uid"], (date, None))) == 1 + (date < START)
        assert count_undated(archive) == 0
        pd.testing.assert_frame_equal(taf.find_runs(archive), taf.find_runs(events))
