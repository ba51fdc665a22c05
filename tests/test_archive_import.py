"""Importing saved frames into an archive, and how much their receipts prove."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from support.world import DAY, NOW, World, client_at, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.periods import iso
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ATTRS_KEY
from te_audit_frames.storage import archive_import

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def claim(path, *moments, start, end=TODAY, fetched_at=None, **fields):
    """Save events with the receipt of a complete fetch of some period."""
    sent = [event(moment) for moment in moments]
    events = taf.read_pages([json.dumps({"auditEvents": sent}).encode()])
    receipt = taf.receipt(events).to_dict()
    events.attrs[ATTRS_KEY] = receipt | {
        "source": "api",
        "resolved": {"start": text(start), "end": text(end)},
        "scope": {"aid": None, "all_account_groups": True},
        "complete": True,
        "fetched_at": text(fetched_at or TODAY),
        **fields,
    }
    taf.write_parquet(events, path)
    return path


def text(moment):
    return moment if isinstance(moment, str) else moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


@pytest.mark.full
@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("0002-01-01T00:00:00Z", "9998-12-31T00:00:00Z", id="0002-9998"),
        pytest.param("2000-01-01T00:00:00Z", TODAY, id="2000-now", marks=pytest.mark.full),
    ],
)
def test_days_without_events_are_kept_only_where_the_vendor_had_them(archive, tmp_path, start, end):
    moments = [TODAY - number * DAY - timedelta(hours=1) for number in range(3, 1_000, 20)]
    assert archive.import_parquet(claim(tmp_path / "saved.parquet", *moments, start=start, end=end)) == 50
    two_years_ago = pd.Timestamp(TODAY) - pd.DateOffset(years=2)
    days = {pd.Timestamp(moment).floor("D") for moment in moments}
    kept = archive.coverage().query("not gap")["day"]
    assert set(kept) == days | set(pd.date_range(two_years_ago, TODAY - 2 * DAY))
    assert archive.verify().ok


def test_days_without_events_between_those_of_the_archive_are_kept(archive, tmp_path):
    far, near = TODAY - 1_500 * DAY, TODAY - 1_400 * DAY
    archive.import_parquet(claim(tmp_path / "a.parquet", far, near, start=near, end=near + DAY, complete=False))
    assert len(archive.files()) == 2
    fetched_at = TODAY - 300 * DAY  # when the vendor no longer had these days
    path = claim(tmp_path / "b.parquet", start=TODAY - 2_000 * DAY, end=near + 5 * DAY, fetched_at=fetched_at)
    archive.import_parquet(path)
    kept = archive.coverage().query("not gap")["day"]
    assert kept.min() == far
    assert kept.max() == near
    assert len(kept) == 101


@pytest.mark.full
def test_too_many_days_are_refused_before_anything_is_written(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_import, "_MOST_NEW_FILES", 400)  # to save time
    moments = [TODAY - number * DAY for number in range(1, 700, 14)]
    path = claim(tmp_path / "saved.parquet", *moments, start=TODAY - 6_000 * DAY)
    with pytest.raises(taf.InvalidArgument, match=r"saved.parquet would add 73[01] days .* import it in parts"):
        archive.import_parquet(path)
    assert not list((tmp_path / "te-audit").rglob("*.parquet"))
    middle = TODAY - 350 * DAY
    for number, (start, end) in enumerate([("2000-01-01", middle), (middle, TODAY)]):
        part = taf.read_parquet(path, start=start, end=end)
        taf.write_parquet(part, tmp_path / f"{number}.parquet")
        archive.import_parquet(tmp_path / f"{number}.parquet")
    assert len(archive.load()) == len(moments)
    # Each part is complete for its own period, so its days without events are kept, too.
    assert len(archive.coverage().query("not gap")) >= 728


def test_an_event_outside_the_calendar_is_refused(archive, tmp_path):
    path = claim(tmp_path / "saved.parquet", start=TODAY - DAY)
    events = taf.read_pages([b'{"auditEvents": [{"event": "x", "date": "9999-12-31T23:00:00Z"}]}'])
    taf.write_parquet(events, path)
    with pytest.raises(taf.NotAnAuditFrame, match=r"saved.parquet: the date of an event is day 2,932,896 after 1970"):
        archive.import_parquet(path)


def test_a_frame_cannot_have_been_fetched_in_the_future(archive, tmp_path):
    path = claim(tmp_path / "saved.parquet", start=TODAY - 5 * DAY, end=TODAY + 900 * DAY, fetched_at=TODAY + 999 * DAY)
    archive.import_parquet(path)
    coverage = archive.coverage()
    assert coverage["day"].max() <= pd.Timestamp.now(tz="UTC") - DAY
    assert (coverage["fetched_at"] <= pd.Timestamp.now(tz="UTC")).all()


def test_an_import_merges_with_what_a_sync_kept(archive, tmp_path):
    World(*many(5)).sync(archive)
    before = archive.coverage()
    path = claim(tmp_path / "saved.parquet", NOW - DAY - timedelta(hours=3, seconds=1), start=NOW - 2 * DAY, end=NOW)
    assert archive.import_parquet(path) == 1
    assert len(archive.load()) == 36
    assert len(archive.coverage()) == len(before)


def saved(world, path, **question):
    with Sandbox(world.events, now=world.now, rate_limit=None) as api:
        client = client_at(api, world.now)
        taf.write_parquet(client.fetch_events(all_account_groups=True, **question), path)


def test_saved_frames_are_added_once(archive, tmp_path):
    world = World(*many(15))
    with Sandbox(world.events, now=NOW, rate_limit=None) as api:
        client = client_at(api, NOW)
        events = client.fetch_events(start="2026-04-08T12:00:00Z", end="2026-04-14", all_account_groups=True)
    taf.write_parquet(events, tmp_path / "saved.parquet")
    assert archive.import_parquet(tmp_path / "saved.parquet") == len(events)
    assert archive.import_parquet(tmp_path / "saved.parquet") == 0
    assert keys(archive.load()) == keys(events)
    coverage = archive.coverage()
    assert len(coverage) == 5
    assert coverage["complete"].all()
    taf.write_parquet(events[events["event"] == "event 0"], tmp_path / "filtered.parquet")
    other = taf.Archive(tmp_path / "other")
    assert other.import_parquet(tmp_path / "filtered.parquet") == (events["event"] == "event 0").sum()
    assert (other.coverage()["events"].sum(), other.coverage()["complete"].any()) == (5, False)
    Path(other.files()[0]).unlink()
    assert "missing" in other.verify().problems[0][1]
    report = world.sync(archive)
    assert report.events_added == 15 * 7 - len(events)
    assert report.days_read == 21 - 5  # the imported days count as read


def test_an_imported_period_that_had_not_passed_does_not_count_as_read(archive, tmp_path):
    today = pd.Timestamp.now(tz="UTC").floor("D")  # a frame's receipt has the time of this machine's clock
    world = World(now=today.to_pydatetime() + timedelta(hours=10))
    saved(world, tmp_path / "saved.parquet", start=today - 5 * DAY, end=today + 30 * DAY)
    archive.import_parquet(tmp_path / "saved.parquet")
    coverage = archive.coverage()
    assert coverage["day"].max() < today
    assert coverage["complete"].any()
    assert not taf.receipt(archive.load(start=today, end=today + 20 * DAY)).complete


@pytest.mark.full
def test_an_imported_frame_of_a_narrower_token_proves_nothing(archive, tmp_path):
    both = [event(NOW - (n * 7 + 1) * timedelta(hours=1), aid=aid) for n in range(60) for aid in ("1", "2")]
    world = World(*both)
    world.sync(archive)
    world.now += 2 * DAY
    world.events = [one for one in both if one["aid"] == "1"] + [event(NOW + DAY)]
    world.sync(archive, start=None)
    saved(world, tmp_path / "narrow.parquet", start="2026-04-18", end="2026-04-22")
    for place in (archive, before := taf.Archive(tmp_path / "before")):
        place.import_parquet(tmp_path / "narrow.parquet")
    assert not archive.coverage().set_index("day").loc["2026-04-20":, "complete"].any()
    # The archive still remembers which group the token does not see.
    world.now += 3 * DAY
    assert "without 2" in world.sync(archive, start=None).scope
    # The same if the frame is imported first, and the other group appears only later.
    World(*both).sync(before)
    World(*[one for one in both if one["aid"] == "1"], now=NOW + DAY).sync(before, start=None)
    assert not before.coverage().set_index("day").loc["2026-04-20", "complete"]


@pytest.mark.full
def test_the_first_sync_of_an_imported_archive_goes_back_two_years(archive, tmp_path):
    world = World(*many(40))
    saved(world, tmp_path / "week.parquet", start=NOW - 7 * DAY, end=NOW)
    archive.import_parquet(tmp_path / "week.parquet")
    world.sync(archive, start=None)
    assert keys(archive.load()) == told(world)


@pytest.mark.full
def test_a_window_of_an_imported_archive_has_its_newest_events(tmp_path):
    archive = taf.Archive(tmp_path / "te-audit")
    with Sandbox(500, days=5) as api, taf.Client(token=api.token, base_url=api.url) as client:
        events = client.fetch_events(window="10d")
        taf.write_parquet(events, tmp_path / "events.parquet")
        archive.import_parquet(tmp_path / "events.parquet")
        loaded = archive.load(window="10d")
        assert len(loaded) == 500
        assert not taf.receipt(loaded).complete  # the last day is not over
        newest = events["date"].max().floor("D") + pd.Timedelta(days=1)
        assert taf.receipt(archive.load(window="1d")).period.end == newest
        report = archive.sync(client, settle=0)
        assert iso(taf.receipt(archive.load(window="1d")).period.end) == report.end
