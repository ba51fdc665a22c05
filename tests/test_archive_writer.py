"""The writer of an archive's files: announce, write, confirm. Two writers at once are in `test_object_store.py`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.world import DAY, NOW, World, event, many

import te_audit_frames as taf
from te_audit_frames.periods import iso
from te_audit_frames.storage.archive_writer import ArchiveWriter, NewContent, read_manifest, sha256_of
from te_audit_frames.storage.day_file import name_of
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import MANIFEST, Announcement, Entry, Manifest


@pytest.fixture
def place(tmp_path):
    return tmp_path / "te-audit"


@pytest.fixture
def store(place):
    return LocalStore(str(place))


def writer_of(store, *, alone=True, survey=lambda: ({}, set())):
    writer = ArchiveWriter(store, alone=alone, survey=survey)
    writer.begin()
    return writer


def content(text, rows=1, groups=("1",)):
    return lambda old: NewContent(text, rows, set(groups))


def test_a_file_is_announced_before_it_is_written_and_confirmed_after(store, place):
    with store.writing():
        writer = writer_of(store)
        seen = []

        def make(old):
            seen.append(old)
            return NewContent(b"new", 3, {"1"})

        writer.write({"a": make})
        assert seen == [None]
        assert (place / "a").read_bytes() == b"new"
        assert read_manifest(store).files == {}
        assert read_manifest(store).unfinished() == {"a"}
        writer.finish()
    manifest = read_manifest(store)
    assert manifest.files == {"a": Entry(sha256_of(b"new"), 3)}
    assert (manifest.groups, manifest.unfinished()) == (("1",), set())
    assert manifest.digest == writer.digest
    assert repr(writer) == "ArchiveWriter(1 file in the manifest, 0 announced)"


def test_a_file_that_stays_as_it_is_is_not_written(store, place):
    with store.writing():
        writer = writer_of(store)
        writer.write({"a": content(b"old")})
        writer.finish()
        before = (place / "a").stat().st_mtime_ns, (place / MANIFEST).read_bytes()
        again = writer_of(store)
        again.write({"a": lambda old: NewContent(None)})
        again.finish()
    assert ((place / "a").stat().st_mtime_ns, (place / MANIFEST).read_bytes()) == before


def test_a_file_that_something_else_changed_is_written_but_stays_noticed(store, place):
    with store.writing():
        writer = writer_of(store)
        writer.write({"a": content(b"old")})
        writer.finish()
        (place / "a").write_bytes(b"foreign")
        again = writer_of(store)
        again.write({"a": content(b"newer", 2)})
        again.finish()
    assert again.unexpected == ["a"]
    assert (place / "a").read_bytes() == b"newer"
    assert read_manifest(store).files["a"] == Entry(sha256_of(b"old"), 1)


@pytest.mark.parametrize(("rows", "is_expected"), [(2, True), (3, True), (1, False)])
def test_a_lost_file_may_be_replaced_by_one_with_as_many_events(store, place, rows, is_expected):
    with store.writing():
        writer = writer_of(store)
        writer.write({"a": content(b"old", 2)})
        writer.finish()
        (place / "a").unlink()
        again = writer_of(store)
        again.write({"a": content(b"newer", rows)})
        again.finish()
    assert (again.unexpected == []) is is_expected


def test_files_without_a_manifest_are_adopted(store, place):
    with store.writing():
        (place / "a").write_bytes(b"old")
        writer = writer_of(store, survey=lambda: ({"a": Entry(sha256_of(b"old"), 5)}, {"9"}))
    assert writer.adopted == 1
    assert read_manifest(store).files == {"a": Entry(sha256_of(b"old"), 5)}
    assert read_manifest(store).groups == ("9",)


@pytest.mark.parametrize(
    ("alone", "age", "is_finished"),
    [(True, timedelta(0), True), (False, timedelta(hours=23), False), (False, timedelta(hours=25), True)],
)
def test_the_announcements_of_a_killed_writer_are_finished(store, place, alone, age, is_finished):
    at = iso((datetime.now(UTC) - age).replace(microsecond=0))
    killed = Announcement(at, {"a": (Entry(sha256_of(b"new"), 3),), "b": (Entry(sha256_of(b"never"), 3),)})
    with store.writing():
        (place / "a").write_bytes(b"new")
        store.update(MANIFEST, lambda old: Manifest().with_announcement("killed", killed).dump())
        writer_of(store, alone=alone)
    manifest = read_manifest(store)
    assert manifest.files == ({"a": Entry(sha256_of(b"new"), 3)} if is_finished else {})
    assert manifest.unfinished() == (set() if is_finished else {"a", "b"})


@pytest.mark.full
def test_a_writer_that_is_killed_leaves_unfinished_and_not_damaged(place):
    """Killed between the announcement and the file, or between the file and its confirmation."""

    archive = taf.Archive(place)
    World(*many(15)).sync(archive)
    store, day = LocalStore(str(place)), name_of((NOW - DAY).date())
    before = (place / day).read_bytes()
    richer = World(*many(15), event(NOW - DAY, "late"))
    aside = taf.Archive(place.parent / "aside")
    richer.sync(aside)
    after = Path(aside.files(start=(NOW - DAY).date())[0]).read_bytes()
    for content in (before, after):
        with store.writing() as alone:
            writer = ArchiveWriter(store, alone=alone, survey=lambda: ({}, set()))
            writer.begin()
            writer._announce({day: (sha256_of(before), NewContent(after, 8))})
            (place / day).write_bytes(content)
        found = archive.verify()
        assert (found.ok, found.unfinished) == (True, 1)
        assert "unfinished" in repr(found)
    World(*many(15)).sync(archive)
    assert (archive.verify().ok, archive.verify().unfinished) == (True, 0)
    assert read_manifest(store).files[day] == Entry(sha256_of(after), 8)


def test_a_first_sync_writes_the_manifest_once_for_many_days(place):
    archive, folder = taf.Archive(place), LocalStore(str(place))
    writes = []
    real = LocalStore.update
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "update", lambda self, name, change: writes.append(name) or real(self, name, change))
        World(*many(15)).sync(archive, start=NOW - 99 * DAY)
    assert folder.names("events")
    assert len([name for name in writes if name.startswith("events/")]) == 100
    assert writes.count(MANIFEST) < 30


def test_a_file_that_cannot_be_written_stops_the_others_and_leaves_them_whole_and_announced(store, place):
    names = [f"{number:02}" for number in range(40)]
    with store.writing():
        writer = writer_of(store)
        (place / "05").symlink_to(place / "nowhere")
        with pytest.raises(taf.ArchiveError, match="05 is a symbolic link"):
            writer.write({name: content(name.encode() * 9) for name in names})
        writer.finish()
        written = {name for name in names if (place / name).exists()}
        manifest = read_manifest(store)
        assert set(manifest.files) == written
        assert set(names) - written == manifest.unfinished()
        assert all((place / name).read_bytes() == name.encode() * 9 for name in written)
        (place / "05").unlink()
        again = writer_of(store)
        again.write({name: content(name.encode() * 9) for name in names})
        again.finish()
    manifest = read_manifest(store)
    assert (set(manifest.files), manifest.unfinished(), again.unexpected) == (set(names), set(), [])
