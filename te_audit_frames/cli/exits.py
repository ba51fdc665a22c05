"""How a command ends: one readable paragraph on stderr, and an exit code that a script can act on."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from te_audit_frames.errors import (
    ArchiveError,
    ArchiveLocked,
    AuditFramesError,
    AuditFramesWarning,
    AuthenticationError,
    DecodeError,
    FetchError,
    InvalidRequest,
    NotAnAuditFrame,
    PermissionDenied,
    StoreError,
)
from te_audit_frames.safe_text import visible

USAGE, AUTHENTICATION, API, DATA, LOCKED = 2, 3, 4, 5, 6
DEFECT = 1
INTERRUPTED, BROKEN_PIPE = 130, 141  # what a shell reports of a program that SIGINT or SIGPIPE ended

# The first that fits counts: a DecodeError is a FetchError too.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (InvalidRequest, USAGE),
    (AuthenticationError, AUTHENTICATION),
    (PermissionDenied, AUTHENTICATION),
    (DecodeError, DATA),
    (NotAnAuditFrame, DATA),
    (ArchiveLocked, LOCKED),
    (StoreError, API),  # a bucket is behind a network, as the API is
    (ArchiveError, DATA),
    (FetchError, API),
    (OSError, DATA),  # a FileError is one
    (KeyboardInterrupt, INTERRUPTED),
)


class Program(click.Group):
    """A group of commands whose errors end in a paragraph and an exit code, with a traceback only on request."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are used."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and end as its outcome asks."""
        try:
            with _warnings_as_lines():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # these are click's own, which it ends itself
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(BROKEN_PIPE)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every error has to end in a paragraph
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # of a file such as /dev/stdout
                ctx.exit(BROKEN_PIPE)
            if ctx.params.get("debug"):
                _say(*"".join(traceback.format_exception(error)).rstrip().splitlines())
            _say(*paragraph(error).splitlines())
            ctx.exit(exit_code(error))


def exit_code(error: BaseException) -> int:
    """Return the exit code that an error asks for.

    Parameters
    ----------
    error : BaseException
        What ended the command.

    Returns
    -------
    int
        2 usage, 3 authentication or permission, 4 API or network, 5 data, 6 a locked archive, 130 interrupted; 1 is a
        defect of ours.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.cli.exits import exit_code
    >>> exit_code(taf.NetworkError("no answer")), exit_code(FileNotFoundError())
    (4, 5)
    """
    return next((code for cls, code in _CODES if isinstance(error, cls)), DEFECT)


def paragraph(error: BaseException) -> str:
    """Say what ended a command, and what to do about it.

    Parameters
    ----------
    error : BaseException
        What ended the command; its notes come along, each on lines of its own.

    Returns
    -------
    str

    Examples
    --------
    >>> from te_audit_frames.cli.exits import paragraph
    >>> paragraph(FileNotFoundError(2, "No such file or directory", "events.parquet"))
    'Error: events.parquet: No such file or directory'
    """
    if isinstance(error, KeyboardInterrupt):
        said = "Interrupted."
    elif isinstance(error, AuditFramesError):
        said = f"Error: {error}"
    elif isinstance(error, OSError):
        said = "Error: " + ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    else:
        said = f"Error: a defect of this program, {type(error).__name__}: {error}. With --debug it says where."
    return "\n".join([visible(said), *getattr(error, "__notes__", [])])


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show our warnings as one line each, and leave those of others to Python."""
    with warnings.catch_warnings():
        theirs = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, AuditFramesWarning):
                _say(f"Warning: {message}")
            else:
                theirs(message, category, *where)

        warnings.showwarning = show  # type: ignore[assignment]
        warnings.simplefilter("always", AuditFramesWarning)
        yield


def _say(*lines: str) -> None:
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip(" ")))
        click.echo(indent + visible(line), err=True)


def _discard_stdout() -> None:
    # Or the interpreter would complain at its end, when it flushes what nobody reads.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
