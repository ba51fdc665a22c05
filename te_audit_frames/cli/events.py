"""The command events: the events themselves, as a table or as fetch writes them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import pandas as pd

from te_audit_frames.cli import options, reading
from te_audit_frames.cli.output import in_zone, to_csv
from te_audit_frames.periods import parse_zone

if TYPE_CHECKING:
    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where

_FIRST = ("date", "user", "event", "resources", "ip_address", "account_group_name")

_NOT_ASCII = re.compile("[^\x00-\x7e]")


@click.command(
    epilog="""\b
WHERE is an archive, a bucket such as s3://bucket/te-audit, a .parquet, .csv or .jsonl file
from fetch, or a glob such as 'months/*.parquet'. There may be several.

\b
Examples:
  te-audit-frames events te-audit --window 24h --user ada@example.com
  te-audit-frames events te-audit --start 2026-01-01 --action delete --format csv > deleted.csv
  te-audit-frames events events.parquet --format csv --bom --tz Europe/Berlin > sheet.csv"""
)
@reading.where_options()
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="List only the N newest events.  [default: all]")
@options.output_options
def events(where: Where, limit: int | None, output: Output) -> None:
    """List the events in WHERE, oldest first.

    CSV and JSON Lines are as fetch writes them, with times in --tz.
    """
    found = where.read()
    show_events(found.tail(limit) if limit is not None else found, output, tz=where.tz)


def show_events(found: pd.DataFrame, output: Output, *, tz: str) -> None:
    """Print events: as a table, or as fetch writes them."""
    if output.form == "table":
        output.show(found, tz=tz, first=_FIRST)
    else:
        output.print(*_as_written(found, output.form, tz))


def _as_written(found: pd.DataFrame, form: str, tz: str) -> Iterator[str]:
    """Yield events as fetch writes them. On a terminal, characters that would act on it are replaced."""
    from te_audit_frames.storage.csv_jsonl import csv_lines, jsonl_lines

    zone = None if tz == "UTC" else parse_zone(tz)
    if form == "csv" and sys.stdout.isatty():
        yield to_csv(in_zone(found, tz), on_terminal=True) + "\n"
    elif form == "csv":
        yield from csv_lines(found, zone=zone)
    elif form == "jsonl" and not sys.stdout.isatty():
        yield from jsonl_lines(found, zone=zone)
    else:
        pieces = (_NOT_ASCII.sub(_escape, piece) for piece in jsonl_lines(found, zone=zone))
        yield from pieces if form == "jsonl" else ["[", ",\n ".join("".join(pieces).split("\n")[:-1]), "]\n"]


def _escape(character: re.Match[str]) -> str:
    """Escape a character in JSON."""
    text = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{text[at : at + 4]}" for at in range(0, len(text), 4))
