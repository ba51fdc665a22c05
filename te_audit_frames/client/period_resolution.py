"""Which period a window or an open end means: resolved by the first answer of a fetch, and by two clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from te_audit_frames.client.clock import Clock
from te_audit_frames.client.epoch import epoch_second, second_range
from te_audit_frames.client.fetch_checks import TOLERANCE, YOUNG, FetchChecks
from te_audit_frames.client.page import Page
from te_audit_frames.client.pagination import Paginator
from te_audit_frames.client.period_reading import PageReader
from te_audit_frames.client.query import Query
from te_audit_frames.errors import BadRequest, warn
from te_audit_frames.periods import SECOND, Period, Question, Since, Window, floor_second, iso
from te_audit_frames.safe_text import number_of

_LAST_MINUTE = 60
_CLOCKS_APART = timedelta(minutes=5)
_LONGEST_DOUBT = timedelta(days=31)
"""If the server's clock is ahead by less than this, and no answer shows by which clock a window was resolved, the
window begins where it would by the local clock."""


@dataclass(frozen=True)
class FirstAnswer:
    """The first answer of a fetch.

    Attributes
    ----------
    paginator : Paginator
        The pages of its query.
    page : Page
        The first page.
    period : Period
        The period that the question resolved to.
    parts : list of (int, int)
        The period in epoch seconds: first the part that this answer covers, then the rest, to be asked for.
    now : datetime
        The time of the fetch.
    reaches_ahead : bool
        Whether the query reaches into the future, so that its pages change while time goes on.
    """

    paginator: Paginator
    page: Page
    period: Period
    parts: list[tuple[int, int]]
    now: datetime
    reaches_ahead: bool

    def split_off_last_minute(self) -> list[tuple[int, int]]:
        """Return the parts to read, with the last minute as a separate part at the end.

        Events still arrive in that minute, so pages that reach into it may move.
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
        """Whether the pages after this one can be used: their range is known, and does not move with time."""
        if not self.paginator.is_absolute and self.paginator.covered is None:
            return False
        return not self.paginator.more or (self.paginator.has_fixed_range and not self.reaches_ahead)


def provisional_period(question: Question, clock: Clock) -> Period:
    """Return the period that a question means by the local clock, as long as no answer has resolved it."""
    if isinstance(question, Period):
        return question
    now = clock.now()
    start = now - question.length if isinstance(question, Window) else question.start
    return Period(min(start, now), now)


def ask_period(reader: PageReader, period: Period, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask for a period. Its end is cut off at the present, because later events do not exist yet."""
    paginator = reader.ask_seconds(*second_range(period))
    page = reader.next_page(paginator)
    now = _note_now(paginator, clock, checks)
    reaches_ahead = period.end > now + SECOND
    end = floor_second(now)
    if period.end > now and end > period.start:
        checks.note(f"the period ends at {iso(end)}, the time of the fetch")
        period = Period(period.start, end)
    if page.end and timedelta() < period.end - page.end < TOLERANCE and now - period.end < YOUNG:
        # The newest events are not available yet: the server states that its index is behind its clock.
        end = floor_second(page.end)
        if end > period.start:
            checks.note(f"the period ends at {iso(end)}, where the API's answer ends")
            period = Period(period.start, end)
    return FirstAnswer(paginator, page, period, [second_range(period)], now, reaches_ahead)


def ask_since(reader: PageReader, question: Since, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask for everything from a start to the present."""
    start = floor_second(question.start) - SECOND
    paginator = reader.ask(Query({**reader.scope, "startDate": iso(start)}, start))
    page = reader.next_page(paginator)
    # Without `Date`, the range of an answer may show that this clock is behind. An API may also state an end far ahead,
    # though, so this clock is doubted only if it is behind the start.
    is_behind = paginator.answered_at is None and page.end is not None and page.end > start > clock.now()
    now = _note_now(paginator, clock, checks, resolved=page.end if is_behind else None)
    end = _end(page, now, clock)
    period = Period(min(question.start, end), end)
    return FirstAnswer(paginator, page, period, [second_range(period)], now, reaches_ahead=False)


def ask_window(reader: PageReader, question: Window, clock: Clock, checks: FetchChecks) -> FirstAnswer:
    """Ask for a window: a length of time that ends now.

    The query is one second longer, so that the window lies strictly inside the answer's range. Then it does not matter
    whether the API includes the bounds.
    """
    seconds = question.length // SECOND
    try:
        paginator, page = _ask_for_window(reader, seconds + 1)
    except BadRequest:
        # The window may be the widest one that the API allows.
        paginator, page = _ask_for_window(reader, seconds)
    since = floor_second(paginator.covered[0]) + SECOND if paginator.covered else None
    by_start = since and since + question.length
    now = _note_now(paginator, clock, checks, resolved=_resolved_at(by_start, page.end, paginator, clock))
    end = _end(page, now, clock)
    start = end - question.length
    local = clock.now()
    if since is None and _CLOCKS_APART < now - local < _LONGEST_DOUBT:
        start = floor_second(local) - question.length  # either clock may be the one that the server used
    elif since and page.end and _is_the_window(since, start, end) and since + question.length <= page.end:
        start = since  # as the server resolved it, so that no second is asked for twice
    period = Period(start, max(end, start))
    first, last = second_range(period)
    edge = epoch_second(since) if since else first
    # If the answer covers only the window itself, the first second has to be asked for separately.
    is_edge_left = first < edge < min(first + _LAST_MINUTE, last)
    parts = [(edge, last), (first, edge)] if is_edge_left else [(first, last)]
    return FirstAnswer(paginator, page, period, parts, now, reaches_ahead=False)


def _resolved_at(
    by_start: datetime | None, by_end: datetime | None, paginator: Paginator, clock: Clock
) -> datetime | None:
    """Return the time by which the server resolved a window, or None if its answer does not show it.

    Both the start and the end of the answer's range show it. If they disagree, the answer covers only the oldest or the
    newest part of the window. Then the bound that agrees with one of the clocks counts.
    """
    if by_start and by_end and abs(by_end - by_start) < TOLERANCE:
        return by_start
    for witness in (clock.now(), paginator.answered_at):
        for shown in (by_start, by_end):
            if witness and shown and abs(shown - witness) <= _CLOCKS_APART:
                return shown
    return None


def _is_the_window(since: datetime, start: datetime, end: datetime) -> bool:
    """Return whether the window that the server resolved is close to the one that the clocks give."""
    return start <= since <= start + _CLOCKS_APART and since < end


def _ask_for_window(reader: PageReader, seconds: int) -> tuple[Paginator, Page]:
    paginator = reader.ask(Query({**reader.scope, "window": f"{seconds}s"}))
    return paginator, reader.next_page(paginator)


def _end(page: Page, now: datetime, clock: Clock) -> datetime:
    """Return the end of the answer's range if it is just before the present, or else the present."""
    if page.end is None:
        return floor_second(now)
    # An end far before the present means that the answer covers only a part; the rest is asked for separately.
    is_close = page.end > now or any(abs(page.end - other) < _CLOCKS_APART for other in (now, clock.now()))
    if is_close and page.end - now < SECOND:  # `Date` has whole seconds
        return page.end
    return floor_second(now)


def _note_now(paginator: Paginator, clock: Clock, checks: FetchChecks, *, resolved: datetime | None = None) -> datetime:
    """Choose the time of the fetch, and note it.

    If the two clocks are close, it is the earlier one: a period that ends too early is still complete. Otherwise it is
    the server's. `resolved` is the time by which the server resolved the question. It takes the place of `Date` if
    that is absent. If `Date` is far ahead of this machine, the middle one of the three times is chosen.
    """
    if checks.now is not None:
        return checks.now
    local = clock.now()
    server = paginator.answered_at
    if server is not None and not 1990 < server.year < 9_000:
        server = None  # the header is wrong, since no clock is so far off
    server = server or resolved
    now = local
    if server is not None:
        ahead = server - local
        checks.clock_ahead_seconds = round(ahead.total_seconds(), 3)
        now = min(server, local)
        if abs(ahead) > _CLOCKS_APART:
            now = sorted([server, local, resolved])[1] if resolved and server > local else server
            advice = (
                "the server's was used. Check this machine's clock."
                if abs(now - server) <= _CLOCKS_APART
                else "the time of the server's own range was used. Check both clocks."
            )
            minutes = abs(ahead.total_seconds()) / 60
            warn(f"the server's clock and this machine's differ by {number_of(round(minutes), 'minute')}; {advice}")
    checks.now = now
    return now
