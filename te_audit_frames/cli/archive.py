"""The commands of archives: sync, which cron can run, and archive coverage, verify and export."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, values
from te_audit_frames.cli.exit_codes import DATA
from te_audit_frames.periods import DEFAULT_LOOKBACK
from te_audit_frames.safe_text import visible

if TYPE_CHECKING:
    from te_audit_frames.cli.output import Output

_location = click.argument("location")


@click.command(
    epilog="""\b
LOCATION is a folder, or s3://bucket/prefix, gs://... or az://... (extra cloud). The first
sync creates it. The token is read from TE_TOKEN or from --token-file. TE_BASE_URL can name
another address than https://api.thousandeyes.com.

\b
Examples:
  te-audit-frames sync te-audit
  te-audit-frames sync s3://audit-logs/thousandeyes --token-file /etc/te-audit/token --json

\b
Every night, by cron:
  15 2 * * * te-audit-frames sync /srv/te-audit --token-file /etc/te-audit/token"""
)
@_location
@click.option(
    "--since",
    type=values.Moment(),
    metavar="TIME",
    help="The first UTC day to sync.  [default: two years ago, or where earlier syncs began if later]",
)
@click.option(
    "--lookback",
    type=values.Length(),
    metavar="LENGTH",
    default=DEFAULT_LOOKBACK,
    show_default=True,
    help="Re-read days that ended less than this long ago, for events that arrive late.",
)
@click.option("--login-account-group", is_flag=True, help="Sync only the token's login account group.")
@click.option(
    "--users",
    is_flag=True,
    help="Also keep a snapshot of the organisation's people. Their roles are read once a week.",
)
@options.page_size_option(default="largest")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing, unless the report has a note.")
@options.client_options
def sync(
    *,
    location: str,
    since: str | None,
    lookback: str,
    login_account_group: bool,
    users: bool,
    page_size: int | Literal["largest"] | None,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Bring an archive up to date.

    The archive keeps its events even after the API deletes them. At the end, sync prints one line: the number of new
    events, and a digest of the archive that "archive verify --expect" can check later.
    """
    archive = taf.Archive(location)
    report = archive.sync(
        options.make_client(**settings),
        start=since,
        lookback=lookback,
        all_account_groups=not login_account_group,
        page_size=page_size,
        users=users,
    )
    if not quiet or report.notes:
        click.echo(report.to_json() if as_json else visible(report.summary))


@click.group(
    epilog="""\b
Example:
  te-audit-frames archive verify te-audit"""
)
def archive() -> None:
    """Inspect and export an archive."""


@archive.command(
    epilog="""\b
Examples:
  te-audit-frames archive coverage te-audit
  te-audit-frames archive coverage te-audit --format csv > coverage.csv"""
)
@_location
@options.output_options
def coverage(location: str, output: Output) -> None:
    """Show events, gaps and completeness for each UTC day."""
    output.show(taf.Archive(location).coverage())


@archive.command(
    epilog="""\b
Examples:
  te-audit-frames archive verify te-audit
  te-audit-frames archive verify te-audit --expect 9f86d081884c7d65...

\b
Exit codes: 0 every file is as it was written, 5 the archive differs."""
)
@_location
@click.option(
    "--expect",
    metavar="DIGEST",
    help="The digest that the last sync printed. With it, verify also notices if an older copy replaced the archive.",
)
def verify(location: str, expect: str | None) -> None:
    """Check that all files are there and unchanged."""
    found = taf.Archive(location).verify(expect=expect)
    click.echo("\n".join(" " * (len(line) - len(line.lstrip())) + visible(line) for line in repr(found).splitlines()))
    if not found.ok:
        sys.exit(DATA)


@archive.command(
    epilog="""\b
Examples:
  te-audit-frames archive export te-audit -o all.parquet
  te-audit-frames archive export te-audit --start 2026-01-01 --partition-by month -o months"""
)
@_location
@click.option(
    "-o", "--output", required=True, metavar="PATH", help="The file to write, or with --partition-by the folder."
)
@click.option("--start", type=values.Moment(), metavar="TIME", help="The start, such as 2026-01-01.")
@click.option("--end", type=values.Moment(), metavar="TIME", help="The end, which is excluded.")
@click.option("--partition-by", type=click.Choice(["month"]), help="Write one file per month, as Hive partitions.")
def export(
    location: str, output: str, start: str | None, end: str | None, partition_by: Literal["month"] | None
) -> None:
    """Write the events to one Parquet file, or to one per month."""
    values.check_bounds(start=start, end=end)
    files = taf.Archive(location).export(output, start=start, end=end, partition_by=partition_by)
    plural = "s" * (len(files) != 1)
    click.echo(f"{len(files):,} file{plural} written to {visible(output)}.", err=True)
