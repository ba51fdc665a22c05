"""The rate limit: how many requests the organisation may still send, shared by all workers.

The API allows the whole organisation 240 requests a minute, counted in fixed windows. The headers of every answer give
the limit, the number of requests left, and the end of the window
(https://developer.cisco.com/docs/thousandeyes/rate-limits/). `Budget` decides when a request may be sent, and `Pacer`
makes threads wait for it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from te_audit_frames.client.clock import Clock

LONGEST_WAIT = 65.0
"""Seconds. A window lasts a minute, so headers that announce a much longer wait are wrong."""

_HIGHEST_LIMIT = 1_000_000
"""Requests per window. The API allows 240; arithmetic with numbers larger than this could fail."""

_UNLIMITED = 1_000
"""What `Budget.free` returns as long as no header has named a limit."""

_GRACE = 1.0
"""Seconds. The API gives the end of a window in whole seconds. If it rounds down, the window ends up to this much
later. Windows are fixed, so waiting this long delays only the last one of a fetch, and no request comes too early."""

_LATEST_ANSWER = 5.0
"""Answers to requests of one window may arrive up to this many seconds after its end."""


@dataclass(frozen=True)
class Allowance:
    """The rate limit as the headers of one answer give it.

    Attributes
    ----------
    limit, remaining : int
        The number of requests per window, and how many of them are left.
    reset : float
        The end of the window, in epoch seconds by the server's clock. It identifies the window.
    reset_in : float
        The seconds from the answer to the end of the window, at most `LONGEST_WAIT`.
    """

    limit: int
    remaining: int
    reset: float
    reset_in: float

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], *, now: datetime) -> Allowance | None:
        """Read the three headers. Return None if one of them is absent or makes no sense.

        Parameters
        ----------
        headers : mapping
            The answer's headers.
        now : datetime
            The local time, used only if the answer has no `Date` header. Otherwise that header counts, so that a wrong
            local clock does no harm.
        """
        limit = _number(headers, "X-Organization-Rate-Limit-Limit")
        remaining = _number(headers, "X-Organization-Rate-Limit-Remaining")
        reset = _number(headers, "X-Organization-Rate-Limit-Reset")
        if limit is None or remaining is None or reset is None or limit < 1:
            return None
        limit = min(limit, _HIGHEST_LIMIT)
        since = (server_date(headers) or now).timestamp()
        return cls(
            limit=int(limit),
            remaining=int(min(max(remaining, 0), limit)),
            reset=reset,
            reset_in=min(max(reset - since, 0.0), LONGEST_WAIT),
        )


def _number(headers: Mapping[str, str], name: str) -> float | None:
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """Return the `Date` header of an answer, or None if it is absent or unreadable."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


class Budget:
    """Decides whether a request may be sent now.

    The server may not have counted the requests in flight yet when it sends `Remaining`. So none of them is taken as
    counted, and our own requests never exceed the limit. Every answer states when its window ends. The earliest of
    these times counts: because `Date` has whole seconds and a second of grace is added, they can only be too late.

    Every method takes the time as `now`, in seconds on a scale that never goes backwards.

    Parameters
    ----------
    reserve : float
        The share of the limit to leave to the organisation's other clients, from 0 to below 1.
    """

    def __init__(self, *, reserve: float = 0.0) -> None:
        self._reserve = reserve
        self.in_flight = 0
        self._known: Allowance | None = None
        self._remaining = 0
        self._window_ends = -math.inf
        self._answered_in_window = 0
        self._single_file = False
        self._others = self._others_before = 0.0  # how many requests other clients send for each of ours
        self._ends_are_trusted = False
        self._paused_until = -math.inf
        self._throttled_in_a_row = 0
        self._round_trip = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent, 0.0 for now. An answer may shorten the wait."""
        if now < self._paused_until:
            return self._paused_until - now
        return 0.0 if self.free(now) > 0 else max(self._window_ends - now, 0.05)

    def free(self, now: float) -> int:
        """Return how many requests may be sent now, in addition to those in flight."""
        if now < self._paused_until:
            return 0
        if self._known is None:
            return _UNLIMITED
        over = now >= self._window_ends
        remaining = self._known.limit if over else self._remaining
        floor = min(math.ceil(self._reserve * self._known.limit), self._known.limit - 1)
        if self._single_file if not over else not self._ends_are_trusted:
            return int(self.in_flight == 0 and remaining > floor)
        return max(remaining - floor - self.in_flight, 0)

    def enough(self, now: float) -> int:
        """Return how many requests have to be in flight to use up the limit by the end of the window."""
        if self._known is None or now >= self._window_ends or now < self._paused_until:
            return self.free(now)
        left = max(self._window_ends - now, self._round_trip)
        return math.ceil(2 * self._remaining * self._round_trip / max(left, 1e-3))

    def leave(self) -> None:
        """Count a request as in flight."""
        self.in_flight += 1

    def answer(self, now: float, allowance: Allowance | None, *, throttled: bool = False, took: float = 0.0) -> None:
        """Learn from an answer.

        Parameters
        ----------
        now : float
            The time.
        allowance : Allowance or None
            The answer's rate limit. None if it had none, or if the request failed.
        throttled : bool
            Whether the answer was a 429.
        took : float
            The seconds from the request to the answer.
        """
        self.in_flight -= 1
        self._round_trip = took if not self._round_trip else 0.8 * self._round_trip + 0.2 * took
        if allowance is None:
            self._remaining -= 1  # the server may have counted it
        elif self._is_late(now, allowance) and not throttled:
            pass  # the request was sent in the last window, so the answer says nothing about the new one
        elif self._known is None or now >= self._window_ends or allowance.reset > self._known.reset:
            self._open_window(now, allowance)
        elif allowance.reset == self._known.reset:
            self._remaining = min(self._remaining, allowance.remaining)
            self._window_ends = min(self._window_ends, self._end_of_window(now, allowance))
            self._answered_in_window += 1
            self._single_file = self._single_file or self._is_crowded()
        if throttled:
            self._throttle(now, allowance)
        else:
            self._throttled_in_a_row = 0

    def _open_window(self, now: float, allowance: Allowance) -> None:
        if self._known is not None:
            # A single request has tried out whether windows end when the headers say so. Once is enough.
            self._ends_are_trusted = True
        self._known = allowance
        self._remaining = allowance.remaining
        self._window_ends = self._end_of_window(now, allowance)
        self._answered_in_window = 1
        self._single_file = False
        self._others, self._others_before = 0.0, self._others

    @staticmethod
    def _end_of_window(now: float, allowance: Allowance) -> float:
        return now + min(allowance.reset_in + _GRACE, LONGEST_WAIT)

    def _is_late(self, now: float, allowance: Allowance) -> bool:
        """Return whether an answer belongs to the window that has just ended."""
        of_that_window = self._known is not None and allowance.reset == self._known.reset
        return of_that_window and self._window_ends <= now < self._window_ends + _LATEST_ANSWER

    def _throttle(self, now: float, allowance: Allowance | None) -> None:
        if now < self._paused_until:
            return  # one pause for all requests that were sent before it began
        self._throttled_in_a_row += 1
        announced = self._end_of_window(now, allowance) - now if allowance else 0.0
        # If the announced end was wrong or missing, wait longer each time, up to a whole window.
        patience = min(2.0 ** (self._throttled_in_a_row - 1), 60.0)
        self._paused_until = now + max(announced, patience)
        self._window_ends = self._paused_until
        self._remaining = 0

    def _is_crowded(self) -> bool:
        """Return whether other clients may use up the limit while our requests are in flight.

        If so, requests are sent one at a time for the rest of the window, so that at most one of them exceeds the
        limit. How much others send is certain only while none of our requests is in flight, so the rate of the window
        before counts as well.
        """
        if self._known is None:
            return False
        ours = self._answered_in_window
        self._others = max(self._known.limit - self._remaining - ours - self.in_flight, 0) / ours
        others = max(self._others, self._others_before)
        meanwhile = (self.in_flight + 1) * others
        return others > 0 and self._remaining - self.in_flight < 2 + meanwhile + 4 * math.sqrt(meanwhile)


class Pacer:
    """Makes threads wait until the budget allows a request.

    Parameters
    ----------
    budget : Budget
        Decides.
    clock : Clock
        The clock.
    """

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._changed = threading.Condition()

    def free(self, *, under_way: int, wanted: float) -> int:
        """Return how many more requests to start.

        If the budget allows fewer than are wanted, more workers would only wait. Then return just enough to use up the
        limit by the end of the window.

        Parameters
        ----------
        under_way : int
            How many requests are in flight or waiting for a permit.
        wanted : float
            About how many more requests the whole fetch needs.
        """
        with self._changed:
            now = self._clock.monotonic()
            free = self._budget.free(now) - (under_way - self._budget.in_flight)
            if wanted > free:
                free = min(free, self._budget.enough(now) - under_way)
            return max(free, 0)

    @property
    def permits(self) -> int:
        """How many requests the budget allows now, in addition to those in flight."""
        with self._changed:
            return self._budget.free(self._clock.monotonic())

    def try_leave(self) -> float:
        """Take a permit and return 0.0, or return the seconds until there may be one."""
        with self._changed:
            wait = self._budget.wait(self._clock.monotonic())
            if wait == 0.0:
                self._budget.leave()
            return wait

    def pause(self, seconds: float) -> None:
        """Wait until an answer arrives, `wake` is called, or this many seconds have passed."""
        with self._changed:
            self._clock.wait(self._changed, seconds)

    def answer(self, allowance: Allowance | None, *, throttled: bool = False, took: float = 0.0) -> None:
        """Pass an answer's rate limit to the budget, and wake the waiting threads."""
        with self._changed:
            self._budget.answer(self._clock.monotonic(), allowance, throttled=throttled, took=took)
            self._changed.notify_all()

    def wake(self) -> None:
        """Wake every waiting thread."""
        with self._changed:
            self._changed.notify_all()
