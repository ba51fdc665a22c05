"""The commands of the archive: sync, for cron, and archive coverage, verify and export, for people."""

from __future__ import annotations

import sys
from typing import Any, Literal

import click

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.exits import DATA
from te_audit_frames.cli.formats import FORMATS
from te_audit_frames.cli.policy import client_of, policy_options
from te_audit_frames.periods import DEFAULT_LOOKBACK
from te_audit_frames.safe_text import visible

_location = click.argument("location")


@click.command(
    epilog="""\b
LOCATION is a folder, or s3://bucket/prefix, gs://... or az://... (extra cloud); the first
sync makes it. The token is read from TE_TOKEN or from --token-file, the API's address
from TE_BASE_URL.

\b
Examples:
  te-audit-frames sync te-audit
  te-audit-frames sync s3://audit-logs/thousandeyes --token-file /etc/te-audit/token --json

\b
Every night, by cron:
  15 2 * * * te-audit-frames sync /srv/te-audit --token-file /etc/te-audit/token"""
)
@_location
@click.option("--since", metavar="TIME", help="Go back to this UTC day.  [default: the archive's first, or two years]")
@click.option(
    "--lookback",
    metavar="LENGTH",
    default=DEFAULT_LOOKBACK,
    show_default=True,
    help="Read days again until they are over by so much, for events that come late.",
)
@click.option("--login-group-only", is_flag=True, help="Only the token's login account group, not every one.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
@policy_options
def sync(
    *, location: str, since: str | None, lookback: str, login_group_only: bool, as_json: bool, **policy: Any
) -> None:
    """Bring an archive up to date.

    What the archive has, it keeps: the vendor forgets after two years. One line says what came, and the digest of
    the archive's manifest, which archive verify --expect compares.
    """
    archive = taf.Archive(location)
    report = archive.sync(client_of(**policy), start=since, lookback=lookback, all_account_groups=not login_group_only)
    click.echo(report.to_json() if as_json else visible(report.summary))


@click.group(
    epilog="""\b
Example:
  te-audit-frames archive verify te-audit"""
)
def archive() -> None:
    """Look into an archive that sync made."""


@archive.command(
    epilog="""\b
Examples:
  te-audit-frames archive coverage te-audit
  te-audit-frames archive coverage te-audit --format csv > coverage.csv"""
)
@_location
@options.format_option
def coverage(location: str, form: str) -> None:
    """Show events, gaps and completeness of each UTC day."""
    click.echo(FORMATS[form](taf.Archive(location).coverage()))


@archive.command(
    epilog="""\b
Example:
  te-audit-frames archive verify te-audit
  te-audit-frames archive verify te-audit --expect 9f86d081884c7d65...

\b
Exit codes: 0 all is as it was written, 5 something is not."""
)
@_location
@click.option(
    "--expect",
    metavar="DIGEST",
    help="The manifest's digest, as the last sync printed it: finds an archive that was put back as a whole.",
)
def verify(location: str, expect: str | None) -> None:
    """Check every file, and that none is missing, foreign or older."""
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
@click.option("-o", "--output", required=True, metavar="PATH", help="The file; with --partition-by, the folder.")
@click.option("--start", metavar="TIME", help="From here on, ISO 8601.")
@click.option("--end", metavar="TIME", help="Up to here, which is excluded.")
@click.option("--partition-by", type=click.Choice(["month"]), help="Write one file per month, as hive partitions.")
def export(
    location: str, output: str, start: str | None, end: str | None, partition_by: Literal["month"] | None
) -> None:
    """Write the events to one Parquet file, or to one per month."""
    files = taf.Archive(location).export(output, start=start, end=end, partition_by=partition_by)
    plural = "s" * (len(files) != 1)
    click.echo(f"{len(files):,} file{plural} written to {visible(output)}.", err=True)
