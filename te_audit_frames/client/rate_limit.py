"""The organisation's request allowance, read from the rate-limit headers and shared by all workers.

The API allows 240 requests a minute to the whole organisation, counted in fixed windows. Every answer carries the
limit, what remains of it and when the window ends (https://developer.cisco.com/docs/thousandeyes/rate-limits/).
`Budget` decides, and `Pacer` makes threads wait.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 65.0
"""Seconds. The window is a minute; headers that say much more are wrong."""

_HIGHEST_LIMIT = 1_000_000
"""Requests a window. The API allows 240; of numbers beyond this, arithmetic alone would be a risk."""

_UNLIMITED = 1_000
"""What `Budget.free` answers while no header has spoken of a limit."""

_LATEST_ANSWER = 5.0
"""Seconds behind the end of a window in which answers from it still come in."""


class Clock:
    """The time, and waiting. Tests use one of their own."""

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the local clock's time in UTC."""
        return datetime.now(UTC)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a held condition, for at most this many seconds."""
        condition.wait(seconds)


@dataclass(frozen=True)
class Allowance:
    """The rate limit in one answer's headers.

    Attributes
    ----------
    limit, remaining : int
        Requests a window, and how many of them are left.
    reset : float
        When the window ends, in epoch seconds by the server's clock. It names the window.
    reset_in : float
        Seconds from the answer to that end, at most `LONGEST_WAIT`.
    """

    limit: int
    remaining: int
    reset: float
    reset_in: float

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], *, now: datetime) -> Allowance | None:
        """Return what the three headers say, or None if one of them is absent or makes no sense.

        The end of the window is measured against the answer's own `Date`, so that a wrong local clock does no harm;
        `now` is used if that header is absent.
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
    """Decides whether a request may leave now. It is given the time, in seconds that only go forward.

    A request in flight may or may not be counted in `Remaining` yet. It is treated as not counted, so that our own
    requests never exceed the limit. The window ends at the earliest time that any of its answers gives, because a
    `Date` of whole seconds makes that time late, never early.

    Parameters
    ----------
    reserve : float
        The share of the limit, from 0 to below 1, that is left to the organisation's other clients.
    """

    def __init__(self, *, reserve: float = 0.0) -> None:
        self._reserve = reserve
        self.in_flight = 0
        self._known: Allowance | None = None
        self._remaining = 0
        self._window_ends = -math.inf
        self._answered_in_window = 0
        self._single_file = False
        self._others = self._others_before = 0.0  # requests of other clients for each one of ours
        self._ends_are_trusted = False
        self._grace = 0.0
        self._paused_until = -math.inf
        self._throttled_in_a_row = 0
        self._round_trip = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may leave, unless an answer comes first; 0.0 means now."""
        if now < self._paused_until:
            return self._paused_until - now
        return 0.0 if self.free(now) > 0 else max(self._window_ends - now, 0.05)

    def free(self, now: float) -> int:
        """Return how many requests may leave now, besides those in flight."""
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
        """Return how many requests in flight use up the window by its end."""
        if self._known is None or now >= self._window_ends or now < self._paused_until:
            return self.free(now)
        left = max(self._window_ends - now, self._round_trip)
        return math.ceil(2 * self._remaining * self._round_trip / max(left, 1e-3))

    def leave(self) -> None:
        """Count a request as in flight."""
        self.in_flight += 1

    def answer(self, now: float, allowance: Allowance | None, *, throttled: bool = False, took: float = 0.0) -> None:
        """Learn from an answer that took `took` seconds, or from a request that broke off (`allowance` is None)."""
        self.in_flight -= 1
        self._round_trip = took if not self._round_trip else 0.8 * self._round_trip + 0.2 * took
        if allowance is None:
            self._remaining -= 1  # it may have been counted
        elif self._is_late(now, allowance) and not throttled:
            pass  # sent before the window ended: it says nothing of the new one
        elif self._known is None or now >= self._window_ends or allowance.reset > self._known.reset:
            self._open_window(now, allowance, throttled=throttled)
        elif allowance.reset == self._known.reset:
            self._remaining = min(self._remaining, allowance.remaining)
            self._window_ends = min(self._window_ends, self._end_of_window(now, allowance))
            self._answered_in_window += 1
            self._single_file = self._single_file or self._is_crowded()
        if throttled:
            self._throttle(now, allowance)
        else:
            self._throttled_in_a_row = 0

    def _open_window(self, now: float, allowance: Allowance, *, throttled: bool) -> None:
        if self._known is not None:
            if throttled and allowance.reset == self._known.reset:
                self._grace = 1.0  # this API cuts the fraction off its Reset, so that the window ends up to 1 s later
            # Whether windows end when they are said to is tried out with a single request, once.
            self._ends_are_trusted = True
        self._known = allowance
        self._remaining = allowance.remaining
        self._window_ends = self._end_of_window(now, allowance)
        self._answered_in_window = 1
        self._single_file = False
        self._others, self._others_before = 0.0, self._others

    def _end_of_window(self, now: float, allowance: Allowance) -> float:
        return now + min(allowance.reset_in + self._grace, LONGEST_WAIT)

    def _is_late(self, now: float, allowance: Allowance) -> bool:
        """Return whether an answer belongs to a window that has just ended."""
        of_that_window = self._known is not None and allowance.reset == self._known.reset
        return of_that_window and self._window_ends <= now < self._window_ends + _LATEST_ANSWER

    def _throttle(self, now: float, allowance: Allowance | None) -> None:
        if now < self._paused_until:
            return  # sent before the pause began: one pause for all
        self._throttled_in_a_row += 1
        announced = allowance.reset_in if allowance else 0.0
        # A promise that did not hold, or none at all: wait longer each time, up to a whole window.
        patience = min(2.0 ** (self._throttled_in_a_row - 1), 60.0)
        self._paused_until = now + max(announced, patience)
        self._window_ends = self._paused_until
        self._remaining = 0

    def _is_crowded(self) -> bool:
        """Return whether other clients may use up the allowance while ours are in flight.

        Then one at a time is sent for the rest of the window, so that at most one of ours is one too many. What
        others send is known for sure only when none of ours is in flight, so the window before counts as well.
        """
        if self._known is None:
            return False
        ours = self._answered_in_window
        self._others = max(self._known.limit - self._remaining - ours - self.in_flight, 0) / ours
        others = max(self._others, self._others_before)
        meanwhile = (self.in_flight + 1) * others
        return others > 0 and self._remaining - self.in_flight < 2 + meanwhile + 4 * math.sqrt(meanwhile)


class Pacer:
    """Makes threads wait until the budget lets a request leave.

    Parameters
    ----------
    budget : Budget
        What decides.
    clock : Clock
        The time.
    """

    def __init__(self, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._changed = threading.Condition()

    def free(self, *, under_way: int, wanted: float) -> int:
        """Return how many more requests are worth having under way, in flight or waiting for a permit.

        If fewer may leave than are `wanted` in all, the window is the limit: then just enough to use it up.
        """
        with self._changed:
            now = self._clock.monotonic()
            free = self._budget.free(now) - (under_way - self._budget.in_flight)
            if wanted > free:
                free = min(free, self._budget.enough(now) - under_way)
            return max(free, 0)

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
