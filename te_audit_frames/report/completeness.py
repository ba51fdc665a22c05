"""Completeness: are these all events of the period, how was that checked, and what was not assessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from te_audit_frames.checks.judging.severity import RULES, SEVERITIES
from te_audit_frames.report.blocks import (
    Block,
    Column,
    Facts,
    Heading,
    Notes,
    Paragraph,
    Section,
    Table,
    clean,
    counts,
    filled,
    listed,
    moment,
    sentence,
    span,
)
from te_audit_frames.report.coverage import days_of_period, describe_archive, describe_difference, has_more
from te_audit_frames.report.days import describe_odd
from te_audit_frames.report.subject import Subject
from te_audit_frames.safe_text import number_of

State = Literal["good", "bad", "open"]


@dataclass(frozen=True)
class Verdict:
    """One part of the verdict: a question, a short answer, and the reason."""

    question: str
    answer: str
    why: str
    state: State


def judge(subject: Subject) -> list[Verdict]:
    """Return the verdict: whether the events are complete, whether they were reviewed, and how many there are."""
    return [_judge_completeness(subject), _judge_review(subject), _judge_extent(subject)]


def _judge_completeness(subject: Subject) -> Verdict:
    question, receipt, coverage = "Are these all events?", subject.receipt, days_of_period(subject)
    if receipt is None and coverage is None:
        return Verdict(question, "Not known", "The events carry no receipt of how they were fetched.", "open")
    if receipt is None:
        assert coverage is not None  # noqa: S101 - for mypy; one of the two is known  # nosec B101
        partial = int((~coverage["complete"]).sum())
        if coverage["gap"].all():
            return Verdict(question, "No", "The archive does not cover the period.", "bad")
        if partial:
            why = f"The archive lacks {number_of(partial, 'day')} of the period, or parts of them."
            return Verdict(question, "No", why, "bad")
        if subject.comparison is not None and subject.comparison.foreign:
            return Verdict(question, "Not known", describe_difference(subject), "open")
        why = "The archive is complete on these days, but without a receipt, the events may be only some of its events."
        return Verdict(question, "Not known", why, "open")
    period = "of the period" if receipt.period is None else f"from {_period(subject)}"
    if receipt.rows is not None and receipt.rows != receipt.events:
        why = (
            f"The receipt is about {number_of(receipt.events, 'event')}, but {receipt.rows:,} "
            f"{'is' if receipt.rows == 1 else 'are'} here: they were cut or joined."
        )
        return Verdict(question, "Not known", why, "open")
    if receipt.source == "pages":
        return Verdict(question, "Not known", "They were read from saved pages, which may not be all.", "open")
    if not receipt.complete:
        reasons = sentence("; ".join(receipt.notes)) if receipt.notes else "the receipt does not say why"
        return Verdict(question, "No", f"Not every event of the period arrived: {reasons.rstrip('.')}.", "bad")
    if receipt.filters:
        why = f"A filter chose them, out of all events {period}."
        return Verdict(question, "No, a selection", why, "open")
    if has_more(subject):
        why = (
            f"Every event {period} arrived when they were fetched, but the archive has more by now. "
            f"{describe_difference(subject)}"
        )
        return Verdict(question, "No longer", why, "bad")
    scope = f"account group {receipt.scope['aid']}" if receipt.scope.get("aid") else receipt.scope_name
    why = f"Every event {period} arrived. Scope: {clean(scope, 200)}."
    if coverage is not None and subject.comparison is not None and receipt.source != "archive":
        lacking = int((~coverage["complete"]).sum())
        why += f" The archive lacks {number_of(lacking, 'day')} of the period, or parts of them." if lacking else ""
    return Verdict(question, "Yes", why, "good")


def _period(subject: Subject) -> str:
    if subject.bounds is None:
        return NO_PERIOD
    start, end = (moment(bound, subject.zone) for bound in subject.bounds)
    return f"{start} to {end}"


NO_PERIOD = "an unknown period"


def _judge_review(subject: Subject) -> Verdict:
    question, review = "Does something deserve a look?", subject.review
    if review is None:
        return Verdict(question, "Not reviewed", "No check was made, so nothing here says that all is well.", "open")
    number = review.findings["severity"].value_counts()
    found = [(int(number.get(name, 0)), name) for name in SEVERITIES if name != "info"]
    missing = review.assessed[review.assessed["status"] != "assessed"]
    nothing = int((missing["status"] == "not assessed").sum())
    left = []
    if nothing:
        left.append(f"{nothing} of {number_of(len(review.assessed), 'check')} could not be made")
    if len(missing) - nothing:
        left.append(
            f"{len(missing) - nothing} of {number_of(len(review.assessed), 'check')} "
            f"{'was' if len(missing) - nothing == 1 else 'were'} made in part"
        )
    open_ends = f" {' and '.join(left)}." if left else ""
    if any(count for count, _ in found):
        shown = ", ".join(f"{count:,} {name}" for count, name in found if count)
        people = f"Findings about {number_of(len(review.people), 'person', 'people')}." if len(review.people) else ""
        return Verdict(question, f"Yes: {shown}", f"{people}{open_ends}".strip(), "bad")
    if nothing:
        return Verdict(
            question, "Not known", f"Nothing was found, but not everything was looked at.{open_ends}", "open"
        )
    if left:
        return Verdict(question, "Nothing found", open_ends.strip(), "open")
    return Verdict(question, "Nothing found", "All checks were made.", "good")


def _judge_extent(subject: Subject) -> Verdict:
    parts = []
    for by, names, one, several in (
        ("user", ("uid", "user"), "person", "people"),
        ("account_group", ("aid", "account_group_name"), "account group", ""),
        ("event", ("event",), "type of event", "types of event"),
    ):
        if subject.has(*names) and subject.rows:
            parts.append(number_of(int(subject.named(by).sum()), one, several))
    seen = f" From {span(subject.first, subject.last, subject.zone)}." if subject.is_dated else ""
    if odd := describe_odd(subject.drawn):
        seen += f" With {odd}."
    what = ", ".join(parts)
    return Verdict("How much is there?", number_of(subject.rows, "event"), f"{what}.{seen}" if what else seen, "open")


def describe(subject: Subject) -> Section:
    """Return the section about completeness: the receipt, the coverage, and what was checked."""
    blocks: list[Block] = []
    if subject.receipt is None:
        blocks.append(
            Paragraph(
                "The events carry no receipt. Frames from fetch_events(), an archive and read_parquet() have one; it "
                "says what was asked for and what came back."
            )
        )
    else:
        blocks += [Heading("The receipt"), Facts([(name, sentence(text)) for name, text in subject.receipt.lines()])]
    if subject.undated:
        text = f"{number_of(subject.undated, 'event')} without a date: counted by person, type and place, not by time."
        blocks.append(Paragraph(text, is_note=True))
    blocks += describe_archive(subject)
    blocks += _assessed(subject)
    return Section("completeness", "Completeness", blocks)


def _assessed(subject: Subject) -> list[Block]:
    review = subject.review
    if review is None:
        return [Heading("What was checked"), Paragraph("Nothing was reviewed: no check looked at these events.")]
    rows = review.assessed
    above = review.findings[review.findings["severity"] != "info"]["check"].value_counts()
    info = review.findings[review.findings["severity"] == "info"]["check"].value_counts()
    table = Table(
        "assessed",
        "The questions of the review, and what they leave open",
        filled(
            [
                Column("Question", [RULES[check].question for check in rows["check"]]),
                Column("Assessed", [_STATUS[status] for status in rows["status"]]),
                Column("Findings", counts(above.reindex(rows["check"], fill_value=0)), is_number=True),
                Column("Info only", counts(info.reindex(rows["check"], fill_value=0)), is_number=True),
                Column("Events concerned", counts(rows["concerned"]), is_number=True),
                Column("Days of history", counts(rows["baseline_days"]), is_number=True),
                Column("What is left open", [_left_open(row) for _, row in rows.iterrows()], is_long=True),
            ]
        ),
    )
    texts = list(dict.fromkeys(str(text) for texts in rows["unclassified_texts"] for text in texts))
    notes = [sentence(note) for note in review.notes]
    if texts:
        notes.append(f"no rule of the vocabulary knows these texts: {listed(texts, 12)}")
    return [Heading("What was checked"), table, *([Notes(notes)] if notes else [])]


_STATUS = {"assessed": "yes", "in part": "in part", "not assessed": "no"}


def _left_open(row: pd.Series) -> str:
    parts = [] if pd.isna(row["reason"]) or not row["reason"] else [str(row["reason"])]
    if row["without_baseline"]:
        parts.append(f"{number_of(int(row['without_baseline']), 'person', 'people')} with too little history")
    if row["unclassified"]:
        parts.append(f"{number_of(int(row['unclassified']), 'event')} that no rule knows")
    if len(row["absent"]):
        parts.append(f"no column {', '.join(row['absent'])}")
    parts += list(row["notes"])
    return sentence("; ".join(parts)) if parts else clean(None)
