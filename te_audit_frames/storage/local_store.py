"""A store on a local disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from filelock import FileLock, Timeout

from te_audit_frames.errors import ArchiveError, ArchiveLocked, InvalidArgument
from te_audit_frames.file_errors import file_error, file_errors
from te_audit_frames.storage.atomic import flush_folder, is_staged, replace_local
from te_audit_frames.storage.day_file import TABLE
from te_audit_frames.storage.store import Change
from te_audit_frames.storage.user_snapshots import USERS

_STAGING = "_staging"
_LOCK = "_meta/lock"
_KEPT = "the archive keeps what it had, and the next sync goes on from there"


class LocalStore:
    """A folder on a local disk. What the store creates there is readable by its owner only.

    Parameters
    ----------
    path : str
        The folder. The first write creates it.
    """

    def __init__(self, path: str) -> None:
        try:
            self._root = Path(path).expanduser().absolute()
        except RuntimeError:
            raise InvalidArgument(
                f"location: {path} is in the home folder of an unknown user; write the path in full"
            ) from None

        # The beginning of every address. Addresses are joined as strings, because joining `Path` objects takes longer
        # than reading a small file.
        self._prefix = os.path.join(self._root, "")  # noqa: PTH118

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    def names(self, folder: str) -> list[str]:
        """List the files below a folder, in ascending order. Return an empty list if there is no such folder."""
        # Days may be links to another disk. A folder that cannot be listed is an error, because a day might be missed.
        walked = os.walk(self._root / folder, onerror=_unless_absent, followlinks=True)
        with file_errors(self._root / folder):
            found = [(top[len(self._prefix) :].replace(os.sep, "/"), names) for top, _, names in walked]
        # A temporary file is not part of the archive. For the folders that can have one, see `_replace`.
        return sorted(f"{below}/{name}" for below, names in found for name in names if not is_staged(name))

    def read(self, name: str) -> bytes | None:
        """Read a file. Return None if there is none."""
        try:
            with open(self._prefix + name, "rb") as file:  # noqa: PTH123
                return file.read()
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise _in_the_way(self._root) from None
        except OSError as error:
            raise file_error(error, self._root / name) from error

    def update(self, name: str, change: Change) -> bool:
        """Change a file in one step, and return whether it was written. Call it only within `writing`."""
        old = self.read(name)
        new = change(old)
        if new is None or new == old:
            return False
        target = self._root / name
        _refuse_link(target)
        with file_errors(target, note=_KEPT):
            _make(target.parent)
            self._replace(target, new)
        return True

    def _replace(self, target: Path, content: bytes) -> None:
        try:
            # The temporary file is outside the table, so that a glob over the table never finds it.
            with replace_local(target, self._root / _STAGING) as file:
                file.write(content)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The target's folder is on another disk, and a file cannot be renamed across disks.
            with replace_local(target, target.parent) as file:
                file.write(content)

    @contextmanager
    def writing(self) -> Iterator[bool]:
        """Hold the folder's lock. The system releases it when the process ends, even if the process is killed."""
        lock = self._root / _LOCK
        for path in (lock.parent, self._root / _STAGING, lock):
            _refuse_link(path)
        with file_errors(lock, note=_KEPT):
            for folder in (lock.parent, self._root / _STAGING):
                _make(folder)
            if not lock.exists():
                lock.touch(0o600)
        held = FileLock(lock, timeout=0, mode=0o600)
        try:
            held.acquire()
        except Timeout:
            raise ArchiveLocked(
                f"{self._root}: another process is writing into this archive; wait until it has finished, and try again"
            ) from None
        except (OSError, NotImplementedError) as error:
            raise file_error(error, lock, note=_KEPT) from error
        try:
            with file_errors(self._root / _STAGING, note=_KEPT):
                self._sweep()
            yield True
        finally:
            held.release()

    def _sweep(self) -> None:
        """Remove the temporary files that killed processes left, and no other files."""
        # A folder on another disk has temporary files of its own; see `_replace`. A mount cannot be recognised reliably
        # (a bind mount has the device of its parent), so each folder that the archive writes to is searched.
        folders = [self._root / _STAGING, (self._root / _LOCK).parent]
        for parent in (TABLE, USERS):
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(self._root / parent) as days:
                folders += [Path(day) for day in days if day.is_dir()]
        for folder in folders:
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
                for entry in entries:
                    if is_staged(entry.name) and entry.is_file(follow_symlinks=False):
                        Path(entry).unlink()

    def address(self, name: str) -> str:
        """Return the absolute path."""
        return self._prefix + name.replace("/", os.sep)


def _make(folder: Path) -> None:
    try:
        absent = list(takewhile(lambda path: not path.exists(), (folder, *folder.parents)))
        for missing in reversed(absent):
            missing.mkdir(mode=0o700, exist_ok=True)
            flush_folder(missing.parent)
    except (FileExistsError, NotADirectoryError):
        raise _in_the_way(folder) from None


def _refuse_link(path: Path) -> None:
    """Refuse to write through a symbolic link, because it may lead to someone else's file."""
    if path.is_symlink():
        raise ArchiveError(
            f"{path} is a symbolic link, which an archive neither follows nor replaces. Replace it with the file or "
            "folder it leads to, or remove it. (The archive itself, or the folder of a day, may be a link.)"
        )


def _in_the_way(folder: Path) -> ArchiveError:
    return ArchiveError(f"{folder}: a file is in the way; an archive needs a folder of its own")


def _unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
