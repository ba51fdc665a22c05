"""The commands summary and activity: how many events there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, reading
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.analysis.freq import Freq
    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where

COUNTED = [column for column in COLUMNS if column not in ("resources", "extra")]
"""The columns by which events can be counted. The other two take up most of a file."""


@click.command(
    epilog="""\b
WHERE is an archive, a bucket such as s3://bucket/te-audit, a .parquet, .csv or .jsonl file
from fetch, or a glob such as 'months/*.parquet'. There may be several.

\b
Examples:
  te-audit-frames summary te-audit --window 30d --by account-group
  te-audit-frames summary events.parquet --by user --by event-type --top 20
  te-audit-frames summary events.parquet --by user --format csv > users.csv"""
)
@reading.where_options()
@options.by_option(default="user", text="What each row counts.")
@options.top_option(default=None, text="Keep the N largest rows and combine the others.  [default: all]")
@options.output_options
def summary(where: Where, by: tuple[str, ...], top: int | None, output: Output) -> None:
    """Count the events in WHERE by user, account group, event type or address."""
    counts = taf.summarize(where.read(COUNTED), by=_several(by), top=top)
    names = [str(name) for name in counts]
    output.show(counts, tz=where.tz, first=[*names[: names.index("share") + 1], "last_event"])


@click.command(
    epilog="""\b
WHERE is an archive, a bucket such as s3://bucket/te-audit, a .parquet, .csv or .jsonl file
from fetch, or a glob such as 'months/*.parquet'. There may be several.

\b
Examples:
  te-audit-frames activity te-audit --window 12w --freq W
  te-audit-frames activity events.parquet --freq h --by event-type --top 5 --tz Europe/Berlin"""
)
@reading.where_options()
@options.freq_option
@options.by_option(default=None, text="Count each of these separately.")
@options.top_option(default=None, text="With --by, keep the N largest and combine the others.  [default: all]")
@options.output_options
def activity(*, where: Where, freq: Freq, by: tuple[str, ...], top: int | None, output: Output) -> None:
    """Count the events in WHERE by hour, day, week or month.

    Hours, days, weeks and months without events are shown with zero events. Those that WHERE covers only in part are
    marked as not complete.
    """
    counts = taf.activity(where.read(COUNTED), freq=freq, by=_several(by) or None, tz=where.tz, top=top)
    output.show(counts, tz=where.tz)


def _several(by: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(by))
