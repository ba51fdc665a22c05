"""The first answer of a fetch, and what it tells: the period that was meant, and which clock is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from te_audit_frames.client.epoch import epoch_second, second_range
from te_audit_frames.client.fetch_checks import TOLERANCE, YOUNG, FetchChecks
from te_audit_frames.client.page import Page
from te_audit_frames.client.page_reader import PageReader
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.query import Query
from te_audit_frames.client.rate_limit import Clock
from te_audit_frames.errors import BadRequest, warn
from te_audit_frames.periods import SECOND, Period, Question, Since, Window, floor_second, iso

_LAST_MINUTE = 60
_CLOCKS_APART = timedelta(minutes=5)
_LONGEST_DOUBT = timedelta(days=31)
"""How far a window is extended if the server's clock is ahead of this machine's, and no range tells which is right."""


@dataclass(frozen=True)
class FirstAnswer:
    """The first answer of a fetch.

    Attributes
    ----------
    paginator : Paginator
        Its pages.
    page : Page
        The first of them.
    period : Period
        What the question resolved to.
    parts : list of (int, int)
        The period in epoch seconds: what this answer covers, and behind it what it leaves to ask for.
    now : datetime
        What the fetch takes for now.
    reaches_ahead : bool
        Whether the question reaches into the future, so that its pages change as time goes on.
    """

    paginator: Paginator
    page: Page
    period: Period
    parts: list[tuple[int, int]]
    now: datetime
    reaches_ahead: bool

    def split_off_last_minute(self) -> list[tuple[int, int]]:
        """Return the parts to read, the last minute as one of its own at the end.

        Events still arrive in it, so that pages which reach into it may move.
        """
        (low, high), *rest = self.parts
        settled = epoch_second(self.now) - _LAST_MINUTE
        if settled - settled % 60 > low:
            settled -= settled % 60  # an API may round ranges to the minute
        if not self.paginator.more or not low < settled < high:
            return self.parts
        return [(low, settled), *rest, (settled, high)]

    @property
    def is_usable(self) -> bool:
        """Whether the pages behind this one can be followed: their range is known, and does not move with time."""
        if not self.paginator.is_absolute and self.paginator.covered is None:
            return False
        return not self.paginator.more or (self.paginator.has_fixed_range and not self.reaches_ahead)


def provisional_period(question: Question, clock: Clock) -> Period:
    """Return the period that a question means by the local clock, while no answer has resolved it."""
    if isinstance(question, Period):
        return question
    now = clock.now()
    start = now - question.length if isinstance(question, Window) else question.start
    return Period(min(start, now), now)


def ask_period(reader: PageReader, period: Period, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask for a period. What of it is in the future is not there yet, and cut off."""
    paginator = reader.ask_seconds(*second_range(period))
    page = reader.next_page(paginator)
    now = _note_now(paginator, clock, checks)
    reaches_ahead = period.end > now + SECOND
    end = floor_second(now)
    if period.end > now and end > period.start:
        checks.note(f"the period ends at {iso(end)}, the time of the fetch")
        period = Period(period.start, end)
    if page.end and timedelta() < period.end - page.end < TOLERANCE and now - period.end < YOUNG:
        # The newest events are not there yet, as a server says whose index is behind its clock.
        end = floor_second(page.end)
        if end > period.start:
            checks.note(f"the period ends at {iso(end)}, where the API's answer ends")
            period = Period(period.start, end)
    return FirstAnswer(paginator, page, period, [second_range(period)], now, reaches_ahead)


def ask_since(reader: PageReader, question: Since, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask from a start up to the server's now."""
    start = floor_second(question.start) - SECOND
    paginator = reader.ask(Query({**reader.scope, "startDate": iso(start)}, start))
    page = reader.next_page(paginator)
    now = _note_now(paginator, clock, checks)
    end = _end(page, now, clock)
    period = Period(min(question.start, end), end)
    return FirstAnswer(paginator, page, period, [second_range(period)], now, reaches_ahead=False)


def ask_window(reader: PageReader, question: Window, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask for so much time back from the server's now.

    It is asked for one second longer, so that the window itself lies strictly inside the range that the answer covers,
    whether its bounds are inclusive or not.
    """
    seconds = question.length // SECOND
    try:
        paginator, page = _ask_for_window(reader, seconds + 1)
    except BadRequest:
        # It may be the widest window that the API allows.
        paginator, page = _ask_for_window(reader, seconds)
    since = floor_second(paginator.covered[0]) + SECOND if paginator.covered else None
    now = _note_now(paginator, clock, checks, resolved=since and since + question.length)
    end = _end(page, now, clock)
    start = end - question.length
    local = clock.now()
    if since is None and _CLOCKS_APART < now - local < _LONGEST_DOUBT:
        start = floor_second(local) - question.length  # nothing tells by which clock the server took the window
    elif since and page.end and _is_the_window(since, start, end) and since + question.length <= page.end:
        start = since  # as the server understood it, so that no second is asked for twice
    period = Period(start, max(end, start))
    first, last = second_range(period)
    edge = epoch_second(since) if since else first
    # An answer that covers no more than the window leaves the window's first second to ask for.
    is_edge_left = first < edge < min(first + _LAST_MINUTE, last)
    parts = [(edge, last), (first, edge)] if is_edge_left else [(first, last)]
    return FirstAnswer(paginator, page, period, parts, now, reaches_ahead=False)


def _is_the_window(since: datetime, start: datetime, end: datetime) -> bool:
    """Whether a window that begins at one moment by the server is the one that begins at another by the clocks."""
    return start <= since <= start + _CLOCKS_APART and since < end


def _ask_for_window(reader: PageReader, seconds: int) -> tuple[Paginator, Page]:
    paginator = reader.ask(Query({**reader.scope, "window": f"{seconds}s"}))
    return paginator, reader.next_page(paginator)


def _end(page: Page, now: datetime, clock: Clock) -> datetime:
    """Take the earlier of now and the end that the answer names."""
    if page.end is None:
        return floor_second(now)
    # An end far before now is that of an answer which covers a part; the rest is asked for in turn.
    is_close = page.end > now or any(abs(page.end - other) < _CLOCKS_APART for other in (now, clock.now()))
    if is_close and page.end - now < SECOND:  # `Date` has whole seconds
        return page.end
    return floor_second(now)


def _note_now(paginator: Paginator, clock: Clock, checks: FetchChecks, *, resolved: datetime | None = None) -> datetime:
    """Take the earlier of the server's and the local clock for now, if they are close.

    Else the server's, unless it is ahead and the local clock agrees with the moment that the server resolved a window
    by. To end too early loses nothing of what is said to be there.
    """
    if checks.now is not None:
        return checks.now
    local = clock.now()
    server = paginator.answered_at
    if server is not None and not 1990 < server.year < 9_000:
        server = None  # no clock is so wrong; the header is
    now = local
    if server is not None:
        ahead = server - local
        checks.clock_ahead_seconds = round(ahead.total_seconds(), 3)
        now = min(server, local)
        if abs(ahead) > _CLOCKS_APART:
            local_is_right = resolved is not None and server > local and abs(resolved - local) <= _CLOCKS_APART
            now = resolved if local_is_right and resolved else server
            advice = (
                "its own range agrees with this machine's, which was used."
                if local_is_right
                else "the server's was used. Check the time of this machine."
            )
            minutes = abs(ahead.total_seconds()) / 60
            warn(f"the server's clock and this machine's are {minutes:,.0f} minutes apart; {advice}")
    checks.now = now
    return now
