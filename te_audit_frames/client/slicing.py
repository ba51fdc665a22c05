"""The slices of one period, so that several workers can page at once. Pure: no clock, no network, no threads.

Cursors are sequential, so concurrency comes from time: the period is cut into slices while it is read. A cut takes the
far end of a slice away from it; the slice keeps its cursor and reads on up to the cut.

A slice reads past its cut by `MARGIN_SECONDS` or one page, whichever is less, because events may be that far out of
order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from te_audit_frames.client.cut_planning import CutPlanner
from te_audit_frames.client.date_order import MARGIN_SECONDS, DateOrder, Disorder, Order
from te_audit_frames.client.epoch import UNDATED, Seconds
from te_audit_frames.client.slice import Slice

_OUTLIERS = 3
"""The margin counts as read only if more rows than this lie beyond it, since single events may be misplaced."""


class Slicing:
    """The slices of one period: what each has received, and where to cut next.

    Parameters
    ----------
    start, end : int
        The period in whole epoch seconds, half-open.
    workers : int
        How many slices may be open at once.
    in_order : bool
        False to take events in whatever order they come, without cuts.
    asked : tuple of int, optional
        The epoch seconds that the first slice asks for, half-open, if they are more than the period.

    Attributes
    ----------
    is_sliced : bool
        Whether there was ever more than one slice.
    may_cut : bool
        Whether slices may be cut.
    margin : int or None
        The least number of seconds that a slice read past its cut. None while no slice has ended at a cut.
    """

    def __init__(
        self, start: int, end: int, *, workers: int, in_order: bool = True, asked: tuple[int, int] | None = None
    ) -> None:
        self.start = start
        self.end = end
        self._order = DateOrder(start, end, expected=in_order)
        self._planner = CutPlanner(workers)
        self.is_sliced = False
        self.margin: int | None = None
        self.may_cut = in_order
        self._open: list[Slice] = [Slice(0, end - start, *(asked or (start, end)))]

    @property
    def order(self) -> Order:
        """The order of dates as observed so far."""
        return self._order.name

    @property
    def page_size(self) -> int:
        """The most rows that a page had."""
        return self._planner.page_size

    @property
    def whole(self) -> Slice:
        """The slice that a reading starts with: the whole period."""
        return self._open[0]

    def along(self, seconds: Seconds) -> Seconds:
        """Turn epoch seconds into seconds along the order."""
        return self._order.along(seconds)

    def times(self, a: int, b: int) -> tuple[int, int]:
        """Turn a half-open range of seconds along the order into epoch seconds."""
        return self._order.times(a, b)

    # ---- receiving ---------------------------------------------------------------------------------------------

    def receive(self, part: Slice, seconds: Seconds, *, more: bool) -> tuple[npt.NDArray[np.bool_], bool]:
        """Account for a page of a slice.

        Parameters
        ----------
        part : Slice
            The slice that the page was asked for.
        seconds : numpy.ndarray
            The page's dates in epoch seconds, in the order sent; `UNDATED` for events without one.
        more : bool
            Whether the page has a next link.

        Returns
        -------
        keep : numpy.ndarray of bool
            Which events the slice owns. Events without a date are kept.
        finished : bool
            Whether the slice has everything it owns.

        Raises
        ------
        Disorder
            Slices were cut, and dates run backwards by more than the tolerance or lie outside the range asked for.
            Read the period again without counting on an order.
        """
        before = part.pos
        undated = seconds == UNDATED
        dated = seconds[~undated]
        try:
            owned = self._receive_in_order(part, dated) if self.order != "none" else self._receive_any(dated)
        except Disorder:
            if self.is_sliced:
                raise
            self._order.name = "none"
            owned = self._receive_any(dated)
        keep = undated.copy()
        keep[~undated] = owned
        spread = int(dated.max() - dated.min()) if len(dated) else 0
        self._planner.learn(part, before, len(seconds), int(keep.sum()), spread=spread, more=more)
        finished = not more or (part.is_cut and self.order != "none" and self._has_passed(part, dated))
        if finished:
            self._open.remove(part)
        return keep, finished

    def _receive_in_order(self, part: Slice, dated: Seconds) -> npt.NDArray[np.bool_]:
        if not len(dated):
            return np.zeros(0, dtype=np.bool_)
        if int(dated.min()) < part.low - 1 or int(dated.max()) > part.high:
            raise Disorder
        part.recent = self._order.follow(dated, part.recent, page_size=self.page_size)
        if len(part.recent):
            part.pos = max(part.pos, int(part.recent[-1]))
        along = self.along(dated)
        return (along >= part.a) & (along < part.b)

    def _receive_any(self, dated: Seconds) -> npt.NDArray[np.bool_]:
        owned: npt.NDArray[np.bool_] = (dated >= self.start) & (dated < self.end)
        return owned

    def _has_passed(self, part: Slice, dated: Seconds) -> bool:
        """Return whether a slice has read past its cut by the margin, or by a page."""
        beyond = self.along(dated) - part.b
        past = beyond >= 0
        by_time = int((beyond >= MARGIN_SECONDS).sum()) > _OUTLIERS
        by_page = part.crossed and len(dated) > 0 and 2 * int(past.sum()) > len(dated)
        part.crossed = part.crossed or bool(past.any())
        if by_time or by_page:
            read = part.pos - part.b
            self.margin = read if self.margin is None else min(self.margin, read)
        return by_time or by_page

    def narrow(self, part: Slice, low: int, high: int) -> list[tuple[int, int]]:
        """Narrow a slice to the epoch seconds that its answers cover.

        Parameters
        ----------
        part : Slice
            A slice that has received no page yet.
        low, high : int
            The range that the answers cover, half-open.

        Returns
        -------
        list of (int, int)
            The epoch seconds that the slice no longer owns.
        """
        first, end = self.times(part.a, part.b)
        left = [(first, min(low, end)), (max(high, first), end)]
        a, b = low - self.start, high - self.start
        if self.order != "oldest first":
            a, b = self.end - high, self.end - low
        part.a = part.pos = min(max(part.a, a), part.b)
        part.b = max(min(part.b, b), part.a)
        return [(since, until) for since, until in left if since < until]

    # ---- what is missing ---------------------------------------------------------------------------------------

    def missing(self) -> list[tuple[int, int]]:
        """Return the epoch seconds not completely received, as half-open ranges in ascending order."""
        if not self._order.is_proven:
            return [(self.start, self.end)] if self._open else []
        # An open slice always misses something: the next page may still bring an event that is out of order.
        return sorted(self.times(self._settled(part), part.b) for part in self._open if part.a < part.b)

    def doubtful(self, part: Slice, *, since: int) -> tuple[int, int]:
        """Return the epoch seconds, half-open, that a slice received since its `pos` was `since`."""
        if not self._order.is_proven:
            return self.start, self.end
        return self.times(max(min(since, part.pos) - MARGIN_SECONDS, part.a), max(min(part.pos + 1, part.b), part.a))

    @staticmethod
    def _settled(part: Slice) -> int:
        """Return the second along the order up to which a slice has everything."""
        return max(min(part.pos, part.b - 1) - MARGIN_SECONDS, part.a)

    @property
    def pages_left(self) -> float:
        """An estimate of how many pages are still to come."""
        return self._planner.pages_left(self._open)

    # ---- cutting -----------------------------------------------------------------------------------------------

    def cut(self, idle: int, permits: float = math.inf) -> list[Slice]:
        """Cut open slices for idle workers, as far as that is worth the requests.

        Parameters
        ----------
        idle : int
            How many more requests may be sent now: workers without a slice, or permits of the budget if those are
            fewer.
        permits : float
            How many requests the rate limit allows now. If they are plentiful, more cuts are worth it.

        Returns
        -------
        list of Slice
            The new slices, at most `idle`.
        """
        if not self.may_cut or not self._order.is_known:
            return []
        planned = self._planner.share_out(self._open, idle, permits)
        new = [piece for part, pieces in planned for piece in self._cut_into(part, pieces)]
        self.is_sliced = self.is_sliced or bool(new)
        return new

    def _cut_into(self, part: Slice, pieces: int) -> Iterable[Slice]:
        cuts: list[int] = []
        for share in self._planner.places(part, pieces):
            at = self._on_a_minute(part.pos + max(round(part.left * share), 2), part)
            if at >= max(part.pos + 2, cuts[-1] + 1 if cuts else 0) and at < part.b:
                cuts.append(at)
        if not cuts:
            return []
        bounds = [*cuts, part.b]
        part.b, part.is_cut = cuts[0], True
        new = [Slice(low, high, *self.times(low, high)) for low, high in pairwise(bounds)]
        self._open += new
        return new

    def _on_a_minute(self, at: int, part: Slice) -> int:
        """Move a cut to a whole minute, unless pages are shorter than that: an API may round ranges to the minute."""
        low, _ = self.times(at, at)
        moved = at + low % 60 if self.order == "newest first" else at - low % 60
        return moved if part.tail >= 60 and part.pos + 2 <= moved < part.b else at
