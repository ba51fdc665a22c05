"""The commands summary and activity: the events of a file, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.output import FORMATS
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.analysis.freq import Freq

# No command counts the other two, which are most of a file.
_COUNTED = [column for column in COLUMNS if column not in ("resources", "extra")]


@click.command(
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
    click.echo(FORMATS[form](taf.summarize(read_events(file), by=by, top=top)))


@click.command(
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

    FILE is a Parquet file from fetch. Hours, days, weeks and months without events are shown with zero events. Those
    that the file covers only in part are marked as not complete.
    """
    click.echo(FORMATS[form](taf.activity(read_events(file), freq=freq, by=by, tz=tz, top=top)))


def read_events(file: str) -> pd.DataFrame:
    """Read the columns that can be counted.

    Parameters
    ----------
    file : str
        A Parquet file of events.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    FileError
        The file cannot be read.
    NotAnAuditFrame, DamagedFile
        It holds no audit events.
    """
    return taf.read_parquet(file, columns=_COUNTED)
