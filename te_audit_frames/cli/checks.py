"""The command vocabulary: event texts and their classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, reading

if TYPE_CHECKING:
    import pandas as pd

    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where


@click.command(
    epilog="""\b
Examples:
  te-audit-frames vocabulary events.parquet
  te-audit-frames vocabulary events.parquet --unclassified --format csv > texts.csv
  te-audit-frames vocabulary events.parquet --vocabulary words.toml"""
)
@reading.where_options()
@click.option("--unclassified", is_flag=True, help="List only texts without a known action or object.")
@options.output_options
def vocabulary(where: Where, unclassified: bool, output: Output) -> None:
    """List the event texts in WHERE, with their counts and classes.

    The list has no columns for people, addresses or resources, so you can send it to others. Read it first: a text
    itself can hold a name.
    """
    with options.naming_options():
        classified = taf.classify_events(where.read(["event", "resources"]), vocabulary=where.vocabulary)
    classes = ["event", "action", "object", "outcome", "rule"]
    texts = classified.groupby(classes, dropna=False).size().rename("events").reset_index()
    texts = texts.sort_values(["events", *classes], ascending=[False, *[True] * len(classes)], ignore_index=True)
    if unclassified:
        texts = texts[(texts["action"] == "unclassified") | (texts["object"] == "unclassified")]
    shown: pd.DataFrame = texts[["event", "events", *classes[1:]]].reset_index(drop=True)
    output.show(shown)
