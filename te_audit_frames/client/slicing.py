"""Cutting a period into slices, so that several workers can page at once. Pure: no clock, no network, no threads.

Cursors are sequential, so concurrency comes from time: what is left of a slice is cut where about equal numbers of
*pages* lie on each side, judged by how many seconds the pages received so far covered. A request is scarce, so a cut
has to be worth its request.

Seconds are counted along the order of dates: `u` is 0 at the end that the API sends first. A slice owns `u` in
`[a, b)`; cutting it moves only its `b`, and its cursor stays open.

The order is an assumption with a tolerance. A slice reads past its cut by `MARGIN_SECONDS` or one page, whichever is
less, and dates that run backwards by more than that are a `Disorder`.
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

MARGIN_SECONDS = 900
"""How far dates may run backwards, and how far a slice reads past its cut, if a page does not end that sooner."""

_OUTLIERS = 3
"""Rows that one page may have beyond a cut without having passed it: single events may stand far out of order."""

_WORTH_CUTTING = 3
"""Seconds that a slice must have left."""

_WASTE_OF_A_SLICE = 0.65
"""The share of its last page that an open slice is taken to waste. Half a page is the mean; a little more keeps the
requests of uneven histories within a tenth of plain paging's, at no cost in time."""


class Disorder(Exception):
    """The dates do not run one way within the tolerance, or lie outside what was asked: cuts prove nothing."""


@dataclass(eq=False)
class Slice:
    """A part of a period that one worker pages through.

    Attributes
    ----------
    a, b : int
        The seconds it owns, along the order.
    low, high : int
        The epoch seconds asked for, half-open, without the second before that is asked for as well.
    pos : int
        The largest second received; `a` before the first page.
    is_cut : bool
        Whether another slice owns what comes behind `b`.
    crossed : bool
        Whether a page has reached beyond the cut.
    tail : float
        Seconds a page, on its latest page; 0.0 before the first.
    recent : numpy.ndarray
        For each row of the latest page and more, the largest second received until then.
    """

    a: int
    b: int
    low: int
    high: int
    pos: int = field(init=False)
    is_cut: bool = False
    crossed: bool = False
    tail: float = 0.0
    recent: Seconds = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        self.pos = self.a

    @property
    def left(self) -> int:
        """The seconds not yet received."""
        return self.b - self.pos


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
    asked : tuple of int, optional
        The epoch seconds that the first slice is asked for, half-open, if they are more than the period.

    Attributes
    ----------
    order : str
        The order of dates as observed so far.
    page_size : int
        The most rows that a page had.
    is_sliced : bool
        Whether there was more than one slice.
    may_cut : bool
        Whether slices may be cut.
    margin : int or None
        The least that a slice read past its cut, in seconds. None while no slice ended at one.
    """

    def __init__(
        self, start: int, end: int, *, workers: int, in_order: bool = True, asked: tuple[int, int] | None = None
    ) -> None:
        self.start = start
        self.end = end
        self.order: Order = "unknown" if in_order else "none"
        self.is_sliced = False
        self._is_confirmed = False
        self._workers = workers
        self.margin: int | None = None
        self.may_cut = in_order
        self._open: list[Slice] = [Slice(0, end - start, *(asked or (start, end)))]
        self._heads: dict[int, float] = {}
        self._seconds_so_far: list[Seconds] = []
        self.page_size = 1
        self._answered = 0
        self._useful = 0
        self._covered_seconds = 0.0
        self._covered_pages = 0.0

    @property
    def whole(self) -> Slice:
        """The one slice that everything starts with."""
        return self._open[0]

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
            Dates run against the order by more than the tolerance, or lie outside what was asked for, and slices were
            built on it: read the period again without counting on an order.
        """
        before = part.pos
        undated = seconds == UNDATED
        dated = seconds[~undated]
        try:
            owned = self._receive_in_order(part, dated) if self.order != "none" else self._receive_any(dated)
        except Disorder:
            if self.is_sliced:
                raise
            self.order = "none"
            owned = self._receive_any(dated)
        keep = undated.copy()
        keep[~undated] = owned
        self._learn(part, before, len(seconds), int(keep.sum()), more=more)
        finished = not more or (part.is_cut and self.order != "none" and self._has_passed(part, dated))
        if finished:
            self._open.remove(part)
        return keep, finished

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
        """Cut a slice down to the epoch seconds that its answers cover.

        Parameters
        ----------
        part : Slice
            A slice of which no page was received yet.
        low, high : int
            What the answers cover, half-open.

        Returns
        -------
        list of (int, int)
            The epoch seconds that the slice owned and now does not.
        """
        first, end = self.times(part.a, part.b)
        left = [(first, min(low, end)), (max(high, first), end)]
        a, b = low - self.start, high - self.start
        if self.order != "oldest first":
            a, b = self.end - high, self.end - low
        part.a = part.pos = min(max(part.a, a), part.b)
        part.b = max(min(part.b, b), part.a)
        return [(since, until) for since, until in left if since < until]

    def missing(self) -> list[tuple[int, int]]:
        """List the epoch seconds not received as a whole, as half-open ranges in ascending order."""
        if not self._is_proven:
            return [(self.start, self.end)] if self._open else []
        # An open slice misses something, if only the last word on what an event out of order may still bring.
        return sorted(self.times(self._settled(part), part.b) for part in self._open if part.a < part.b)

    def doubtful(self, part: Slice, *, since: int) -> tuple[int, int]:
        """Tell the epoch seconds, half-open, that a slice received since it stood at a second along the order."""
        if not self._is_proven:
            return self.start, self.end
        return self.times(max(min(since, part.pos) - MARGIN_SECONDS, part.a), max(min(part.pos + 1, part.b), part.a))

    @staticmethod
    def _settled(part: Slice) -> int:
        """Return the second, along the order, up to which a slice has everything."""
        return max(min(part.pos, part.b - 1) - MARGIN_SECONDS, part.a)

    def times(self, a: int, b: int) -> tuple[int, int]:
        """Turn seconds along the order into epoch seconds, half-open."""
        if self.order == "oldest first":
            return self.start + a, self.start + b
        return self.end - b, self.end - a

    @property
    def _is_proven(self) -> bool:
        """Whether a page is known to leave nothing for later on its way along the order."""
        return self._is_confirmed and self.order != "none"

    def _receive_in_order(self, part: Slice, dated: Seconds) -> npt.NDArray[np.bool_]:
        if not len(dated):
            return np.zeros(0, dtype=np.bool_)
        if int(dated.min()) < part.low - 1 or int(dated.max()) > part.high:
            raise Disorder
        if self.order == "unknown":
            self._find_order(part, dated)
        along = self.along(dated)
        if self.order != "unknown":
            reached = np.maximum.accumulate(along)
            if len(part.recent):
                reached = np.maximum(reached, part.recent[-1])
            page = max(self.page_size, len(along))
            history = np.concatenate([part.recent, reached])
            # Against what was reached a page earlier, and against all by more than the margin.
            a_page_earlier = np.concatenate([np.full(page, np.iinfo(np.int64).min), history])[len(part.recent) :]
            if bool((along < a_page_earlier[: len(along)]).any() or (reached - along > MARGIN_SECONDS).any()):
                raise Disorder
            # One page may run one way while the pages run the other way.
            advanced = len(part.recent) > 0 and int(reached[-1]) > int(part.recent[-1])
            self._is_confirmed = self._is_confirmed or advanced
            part.recent = history[-page:]
            part.pos = max(part.pos, int(reached[-1]))
        return (along >= part.a) & (along < part.b)

    def _receive_any(self, dated: Seconds) -> npt.NDArray[np.bool_]:
        owned: npt.NDArray[np.bool_] = (dated >= self.start) & (dated < self.end)
        return owned

    def along(self, seconds: Seconds) -> Seconds:
        """Turn epoch seconds into seconds along the order."""
        return seconds - self.start if self.order == "oldest first" else self.end - 1 - seconds

    def _find_order(self, part: Slice, dated: Seconds) -> None:
        """Compare the later half of what came with the earlier one; single events out of order do not decide."""
        self._seconds_so_far.append(dated)
        seconds = np.concatenate(self._seconds_so_far)
        half = len(seconds) // 2
        if not half:
            return
        first, second = seconds[:half], seconds[half:]
        change = float(np.median(second) - np.median(first)) or float(second.mean() - first.mean())
        if change:
            self.order = "newest first" if change < 0 else "oldest first"
            earlier = np.concatenate([dated[:0], *self._seconds_so_far[:-1]])
            part.recent = np.maximum.accumulate(self.along(earlier))
            self._seconds_so_far.clear()

    def _learn(self, part: Slice, before: int, rows: int, kept: int, *, more: bool) -> None:
        self._answered += 1
        self._useful += kept
        self.page_size = max(self.page_size, rows)
        seconds = max((part.pos if more else part.b) - before, 0.5)
        self._covered_seconds += seconds
        self._covered_pages += rows / self.page_size
        first = not part.tail
        part.tail = seconds if more else seconds * self.page_size / max(rows, 1)
        if first:
            self._heads[part.a] = part.tail

    def _on_a_minute(self, at: int, part: Slice) -> int:
        """Move a cut to a whole minute unless a page is shorter, since an API may round ranges to the minute."""
        low, _ = self.times(at, at)
        moved = at + low % 60 if self.order == "newest first" else at - low % 60
        return moved if part.tail >= 60 and part.pos + 2 <= moved < part.b else at

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
        self.is_sliced = self.is_sliced or bool(new)
        return new

    def _share_out(self, idle: int) -> list[tuple[Slice, int]]:
        """Decide into how many pieces each open slice goes."""
        if not self.may_cut or self.order not in ("newest first", "oldest first"):
            return []
        candidates = [part for part in self._open if part.tail and part.left >= _WORTH_CUTTING]
        pieces = dict.fromkeys(candidates, 1)
        pages_left = {part: self._pages_left(part) for part in candidates}
        useful_pages = self._useful / self.page_size
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
            at = self._on_a_minute(part.pos + round(part.left * share), part)
            if at >= max(part.pos + 2, cuts[-1] + 1 if cuts else 0) and at < part.b:
                cuts.append(at)
        if not cuts:
            return []
        bounds = [*cuts, part.b]
        part.b, part.is_cut = cuts[0], True
        new = [Slice(low, high, *self.times(low, high)) for low, high in pairwise(bounds)]
        self._open += new
        return new
