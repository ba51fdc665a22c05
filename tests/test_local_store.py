"""An archive's folder on a local disk: links, other disks, and files that are not the archive's."""

import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.world import DAY, NOW, World, event, keys, many, told

import te_audit_frames as taf


@pytest.fixture
def place(tmp_path):
    return tmp_path / "te-audit"


@pytest.fixture
def victim(tmp_path):
    """A folder of someone else, which must stay as it is."""
    folder = tmp_path / "victim"
    folder.mkdir()
    for name in ("thesis.txt", "lock", "coverage.json", "events.parquet", ".te-audit-x.part"):
        (folder / name).write_text("precious")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def snapshot(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["_staging", "_meta", "_meta/lock", "_meta/coverage.json", "_meta/manifest.json"])
@pytest.mark.parametrize("is_synced", [False, True], ids=["at first", "later"])
def test_a_link_in_place_of_a_file_of_the_archive_is_refused(place, victim, name, is_synced):
    archive = taf.Archive(place)
    if is_synced:
        World(*many(3)).sync(archive)
        (place / name).rename(place.parent / "aside")
    (place / name).parent.mkdir(parents=True, exist_ok=True)
    (place / name).symlink_to(victim if name in ("_staging", "_meta") else victim / Path(name).name)
    refused = "is a symbolic link, which an archive neither follows nor replaces|something else wrote it"
    with pytest.raises(taf.ArchiveError, match=refused):
        World(*many(4)).sync(archive)


def test_a_day_that_is_a_link_to_a_file_is_refused(place, victim):
    archive = taf.Archive(place)
    World(*many(3)).sync(archive)
    day = Path(archive.files()[-2])
    day.rename(victim.parent / "aside")
    for target in (victim.parent / "aside", victim / "not there"):
        day.symlink_to(target)
        with pytest.raises(taf.ArchiveError, match=r"events.parquet is a symbolic link"):
            World(*many(4), event(NOW - DAY, "late")).sync(archive)
        day.unlink()


def test_only_temporary_files_are_removed_from_staging(place):
    ours, theirs = place / "_staging/.te-audit-0.part", place / "_staging/notes.txt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    ours.write_text("of a process that was killed")
    (place / "_staging/.te-audit-1.part").mkdir()
    World(*many(3)).sync(taf.Archive(place))
    assert theirs.read_text() == "precious"
    assert not ours.exists()


@contextmanager
def another_disk(path):
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(path)], capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root only")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_days_on_another_disk_are_written_too(place, tmp_path):
    world = World(*many(5))
    archive = taf.Archive(place)
    world.sync(archive)
    with another_disk(tmp_path / "disk") as disk:
        day = Path(archive.files()[-2]).parent
        content = (day / "events.parquet").read_bytes()
        (disk / "day").mkdir()
        (disk / "day/events.parquet").write_bytes(content)
        (day / "events.parquet").unlink()
        day.rmdir()
        day.symlink_to(disk / "day")
        (disk / "day/.te-audit-0.part").write_text("of a process that was killed")
        world.events.append(event(NOW - DAY, "late"))
        report = world.sync(archive)
        assert (report.events_added, report.notes) == (1, [])
        assert keys(archive.load()) == told(world)
        assert [path.name for path in (disk / "day").iterdir()] == ["events.parquet"]
        assert (disk / "day/events.parquet").read_bytes() != content
        assert archive.verify().ok


def test_temporary_files_on_other_disks_are_removed_by_the_next_writer(place, tmp_path):
    """The folders `_meta`, `events` and `users` are on three other disks."""
    world = World(*many(3))
    archive = taf.Archive(place)
    with ExitStack() as disks:
        place.mkdir()
        meta, events, users = (disks.enter_context(another_disk(place / name)) for name in ("_meta", "events", "users"))
        world.sync(archive)
        left = [meta, Path(archive.files()[0]).parent, users / "snapshot_date=2026-04-01"]
        left[2].mkdir()
        for folder in left:
            (folder / ".te-audit-0.part").write_text("of a process that was killed")
        theirs = events / "notes/deeper"
        theirs.mkdir(parents=True)
        (theirs / ".te-audit-0.part").write_text("of another program")
        assert [name for name, _ in archive.verify().problems] == []
        world.sync(archive)
        assert [found for folder in left for found in folder.glob(".te-audit-*")] == []
        assert (theirs / ".te-audit-0.part").exists()


def test_a_full_disk_of_a_linked_day_is_named(place, tmp_path):
    world = World(*many(5))
    archive = taf.Archive(place)
    world.sync(archive)
    with another_disk(tmp_path / "disk") as disk:
        subprocess.run(["mount", "-o", "remount,size=4k", str(disk)], check=True)
        day = Path(archive.files()[-2]).parent
        content = (day / "events.parquet").read_bytes()
        (disk / "events.parquet").write_bytes(content)
        (day / "events.parquet").unlink()
        day.rmdir()
        day.symlink_to(disk)
        world.events.append(event(NOW - DAY, "late"))
        with pytest.raises(OSError, match="No space left on device; the archive keeps what it had"):
            world.sync(archive)
        assert [path.name for path in disk.iterdir()] == ["events.parquet"]
        assert (disk / "events.parquet").read_bytes() == content
        assert archive.verify().ok
