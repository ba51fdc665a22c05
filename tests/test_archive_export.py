"""The export of an archive: which files it writes, with which events, and what their receipts say."""

from pathlib import Path

import pytest
from support.world import DAY, NOW, World, many

import te_audit_frames as taf
from te_audit_frames.storage.day_file import UNDATED


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


@pytest.mark.full
def test_export_writes_one_file_or_one_per_month(archive, tmp_path):
    world = World(*many(35), {"event": "no date"})
    world.sync(archive, start=NOW - 40 * DAY)
    (one,) = archive.export(tmp_path / "all.parquet")
    events = taf.read_parquet(one)
    assert events["date"].notna().sum() == 35 * 7
    assert events["date"].isna().sum() == 1
    assert taf.receipt(events).complete
    months = archive.export(tmp_path / "months", partition_by="month", start="2026-03-01")
    assert [Path(file).parent.name for file in months] == ["event_month=2026-03", "event_month=2026-04"]
    march, april = (taf.read_parquet(file) for file in months)
    assert len(march) + len(april) == 35 * 7
    assert taf.receipt(march).resolved == {"start": "2026-03-11T00:00:00Z", "end": "2026-04-01T00:00:00Z"}
    (part,) = archive.export(tmp_path / "part.parquet", start="2026-04-01", end="2026-04-02")
    assert len(taf.read_parquet(part)) == 7


def test_undated_events_are_a_month_of_their_own(archive, tmp_path):
    World(*many(3), {"event": "no date"}).sync(archive, start=NOW - 5 * DAY)
    *_, last = archive.export(tmp_path / "months", partition_by="month")
    assert Path(last).parent.name == f"event_month={UNDATED}"
    assert taf.read_parquet(last)["event"].tolist() == ["no date"]
