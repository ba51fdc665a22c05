"""The commands: each turns its options into calls of public functions, and prints or writes what they return."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Literal

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli import archive, checks, directory, options
from te_audit_frames.cli.demo import sandbox_options, serve, show
from te_audit_frames.cli.exit_codes import Program, in_options
from te_audit_frames.cli.output import FORMATS, ending, save
from te_audit_frames.cli.partial import keep_partial
from te_audit_frames.safe_text import visible
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.analysis.freq import Freq

PROGRAM = "te-audit-frames"

_PICTURES = options.Target(".png", ".svg", ".pdf")
# No command counts these, and they are most of a file.
_COUNTED = [column for column in COLUMNS if column not in ("resources", "extra")]


def main() -> None:
    """Run the command line; the entry point of ``te-audit-frames``."""
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
  5 data (a file that cannot be read or written, or holds no events), 6 another run is
  writing to the archive, 130 interrupted.

\b
Completion: add the line for your shell to its start-up file.
  bash: eval "$(_TE_AUDIT_FRAMES_COMPLETE=bash_source te-audit-frames)"
  zsh:  eval "$(_TE_AUDIT_FRAMES_COMPLETE=zsh_source te-audit-frames)"
  fish: _TE_AUDIT_FRAMES_COMPLETE=fish_source te-audit-frames | source""",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="te-audit-frames", prog_name=PROGRAM)
def program(debug: bool) -> None:
    """Fetch, count, draw and keep the ThousandEyes activity log."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks must not end the command.
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
    """Show everything on a practice server, without an account or a token."""
    show(out)


@program.command(
    epilog="""\b
The token is read from TE_TOKEN or from --token-file, the API's address from TE_BASE_URL
(https://api.thousandeyes.com if that is not set).

\b
Examples:
  te-audit-frames fetch --window 30d -o events.parquet
  te-audit-frames fetch --start 2026-01-01 --end 2026-02-01 --aid 1234 -o january.csv"""
)
@click.option(
    "--window", type=options.Length(), metavar="LENGTH", help="A length of time up to now: 12h, 7d, 4w.  [default: 7d]"
)
@click.option(
    "--start", type=options.Moment(), metavar="TIME", help="The start, as 2026-01-01 or 2026-01-01T09:00:00Z."
)
@click.option("--end", type=options.Moment(), metavar="TIME", help="The end, which is excluded.  [default: now]")
@click.option("--aid", metavar="ID", help="Fetch one account group.")
@click.option("--login-account-group", is_flag=True, help="Fetch only the token's login account group.")
@click.option("--all-account-groups", is_flag=True, help="Fetch every account group the token may see, the default.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=options.Target(".parquet", ".csv", ".jsonl"),
    help="The file to write: .parquet, .csv or .jsonl. An existing file is replaced once the fetch is complete.",
)
@click.option("--raw-csv", is_flag=True, help="Don't escape cells that a spreadsheet would run as formulas.")
@click.option(
    "--errors",
    type=click.Choice(["raise", "coerce"]),
    default="raise",
    show_default=True,
    help="If a value does not fit its column, stop, or set it aside and continue.",
)
@options.client_options
def fetch(
    *,
    window: str | None,
    start: str | None,
    end: str | None,
    aid: str | None,
    login_account_group: bool,
    all_account_groups: bool,
    output: str,
    raw_csv: bool,
    errors: Literal["raise", "coerce"],
    **settings: Any,
) -> None:
    """Fetch the events of a period into a file.

    The period is --window, or --start and --end, or the last 7 days.
    """
    if raw_csv and ending(output) != ".csv":
        raise click.UsageError("--raw-csv is for -o FILE.csv.")
    options.check_period(window=window, start=start, end=end)
    scopes = {"--aid": aid, "--login-account-group": login_account_group, "--all-account-groups": all_account_groups}
    chosen = [name for name, value in scopes.items() if value]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} exclude each other.")
    client = options.make_client(**settings)
    with keep_partial(output):
        events = client.fetch_events(
            window=window,
            start=start,
            end=end,
            aid=aid,
            all_account_groups=False if login_account_group else None,
            errors=errors,
        )
    _write(events, output, raw_csv=raw_csv)
    receipt = taf.receipt(events)
    click.echo(
        f"{len(events):,} events of {visible(receipt.scope_name)}, from {receipt.period}, are in {visible(output)}.",
        err=True,
    )
    for note in receipt.notes:
        click.echo(f"Note: {visible(in_options(note))}.", err=True)


def _write(events: pd.DataFrame, output: str, *, raw_csv: bool) -> None:
    from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

    match ending(output):
        case ".csv":
            write_csv(events, output, raw=raw_csv)
        case ".jsonl":
            write_jsonl(events, output)
        case _:
            taf.write_parquet(events, output)


@program.command(
    epilog="""\b
Examples:
  te-audit-frames summary events.parquet --by account-group
  te-audit-frames summary events.parquet --by user --format csv > users.csv"""
)
@options.file_argument
@options.by_option(default="user", text="What each row counts.")
@options.top_option(default=None, text="Keep the N largest rows and combine the others.  [default: all]")
@options.format_option
def summary(file: str, by: str, top: int | None, form: str) -> None:
    """Count the events in FILE by user, account group, event type or address.

    FILE is a Parquet file from fetch.
    """
    click.echo(FORMATS[form](taf.summarize(_read(file), by=by, top=top)))


@program.command(
    epilog="""\b
Examples:
  te-audit-frames activity events.parquet --freq W
  te-audit-frames activity events.parquet --freq h --by event-type --top 5 --tz Europe/Berlin"""
)
@options.file_argument
@options.freq_option
@options.by_option(default=None, text="Count each of these separately.")
@options.tz_option
@options.top_option(default=None, text="With --by, keep the N largest and combine the others.  [default: all]")
@options.format_option
def activity(*, file: str, freq: Freq, by: str | None, tz: str, top: int | None, form: str) -> None:
    """Count the events in FILE by hour, day, week or month.

    FILE is a Parquet file from fetch. Hours, days, weeks and months without events count zero; those that the events
    do not cover to their end are marked as not complete.
    """
    click.echo(FORMATS[form](taf.activity(_read(file), freq=freq, by=by, tz=tz, top=top)))


@program.group(
    epilog="""\b
Example:
  te-audit-frames plot heatmap events.parquet --tz Europe/Berlin -o heatmap.png"""
)
def plot() -> None:
    """Draw the events of a Parquet FILE as PNG, SVG or PDF."""


_picture_option = click.option(
    "-o", "--output", required=True, type=_PICTURES, metavar="FILE", help="The picture: .png, .svg or .pdf."
)


@plot.command(
    "activity",
    epilog="""\b
Example:
  te-audit-frames plot activity events.parquet --freq D --by event-type -o activity.png""",
)
@options.file_argument
@_picture_option
@options.freq_option
@options.by_option(default=None, text="Draw each of these separately.")
@options.tz_option
@options.top_option(default=None, text="With --by, draw the N largest apart and all others as one.")
def plot_activity(*, file: str, output: str, freq: Freq, by: str | None, tz: str, top: int | None) -> None:
    """Draw how many events each hour, day, week or month had."""
    save(lambda: taf.plot_activity(_read(file), freq=freq, by=by, tz=tz, top=top), output)


@plot.command(
    "heatmap",
    epilog="""\b
Example:
  te-audit-frames plot heatmap events.parquet --tz America/New_York -o heatmap.svg""",
)
@options.file_argument
@_picture_option
@options.tz_option
def plot_heatmap(file: str, output: str, tz: str) -> None:
    """Draw the hours of the week in which events happen."""
    save(lambda: taf.plot_heatmap(_read(file), tz=tz), output)


@plot.command(
    "top",
    epilog="""\b
Example:
  te-audit-frames plot top events.parquet --by event-type --top 15 -o top.pdf""",
)
@options.file_argument
@_picture_option
@options.by_option(default="user", text="What each bar counts.")
@options.top_option(default=10, text="How many bars.")
def plot_top(file: str, output: str, by: str, top: int) -> None:
    """Draw who, where or what has the most events."""
    save(lambda: taf.plot_top(_read(file), by=by, top=top), output)


def _read(file: str) -> pd.DataFrame:
    try:
        return taf.read_parquet(file, columns=_COUNTED)
    except OSError as error:
        if not error.errno:
            raise
        raise OSError(error.errno, os.strerror(error.errno), file) from error  # without pyarrow's own words


program.add_command(directory.users)
program.add_command(archive.sync)
program.add_command(archive.archive)
program.add_command(checks.vocabulary)


@program.command(
    epilog="""\b
Example:
  te-audit-frames sandbox --port 8080
Then, in another terminal, the two lines that it prints, and:
  te-audit-frames fetch --window 90d -o events.parquet"""
)
@sandbox_options
def sandbox(**options: Any) -> None:
    """Serve a practice ThousandEyes until Ctrl-C.

    The options from --longest-range on make it as difficult to fetch from as a real server can be.
    """
    serve(**options)
