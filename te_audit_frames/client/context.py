"""What all requests of one fetch share: deadline, cancellation, clock, progress and counters."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from te_audit_frames.client.clock import Clock
from te_audit_frames.client.connections import OpenConnections
from te_audit_frames.client.page_size import LargestPages, PageSize
from te_audit_frames.client.progress import Progress
from te_audit_frames.client.stats import FetchStats


class Stopped(Exception):
    """The fetch was stopped, so this request ends too. This exception never leaves the fetch."""


@dataclass
class FetchContext:
    """What all requests of one fetch share. Every method may be called from any thread.

    Attributes
    ----------
    clock : Clock
        The clock.
    seconds_allowed : float
        How long the fetch may take, in seconds.
    is_per_page : bool
        Whether `seconds_allowed` is the longest time without a new page, instead of the time of the whole fetch.
    page_size : int, "largest" or None
        The events per page to ask for. None for the API's own number.
    largest_pages : LargestPages
        Whether the server refused the largest pages.
    progress : Progress
        The progress bar.
    stats : FetchStats
        Every counter of the fetch.
    deadline : float
        When to give up, in seconds on the clock's monotonic scale.
    stopped : threading.Event
        Set once no more requests may be sent.
    connections : OpenConnections
        The connections in use at the moment.
    """

    clock: Clock
    seconds_allowed: float
    progress: Progress
    is_per_page: bool = False
    page_size: PageSize | None = None
    largest_pages: LargestPages = field(default_factory=LargestPages)
    stats: FetchStats = field(default_factory=FetchStats)
    deadline: float = field(init=False)
    stopped: threading.Event = field(init=False, default_factory=threading.Event)
    connections: OpenConnections = field(init=False, default_factory=OpenConnections)

    def __post_init__(self) -> None:
        self.deadline = self.clock.monotonic() + self.seconds_allowed

    def note_new_page(self) -> None:
        """Restart the deadline, if it limits only the time without a new page."""
        if self.is_per_page:
            self.deadline = self.clock.monotonic() + self.seconds_allowed

    @property
    def limit(self) -> str:
        """The time limit, as text for messages."""
        seconds = f"the {self.seconds_allowed:g} s that this fetch may take"
        return f"{seconds} without a new page" if self.is_per_page else seconds

    @property
    def is_stopped(self) -> bool:
        """Whether the fetch was stopped."""
        return self.stopped.is_set()

    def seconds_left(self) -> float:
        """Return how many seconds are left until the deadline."""
        return self.deadline - self.clock.monotonic()

    def stop(self) -> None:
        """Cut every connection, and allow no more requests."""
        self.stopped.set()
        self.connections.cut()
