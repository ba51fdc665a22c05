"""Cutting a period into slices, so that several workers can page at once. Pure: no clock, no network, no threads.

Cursors are sequential, so concurrency comes from time: what is left of a slice is cut where about equal numbers of
*pages* lie on each side, judged by how many seconds the pages received so far covered. A request is scarce, so a cut
has to be worth its request.

Seconds are counted along the order of dates: `u` is 0 at the end that the API sends first. A slice owns `u` in
`[a, b)`; cutting it moves only its `b`, and its cursor stays open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.int64]
Order = Literal["unknown", "newest first", "oldest first", "none"]

UNDATED = int(np.iinfo(np.int64).min)
"""Stands for the second of an event without a date."""

_WORTH_CUTTING = 3
"""Seconds that a slice must have left."""

_WASTE_OF_A_SLICE = 0.65
"""The share of its last page that an open slice is taken to waste. Half a page is the mean; a little more keeps the
requests of uneven histories within a tenth of plain paging's, at no cost in time."""


class Disorder(Exception):
    """The dates do not run one way, or lie outside what was asked: cuts prove nothing."""


@dataclass(eq=False)
class Slice:
    """A part of a period that one worker pages through.

    Attributes
    ----------
    a, b : int
        The seconds it owns, along the order.
    pos : int
        The largest second received; `a` before the first page.
    latest : int
        The second of the latest event received, which may lie before the slice.
    low, high : int
        The epoch seconds asked for, half-open, without the second before that is asked for as well.
    tail : float
        Seconds a page, on its latest page; 0.0 before the first.
    """

    a: int
    b: int
    low: int
    high: int
    pos: int = field(init=False)
    latest: int = field(init=False)
    tail: float = 0.0

    def __post_init__(self) -> None:
        self.pos = self.a
        # The second before the slice is asked for as well.
        self.latest = self.a - 1

    @property
    def left(self) -> int:
        """The seconds not yet received."""
        return self.b - self.pos

    @property
    def is_cut(self) -> bool:
        """Whether others own a part of what was asked for."""
        return self.b - self.a < self.high - self.low


class Slicing:
    """The slices of one period: what each has received, and where to cut next.

    Parameters
    ----------
    start, end : int
        The period in whole epoch seconds, half-open.
    workers : int
        How many slices may be open at once.
    in_order : bool
        False to page through in whatever order events come, without a cut.

    Attributes
    ----------
    order : str
        The order of dates as observed so far.
    """

    def __init__(self, start: int, end: int, *, workers: int, in_order: bool = True) -> None:
        self.start = start
        self.end = end
        self.order: Order = "unknown" if in_order else "none"
        self._is_sliced = False
        self._is_confirmed = False
        self._workers = workers
        self._open: list[Slice] = [Slice(0, end - start, start, end)]
        self._heads: dict[int, float] = {}
        self._last_second: int | None = None
        self._most_on_a_page = 1
        self._answered = 0
        self._useful = 0
        self._covered_seconds = 0.0
        self._covered_pages = 0.0

    @property
    def whole(self) -> Slice:
        """The one slice that everything starts with."""
        return self._open[0]

    # ---- receiving ---------------------------------------------------------------------------------------------

    def receive(
        self, part: Slice, seconds: Seconds, *, more: bool, tied: bool = True
    ) -> tuple[npt.NDArray[np.bool_], Slice | None]:
        """Account for a page of a slice.

        Parameters
        ----------
        part : Slice
            The slice that the page was asked for.
        seconds : numpy.ndarray
            The page's dates in epoch seconds, in the order sent; `UNDATED` for events without one.
        more : bool
            Whether the page has a next link.
        tied : bool
            Whether that link is tied to absolute dates. One that is not must not be followed.

        Returns
        -------
        keep : numpy.ndarray of bool
            Which events the slice owns.
        onward : Slice or None
            What to page through next: the slice itself, or a new one for what is left where the link is not tied.
            None where the slice has everything it owns.

        Raises
        ------
        Disorder
            Dates run against the order, or lie outside what was asked for, and slices were built on it: page through
            the whole period again with `Slicing(..., in_order=False)`.
        """
        before = part.pos
        try:
            keep = self._receive_in_order(part, seconds) if self.order != "none" else self._receive_any(part, seconds)
        except Disorder:
            if self._is_sliced or not tied:
                raise
            self.order = "none"
            keep = self._receive_any(part, seconds)
        passed = self.order != "none" and part.pos >= part.b
        # Pages behind the end may still show that the order is none, as where each is turned round within itself.
        finished = not more or (passed and part.is_cut)
        self._learn(part, before, len(seconds), int(keep.sum()), more=more)
        if finished or not tied:
            self._open.remove(part)
        if finished:
            return keep, None
        if tied:
            return keep, part
        # What is left is asked for anew, from the last second on: the page may have ended within it.
        self._is_sliced = True
        if passed:
            part.pos = part.a
        self._last_second = None  # a new answer begins where its own bounds are, not where the page ended
        return keep & (self._along(seconds) < part.pos), self._add(part.pos, part.b)

    def missing(self) -> list[tuple[int, int]]:
        """List the epoch seconds not received as a whole, as half-open ranges in ascending order."""
        if not self._is_proven:
            return [(self.start, self.end)] if self._open else []
        # An open slice misses something, if only the last word on its last second.
        return sorted(self.times(min(part.pos, part.b - 1), part.b) for part in self._open)

    def doubtful(self, part: Slice, *, since: int) -> tuple[int, int]:
        """Tell the epoch seconds, half-open, that a slice received since it stood at a second along the order."""
        if not self._is_proven:
            return self.start, self.end
        return self.times(since, part.pos + 1)

    def times(self, a: int, b: int) -> tuple[int, int]:
        """Turn seconds along the order into epoch seconds, half-open."""
        if self.order == "oldest first":
            return self.start + a, self.start + b
        return self.end - b, self.end - a

    @property
    def _is_proven(self) -> bool:
        """Whether a page is known to leave nothing for later on its way along the order."""
        return self._is_confirmed and self.order != "none"

    def _receive_in_order(self, part: Slice, seconds: Seconds) -> npt.NDArray[np.bool_]:
        if not len(seconds):
            return np.zeros(0, dtype=np.bool_)
        if int(seconds.min()) < part.low - 1 or int(seconds.max()) > part.high:  # UNDATED is below every date
            raise Disorder
        if self.order == "unknown":
            self._find_order(seconds)
        along = self._along(seconds)
        if self.order != "unknown":
            if int(along[0]) < part.latest or bool((np.diff(along) < 0).any()):
                raise Disorder
            # Dates may run one way on each page, and the other way from page to page.
            self._is_confirmed = self._is_confirmed or (part.tail > 0 and int(along[-1]) > part.latest)
            part.latest = int(along[-1])
            part.pos = max(part.pos, part.latest)
        return (along >= part.a) & (along < part.b)

    @staticmethod
    def _receive_any(part: Slice, seconds: Seconds) -> npt.NDArray[np.bool_]:
        owned: npt.NDArray[np.bool_] = ((seconds >= part.low) & (seconds < part.high)) | (seconds == UNDATED)
        return owned

    def _along(self, seconds: Seconds) -> Seconds:
        return seconds - self.start if self.order == "oldest first" else self.end - 1 - seconds

    def _find_order(self, seconds: Seconds) -> None:
        if self._last_second is not None:
            seconds = np.concatenate([[self._last_second], seconds])
        self._last_second = int(seconds[-1])
        steps = np.diff(seconds)
        changes = steps[steps != 0]
        if len(changes):
            self.order = "newest first" if changes[0] < 0 else "oldest first"

    def _learn(self, part: Slice, before: int, rows: int, kept: int, *, more: bool) -> None:
        self._answered += 1
        self._useful += kept
        self._most_on_a_page = max(self._most_on_a_page, rows)
        seconds = max((part.pos if more else part.b) - before, 0.5)
        self._covered_seconds += seconds
        self._covered_pages += rows / self._most_on_a_page
        first = not part.tail
        part.tail = seconds if more else seconds * self._most_on_a_page / max(rows, 1)
        if first:
            self._heads[part.a] = part.tail

    @property
    def pages_left(self) -> float:
        """About how many pages are still to come, as far as pages received tell."""
        return sum(self._pages_left(part) for part in self._open if part.tail and part.left > 0)

    # ---- cutting -----------------------------------------------------------------------------------------------

    def cut(self, idle: int) -> list[Slice]:
        """Cut open slices for idle workers, as far as that is worth the requests.

        Parameters
        ----------
        idle : int
            How many more requests may be sent now: workers without a slice, and permits of the budget.

        Returns
        -------
        list of Slice
            The new slices, at most `idle`.
        """
        new = [piece for part, pieces in self._share_out(idle) for piece in self._cut_into(part, pieces)]
        self._is_sliced = self._is_sliced or bool(new)
        return new

    def _share_out(self, idle: int) -> list[tuple[Slice, int]]:
        """Decide into how many pieces each open slice goes."""
        if self.order not in ("newest first", "oldest first"):
            return []
        candidates = [part for part in self._open if part.tail and part.left >= _WORTH_CUTTING]
        pieces = dict.fromkeys(candidates, 1)
        pages_left = {part: self._pages_left(part) for part in candidates}
        useful_pages = self._useful / self._most_on_a_page
        waste = self._answered - useful_pages
        allowed_waste = self._workers + 0.1 * useful_pages
        for extra in range(1, idle + 1):
            if not candidates:
                break
            part = max(candidates, key=lambda each: pages_left[each] / (pieces[each] + 1))
            used = (waste + _WASTE_OF_A_SLICE * (len(self._open) + extra)) / allowed_waste
            worth = 0.75 * (1 + used) + 1 / self._density(part)[0]
            if used > 1 or pages_left[part] / (pieces[part] + 1) < worth:
                break
            pieces[part] += 1
        return [(part, count) for part, count in pieces.items() if count > 1]

    def _pages_left(self, part: Slice) -> float:
        return part.left / math.sqrt(math.prod(self._density(part)))

    def _density(self, part: Slice) -> tuple[float, float]:
        """Seconds a page at the near and at the far end of what is left of a slice."""
        average = self._covered_seconds / max(self._covered_pages, 1e-9)
        near = min(part.tail, part.left)
        # Capped by what is left, so that an empty neighbour does not hide a burst.
        far = min(self._heads.get(part.b, average), part.left)
        return near, far

    def _cut_into(self, part: Slice, pieces: int) -> Iterable[Slice]:
        """Cut at equal pages, if density moves geometrically from one end of what is left to the other."""
        near, far = self._density(part)
        ratio = far / near
        cuts: list[int] = []
        for piece in range(1, pieces):
            even = math.isclose(ratio, 1.0)
            share = piece / pieces if even else (ratio ** (piece / pieces) - 1) / (ratio - 1)
            at = part.pos + round(part.left * share)
            if at >= max(part.pos + 2, cuts[-1] + 1 if cuts else 0) and at < part.b:
                cuts.append(at)
        if not cuts:
            return []
        bounds = [*cuts, part.b]
        part.b = cuts[0]
        return [self._add(low, high) for low, high in pairwise(bounds)]

    def _add(self, a: int, b: int) -> Slice:
        part = Slice(a, b, *self.times(a, b))
        self._open.append(part)
        return part
