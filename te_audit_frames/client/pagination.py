"""The pages of one question, each found through the one before it and held against the question.

Cursors are not built but followed, and each only once: a repeated one is an error, never a quiet end. What a server
can get wrong on the way is checked here, page by page: the range that an answer says it covers, the parameters that a
next link carries, rows that belong to another question, and pages that move because events arrive while they are read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import MOST_RESTARTS, TOLERANCE, FetchChecks, ReadAgain, row_counts
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import BadRequest, PaginationError
from te_audit_frames.periods import SECOND, iso
from te_audit_frames.safe_text import excerpt

MAX_EMPTY_PAGES = 1_000
"""Empty pages in a row, each with a next link, after which the log is taken to have no end."""

_REMEMBERED_PAGES = 3
"""Pages in which rows are looked for that a later page repeats."""

_PLAINLY_DIFFERENT = 8
"""Different rows of a page from which on an equal page is the same one, and not events that happened twice."""

_COMPARED = ("startDate", "endDate", "aid", "useAllPermittedAids", "window")
_INSTANTS = ("startDate", "endDate")


@dataclass(frozen=True)
class Query:
    """What is asked of the API, apart from the cursor.

    Attributes
    ----------
    parameters : dict of str
        As sent.
    start, end : datetime or None
        The range of time that the parameters name. None where only the server's answer tells.
    """

    parameters: dict[str, str]
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of_range(cls, scope: dict[str, str], start: datetime, end: datetime) -> Query:
        """Ask for a range of time, given in whole seconds."""
        return cls({**scope, "startDate": iso(start), "endDate": iso(end)}, start, end)


class Paginator:
    """The pages of one question, in the API's order.

    Parameters
    ----------
    transport : Transport
        Sends the requests, and checks their addresses.
    query : Query
        The question.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold.
    checks : FetchChecks
        Where checks are counted.

    Attributes
    ----------
    more : bool
        Whether there is a next page.
    pages : int
        How many were read.
    answered_at : datetime or None
        The server's time of the latest page, if it gave one.
    covered : tuple of datetime or None
        The range that the first answer says it covers. None if it gives none, or one that its own rows contradict.
    undated : Counter
        The events without a date among the rows so far, by their text.
    """

    def __init__(self, transport: Transport, query: Query, errors: Errors, checks: FetchChecks) -> None:
        self._transport = transport
        self._query = query
        self._errors = errors
        self._checks = checks
        self._seen: set[str] = set()
        self._empty_in_a_row = 0
        self._url = self._next = transport.origin.url(query.parameters)
        self._sent = dict(query.parameters)  # what every next link is held against
        self._changed_link: tuple[str, str] | None = None
        self._recent: list[pa.RecordBatch] = []
        self._first: pa.RecordBatch | None = None
        self._last_filled: pa.RecordBatch | None = None
        self._landmark: tuple[str, pa.RecordBatch] | None = None
        self._unchecked: tuple[str, pa.RecordBatch] | None = None
        self._first_url = self._next
        self._has_unchecked_boundaries = False
        self.more = True
        self.pages = 0
        self.answered_at: datetime | None = None
        self.covered: tuple[datetime, datetime] | None = None
        self.undated: Counter[str] = Counter()

    def next_page(self, *, name: str, context: FetchContext) -> Page:
        """Get the next page.

        Parameters
        ----------
        name : str
            How messages call the page.
        context : FetchContext
            The bounds and the counts.

        Returns
        -------
        Page
            The first page at the first call, then the one that the latest page's link led to. Rows that it repeats
            because pages moved are left out.

        Raises
        ------
        PaginationError
            The page's next link leads to another origin or back to a page that was read, too many empty pages came in
            a row, or an answer does not belong to its question.
        ReadAgain
            Pages moved while they were read, and which rows are repeated cannot be told.
        FetchError
            The page could not be had; see `Transport.get`.
        """
        url = self._next
        self._seen.add(_identity(url))
        page = self._get(url, name, context)
        if self._belongs_elsewhere(page):
            page = self._get(url, name, context)
            if self._belongs_elsewhere(page):
                raise PaginationError(
                    f"page {name}: the answer does not belong to the question, and asking once more did not help: "
                    f"{self._misfit(page)}. Something between here and the API may mix up answers; ask again later, or "
                    "with a Client(workers=1)."
                )
        self._url = url
        self._check_range(page, name)
        page, by = self._settled(page, name, context)
        if self.pages == 0:
            self._first = page.batch
        elif page.batch.equals(self._first) and len(row_counts(page.batch)) >= _PLAINLY_DIFFERENT:
            raise ReadAgain("moved")  # a cursor that led back to the beginning
        if page.batch.num_rows:
            self._last_filled = page.batch
        self.pages += 1
        self._recent = [*self._recent[1 - _REMEMBERED_PAGES :], page.batch]
        if self._landmark is None or not _is_uniform(page.batch):
            self._landmark = self._url, page.batch
        self._find_next(page, after=url, name=name)
        if not self.more and self._has_unchecked_boundaries and not self._is_unchanged(name, context):
            raise ReadAgain("moved")
        coerced = tuple(position - by for position in page.coerced if position >= by)
        return replace(page, batch=page.batch.slice(by), coerced=coerced) if by else page

    @property
    def has_fixed_range(self) -> bool:
        """Whether the next link means the same range of time whenever it is followed.

        The link of a question with both dates does, and one that carries both dates as the first answer resolved them.
        Another may repeat a relative `window`, leave the end open, or hide the range in its cursor.
        """
        if self.is_absolute:
            return True
        carried = parse_qs(urlsplit(self._next).query)
        return self.covered is not None and "window" not in carried and set(_INSTANTS) <= carried.keys()

    @property
    def is_absolute(self) -> bool:
        """Whether the question names both ends of its range."""
        return self._query.end is not None

    @property
    def asked(self) -> tuple[datetime | None, datetime | None]:
        """The range that its rows may lie in: as asked for, or as the first answer resolved it."""
        covered = self.covered or (None, None)
        return self._query.start or covered[0], self._query.end or covered[1]

    @property
    def is_empty(self) -> bool:
        """Whether the only page has no rows."""
        return self.pages == 1 and not self.more and self._first is not None and not self._first.num_rows

    @property
    def has_oldest_first(self) -> bool:
        """Whether the events of the first page are older than those of the last page, by their middle ones."""
        first, last = _dates(self._first), _dates(self._last_filled)
        return bool(len(first) and len(last) and np.median(first) < np.median(last))

    def first_page_is_unchanged(self, name: str, context: FetchContext) -> bool:
        """Read the first page once more, and return whether it has the same rows."""
        again = self._get(self._first_url, name, context)
        return self._first is not None and again.batch.equals(self._first)

    def _is_unchanged(self, name: str, context: FetchContext) -> bool:
        """Return whether the first page, and the one before the last boundary not checked, are what they were."""
        if self._unchecked is not None:
            url, batch = self._unchecked
            if not self._get(url, name, context).batch.equals(batch):
                return False
        return self.first_page_is_unchanged(name, context)

    def _get(self, url: str, name: str, context: FetchContext) -> Page:
        def read(answer: Answer) -> Page:
            self.answered_at = answer.date
            return decode_page(answer.body, name=name, errors=self._errors)

        try:
            return self._transport.get(url, page=name, read=read, context=context)
        except BadRequest as error:
            if self._changed_link is None:
                raise
            sent, wanted = self._changed_link
            raise PaginationError(
                f"page {name}: the API's next link asks for something else than the question ({sent}), and the API "
                f"refused the link with the question's own parameters ({wanted}): {error}. Ask for one account group "
                "(aid=) or for a shorter period."
            ) from None

    # ---- does the answer fit the question --------------------------------------------------------------------------

    def _belongs_elsewhere(self, page: Page) -> bool:
        return bool(self._misfit(page))

    def _misfit(self, page: Page) -> str:
        """Say why an answer cannot belong to its question; empty if it can."""
        aid = self._query.parameters.get("aid")
        aids = pc.unique(page.batch["aid"].drop_null()).to_pylist()
        if aid is not None and aids and aid not in aids and page.batch["aid"].null_count < page.batch.num_rows:
            return "all of its rows are of other account groups than the one asked for"
        start, end = self._query.start, self._query.end
        if start is None or end is None or page.start is None or page.end is None or not self._checks.believes_ranges:
            return ""
        touches = page.start <= end + TOLERANCE and page.end >= start - TOLERANCE
        if touches or self._checks.is_before_retention(end) or _any_within(page.batch, start, end):
            return ""
        return (
            f"it says that it covers {iso(page.start)} to {iso(page.end)}, and was asked for {iso(start)} to {iso(end)}"
        )

    def _check_range(self, page: Page, name: str) -> None:
        """Compare the range that an answer says it covers with the question's, or with the first answer's."""
        is_contradicted = page.start and page.end and _any_beyond(page.batch, page.start, page.end)
        if is_contradicted:
            self._checks.believes_ranges = False
        if page.start is None or page.end is None or not self._checks.believes_ranges:
            self._checks.count(ranges_unconfirmed=1)
            return
        self._checks.count(ranges=1)
        if self.pages == 0:
            self.covered = (page.start, page.end)
            if self._query.end is None:
                # A window, or an open end, means from now on what the first answer resolved it to.
                resolved = {"startDate": iso(page.start), "endDate": iso(page.end)}
                self._sent = resolved | self._sent
                scope = {name: value for name, value in self._query.parameters.items() if name != "window"}
                self._url = self._first_url = self._transport.origin.url(resolved | scope)  # if it is read once more
        elif self.covered and self._query.end is not None:
            low, high = max(self.covered[0], self._query.start or page.start), min(self.covered[1], self._query.end)
            if page.start - low >= TOLERANCE or high - page.end >= TOLERANCE:
                raise PaginationError(
                    f"page {name}: it says that it covers {iso(page.start)} to {iso(page.end)}, but the first page of "
                    f"the same question said {iso(self.covered[0])} to {iso(self.covered[1])}, so rows may be missing "
                    "between. Ask for a shorter period."
                )

    # ---- pages that move -------------------------------------------------------------------------------------------

    def _settled(self, page: Page, name: str, context: FetchContext) -> tuple[Page, int]:
        """Return the page as it belongs behind the one before, and how many of its first rows that one had already.

        Pages move when events arrive in front of them, and equal rows on both sides of a boundary may also be events
        that happened twice, which are kept. Reading the page before once more tells: if nothing moved, it is what it
        was. If all rows of that page are equal, an earlier one is read, since a move would not show.
        """
        if self._landmark is None or not self._repeats(page.batch):
            return page, 0
        if not self._checks.take_boundary_check():
            self._has_unchecked_boundaries = True
            self._unchecked = self._landmark
            return page, 0
        landmark_url, landmark = self._landmark
        before = self._get(landmark_url, name, context).batch
        if before.equals(landmark):
            return page, 0
        for _ in range(MOST_RESTARTS):
            # What is read between two equal readings of an earlier page belongs to the same moment.
            page, settled = self._get(self._url, name, context), before
            before = self._get(landmark_url, name, context).batch
            if before.equals(settled):
                break
        else:
            raise ReadAgain("moved")
        rows = len(landmark)
        moved_by = [by for by in range(1, rows) if before.slice(by).equals(landmark.slice(0, max(len(before) - by, 0)))]
        if len(moved_by) != 1:
            raise ReadAgain("moved")
        self._landmark = landmark_url, before
        self._checks.note("events arrived while pages were read; the rows that moved to a later page were kept once")
        return page, moved_by[0]

    def _repeats(self, batch: pa.RecordBatch) -> bool:
        """Return whether a page has rows that are equal to some of the pages before it."""
        if not self._recent or not batch.num_rows:
            return False
        before, rows = pa.Table.from_batches(self._recent), pa.Table.from_batches([batch])
        shared = pc.is_in(rows["date"], value_set=pc.unique(before["date"]))
        if not pc.any(shared).as_py():
            return False
        candidates = rows.filter(shared)
        others = before.filter(pc.is_in(before["date"], value_set=pc.unique(candidates["date"])))
        return bool(row_counts(candidates) & row_counts(others))

    # ---- the next link ---------------------------------------------------------------------------------------------

    def _find_next(self, page: Page, *, after: str, name: str) -> None:
        """Find the way from a page to the next."""
        self.more = page.next_href is not None
        if page.next_href is None:
            return
        self._next = self._own_parameters(self._transport.origin.follow(page.next_href, after=after, page=name))
        if _identity(self._next) in self._seen:
            raise PaginationError(
                f"page {name}: its next link leads back to a page that was already read, so the pages go in a circle. "
                "This is the API's fault; ask again, or for a shorter period."
            )
        self._empty_in_a_row = 0 if page.batch.num_rows else self._empty_in_a_row + 1
        if self._empty_in_a_row >= MAX_EMPTY_PAGES:
            raise PaginationError(
                f"page {name}: {self._empty_in_a_row:,} empty pages in a row, each with a next link: the log does not "
                "end. Ask for a shorter period."
            )

    def _own_parameters(self, url: str) -> str:
        """Put the question's own parameters back into a link that carries others."""
        parts = urlsplit(url)
        carried = parse_qsl(parts.query, keep_blank_values=True)
        names = {name for name, _ in carried}
        wrong = {
            name
            for name, value in carried
            if name in _COMPARED and name in self._sent and not _means_the_same(name, value, self._sent[name])
        }
        wrong |= {
            name
            for name, value in carried
            # A question that does not mention it asks for one account group.
            if name == "useAllPermittedAids" and name not in self._sent and value.lower() == "true"
        }
        if "window" in names and (self.is_absolute or "window" in wrong) and set(_INSTANTS) <= self._sent.keys():
            # A window and dates exclude each other; what the question means by now is its dates.
            wrong |= {"window", *_INSTANTS}
        if not wrong:
            return url
        if "useAllPermittedAids" in wrong and "useAllPermittedAids" in self._sent and "aid" not in self._sent:
            wrong.add("aid")  # the link's own account group goes with its own scope
        wanted = [(name, value) for name, value in carried if name not in wrong]
        restored = wrong - {"window"} if wrong & set(_INSTANTS) else wrong
        wanted += [(name, self._sent[name]) for name in sorted(restored) if name in self._sent]
        self._changed_link = (
            excerpt(urlencode([(name, value) for name, value in carried if name in wrong])),
            excerpt(urlencode({name: self._sent[name] for name in sorted(restored) if name in self._sent})),
        )
        self._checks.note("next links asked for another range or scope than the question; its own was put back")
        return parts._replace(query=urlencode(wanted)).geturl()


def _means_the_same(name: str, carried: str, sent: str) -> bool:
    if carried == sent:
        return True
    if name == "useAllPermittedAids":
        return carried.lower() == sent.lower()
    if name not in _INSTANTS:
        return False
    try:
        return abs(datetime.fromisoformat(carried) - datetime.fromisoformat(sent)) < SECOND
    except (ValueError, TypeError):
        return False


def _identity(url: str) -> str:
    """Tell pages apart: by the cursor, or the whole address where there is none."""
    cursor = parse_qs(urlsplit(url).query).get("cursor")
    return cursor[0] if cursor else url


def _is_uniform(batch: pa.RecordBatch) -> bool:
    """Whether all rows are equal, so that a page would look the same if it moved."""
    return bool(batch.slice(1).equals(batch.slice(0, max(len(batch) - 1, 0))))


def _dates(batch: pa.RecordBatch | None) -> npt.NDArray[np.int64]:
    if batch is None:
        return np.zeros(0, dtype=np.int64)
    dates: npt.NDArray[np.int64] = batch["date"].drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)
    return dates


def _any_within(batch: pa.RecordBatch, start: datetime, end: datetime) -> bool:
    date, kind = batch["date"], batch["date"].type
    inside = pc.and_(pc.greater_equal(date, pa.scalar(start, kind)), pc.less_equal(date, pa.scalar(end, kind)))
    return bool(pc.any(inside).as_py())


def _any_beyond(batch: pa.RecordBatch, start: datetime, end: datetime) -> bool:
    """Whether rows lie clearly outside a range that an answer says it covers."""
    bounds = pc.min_max(batch["date"])
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is not None and bool(start - low >= TOLERANCE or high - end >= TOLERANCE)
