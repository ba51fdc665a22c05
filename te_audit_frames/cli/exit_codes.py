"""How commands end: with a paragraph on stderr in the words of the command line, and an exit code for scripts."""

from __future__ import annotations

import errno
import os
import re
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
    InvalidArgument,
    NotAnAuditFrame,
    PermissionDenied,
    StoreError,
)
from te_audit_frames.safe_text import visible

USAGE, AUTHENTICATION, API, DATA, LOCKED = 2, 3, 4, 5, 6
FOUND = 7  # no error: a review has findings at or above --fail-on
DEFECT = 1
INTERRUPTED, BROKEN_PIPE = 130, 141  # a shell's codes for programs that SIGINT or SIGPIPE ended

# The first match counts: a DecodeError is also a FetchError.
_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (InvalidArgument, USAGE),
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
    """A group of commands. Errors become one paragraph and an exit code; ``--debug`` adds the traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and exit with the code for its outcome."""
        try:
            with _warnings_as_lines():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # click handles its own
        except BrokenPipeError:
            _discard_stdout()
            ctx.exit(BROKEN_PIPE)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - every error has to end in a paragraph
            if isinstance(error, OSError) and error.errno == errno.EPIPE:  # writing to a file such as /dev/stdout
                ctx.exit(BROKEN_PIPE)
            if ctx.params.get("debug"):
                _say(*"".join(traceback.format_exception(error)).rstrip().splitlines())
            _say(*paragraph(error).splitlines())
            ctx.exit(exit_code(error))


def exit_code(error: BaseException) -> int:
    """Return the exit code for an error.

    Parameters
    ----------
    error : BaseException
        What ended the command.

    Returns
    -------
    int
        2 usage, 3 authentication or permission, 4 API or network, 5 data, 6 a locked archive, 130 interrupted, 1 a
        defect of this program.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.cli.exit_codes import exit_code
    >>> exit_code(taf.NetworkError("no answer")), exit_code(FileNotFoundError())
    (4, 5)
    """
    return next((code for cls, code in _CODES if isinstance(error, cls)), DEFECT)


def paragraph(error: BaseException) -> str:
    """Return the message for an error that ended a command, in the words of the command line.

    Parameters
    ----------
    error : BaseException
        What ended the command. Its notes follow on separate lines.

    Returns
    -------
    str

    Examples
    --------
    >>> from te_audit_frames.cli.exit_codes import paragraph
    >>> paragraph(FileNotFoundError(2, "No such file or directory", "events.parquet"))
    'Error: events.parquet: No such file or directory'
    """
    if isinstance(error, KeyboardInterrupt):
        text = "Interrupted."
    elif isinstance(error, AuditFramesError):
        text = f"Error: {in_options(str(error))}"
    elif isinstance(error, OSError):
        text = "Error: " + ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    else:
        text = f"Error: this is a defect of the program: {type(error).__name__}: {error}. --debug shows where."
    return "\n".join([visible(text), *getattr(error, "__notes__", [])])


def in_options(text: str) -> str:
    """Return a message of the package with its arguments named as the command line's options.

    Parameters
    ----------
    text : str
        An error's message, a warning or a note.

    Returns
    -------
    str

    Examples
    --------
    >>> from te_audit_frames.cli.exit_codes import in_options
    >>> in_options("Use all_account_groups=False.")
    'Use --login-account-group.'
    """
    for ours, theirs in _IN_OPTIONS:
        text = ours.sub(theirs, text)
    return text


# Advice in the package's messages, and the same advice in the words of the command line.
_IN_OPTIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(ours), theirs)
    for ours, theirs in (
        (r"\ball_account_groups=False\b", "--login-account-group"),
        (r"\baid= for", "--aid for"),
        (r", or give Client\(token=\.\.\.\)", ", or give --token-file FILE"),
        (r"\bgive the Client a longer deadline\b", "give a longer --deadline"),
        (r"\bGive the Client a longer timeout or smaller pages \(page_size\), or try again later", "Try again later"),
        (r" Ask for smaller pages \(page_size\), or raise the Client's max_page_bytes\.", ""),
        (r'\bAsk for larger pages \(page_size="largest"\)', "Use --page-size largest"),
        (r"\btry it without page_size", "try it without --page-size"),
        (
            r"Use iter_batches, .*?, ask for a shorter period, .*?\.",
            "Fetch a shorter period.",
        ),
        (r"\bwith a Client\(workers=1\)", "with --workers 1"),
        (r"\bgive ca_bundle=", "give --ca-bundle FILE"),
        (r"\bca_bundle:", "--ca-bundle:"),
        (r"\bbase_url \(TE_BASE_URL\)", "TE_BASE_URL"),
        (r"\bcheck base_url and the proxy", "check TE_BASE_URL and the proxy"),
        (r"\bmake (that|that address) the (?:base_url|TE_BASE_URL)", r"set TE_BASE_URL to \1"),
        (r"\bbase_url\b", "TE_BASE_URL"),
        (r'\berrors="coerce"', "--errors coerce"),
        (
            r"Events come from fetch_events\(\), read_pages\(\) or read_parquet\(\)\.",
            "Fetch a file of events first: te-audit-frames fetch.",
        ),
        (r"Archive\.sync\(\) or \.import_parquet\(\) makes one", "te-audit-frames sync creates one"),
        (r"\bArchive\.sync\(\)", "te-audit-frames sync"),
        (r"\bneither window nor start was given\b", "neither --window nor --start was given"),
        (r"\bstart=", "--start "),
        (r"\bno history was given\b", "no --history was given"),
        (r"\bno directory was given\b", "no --users was given"),
        (r"^vocabulary: ", "--vocabulary: "),
        (r"^users: ", "--users: "),
        (r"Archive\.sync\(client, users=True\) keeps one", "te-audit-frames sync --users keeps one"),
        (r"Fetch it with the token", "Fetch it (te-audit-frames users) with the token"),
        (r"^location: ", ""),
        (r" It is the index of a row of findings\.$", ""),
        # pyarrow's text about a broken file is of no use here.
        (r"(is not a Parquet file, or is damaged or cut short): .*?\. (?=[A-Z])", r"\1. "),
    )
)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show the package's warnings as one line each, and leave other warnings to Python."""
    with warnings.catch_warnings():
        theirs = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, AuditFramesWarning):
                _say(f"Warning: {in_options(str(message))}")
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
    # Otherwise the interpreter would report an error when it flushes stdout at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
