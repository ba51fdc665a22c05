"""Values of options: how each is read from the command line, and which fit together."""

from __future__ import annotations

import os
import stat
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import click

from te_audit_frames.cli.output import ending
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.file_errors import file_errors
from te_audit_frames.periods import parse_zone, to_bounds, to_instant, to_window

DIMENSIONS = {"user": "user", "account-group": "account_group", "event-type": "event", "ip-address": "ip_address"}
"""Every value of ``--by``, and the package's spelling of it."""

_LONGEST_SECRET = 65_536


class Moment(click.ParamType[str]):
    """A moment in ISO 8601; its value is the text.

    Parameters
    ----------
    local : bool
        Whether the command has an option ``--tz``, so that a moment needs no offset of its own.
    """

    name = "time"

    def __init__(self, *, local: bool = False) -> None:
        self._zone = UTC if local else None

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text."""
        try:
            to_instant(value, argument="", zone=self._zone)
        except InvalidArgument:
            examples = "2026-01-01 (midnight UTC), 2026-01-01T09:00:00Z or 2026-01-01T09:00:00+01:00"
            if self._zone:
                examples = "2026-01-01 or 2026-01-01T09:00 (both in --tz), or 2026-01-01T09:00:00Z"
            self.fail(f"{value!r} is not a time such as {examples}.", param, ctx)
        return str(value)


class Length(click.ParamType[str]):
    """A length of time; its value is the text."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text."""
        try:
            to_window(value)
        except InvalidArgument:
            self.fail(f"{value!r} is not a length of time such as 45m, 12h, 7d or 4w, up to 5200w.", param, ctx)
        return str(value)


class Zone(click.ParamType[str]):
    """A time zone; its value is its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Look the zone up."""
        try:
            parse_zone(value)
        except InvalidArgument:
            self.fail(f"{value!r} is not a time zone such as Europe/Berlin.", param, ctx)
        return str(value)


class PageSize(click.ParamType[Any]):
    """A number of events per page, or ``largest``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Check the value."""
        if value == "largest":
            return str(value)
        try:
            return click.IntRange(1, 100_000).convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a number from 1 to 100000, or largest.", param, ctx)


def check_period(*, window: str | None, start: str | None, end: str | None) -> None:
    """Check that the options of a period fit together.

    Raises
    ------
    click.UsageError
        Two options contradict each other, or one needs another.
    """
    check_window(window=window, start=start, end=end)
    if end is not None and start is None:
        raise click.UsageError("--end needs --start.")
    check_bounds(start=start, end=end)


def check_window(*, window: str | None, start: str | None, end: str | None) -> None:
    """Check that ``--window`` is not combined with ``--start`` or ``--end``.

    Raises
    ------
    click.UsageError
        It is combined with one of them.
    """
    for name, value in (("--start", start), ("--end", end)):
        if window is not None and value is not None:
            raise click.UsageError(f"--window and {name} cannot be combined. Give one of them.")


def check_bounds(*, start: str | None, end: str | None, zone: tzinfo | None = None) -> None:
    """Check that ``--end`` is after ``--start``; `zone` is the time zone of moments that have none.

    Raises
    ------
    click.UsageError
        ``--end`` is at or before ``--start``.
    """
    try:
        to_bounds(start, end, zone=zone)
    except InvalidArgument:
        raise click.UsageError("--end must be after --start. The moment of --end is excluded.") from None


class Dimension(click.Choice[str]):
    """A column to count by, in the command line's spelling. Its value is in the package's spelling."""

    def __init__(self) -> None:
        super().__init__(list(DIMENSIONS))

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the package's spelling."""
        return DIMENSIONS[super().convert(value, param, ctx)]


class Target(click.Path):
    """A file to write. Its ending and its folder are checked before any work is done."""

    def __init__(self, *endings: str) -> None:
        super().__init__(dir_okay=False, writable=True)
        self._endings = endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the ending and the folder."""
        path = str(super().convert(value, param, ctx))
        if ending(path) not in self._endings:
            *others, last = self._endings
            valid = f"{', '.join(others)} or {last}" if others else last
            self.fail(f"{path!r} must end in {valid}, which names the format.", param, ctx)
        folder = Path(path).expanduser().parent
        if "://" not in path and not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            fault = "is not writable" if folder.is_dir() else "does not exist"
            self.fail(f"The folder {str(folder)!r} {fault}.", param, ctx)
        return path


def read_secret(path: str, *, option: str) -> bytes:
    """Read a token or a key from a file that only its owner can read.

    Parameters
    ----------
    path : str
        A file, or a pipe such as a shell's ``<(...)``.
    option : str
        The option that named it, for the message.

    Returns
    -------
    bytes
        The content of the file.

    Raises
    ------
    InvalidArgument
        Others can read the file, or it is longer than any secret.
    FileError
        The file cannot be read.
    """
    with file_errors(path), open(path, "rb") as file:  # noqa: PTH123 - opened once, because it can be a pipe
        mode = os.fstat(file.fileno()).st_mode
        if os.name != "nt" and stat.S_ISREG(mode) and mode & 0o077:
            raise InvalidArgument(
                f"{option}: others can read {path} (its mode is {stat.S_IMODE(mode):04o}). "
                f"Make it yours alone with: chmod 600 {path}"
            )
        secret = file.read(_LONGEST_SECRET + 1)
    if len(secret) > _LONGEST_SECRET:
        del secret  # so that a traceback that shows local variables does not show it
        raise InvalidArgument(f"{option}: {path} is longer than {_LONGEST_SECRET:,} bytes. Is it the right file?")
    return secret
