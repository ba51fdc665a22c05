"""The command review: all questions about a period at once, for a person, a program, or cron."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.checks.judging.severity import SEVERITIES
from te_audit_frames.cli import options, reading
from te_audit_frames.cli.events import show_events
from te_audit_frames.cli.exit_codes import FOUND
from te_audit_frames.cli.output import in_zone, records
from te_audit_frames.cli.review_limits import check_start, list_limits, list_unmatched
from te_audit_frames.cli.review_text import Shown, count_severities, list_assessed, notes_of, write_review
from te_audit_frames.cli.terminal import terminal_width
from te_audit_frames.periods import iso, parse_zone
from te_audit_frames.safe_text import visible
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where

_EXAMINED = [column for column in COLUMNS if column != "extra"]


@click.command(
    epilog="""\b
With --window or --start, the history is what WHERE has before the period, unless --history
names another. Without any history, nothing can be called unusual, and the output says so.

\b
--user, --event, --action and --account-group choose findings by the events behind them.
Everybody is reviewed all the same, because people are compared with each other.

\b
Examples:
  te-audit-frames review te-audit --window 7d --tz Europe/Berlin
  te-audit-frames review te-audit --window 7d --evidence 0
  te-audit-frames review events.parquet --history te-audit --users te-audit --format json

\b
Every night, by cron, with a mail only if something deserves a look:
  te-audit-frames sync te-audit --quiet &&
  te-audit-frames review te-audit --window 25h --quiet --fail-on high

\b
Exit codes: 0 done, 7 there are findings at or above --fail-on; others as for every command."""
)
@reading.where_options(vocabulary=True)
@click.option(
    "--history",
    metavar="ARCHIVE",
    help="What happened before: an archive, or a file. It may contain WHERE itself.  [default: what WHERE has before "
    "--window or --start]",
)
@reading.users_option(required=False)
@options.dispositions_option("and do not count for --fail-on")
@click.option(
    "--min-severity",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="Show findings of this severity or above. Those at or above --fail-on are shown, too.",
)
@click.option(
    "--fail-on", type=click.Choice(SEVERITIES), help="Exit with code 7 if there are findings this severe or more."
)
@click.option(
    "--evidence",
    "number",
    type=click.IntRange(min=0),
    metavar="N",
    help="List the events behind finding N instead. --fail-on still decides the exit code.",
)
@click.option(
    "--quiet",
    is_flag=True,
    help="Print nothing unless there are findings at or above --fail-on, or else --min-severity. What the review could "
    "not see is still named on stderr.",
)
@options.output_options
def review(
    *,
    where: Where,
    history: str | None,
    users: str | None,
    dispositions: str | None,
    min_severity: str,
    fail_on: str | None,
    number: int | None,
    quiet: bool,
    output: Output,
) -> None:
    """Review a period: what deserves a look, who, and what could not be assessed.

    Seven of the checks of "find" are made at once. What is usual for each person is learnt from the history, and --tz
    should be the time zone of the people.

    CSV and JSON Lines have the findings; what was assessed is then printed on stderr. JSON has everything, as one
    object.
    """
    people = None if users is None else reading.read_people(users)
    everyone = where.without_filters()
    events = everyone.read_or_open(_EXAMINED if number is None else COLUMNS)
    check_start(where, events)
    source, past = open_history_of(everyone, history)
    with options.naming_options():
        found = taf.review(
            events,
            history=past,
            users=people,
            tz=where.tz,
            dispositions=dispositions,
            vocabulary=where.vocabulary,
        )
        if number is not None:
            evidence = found.evidence(number)
            show_events(evidence[list(COLUMNS)], output, tz=where.tz)
    for line in list_unmatched(where, events):
        click.echo(visible(line), err=True)
    if number is not None:
        failing = found.findings[found.findings["severity"].isin(_up_from(fail_on))] if fail_on else found.findings[:0]
        if _fails(failing[_pass(found, where, failing)], fail_on):
            click.get_current_context().exit(FOUND)
        return
    shown = Shown(found, found.findings, min_severity, where.tz, source, given=history is not None)
    if present(shown, where, fail_on=fail_on, quiet=quiet, output=output):
        click.get_current_context().exit(FOUND)


def present(shown: Shown, where: Where, *, fail_on: str | None, quiet: bool, output: Output) -> bool:
    """Print a review with only those findings that pass the filters.

    Parameters
    ----------
    shown : Shown
        A review with all its findings.
    where : Where
        The filters.
    fail_on : str, optional
        The lowest severity for which to return True. Findings at or above it are shown even if `shown` asks for more
        severe ones only.
    quiet : bool
        Whether to print nothing unless there are findings at or above `fail_on`, or without `fail_on`, any findings to
        show. What could not be seen is printed on stderr all the same.
    output : Output
        How to print.

    Returns
    -------
    bool
        Whether there are findings at or above `fail_on`.
    """
    shown = replace(shown, min_severity=max(shown.min_severity, fail_on or "high", key=SEVERITIES.index))
    severe = shown.review.findings[shown.review.findings["severity"].isin(_up_from(shown.min_severity))]
    passing = _pass(shown.review, where, severe)
    findings = severe[passing]
    failing = _fails(findings, fail_on)
    if not quiet or (failing if fail_on is not None else len(findings)):
        filtered = replace(
            shown, findings=findings, left_out=severe[~passing], filters=" and ".join(where.filters_given)
        )
        _print(filtered, output, quiet=quiet)
    for line in list_limits(shown.review) if quiet else []:
        click.echo(visible(line), err=True)
    return failing


def open_history_of(where: Where, history: str | None) -> tuple[str | None, Any]:
    """Return the name of the history, and the history. The default is all of WHERE, if the period has a start."""
    if history is not None:
        return history, reading.open_history(history, _EXAMINED)
    if where.window is None and where.start is None:
        return None, None
    before = replace(where, window=None, start=None, end=None)
    return ", ".join(where.places), before.read_or_open(_EXAMINED)


def _up_from(severity: str) -> tuple[str, ...]:
    return SEVERITIES[: SEVERITIES.index(severity) + 1]


def _fails(findings: pd.DataFrame, fail_on: str | None) -> bool:
    """Return whether there are findings at or above a severity."""
    return fail_on is not None and bool(findings["severity"].isin(_up_from(fail_on)).any())


def _pass(found: taf.Review, where: Where, findings: pd.DataFrame) -> pd.Series:
    """Mark the findings with an event that passes the filters."""
    marks = [not where.has_filters or _passes(found, where, int(number)) for number in findings.index]
    return pd.Series(marks, index=findings.index, dtype="bool")


def _passes(found: taf.Review, where: Where, number: int) -> bool:
    evidence = found.evidence(number)
    if not len(evidence):  # such as an account that nobody uses: only its person is known
        person = found.findings.loc[[number]].reindex(columns=list(COLUMNS))
        return where.accepts(person.astype(dict.fromkeys(("event", "aid", "account_group_name"), "str")))
    return where.accepts(evidence)


def _print(shown: Shown, output: Output, *, quiet: bool) -> None:
    if output.form == "table":
        lines = write_review(shown, terminal_width())
        if len(shown.findings):
            number = shown.findings.index[0]
            lines += ["", f"To list the events behind finding {number}, add: --evidence {number}"]
        output.print("\n".join(lines) + "\n")
    elif output.form == "json":
        output.print(json.dumps(_everything(shown)) + "\n")
    else:
        output.show(_numbered(shown.findings), tz=shown.tz)
        for line in [] if quiet else [f"Findings: {count_severities(shown)}", *list_assessed(shown), *notes_of(shown)]:
            click.echo(visible(line), err=True)


def _numbered(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.reset_index(names="number")


def _everything(shown: Shown) -> dict[str, Any]:
    """Return the review as JSON values, with all times in the zone of the output."""
    found, zone = shown.review, parse_zone(shown.tz)
    tables = {
        "findings": _numbered(shown.findings),
        "people": shown.people,
        "assessed": found.assessed,
        "reviewed": _numbered(found.reviewed),
    }
    period = found.period and {
        "start": iso(found.period.start.astimezone(zone)),
        "end": iso(found.period.end.astimezone(zone)),
    }
    return {
        "summary": count_severities(shown),
        "period": period,
        "history": shown.source,
        "attack_version": found.attack_version,
        "notes": notes_of(shown),
        **{name: records(in_zone(frame, shown.tz)) for name, frame in tables.items()},
    }
