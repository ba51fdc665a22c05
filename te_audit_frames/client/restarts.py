"""When a fetch has to read everything again, and what it then no longer relies on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from te_audit_frames.errors import PaginationError
from te_audit_frames.periods import iso

MOST_RESTARTS = 3

Reason = Literal["disorder", "undated", "moved", "shuffled", "difference"]


class ReadAgain(Exception):
    """What was read so far cannot be relied on and has to be read again.

    Attributes
    ----------
    reason : {"disorder", "undated", "moved", "shuffled", "difference"}
        The events are not in the order of their dates; some have no date, and the period was divided; pages moved while
        they were read; the readings of a second with more than a page of events contradict one another; or a
        second reading found other events than the first.
    second : datetime or None
        The second that no reading settles, if that is the reason.
    """

    def __init__(self, reason: Reason, second: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.second = second


@dataclass
class Strategy:
    """What a fetch relies on. After a restart it may rely on less.

    Attributes
    ----------
    trusts_order : bool
        Whether slices may be cut because the events come in the order of their dates.
    one_query : bool
        Whether to read each part of the period with one query, without dividing it.
    spot_checks : bool
        Whether to compare samples with a second reading.
    pages_moved : bool
        Whether pages moved during an earlier reading.
    """

    trusts_order: bool
    one_query: bool
    spot_checks: bool
    pages_moved: bool = False

    def after(self, reason: Reason) -> Strategy:
        """Return the strategy for reading again."""
        return Strategy(
            trusts_order=self.trusts_order and reason in ("undated", "moved", "shuffled"),
            one_query=self.one_query or reason == "undated",
            spot_checks=self.spot_checks and reason != "difference",
            pages_moved=self.pages_moved or reason == "moved",
        )


def gives_up(again: ReadAgain, attempts: int) -> PaginationError:
    """Return the error for a fetch that had to give up every attempt."""
    if again.second is not None:
        return PaginationError(
            f"the second {iso(again.second)} has more than a page of events, and the API puts them into another order "
            f"for each page. In {attempts} attempts, its readings contradicted one another or the pages of the period, "
            'so its events are not known. Ask for larger pages with page_size="largest", so that the second may fit on '
            "one, or for a period without this second."
        )
    return PaginationError(
        f"the log changed while it was read, in {attempts} attempts. Ask for a period that ends earlier, or for "
        "shorter ones."
    )


def cannot_restart(reason: Reason) -> PaginationError:
    """Return the error for a stream that would have to take back the batches it has already yielded."""
    reasons: dict[Reason, str] = {
        "disorder": "the events are not in the order of their dates",
        "undated": "some events have no date, so it is unknown which part of the period they belong to",
        "moved": "pages moved while they were read",
        "shuffled": "the events of a second with more than a page of them come in another order for each page",
        "difference": "a second reading found other events than the first",
    }
    return PaginationError(
        f"{reasons[reason]}, so everything has to be read again, but some batches were already yielded. Use "
        'fetch_events, which can start again, or a Client(verify="full"), which does not rely on any order.'
    )
