"""Failures of the file system, turned into a `FileError` that names the file and the remedy.

Several parts of the package use files. The messages of their errors are written once, here.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from te_audit_frames.errors import AuditFramesError, FileError, MissingFile
from te_audit_frames.safe_text import printable

_REMEDIES = {
    errno.ENOENT: "Check the path.",
    errno.ENOTDIR: "Check the path: one of its folders is a file.",
    errno.EISDIR: "Give the path of a file, not of a folder.",
    errno.EACCES: "Check the permissions of the file and its folder.",
    errno.EPERM: "Check the permissions of the file and its folder.",
    errno.EROFS: "The disk is read-only. Choose another place.",
    errno.ENOSPC: "Free some space on the disk, and try again.",
    errno.EDQUOT: "Free some space on the disk, and try again.",
    errno.EFBIG: "Raise the limit on file sizes, or write a shorter period.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


_ARROW_DETAIL = re.compile(r"Detail: \[errno \d+\] (.+)")
"""The message of the system inside a longer one from Arrow, which repeats the path."""


def file_error(error: Exception, path: object, *, note: str = "") -> FileError:
    """Return a `FileError` with a message that names the file, the failure and the remedy.

    Parameters
    ----------
    error : Exception
        An `OSError`, or any error of a filesystem library.
    path : object
        The file.
    note : str
        A remark to add to the message, such as which file was kept.

    Returns
    -------
    FileError
        A `MissingFile` if the file does not exist. It has the system's error number and message, and the path.

    Examples
    --------
    >>> from te_audit_frames.file_errors import file_error
    >>> str(file_error(FileNotFoundError(2, "No such file or directory"), "events.parquet"))
    'events.parquet: No such file or directory. Check the path.'
    """
    number = error.errno if isinstance(error, OSError) else None
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    if arrow := _ARROW_DETAIL.search(text):
        text = arrow[1]
    message = "; ".join(part for part in (text.strip().rstrip("."), note) if part)
    remedy = _REMEDIES.get(number or 0, "")
    name = printable(str(path))
    cls = MissingFile if isinstance(error, FileNotFoundError) else FileError
    return cls(
        f"{name}: {printable(message)}." + (f" {remedy}" if remedy else ""),
        errno=number,
        strerror=text,
        filename=str(path),
    )


@contextmanager
def file_errors(path: object, *, note: str = "") -> Iterator[None]:
    """Turn every `OSError` that leaves the block into a `FileError` about `path`; `note` is added to its message."""
    try:
        yield
    except AuditFramesError:
        raise
    except OSError as error:
        raise file_error(error, path, note=note) from error
