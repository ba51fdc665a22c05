"""One sync: which clock it trusts."""

from datetime import datetime, timedelta

import pandas as pd
import pytest
from support.world import DAY, NOW, World, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.coverage import COVERAGE, Coverage, DayRecord, Reading
from te_audit_frames.storage.day_file import dump, name_of
from te_audit_frames.storage.local_store import LocalStore

HOUR = timedelta(hours=1)


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


@pytest.mark.parametrize(
    ("server", "local"), [(9 * DAY, 0 * DAY), (0 * DAY, 9 * DAY)], ids=["the server's is ahead", "ours is ahead"]
)
def test_a_day_counts_as_read_only_if_it_is_over_by_both_clocks(archive, server, local):
    world = World(*many(15), now=NOW + server)
    world.local = NOW + local
    with pytest.warns(taf.AuditFramesWarning, match=r"clock \(.*\) is ahead of .* by 9 days.*Set the clock"):
        report = world.sync(archive)
    ahead = (server - local).total_seconds()
    assert report.clock_ahead_seconds == pytest.approx(ahead)
    assert "is ahead of" in report.notes[0]
    assert "is ahead of" in report.summary
    coverage = archive.coverage()
    assert coverage["day"].max() == pd.Timestamp(NOW).floor("D")
    assert (coverage["read_to"] < NOW).all()
    assert (coverage["fetched_at"] <= NOW).all()
    assert coverage.loc[coverage["sealed"], "day"].max() == pd.Timestamp("2026-04-16", tz="UTC")
    assert not taf.receipt(archive.load(start="2026-04-20", end="2026-04-25")).complete
    # Once both clocks are right, nothing has been skipped.
    world.events.append(event(NOW + 20 * HOUR))
    world.now = world.local = NOW + 2 * DAY
    assert world.sync(archive, start=None).notes == []
    assert keys(archive.load()) == told(world)


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_a_small_difference_between_the_clocks_causes_no_warning(archive, seconds):
    world = World(*many(3))
    world.local = NOW + timedelta(seconds=seconds)
    report = world.sync(archive)
    assert (report.notes, report.clock_ahead_seconds) == ([], -seconds)
    assert archive.coverage()["fetched_at"].max() == min(NOW, world.local)


def test_with_a_clock_years_behind_no_archive_is_made(archive, tmp_path):
    world = World(*many(3))
    world.local = datetime.fromisoformat("1970-01-01T00:05:00Z")
    with pytest.raises(taf.ArchiveError, match=r"server's clock .* is ahead of this machine's \(1970.* and sync again"):
        world.sync(archive, start=None)
    assert not list((tmp_path / "te-audit").rglob("*.parquet"))


@pytest.mark.full
def test_an_archive_with_records_of_future_days_heals(archive, tmp_path):
    """An earlier version left such records after one answer with a clock 20 days ahead."""
    world = World(*many(15))
    world.sync(archive)
    place = LocalStore(str(tmp_path / "te-audit"))
    scope = Coverage.load(place.read(COVERAGE), file=COVERAGE).latest.scope
    wrong = Reading(NOW + 20 * DAY, NOW + 20 * DAY, False, scope)
    days = [NOW.date() + number * DAY for number in range(-5, 20)]
    notes = Coverage.load(place.read(COVERAGE), file=COVERAGE).merged(
        Coverage({day: DayRecord(0, (wrong,)) for day in days})
    )
    with place.writing():
        for day in days[6:]:
            place.update(name_of(day), lambda content: dump(ARROW_SCHEMA.empty_table()))
        place.update(COVERAGE, lambda content: notes.dump())
        (tmp_path / "te-audit/_meta/manifest.json").unlink()
    assert archive.coverage().set_index("day").loc["2026-04-25", "complete"]
    world.now += DAY
    world.events += [event(NOW + 5 * HOUR), event(NOW - 3 * DAY, "late")]
    world.sync(archive, start=None)
    coverage = archive.coverage()
    assert coverage["day"].max() == pd.Timestamp("2026-04-21", tz="UTC")
    assert coverage["fetched_at"].max() == world.now
    assert not coverage.set_index("day").loc["2026-04-21", "complete"]
    world.now += 20 * DAY
    world.events.append(event(NOW + 12 * DAY))
    world.sync(archive, start=None)
    assert keys(archive.load()) == told(world)
    assert archive.coverage().iloc[:-1]["complete"].all()
