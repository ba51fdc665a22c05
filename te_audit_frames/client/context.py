"""What one fetch may take, and what it has taken so far."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from te_audit_frames.client.connections import Lines


class Stopped(Exception):
    """The fetch that this request belongs to was stopped; nobody reads this."""


@dataclass
class Effort:
    """What one fetch may take, and what it has taken so far. Workers share it.

    Attributes
    ----------
    deadline : float
        When to give up, on the clock's monotonic scale.
    allowed : float
        The seconds that deadline stands for, for messages.
    waiting : callable
        Told how many seconds a wait for the budget still takes, and 0.0 when it is over.
    requests, retries, throttled, waited_seconds
        The counts for the receipt.
    """

    deadline: float
    allowed: float
    waiting: Callable[[float], None] = lambda seconds: None
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    waited_seconds: float = 0.0
    stopped: threading.Event = field(default_factory=threading.Event)
    lines: Lines = field(default_factory=Lines)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self) -> None:
        """End what is under way; nothing is sent any more."""
        self.stopped.set()
        self.lines.cut()

    def count(self, *, requests: int = 0, retries: int = 0, throttled: int = 0, waited_seconds: float = 0.0) -> None:
        """Add to the counts, from any thread."""
        with self.lock:
            self.requests += requests
            self.retries += retries
            self.throttled += throttled
            self.waited_seconds += waited_seconds
