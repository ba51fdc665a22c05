"""Replacing a file in one step, so that readers find either the old file or the new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import fs

from te_audit_frames.errors import AuditFramesError, InvalidArgument
from te_audit_frames.file_errors import file_error, file_errors

FilePath = str | os.PathLike[str]

# The name of a temporary file does not contain the target's name, because it could then be too long for the file
# system. The leading dot and the ending keep it out of `*.parquet` globs.
_PREFIX, _SUFFIX = ".te-audit-", ".part"


@contextmanager
def atomic_write(path: FilePath, *, filesystem: Any = None) -> Iterator[BinaryIO]:
    """Open a file for writing. It replaces `path` when the block ends without an error.

    The file is written in the same folder under a temporary name, flushed to the disk, and renamed. Then the folder is
    flushed too. If the block raises an error, the temporary file is removed. If the process is killed, `path` is
    unchanged, and a hidden ``.te-audit-*.part`` may be left. On the local disk, the new file is readable by its owner
    only (0600).

    Parameters
    ----------
    path : str or PathLike
        The file to write; see `locate`. A symbolic link is followed. If the target is not a regular file (for example
        ``/dev/stdout``), it is not replaced: the content is copied into it at the end.
    filesystem : pyarrow or fsspec filesystem, optional
        The filesystem of `path`. It has its own rules for permissions and flushing.

    Yields
    ------
    file
        A binary file.

    Raises
    ------
    InvalidArgument
        See `locate`; or the path ends in a separator, like a folder's.
    FileError
        The folder does not exist, the disk is full, and so on. An `OSError` inside the block is raised as a
        `FileError`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from te_audit_frames.storage.atomic import atomic_write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder, "notes.txt")) as file:
    ...         _ = file.write(b"whole")
    ...     Path(folder, "notes.txt").read_text()
    'whole'
    """
    target_fs, name = locate(path, filesystem)
    # Resolving removes the separator, so a path that was meant as a folder would become a file.
    if os.fspath(path).endswith(("/", os.sep)) and not Path(name).is_dir():
        raise InvalidArgument(f"path: {path!r} ends like a folder. Give the path of a file, with its name at the end.")
    if not isinstance(target_fs, fs.LocalFileSystem):
        stage = _replace_remote(target_fs, name)
    elif os.path.lexists(name) and not Path(name).is_file():
        stage = _copy_into(Path(name))
    else:
        stage = replace_local(Path(name), Path(name).parent)
    with file_errors(path), stage as file:
        yield file


def locate(path: FilePath, filesystem: Any = None) -> tuple[fs.FileSystem, str]:
    """Return the filesystem of a path, and the path's name in it.

    Parameters
    ----------
    path : str or PathLike
        A local path (``~`` is the home folder). Without `filesystem`, it may be a URI such as ``s3://bucket/a.parquet``.
    filesystem : pyarrow or fsspec filesystem, optional
        The filesystem of `path`.

    Returns
    -------
    pyarrow.fs.FileSystem, str
        A local name is absolute, with symbolic links resolved.

    Raises
    ------
    InvalidArgument
        `path` is not a path, `filesystem` is not a filesystem, or no installed package opens the URI.

    Examples
    --------
    >>> from te_audit_frames.storage.atomic import locate
    >>> locate("file:///events.parquet")[1]
    '/events.parquet'
    """
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InvalidArgument(f'path: {path!r} is not a path; write, for example, "events.parquet"')
    name = os.fspath(path)
    target_fs = fs.LocalFileSystem() if filesystem is None else _adopt(filesystem)
    if filesystem is None and "://" in name:
        target_fs, name = _from_uri(name)
    if isinstance(target_fs, fs.LocalFileSystem):
        try:
            name = str(Path(name).expanduser().resolve())
        except (OSError, RuntimeError, ValueError) as error:
            raise InvalidArgument(f"path: {name!r} cannot be a path: {error}") from error
    return target_fs, name


def _adopt(filesystem: Any) -> fs.FileSystem:
    if isinstance(filesystem, fs.FileSystem):
        return filesystem
    protocol = getattr(filesystem, "protocol", None)
    if not isinstance(protocol, str | tuple) or not hasattr(filesystem, "open"):
        raise InvalidArgument(
            f"filesystem: {type(filesystem).__name__} is neither a pyarrow.fs.FileSystem nor an fsspec filesystem"
        )
    if "file" in ((protocol,) if isinstance(protocol, str) else protocol):
        # The local disk gets the same flushing and permissions, however it was passed.
        return fs.LocalFileSystem()
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem))


def _from_uri(uri: str) -> tuple[fs.FileSystem, str]:
    scheme = uri.partition("://")[0]
    try:
        target_fs, name = fs.FileSystem.from_uri(uri)
    except pa.ArrowInvalid as unknown:
        try:
            from fsspec.core import url_to_fs  # optional, for schemes that Arrow does not open

            theirs, name = url_to_fs(uri)
        except (ImportError, ValueError) as error:
            raise InvalidArgument(
                f"path: no installed package opens {scheme}:// ({unknown}; {error}). "
                "Pass a filesystem=, or install fsspec and its package for this scheme."
            ) from None
        target_fs = _adopt(theirs)
    return target_fs, name


@contextmanager
def replace_local(target: Path, folder: Path) -> Iterator[BinaryIO]:
    """Write a temporary file in `folder`, and rename it to `target` at the end. Both must be on the same disk."""
    if not target.parent.is_dir():  # otherwise, the error would name the temporary file
        raise FileNotFoundError(2, "No such folder", str(target.parent))
    handle, staged = tempfile.mkstemp(_SUFFIX, _PREFIX, folder)  # 0600, whatever the umask
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 -- a handle, not a path
            yield file
            file.flush()
            os.fsync(handle)
        Path(staged).replace(target)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
    flush_folder(target.parent)


def is_staged(name: str) -> bool:
    """Whether a file has the name of a temporary file."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def flush_folder(folder: Path) -> None:
    """Flush a folder to the disk. Otherwise, a power failure may undo changes of the names in it."""
    # Windows has no such call, and does not need it.
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _copy_into(target: Path) -> Iterator[BinaryIO]:
    with target.open("wb") as end, tempfile.TemporaryFile() as staged:
        yield staged
        staged.seek(0)
        shutil.copyfileobj(staged, end)


@contextmanager
def _replace_remote(target_fs: fs.FileSystem, target: str) -> Iterator[BinaryIO]:
    folder, slash, _ = target.rpartition("/")
    staged = f"{folder}{slash}{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    try:
        with foreign_errors(target):
            file = target_fs.open_output_stream(staged, compression=None)
        with file:
            yield file
        with foreign_errors(target):
            target_fs.move(staged, target)
    except BaseException:
        with suppress(Exception):
            target_fs.delete_file(staged)
        raise


@contextmanager
def foreign_errors(path: str) -> Iterator[None]:
    """Turn any error of another package's filesystem into a `FileError`."""
    try:
        yield
    except AuditFramesError:
        raise
    except Exception as error:
        raise file_error(error, path) from error
