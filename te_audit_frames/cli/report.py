"""The command report: a period as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, reading
from te_audit_frames.cli.places import expand, is_archive
from te_audit_frames.cli.review import open_history_of
from te_audit_frames.report.section_names import SECTIONS
from te_audit_frames.safe_text import visible
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.cli.reading import Where
    from te_audit_frames.report.section_names import SectionName

_EXAMINED = [column for column in COLUMNS if column != "extra"]


@click.command(
    epilog="""\b
With --window or --start, the history of the review is what WHERE has before
the period, unless --history names another. Without any history, nothing can be
called unusual, and the report says so.

\b
Examples:
  te-audit-frames report te-audit --window 30d -o report.html
  te-audit-frames report events.parquet --no-review --section who -o who.html

\b
The command prints the SHA-256 of the report, as sha256sum does. The same
events give the same digest:
  te-audit-frames report te-audit --window 30d -o report.html > report.sha256
  sha256sum -c report.sha256"""
)
@reading.where_options(filters=(), vocabulary=True)
@options.target_option(".html", ".htm", text="The report to write, such as report.html.")
@reading.history_option
@reading.users_option(required=False)
@options.dispositions_option()
@click.option("--no-review", is_flag=True, help="Do not review the events: only count and list them.")
@click.option("--title", metavar="TEXT", help="The title of the report.")
@click.option(
    "--section",
    "sections",
    type=click.Choice(SECTIONS),
    multiple=True,
    metavar="NAME",
    help=f"Only this section. Repeat it for several: {', '.join(SECTIONS)}.",
)
def report(
    *,
    where: Where,
    output: str,
    history: str | None,
    users: str | None,
    dispositions: str | None,
    no_review: bool,
    title: str | None,
    sections: tuple[SectionName, ...],
) -> None:
    """Write a report on a period: one HTML file to send, print and keep.

    It states first whether the events are complete, and what deserves a look. It needs no network and has no script.
    """
    if no_review and (history or users or dispositions):
        raise click.UsageError("--no-review cannot be combined with --history, --users or --dispositions.")
    inputs: dict[str, list[str] | list[str | None]] = {
        "WHERE": expand(where.places),
        "--dispositions": [dispositions],
        "--users": [users],
        "--history": [history],
        "--vocabulary": [where.vocabulary],
    }
    for option, paths in inputs.items():
        if any(path is not None and _is_same_file(path, output) for path in paths):
            raise click.UsageError(f"--output: {output} is also {option}, and would be overwritten.")
    events = where.read_or_open(_EXAMINED)
    with options.naming_options():
        found = None if no_review else _review(where, events, history, users, dispositions)
        digest = taf.write_report(
            events,
            output,
            review=found,
            title=title,
            tz=where.tz,
            archive=_archive_of(where),
            sections=list(dict.fromkeys(sections)) or None,
        )
    click.echo(f"{digest}  {visible(output)}")


def _review(where: Where, events: Any, history: str | None, users: str | None, dispositions: str | None) -> taf.Review:
    _, past = open_history_of(where, history)
    return taf.review(
        events,
        history=past,
        users=None if users is None else reading.read_people(users),
        tz=where.tz,
        dispositions=dispositions,
        vocabulary=where.vocabulary,
    )


def _is_same_file(one: str, other: str) -> bool:
    """Return whether two paths are the same file, also by a link. A file that does not exist is no input."""
    try:
        return Path(one).expanduser().samefile(Path(other).expanduser())
    except OSError:
        return False


def _archive_of(where: Where) -> taf.Archive | None:
    """Return the archive that all events are from, if there is one."""
    (place, *others) = where.places
    return taf.Archive(place) if not others and is_archive(place) else None
