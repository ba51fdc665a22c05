"""The size of pages: a number, the API's own, or the largest that the API sends.

The parameter `max` is not documented, so nothing depends on what a server makes of it. Next links are followed in any
case, whether pages are as large as asked for, smaller, or of the server's own size. If ``"largest"`` was asked for, and
the server refuses `max` or takes it for a limit of the whole query, it is asked again without `max`.
"""

from __future__ import annotations

from typing import Literal

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.client.page import Page
from te_audit_frames.client.query import Query
from te_audit_frames.errors import ApiError, AuthenticationError, InvalidArgument, RateLimited

PageSize = int | Literal["largest"]

LARGEST_PAGE = 1_000
"""The events per page that ``"largest"`` asks for."""


def check_page_size(page_size: PageSize | None) -> PageSize | None:
    """Check the argument `page_size`.

    Raises
    ------
    InvalidArgument
        It is neither a whole number from 1 to 100,000, nor ``"largest"``, nor None.
    """
    if page_size is None:
        return None
    if isinstance(page_size, str):
        if page_size == "largest":
            return "largest"
        raise InvalidArgument(f'page_size: {page_size!r} is not a whole number from 1 to 100,000, nor "largest"')
    return check_whole_number("page_size", page_size, 1, 100_000)


class LargestPages:
    """Whether to ask for the largest pages. A client remembers here that its server refused them.

    Examples
    --------
    >>> from te_audit_frames.client.page_size import LargestPages
    >>> largest = LargestPages()
    >>> largest.parameters("largest"), largest.parameters(None)
    ({'max': '1000'}, {})
    >>> largest.are_refused = True
    >>> largest.parameters("largest"), largest.parameters(500)
    ({}, {'max': '500'})
    """

    def __init__(self) -> None:
        self.are_refused = False

    def __repr__(self) -> str:
        return f"LargestPages(are_refused={self.are_refused})"

    def parameters(self, page_size: PageSize | None) -> dict[str, str]:
        """Return the parameters that ask for a page size."""
        if page_size == "largest":
            return {} if self.are_refused else {"max": str(LARGEST_PAGE)}
        return {} if page_size is None else {"max": str(page_size)}


def without_max(query: Query) -> Query:
    """Return a query without a page size."""
    parameters = {name: value for name, value in query.parameters.items() if name != "max"}
    return Query(parameters, query.start, query.end)


def may_refuse_max(error: ApiError) -> bool:
    """Return whether an error may be the server's refusal of `max`: any but those of the token and the rate limit."""
    return not isinstance(error, (AuthenticationError, RateLimited))


def may_be_cut_off(page: Page) -> bool:
    """Return whether a page may lack events because the server took `max` for a limit of the whole query.

    This is possible only if the page has no next link, and exactly as many events as were asked for.
    """
    return page.next_href is None and page.batch.num_rows == LARGEST_PAGE
