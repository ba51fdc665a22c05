"""Next links, checked before they are followed: no circles, no endless empty pages, no changed parameters.

Cursors are followed, never built, and each only once. A repeated cursor is an error, never a quiet end of the log. A
link may carry another range or scope than its query, or a part of them only; then the query's own parameters are put
back into it. A link that carries a cursor and none of them is followed as it is.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.page import Page
from te_audit_frames.client.query import Query
from te_audit_frames.client.urls import Origin
from te_audit_frames.errors import PaginationError
from te_audit_frames.periods import SECOND, iso
from te_audit_frames.safe_text import excerpt

MAX_EMPTY_PAGES = 1_000
"""After this many empty pages in a row, each with a next link, the log is taken to have no end."""

_COMPARED = ("startDate", "endDate", "aid", "useAllPermittedAids", "window")
_INSTANTS = ("startDate", "endDate")


class NextLinks:
    """The next links of one query.

    Parameters
    ----------
    origin : Origin
        The origin that links must stay below.
    query : Query
        The query that every link must continue.
    checks : FetchChecks
        Where changed parameters are noted.

    Attributes
    ----------
    changed : (str, str) or None
        The latest link that had to be changed, for messages: its own parameters, and those that replaced them.
    """

    def __init__(self, origin: Origin, query: Query, checks: FetchChecks) -> None:
        self._origin = origin
        self._query = query
        self._checks = checks
        self._sent = dict(query.parameters)
        self._followed: set[str] = set()
        self._empty_in_a_row = 0
        self.changed: tuple[str, str] | None = None

    def note_followed(self, url: str) -> None:
        """Remember that a page was asked for, so that no later link may lead back to it."""
        self._followed.add(_identity(url))

    def resolve(self, start: datetime, end: datetime) -> str:
        """Replace a window or an open end by the range that the first answer resolved; return the address for it."""
        resolved = {"startDate": iso(start), "endDate": iso(end)}
        self._sent = resolved | self._sent
        scope = {name: value for name, value in self._query.parameters.items() if name != "window"}
        return self._origin.url(resolved | scope)

    def after(self, page: Page, url: str, *, name: str) -> str | None:
        """Return the address of the page after this one, or None if this is the last.

        Raises
        ------
        PaginationError
            The link leads to another origin or back to a page that was read, or too many pages in a row were empty.
        """
        if page.next_href is None:
            return None
        following = self._with_own_parameters(self._origin.follow(page.next_href, after=url, page=name))
        if _identity(following) in self._followed:
            raise PaginationError(
                f"page {name}: its next link leads back to a page that was already read, so the pages go in a circle. "
                "The fault is the API's; fetch again, or ask for a shorter period."
            )
        self._empty_in_a_row = 0 if page.batch.num_rows else self._empty_in_a_row + 1
        if self._empty_in_a_row >= MAX_EMPTY_PAGES:
            raise PaginationError(
                f"page {name}: {self._empty_in_a_row:,} empty pages in a row, each with a next link, so the log seems "
                "to have no end. Ask for a shorter period."
            )
        return following

    def has_fixed_range(self, url: str) -> bool:
        """Return whether a link names both dates and no relative window."""
        carried = parse_qs(urlsplit(url).query)
        return "window" not in carried and set(_INSTANTS) <= carried.keys()

    def _with_own_parameters(self, url: str) -> str:
        """Put the query's own parameters back into a link that carries others, or only some of them."""
        parts = urlsplit(url)
        carried = parse_qsl(parts.query, keep_blank_values=True)
        wrong = self._wrong(carried) | self._missing({name for name, _ in carried})
        if not wrong:
            return url
        wanted = [(name, value) for name, value in carried if name not in wrong]
        restored = wrong - {"window"} if wrong & set(_INSTANTS) else wrong
        own = [(name, self._sent[name]) for name in sorted(restored) if name in self._sent]
        self.changed = (
            excerpt(urlencode([(name, value) for name, value in carried if name in wrong]))
            or f"without {' and '.join(sorted(wrong))}",
            excerpt(urlencode(own)),
        )
        self._checks.note("next links asked for another range or scope than the query; its own was put back")
        return parts._replace(query=urlencode(wanted + own)).geturl()

    def _wrong(self, carried: list[tuple[str, str]]) -> set[str]:
        """Return the names of the parameters that a link must not carry as they are."""
        names = {name for name, _ in carried}
        wrong = {
            name
            for name, value in carried
            if name in _COMPARED and name in self._sent and not _means_the_same(name, value, self._sent[name])
        }
        wrong |= {
            name
            for name, value in carried
            # A query without this parameter asks for one account group.
            if name == "useAllPermittedAids" and name not in self._sent and value.lower() == "true"
        }
        if "window" in names and (self._query.is_absolute or "window" in wrong) and set(_INSTANTS) <= self._sent.keys():
            # A window and dates exclude each other. By now the query's dates are known, so they are used.
            wrong |= {"window", *_INSTANTS}
        if "useAllPermittedAids" in wrong and "useAllPermittedAids" in self._sent and "aid" not in self._sent:
            wrong.add("aid")  # the link's account group belongs to the scope that is replaced
        return wrong

    def _missing(self, names: set[str]) -> set[str]:
        """Return the parameters of the query that a link lacks.

        A link with a cursor alone lacks none: its cursor stands for the whole query. But a link that repeats a part of
        the query may mean the API's defaults for the rest, such as only the token's login account group.
        """
        if names.isdisjoint(_COMPARED):
            return set()
        own = self._query.parameters.keys() & set(_COMPARED) - {"window"}
        if "window" in names:
            own -= set(_INSTANTS)
        return own - names


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
    """Return what identifies a page: its cursor, or the whole address if there is no cursor."""
    cursor = parse_qs(urlsplit(url).query).get("cursor")
    return cursor[0] if cursor else url
