"""The archive: what syncs read, keep and record, and what `load` returns."""

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


def test_late_events_are_added_and_reported(archive):
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


def test_two_equal_events_stay_two_and_a_third_is_added(archive):
    twice = event(NOW - timedelta(hours=5))
    world = World(twice, dict(twice))
    world.sync(archive)
    world.sync(archive)
    assert len(archive.load()) == 2
    world.events.append(dict(twice))
    assert world.sync(archive).events_added == 1
    assert len(archive.load()) == 3


def test_a_renamed_event_is_not_added_again(archive):
    world = World(event(NOW - timedelta(hours=5), user="Old (o@example.com)", accountGroupName="Before"))
    world.sync(archive)
    world.events[0] |= {"user": "New (n@example.com)", "accountGroupName": "After"}
    report = world.sync(archive)
    assert (report.events_added, report.vanished_events) == (0, 0)
    assert archive.load()["user"].tolist() == ["Old (o@example.com)"]


@pytest.mark.few(count=2)
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
def test_an_event_that_changed_is_not_added_again_and_neither_late_nor_vanished(archive, before, after):
    world = World(*(event(NOW - number * timedelta(hours=5)) | before for number in (1, 2)))
    world.sync(archive)
    world.events = [one | after for one in world.events]
    report = world.sync(archive)
    assert (report.events_added, report.late_events, report.vanished_events, report.fewer_keys) == (0, 0, 0, 0)
    assert (report.paired_events, report.scope) == (2, "all account groups")
    assert "2, changed since they were archived" in repr(report)
    events = archive.load()
    assert len(events) == 2
    # A value that was filled in later is kept. A renamed value keeps its old name.
    assert events["uid"].tolist() == ["u", "u"]
    assert events["aid"].tolist() == ["1", "1"]
    assert events["ip_address"].isna().any() == ("ipAddress" not in after)
    assert archive.verify().ok
    again = world.sync(archive)
    assert (again.events_added, again.days_changed) == (0, 0)


def test_an_event_without_a_person_is_not_confused_with_one_that_a_narrower_token_sees(archive):
    hidden = event(NOW - timedelta(hours=5)) | {"uid": None, "user": None}
    others = [event(NOW - number * timedelta(hours=7), uid=uid) for number in range(1, 4) for uid in ("v", "w")]
    world = World(hidden, *others)
    world.sync(archive)
    # The same second and event, by the only person that this token sees. The other event must stay.
    world.events = [event(NOW - timedelta(hours=5))]
    assert world.sync(archive).scope == "all account groups, own log only"
    assert len(archive.load()) == len(others) + 2


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


def test_days_are_read_again_until_the_lookback_is_over(archive):
    world = World(*many(15))
    world.sync(archive)
    world.now += 10 * DAY
    late = event(NOW - 3 * DAY + timedelta(minutes=5), "late, in a day that was not sealed")
    world.events.append(late)
    report = world.sync(archive, start=None)
    assert report.days_read == 14
    assert keys(archive.load()) == told(world)


@pytest.mark.full
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
    # This lasts while the group has no events in the lookback, until a token sees the group again.
    world.now += 10 * DAY
    assert "without 2" in world.sync(archive, start=None).scope
    world.events = [*both, event(NOW + DAY), event(NOW + 3 * DAY, aid="2"), event(NOW + 11 * DAY, aid="2")]
    report = world.sync(archive, start=None)
    assert report.scope == "all account groups"
    assert keys(archive.load()) == told(world)
    assert archive.coverage().iloc[:-1]["complete"].all()


def test_a_token_that_sees_only_its_own_log_is_recognised(archive):
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


@pytest.mark.full
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


@pytest.mark.few(count=1)
@pytest.mark.parametrize("widest", [timedelta(days=7), timedelta(hours=30)], ids=str)
def test_if_the_api_allows_only_short_ranges_the_range_is_halved(archive, widest):
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
def test_the_sync_after_an_interrupted_first_one_goes_on_from_there(archive, start):
    world = World(*many(40), page_size=20)
    with Sandbox(world.events, now=NOW, rate_limit=8, rate_period=1000, page_size=20, max_parameter="ignored") as api:
        client = client_at(api, NOW, workers=1, deadline=20)
        with pytest.raises(taf.RateLimited) as caught:
            archive.sync(client, start=start)
    assert "The archive keeps the 17 days read so far" in caught.value.__notes__[0]
    coverage = archive.coverage()
    assert coverage["gap"].tolist() == [True] * (len(coverage) - 17) + [False] * 17
    assert not taf.receipt(archive.load()).complete
    report = world.sync(archive, start=None)  # the first day of the interrupted sync is known
    assert report.days_read == len(coverage) - 17 + 4
    assert keys(archive.load()) == told(world)
    assert not archive.coverage()["gap"].any()


@pytest.mark.full  # it writes two years of day files
def test_days_that_the_vendor_has_forgotten_do_not_count_as_complete(archive):
    World(*many(15)).sync(archive, start="2024-04-10")
    coverage = archive.coverage().set_index("day")
    assert not coverage.loc[:"2024-04-20", "complete"].any()  # of the last of these days, the vendor still has a part
    assert coverage.loc["2024-04-21":"2026-04-19", "complete"].all()
    assert not taf.receipt(archive.load(start="2024-04-10", end="2024-05-01")).complete


def test_a_period_after_the_last_sync_is_not_complete(archive):
    World(*many(3)).sync(archive)
    for start, end in (("2026-05-01", None), ("2026-05-01", "2026-06-01"), ("2026-04-19", "2026-04-21")):
        assert not taf.receipt(archive.load(start=start, end=end)).complete


def test_a_day_whose_file_is_gone_is_not_complete(archive, tmp_path):
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


def test_days_may_be_links_to_another_disk_and_a_broken_link_is_an_error(archive, tmp_path):
    world = World(*many(15))
    world.sync(archive)
    day = Path(archive.files()[-5]).parent
    day.rename(tmp_path / "elsewhere")
    day.symlink_to(tmp_path / "elsewhere")
    assert keys(archive.load()) == told(world)
    assert archive.verify().ok


@pytest.mark.full
def test_a_longer_lookback_reads_more_of_the_days_read_before(archive):
    world = World(*many(15))
    world.sync(archive)
    world.now += DAY
    world.events.append(event(NOW - 9 * DAY, "came very late"))
    assert world.sync(archive, start=None).late_events == 0
    report = world.sync(archive, start=None, lookback="30d")
    assert (report.late_events, keys(archive.load())) == (1, told(world))


@pytest.mark.few(count=1)
@pytest.mark.parametrize("lookback", ["72h", "60d"])
@pytest.mark.full
def test_a_narrower_token_is_recognised_with_any_lookback(archive, lookback):
    both = [event(NOW - n * DAY, aid=aid) for n in range(60) for aid in ("1", "2")]
    world = World(*both)
    world.sync(archive, start=NOW - 59 * DAY)
    world.now += 40 * DAY
    world.events = [one for one in both if one["aid"] == "1"] + [event(NOW + DAY)]
    assert "without 2" in world.sync(archive, start=None, lookback=lookback).scope
    assert not archive.coverage().set_index("day").loc["2026-04-20":, "complete"].any()


@pytest.mark.full
def test_events_of_newly_visible_groups_are_not_late_and_of_invisible_ones_not_vanished(archive):
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


def test_a_window_ends_where_the_last_sync_ended(archive):
    world = World(*many(15))
    world.sync(archive, settle=60)
    events = archive.load(window="30h")
    end = NOW - timedelta(seconds=60)
    start = end - timedelta(hours=30)
    assert len(events) == sum(start <= datetime.fromisoformat(one["date"]) < end for one in world.events) > 0
    receipt = taf.receipt(events)
    assert (receipt.period.start, receipt.period.end, receipt.complete) == (start, end, True)
    assert archive.load(window=timedelta(hours=30)).equals(events)


def test_load_and_files_return_only_the_period_asked_for(archive):
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


def test_load_returns_an_audit_frame(archive):
    World(*many(3)).sync(archive)
    events = archive.load()
    assert list(events.columns) == list(COLUMNS)
    assert events.dtypes.equals(taf.read_pages([b'{"auditEvents": []}']).dtypes)
    assert int(taf.summarize_by_user(events)["events"].sum()) == len(events)
    assert archive.load(start="2020-01-01", end="2020-02-01").dtypes.equals(events.dtypes)


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


def test_a_locked_archive_is_not_changed(archive, tmp_path):
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


def test_no_temporary_file_is_in_the_table(archive, tmp_path):
    root = tmp_path / "te-audit"
    (root / "_staging").mkdir(parents=True)
    (root / "_staging/.te-audit-left.part").write_bytes(b"of a process that was killed")
    World(*many(3)).sync(archive)
    names = {path.name for path in root.rglob("*") if path.is_file()}
    assert names == {"events.parquet", "coverage.json", "manifest.json", "lock"}


def test_the_footer_describes_the_file(archive):
    World(*many(3)).sync(archive)
    file = pq.ParquetFile(archive.files()[-1])
    footer = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    assert footer["te_audit_frames.rows"] == str(file.metadata.num_rows)
    assert json.loads(footer["te_audit_frames.key"])[0] == "date"
    assert json.loads(footer["te_audit_frames"])["schema_version"] == 1
    assert len(footer["te_audit_frames.sha256"]) == 64
    assert file.schema_arrow.remove_metadata().equals(ARROW_SCHEMA)


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
def test_wrong_arguments_are_named(act, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        act()
    assert list(tmp_path.iterdir()) == []


def test_the_repr_names_the_location(archive, tmp_path):
    assert repr(archive) == f"Archive({str(tmp_path / 'te-audit')!r})"
