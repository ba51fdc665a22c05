"""Failing disks: every error that leaves the package is its own, with a cause, a file and an exit code."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from support.world import DAY, NOW, World, event, many

import te_audit_frames as taf
from te_audit_frames.cli.exit_codes import exit_code
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

PAGE = b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'


# ---- one file ------------------------------------------------------------------------------------------------------


def missing(folder):
    return folder / "none" / "events.parquet"


def a_folder(folder):
    return folder


def below_a_file(folder):
    (folder / "file").write_bytes(b"")
    return folder / "file" / "events.parquet"


def too_long(folder):
    return folder / ("x" * 300)


def a_loop(folder):
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "events.parquet"


def a_full_disk(folder):
    return Path("/dev/full")


BROKEN_PATHS = [missing, a_folder, below_a_file, too_long, a_loop]


@pytest.mark.skipif(os.name == "nt", reason="the numbers of errors are POSIX")
@pytest.mark.parametrize("broken", BROKEN_PATHS, ids=lambda broken: broken.__name__)
@pytest.mark.parametrize(
    "act",
    [taf.read_parquet, taf.read_pages, lambda path: taf.Archive(path.parent / "te-audit").import_parquet(path)],
    ids=["read_parquet", "read_pages", "import_parquet"],
)
def test_reading_a_file(act, broken, tmp_path):
    path = broken(tmp_path)
    with pytest.raises(taf.AuditFramesError) as caught:
        act(path)
    assert_is_a_failure_of(caught.value, path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("broken", [*BROKEN_PATHS, a_full_disk], ids=lambda broken: broken.__name__)
@pytest.mark.parametrize(
    "write",
    [taf.write_parquet, write_csv, write_jsonl, lambda events, path: events.audit.to_parquet(path)],
    ids=["write_parquet", "write_csv", "write_jsonl", "to_parquet"],
)
def test_writing_a_file(write, broken, tmp_path):
    path = broken(tmp_path)
    with pytest.raises(taf.AuditFramesError) as caught:
        write(taf.read_pages(PAGE), path)
    assert_is_a_failure_of(caught.value, path)
    if broken is a_full_disk:
        assert caught.value.errno == errno.ENOSPC
        assert "No space left on device. Free some space on the disk" in str(caught.value)


def assert_is_a_failure_of(error, path):
    if isinstance(error, taf.FileError):
        assert isinstance(error.__cause__, OSError)
        assert exit_code(error) == 5
        assert str(error).isprintable()
        assert Path(error.filename).name == path.name
    else:  # a text that cannot be a path is a wrong argument
        assert isinstance(error, taf.InvalidArgument)


# ---- an archive ----------------------------------------------------------------------------------------------------


def coverage_is_a_folder(folder):
    (folder / "_meta/coverage.json").unlink()
    (folder / "_meta/coverage.json").mkdir()


def manifest_is_a_folder(folder):
    (folder / "_meta/manifest.json").unlink()
    (folder / "_meta/manifest.json").mkdir()


def lock_is_a_folder(folder):
    (folder / "_meta/lock").unlink()
    (folder / "_meta/lock").mkdir()


def table_is_a_loop(folder):
    shutil.rmtree(folder / "events")
    (folder / "events").symlink_to(folder / "events")


def table_is_a_file(folder):
    shutil.rmtree(folder / "events")
    (folder / "events").write_bytes(b"")


def a_day_is_unreadable(folder):
    day = sorted((folder / "events").glob("*/events.parquet"))[-1]
    day.unlink()
    day.symlink_to("/proc/self/mem")


def staging_is_a_file(folder):
    shutil.rmtree(folder / "_staging")
    (folder / "_staging").write_bytes(b"")


CALLS = {
    "load": lambda archive, folder: archive.load(),
    "files": lambda archive, folder: archive.files(),
    "coverage": lambda archive, folder: archive.coverage(),
    "verify": lambda archive, folder: archive.verify(),
    "export": lambda archive, folder: archive.export(folder / "all.parquet"),
    "export by month": lambda archive, folder: archive.export(folder / "months", partition_by="month"),
    "import_parquet": lambda archive, folder: archive.import_parquet(folder / "saved.parquet"),
    "sync": lambda archive, folder: World(*many(4), event(NOW - DAY, "late")).sync(archive),
}


@pytest.mark.few(count=3)
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file that cannot be read")
@pytest.mark.parametrize(
    "broken",
    [
        coverage_is_a_folder,
        manifest_is_a_folder,
        lock_is_a_folder,
        table_is_a_loop,
        table_is_a_file,
        a_day_is_unreadable,
        staging_is_a_file,
    ],
    ids=lambda broken: broken.__name__,
)
def test_every_call_on_an_archive_whose_disk_fails(broken, tmp_path):
    archive = taf.Archive(tmp_path / "te-audit")
    World(*many(3)).sync(archive)
    taf.write_parquet(taf.read_pages(PAGE), tmp_path / "saved.parquet")
    broken(tmp_path / "te-audit")
    failed = 0
    for name, call in CALLS.items():
        try:
            call(archive, tmp_path)
        except taf.AuditFramesError as error:
            failed += 1
            assert exit_code(error) == 5, name
            assert str(tmp_path) in str(error), name
            if isinstance(error, taf.FileError):
                assert error.__cause__ is not None, name
    assert failed >= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_export_onto_a_full_disk(tmp_path):
    archive = taf.Archive(tmp_path / "te-audit")
    World(*many(3)).sync(archive)
    with pytest.raises(taf.FileError, match=r"/dev/full: No space left on device"):
        archive.export("/dev/full")
    (tmp_path / "months").write_bytes(b"")
    with pytest.raises(taf.FileError, match="months"):
        archive.export(tmp_path / "months", partition_by="month")
