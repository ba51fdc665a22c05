"""Checks of one answer against its query: the account group of its rows, and the range that it states."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.fetch_checks import TOLERANCE, FetchChecks
from te_audit_frames.client.page import Page
from te_audit_frames.client.query import Query
from te_audit_frames.errors import PaginationError
from te_audit_frames.periods import epoch_micros, iso

_OUTLIERS = 3
"""So many rows of a page may lie outside the range that it states: a wrong clock may have dated single events."""


def find_misfit(page: Page, query: Query, checks: FetchChecks) -> str:
    """Return why an answer cannot belong to its query, or an empty text if it can."""
    aid = query.parameters.get("aid")
    aids = pc.unique(page.batch["aid"].drop_null()).to_pylist()
    if aid is not None and aids and aid not in aids and page.batch["aid"].null_count < page.batch.num_rows:
        return "none of its rows is of the account group asked for"
    start, end = query.start, query.end
    if start is None or end is None or page.start is None or page.end is None or not checks.believes_ranges:
        return ""
    touches = page.start <= end + TOLERANCE and page.end >= start - TOLERANCE
    if touches or checks.is_before_retention(end) or _any_within(page.batch, start, end):
        return ""
    return f"it covers {iso(page.start)} to {iso(page.end)}, but was asked for {iso(start)} to {iso(end)}"


def stated_range(page: Page, checks: FetchChecks) -> tuple[datetime, datetime] | None:
    """Return the range that an answer states, and count it; None if it states none or its own rows contradict it.

    Once rows have contradicted a range, no later range of the fetch is believed.
    """
    if page.start and page.end and _contradicts(page.batch, page.start, page.end):
        checks.believes_ranges = False
    if page.start is None or page.end is None or not checks.believes_ranges:
        checks.count(ranges_unconfirmed=1)
        return None
    checks.count(ranges=1)
    return page.start, page.end


def check_later_range(
    stated: tuple[datetime, datetime], first: tuple[datetime, datetime], query: Query, *, name: str
) -> None:
    """Check that a later page covers what the first page of its query covered.

    Raises
    ------
    PaginationError
        The later page covers less, or begins earlier, as if its link had lost the query.
    """
    if query.end is None:
        return
    low, high = max(first[0], query.start or stated[0]), min(first[1], query.end)
    if stated[0] - low >= TOLERANCE or high - stated[1] >= TOLERANCE:
        raise PaginationError(
            f"page {name}: it covers {iso(stated[0])} to {iso(stated[1])}, but the first page of the same query covers "
            f"{iso(first[0])} to {iso(first[1])}, so rows may be missing. Ask for a shorter period."
        )
    # The end may well be later: some APIs state the present as the end.
    if first[0] - stated[0] >= TOLERANCE:
        raise PaginationError(
            f"page {name}: it begins at {iso(stated[0])}, but the first page of the same query begins at "
            f"{iso(first[0])}. The API's next link seems to have lost the query, perhaps the account groups too, so "
            'rows may be missing. Ask for larger pages (page_size="largest"), or fetch periods that fit on one page.'
        )


def _any_within(batch: pa.RecordBatch, start: datetime, end: datetime) -> bool:
    date, kind = batch["date"], batch["date"].type
    inside = pc.and_(pc.greater_equal(date, pa.scalar(start, kind)), pc.less_equal(date, pa.scalar(end, kind)))
    return bool(pc.any(inside).as_py())


def _contradicts(batch: pa.RecordBatch, start: datetime, end: datetime) -> bool:
    """Return whether rows lie clearly outside a range: all of them, or more than a few with dates of another clock."""
    dates = batch["date"].drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
    margin = TOLERANCE // timedelta(microseconds=1)
    beyond = int(((dates <= epoch_micros(start) - margin) | (dates >= epoch_micros(end) + margin)).sum())
    return beyond > _OUTLIERS or 0 < beyond == len(dates)
