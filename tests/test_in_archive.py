"""Reading from an archive: in few columns, a few days at a time, and nothing twice or never."""

from __future__ import annotations

from datetime import datetime, timedelta

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


def test_chunks_are_whole_days_oldest_first_and_together_all(monkeypatch):
    events = frame(*(event(360 * n, "x", str(n)) for n in range(-8, 8)), event(0, "x", "u", date=None))
    with archive_of(events) as archive:
        for most, count in ((1, 5), (10, 2), (500_000, 1)):
            monkeypatch.setattr(in_archive, "_CHUNK", most)
            chunks = list(read_in_chunks(archive, ["date", "uid"], OPEN))
            assert len(chunks) == count
            whole = pd.concat(chunks)
            assert whole["date"].is_monotonic_increasing
            assert sorted(whole["uid"]) == sorted(events["uid"].iloc[:-1])
            days = [set(chunk["date"].dt.date) for chunk in chunks]
            assert sum(map(len, days)) == len(set.union(*days))


@pytest.mark.full
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


@pytest.mark.parametrize(("dated", "undated"), [(2, 0), (2, 3), (0, 3)])
def test_events_without_a_date_are_counted_and_never_read(dated, undated):
    rows = [event(n, "x") for n in range(dated)] + [event(n, str(n), date=None) for n in range(undated)]
    with archive_of(frame(*rows)) as archive:
        assert count_undated(archive) == undated
        assert sum(len(chunk) for chunk in read_in_chunks(archive, ["uid"], OPEN)) == dated


@pytest.mark.parametrize(("last", "beyond"), [("0001-01-03", "0001-01-02"), ("9999-12-28", "9999-12-29")])
def test_every_day_that_an_archive_takes_can_be_read(last, beyond):
    events = frame(event(0, "Test deleted.", date=datetime.fromisoformat(f"{last}T12:00:00Z")))
    with archive_of(events) as archive:
        assert [len(chunk) for chunk in read_in_chunks(archive, ["uid"], OPEN)] == [1]
        assert archive.load(start=events["date"][0])["date"].tolist() == events["date"].tolist()
    further = frame(event(0, "x", date=datetime.fromisoformat(f"{beyond}T12:00:00Z")))
    with pytest.raises(taf.NotAnAuditFrame, match="outside the calendar"), archive_of(further):
        pass
