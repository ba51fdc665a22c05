"""The server's clock and this machine's, compared: the earlier one decides what is past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from te_audit_frames.periods import floor_second, iso
from te_audit_frames.receipts import Receipt

APART = timedelta(minutes=5)
"""The largest difference between the clocks that causes no warning."""

_UNUSABLE = timedelta(days=365)
"""If this machine's clock is further than this behind the server's, it cannot be used."""


@dataclass(frozen=True)
class ClockComparison:
    """The time on the server's clock and on this machine's, at the same moment.

    Attributes
    ----------
    end : datetime
        The end of the period for which the server answered.
    server, local : datetime
        The two clocks.

    Examples
    --------
    >>> from te_audit_frames.periods import to_instant
    >>> from te_audit_frames.storage.clock_comparison import ClockComparison
    >>> server, local = (to_instant(f"2026-04-{day}", argument="now") for day in (22, 20))
    >>> ClockComparison(server, server, local).difference()
    "the server's clock (2026-04-22T00:00:00Z) is ahead of this machine's (2026-04-20T00:00:00Z) by 2 days, 0:00:00"
    """

    end: datetime
    server: datetime
    local: datetime

    @classmethod
    def from_receipt(cls, receipt: Receipt) -> ClockComparison:
        """Read both clocks from the receipt of a fetch that ended at the server's present time."""
        period = receipt.period
        assert period is not None  # noqa: S101 - a fetch that succeeded has one  # nosec B101
        local = datetime.fromisoformat(receipt.fetched_at)
        ahead = receipt.checked.get("clock_ahead_seconds")
        server = period.end if ahead is None else max(period.end, local + timedelta(seconds=ahead))
        return cls(period.end, server, local)

    @property
    def ahead(self) -> timedelta:
        """The server's clock minus this machine's."""
        return self.server - self.local

    @property
    def earlier(self) -> datetime:
        """The earlier clock. Everything before it is past."""
        return min(self.end, self.local)

    @property
    def later(self) -> datetime:
        """The later clock. Nothing can have been read after it."""
        return max(self.server, self.local)

    @property
    def is_unusable(self) -> bool:
        """Whether this machine's clock is so far behind that it cannot be used."""
        return self.ahead > _UNUSABLE

    def difference(self) -> str:
        """Describe the difference between the clocks. Empty if it is too small for a warning."""
        if abs(self.ahead) <= APART:
            return ""
        names = ("this machine's", "the server's")
        slow, fast = names if self.ahead > timedelta(0) else names[::-1]
        low, high = (iso(floor_second(each(self.server, self.local))) for each in (min, max))
        apart = timedelta(seconds=round(abs(self.ahead).total_seconds()))
        return f"{fast} clock ({high}) is ahead of {slow} ({low}) by {apart}"
