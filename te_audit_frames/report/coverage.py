"""How much of a report's period the archive covers, and how its events differ from those of the report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from te_audit_frames.analysis.freq import PLAUSIBLE
from te_audit_frames.report.blocks import Block, Column, Heading, Paragraph, Table, counts, listed
from te_audit_frames.report.subject import Subject
from te_audit_frames.safe_text import number_of

_DAY = pd.Timedelta(days=1)
_MOST_RANGES = 40


def has_more(subject: Subject) -> bool:
    """Whether the archive has more events of the period than a report that should have all of them.

    False if the receipt is incomplete, filtered, or about one account group: the report need not have all events then.
    """
    receipt, comparison = subject.receipt, subject.comparison
    if receipt is None or comparison is None or comparison.archived is None:
        return False
    is_of_all = receipt.complete and not receipt.filters and not receipt.scope.get("aid")
    is_of_all = is_of_all and bool(receipt.scope.get("all_account_groups") or receipt.source == "archive")
    return is_of_all and comparison.archived > subject.rows - subject.undated


def describe_difference(subject: Subject) -> str:
    """Return how the events of the report and of the archive differ; empty if they do not, or nothing is known."""
    comparison = subject.comparison
    if comparison is None:
        return ""
    texts = []
    here = subject.rows - subject.undated
    if comparison.archived is not None and comparison.archived != here:
        texts.append(
            f"the archive has {number_of(comparison.archived, 'event')} of the period of the receipt, and the report "
            f"is about {here:,}."
        )
    if comparison.foreign:
        verb = "is" if comparison.foreign == 1 else "are"
        texts.append(
            f"{number_of(comparison.foreign, 'event')} of the report {verb} not in the archive: it is another archive, "
            "or was last brought up to date before these events."
        )
    return " ".join(text[0].upper() + text[1:] for text in texts)


def days_of_period(subject: Subject) -> pd.DataFrame | None:
    """Return one row of the coverage per UTC day of the period; None without an archive."""
    if subject.coverage is None or "complete" not in subject.coverage:
        return None
    days = subject.coverage
    if subject.bounds is None:
        return days
    start, end = (min(max(pd.Timestamp(bound), PLAUSIBLE[0]), PLAUSIBLE[1]) for bound in subject.bounds)
    period = pd.date_range(start.floor("D"), max(end, start + pd.Timedelta("1us")), inclusive="left", name="day")
    # The coverage has no rows for days before the first or after the last one that the archive has read.
    known = days.set_index("day").reindex(period.as_unit("us"))
    filled = {"gap": True, "complete": False, "sealed": False}
    for name, value in filled.items():
        known[name] = known[name].astype("boolean").fillna(value).astype("bool")
    return known.reset_index()


def describe_archive(subject: Subject) -> list[Block]:
    """Return which days of the period the archive has, and how its events differ from those of the report."""
    days = days_of_period(subject)
    if days is None:
        return []
    partial = days[~days["complete"]]
    sealed = int(days["sealed"].sum())
    text = (
        f"Of {number_of(len(days), 'UTC day')} of the period, the archive has {len(days) - len(partial):,} complete, "
        f"and {len(partial):,} not, with {number_of(int(days['events'].sum()), 'event')} on all these days. "
        f"{number_of(sealed, 'day')} {'was' if sealed == 1 else 'were'} read again after a while, so that late events "
        "are in too."
    )
    text += _scopes(days["scope"].dropna().unique().tolist())
    blocks: list[Block] = [Heading("The archive"), Paragraph(text)]
    if beside := describe_difference(subject):
        blocks.append(Paragraph(beside, is_note=True))
    if len(partial):
        blocks.append(_gaps(partial, pd.Timestamp(subject.bounds[1]) if subject.bounds else None))
    return blocks


def _scopes(scopes: Sequence[str]) -> str:
    """Return what the token could see. Hidden account groups are not named: the events may be pseudonymized."""
    if not scopes:
        return ""
    hidden = ", on some days without some of them" if any("," in scope for scope in scopes) else ""
    return f" What the token could see: {listed(sorted({scope.partition(',')[0] for scope in scopes}))}{hidden}."


def _states(partial: pd.DataFrame, end: pd.Timestamp | None) -> pd.Series:
    """Return what each day lacks. A day that was read to the end of the period lacks nothing of the period."""
    state = partial["gap"].map({True: "never read", False: "read in part"})
    read_to = partial["read_to"].astype("datetime64[us, UTC]")
    is_early = ~partial["gap"] & (read_to < partial["day"] + _DAY)
    if end is not None:
        state = state.mask(is_early & (read_to >= end), "read to the end of the period")
    return state


def _gaps(partial: pd.DataFrame, end: pd.Timestamp | None) -> Table:
    """Return the days that are not complete; consecutive days in the same state share a row."""
    state = _states(partial, end)
    group = ((partial["day"].diff() != _DAY) | (state != state.shift())).cumsum()
    ranges = (
        partial.assign(state=state)
        .groupby(group)
        .agg(
            first=("day", "min"),
            last=("day", "max"),
            days=("day", "size"),
            events=("events", "sum"),
            state=("state", "first"),
        )
    )
    shown = ranges.head(_MOST_RANGES)
    more = f"; the first {_MOST_RANGES} of {len(ranges):,} ranges" if len(ranges) > _MOST_RANGES else ""
    return Table(
        "coverage",
        f"Days that are not complete (UTC){more}",
        [
            Column("From", [f"{day:%Y-%m-%d}" for day in shown["first"]], is_narrow=True),
            Column("To, included", [f"{day:%Y-%m-%d}" for day in shown["last"]], is_narrow=True),
            Column("Days", counts(shown["days"]), is_number=True),
            Column("State", shown["state"].tolist()),
            Column("Events", counts(shown["events"]), is_number=True),
        ],
    )
