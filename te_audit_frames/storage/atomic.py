"""Replacing a file in one step, so that its name leads to the old whole or the new whole at every moment."""

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

# Of its own name only, never the target's: a long name must not grow over the file system's limit. The leading dot
# and the ending keep it out of `*.parquet` globs.
_PREFIX, _SUFFIX = ".te-audit-", ".part"


@contextmanager
def atomic_write(path: FilePath, *, filesystem: Any = None) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of `path` only when the block ends well.

    It is written beside `path`, flushed to the disk, and renamed; then the folder is flushed too. When the block
    raises, nothing is left behind; when the process is killed, `path` still holds what it held, and a hidden
    ``.te-audit-*.part`` may stay. On the local disk the new file is readable by its owner only (0600).

    Parameters
    ----------
    path : str or PathLike
        Where the file goes; a symbolic link is followed. See `locate`. What is not a regular file, such as
        ``/dev/stdout``, is not replaced: the whole is copied into it at the end.
    filesystem : pyarrow or fsspec filesystem, optional
        Where `path` lies. Rights and flushing are then the filesystem's own.

    Yields
    ------
    file
        Takes bytes.

    Raises
    ------
    InvalidArgument
        See `locate`.
    FileError
        The folder does not exist, the disk is full, and so on. Every `OSError` of the block counts as one.

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
    if not isinstance(target_fs, fs.LocalFileSystem):
        stage = _replace_remote(target_fs, name)
    elif os.path.lexists(name) and not Path(name).is_file():
        stage = _filling(Path(name))
    else:
        stage = replace_local(Path(name), Path(name).parent)
    with file_errors(path), stage as file:
        yield file


def locate(path: FilePath, filesystem: Any = None) -> tuple[fs.FileSystem, str]:
    """Find the filesystem that holds `path`, and the path's name in it.

    Parameters
    ----------
    path : str or PathLike
        A local path (``~`` is the home folder), or, without `filesystem`, a URI such as ``s3://bucket/a.parquet``.
    filesystem : pyarrow or fsspec filesystem, optional
        Where `path` lies.

    Returns
    -------
    pyarrow.fs.FileSystem, str
        Local names are absolute, with symbolic links followed.

    Raises
    ------
    InvalidArgument
        `path` is not a path, or `filesystem` not a filesystem; or nothing installed knows the URI's scheme.

    Examples
    --------
    >>> from te_audit_frames.storage.atomic import locate
    >>> locate("file:///events.parquet")[1]
    '/events.parquet'
    """
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise InvalidArgument(f'path: {path!r} is not a path; right is, for example, "events.parquet"')
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
        # The local disk deserves its flushes and rights by any name.
        return fs.LocalFileSystem()
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem))


def _from_uri(uri: str) -> tuple[fs.FileSystem, str]:
    scheme = uri.partition("://")[0]
    try:
        target_fs, name = fs.FileSystem.from_uri(uri)
    except pa.ArrowInvalid as unknown:
        try:
            from fsspec.core import url_to_fs  # optional, and only for what Arrow does not know

            theirs, name = url_to_fs(uri)
        except (ImportError, ValueError) as error:
            raise InvalidArgument(
                f"path: nothing installed opens {scheme}:// ({unknown}; {error}). "
                "Hand in a filesystem=, or install fsspec and its package for this scheme."
            ) from None
        target_fs = _adopt(theirs)
    return target_fs, name


@contextmanager
def replace_local(target: Path, folder: Path) -> Iterator[BinaryIO]:
    """Write a file of the local disk in another folder of the same disk, and rename it at the end."""
    if not target.parent.is_dir():  # said here, or the message would name the staged file
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
    """Whether a file has the name of one in the making."""
    return name.startswith(_PREFIX) and name.endswith(_SUFFIX)


def flush_folder(folder: Path) -> None:
    """Write down what a folder holds: without this, a power cut may undo what was made or renamed in it."""
    # Windows has no such call and needs none.
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _filling(target: Path) -> Iterator[BinaryIO]:
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
    """Turn whatever the filesystem of another package raises into a `FileError`."""
    try:
        yield
    except AuditFramesError:
        raise
    except Exception as error:
        raise file_error(error, path) from error
