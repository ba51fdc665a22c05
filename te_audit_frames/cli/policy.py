"""How to ask the API, as options of a command: those of `Client`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

import te_audit_frames as taf
from te_audit_frames.cli import options

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULTS = {name: parameter.default for name, parameter in inspect.signature(taf.Client).parameters.items()}

_OPTIONS = (
    click.option(
        "--token-file", metavar="FILE", type=click.Path(dir_okay=False), help="Holds the token; only you may read it."
    ),
    click.option(
        "--workers",
        metavar="N",
        type=int,
        default=_DEFAULTS["workers"],
        show_default=True,
        help="Requests under way at once, 1 to 64.",
    ),
    click.option(
        "--deadline",
        metavar="SECONDS",
        type=float,
        default=_DEFAULTS["deadline"],
        show_default=True,
        help="How long one fetch may take, waits for the rate limit included.",
    ),
    click.option(
        "--reserve",
        metavar="SHARE",
        type=float,
        default=_DEFAULTS["reserve"],
        show_default=True,
        help="The share of the rate limit, 0 to 0.95, that is left to others.",
    ),
    click.option("--ca-bundle", metavar="FILE", help="Certificate authorities to trust in place of the usual."),
    click.option("--progress/--no-progress", default=None, help="A progress bar.  [default: in a terminal]"),
)


def policy_options(command: F) -> F:
    """Add ``--token-file``, ``--workers``, ``--deadline``, ``--reserve``, ``--ca-bundle`` and ``--progress``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def client_of(*, token_file: str | None, **policy: Any) -> taf.Client:
    """Make the client that the options ask for.

    Parameters
    ----------
    token_file : str or None
        Where the token is; None for the environment's `TE_TOKEN`.
    **policy
        The other options of `policy_options`.

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
            "There is no token. Set the environment variable TE_TOKEN to it, or give --token-file FILE. "
            "To try without one: te-audit-frames demo"
        )
    # The token is read within the call: no variable holds it, so no traceback shows it.
    return taf.Client(token=None if token_file is None else options.read_token(token_file), **policy)
