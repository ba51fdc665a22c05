"""Snapshots of people in an archive: one per day, roles once a week, found by the instant that is asked about."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.directories import ACCOUNT_TOKEN, ADMIN, PLAIN, Directory, group, member, user
from support.rawserver import RawServer, page, whole
from support.world import DAY, client_at

import te_audit_frames as taf
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.storage.user_snapshots import snapshot_days

NOW = datetime(2026, 4, 20, 2, 15, tzinfo=UTC)
LOG = Organisation(events=400, seed=6, end=NOW + 30 * DAY, days=60)


class World:
    """A directory by hand, and a log without events, at a moment that a test moves."""

    def __init__(self):
        self.directory = Directory()
        self.now = NOW
        self.paths = []

    def answer(self, request):
        if request.path.endswith("/audit-user-events"):
            bounds = {name: request.query[name] for name in ("startDate", "endDate") if name in request.query}
            return whole(page(**bounds), Date=f"{self.now:%a, %d %b %Y %H:%M:%S GMT}")
        return self.directory.answer(request)

    def sync(self, archive, **how):
        with RawServer(self.answer) as server:
            client = client_at(server_with_token(server), self.now, retries=0)
            try:
                return archive.sync(client, users=True, start=NOW - 2 * DAY, **how)
            finally:
                asked = [request.path.removeprefix("/v7/") for request in server.requests]
                self.paths = sorted(path for path in asked if path != "audit-user-events")

    def refuse(self, *paths):
        for path in paths:
            self.directory[path] = 403


def server_with_token(server):
    server.token = "practice"
    return server


EVERYTHING = ["account-groups", "account-groups/1", "account-groups/2", "roles", "users"]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


def roles_of(users, uid):
    memberships = users.set_index("uid").loc[uid, "memberships"]
    return None if memberships is pd.NA else {each["aid"]: each["roles"] for each in memberships}


# ---- keeping ---------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_what_was_fetched(archive, tmp_path):
    with Sandbox(LOG, now=NOW, rate_limit=None) as api:
        client = client_at(api, NOW)
        report = archive.sync(client, users=True, start=NOW - 2 * DAY)
        fetched = client.fetch_users()
    users = archive.users()
    pd.testing.assert_frame_equal(users, fetched, check_like=False)
    assert taf.directory_receipt(users).source == "archive"
    assert taf.directory_receipt(users).complete
    assert (report.users, report.users_snapshot, report.roles_fetched) == (len(fetched), "2026-04-20", True)
    assert f"{len(fetched)} people" in report.summary
    assert "snapshot of 2026-04-20, roles fetched" in repr(report)
    assert json.loads(report.to_json())["users"] == len(fetched)
    path = tmp_path / "te-audit/users/snapshot_date=2026-04-20/users.parquet"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(taf.read_users(path)) == len(fetched)


def test_without_users_nothing_of_them_is_asked_or_kept(archive, tmp_path):
    with Sandbox(LOG, now=NOW) as api:
        report = archive.sync(client_at(api, NOW), start=NOW - 2 * DAY)
        assert not [request for request in api.requests if "users" in request.path]
    assert report.users is None
    assert "people" not in report.summary + repr(report)
    assert not (tmp_path / "te-audit/users").exists()
    with pytest.raises(taf.ArchiveError, match=r"there is no snapshot of people\. Archive\.sync\(client, users=True\)"):
        archive.users()


@pytest.mark.full
def test_roles_are_asked_for_once_a_week(world, archive):
    asked = {}
    for day in range(16):
        # A nightly run that is now a little early and now a little late.
        world.now = NOW + day * DAY + timedelta(seconds=(-1) ** day * 40)
        report = world.sync(archive)
        asked[day] = world.paths
        assert report.roles_fetched == (world.paths == EVERYTHING)
    assert [day for day, paths in asked.items() if paths == EVERYTHING] == [0, 7, 14]
    assert all(paths in (EVERYTHING, ["users"]) for paths in asked.values())


def test_roles_are_carried_forward_with_their_date(world, archive):
    world.sync(archive)
    world.now += DAY
    world.directory["users"] = {"users": [user("8", name="Renamed"), user("9")]}  # 7 has left, 9 is new
    world.directory["account-groups/1"] = world.directory.members("1", member("8", ADMIN), member("9", PLAIN))
    report = world.sync(archive)
    assert not report.roles_fetched
    assert "roles as in the snapshot before" in repr(report)
    users = archive.users()
    assert users["uid"].tolist() == ["8", "9"]
    assert users["name"].tolist() == ["Renamed", "User 9"]
    assert (users["fetched_at"] == NOW + DAY).all()
    assert roles_of(users, "8") == {"1": ["Regular User"], "2": ["Regular User"]}
    assert users["is_admin"].tolist() == [False, pd.NA]
    assert roles_of(users, "9") is None
    assert users["roles_fetched_at"].tolist() == [pd.Timestamp(NOW), pd.NaT]
    receipt = taf.directory_receipt(users)
    assert receipt.roles_asked_at == "2026-04-20T02:15:00Z"
    assert receipt.notes == [
        "memberships and roles are those of 2026-04-20T02:15:00Z",
        "people whose memberships are not known yet: 1",
    ]
    world.now += 6 * DAY
    assert world.sync(archive).roles_fetched
    users = archive.users()
    assert roles_of(users, "8") == {"1": ["Account Admin"], "2": ["Regular User"]}
    assert users["is_admin"].tolist() == [True, False]


def test_a_second_sync_of_a_day_replaces_its_snapshot(world, archive):
    world.sync(archive)
    world.now += timedelta(hours=5)
    world.directory["users"] = {"users": [user("7")]}
    world.sync(archive)
    assert archive.users()["uid"].tolist() == ["7"]
    assert (archive.users()["fetched_at"] == NOW + timedelta(hours=5)).all()
    assert archive.verify().ok


def test_who_is_only_in_an_account_group_is_not_lost_between_the_weeks(world, archive):
    world.directory["users"] = {"users": [user("7")]}
    world.sync(archive)
    world.now += DAY
    assert world.sync(archive).roles_fetched
    assert archive.users()["uid"].tolist() == ["7", "8"]


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_roles_that_are_refused_later_are_carried_forward(world, archive):
    world.sync(archive)
    world.now += 7 * DAY
    world.refuse("account-groups")
    report = world.sync(archive)
    assert not report.roles_fetched
    assert "people: account groups were refused, so memberships are null" in report.notes
    users = archive.users()
    assert roles_of(users, "7") == {"1": ["Account Admin", "Regular User"]}
    assert (users["roles_fetched_at"] == NOW).all()
    receipt = taf.directory_receipt(users)
    assert receipt.refused == ["account-groups"]
    assert receipt.roles_asked_at == "2026-04-27T02:15:00Z"  # so that they are not asked for every night
    world.now += DAY
    world.sync(archive)
    assert world.paths == ["users"]
    assert taf.directory_receipt(archive.users()).refused == ["account-groups"]


def test_users_that_are_refused_are_found_in_account_groups(world, archive):
    world.sync(archive)
    world.now += DAY
    world.refuse("users")
    report = world.sync(archive)
    assert report.roles_fetched
    assert archive.users()["uid"].tolist() == ["7", "8"]
    assert taf.directory_receipt(archive.users()).refused == ["users"]


def test_a_directory_that_is_refused_as_a_whole_is_noted(world, archive, tmp_path):
    world.refuse("users", "account-groups")
    with pytest.warns(taf.AuditFramesWarning, match="no snapshot of people was kept: page users: the API answered 403"):
        report = world.sync(archive)
    assert report.users is None
    assert any("View all users" in note for note in report.notes)
    assert not (tmp_path / "te-audit/users").exists()
    assert archive.verify(expect=report.manifest).ok


def test_another_failure_ends_the_sync_and_keeps_the_events(world, archive):
    world.sync(archive)
    world.now += DAY
    world.directory["users"] = 500
    with pytest.raises(taf.ServerError) as caught:
        world.sync(archive)
    assert "The events of this sync are kept" in caught.value.__notes__[0]
    assert archive.coverage()["complete"].tolist()[-2]
    assert (archive.users()["fetched_at"] == NOW).all()
    assert archive.verify().ok


def test_a_client_without_people_is_refused(archive):
    class Events:
        def __init__(self, client):
            self.iter_batches, self.page_size = client.iter_batches, client.page_size

    with Sandbox(LOG, now=NOW) as api, pytest.raises(taf.InvalidArgument, match="has no fetch_users"):
        archive.sync(Events(client_at(api, NOW)), users=True, start=NOW - DAY)
    assert not api.requests
    with Sandbox(LOG, now=NOW) as api, pytest.raises(taf.InvalidArgument, match="users: 'yes' is neither"):
        archive.sync(client_at(api, NOW), users="yes")


def test_account_tokens_are_not_kept(world, archive, tmp_path):
    world.directory["account-groups"] = {"accountGroups": [group("1", accountToken=ACCOUNT_TOKEN), group("2", "Two")]}
    report = world.sync(archive)
    files = [path for path in (tmp_path / "te-audit").rglob("*") if path.is_file()]
    assert len(files) > 4
    for content in [*(path.read_bytes() for path in files), report.to_json().encode(), repr(report).encode()]:
        assert ACCOUNT_TOKEN.encode() not in content
        assert b"accountToken" not in content


# ---- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_people_are_those_of_the_latest_snapshot_at_or_before(world, archive):
    for day in (0, 1, 4):
        world.now = NOW + day * DAY
        world.sync(archive)
    taken = {NOW + day * DAY for day in (0, 1, 4)}
    for hours in range(24 * 6):
        at = NOW + timedelta(hours=hours)
        assert archive.users(at=at)["fetched_at"].iloc[0] == max(moment for moment in taken if moment <= at)
    assert archive.users()["fetched_at"].iloc[0] == NOW + 4 * DAY
    second = timedelta(seconds=1)
    assert archive.users(at=NOW + DAY - second)["fetched_at"].iloc[0] == NOW
    assert archive.users(at=date(2026, 4, 22))["fetched_at"].iloc[0] == NOW + DAY
    # A bare date is the start of its day, before that day's snapshot was taken.
    assert archive.users(at="2026-04-21")["fetched_at"].iloc[0] == NOW
    with pytest.raises(taf.ArchiveError, match=r"at or before 2026-04-20T02:14:59Z; the first is of 2026-04-20"):
        archive.users(at=NOW - second)
    with pytest.raises(taf.InvalidArgument, match="at: "):
        archive.users(at="yesterday")
    with pytest.raises(taf.InvalidArgument, match="at: "):
        archive.users(at=datetime(2026, 4, 21))


@given(st.text(max_size=30))
def test_names_of_no_day_are_no_snapshots(text):
    class Store:
        def names(self, folder):
            return [f"users/snapshot_date={text}/users.parquet", "users/snapshot_date=2026-04-20/users.parquet"]

    days = snapshot_days(Store())
    assert date(2026, 4, 20) in days
    assert all(f"{day}" == text for day in days if day != date(2026, 4, 20))


def test_other_engines_read_the_snapshots(world, archive, tmp_path):
    for day in (0, 1):
        world.now = NOW + day * DAY
        world.sync(archive)
    glob = tmp_path / "te-audit/users/*/users.parquet"
    rows = duckdb.sql(f"select snapshot_date, uid, is_admin from '{glob}' order by all").fetchall()
    days = [date(2026, 4, 20), date(2026, 4, 21)]
    assert rows == [(day, uid, is_admin) for day in days for uid, is_admin in (("7", True), ("8", False))]
    polars = pl.read_parquet(glob, hive_partitioning=True)
    assert polars.group_by("snapshot_date").len().sort("snapshot_date")["len"].to_list() == [2, 2]


# ---- the rest of the archive -----------------------------------------------------------------------------------------


@pytest.fixture
def two_days(archive):
    for day in (0, 1):
        now = NOW + day * DAY
        with Sandbox(LOG, now=now, rate_limit=None) as api:
            report = archive.sync(client_at(api, now), users=True, start=NOW - 2 * DAY)
    return report


def test_the_events_are_as_without_snapshots(two_days, archive, tmp_path):
    now = NOW + DAY
    plain = taf.Archive(tmp_path / "plain")
    with Sandbox(LOG, now=now, rate_limit=None) as api:
        plain.sync(client_at(api, now), start=NOW - 2 * DAY)
    assert archive.load().equals(plain.load())
    assert archive.coverage()[["day", "events"]].equals(plain.coverage()[["day", "events"]])
    assert [Path(file).name for file in archive.files()] == ["events.parquet"] * 4
    archive.export(tmp_path / "all.parquet")
    assert len(taf.read_parquet(tmp_path / "all.parquet")) == len(plain.load())


def test_snapshots_are_verified(two_days, archive, tmp_path):
    found = archive.verify(expect=two_days.manifest)
    assert found.ok
    assert found.files == 4 + 2 + 2
    assert found.events == len(archive.load())
    first, second = sorted((tmp_path / "te-audit/users").rglob("*.parquet"))
    content = second.read_bytes()

    def problems():
        return {name.removeprefix("users/snapshot_date="): told for name, told in archive.verify().problems}

    damaged = bytearray(content)
    damaged[100] ^= 1
    second.write_bytes(damaged)
    assert "SHA-256" in problems()["2026-04-21/users.parquet"]
    with pytest.raises(taf.DamagedFile, match="2026-04-21"):
        archive.users()
    second.write_bytes(first.read_bytes())
    assert problems() == {
        "2026-04-21/users.parquet": "it is not the one that was written last. Restore that from a backup."
    }
    second.unlink()
    assert problems()["2026-04-21/users.parquet"].startswith("it is missing. Restore it from a backup")
    second.write_bytes(content)
    stray = second.with_name("copy.parquet")
    stray.write_bytes(content)
    assert "does not belong here" in problems()["2026-04-21/copy.parquet"]
    stray.unlink()
    foreign = tmp_path / "te-audit/users/snapshot_date=2026-04-01/users.parquet"
    foreign.parent.mkdir()
    foreign.write_bytes(content)
    assert problems()["2026-04-01/users.parquet"].startswith("it is foreign")
    foreign.unlink()
    assert archive.verify(expect=two_days.manifest).ok


def test_a_new_manifest_takes_the_snapshots_in(two_days, archive, tmp_path):
    (tmp_path / "te-audit/_meta/manifest.json").unlink()
    now = NOW + DAY + timedelta(hours=1)
    with Sandbox(LOG, now=now) as api:
        report = archive.sync(client_at(api, now), start=NOW - 2 * DAY)
    assert any("no manifest" in note for note in report.notes)
    assert archive.verify().ok
    next((tmp_path / "te-audit/users").rglob("*.parquet")).unlink()
    assert not archive.verify().ok


def test_an_interrupted_write_leaves_a_sound_archive(world, archive, monkeypatch):
    world.sync(archive)
    world.now += DAY
    replace = Path.replace

    def fail(self, target):
        if "users" in Path(target).parts:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(taf.FileError, match="No space left"):
            world.sync(archive)
    assert archive.verify().ok
    assert (archive.users()["fetched_at"] == NOW).all()
    world.sync(archive)
    assert archive.verify().ok
    assert (archive.users()["fetched_at"] == NOW + DAY).all()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_snapshot_is_not_written_through_a_link(world, archive, tmp_path):
    world.sync(archive)
    path = tmp_path / "te-audit/users/snapshot_date=2026-04-20/users.parquet"
    elsewhere = tmp_path / "elsewhere.parquet"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    world.now += timedelta(hours=1)
    with pytest.raises(taf.ArchiveError, match="symbolic link"):
        world.sync(archive)
    assert elsewhere.read_bytes() == before


@pytest.mark.full
def test_snapshots_in_a_bucket(world, bucket):
    archive = taf.Archive(bucket)
    report = world.sync(archive)
    assert report.users == 2
    world.now += DAY
    report = world.sync(archive)
    assert not report.roles_fetched
    assert archive.verify(expect=report.manifest).ok
    assert (archive.users()["fetched_at"] == NOW + DAY).all()
    assert (archive.users(at=NOW)["fetched_at"] == NOW).all()
    assert roles_of(archive.users(), "7") == {"1": ["Account Admin", "Regular User"]}
