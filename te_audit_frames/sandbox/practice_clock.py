"""A clock for clients of the practice server, so that they and the server agree on the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime


class PracticeClock:
    """The server's clock, for ``Client(clock=...)``. Only the date is invented: waits take real time.

    Parameters
    ----------
    now : callable
        Returns the time of the server.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the server's time."""
        return self._now()

    def monotonic(self) -> float:
        """Return seconds on a scale that never goes backwards."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a held condition, for at most this many seconds."""
        condition.wait(seconds)
