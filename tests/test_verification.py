"""What a verification of an archive finds: damaged, missing, foreign and older files."""

import shutil
from pathlib import Path

import pytest
from support.world import DAY, NOW, World, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.storage.day_file import name_of
from te_audit_frames.storage.manifest import MANIFEST, Manifest
from te_audit_frames.storage.verification import Verification, check_digest


@pytest.fixture
def place(tmp_path):
    return tmp_path / "te-audit"


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The folder of a synced archive, to be copied."""
    folder = tmp_path_factory.mktemp("original") / "te-audit"
    World(*many(15), {"event": "no date", "aid": "1"}).sync(taf.Archive(folder))
    return folder


@pytest.fixture
def archive(place, original):
    shutil.copytree(original, place)
    return taf.Archive(place)


def problems(archive, **how):
    found = archive.verify(**how)
    assert found.ok == (not found.problems)
    return dict(found.problems)


def put_back(place, yesterday, *names):
    for name in names:
        shutil.copyfile(yesterday / name, place / name)


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


@pytest.mark.few(count=1)
@pytest.mark.parametrize("name", ["_meta/coverage.json", name_of(None), name_of((NOW - 9 * DAY).date())])
def test_a_deleted_file_is_reported_missing_and_a_sync_restores_it(archive, place, name):
    (place / name).unlink()
    assert list(problems(archive)) == [name]
    assert "it is missing" in problems(archive)[name]
    if name == name_of(None):  # their place in the log is not known, so all of it has to be read again
        assert "coverage.json" in problems(archive)[name]
        (place / "_meta/coverage.json").unlink()
    World(*many(15), {"event": "no date", "aid": "1"}).sync(archive)
    assert problems(archive) == {}


def test_without_a_manifest_a_verification_fails_and_the_next_sync_makes_a_new_one(archive, place):
    (place / MANIFEST).unlink()
    assert "there is none" in problems(archive)[MANIFEST]
    report = World(*many(15)).sync(archive)
    assert "cannot be compared with an earlier one" in report.notes[0]
    assert "cannot be compared with an earlier one" in report.summary
    assert "cannot be compared with an earlier one" in repr(report)
    assert problems(archive) == {}
    assert len(archive.load()) == 15 * 7 + 1


def test_files_put_back_from_yesterday_are_found_and_no_later_sync_hides_them(archive, place, tmp_path):
    world = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"}, {"event": "another"})
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    digest = world.sync(archive).manifest
    day, undated = name_of((NOW - DAY).date()), name_of(None)
    put_back(place, yesterday, day, undated)
    found = problems(archive)
    # The coverage has the number of events of the day. Only the manifest has it for the undated events.
    assert "once had 8" in found[day]
    assert "it is older: it has 1 event of 2" in found[undated]
    # The vendor no longer has the events, so a sync cannot restore them.
    world.events = world.events[:-3]
    with pytest.warns(taf.AuditFramesWarning, match="something else changed events/.*run a verification"):
        report = world.sync(archive)
    assert "something else changed" in report.notes[0]
    assert set(problems(archive)) == {day, undated}
    # A backup can.
    today = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"}, {"event": "another"})
    shutil.rmtree(place)
    shutil.copytree(yesterday, place)
    assert today.sync(archive).manifest == digest
    assert problems(archive, expect=digest) == {}


def test_a_day_that_a_sync_restored_is_sound(archive, place, tmp_path):
    world = World(*many(15), event(NOW - DAY, "late"), {"event": "no date", "aid": "1"})
    yesterday = shutil.copytree(place, tmp_path / "yesterday")
    world.sync(archive)
    put_back(place, yesterday, name_of((NOW - DAY).date()))
    world.sync(archive)
    assert problems(archive) == {}
    assert keys(archive.load().dropna(subset="date")) == told(world)


def test_a_coverage_file_put_back_from_yesterday_is_found(archive, place, tmp_path):
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
    assert "account groups that this archive never kept (99)" in problems(archive)[day]


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


@pytest.mark.few(count=2)
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"sha256":"0"}', b"\xff", b"null"])
def test_a_manifest_that_something_else_wrote_is_named(archive, place, content):
    (place / MANIFEST).write_bytes(content)
    assert "damaged, or something else wrote it" in problems(archive)[MANIFEST]
    with pytest.raises(taf.ArchiveError, match=r"manifest.json is damaged.*remove it, and the next sync makes a new"):
        World(*many(15)).sync(archive)


def test_verify_finds_what_is_wrong(tmp_path):
    archive = taf.Archive(tmp_path / "fresh")
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
    assert "once had 7" in named["04-18/events.parquet"]
    assert "does not belong" in named["04-18/copy.parquet"]
    assert len(named) == 5
    assert not archive.verify().ok
    assert "SHA-256" in repr(archive.verify())


def test_a_damaged_coverage_file_is_found_and_can_be_made_again(tmp_path):
    archive = taf.Archive(tmp_path / "fresh")
    world = World(*many(15))
    world.sync(archive)
    notes = tmp_path / "fresh/_meta/coverage.json"
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


def test_only_files_that_exist_are_counted(tmp_path):
    archive = taf.Archive(tmp_path / "fresh")
    World(*many(3)).sync(archive, start=NOW - 3 * DAY)
    days = len(archive.files())
    assert archive.verify().files == days + 2
    for gone, left in (("coverage", 1), ("manifest", 0)):
        (tmp_path / f"fresh/_meta/{gone}.json").unlink()
        assert archive.verify().files == days + left
    Path(archive.files()[0]).unlink()
    assert archive.verify().files == days - 1


# ---- without an archive ------------------------------------------------------------------------------------------


def test_the_repr_of_a_verification_shows_what_it_found():
    sound = Verification("te-audit", files=2, events=1_234, manifest="ab")
    assert sound.ok
    assert repr(sound).splitlines()[0] == "Verification of te-audit"
    assert "1,234" in repr(sound)
    assert "unfinished" not in repr(sound)
    bad = Verification("te-audit", files=2, events=0, problems=(("a", "it is missing"),), unfinished=3)
    assert not bad.ok
    assert "it is missing" in repr(bad)
    assert "3 files, which an interrupted sync announced" in repr(bad)
    assert [line.split()[1] for line in repr(bad).splitlines() if "manifest" in line] == ["none"]


@pytest.mark.parametrize("expect", ["", "latest", "g" * 64, "a" * 63, "a" * 65, 5])
def test_what_is_not_a_digest_is_refused(expect):
    with pytest.raises(taf.InvalidArgument, match=r"expect: .* is not a manifest's digest; give the 64"):
        check_digest(expect)


def test_a_digest_may_be_in_upper_case_and_have_spaces_around_it():
    assert check_digest(" " + "AB" * 32 + "\n") == "ab" * 32
    assert check_digest(None) is None
