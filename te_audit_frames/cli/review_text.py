"""A review as text: findings first, then people, then what was assessed and what could not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from te_audit_frames.checks.judging.severity import SEVERITIES
from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.cli.terminal import padded, table, wrapped
from te_audit_frames.periods import iso, parse_zone
from te_audit_frames.safe_text import cut_to_width, number_of, visible

if TYPE_CHECKING:
    import te_audit_frames as taf

_PEOPLE = ("user", "score", "high", "medium", "low", "checks")

_NARROWEST = 12
"""The least room for a name beside its time."""

# Notes that repeat the headline.
_SAID = ("the period is that of the receipt",)
_SAID_OF_OWN_HISTORY = ("the history reaches into the period",)


@dataclass(frozen=True)
class Shown:
    """A review, and which part of it is shown.

    Attributes
    ----------
    review : Review
        The whole review.
    findings : pandas.DataFrame
        The findings to show.
    min_severity : str
        The least severe findings to show.
    tz : str
        The time zone of the output.
    source : str or None
        Where the history is from; None if there is none.
    given : bool
        Whether the user named the history.
    left_out : pandas.DataFrame, optional
        Findings that are severe enough, but are left out by the filters.
    filters : str
        The options that left them out, such as ``"--user"``.
    """

    review: taf.Review
    findings: pd.DataFrame
    min_severity: str
    tz: str
    source: str | None
    given: bool
    left_out: pd.DataFrame | None = None
    filters: str = ""

    @property
    def people(self) -> pd.DataFrame:
        """The people with a finding that is shown."""
        keys = pd.MultiIndex.from_frame(self.findings[["uid", "user"]])
        people = self.review.people
        return people[pd.MultiIndex.from_frame(people[["uid", "user"]]).isin(keys)].reset_index(drop=True)


def write_review(shown: Shown, room: int) -> list[str]:
    """Return the lines of a review, none wider than `room` columns.

    Parameters
    ----------
    shown : Shown
        The review.
    room : int
        The width of the terminal.

    Returns
    -------
    list of str
        Lines in which every text is harmless on a terminal.
    """
    lines = wrapped(visible(_headline(shown)), room)
    lines += wrapped(visible(count_severities(shown)), room)
    lines += wrapped(visible(_history(shown)), room)
    lines += ["", "Findings"]
    for number, finding in shown.findings.iterrows():
        lines += _finding(shown, number, finding, room)
    if not len(shown.findings):
        lines += wrapped(_nothing(shown), room, indent=2)
    if len(people := shown.people):
        lines += ["", "People"]
        lines += [f"  {line}" for line in table(people[list(_PEOPLE)], room=room - 2).splitlines()]
    if len(shown.review.reviewed):
        lines += ["", "Reviewed before"]
        reviewed: list[Any] = list(shown.review.reviewed.itertuples())
        for finding in reviewed:
            why = f"{finding.severity}, {finding.check}, {_who(shown, finding.Index, finding)}: {finding.reviewed_why}"
            lines += wrapped(visible(f"{why} ({finding.by}, until {finding.until})"), room, indent=2, hanging=4)
    lines += ["", "What was assessed"]
    for line in list_assessed(shown):
        lines += wrapped(visible(line), room, indent=2, hanging=4)
    if notes := notes_of(shown):
        lines += ["", "Notes"]
        for note in notes:
            lines += wrapped(visible(note), room, indent=2, hanging=4)
    return lines


def count_severities(shown: Shown) -> str:
    """Return how many findings of each severity are shown, how many the filters leave out, and how many are milder."""
    counts = shown.findings["severity"].value_counts()
    asked = SEVERITIES[: SEVERITIES.index(shown.min_severity) + 1]
    text = ", ".join(f"{counts.get(name, 0):,} {name}" for name in asked)
    hidden = len(shown.review.findings) - len(shown.findings)
    if shown.left_out is not None and len(shown.left_out):
        hidden -= len(shown.left_out)
        others = shown.left_out["severity"].value_counts()
        counted = ", ".join(f"{others[name]:,} {name}" for name in asked if name in others)
        text += f"; left out by {shown.filters}: {counted}"
    reviewed = len(shown.review.reviewed)
    if hidden:
        text += f"; {hidden:,} more not shown"
    if reviewed:
        text += f"; {reviewed:,} reviewed before"
    return text


def list_assessed(shown: Shown) -> list[str]:
    """Return one line per check: first the checks that were not assessed, then those in part, then the rest."""
    frame = shown.review.assessed
    order = ["not assessed", "in part", "assessed"]
    rows: list[Any] = sorted(frame.itertuples(), key=lambda row: order.index(str(row.status)))
    examined = f"{number_of(frame['events'].max(), 'event')} of {number_of(frame['people'].max(), 'person', 'people')}"
    return [f"examined: {examined}", *(f"{row.status}: {row.check}{_reasons(row)}" for row in rows)]


def notes_of(shown: Shown) -> list[str]:
    """Return what else a reader should know."""
    known = _SAID if shown.given else _SAID + _SAID_OF_OWN_HISTORY
    return [in_options(note) for note in shown.review.notes if not note.startswith(known)]


def _headline(shown: Shown) -> str:
    period, zone = shown.review.period, parse_zone(shown.tz)
    if period is None:
        return "Review: there are no dated events"
    return f"Review of {iso(period.start.astimezone(zone))} to {iso(period.end.astimezone(zone))}"


def _history(shown: Shown) -> str:
    if shown.source is None:
        return (
            "History: none, so nothing could be called unusual. With --window 7d, for example, the last 7 days are "
            "compared with the days before."
        )
    # Not those of find_off_hours, because usual hours are learnt from the period too.
    days: Any = shown.review.assessed.set_index("check").loc["find_runs", "baseline_days"]
    length = (
        f"{number_of(round(days), 'day')} before the period" if days > 0 else "which has no events before the period"
    )
    return f"History: {shown.source}, {length}"


def _nothing(shown: Shown) -> str:
    status = shown.review.assessed["status"]
    missing = int((status != "assessed").sum())
    text = f"nothing at or above {shown.min_severity}"
    if missing:
        text += f"; {missing:,} of {number_of(len(status), 'check')} could not be made in full: see below"
    return f"({text})"


def _finding(shown: Shown, number: Any, finding: pd.Series, room: int) -> Iterator[str]:
    """Yield a line of number, severity, who and when, and the lines of the reason."""
    first = finding["first_event"]
    when = "" if pd.isna(first) else iso(first.tz_convert(shown.tz))
    head = f"{number:>3}  {finding['severity']:<6}  "
    left, who = room - len(head) - len(when) - 2, visible(_who(shown, number, finding))
    if left >= _NARROWEST:
        yield f"{head}{padded(cut_to_width(who, left), left)}  {when}".rstrip()
    else:
        yield cut_to_width(f"{head}{who}", room)
        yield from wrapped(when, room, indent=len(head))
    groups = ", ".join(finding["account_groups"])
    place = f" in {groups}" if groups else ""
    yield from wrapped(visible(f"{finding['why']} [{finding['check']}{place}]"), room, indent=len(head))


def _who(shown: Shown, number: Any, finding: Any) -> str:
    for name in (finding.user, finding.uid, shown.review.rows[int(number)].get("ip_address")):
        if name is not None and not pd.isna(name):
            return str(name)
    return "(nobody)"


def _reasons(row: Any) -> str:
    """Return why a check was not assessed, and its other limits and notes."""
    said = bool(row.reason) or any("history" in note for note in row.notes)
    people = "person has" if row.without_baseline == 1 else "people have"
    counted = (
        (f"{people} too little history", row.without_baseline * (not said)),
        ("events have texts that no rule knows (te-audit-frames vocabulary --unclassified)", row.unclassified),
    )
    parts = [in_options(row.reason)] if row.reason else []
    parts += [f"{count:,} {text}" for text, count in counted if count]
    parts += [f"the events have no column {', '.join(row.absent)}"] * (len(row.absent) > 0)
    parts += [in_options(note) for note in row.notes]
    return f": {'; '.join(parts)}" if parts else ""
