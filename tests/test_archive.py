"""The archive: what a sync reads, keeps and notes, and what comes back out."""

import json
import os
import stat
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.rawserver import RawServer, client_of, page, whole
from support.world import DAY, NOW, ClockAt, World, client_at, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.local_store import LocalStore


def files_of(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path(folder).rglob("*") if path.is_file()}


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


@pytest.mark.few
@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_sync_keeps_every_event_and_says_how_far_it_read(archive, order, workers):
    world = World(*many(15), event(NOW - 3 * DAY), event(NOW - 3 * DAY), order=order)
    report = world.sync(archive, workers=workers)
    events = archive.load()
    assert keys(events) == told(world)
    assert (events["date"].diff().dropna() >= pd.Timedelta(0)).all()
    assert report.events_added == len(events) == 15 * 7 + 2
    assert (report.days_added, report.days_changed, report.late_events, report.vanished_events) == (21, 0, 0, 0)
    assert report.requests == len(world.requests)
    paid = taf.receipt(events)
    assert (paid.source, paid.complete) == ("archive", True)
    assert paid.resolved == {"start": "2026-03-31T00:00:00Z", "end": "2026-04-20T09:59:00Z"}
    assert archive.verify().ok


def test_a_second_sync_with_nothing_new_reads_the_lookback_and_writes_nothing(archive, tmp_path):
    world = World(*many(15))
    first = world.sync(archive)
    before = files_of(tmp_path)
    second = world.sync(archive)
    assert files_of(tmp_path) == before
    assert (second.days_read, second.events_added) == (4, 0)
    assert second.requests < first.requests
    asked = [request.query["startDate"] for request in world.requests if "startDate" in request.query]
    assert min(asked) == "2026-04-16T23:59:59Z"  # 72 hours before the sync's end, from that day's midnight


def test_later_syncs_change_the_days_of_new_events_only(archive, tmp_path):
    world = World(*many(15))
    world.sync(archive)
    before = files_of(tmp_path)
    world.now += DAY
    world.events.append(event(NOW + timedelta(hours=3)))
    report = world.sync(archive)
    changed = {path.parent.name for path, content in files_of(tmp_path).items() if before.get(path) != content}
    assert changed == {"event_date=2026-04-20", "event_date=2026-04-21", "_meta"}
    assert (report.days_added, report.days_changed, report.events_added, report.late_events) == (1, 1, 1, 0)
    assert keys(archive.load()) == told(world)


def test_late_events_are_taken_in_and_reported(archive):
    world = World(*many(15))
    world.sync(archive)
    world.now += DAY
    world.events.append(event(NOW - 30 * timedelta(hours=1), "came late"))
    report = world.sync(archive)
    assert (report.late_events, report.latest_late_seconds) == (1, 30 * 3600)
    assert "by at least 1 day, 6:00:00" in repr(report)
    assert keys(archive.load()) == told(world)


def test_vanished_events_are_kept_and_reported(archive):
    world = World(*many(15))
    world.sync(archive)
    truth = told(world)
    gone = world.events.pop(9)
    assert gone["date"] > "2026-04-18"
    report = world.sync(archive)
    assert (report.vanished_events, report.events_added) == (1, 0)
    assert keys(archive.load()) == truth


def test_true_duplicates_stay_two_and_a_third_one_is_added(archive):
    twice = event(NOW - timedelta(hours=5))
    world = World(twice, dict(twice))
    world.sync(archive)
    world.sync(archive)
    assert len(archive.load()) == 2
    world.events.append(dict(twice))
    assert world.sync(archive).events_added == 1
    assert len(archive.load()) == 3


def test_a_rename_doubles_nothing(archive):
    world = World(event(NOW - timedelta(hours=5), user="Old (o@example.com)", accountGroupName="Before"))
    world.sync(archive)
    world.events[0] |= {"user": "New (n@example.com)", "accountGroupName": "After"}
    report = world.sync(archive)
    assert (report.events_added, report.vanished_events) == (0, 0)
    assert archive.load()["user"].tolist() == ["Old (o@example.com)"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"resources": [{"type": "testName", "name": "old"}]}, {"resources": [{"type": "testName", "name": "new"}]}),
        ({"uid": None, "user": "Ada"}, {"uid": "u", "user": "Ada"}),
        ({"uid": None, "user": None}, {"uid": "u", "user": "Ada"}),
        ({"ipAddress": None}, {"ipAddress": "10.0.0.1"}),
        ({"aid": None, "accountGroupName": "Shops"}, {"aid": "1", "accountGroupName": "Shops"}),
    ],
    ids=["resource renamed", "uid later", "person later", "address later", "aid later"],
)
def test_an_event_that_changed_is_not_doubled_late_or_vanished(archive, before, after):
    world = World(*(event(NOW - number * timedelta(hours=5)) | before for number in (1, 2)))
    world.sync(archive)
    world.events = [one | after for one in world.events]
    report = world.sync(archive)
    assert (report.events_added, report.late_events, report.vanished_events, report.fewer_keys) == (0, 0, 0, 0)
    assert (report.paired_events, report.scope) == (2, "all account groups")
    assert "2, changed since they were archived" in repr(report)
    events = archive.load()
    assert len(events) == 2
    # What came later is kept, what was renamed stays as it was.
    assert events["uid"].tolist() == ["u", "u"]
    assert events["aid"].tolist() == ["1", "1"]
    assert events["ip_address"].isna().any() == ("ipAddress" not in after)
    assert archive.verify().ok
    again = world.sync(archive)
    assert (again.events_added, again.days_changed) == (0, 0)


def test_an_unknown_persons_event_is_not_taken_for_one_that_a_narrower_token_sees(archive):
    hidden = event(NOW - timedelta(hours=5)) | {"uid": None, "user": None}
    others = [event(NOW - number * timedelta(hours=7), uid=uid) for number in range(1, 4) for uid in ("v", "w")]
    world = World(hidden, *others)
    world.sync(archive)
    # The same second and event, by the only person whose log this token sees; the other one is still there.
    world.events = [event(NOW - timedelta(hours=5))]
    assert world.sync(archive).scope == "all account groups, own log only"
    assert len(archive.load()) == len(others) + 2


def test_a_day_that_has_fewer_of_a_key_is_reported_with_it(archive):
    twice = event(NOW - timedelta(hours=5))
    world = World(twice, dict(twice), *many(3))
    world.sync(archive)
    world.events.remove(twice)
    report = world.sync(archive)
    key = {"date": "2026-04-20T05:00:00Z", "event": "User login.", "account_group": "1", "person": "u"}
    assert (report.fewer_keys, report.fewer) == (1, [key | {"archived": 2, "read": 1}])
    assert "2026-04-20T05:00:00Z, User login., 1, u: 1 read, 2 archived" in repr(report)
    assert json.loads(report.to_json())["fewer"] == report.fewer


def test_of_many_keys_that_a_day_has_fewer_of_twenty_are_named(archive):
    world = World(event(NOW - timedelta(hours=1)), *(event(NOW - timedelta(hours=5), f"event {k}") for k in range(25)))
    world.sync(archive)
    del world.events[1:]
    report = world.sync(archive)
    assert (report.fewer_keys, len(report.fewer), report.vanished_events) == (25, 20, 25)
    assert "of 25 keys; the archive keeps the most" in repr(report)
    assert "and 5 more" in repr(report)
    assert len(archive.load()) == 26


def test_empty_days_are_files_without_rows(archive):
    World(event(NOW - 5 * DAY)).sync(archive)
    rows = [pq.read_metadata(file).num_rows for file in archive.files()]
    assert len(rows) == 21
    assert sum(rows) == 1
    coverage = archive.coverage()
    assert coverage["events"].sum() == 1
    assert not coverage["gap"].any()


def test_coverage_shows_partial_days_sealed_days_and_gaps(archive):
    world = World(*many(15), now=NOW - 10 * DAY)
    world.sync(archive, start=world.now - 2 * DAY)
    World(*many(15)).sync(archive, start=NOW - 5 * DAY)
    coverage = archive.coverage().set_index("day")
    assert coverage.index.freq is None
    assert (coverage.index.diff()[1:] == DAY).all()
    assert coverage.loc["2026-04-11":"2026-04-14", "gap"].all()
    assert coverage.loc["2026-04-11":"2026-04-14", "events"].isna().all()
    assert coverage["gap"].sum() == 4
    assert coverage.loc["2026-04-16", "sealed"]
    assert not coverage.loc["2026-04-17", "sealed"]
    today = coverage.loc["2026-04-20"]
    assert not today["complete"]
    assert today["read_to"] == NOW - timedelta(minutes=1)
    assert not taf.receipt(archive.load()).complete
    assert taf.receipt(archive.load(start="2026-04-16", end="2026-04-20")).complete
    assert dict(coverage.dtypes.astype(str)) == {
        "events": "Int64",
        "gap": "bool",
        "complete": "bool",
        "sealed": "bool",
        "read_to": "datetime64[us, UTC]",
        "fetched_at": "datetime64[us, UTC]",
        "scope": "str",
    }


def test_days_are_read_until_they_are_over_by_the_lookback(archive):
    world = World(*many(15))
    world.sync(archive)
    world.now += 10 * DAY
    late = event(NOW - 3 * DAY + timedelta(minutes=5), "late, in a day that was not sealed")
    world.events.append(late)
    report = world.sync(archive, start=None)
    assert report.days_read == 14
    assert keys(archive.load()) == told(world)


def test_a_token_that_sees_fewer_groups_does_not_make_days_look_complete(archive):
    both = [event(NOW - (n * 7 + 1) * timedelta(hours=1), aid=aid) for n in range(60) for aid in ("1", "2")]
    world = World(*both)
    world.sync(archive)
    world.now += 2 * DAY
    world.events = [one for one in both if one["aid"] == "1"] + [event(NOW + DAY)]
    narrow = world.sync(archive)
    assert "without 2" in narrow.scope
    assert "without 2" in narrow.summary
    coverage = archive.coverage().set_index("day")
    assert not coverage.loc["2026-04-20":, "complete"].any()
    assert coverage.loc[:"2026-04-19", "complete"].all()
    assert not taf.receipt(archive.load(start="2026-04-20", end="2026-04-22")).complete
    assert len(archive.load()) == len(both) + 1
    # It stays so while the group has nothing in the lookback, and a token that sees it again puts it right.
    world.now += 10 * DAY
    assert "without 2" in world.sync(archive, start=None).scope
    world.events = [*both, event(NOW + DAY), event(NOW + 3 * DAY, aid="2"), event(NOW + 11 * DAY, aid="2")]
    report = world.sync(archive, start=None)
    assert report.scope == "all account groups"
    assert keys(archive.load()) == told(world)
    assert archive.coverage().iloc[:-1]["complete"].all()


def test_a_token_limited_to_its_own_log_is_told_apart(archive):
    both = [event(NOW - (n * 7 + 1) * timedelta(hours=1), uid=uid) for n in range(30) for uid in ("u", "v")]
    world = World(*both)
    world.sync(archive)
    world.events = [one for one in both if one["uid"] == "u"]
    world.now += DAY
    assert world.sync(archive).scope == "all account groups, own log only"
    assert not archive.coverage().set_index("day").loc["2026-04-20", "complete"]


def test_events_without_a_date_are_kept_once(archive):
    world = World(*many(3), {"event": "no date", "aid": "1", "uid": "u"}, event(NOW - DAY) | {"date": "soon"})
    with pytest.warns(taf.AuditFramesWarning, match="no column can hold"):
        first = world.sync(archive)
    with pytest.warns(taf.AuditFramesWarning, match="no column can hold"):
        assert world.sync(archive).events_added == 0
    assert (first.undated_events, first.coerced_values) == (2, 1)
    events = archive.load()
    assert events["date"].isna().sum() == 2
    assert events["date"].tail(2).isna().all()
    assert '"soon"' in events["extra"].dropna().iloc[0]
    assert archive.load(start="2026-04-01")["date"].notna().all()
    assert archive.verify().ok


def test_events_out_of_order_are_all_kept(archive):
    world = World(*many(15))
    shuffled = sorted(world.events, key=lambda one: zlib.crc32((one["date"] + one["event"]).encode()))
    pages = [shuffled[at : at + 10] for at in range(0, len(shuffled), 10)]

    def answer(request):
        if "window" in request.query:
            return whole(page(startDate="2026-04-20T09:59:58Z", endDate="2026-04-20T10:00:00Z"))
        if request.path.endswith("/account-groups"):
            return whole({"accountGroups": [{"aid": "1"}]})
        low, high = request.query["startDate"], request.query["endDate"]
        number = int(request.query.get("cursor", 0))
        inside = [one for one in pages[number] if low <= one["date"] <= high]
        query = f"startDate={low}&endDate={high}&cursor={number + 1}"
        following = f"/v7/audit-user-events?{query}" if number + 1 < len(pages) else None
        return whole(page(*inside, following=following))

    for workers in (1, 4):
        with RawServer(answer) as server:
            report = archive.sync(client_of(server, workers=workers, clock=ClockAt(NOW)), start="2026-04-01")
    assert report.events_added == 0
    assert keys(archive.load()) == told(world)
    assert archive.coverage().iloc[:-1]["complete"].all()


@pytest.mark.parametrize("widest", [timedelta(days=7), timedelta(hours=30)], ids=str)
def test_where_the_api_allows_only_short_ranges_halves_are_asked_for(archive, widest):
    world = World(*many(15, a_day=2))

    def answer(request):
        if "window" in request.query:
            return whole(page(startDate="2026-04-20T09:59:58Z", endDate="2026-04-20T10:00:00Z"))
        low, high = (datetime.fromisoformat(request.query[bound]) for bound in ("startDate", "endDate"))
        if high - low > widest:
            return whole({"title": "Bad", "status": 400, "detail": "the range is too wide"}, 400)
        inside = [one for one in world.events if low <= datetime.fromisoformat(one["date"]) <= high]
        return whole(page(*sorted(inside, key=lambda one: one["date"], reverse=True)))

    with RawServer(answer) as server:
        archive.sync(client_of(server, clock=ClockAt(NOW)), start="2026-04-01")
    assert keys(archive.load()) == told(world)


@pytest.mark.parametrize(
    "start",
    [pytest.param(NOW - 40 * DAY, id="from a day"), pytest.param(None, id="two years", marks=pytest.mark.full)],
)
def test_an_interrupted_first_sync_keeps_what_it_has_and_the_next_goes_on(archive, start):
    world = World(*many(40), page_size=20)
    with Sandbox(world.events, now=NOW, rate_limit=8, rate_period=1000, page_size=20) as api:
        client = client_at(api, NOW, workers=1, deadline=20)
        with pytest.raises(taf.RateLimited) as caught:
            archive.sync(client, start=start)
    assert "The archive keeps the 17 days read so far" in caught.value.__notes__[0]
    coverage = archive.coverage()
    assert coverage["gap"].tolist() == [True] * (len(coverage) - 17) + [False] * 17
    assert not taf.receipt(archive.load()).complete
    report = world.sync(archive, start=None)  # without a word on where the first one set out from
    assert report.days_read == len(coverage) - 17 + 4
    assert keys(archive.load()) == told(world)
    assert not archive.coverage()["gap"].any()


def test_days_that_the_vendor_has_forgotten_do_not_count_as_complete(archive):
    World(*many(15)).sync(archive, start="2024-04-10")
    coverage = archive.coverage().set_index("day")
    assert not coverage.loc[:"2024-04-20", "complete"].any()  # of the last of these, the vendor has a part
    assert coverage.loc["2024-04-21":"2026-04-19", "complete"].all()
    assert not taf.receipt(archive.load(start="2024-04-10", end="2024-05-01")).complete


def test_a_period_behind_the_last_sync_is_not_complete(archive):
    World(*many(3)).sync(archive)
    for start, end in (("2026-05-01", None), ("2026-05-01", "2026-06-01"), ("2026-04-19", "2026-04-21")):
        assert not taf.receipt(archive.load(start=start, end=end)).complete


def test_what_is_gone_from_the_disk_is_not_complete(archive, tmp_path):
    World(*many(15)).sync(archive)
    gone, poorer = (Path(file) for file in archive.files(start="2026-04-12", end="2026-04-14"))
    gone.unlink()
    other = taf.Archive(tmp_path / "other")
    World(*[one for one in many(15) if one["event"] != "event 0"]).sync(other, start="2026-04-13")
    poorer.write_bytes(Path(other.files(end="2026-04-14")[0]).read_bytes())
    for day in ("2026-04-12", "2026-04-13"):
        assert not taf.receipt(archive.load(start=day, end=pd.Timestamp(day, tz="UTC") + DAY)).complete
    assert taf.receipt(archive.load(start="2026-04-14", end="2026-04-19")).complete
    assert archive.coverage().set_index("day").loc["2026-04-12", "gap"]
    assert len(archive.coverage()) == 21


def test_days_may_be_links_to_another_disk_and_no_day_is_missed_in_silence(archive, tmp_path):
    world = World(*many(15))
    world.sync(archive)
    day = Path(archive.files()[-5]).parent
    day.rename(tmp_path / "elsewhere")
    day.symlink_to(tmp_path / "elsewhere")
    assert keys(archive.load()) == told(world)
    assert archive.verify().ok


def test_a_longer_lookback_looks_further_back_also_on_days_read_before(archive):
    world = World(*many(15))
    world.sync(archive)
    world.now += DAY
    world.events.append(event(NOW - 9 * DAY, "came very late"))
    assert world.sync(archive, start=None).late_events == 0
    report = world.sync(archive, start=None, lookback="30d")
    assert (report.late_events, keys(archive.load())) == (1, told(world))


@pytest.mark.few(count=1)
@pytest.mark.parametrize("lookback", ["72h", "60d"])
def test_a_narrower_token_is_told_whatever_the_lookback(archive, lookback):
    both = [event(NOW - n * DAY, aid=aid) for n in range(60) for aid in ("1", "2")]
    world = World(*both)
    world.sync(archive, start=NOW - 59 * DAY)
    world.now += 40 * DAY
    world.events = [one for one in both if one["aid"] == "1"] + [event(NOW + DAY)]
    assert "without 2" in world.sync(archive, start=None, lookback=lookback).scope
    assert not archive.coverage().set_index("day").loc["2026-04-20":, "complete"].any()


def test_groups_that_come_into_sight_are_not_late_and_those_out_of_sight_not_vanished(archive):
    one, two = many(15), [each | {"aid": "2"} for each in many(15)]
    world = World(*one)
    world.sync(archive)
    world.events = [*one, *two]
    wider = world.sync(archive)
    assert (wider.late_events, wider.events_added) == (0, len(two))
    world.events = two
    narrower = world.sync(archive)
    assert "without 1" in narrower.scope
    assert (narrower.late_events, narrower.vanished_events) == (0, 0)


def test_a_window_is_counted_back_from_where_the_last_sync_stopped(archive):
    world = World(*many(15))
    world.sync(archive, settle=60)
    events = archive.load(window="30h")
    end = NOW - timedelta(seconds=60)
    start = end - timedelta(hours=30)
    assert len(events) == sum(start <= datetime.fromisoformat(one["date"]) < end for one in world.events) > 0
    receipt = taf.receipt(events)
    assert (receipt.period.start, receipt.period.end, receipt.complete) == (start, end, True)
    assert archive.load(window=timedelta(hours=30)).equals(events)


def test_load_and_files_read_only_what_is_asked_for(archive):
    world = World(*many(15), event(NOW - DAY, aid="2", accountGroupName="Lab"))
    world.sync(archive)
    outside = Path(archive.files(end="2026-04-15")[0])
    outside.write_bytes(b"damaged")
    events = archive.load(start="2026-04-18", end="2026-04-19T12:00:00Z", columns=["event", "aid"])
    assert list(events.columns) == ["event", "aid"]
    assert len(events) == sum("2026-04-18" <= one["date"] < "2026-04-19T12" for one in world.events)
    files = archive.files(start="2026-04-18", end="2026-04-19T12:00:00Z")
    assert [Path(file).parent.name for file in files] == ["event_date=2026-04-18", "event_date=2026-04-19"]
    for group in ("2", 2, "Lab", ["Lab"]):
        assert archive.load(start="2026-04-18", account_groups=group)["aid"].tolist() == ["2"]
    assert archive.load(start="2026-04-18", account_groups=[]).empty
    with pytest.raises(taf.DamagedFile, match=r"SHA-256.*next sync fetches the day again"):
        archive.load()


def test_an_audit_frame_comes_out(archive):
    World(*many(3)).sync(archive)
    events = archive.load()
    assert list(events.columns) == list(COLUMNS)
    assert events.dtypes.equals(taf.read_pages([b'{"auditEvents": []}']).dtypes)
    assert int(taf.summarize_by_user(events)["events"].sum()) == len(events)
    assert archive.load(start="2020-01-01", end="2020-02-01").dtypes.equals(events.dtypes)


def test_verify_finds_what_is_wrong(archive):
    World(*many(15)).sync(archive)
    assert archive.verify().ok
    damaged, missing, misplaced, poorer = (Path(file) for file in archive.files()[-6:-2])
    flipped = bytearray(damaged.read_bytes())
    flipped[100] ^= 4
    damaged.write_bytes(flipped)
    missing.unlink()
    misplaced.write_bytes(poorer.read_bytes())
    poorer.write_bytes(Path(archive.files()[0]).read_bytes())
    (poorer.parent / "copy.parquet").write_bytes(b"")
    found = dict(archive.verify().problems)
    named = {Path(name).parent.name[-5:] + "/" + Path(name).name: said for name, said in found.items()}
    assert "SHA-256" in named["04-15/events.parquet"]
    assert "missing" in named["04-16/events.parquet"]
    assert "of another day" in named["04-17/events.parquet"]
    assert "had 7 once" in named["04-18/events.parquet"]
    assert "does not belong" in named["04-18/copy.parquet"]
    assert len(named) == 5
    assert not archive.verify().ok
    assert "SHA-256" in repr(archive.verify())


def test_the_reports_show_what_would_act_on_a_terminal(archive, tmp_path):
    world = World(event(NOW - DAY, aid="1"), event(NOW - DAY, aid="2\x1b[2J"))
    world.sync(archive)
    world.events.pop()
    report = world.sync(archive)
    (tmp_path / "te-audit/events/\x1b[1Aevil").touch()
    assert r"without 2\x1b[2J" in repr(report)
    assert r"events/\x1b[1Aevil" in repr(archive.verify())
    assert f"{report!r}{archive.verify()!r}".replace("\n", "").isprintable()


def test_a_file_that_was_removed_comes_back(archive):
    world = World(*many(15))
    world.sync(archive)
    sealed = Path(archive.files(end="2026-04-10")[-1])
    before = sealed.read_bytes()
    sealed.unlink()
    assert not archive.verify().ok
    report = world.sync(archive)
    assert (report.days_read, report.days_added, report.late_events) == (5, 1, 0)
    assert sealed.read_bytes() == before
    assert archive.verify().ok


def test_damaged_notes_are_found_and_can_be_made_anew(archive, tmp_path):
    world = World(*many(15))
    world.sync(archive)
    notes = tmp_path / "te-audit/_meta/coverage.json"
    notes.write_bytes(notes.read_bytes().replace(b"true", b"True", 1))
    assert [name for name, _ in archive.verify().problems] == ["_meta/coverage.json"]
    with pytest.raises(taf.ArchiveError, match="remove it"):
        world.sync(archive)
    notes.unlink()
    assert len(archive.load()) == 105
    assert not taf.receipt(archive.load()).complete
    report = world.sync(archive)
    assert (report.days_read, report.days_added, report.events_added) == (21, 0, 0)
    assert archive.verify().ok


def test_a_locked_archive_is_left_alone(archive, tmp_path):
    world = World(*many(3))
    with LocalStore(str(tmp_path / "te-audit")).writing(), pytest.raises(taf.ArchiveLocked, match="another process"):
        world.sync(archive)
    assert world.requests == []
    assert world.sync(archive).events_added == 21


@pytest.mark.skipif(os.name == "nt", reason="rights are POSIX")
def test_the_archive_is_for_its_owner_only(archive, tmp_path):
    os.umask(umask := os.umask(0))
    os.umask(0)
    try:
        World(*many(3)).sync(archive)
    finally:
        os.umask(umask)
    for path in [tmp_path / "te-audit", *(tmp_path / "te-audit").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_nothing_of_the_making_stands_in_the_table(archive, tmp_path):
    root = tmp_path / "te-audit"
    (root / "_staging").mkdir(parents=True)
    (root / "_staging/.te-audit-left.part").write_bytes(b"of a process that was killed")
    World(*many(3)).sync(archive)
    names = {path.name for path in root.rglob("*") if path.is_file()}
    assert names == {"events.parquet", "coverage.json", "manifest.json", "lock"}


def test_the_footer_says_what_the_file_is(archive):
    World(*many(3)).sync(archive)
    file = pq.ParquetFile(archive.files()[-1])
    footer = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    assert footer["te_audit_frames.rows"] == str(file.metadata.num_rows)
    assert json.loads(footer["te_audit_frames.key"])[0] == "date"
    assert json.loads(footer["te_audit_frames"])["schema_version"] == 1
    assert len(footer["te_audit_frames.sha256"]) == 64
    assert file.schema_arrow.remove_metadata().equals(ARROW_SCHEMA)


def test_saved_frames_are_taken_in(archive, tmp_path):
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


def saved(world, path, **question):
    with Sandbox(world.events, now=world.now, rate_limit=None) as api:
        client = client_at(api, world.now)
        taf.write_parquet(client.fetch_events(all_account_groups=True, **question), path)


def test_an_imported_period_that_had_not_passed_does_not_count_as_read(archive, tmp_path):
    today = pd.Timestamp.now(tz="UTC").floor("D")  # frames are dated by this machine's clock
    world = World(now=today.to_pydatetime() + timedelta(hours=10))
    saved(world, tmp_path / "saved.parquet", start=today - 5 * DAY, end=today + 30 * DAY)
    archive.import_parquet(tmp_path / "saved.parquet")
    coverage = archive.coverage()
    assert coverage["day"].max() < today
    assert coverage["complete"].any()
    assert not taf.receipt(archive.load(start=today, end=today + 20 * DAY)).complete


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
    # Nor does it make the archive forget what the token does not see.
    world.now += 3 * DAY
    assert "without 2" in world.sync(archive, start=None).scope
    # Where the frame came first, and the archive learns only later that there is another group.
    World(*both).sync(before)
    World(*[one for one in both if one["aid"] == "1"], now=NOW + DAY).sync(before, start=None)
    assert not before.coverage().set_index("day").loc["2026-04-20", "complete"]


@pytest.mark.full
def test_an_archive_that_only_imports_begins_with_two_years_when_it_syncs(archive, tmp_path):
    world = World(*many(40))
    saved(world, tmp_path / "week.parquet", start=NOW - 7 * DAY, end=NOW)
    archive.import_parquet(tmp_path / "week.parquet")
    world.sync(archive, start=None)
    assert keys(archive.load()) == told(world)


def test_export_writes_one_file_or_one_a_month(archive, tmp_path):
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


def test_the_report_is_json_too(archive):
    report = World(*many(3)).sync(archive)
    assert json.loads(report.to_json()) == report.to_dict()
    assert report.to_dict()["events_added"] == 21
    assert "\n" not in report.summary


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"start": "2026-04-01T00:00:00"}, "start: .* no time zone"),
        ({"start": "2030-01-01"}, "start: 2030-01-01 is not before"),
        ({"lookback": "3 days"}, "lookback: '3 days'"),
        ({"settle": -1}, "settle: -1"),
        ({"settle": "60s"}, "settle: '60s'"),
        ({"errors": "ignore"}, "errors: 'ignore'"),
    ],
)
def test_wrong_arguments_of_a_sync_are_named(archive, how, said):
    with pytest.raises(taf.InvalidArgument, match=said):
        World().sync(archive, **how)


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: taf.Archive(""), taf.InvalidArgument, "location: ''"),
        (lambda: taf.Archive("ftp://x/y"), taf.InvalidArgument, "location: ftp://x/y"),
        (lambda: taf.Archive("s3://"), taf.InvalidArgument, "location: s3://"),
        (lambda: taf.Archive("s3://bucket//te"), taf.InvalidArgument, "location: s3://bucket//te"),
        (lambda: taf.Archive("s3://bucket/a%20b"), taf.InvalidArgument, "location: .* has a %"),
        (lambda: taf.Archive("s3://bucket/a/../b"), taf.InvalidArgument, "location: .* has a /.."),
        (lambda: taf.Archive(Path("s3://bucket/te")), taf.InvalidArgument, "as text, not as a Path"),
        (lambda: taf.Archive("te*"), taf.InvalidArgument, r"location: te\* has a \*"),
        (lambda: taf.Archive("~no-such-user/te"), taf.InvalidArgument, "location: ~no-such-user/te"),
        (lambda: taf.Archive(__file__).load(), taf.ArchiveError, "a file is in the way"),
        (lambda: taf.Archive("te", storage_options={"region": "x"}), taf.InvalidArgument, "storage_options"),
        (lambda: taf.Archive("no-such-folder").load(), taf.ArchiveError, "no archive here yet"),
        (lambda: taf.Archive("no-such-folder").files(), taf.ArchiveError, "no archive here yet"),
        (lambda: taf.Archive("no-such-folder").verify(), taf.ArchiveError, "no archive here yet"),
        (lambda: taf.Archive("te").load(columns=["nope"]), taf.InvalidArgument, "columns: 'nope'"),
        (lambda: taf.Archive("te").load(start="2026-02-01", end="2026-01-01"), taf.InvalidArgument, "end: "),
        (lambda: taf.Archive("te").load(account_groups=1.5), taf.InvalidArgument, "account_groups: 1.5"),
        (lambda: taf.Archive("te").load(account_groups=[1.5]), taf.InvalidArgument, "account_groups: 1.5"),
        (lambda: taf.Archive("te").export("x", partition_by="year"), taf.InvalidArgument, "partition_by: 'year'"),
        (lambda: taf.Archive("te").load(window="1 week"), taf.InvalidArgument, "window: '1 week'"),
        (
            lambda: taf.Archive("te").load(window="7d", start="2026-01-01"),
            taf.InvalidArgument,
            "excludes start and end",
        ),
    ],
)
def test_wrong_use_is_named(act, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        act()
    assert list(tmp_path.iterdir()) == []
