"""The pages of one question, each found through the one before it.

Cursors are not built but followed, and each only once: a repeated one is an error, never a quiet end.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.effort import Effort
from te_audit_frames.client.origin import Origin
from te_audit_frames.client.page import Errors, Page
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.errors import PaginationError

MAX_EMPTY_PAGES = 1_000
"""Empty pages in a row, each with a next link, after which the log is taken to have no end."""


class Trail:
    """The pages of one question, in the API's order.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    origin : Origin
        Writes the first address and checks the others.
    parameters : dict of str
        The question.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold.

    Attributes
    ----------
    more : bool
        Whether there is a next page.
    answered_at : datetime or None
        The server's time of the latest page, where it said so.
    """

    def __init__(self, transport: Transport, origin: Origin, parameters: dict[str, str], errors: Errors) -> None:
        self._transport = transport
        self._origin = origin
        self._errors = errors
        self._seen: set[str] = set()
        self._empty_in_a_row = 0
        self._next = origin.url(parameters)
        self._is_absolute = {"startDate", "endDate"} <= parameters.keys()
        self.more = True
        self.answered_at: datetime | None = None

    def turn(self, *, name: str, effort: Effort) -> Page:
        """Get the next page.

        Parameters
        ----------
        name : str
            How messages call the page.
        effort : Effort
            The bounds and the counts.

        Returns
        -------
        Page
            The first page at the first call, then the one that the latest page's link led to.

        Raises
        ------
        PaginationError
            The page's next link leads to another origin or back to a page that was read, or too many empty pages
            came in a row.
        FetchError
            The page could not be had; see `Transport.get`.
        """
        url = self._next
        self._seen.add(_identity(url))

        def read(answer: Answer) -> Page:
            self.answered_at = answer.date
            page = decode_page(answer.body, name=name, errors=self._errors)
            self._go_on(page, after=url, name=name)
            return page

        return self._transport.get(url, page=name, read=read, effort=effort)

    def _go_on(self, page: Page, *, after: str, name: str) -> None:
        """Find the way from a page to the next."""
        self.more = page.next_href is not None
        if page.next_href is None:
            return
        self._next = self._origin.follow(page.next_href, after=after, page=name)
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

    @property
    def is_tied(self) -> bool:
        """Whether the next link means the same range of time whenever it is followed.

        The link of a question with both dates does. Another's may repeat a relative `window`, or leave the end open.
        """
        query = parse_qs(urlsplit(self._next).query)
        return self._is_absolute or ("window" not in query and {"startDate", "endDate"} <= query.keys())


def _identity(url: str) -> str:
    """Tell pages apart: by the cursor, or the whole address where there is none."""
    cursor = parse_qs(urlsplit(url).query).get("cursor")
    return cursor[0] if cursor else url
