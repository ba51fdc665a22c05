"""Options that several commands share, and what their values must be."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, TypeVar

import click

from te_audit_frames.cli.formats import FORMATS
from te_audit_frames.errors import InvalidRequest
from te_audit_frames.file_errors import file_errors

F = TypeVar("F", bound=Callable[..., Any])

DIMENSIONS = {"user": "user", "account-group": "account_group", "event-type": "event", "ip-address": "ip_address"}
"""Every value of ``--by``, and what the package calls it."""

_LONGEST_TOKEN = 65_536


class Dimension(click.Choice[str]):
    """What events are counted by, in the words of the command line; its value is in those of the package."""

    def __init__(self) -> None:
        super().__init__(list(DIMENSIONS))

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Look the word up."""
        return DIMENSIONS[super().convert(value, param, ctx)]


class Target(click.Path):
    """A file to write: its ending says the format, and its folder exists; both are known before any work is done."""

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False, writable=True)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the ending and the folder."""
        path = str(super().convert(value, param, ctx))
        if ending(path) not in self._endings:
            self.fail(
                f"the ending of {path!r} is none of {', '.join(self._endings)}, and it says the format", param, ctx
            )
        folder = Path(path).expanduser().parent
        if "://" not in path and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            fault = "is not writable" if folder.is_dir() else "does not exist"
            self.fail(f"the folder {str(folder)!r} {fault}", param, ctx)
        return path


def ending(path: str) -> str:
    """Return what a path's name ends in, such as ``.csv``."""
    return PurePath(path).suffix.lower()


def read_token(path: str) -> str:
    """Read a token from a file that only its owner can read.

    Parameters
    ----------
    path : str
        A file, or a pipe such as a shell's ``<(...)``.

    Returns
    -------
    str
        The file's text; the Client strips and checks it.

    Raises
    ------
    InvalidRequest
        Others can read the file, as ssh refuses its keys.
    FileError
        The file cannot be read.
    """
    with file_errors(path), open(path, "rb") as file:  # noqa: PTH123 - also what a shell substitutes is opened only once
        mode = os.fstat(file.fileno()).st_mode
        if os.name != "nt" and stat.S_ISREG(mode) and mode & 0o077:
            raise InvalidRequest(
                f"--token-file: others can read {path} (its rights are {stat.S_IMODE(mode):04o}). "
                f"Make it yours alone with: chmod 600 {path}"
            )
        # Never named, so that no traceback shows it; what is not text is left to the Client to refuse.
        return file.read(_LONGEST_TOKEN).decode(errors="replace")


def file_argument(command: F) -> F:
    """Add FILE: events to read."""
    return click.argument("file", type=click.Path(dir_okay=False))(command)


def freq_option(command: F) -> F:
    """Add ``--freq``."""
    return click.option(
        "--freq",
        type=click.Choice(["h", "D", "W", "MS"], case_sensitive=False),
        metavar="[h|D|W|MS]",
        default="D",
        show_default=True,
        help="Count by hour, day, week (from Monday) or month.",
    )(command)


def tz_option(command: F) -> F:
    """Add ``--tz``."""
    return click.option(
        "--tz", default="UTC", show_default=True, metavar="ZONE", help="The time zone, for example Europe/Berlin."
    )(command)


def by_option(*, default: str | None, text: str) -> Callable[[F], F]:
    """Add ``--by``."""
    return click.option("--by", type=Dimension(), default=default, show_default=True, help=text)


def top_option(*, default: int | None, text: str) -> Callable[[F], F]:
    """Add ``--top``."""
    kind = click.IntRange(min=1)
    return click.option("--top", type=kind, default=default, show_default=True, metavar="N", help=text)


def format_option(command: F) -> F:
    """Add ``--format``."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(list(FORMATS)),
        default="table",
        show_default=True,
        help="A table to read, or CSV or JSON for another program.",
    )(command)
