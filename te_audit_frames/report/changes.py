"""The sections about changes of access and about deletions."""

from __future__ import annotations

import pandas as pd

from te_audit_frames.checks.access import find_access_changes
from te_audit_frames.checks.assessed import Assessed, assessed
from te_audit_frames.checks.runs import find_runs
from te_audit_frames.checks.text.reading import FAILURE
from te_audit_frames.checks.vocabulary import classify_events
from te_audit_frames.report.blocks import (
    NOTHING,
    Block,
    Column,
    Heading,
    Paragraph,
    Section,
    Table,
    clean,
    cleaned,
    counts,
    filled,
    listed,
    lists,
    moments,
    sentence,
    span,
)
from te_audit_frames.report.subject import Subject
from te_audit_frames.safe_text import number_of

MOST_CHANGES = 40
MOST_RUNS = 20
MOST_TYPES = 20


def describe_access(subject: Subject) -> Section:
    """Return the section about changes of roles, people, tokens and the like, the latest first."""
    changes = find_access_changes(subject.events, vocabulary=subject.vocabulary)
    record = assessed(changes)
    if record.not_assessed:
        return Section("access", _ACCESS, [_not_assessed(record.not_assessed)])
    if changes.empty:
        return Section(
            "access", _ACCESS, [Paragraph(_nothing(record, "no event changed who may do what.")), *_left_out(record)]
        )
    to_self = int(changes["to_self"].sum())
    text = (
        f"{number_of(len(changes), 'change')} of roles, people, tokens and the like, "
        f"by {_people(changes)}; {to_self:,} to their own access."
    )
    shown = changes.iloc[::-1].head(MOST_CHANGES)
    more = f", the latest {len(shown):,} of {len(changes):,}" if len(changes) > len(shown) else ""
    columns = [
        Column("Time", moments(shown["first_event"], subject.zone), is_narrow=True),
        Column("By", cleaned(shown["user"].fillna(shown["uid"]))),
        Column("Change", [listed(texts, 2) for texts in shown["event_texts"]]),
        Column("Whose access", lists(shown["targets"], 3)),
        Column("Roles", lists(shown["roles"], 3)),
        Column("Of oneself", ["yes" if own else NOTHING for own in shown["to_self"]]),
        Column("Account group", cleaned(shown["account_group_name"].fillna(shown["aid"]))),
        Column("Note", [sentence(note) if note else NOTHING for note in shown["note"]]),
    ]
    table = Table("access-table", f"Changes of access{more} (times in {subject.zone})", filled(columns))
    return Section("access", _ACCESS, [Paragraph(text), table, *_left_out(record)])


_ACCESS = "Changes of access"


def describe_deletions(subject: Subject) -> Section:
    """Return the section about what was deleted: by type, and in which runs."""
    runs = find_runs(subject.events, min_size=1, vocabulary=subject.vocabulary)
    record = assessed(runs)
    if record.not_assessed:
        return Section("deletions", _DELETIONS, [_not_assessed(record.not_assessed)])
    if runs.empty:
        return Section(
            "deletions", _DELETIONS, [Paragraph(_nothing(record, "nothing was deleted.")), *_left_out(record)]
        )
    text = (
        f"{number_of(int(runs['events'].sum()), 'deletion')} by {_people(runs)}, in "
        f"{number_of(len(runs), 'run')}. A run is what one person deletes with at most ten minutes between two events."
    )
    blocks: list[Block] = [Paragraph(text), _runs_table(subject, runs), *_types(subject), *_left_out(record)]
    return Section("deletions", _DELETIONS, blocks)


_DELETIONS = "Deletions"


def _runs_table(subject: Subject, runs: pd.DataFrame) -> Table:
    shown = runs.head(MOST_RUNS)
    more = f", the largest {len(shown):,} of {len(runs):,}" if len(runs) > len(shown) else ""
    pairs = zip(shown["first_event"], shown["last_event"], strict=True)
    columns = [
        Column("Person", cleaned(shown["user"].fillna(shown["uid"]))),
        Column("When", [span(first, last, subject.zone) for first, last in pairs]),
        Column("Deletions", counts(shown["events"]), is_number=True),
        Column("Different resources", counts(shown["resources"]), is_number=True),
        Column("Of what", [listed([name.replace("_", " ") for name in names], 4) for names in shown["objects"]]),
        Column("Account groups", lists(shown["account_groups"], 3)),
    ]
    return Table("runs-table", f"Runs of deletions{more} (times in {subject.zone})", filled(columns))


def _types(subject: Subject) -> list[Block]:
    """Return the types of dated events that delete something, with their counts."""
    found = subject.dated_types
    classes = classify_events(found[["event"]], vocabulary=subject.vocabulary)
    deleting = found[((classes["action"] == "delete") & (classes["outcome"] != FAILURE)).to_numpy()]
    if deleting.empty:
        return []
    shown = deleting.head(MOST_TYPES)
    more = f", the most frequent {len(shown):,} of {len(deleting):,}" if len(deleting) > len(shown) else ""
    columns = [
        Column("Type of event", [clean(text) for text in shown["event"]]),
        Column("Events", counts(shown["events"]), is_number=True),
        *([Column("People", counts(shown["users"]), is_number=True)] if "users" in shown else []),
        Column("First event", moments(shown["first_event"], subject.zone), is_narrow=True),
        Column("Last event", moments(shown["last_event"], subject.zone), is_narrow=True),
    ]
    table = Table("deleting-table", f"Types of event that delete{more} (times in {subject.zone})", columns)
    return [Heading("By type"), table]


def _not_assessed(reason: str) -> Paragraph:
    return Paragraph(f"Not assessed: {sentence(reason)}.", is_note=True)


def _people(found: pd.DataFrame) -> str:
    """Return the number of people as text, followed by "and (none)" if some events have no person."""
    different = found[["uid", "user"]].drop_duplicates()
    named = different.dropna(how="all")
    return number_of(len(named), "person", "people") + (" and (none)" if len(named) < len(different) else "")


def _nothing(record: Assessed, text: str) -> str:
    """Return the sentence that nothing was found, limited to dated events if some events have no date."""
    return f"Among dated events, {text}" if record.undated else text[0].upper() + text[1:]


def _left_out(record: Assessed) -> list[Block]:
    """Return the numbers of events that were not looked at or not judged."""
    texts = []
    if record.undated:
        verb = "was" if record.undated == 1 else "were"
        texts.append(f"{number_of(record.undated, 'event')} without a date {verb} not looked at.")
    if record.unclassified:
        verb = "was" if record.unclassified == 1 else "were"
        texts.append(
            f"{number_of(record.unclassified, 'event')} with a text that no rule of the vocabulary knows {verb} not "
            "judged."
        )
    return [Paragraph(text, is_note=True) for text in texts]
