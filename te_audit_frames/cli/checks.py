"""The command vocabulary: the event texts of a file and their classes."""

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
@click.option(
    "--words",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Your own TOML table of words. It wins over the built-in one.",
)
@click.option("--unclassified", is_flag=True, help="List only texts without a known action or object.")
@options.format_option
def vocabulary(file: str, words: str | None, unclassified: bool, form: str) -> None:
    """List the event texts in FILE, with their counts and classes.

    FILE is a Parquet file from fetch. The list has no columns for people, addresses or resources, so you can send it to
    others. Read it first: a text itself can hold a name.
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
