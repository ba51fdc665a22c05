"""The command plot: the events of a file, as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.output import save
from te_audit_frames.cli.summaries import read_events

if TYPE_CHECKING:
    from te_audit_frames.analysis.freq import Freq

_PICTURES = options.Target(".png", ".svg", ".pdf")


@click.group(
    epilog="""\b
Example:
  te-audit-frames plot heatmap events.parquet --tz Europe/Berlin -o heatmap.png"""
)
def plot() -> None:
    """Draw the events of a Parquet FILE as PNG, SVG or PDF."""


_picture_option = click.option(
    "-o", "--output", required=True, type=_PICTURES, metavar="FILE", help="The picture to write: .png, .svg or .pdf."
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
@options.top_option(default=None, text="With --by, draw the N largest separately and combine the others.")
def plot_activity(*, file: str, output: str, freq: Freq, by: str | None, tz: str, top: int | None) -> None:
    """Draw how many events each hour, day, week or month had."""
    save(lambda: taf.plot_activity(read_events(file), freq=freq, by=by, tz=tz, top=top), output)


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
    save(lambda: taf.plot_heatmap(read_events(file), tz=tz), output)


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
    save(lambda: taf.plot_top(read_events(file), by=by, top=top), output)
