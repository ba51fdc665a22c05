"""The organisation's rate limit: a number of requests per fixed period, reported in headers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

UNLIMITED = 1_000_000
"""The limit that the headers state if there is none."""


@dataclass(frozen=True)
class Balance:
    """The rest of the limit after one request.

    Attributes
    ----------
    allowed : bool
        Whether the request was within the limit.
    limit, remaining : int
        Numbers of requests.
    seconds : float
        Time until the period ends.
    """

    allowed: bool
    limit: int
    remaining: int
    seconds: float

    def headers(self, now: float) -> dict[str, str]:
        """Return the rate-limit headers at a time of the server's clock (epoch seconds)."""
        return {
            "X-Organization-Rate-Limit-Limit": str(self.limit),
            "X-Organization-Rate-Limit-Remaining": str(self.remaining),
            "X-Organization-Rate-Limit-Reset": str(ceil(now + self.seconds)),
        }


class RateLimit:
    """Counts requests in fixed periods. A period begins with its first request.

    It uses real time, so that waiting ends even if the server's clock stands still.

    Parameters
    ----------
    limit : int or None
        Requests per period; None means no limit.
    period : float
        Seconds.
    clock : callable
        Returns seconds on a scale that never goes backwards.
    """

    def __init__(self, limit: int | None, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limit = limit
        self._period = period
        self._used = 0
        self._ends = 0.0
        self._lock = threading.Lock()

    def spend(self, requests: int) -> Balance:
        """Count 1 request, or 0 to only read the balance."""
        with self._lock:
            now = self._clock()
            if now >= self._ends:
                self._used, self._ends = 0, now + self._period
            if self._limit is None:
                return Balance(True, UNLIMITED, UNLIMITED, self._ends - now)
            allowed = self._used + requests <= self._limit
            self._used += requests if allowed else 0
            return Balance(allowed, self._limit, self._limit - self._used, self._ends - now)
