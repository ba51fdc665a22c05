"""The rows of a check as a table, and what the check examined as lines of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

import te_audit_frames as taf
from te_audit_frames.cli import options
from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.periods import iso, parse_zone
from te_audit_frames.safe_text import number_of, visible

if TYPE_CHECKING:
    import pandas as pd

    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where

# The columns that a table shows first.
FIRST_COLUMNS = {
    "find_runs": "user account_group_name ip_address events first_event duration objects resources account_groups",
    "find_failed_logins": "user ip_address pattern events first_event success success_user ip_addresses users",
    "find_sessions": "user first_event duration ended_by events deleted updated created ip_addresses",
    "find_off_hours": "first_event user usual_hours events days_alike event_texts ratio",
    "find_new_addresses": "first_event user network events known_networks new_to_all others event_texts",
    "find_access_changes": "first_event user event_texts targets roles to_self before",
    "find_monitoring_changes": "first_event user change object names events before",
    "find_dormant_users": "user uid status silent_days last_login is_admin last_event",
    "classify_actors": "user actor reasons events active_days quiet_hours",
}


def show_rows(find_rows: Callable[[], pd.DataFrame], where: Where, output: Output, *, quiet: bool) -> None:
    """Print the rows of a check, and on stderr what it examined."""
    with options.naming_options():
        rows = find_rows()
    record = taf.assessed(rows)
    if not quiet or len(rows):
        empty = "(not assessed)" if record.not_assessed else "(nothing found)"
        output.show(rows, tz=where.tz, first=order_columns(rows, FIRST_COLUMNS[record.check]), empty=empty)
    for line in _examined(record, where.tz):
        # What could not be assessed is always printed, because an empty result would look like a good one.
        if not quiet or line.startswith(("Not assessed", "Assessed in part")):
            click.echo(visible(in_options(line)), err=True)


def order_columns(rows: pd.DataFrame, first: str) -> list[str]:
    """Return the columns in the order in which a table shows them, those without any value last."""
    names = [name for name in first.split() if name in rows]
    names += [str(name) for name in rows if name not in names]
    empty = [name for name in names if _is_empty(rows[name])]
    return [name for name in names if name not in empty] + empty


def _is_empty(column: pd.Series) -> bool:
    """Whether a column has no value, or nothing but empty lists."""
    return not any(isinstance(value, str) or not hasattr(value, "__len__") or len(value) for value in column.dropna())


def _examined(record: taf.Assessed, tz: str) -> list[str]:
    people = "person" if record.people == 1 else "people"
    lines = [f"Examined: {record.events:,} event{'s' * (record.events != 1)} of {record.people:,} {people}"]
    if record.first_event and record.last_event:
        zone = parse_zone(tz)
        lines[0] += f", from {iso(record.first_event.astimezone(zone))} to {iso(record.last_event.astimezone(zone))}"
    if record.not_assessed:
        lines.append(f"Not assessed: {record.not_assessed}")
    elif record.in_part:
        lines.append(f"Assessed in part: {record.in_part}")
    if record.baseline_days is not None:
        lines.append(f"History: {number_of(round(record.baseline_days), 'day')}")
    counted = (
        ("people with too little history to be assessed", record.without_baseline),
        ("events without a date, which were not examined", record.undated),
        ("events with texts that no rule knows (te-audit-frames vocabulary --unclassified)", record.unclassified),
    )
    lines += [f"Note: {text}: {count:,}" for text, count in counted if count]
    if record.absent:
        lines.append(f"Note: the events have no column {', '.join(record.absent)}")
    return [f"{line}." for line in [*lines, *(f"Note: {note}" for note in record.notes)]]
