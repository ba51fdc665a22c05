"""The command users: the people of the organisation, as a file."""

from __future__ import annotations

from typing import Any

import click

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.cli.output import FILE_FORMATS, write_people
from te_audit_frames.safe_text import number_of, visible


@click.command(
    epilog="""\b
The token is read from TE_TOKEN or from --token-file. TE_BASE_URL can name another address
than https://api.thousandeyes.com. Account groups and roles take one request per account
group. If the API refuses some of them, they are empty in the file and named on stderr.

\b
Examples:
  te-audit-frames users -o users.parquet
  te-audit-frames users --without-memberships -o users.csv"""
)
@options.target_option(
    *FILE_FORMATS,
    text="The file to write: .parquet, .csv or .jsonl. An existing file is replaced once the fetch is complete.",
)
@click.option(
    "--without-memberships", is_flag=True, help="Leave out account groups and roles. This takes only one request."
)
@options.raw_csv_option
@options.client_options
def users(*, output: str, without_memberships: bool, raw_csv: bool, **settings: Any) -> None:
    """Fetch the organisation's people into a file.

    The file has one row per person, with account groups, roles, whether a role has management permissions, and the
    last login.
    """
    options.check_raw_csv(raw_csv, output)
    people = options.make_client(**settings).fetch_users(memberships=not without_memberships)
    write_people(people, output, raw_csv=raw_csv)
    receipt = taf.directory_receipt(people)
    click.echo(
        f"{number_of(len(people), 'person', 'people')}, as of {receipt.fetched_at}, "
        f"{'is' if len(people) == 1 else 'are'} in {visible(output)}.",
        err=True,
    )
    for note in receipt.notes:
        click.echo(f"Note: {visible(in_options(note))}.", err=True)
