"""Files that are replaced in one step: on the local disk, through other filesystems, and when something fails."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import fsspec
import pytest
from pyarrow import fs

import te_audit_frames as taf
from te_audit_frames.storage.atomic import atomic_write, is_staged, locate


@pytest.fixture
def path(tmp_path):
    return tmp_path / "notes.txt"


def names_in(folder):
    return sorted(found.name for found in folder.iterdir())


def write(path, content, **where):
    with atomic_write(path, **where) as file:
        file.write(content)


# ---- when something fails ----------------------------------------------------------------------------------------


def test_an_error_leaves_the_old_file_and_nothing_else(path):
    write(path, b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half of the new")
        assert path.read_bytes() == b"old"
        _ = 1 / 0
    assert path.read_bytes() == b"old"
    assert names_in(path.parent) == [path.name]


def run(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


FULL_DISK = """
import resource, sys
from te_audit_frames.storage.atomic import atomic_write
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with atomic_write(sys.argv[1]) as file:
        file.write(b"x" * 10_000)
except OSError as error:
    print(error.strerror)
"""

STUCK = """
import sys, time
from te_audit_frames.storage.atomic import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(b"half of the new")
    file.flush()
    print("half", flush=True)
    time.sleep(60)
"""


@pytest.mark.full
@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(path):
    write(path, b"old")
    assert run(FULL_DISK, path).communicate(timeout=60) == ("File too large\n", "")
    assert path.read_bytes() == b"old"
    assert names_in(path.parent) == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.full
def test_a_killed_process_leaves_the_old_file_and_a_hidden_temporary_one(path):
    write(path, b"old")
    program = run(STUCK, path)
    try:
        assert program.stdout.readline() == "half\n"
    finally:
        program.send_signal(signal.SIGKILL)
        program.communicate()
    assert path.read_bytes() == b"old"
    (staged,) = [name for name in names_in(path.parent) if name != path.name]
    assert is_staged(staged)
    assert staged.startswith(".")
    assert (path.parent / staged).read_bytes() == b"half of the new"


def test_the_file_and_then_its_folder_are_flushed_around_the_rename(path, monkeypatch):
    flushed = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append((os.fstat(handle), path.exists())), flush(handle)))
    write(path, b"new")
    (file, before), (folder, after) = flushed
    assert (stat.S_ISREG(file.st_mode), before) == (True, False)
    assert file.st_size == 3
    assert (stat.S_ISDIR(folder.st_mode), after) == (True, True)


# ---- which file it is --------------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_file(path):
    path.touch(0o644)
    write(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_is_followed(path, tmp_path):
    (tmp_path / "disk").mkdir()
    path.symlink_to(tmp_path / "disk" / "real.txt")
    write(path, b"new")
    assert path.is_symlink()
    assert (tmp_path / "disk" / "real.txt").read_bytes() == b"new"


def test_a_tilde_is_the_home_folder_and_a_name_may_be_as_long_as_the_disk_allows(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write("~/notes.txt", b"new")
    assert (tmp_path / "notes.txt").read_bytes() == b"new"
    longest = tmp_path / ("x" * 255)
    write(longest, b"new")
    assert longest.read_bytes() == b"new"


def test_a_pipe_is_not_replaced_but_gets_the_content_at_the_end(path):
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: path.write_bytes(pipe.read_bytes()))
    reader.start()
    write(pipe, b"new")
    reader.join(10)
    assert path.read_bytes() == b"new"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_in_the_way_and_a_missing_folder_are_named(tmp_path):
    with pytest.raises(taf.FileError, match="Is a directory"):
        write(tmp_path, b"new")
    with pytest.raises(taf.MissingFile, match="nowhere"):
        write(tmp_path / "nowhere" / "notes.txt", b"new")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("path", ["", None, 5, b"notes.txt"])
def test_what_is_not_a_path_is_refused(path):
    with pytest.raises(taf.InvalidArgument, match=r"path: .* is not a path"):
        locate(path)


@pytest.mark.parametrize(
    ("name", "staged"), [(".te-audit-1.part", True), (".te-audit-1", False), ("te-audit-1.part", False)]
)
def test_temporary_files_are_known_by_their_names(name, staged):
    assert is_staged(name) is staged


# ---- other filesystems -------------------------------------------------------------------------------------------


def filesystems(folder):
    memory = fsspec.filesystem("memory", skip_instance_cache=True)
    memory.makedirs("/bucket", exist_ok=True)
    return {
        "fsspec": (memory, "/bucket/notes.txt"),
        "fsspec local": (fsspec.filesystem("file"), str(folder / "notes.txt")),
        "arrow": (fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem()), "notes.txt"),
        "arrow local": (fs.LocalFileSystem(), str(folder / "notes.txt")),
    }


@pytest.mark.parametrize("kind", ["fsspec", "fsspec local", "arrow", "arrow local"])
def test_other_filesystems_replace_in_one_step_too(tmp_path, kind):
    filesystem, path = filesystems(tmp_path)[kind]
    arrow, name = locate(path, filesystem)

    def content():
        with arrow.open_input_stream(name) as file:
            return file.read()

    write(path, b"old", filesystem=filesystem)
    write(path, b"new", filesystem=filesystem)
    assert content() == b"new"
    with pytest.raises(ZeroDivisionError), atomic_write(path, filesystem=filesystem) as file:
        file.write(b"half")
        _ = 1 / 0
    assert content() == b"new"
    listed = arrow.get_file_info(fs.FileSelector(name.rpartition("/")[0]))
    assert [found.base_name for found in listed] == ["notes.txt"]
    if "local" in kind:
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_a_uri_names_its_filesystem(tmp_path):
    for uri in (f"file://{tmp_path}/notes.txt", "memory://notes-by-uri.txt"):
        write(uri, b"new")
        found, name = locate(uri)
        with found.open_input_stream(name) as file:
            assert file.read() == b"new"
    assert stat.S_IMODE((tmp_path / "notes.txt").stat().st_mode) == 0o600
    with pytest.raises(taf.InvalidArgument, match="no installed package opens gopher://"):
        locate("gopher://notes.txt")


@pytest.mark.parametrize("filesystem", ["s3", object(), Path()])
def test_what_is_not_a_filesystem_is_refused(filesystem):
    with pytest.raises(taf.InvalidArgument, match=r"filesystem: .* is neither a pyarrow\.fs\.FileSystem nor an fsspec"):
        locate("notes.txt", filesystem)
