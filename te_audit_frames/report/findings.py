"""Findings and people of a review, and the events behind the findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.checks.evidence import evidence
from te_audit_frames.checks.review_result import Review
from te_audit_frames.checks.tallies import micros
from te_audit_frames.report.blocks import (
    NOTHING,
    Block,
    Column,
    FindingItem,
    Findings,
    Heading,
    Notes,
    Paragraph,
    Section,
    Table,
    clean,
    cleaned,
    counts,
    filled,
    listed,
    moments,
    sentence,
    span,
)
from te_audit_frames.report.subject import Subject
from te_audit_frames.safe_text import number_of

MOST_FINDINGS = 100
MOST_PEOPLE = 50
MOST_ROWS = 20
"""How many events of a finding are shown."""

MOST_EVIDENCE = 600
"""How many events of all findings together are shown; the most severe findings come first."""


def describe(subject: Subject) -> Section:
    """Return the section with the findings, the people, and what somebody has looked at before."""
    review = subject.review
    if review is None:
        text = (
            "These events were not reviewed. Review them with taf.review(events, history=...), and pass the result as "
            "review=."
        )
        return Section("findings", "Findings and people", [Paragraph(text)])
    blocks: list[Block] = []
    shown = _shown(review)
    items = [_item(subject, review, number, row) for number, row in _numbered(shown)]
    blocks.append(Findings(items) if items else Paragraph("No check found anything above info."))
    above = int((review.findings["severity"] != "info").sum())
    if above > len(shown):
        blocks.append(Notes([f"{above - len(shown):,} more are in review.findings"]))
    if info := len(review.findings) - above:
        text = (
            f"review.findings also has {number_of(info, 'observation')} of severity info, "
            "by themselves no reason to look."
        )
        blocks.append(Paragraph(text, is_note=True))
    if len(review.people):
        blocks += [Heading("People"), _people(review)]
    if len(review.reviewed):
        blocks += [Heading("Looked at before"), _reviewed(subject, review)]
    return Section("findings", "Findings and people", blocks)


def _shown(review: Review) -> pd.DataFrame:
    return review.findings[review.findings["severity"] != "info"].head(MOST_FINDINGS)


def _numbered(findings: pd.DataFrame) -> Iterator[tuple[int, pd.Series]]:
    for number, (_, row) in zip(findings.index.tolist(), findings.iterrows(), strict=True):
        yield number, row


def _who(row: pd.Series) -> str:
    name = row["user"] if pd.notna(row["user"]) else row["uid"]
    return "No person" if pd.isna(name) else clean(name)


def _item(subject: Subject, review: Review, number: int, row: pd.Series) -> FindingItem:
    return FindingItem(
        number=number,
        severity=str(row["severity"]),
        who=_who(row),
        when=span(row["first_event"], row["last_event"], subject.zone),
        events=number_of(int(row["events"]), "event"),
        groups="" if not len(row["account_groups"]) else listed(row["account_groups"], 3),
        why=sentence(row["why"]),
        check=str(row["check"]),
        technique=f"{row['technique']} ({review.attack_version})" if row["technique"] else "",
        chance=_chance(row["chance"]),
        evidence=f"evidence-{number}" if "evidence" in subject.sections and _has_events(row) else "",
    )


def _has_events(row: pd.Series) -> bool:
    return bool(row["events"]) and pd.notna(row["first_event"])


def _chance(chance: float) -> str:
    if math.isnan(chance):
        return ""
    return "a chance below 0.1% in an active week" if chance < 0.001 else f"a chance of {chance:.1%} in an active week"


def _people(review: Review) -> Table:
    people = review.people.head(MOST_PEOPLE)
    names = people["user"].fillna(people["uid"])
    more = f", the first {MOST_PEOPLE} of {len(review.people):,}" if len(review.people) > MOST_PEOPLE else ""
    return Table(
        "people",
        f"People with findings, the highest score first{more}",
        [
            Column("Person", cleaned(names)),
            Column("Score", counts(people["score"]), is_number=True),
            Column("High", counts(people["high"]), is_number=True),
            Column("Medium", counts(people["medium"]), is_number=True),
            Column("Low", counts(people["low"]), is_number=True),
            Column("The strongest finding", [sentence(why) for why in people["why"]], is_long=True),
        ],
    )


def _reviewed(subject: Subject, review: Review) -> Table:
    rows = review.reviewed.head(MOST_PEOPLE)
    return Table(
        "reviewed",
        f"Findings that somebody has looked at: {len(review.reviewed):,}",
        filled(
            [
                Column("Person", [_who(row) for _, row in rows.iterrows()]),
                Column("Severity", rows["severity"].tolist()),
                Column(
                    "When",
                    [span(*pair, subject.zone) for pair in zip(rows["first_event"], rows["last_event"], strict=True)],
                ),
                Column("Finding", [sentence(why) for why in rows["why"]], is_long=True),
                Column("Looked at by", cleaned(rows["by"])),
                Column("Why it is fine", cleaned(rows["reviewed_why"])),
                Column("Until", cleaned(rows["until"])),
            ]
        ),
        folded="Show them",
    )


# ---- evidence ----------------------------------------------------------------------------------------------------


def describe_evidence(subject: Subject) -> Section:
    """Return the section with the events behind the findings."""
    review = subject.review
    blocks: list[Block] = []
    if review is None:
        return Section("evidence", "Evidence", [Paragraph("Without a review, there are no findings.")])
    source, left = _Source(review), MOST_EVIDENCE
    for number, row in _numbered(_shown(review)):
        if not _has_events(row):
            continue
        some = source.find(number, row)
        shown = some.head(min(MOST_ROWS, left))
        left -= len(shown)
        blocks.append(_evidence_table(subject, number, row, shown, len(some)))
    if not blocks:
        blocks.append(Paragraph("No finding has events behind it."))
    return Section("evidence", "Evidence", blocks)


class _Source:
    """The events of a review, from which those behind each finding are taken."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._moments = _ascending(review.events)

    def find(self, number: int, row: pd.Series) -> pd.DataFrame:
        """Return the events behind a finding, as a pandas frame."""
        if self._moments is None:
            return _to_pandas(self._review.evidence(number))
        # Searching only the rows between the finding's first and last event saves time among millions of events.
        low, high = micros(row[["first_event", "last_event"]].astype("datetime64[us, UTC]"))
        some = slice(np.searchsorted(self._moments, low), np.searchsorted(self._moments, high, side="right"))
        found: pd.DataFrame = evidence(
            self._review.events.iloc[some], self._review.rows[number], vocabulary=self._review.vocabulary
        )
        return found


def _ascending(events: Any) -> npt.NDArray[np.int64] | None:
    """Return the dates of a pandas frame in microseconds if they ascend, else None. Undated events count as last."""
    if not isinstance(events, pd.DataFrame) or not isinstance(events["date"].dtype, pd.DatetimeTZDtype):
        return None
    moments = micros(events["date"])
    moments[events["date"].isna().to_numpy()] = np.iinfo(np.int64).max
    return moments if bool((moments[1:] >= moments[:-1]).all()) else None


def _to_pandas(found: Any) -> pd.DataFrame:
    native = found if isinstance(found, pd.DataFrame) else collect(as_lazy(found))
    return native.sort_values("date", kind="stable", ignore_index=True)


def _evidence_table(subject: Subject, number: int, row: pd.Series, shown: pd.DataFrame, total: int) -> Table:
    columns = [Column("Time", moments(shown["date"], subject.zone, "%Y-%m-%d %H:%M:%S"), is_narrow=True)]
    for name, title in (
        ("event", "Event"),
        ("user", "Person"),
        ("account_group_name", "Account group"),
        ("ip_address", "Address"),
    ):
        if name in shown:
            columns.append(Column(title, cleaned(shown[name])))
    if "resources" in shown:
        columns.append(Column("Resources", [_resources(value) for value in shown["resources"]]))
    more = (
        f", the first {len(shown):,} of {total:,}; review.evidence({number}) has all" if total > len(shown) > 0 else ""
    )
    return Table(
        f"evidence-table-{number}",
        f"The events behind finding {number}{more}",
        filled(columns),
        folded=f"Finding {number}, {row['severity']}: {_who(row)}, {number_of(total, 'event')}",
        anchor=f"evidence-{number}",
        empty=f"Not shown, because other findings have filled the page. review.evidence({number}) has them.",
    )


def _resources(value: Any) -> str:
    if value is None or value is pd.NA or isinstance(value, float):
        return NOTHING
    return listed([f"{clean(one.get('name'), 60)}" for one in value if one], 3)
