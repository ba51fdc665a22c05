"""The program ``te-audit-frames``: its commands and its general options."""

from __future__ import annotations

import sys
from typing import Any

import click

from te_audit_frames.cli import (
    archive,
    checks,
    directory,
    events,
    exchange,
    fetch,
    find,
    plots,
    report,
    review,
    summaries,
)
from te_audit_frames.cli.demo import sandbox_options, serve, show
from te_audit_frames.cli.exit_codes import Program

PROGRAM = "te-audit-frames"


def main() -> None:
    """Run the command line, as the entry point of ``te-audit-frames``."""
    program(prog_name=PROGRAM)


@click.group(
    cls=Program,
    # Otherwise click would remove escape sequences from CSV that goes to a file, and could expose a formula.
    context_settings={"color": True},
    epilog="""\b
Example, without any account:
  te-audit-frames demo

\b
Exit codes: 0 done, 2 usage, 3 authentication or permission, 4 API or network,
  5 data (a file cannot be read or written, or holds no events), 6 another run is writing
  to the archive, 7 a review has findings at or above --fail-on, 130 interrupted.

\b
To complete commands with Tab, add the line for your shell to its start-up file:
  bash: eval "$(_TE_AUDIT_FRAMES_COMPLETE=bash_source te-audit-frames)"
  zsh:  eval "$(_TE_AUDIT_FRAMES_COMPLETE=zsh_source te-audit-frames)"
  fish: _TE_AUDIT_FRAMES_COMPLETE=fish_source te-audit-frames | source""",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="te-audit-frames", prog_name=PROGRAM)
def program(debug: bool) -> None:
    """Fetch, count, draw and keep the ThousandEyes activity log."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's encoding lacks must not end the command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@program.command(
    epilog="""\b
Example:
  te-audit-frames demo --out te-audit-demo"""
)
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    default="te-audit-demo",
    show_default=True,
    metavar="DIR",
    help="The folder for the demo's files. It is created, and files with the same names are replaced.",
)
def demo(out: str) -> None:
    """Show everything on a practice server, without a token."""
    show(out)


for command in (
    fetch.fetch,
    events.events,
    summaries.summary,
    summaries.activity,
    plots.plot,
    find.find,
    review.review,
    report.report,
    directory.users,
    archive.sync,
    archive.archive,
    exchange.pseudonymize,
    checks.vocabulary,
):
    program.add_command(command)


@program.command(
    epilog="""\b
Example:
  te-audit-frames sandbox --port 8080
In another terminal, enter the two lines that it prints. Then:
  te-audit-frames fetch --window 90d -o events.parquet"""
)
@sandbox_options
def sandbox(**options: Any) -> None:
    """Serve a practice ThousandEyes until Ctrl-C.

    The options from --longest-range on make the server as difficult to fetch from as a real one can be.
    """
    serve(**options)
