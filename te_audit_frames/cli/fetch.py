"""The command fetch: the events of a period, as a file."""

from __future__ import annotations

from typing import Any, Literal

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, values
from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.cli.output import FILE_FORMATS, write_events
from te_audit_frames.cli.partial import keep_partial
from te_audit_frames.safe_text import number_of, visible


@click.command(
    epilog="""\b
The token is read from TE_TOKEN or from --token-file. TE_BASE_URL can name another address
than https://api.thousandeyes.com.

\b
Examples:
  te-audit-frames fetch --window 30d -o events.parquet
  te-audit-frames fetch --start 2026-01-01 --end 2026-02-01 --aid 1234 -o january.csv"""
)
@click.option(
    "--window",
    type=values.Length(),
    metavar="LENGTH",
    help="A length of time up to now: 12h, 7d, 4w.  [default: 7d]",
)
@click.option(
    "--start", type=values.Moment(), metavar="TIME", help="The start, such as 2026-01-01 or 2026-01-01T09:00:00Z."
)
@click.option("--end", type=values.Moment(), metavar="TIME", help="The end, which is excluded.  [default: now]")
@click.option("--aid", metavar="ID", help="Fetch one account group.")
@click.option("--login-account-group", is_flag=True, help="Fetch only the token's login account group.")
@click.option(
    "--all-account-groups", is_flag=True, help="Fetch every account group that the token may see. This is the default."
)
@options.target_option(
    *FILE_FORMATS,
    text="The file to write: .parquet, .csv or .jsonl. An existing file is replaced once the fetch is complete.",
)
@options.raw_csv_option
@click.option(
    "--errors",
    type=click.Choice(["raise", "coerce"]),
    default="raise",
    show_default=True,
    help="If a value does not fit its column: stop (raise), or leave the cell empty and keep the value in the column "
    "extra (coerce).",
)
@options.page_size_option(default="the API decides")
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
    page_size: int | Literal["largest"] | None,
    **settings: Any,
) -> None:
    """Fetch the events of a period into a file.

    The period is --window, or --start and --end, or the last 7 days.
    """
    options.check_raw_csv(raw_csv, output)
    values.check_period(window=window, start=start, end=end)
    scopes = {"--aid": aid, "--login-account-group": login_account_group, "--all-account-groups": all_account_groups}
    chosen = [name for name, value in scopes.items() if value]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} cannot be combined. Give one of them.")
    client = options.make_client(**settings)
    with keep_partial(output):
        events = client.fetch_events(
            window=window,
            start=start,
            end=end,
            aid=aid,
            all_account_groups=False if login_account_group else None,
            errors=errors,
            page_size=page_size,
        )
    write_events(events, output, raw_csv=raw_csv)
    receipt = taf.receipt(events)
    click.echo(
        f"{number_of(len(events), 'event')} of {visible(receipt.scope_name)}, from {receipt.period}, "
        f"{'is' if len(events) == 1 else 'are'} in {visible(output)}.",
        err=True,
    )
    for note in receipt.notes:
        click.echo(f"Note: {visible(in_options(note))}.", err=True)
