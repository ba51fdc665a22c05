"""The manifest: what a verification finds that no file shows by itself."""

import json
import shutil
from pathlib import Path

import pytest
from support.world import DAY, NOW, World, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.storage.day_file import name_of
from te_audit_frames.storage.ledger import Ledger, Made, digest_of, read_manifest
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import MANIFEST, Entry, Manifest


@pytest.fixture
def place(tmp_path):
    return tmp_path / "te-audit"


@pytest.fixture
def archive(place):
    archive = taf.Archive(place)
    World(*many(15), {"event": "no date", "aid": "1"}).sync(archive)
    return archive


def problems(archive, **how):
    found = archive.verify(**how)
    assert found.ok == (not found.problems)
    return dict(found.problems)


def put_back(place, yesterday, *names):
    for name in names:
        shutil.copyfile(yesterday / name, place / name)


def test_the_manifest_names_every_file_and_the_account_groups(archive, place):
    manifest = Manifest.load((place / MANIFEST).read_bytes(), file="manifest.json")
    ours = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert ours - manifest.files.keys() == {MANIFEST, "_meta/lock"}
    assert manifest.groups == ("1",)
    assert (manifest.parents, manifest.unfinished()) == ((), set())
    for name, entry in manifest.files.items():
        assert entry.sha256 == digest_of((place / name).read_bytes())
    assert sum(entry.rows or 0 for entry in manifest.files.values()) == 15 * 7 + 1
    assert json.loads((place / MANIFEST).read_bytes())["digest"] == manifest.digest


def test_each_sync_that_changes_something_has_the_digest_before_as_its_parent(archive, place):
    world = World(*many(15), {"event": "no date", "aid": "1"})
    first = Manifest.load((place / MANIFEST).read_bytes(), file="manifest.json").digest
    unchanged = world.sync(archive)
    assert unchanged.manifest == first
    world.now += DAY
    report = world.sync(archive)
    manifest = Manifest.load((place / MANIFEST).read_bytes(), file="manifest.json")
    assert (report.manifest, manifest.parents) == (manifest.digest, (first,))
    assert report.manifest in report.summary
    assert report.manifest in repr(report)
    assert report.notes == []
    assert archive.verify(expect=report.manifest.upper()).ok
    said = problems(archive, expect=first)[MANIFEST]
    assert "was the one before it" in said
    with pytest.raises(taf.InvalidArgument, match="expect: 'latest' is not a manifest's digest"):
        archive.verify(expect="latest")


@pytest.mark.parametrize("name", ["_meta/coverage.json", name_of(None), name_of((NOW - 9 * DAY).date())])
def test_a_file_that_was_deleted_is_missed_and_a_sync_brings_it_back(archive, place, name):
    (place / name).unlink()
    assert list(problems(archive)) == [name]
    assert "it is missing" in problems(archive)[name]
    if name == name_of(None):  # in which part of the log they came is not known, so all of it has to be read again
        assert "coverage.json" in problems(archive)[name]
        (place / "_meta/coverage.json").unlink()
    World(*many(15), {"event": "no date", "aid": "1"}).sync(archive)
    assert problems(archive) == {}


def test_without_a_manifest_nothing_is_ok_and_the_next_sync_says_it_cannot_compare(archive, place):
    (place / MANIFEST).unlink()
    assert "there is none" in problems(archive)[MANIFEST]
    report = World(*many(15)).sync(archive)
    assert "not comparable with before" in report.notes[0]
    assert "not comparable with before" in report.summary
    assert "not comparable with before" in repr(report)
    assert problems(archive) == {}
    assert len(archive.load()) == 15 * 7 + 1


def test_files_put_back_from_yesterday_are_found_and_no_later_sync_hides_them(archive, place, tmp_path):
    world = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"}, {"event": "another"})
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    digest = world.sync(archive).manifest
    day, undated = name_of((NOW - DAY).date()), name_of(None)
    put_back(place, yesterday, day, undated)
    found = problems(archive)
    # The notes know how many events the day had; of the undated only the manifest does.
    assert "had 8 once" in found[day]
    assert "it is older: it has 1 events of 2" in found[undated]
    # The vendor has forgotten, so that a sync cannot make it good.
    world.events = world.events[:-3]
    with pytest.warns(taf.AuditFramesWarning, match="something else changed events/.*run a verification"):
        report = world.sync(archive)
    assert "something else changed" in report.notes[0]
    assert set(problems(archive)) == {day, undated}
    # A backup does.
    today = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"}, {"event": "another"})
    shutil.rmtree(place)
    shutil.copytree(yesterday, place)
    assert today.sync(archive).manifest == digest
    assert problems(archive, expect=digest) == {}


def test_what_a_sync_makes_good_is_good(archive, place, tmp_path):
    world = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"})
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    world.sync(archive)
    put_back(place, yesterday, name_of((NOW - DAY).date()))
    world.sync(archive)
    assert problems(archive) == {}
    assert keys(archive.load().dropna(subset="date")) == told(world)


def test_notes_put_back_from_yesterday_are_found(archive, place, tmp_path):
    world = World(*many(15), now=NOW + DAY)
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    world.sync(archive)
    put_back(place, yesterday, "_meta/coverage.json")
    assert "not the one that was written last" in problems(archive)["_meta/coverage.json"]


def test_a_day_of_another_organisation_is_foreign(archive, place, tmp_path):
    other = taf.Archive(tmp_path / "other")
    World(*[each | {"aid": "99"} for each in many(16)]).sync(other)
    day = name_of((NOW - 3 * DAY).date())
    shutil.copyfile(tmp_path / "other" / day, place / day)
    assert "account groups that no sync of this archive kept (99)" in problems(archive)[day]


def test_a_day_that_no_sync_wrote_is_foreign(archive, place, tmp_path):
    other = taf.Archive(tmp_path / "other")
    World(*many(40)).sync(other, start=NOW - 39 * DAY)
    day = name_of((NOW - 30 * DAY).date())
    (place / day).parent.mkdir()
    shutil.copyfile(tmp_path / "other" / day, place / day)
    assert "no sync of this archive wrote it" in problems(archive)[day]


def test_an_archive_put_back_as_a_whole_is_found_by_the_digest_only(archive, place, tmp_path):
    world = World(*many(15), event(NOW - DAY, "late"))
    shutil.copytree(place, tmp_path / "yesterday")
    digest = world.sync(archive).manifest
    assert archive.verify(expect=digest).ok
    shutil.rmtree(place)
    (tmp_path / "yesterday").rename(place)
    assert archive.verify().ok
    assert "put back to an older state" in problems(archive, expect=digest)[MANIFEST]


def test_an_older_manifest_is_found(archive, place, tmp_path):
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    World(*many(15), event(NOW - DAY, "late")).sync(archive)
    put_back(place, yesterday, MANIFEST)
    assert name_of((NOW - DAY).date()) in problems(archive)


def test_a_writer_that_is_killed_leaves_unfinished_and_not_damaged(archive, place):
    """Killed between the announcement and the file, or between the file and its confirmation."""

    class Killed(BaseException):
        pass

    def kill(content):
        raise Killed

    folder, day = LocalStore(str(place)), name_of((NOW - DAY).date())
    before = (place / day).read_bytes()
    richer = World(*many(15), event(NOW - DAY, "late"))
    aside = taf.Archive(place.parent / "aside")
    richer.sync(aside)
    after = Path(aside.files(start=(NOW - DAY).date())[0]).read_bytes()
    for content in (before, after):
        with folder.writing() as alone:
            ledger = Ledger(folder, alone=alone, survey=lambda: ({}, set()))
            ledger.begin()
            ledger._announce({day: (digest_of(before), Made(after, 8))})
            (place / day).write_bytes(content)
        found = archive.verify()
        assert (found.ok, found.unfinished) == (True, 1)
        assert "unfinished" in repr(found)
    World(*many(15)).sync(archive)
    assert (archive.verify().ok, archive.verify().unfinished) == (True, 0)
    assert read_manifest(folder).files[day] == Entry(digest_of(after), 8)


@pytest.mark.campaign(full=730, middle=730, short=150)
def test_a_first_sync_writes_the_manifest_once_for_many_days(cases, place):
    archive, folder = taf.Archive(place), LocalStore(str(place))
    writes = []
    real = LocalStore.update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "update", lambda self, name, change: writes.append(name) or real(self, name, change))
        World(*many(15)).sync(archive, start=NOW - (cases - 1) * DAY)
    assert folder.names("events")
    assert len([name for name in writes if name.startswith("events/")]) == cases
    assert writes.count(MANIFEST) < cases / 13 + 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"sha256":"0"}', b"\xff", b"null"])
def test_a_manifest_that_something_else_wrote_is_named(archive, place, content):
    (place / MANIFEST).write_bytes(content)
    assert "damaged, or something else wrote it" in problems(archive)[MANIFEST]
    with pytest.raises(taf.ArchiveError, match=r"manifest.json is damaged.*remove it, and the next sync makes a new"):
        World(*many(15)).sync(archive)


def test_an_import_is_in_the_manifest_too(archive, place, tmp_path):
    events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    taf.write_parquet(events, tmp_path / "saved.parquet")
    assert archive.import_parquet(tmp_path / "saved.parquet") == 1
    assert problems(archive) == {}
    Path(archive.files()[0]).unlink()
    assert len(problems(archive)) == 1
