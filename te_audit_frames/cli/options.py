"""Options that several commands share: their help, and the client that they configure."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

import te_audit_frames as taf
from te_audit_frames.cli.output import FORMATS, Output, ending, show_log
from te_audit_frames.cli.values import Dimension, PageSize, Target, read_secret
from te_audit_frames.client.defaults import DEADLINE, RESERVE, WORKERS
from te_audit_frames.errors import InvalidArgument

F = TypeVar("F", bound=Callable[..., Any])


def page_size_option(*, default: str) -> Callable[[F], F]:
    """Add ``--page-size``. ``--help`` shows `default`, which describes the default in words."""
    return click.option(
        "--page-size",
        type=PageSize(),
        metavar="N|largest",
        help=f"Events per page. With largest, ask for 1000 if the API allows it.  [default: {default}]",
    )


def target_option(*endings: str, text: str) -> Callable[[F], F]:
    """Add ``-o``, the file to write, whose name has one of the endings."""
    return click.option("-o", "--output", required=True, metavar="FILE", type=Target(*endings), help=text)


def raw_csv_option(command: F) -> F:
    """Add ``--raw-csv``, to be checked with `check_raw_csv`."""
    return click.option("--raw-csv", is_flag=True, help="Don't escape cells that a spreadsheet would run as formulas.")(
        command
    )


def check_raw_csv(raw_csv: bool, output: str) -> None:
    """Raise click.UsageError for ``--raw-csv`` with a file that is no CSV."""
    if raw_csv and ending(output) != ".csv":
        raise click.UsageError("--raw-csv is only for CSV. Give -o FILE.csv, or leave out --raw-csv.")


def dispositions_option(consequence: str | None = None) -> Callable[[F], F]:
    """Add ``--dispositions``. `consequence` ends the sentence of ``--help`` on what happens to the findings."""
    text = f"Its findings are listed apart{f', {consequence}' if consequence else ''}."
    kind = click.Path(dir_okay=False)
    text = f"A TOML file of what somebody has looked at. {text}"
    return click.option("--dispositions", metavar="FILE", type=kind, help=text)


@contextmanager
def naming_options() -> Iterator[None]:
    """Turn an `InvalidArgument` about an argument of the package into one about the option of the running command.

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
        default=WORKERS,
        show_default=True,
        help="How many requests to send at once, 1 to 64.",
    ),
    click.option(
        "--deadline",
        metavar="SECONDS",
        type=click.FloatRange(0, 10_000_000, min_open=True),
        default=DEADLINE,
        show_default=True,
        help="The time after which the command gives up, waits for the rate limit included. A sync gives up only if "
        "no new page arrives for this long.",
    ),
    click.option(
        "--reserve",
        metavar="SHARE",
        type=click.FloatRange(0, 0.95),
        default=RESERVE,
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
