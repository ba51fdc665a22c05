"""Clocks: the time, and waiting. A client can be given a clock, such as a practice server's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class SomeClock(Protocol):
    """The methods that a client needs of a clock. `Clock` has them."""

    def monotonic(self) -> float:
        """Return seconds on a scale that never goes backwards."""

    def now(self) -> datetime:
        """Return the current time as an aware datetime."""

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a held condition, for at most this many seconds."""


class Clock:
    """The system's time, and waiting."""

    def monotonic(self) -> float:
        """Return seconds on a scale that never goes backwards."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the local clock's time in UTC."""
        return datetime.now(UTC)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Wait on a held condition, for at most this many seconds."""
        condition.wait(seconds)
