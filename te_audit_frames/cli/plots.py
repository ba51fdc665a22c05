"""The command plot: events, as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, reading, values
from te_audit_frames.cli.output import save
from te_audit_frames.cli.summaries import COUNTED

if TYPE_CHECKING:
    from te_audit_frames.analysis.freq import Freq
    from te_audit_frames.cli.reading import Where

_PICTURES = values.Target(".png", ".svg", ".pdf")


@click.group(
    epilog="""\b
Example:
  te-audit-frames plot heatmap events.parquet --tz Europe/Berlin -o heatmap.png"""
)
def plot() -> None:
    """Draw events as PNG, SVG or PDF."""


_picture_option = click.option(
    "-o", "--output", required=True, type=_PICTURES, metavar="FILE", help="The picture to write: .png, .svg or .pdf."
)


@plot.command(
    "activity",
    epilog="""\b
Example:
  te-audit-frames plot activity events.parquet --freq D --by event-type -o activity.png""",
)
@reading.where_options()
@_picture_option
@options.freq_option
@options.by_option(default=None, text="Draw each of these separately.")
@options.top_option(default=None, text="With --by, draw the N largest separately and combine the others.")
def plot_activity(*, where: Where, output: str, freq: Freq, by: tuple[str, ...], top: int | None) -> None:
    """Draw how many events each hour, day, week or month had."""
    several = list(dict.fromkeys(by)) or None
    save(lambda: taf.plot_activity(where.read(COUNTED), freq=freq, by=several, tz=where.tz, top=top), output)


@plot.command(
    "heatmap",
    epilog="""\b
Example:
  te-audit-frames plot heatmap events.parquet --tz America/New_York -o heatmap.svg""",
)
@reading.where_options()
@_picture_option
def plot_heatmap(where: Where, output: str) -> None:
    """Draw the hours of the week in which events happen."""
    save(lambda: taf.plot_heatmap(where.read(["date"]), tz=where.tz), output)


@plot.command(
    "top",
    epilog="""\b
Example:
  te-audit-frames plot top events.parquet --by event-type --top 15 -o top.pdf""",
)
@reading.where_options()
@_picture_option
@options.by_option(default="user", text="What each bar counts.")
@options.top_option(default=10, text="How many bars.")
def plot_top(where: Where, output: str, by: tuple[str, ...], top: int) -> None:
    """Draw who, where or what has the most events."""
    save(lambda: taf.plot_top(where.read(COUNTED), by=list(dict.fromkeys(by)), top=top), output)
