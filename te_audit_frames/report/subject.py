"""The subject of a report: its events, what is known about them, and what the sections share."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive, load_columns
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.freq import PLAUSIBLE
from te_audit_frames.analysis.group_columns import as_lazy
from te_audit_frames.analysis.grouping import collect
from te_audit_frames.analysis.summaries import count_groups, summarize
from te_audit_frames.checks.in_engine import inside, utc_dates
from te_audit_frames.checks.review_result import Extent, Review
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.frames import between
from te_audit_frames.periods import Period
from te_audit_frames.receipts import Receipt, stored_receipt
from te_audit_frames.report.archive_comparison import ArchiveComparison, compare_with_archive
from te_audit_frames.report.days import FAR, Drawn, choose_drawn, count_by_day
from te_audit_frames.schema import COLUMNS, SOURCES, require_columns


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    events : frame of any supported library, or Archive
        The events.
    columns : collection of str
        The columns of the events.
    receipt : Receipt or None
        The receipt of the events; for an archive, that of all its events.
    rows, undated : int
        How many events there are, and how many of them have no date.
    first, last : pandas.Timestamp
        The first and the last date, in UTC; NaT if there is none.
    drawn : Drawn
        Which days the pictures show.
    coverage : pandas.DataFrame or None
        The coverage of the archive; None without an archive.
    comparison : ArchiveComparison or None
        How the events compare with those of the archive; None if they are the archive, or there is none.
    review : Review or None
        The review of these events.
    zone : tzinfo
        The time zone in which times are shown.
    sections : collection of str
        The names of the sections of the report.
    """

    events: Any
    columns: Collection[str]
    receipt: Receipt | None
    rows: int
    undated: int
    first: pd.Timestamp
    last: pd.Timestamp
    drawn: Drawn
    coverage: pd.DataFrame | None
    comparison: ArchiveComparison | None
    review: Review | None
    zone: tzinfo
    sections: Collection[str]
    _groups: dict[str, tuple[pd.DataFrame, Dimension]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, events: Any, *, review: Review | None, archive: Any, zone: tzinfo, sections: Collection[str]
    ) -> Subject:
        """Find out what is known about events.

        Raises
        ------
        InvalidArgument
            `events` is neither a frame nor an archive, `archive` is no archive, the events are not from it, or the
            review is of other events.
        NotAnAuditFrame
            The events have no dates.
        """
        if archive is None and is_archive(events):
            archive = events
        if archive is not None and not is_archive(archive):
            raise InvalidArgument(
                f'archive: {type(archive).__name__} is not an archive; give taf.Archive("te-audit/").'
            )
        head = events.load(columns=["date"]) if is_archive(events) else events
        columns = list(COLUMNS) if is_archive(events) else _columns(events)
        lazy = as_lazy(head)
        dates = lazy.select(utc_dates(lazy).alias("date"))
        found = collect(
            dates.select(
                rows=nw.len(), dated=nw.col("date").count(), first=nw.col("date").min(), last=nw.col("date").max()
            )
        ).iloc[0]
        rows, dated = int(found["rows"]), int(found["dated"])
        first, last = (pd.Timestamp(found[name]) for name in ("first", "last"))
        _check_review(review, events, _extent(dated, rows - dated, first, last))
        receipt = stored_receipt(head) if isinstance(head, pd.DataFrame) else None
        period = None if receipt is None else receipt.period
        is_near = dated and first >= PLAUSIBLE[0] and last < PLAUSIBLE[1] and last - first <= FAR
        days = None if is_near or not dated else count_by_day(head)
        drawn = Drawn() if days is None else choose_drawn(days, period, is_asked_for=_was_asked_for(receipt))
        coverage = comparison = None
        if archive is not None:
            coverage = archive.coverage()
            if not _is_same_archive(archive, events):
                days = count_by_day(head) if days is None else days
                comparison = compare_with_archive(days, archive, coverage, period)
        return cls(
            events=events,
            columns=columns,
            receipt=receipt,
            rows=rows,
            undated=rows - dated,
            first=first,
            last=last,
            drawn=drawn,
            coverage=coverage,
            comparison=comparison,
            review=review,
            zone=zone,
            sections=sections,
        )

    def has(self, *names: str) -> bool:
        """Whether the events have at least one of these columns."""
        return any(name in self.columns for name in names)

    def groups(self, by: str) -> tuple[pd.DataFrame, Dimension]:
        """Return the result of `summarize` by one dimension, which is computed once."""
        if by not in self._groups:
            counted, dimensions = count_groups(self.events, by=by, top=None)
            self._groups[by] = counted, dimensions[0]
        return self._groups[by]

    def named(self, by: str) -> pd.Series:
        """Return whether each group by one dimension has a key or a label, in the order of `groups`.

        A group with neither is not counted as a person, account group or type.
        """
        counted, dimension = self.groups(by)
        return counted[[column for column in (dimension.key, dimension.label) if column]].notna().any(axis=1)

    @cached_property
    def dated_types(self) -> pd.DataFrame:
        """The result of `summarize` by type of event, for the events with a date only."""
        if not self.undated:
            return self.groups("event")[0]
        lazy = as_lazy(load_columns(self.events, "event", count_others=True))
        return summarize(lazy.filter(~nw.col("date").is_null()).to_native(), by="event")

    @property
    def is_dated(self) -> bool:
        """Whether any event has a date."""
        return self.rows > self.undated

    @cached_property
    def period(self) -> Period | None:
        """The period that the events stand for; None if it is not known."""
        if self.receipt is not None and self.receipt.period is not None:
            return self.receipt.period
        return None if self.review is None else self.review.period

    @property
    def bounds(self) -> tuple[datetime, datetime] | None:
        """The start and the end of the period; without one, the first and the last date. Odd dates do not count."""
        start, end = self.drawn.start, self.drawn.end
        if self.period is not None and (start is None or end is None):
            return self.period.start, self.period.end
        if self.period is not None and start is not None and end is not None:
            low, high = max(self.period.start, start), min(self.period.end, end)
            return (low, high) if low < high else (start, end)
        if not self.is_drawn:
            return None
        return start or self.first.to_pydatetime(), end or self.last.to_pydatetime()

    @property
    def is_drawn(self) -> bool:
        """Whether the pictures have any event to show."""
        return self.is_dated and self.drawn.events < self.rows - self.undated

    @cached_property
    def drawn_events(self) -> Any:
        """The events that the pictures show; only their dates for an archive with odd dates."""
        bounds = self.drawn.start, self.drawn.end
        if not self.drawn.events:
            return self.events
        if is_archive(self.events):
            return self.events.load(start=bounds[0], end=bounds[1], columns=["date"])
        if isinstance(self.events, pd.DataFrame):
            return between(self.events, start=bounds[0], end=bounds[1])
        lazy = as_lazy(self.events)
        return lazy.with_columns(utc_dates(lazy).alias("date")).filter(inside(bounds)).to_native()

    @property
    def vocabulary(self) -> Any:
        """The vocabulary of the review; None for the built-in one."""
        return None if self.review is None else self.review.vocabulary


def _was_asked_for(receipt: Receipt | None) -> bool:
    """Whether somebody chose the period of a receipt. Otherwise, it is that of a whole archive."""
    asked = {} if receipt is None else receipt.requested
    return any(asked.get(name) for name in ("window", "start", "default"))


def _columns(events: Any) -> list[str]:
    columns = [str(name) for name in as_lazy(events).collect_schema().names()]
    if not set(COLUMNS) & set(columns):
        raise NotAnAuditFrame(
            f"this frame does not hold audit events: it has none of the columns {', '.join(map(repr, COLUMNS))}. "
            f"{SOURCES}",
            missing=list(COLUMNS),
        )
    require_columns(columns, ["date"])
    return columns


def _extent(dated: int, undated: int, first: pd.Timestamp, last: pd.Timestamp) -> Extent:
    ends = (first.to_pydatetime(), last.to_pydatetime()) if dated else (None, None)
    return Extent(dated, undated, *ends)


def _check_review(review: object, events: Any, now: Extent) -> None:
    """Raise InvalidArgument unless `review` is None, or a review of these events as they are now."""
    if review is None:
        return
    if not isinstance(review, Review):
        raise InvalidArgument(
            f"review: {type(review).__name__} is not a review; give the result of taf.review(events)."
        )
    theirs = review.events
    is_same = theirs is events or _is_same_archive(theirs, events)
    if (
        is_same
        or (isinstance(theirs, pd.DataFrame) and isinstance(events, pd.DataFrame))
        or _are_polars(theirs, events)
    ):
        if review.extent not in (None, now):
            raise InvalidArgument(
                f"review: it is of other events, or they have changed since: it has read {review.extent}, while the "
                f"report is about {now}. Review these events with taf.review(events)."
            )
        if is_same or _are_equal(theirs, events):
            return
        raise InvalidArgument(
            "review: it is of other events, or they have changed since. Review these with taf.review(events)."
        )
    raise InvalidArgument("review: it is of other events. Give the events that were reviewed: review.events.")


def _are_polars(one: Any, other: Any) -> bool:
    return nw.dependencies.is_polars_dataframe(one) and nw.dependencies.is_polars_dataframe(other)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two frames of one library hold the same events in the same order; extra columns do not count."""
    names = [[name for name in COLUMNS if name in frame.columns] for frame in (one, other)]
    if names[0] != names[1]:
        return False
    if not isinstance(one, pd.DataFrame):
        return bool(one.select(names[0]).equals(other.select(names[0])))
    return len(one) == len(other) and all(_are_equal_columns(one[name], other[name]) for name in names[0])


def _are_equal_columns(one: pd.Series, other: pd.Series) -> bool:
    if one.dtype != other.dtype:
        return False
    if isinstance(one.dtype, pd.ArrowDtype):  # pandas cannot compare lists
        return bool(pa.chunked_array(pa.array(one)).equals(pa.chunked_array(pa.array(other))))
    if one.dtype == "object":
        return one.tolist() == other.tolist()
    return one.reset_index(drop=True).equals(other.reset_index(drop=True))


def _is_same_archive(one: Any, other: Any) -> bool:
    both = is_archive(one) and is_archive(other)
    return both and type(one) is type(other) and getattr(one, "location", one) == getattr(other, "location", other)
