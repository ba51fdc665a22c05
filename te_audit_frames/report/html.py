"""A report in one HTML file, which needs no other file, no script and no network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import tzinfo
from typing import Any

from te_audit_frames.checks.review_result import Review
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import parse_zone
from te_audit_frames.report import activity_sections, changes, completeness, findings
from te_audit_frames.report.blocks import Paragraph, Section, clean, moment
from te_audit_frames.report.rendering import render_page
from te_audit_frames.report.section_names import SECTIONS, SectionName
from te_audit_frames.report.subject import Subject
from te_audit_frames.storage.atomic import FilePath, atomic_write
from te_audit_frames.version import VERSION

# Each with the columns that it needs: of each group, at least one.
_SECTIONS: Mapping[SectionName, tuple[str, Callable[[Subject], Section], tuple[tuple[str, ...], ...]]] = {
    "completeness": ("Completeness", completeness.describe, ()),
    "findings": ("Findings and people", findings.describe, ()),
    "activity": ("Activity", activity_sections.describe_activity, ()),
    "heatmap": ("Hours of the week", activity_sections.describe_heatmap, ()),
    "who": ("Who", activity_sections.describe_who, (("uid", "user"),)),
    "what": ("What", activity_sections.describe_what, (("event",),)),
    "where": ("Where", activity_sections.describe_where, (("aid", "account_group_name", "ip_address"),)),
    "access": ("Changes of access", changes.describe_access, (("event",), ("uid", "user"))),
    "deletions": ("Deletions", changes.describe_deletions, (("event",), ("uid", "user"))),
    "evidence": ("Evidence", findings.describe_evidence, ()),
}

_TITLE = "ThousandEyes activity log"


def write_report(
    events: Any,
    path: FilePath,
    *,
    review: Review | None = None,
    title: str | None = None,
    tz: str | tzinfo = "UTC",
    archive: Any = None,
    sections: Collection[SectionName] | None = None,
) -> str:
    """Write a report about events: one HTML file that can be sent, printed and kept.

    It begins with a verdict: are these all events, and does something deserve a look? Then it shows the findings of a
    review, activity, hours of the week, who, what and where, changes of access, deletions, and the events behind the
    findings. The file has no script, and loads nothing from anywhere. Every picture has its numbers as a table.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date` is required. Sections that need a column
        that is missing say so.
    path : str or PathLike
        The file to write. It is replaced whole, or not at all; on a local disk, only its owner can read it.
    review : Review, optional
        The result of ``review(events)``. Without it, the report says that nothing was reviewed.
    title : str, optional
        The title, by default "ThousandEyes activity log".
    tz : str or datetime.tzinfo
        The time zone of all times, days and hours in the report. Sentences of a review, and days of an archive, are in
        UTC, and say so.
    archive : Archive, optional
        The archive that the events are from. The report then says on which days it is not complete, and compares the
        numbers of events. If `events` is an archive itself, it is used.
    sections : collection of str, optional
        Only these sections: ``"completeness"``, ``"findings"``, ``"activity"``, ``"heatmap"``, ``"who"``, ``"what"``,
        ``"where"``, ``"access"``, ``"deletions"``, ``"evidence"``. Their order is always that of the report, and the
        verdict is always first.

    Returns
    -------
    str
        The SHA-256 of the file in hexadecimal digits, as ``sha256sum`` prints it. The same arguments give the same
        bytes, whenever and wherever the report is written with the same version of this package.

    Raises
    ------
    InvalidArgument
        An argument is wrong: the review is of other events, the events or the archive have changed since, the events
        are not from `archive`, there is no such section, or the path ends in a separator.
    NotAnAuditFrame
        The events have none of the columns of events, or no `date`.
    FileError
        The file cannot be written. Nothing is left of it.
    ArchiveError, StoreError
        An archive cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import te_audit_frames as taf
    >>> page = b'{"auditEvents": [{"date": "2026-03-02T09:00:00Z", "event": "Test deleted.", "uid": "7"}]}'
    >>> events = taf.read_pages([page])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest = taf.write_report(events, Path(folder, "report.html"), review=taf.review(events))
    ...     "Test deleted." in Path(folder, "report.html").read_text()
    True
    """
    chosen = _check_sections(sections)
    zone = parse_zone(tz)
    shown_title = _check_title(title)
    subject = Subject.of(events, review=review, archive=archive, zone=zone, sections=chosen)
    page = render_page(
        title=shown_title,
        period=_period(subject),
        zone=str(zone),
        verdicts=completeness.judge(subject),
        sections=[_describe(name, subject) for name in chosen],
        footer=_footer(subject),
        version=VERSION,
    )
    with atomic_write(path) as file:
        file.write(page)
    return hashlib.sha256(page).hexdigest()


def _check_sections(sections: object) -> list[SectionName]:
    if sections is None:
        return list(SECTIONS)
    if isinstance(sections, str) or not isinstance(sections, Collection) or not len(sections):
        raise InvalidArgument('sections: give a list of sections, such as ["findings", "activity"].')
    for name in sections:
        if name not in SECTIONS:
            raise InvalidArgument(f"sections: {name!r} is not one of {', '.join(SECTIONS)}.")
    return [name for name in SECTIONS if name in sections]


def _check_title(title: object) -> str:
    if title is None:
        return _TITLE
    if not isinstance(title, str) or not title.strip():
        raise InvalidArgument(f'title: {title!r} is not a title; give a text such as "Review of March".')
    return clean(title, 200)


def _describe(name: SectionName, subject: Subject) -> Section:
    title, describe, needed = _SECTIONS[name]
    if absent := [names for names in needed if not subject.has(*names)]:
        text = (
            f"Not shown, because the events have no column {' and no '.join(' or '.join(names) for names in absent)}."
        )
        return Section(name, title, [Paragraph(text, is_note=True)])
    return describe(subject)


def _period(subject: Subject) -> str:
    if subject.bounds is None:
        return ""
    start, end = (moment(bound, subject.zone) for bound in subject.bounds)
    return f"{start} to {end}"


def _footer(subject: Subject) -> str:
    receipt = subject.receipt
    fetched = f" The events were fetched at {clean(receipt.fetched_at)}." if receipt and receipt.fetched_at else ""
    return f"Written by te_audit_frames {VERSION}.{fetched}"
