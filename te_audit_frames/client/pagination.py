"""The pages of one query, each reached through the one before it.

The server is not trusted on the way: every answer is checked against its query (`answer_checks`), every next link too
(`next_links`), and pages that move while they are read are noticed (`moving_pages`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from functools import partial

import pyarrow as pa

from te_audit_frames.client.answer_checks import check_later_range, find_misfit, stated_range
from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.moving_pages import MovingPages
from te_audit_frames.client.next_links import NextLinks
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.page_size import LARGEST_PAGE, may_be_cut_off, may_refuse_max, without_max
from te_audit_frames.client.query import Query
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import ApiError, BadRequest, PaginationError
from te_audit_frames.periods import SECOND, ceil_second, floor_second

_TIMES = ("window", "startDate", "endDate")


class Paginator:
    """The pages of one query, in the API's order.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    query : Query
        The query.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold.
    checks : FetchChecks
        Where checks are counted.
    context : FetchContext
        The fetch that the requests belong to.

    Attributes
    ----------
    more : bool
        Whether there is a next page.
    pages : int
        How many pages were read.
    answered_at : datetime or None
        The server's time of the latest page, if it sent one.
    covered : tuple of datetime or None
        The range that the first answer states. None if it states none, or one that its own rows contradict.
    undated : Counter
        How often each event without a date was read. The keys are the events as text.
    """

    def __init__(
        self, transport: Transport, query: Query, errors: Errors, checks: FetchChecks, context: FetchContext
    ) -> None:
        self._transport = transport
        self._asks_for_largest = context.page_size == "largest" and "max" in query.parameters
        if self._asks_for_largest and context.largest_pages.are_refused:
            query, self._asks_for_largest = without_max(query), False
        self._errors = errors
        self._checks = checks
        self._context = context
        self._name = ""
        self._begin(query)
        self._latest: pa.RecordBatch | None = None
        self.more = True
        self.pages = 0
        self.answered_at: datetime | None = None
        self.covered: tuple[datetime, datetime] | None = None
        self.undated: Counter[str] = Counter()

    def _begin(self, query: Query) -> None:
        self._query = query
        self._next = self._transport.origin.url(query.parameters)
        self._links = NextLinks(self._transport.origin, query, self._checks)
        self._moving = MovingPages(self._next, self._get, self._checks, self._read_second)

    def next_page(self, *, name: str) -> Page:
        """Get the next page.

        Parameters
        ----------
        name : str
            The page's name in messages.

        Returns
        -------
        Page
            The first page at the first call, then the one that the latest page links to. Rows that it repeats because
            pages moved are left out.

        Raises
        ------
        PaginationError
            The page's next link leads to another origin or back to a page that was read, too many pages in a row were
            empty, or an answer does not belong to its query.
        ReadAgain
            Pages moved while they were read, and it cannot be decided which rows are repeated.
        FetchError
            The request failed; see `Transport.get`.
        """
        self._name = name
        page = self._first_of_largest() if self._asks_for_largest and not self.pages else None
        url = self._next
        self._links.note_followed(url)
        page = page or self._get_fitting(url)
        if self._latest is None or (page.batch.num_rows and not page.batch.equals(self._latest)):
            self._context.note_new_page()  # a server that repeats one page forever makes no progress
        self._latest = page.batch
        url_again = self._check_range(page) or url
        settled = self._moving.settle(page, url_again)
        self._moving.remember(settled.batch, url_again)
        self.pages += 1
        following = self._transport.without_token(lambda: self._links.after(page, url, name=name))
        self.more = following is not None
        self._next = following or self._next
        if not self.more and self._moving.has_unchecked_boundaries and not self._moving.are_unchanged():
            raise ReadAgain("moved")
        return settled

    @property
    def has_fixed_range(self) -> bool:
        """Whether the next link means the same range of time whenever it is followed.

        It does if the query names both dates, or if the link carries both dates as the first answer resolved them.
        Otherwise the link may repeat a relative `window`, leave the end open, or hide the range in its cursor.
        """
        return self.is_absolute or (self.covered is not None and self._links.has_fixed_range(self._next))

    @property
    def is_absolute(self) -> bool:
        """Whether the query itself names the end of its range."""
        return self._query.is_absolute

    @property
    def asked(self) -> tuple[datetime | None, datetime | None]:
        """The range that rows may lie in: as asked for, or else as the first answer resolved it."""
        covered = self.covered or (None, None)
        return self._query.start or covered[0], self._query.end or covered[1]

    @property
    def is_empty(self) -> bool:
        """Whether there is only one page, and it has no rows."""
        first = self._moving.first
        return self.pages == 1 and not self.more and first is not None and not first.num_rows

    @property
    def has_oldest_first(self) -> bool:
        """Whether the events of the first page are older than those of the last, by their median dates."""
        return self._moving.has_oldest_first

    def first_page_is_unchanged(self, name: str) -> bool:
        """Read the first page again, and return whether it has the same rows."""
        self._name = name
        return self._moving.first_is_unchanged()

    def _first_of_largest(self) -> Page | None:
        """Read the first page in the largest size. Return None if it has to be read without `max`.

        A server may refuse `max` with any error. If the query fails without `max` too, the failure has another
        reason, and nothing is remembered.
        """
        try:
            page = self._get_fitting(self._next)
        except ApiError as error:
            if not may_refuse_max(error):
                raise
            self._begin(without_max(self._query))
            page = self._get_fitting(self._next)
            self._context.largest_pages.are_refused = True
            self._checks.note("the API refused larger pages, so it chose the size of pages itself")
            return page
        if not may_be_cut_off(page):
            return page
        self._begin(without_max(self._query))
        self._context.largest_pages.are_refused = True
        return None

    def _get_fitting(self, url: str) -> Page:
        """Read a page, and once more if it does not belong to the query."""
        for _ in range(2):
            page = self._get(url)
            misfit = find_misfit(page, self._query, self._checks)
            if not misfit:
                return page
        raise PaginationError(
            f"page {self._name}: the answer does not belong to the query, and neither did a second one: {misfit}. "
            "A proxy or cache may mix up answers; ask again later, or with a Client(workers=1)."
        )

    def _read_second(
        self, date: datetime, *, margin: int, largest: bool = False, one_page: bool = False
    ) -> list[Page] | None:
        """Read all pages of a second and of `margin` seconds to either side, with a query of their own.

        Return None if there are too many (more than one, with `one_page`), if they cannot be read, or if the largest
        pages would be no larger.
        """
        second = floor_second(date)
        scope = {name: value for name, value in self._query.parameters.items() if name not in _TIMES}
        if largest:
            is_refused = self._context.largest_pages.are_refused or self._checks.refuses_larger_pages
            if is_refused or int(scope.get("max", 0)) >= LARGEST_PAGE:
                return None
            scope["max"] = str(LARGEST_PAGE)
        low, high = second - SECOND, second + SECOND
        start, end = self.asked
        # The margin stays inside the range of this query, which the API has answered.
        query = Query.of_range(
            scope,
            min(max(second - margin * SECOND, ceil_second(start or low)), low),
            max(min(second + margin * SECOND, floor_second(end or high)), high),
        )
        try:
            pages = self._read_all_of_second(query, one_page=one_page)
        except (BadRequest, PaginationError):
            self._checks.refuses_larger_pages |= largest
            return None
        except ApiError as error:
            if not largest or not may_refuse_max(error):
                raise
            self._checks.refuses_larger_pages = True
            return None
        return None if largest and pages and may_be_cut_off(pages[-1]) else pages

    def _read_all_of_second(self, query: Query, *, one_page: bool) -> list[Page] | None:
        links = NextLinks(self._transport.origin, query, self._checks)
        url: str | None = self._transport.origin.url(query.parameters)
        pages: list[Page] = []
        while url is not None:
            if pages and (one_page or not self._checks.take_crowded_page()):
                return None
            links.note_followed(url)
            page = self._get(url)
            if find_misfit(page, query, self._checks):
                return None
            pages.append(replace(page, raw=b""))
            follow = partial(links.after, page, url, name=self._name)
            url = self._transport.without_token(follow)
        return pages

    def _check_range(self, page: Page) -> str | None:
        """Check the range that a page states; return the address at which to read it again, or None for its own."""
        stated = stated_range(page, self._checks)
        if stated is None:
            return None
        if self.pages:
            if self.covered:
                check_later_range(stated, self.covered, self._query, name=self._name)
            return None
        self.covered = stated
        if self.is_absolute:
            return None
        # From now on, a window or an open end means the range that the first answer resolved.
        self._moving.first_url = self._links.resolve(*stated)
        return self._moving.first_url

    def _get(self, url: str) -> Page:
        def read(answer: Answer) -> Page:
            self.answered_at = answer.date
            return decode_page(answer.body, name=self._name, errors=self._errors)

        try:
            return self._transport.get(url, page=self._name, read=read, context=self._context)
        except BadRequest as error:
            if self._links.changed is None:
                raise
            sent, wanted = self._links.changed
            raise PaginationError(
                f"page {self._name}: the API's next link changed the query ({sent}), and the API refused the link with "
                f"the query's own parameters ({wanted}): {error}. Ask for one account group (aid=) or for a shorter "
                "period."
            ) from None
