"""The commands: each turns its options into calls of public functions, and prints or writes what they return."""

from __future__ import annotations

import sys
from typing import Any, Literal

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli import archives, checks, options
from te_audit_frames.cli.exits import Program
from te_audit_frames.cli.formats import FORMATS
from te_audit_frames.cli.pictures import save
from te_audit_frames.cli.policy import client_of, policy_options
from te_audit_frames.cli.rescue import rescuing
from te_audit_frames.cli.terminal import visible
from te_audit_frames.schema import COLUMNS

PROGRAM = "te-audit-frames"

_PICTURES = options.Target(".png", ".svg", ".pdf")
# No command counts these, and they are most of a file.
_COUNTED = [column for column in COLUMNS if column not in ("resources", "extra")]


def main() -> None:
    """Run the command line; the entry point of ``te-audit-frames``."""
    program(prog_name=PROGRAM)


@click.group(
    cls=Program,
    # Or click would cut escape sequences out of CSV that goes into a file, and what is behind them may be a formula.
    context_settings={"color": True},
    epilog="""\b
Example, without any account:
  te-audit-frames demo

\b
Exit codes: 0 done, 2 usage, 3 authentication or permission, 4 API or network,
  5 data (a file that is not readable, not writable, or not of events), 6 an archive that
  another run is writing into, 130 interrupted.

\b
Completion: put the line for your shell into its start file.
  bash: eval "$(_TE_AUDIT_FRAMES_COMPLETE=bash_source te-audit-frames)"
  zsh:  eval "$(_TE_AUDIT_FRAMES_COMPLETE=zsh_source te-audit-frames)"
  fish: _TE_AUDIT_FRAMES_COMPLETE=fish_source te-audit-frames | source""",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="te-audit-frames", prog_name=PROGRAM)
def program(debug: bool) -> None:
    """Fetch the ThousandEyes activity log, count it, draw it, and keep it."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks shall not end the command.
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
    help="The folder for the demo's files; it is made, and files of the same names are replaced.",
)
def demo(out: str) -> None:
    """See it all on a practice server: no account, no token."""
    from te_audit_frames.cli.demo import show

    show(out)


@program.command(
    epilog="""\b
The token is read from TE_TOKEN or from --token-file, the API's address from TE_BASE_URL
(https://api.thousandeyes.com if that is not set).

\b
Examples:
  te-audit-frames fetch --window 30d --all-account-groups -o events.parquet
  te-audit-frames fetch --start 2026-01-01 --end 2026-02-01 --aid 1234 -o january.csv"""
)
@click.option("--window", metavar="LENGTH", help="So much time back from now: 12h, 7d, 4w.  [default: 7d]")
@click.option("--start", metavar="TIME", help="From here on, ISO 8601: 2026-01-01 or 2026-01-01T09:00:00Z.")
@click.option("--end", metavar="TIME", help="Up to here, which is excluded.  [default: now]")
@click.option("--aid", metavar="ID", help="The account group.  [default: the token's login account group]")
@click.option("--all-account-groups", is_flag=True, help="Every account group of the token's user.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=options.Target(".parquet", ".csv", ".jsonl"),
    help="Where the events go: .parquet, .csv or .jsonl. An existing file is replaced when all is there.",
)
@click.option("--raw-csv", is_flag=True, help="Leave CSV cells as they are that a spreadsheet would run as formulas.")
@click.option(
    "--errors",
    type=click.Choice(["raise", "coerce"]),
    default="raise",
    show_default=True,
    help="At a value that does not fit its column: stop, or set it aside and go on.",
)
@policy_options
def fetch(
    *,
    window: str | None,
    start: str | None,
    end: str | None,
    aid: str | None,
    all_account_groups: bool,
    output: str,
    raw_csv: bool,
    errors: Literal["raise", "coerce"],
    **policy: Any,
) -> None:
    """Fetch the events of a period into a file.

    The period is --window, or --start and --end, or else the last 7 days.
    """
    if raw_csv and options.ending(output) != ".csv":
        raise click.UsageError("--raw-csv is for -o FILE.csv.")
    if aid is not None and all_account_groups:
        raise click.UsageError("--aid and --all-account-groups exclude each other.")
    client = client_of(**policy)
    with rescuing(output):
        events = client.fetch_events(
            window=window, start=start, end=end, aid=aid, all_account_groups=all_account_groups, errors=errors
        )
    _write(events, output, raw_csv=raw_csv)
    paid = taf.receipt(events)
    click.echo(f"{len(events):,} events from {paid.period} are in {visible(output)}.", err=True)
    for note in paid.notes:
        click.echo(f"Note: {visible(note)}.", err=True)


def _write(events: pd.DataFrame, output: str, *, raw_csv: bool) -> None:
    from te_audit_frames.storage.text import write_csv, write_jsonl

    match options.ending(output):
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
@options.by_option(default="user", text="What a row stands for.")
@options.top_option(default=None, text="Keep the N largest rows and fold all others into one.  [default: all]")
@options.format_option
def summary(file: str, by: str, top: int | None, form: str) -> None:
    """Count the events of a FILE by who, where or what.

    FILE is Parquet, from fetch.
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
@options.by_option(default=None, text="Count each of these apart.")
@options.tz_option
@options.top_option(default=None, text="With --by, keep the N largest and fold all others into one.  [default: all]")
@options.format_option
def activity(*, file: str, freq: str, by: str | None, tz: str, top: int | None, form: str) -> None:
    """Count the events of a FILE per hour, day, week or month.

    FILE is Parquet, from fetch. Periods without events are zero; one that the events do not cover to its end is not
    complete.
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
@options.by_option(default=None, text="Draw each of these apart.")
@options.tz_option
@options.top_option(default=None, text="With --by, draw the N largest apart and all others as one.")
def plot_activity(*, file: str, output: str, freq: str, by: str | None, tz: str, top: int | None) -> None:
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
    """Draw at which hours of the week events happen."""
    save(lambda: taf.plot_heatmap(_read(file), tz=tz), output)


@plot.command(
    "top",
    epilog="""\b
Example:
  te-audit-frames plot top events.parquet --by event-type --top 15 -o top.pdf""",
)
@options.file_argument
@_picture_option
@options.by_option(default="user", text="What a bar stands for.")
@options.top_option(default=10, text="How many bars.")
def plot_top(file: str, output: str, by: str, top: int) -> None:
    """Draw who, where or what has the most events."""
    save(lambda: taf.plot_top(_read(file), by=by, n=top), output)


def _read(file: str) -> pd.DataFrame:
    return taf.read_parquet(file, columns=_COUNTED)


program.add_command(archives.sync)
program.add_command(archives.archive)
program.add_command(checks.vocabulary)


@program.command(
    epilog="""\b
Example:
  te-audit-frames sandbox --port 8080
Then, in another terminal, the two lines that it prints, and:
  te-audit-frames fetch --window 90d --all-account-groups -o events.parquet"""
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="On 127.0.0.1; 0 takes a free one."
)
@click.option("--events", type=click.IntRange(min=0), default=10_000, show_default=True, help="How many, in 90 days.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which organisation.")
def sandbox(port: int, events: int, seed: int) -> None:
    """Serve a practice ThousandEyes until Ctrl-C."""
    from te_audit_frames.cli.practice import serve

    serve(port=port, events=events, seed=seed)
