"""From what a disk or a foreign filesystem raises to a `FileError` that names the file and the remedy.

Every wing reads or writes files, so this is the one place where their failures get their words.
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
    errno.ENOTDIR: "Check the path: a file stands where a folder should be.",
    errno.EISDIR: "Give the path of a file, not of a folder.",
    errno.EACCES: "Check the rights of the file and its folder.",
    errno.EPERM: "Check the rights of the file and its folder.",
    errno.EROFS: "The disk is read-only; choose another place.",
    errno.ENOSPC: "Make room on the disk, and try again.",
    errno.EDQUOT: "Make room on the disk, and try again.",
    errno.EFBIG: "Raise the limit on file sizes, or write a shorter period.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
}


_ARROW_DETAIL = re.compile(r"Detail: \[errno \d+\] (.+)")
"""Where Arrow, in a text of its own that repeats the path, puts what the system says."""


def file_error(error: Exception, path: object, *, note: str = "") -> FileError:
    """Return the `FileError` that says what failed, with which file, and what to do.

    Parameters
    ----------
    error : Exception
        An `OSError`, or what a foreign filesystem raised.
    path : object
        The file.
    note : str
        What a reader should know besides, such as what was kept.

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
    said = "; ".join(part for part in (text.strip().rstrip("."), note) if part)
    remedy = _REMEDIES.get(number or 0, "")
    name = printable(str(path))
    cls = MissingFile if isinstance(error, FileNotFoundError) else FileError
    return cls(
        f"{name}: {printable(said)}." + (f" {remedy}" if remedy else ""),
        errno=number,
        strerror=text,
        filename=str(path),
    )


@contextmanager
def file_errors(path: object, *, note: str = "") -> Iterator[None]:
    """Turn every `OSError` that leaves the block into a `FileError` about a file."""
    try:
        yield
    except AuditFramesError:
        raise
    except OSError as error:
        raise file_error(error, path, note=note) from error
