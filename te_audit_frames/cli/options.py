"""Options that several commands share: their values, their help, and the client that they configure.

The module is long because of the texts of ``--help``.
"""

from __future__ import annotations

import functools
import inspect
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click

import te_audit_frames as taf
from te_audit_frames.cli.output import FORMATS, Output, ending, show_log
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.file_errors import file_errors
from te_audit_frames.periods import parse_zone, to_bounds, to_instant, to_window

F = TypeVar("F", bound=Callable[..., Any])

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


def page_size_option(*, default: str) -> Callable[[F], F]:
    """Add ``--page-size``; `default` says in words what is taken without it."""
    return click.option(
        "--page-size",
        type=PageSize(),
        metavar="N|largest",
        help=f"Events per page. With largest, ask for 1000 if the API allows it.  [default: {default}]",
    )


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
        It is.
    """
    for name, value in (("--start", start), ("--end", end)):
        if window is not None and value is not None:
            raise click.UsageError(f"--window and {name} cannot be combined. Give one of them.")


def check_bounds(*, start: str | None, end: str | None, zone: tzinfo | None = None) -> None:
    """Check that ``--end`` is after ``--start``; `zone` is the time zone of moments that have none.

    Raises
    ------
    click.UsageError
        It is at or before it.
    """
    try:
        to_bounds(start, end, zone=zone)
    except InvalidArgument:
        raise click.UsageError("--end must be after --start. The moment of --end is excluded.") from None


class Dimension(click.Choice[str]):
    """A column to count by in the command line's spelling; its value is the package's spelling."""

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
            self.fail(f"{path!r} must end in {', '.join(others)} or {last}, which names the format.", param, ctx)
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
        Others can read the file.
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
        # No variable holds the secret, so no traceback shows it.
        return file.read(_LONGEST_SECRET)


@contextmanager
def naming_options() -> Iterator[None]:
    """Name the option of the running command in an `InvalidArgument` about an argument of the package.

    Raises
    ------
    InvalidArgument
        With ``--min-days: ...`` in place of ``min_days: ...``.
    """
    try:
        yield
    except InvalidArgument as error:
        argument, colon, rest = str(error).partition(": ")
        for parameter in click.get_current_context().command.params:
            if colon and argument == parameter.name and isinstance(parameter, click.Option):
                raise InvalidArgument(f"{parameter.opts[0]}: {rest}") from error
        raise


def bundle(name: str, make: Callable[..., object], parameters: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """Return a decorator that adds options to a command, and passes their values as one object.

    Parameters
    ----------
    name : str
        The command's argument that receives the object.
    make : callable
        Makes the object. It takes the value of each option by name.
    parameters : sequence of callable
        Decorators of click, in the order of ``--help``. Their values have the names of the arguments of `make`.

    Returns
    -------
    callable
    """
    probe: Any = lambda: None  # noqa: E731 - click keeps the options of a command as an attribute
    for parameter in parameters:
        parameter(probe)
    names = [str(option.name) for option in probe.__click_params__]

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def bundled(*args: Any, **values: Any) -> Any:
            own = {each: values.pop(each) for each in names}
            return command(*args, **values, **{name: make(**own)})

        decorated = bundled
        for parameter in reversed(parameters):
            decorated = parameter(decorated)
        return decorated  # type: ignore[return-value]

    return decorate


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


def by_option(*, default: str | None, text: str) -> Callable[[F], F]:
    """Add ``--by``, which may be given several times."""
    several = None if default is None else [default]
    text = f"{text} Repeat it to combine several."
    return click.option("--by", type=Dimension(), multiple=True, default=several, show_default=True, help=text)


def top_option(*, default: int | None, text: str) -> Callable[[F], F]:
    """Add ``--top``."""
    kind = click.IntRange(min=1)
    return click.option("--top", type=kind, default=default, show_default=True, metavar="N", help=text)


output_options = bundle(
    "output",
    Output,
    (
        click.option(
            "--format",
            "form",
            type=click.Choice(FORMATS),
            default="table",
            show_default=True,
            help="A table for people; CSV, JSON or JSON Lines for programs.",
        ),
        click.option("--bom", is_flag=True, help="Start CSV with a byte order mark, for spreadsheets such as Excel."),
    ),
)
"""Add ``--format`` and ``--bom``."""


_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(taf.Client).parameters.items()}

_CLIENT_OPTIONS = (
    click.option(
        "--token-file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help="The file that holds the token. It must be readable only by you (chmod 600).",
    ),
    click.option(
        "--workers",
        metavar="N",
        type=click.IntRange(1, 64),
        default=_DEFAULTS["workers"],
        show_default=True,
        help="How many requests to send at once, 1 to 64.",
    ),
    click.option(
        "--deadline",
        metavar="SECONDS",
        type=click.FloatRange(0, 10_000_000, min_open=True),
        default=_DEFAULTS["deadline"],
        show_default=True,
        help="The time after which the command gives up. Waits for the rate limit count. A sync gives up only if no "
        "new page arrives for so long.",
    ),
    click.option(
        "--reserve",
        metavar="SHARE",
        type=click.FloatRange(0, 0.95),
        default=_DEFAULTS["reserve"],
        show_default=True,
        help="The share of the rate limit, 0 to 0.95, to leave to others.",
    ),
    click.option(
        "--ca-bundle", metavar="FILE", help="A file of certificate authorities to trust instead of the usual ones."
    ),
    click.option(
        "-v", "--verbose", is_flag=True, help="Show retries, waits for the rate limit, and how the period is split up."
    ),
    click.option("--progress/--no-progress", default=None, help="Show a progress bar.  [default: in a terminal]"),
)


def client_options(command: F) -> F:
    """Add the options of `make_client`."""
    for option in reversed(_CLIENT_OPTIONS):
        command = option(command)
    return command


def make_client(*, token_file: str | None, verbose: bool, **settings: Any) -> taf.Client:
    """Return the client that the options describe, and show its log if they ask for it.

    Parameters
    ----------
    token_file : str or None
        Where the token is; None for the environment's `TE_TOKEN`.
    verbose : bool
        Whether to show the package's log on stderr.
    **settings
        The other options of `client_options`.

    Returns
    -------
    Client

    Raises
    ------
    click.UsageError
        There is no token.
    """
    if token_file is None and os.getenv("TE_TOKEN") is None:
        raise click.UsageError(
            "There is no token. Put it into the environment variable TE_TOKEN, or give --token-file FILE. "
            "To try the program without a token: te-audit-frames demo"
        )
    if verbose:
        show_log()
    # The token is read within the call: no variable holds it, so no traceback shows it. The Client strips it, and
    # refuses what is not text.
    return taf.Client(
        token=None if token_file is None else read_secret(token_file, option="--token-file").decode(errors="replace"),
        **settings,
    )
