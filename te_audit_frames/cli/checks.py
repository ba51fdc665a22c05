"""The commands of the checks: vocabulary, for texts that no rule knows."""

from __future__ import annotations

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.output import FORMATS


@click.command(
    epilog="""\b
Examples:
  te-audit-frames vocabulary events.parquet
  te-audit-frames vocabulary events.parquet --unclassified --format csv > texts.csv
  te-audit-frames vocabulary events.parquet --words words.toml"""
)
@options.file_argument
@click.option("--words", metavar="FILE", type=click.Path(dir_okay=False), help="A TOML table of your own, which wins.")
@click.option("--unclassified", is_flag=True, help="Only the texts of which no rule knows the action or the object.")
@options.format_option
def vocabulary(file: str, words: str | None, unclassified: bool, form: str) -> None:
    """List the event texts of a FILE, how often each occurs, and how it is classified.

    FILE is Parquet, from fetch. Nothing else of the events is printed: no people, addresses or resources, so that the
    list can be sent to others. Look through the texts first.
    """
    events = taf.read_parquet(file, columns=["event", "resources"])
    classified = taf.classify_events(events, vocabulary=words)
    classes = ["event", "action", "object", "outcome", "rule"]
    texts = classified.groupby(classes, dropna=False).size().rename("events").reset_index()
    texts = texts.sort_values(["events", *classes], ascending=[False, *[True] * len(classes)], ignore_index=True)
    if unclassified:
        texts = texts[(texts["action"] == "unclassified") | (texts["object"] == "unclassified")]
    shown: pd.DataFrame = texts[["event", "events", *classes[1:]]].reset_index(drop=True)
    click.echo(FORMATS[form](shown))
