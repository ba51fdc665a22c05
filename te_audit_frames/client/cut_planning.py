"""Where to cut slices for idle workers, and when a cut is worth its requests.

What is left of a slice is cut so that about equal numbers of *pages* lie on each side. These numbers are estimated
from the seconds that the pages so far cover. A history may be dense in one place and empty in the next, so the estimate
weighs the latest page of the slice against the average of all pages. The better pages have predicted the next one so
far, the more the latest page counts.

Every new slice wastes part of its last page. While the rate limit allows plenty of requests, an idle worker costs more
than that, so even a slice with little more than one page left is cut. Cuts stop when the waste nears one page per
worker plus a tenth of the useful pages, or a fifth of them while requests are plentiful.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from te_audit_frames.client.slice import Slice

_WORTH_CUTTING = 3
"""A slice with fewer seconds left than this is not cut."""

_SHORTEST_PAGE = 0.5
"""Seconds. Slices are counted in whole seconds, and a page within a single one counts as this long."""

_WASTE_OF_A_SLICE = 0.65
"""The share of its last page that an open slice probably wastes. The mean is half a page. With a little more, uneven
histories take at most a tenth more requests than without slices, at no cost in time."""

_HALF_A_PAGE = 0.5
"""When a slice is cut, one of its pages is under way: on average, half of that page is still to come."""

_FIRST_GUESS = 0.7
"""How well a page is taken to predict the next one until enough pages have shown it."""


class CutPlanner:
    """Plans cuts by the density of events on the pages received so far.

    Parameters
    ----------
    workers : int
        How many slices may be open at once.

    Attributes
    ----------
    page_size : int
        The most rows that a page had.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self.page_size = 1
        self._first_pages: dict[int, float] = {}  # by the start of a slice: the seconds on its first page
        self._answered = 0
        self._useful = 0
        self._covered_seconds = 0.0
        self._covered_pages = 0.0
        # Sums over pairs of consecutive pages in a slice: of x * y, and of x * x. Here x and y are the logarithms of
        # the seconds of the two pages relative to the average. The sums begin with one guess of weight 1.
        self._products = _FIRST_GUESS
        self._squares = 1.0

    def learn(self, part: Slice, before: int, rows: int, kept: int, *, spread: int, more: bool) -> None:
        """Note how many seconds a page covered.

        Parameters
        ----------
        part : Slice
            The page's slice, with the page accounted for.
        before : int
            The slice's `pos` before this page.
        rows, kept : int
            How many rows the page had, and how many of them the slice owns.
        spread : int
            The seconds from the oldest row of the page to the newest.
        more : bool
            Whether the page has a next link.
        """
        self._answered += 1
        self._useful += kept
        self.page_size = max(self.page_size, rows)
        seconds = max((part.pos if more else part.b) - before, _SHORTEST_PAGE)
        self._covered_seconds += seconds
        self._covered_pages += rows / self.page_size
        if not more:
            seconds *= self.page_size / max(rows, 1)
        if part.tail:
            self._compare(part.tail, seconds)
            part.tail = seconds
        else:
            self._first_pages[part.a] = seconds
            # The first page may begin after years without events. What follows is as dense as its rows.
            part.tail = min(seconds, max(spread, _SHORTEST_PAGE)) if more else seconds

    def pages_left(self, parts: Sequence[Slice]) -> float:
        """Estimate how many pages are still to come."""
        return sum(self._pages_left(part) for part in parts if part.tail and part.left > 0)

    def share_out(self, parts: Sequence[Slice], idle: int, permits: float = math.inf) -> list[tuple[Slice, int]]:
        """Decide which open slices to cut for idle workers, and into how many pieces each.

        Parameters
        ----------
        parts : sequence of Slice
            The open slices.
        idle : int
            How many cuts to make at most.
        permits : float
            How many requests the rate limit allows now.
        """
        candidates = [part for part in parts if part.tail and part.left >= _WORTH_CUTTING]
        pieces = dict.fromkeys(candidates, 1)
        pages_left = {part: self._pages_left(part) for part in candidates}
        useful_pages = self._useful / self.page_size
        waste = self._answered - useful_pages
        is_plentiful = permits > 1.15 * self.pages_left(parts) + 0.5 * len(parts)
        allowed_waste = self._workers + (0.2 if is_plentiful else 0.1) * useful_pages
        for extra in range(1, idle + 1):
            if not candidates:
                break
            part = max(candidates, key=lambda each: pages_left[each] / (pieces[each] + 1))
            used = (waste + _WASTE_OF_A_SLICE * (len(parts) + extra)) / allowed_waste
            # Two pages at once take half the time of two in sequence, so a little more than one page is worth a cut.
            worth = 0.55 if is_plentiful else 0.75 * (1 + used)
            if not _is_in_one_second(part):
                worth += 1 / self._density(part)[0]
            if used > 1 or pages_left[part] / (pieces[part] + 1) < worth:
                break
            pieces[part] += 1
        return [(part, count) for part, count in pieces.items() if count > 1]

    def places(self, part: Slice, pieces: int) -> list[float]:
        """Return where to cut a slice into pieces of equal pages, as shares of what is left of it.

        The density is taken to change geometrically from one end to the other. If the latest page lies within one
        second, that second cannot be shared, so the first cut is right behind it.
        """
        if _is_in_one_second(part):
            return [piece / (pieces - 1) for piece in range(pieces - 1)]
        near, far = self._density(part)
        pages = self._pages_left(part)
        under_way = _HALF_A_PAGE / pages if pages > 4 * _HALF_A_PAGE else 0.0
        shares = [piece / pieces + under_way * (1 - piece / pieces) for piece in range(1, pieces)]
        ratio = far / near
        if math.isclose(ratio, 1.0):
            return shares
        return [(ratio**share - 1) / (ratio - 1) for share in shares]

    def _pages_left(self, part: Slice) -> float:
        near, far = self._density(part)
        if _is_in_one_second(part):
            return 1 + part.left / far
        return part.left / math.sqrt(near * far)

    def _density(self, part: Slice) -> tuple[float, float]:
        """Return the seconds per page at the near and at the far end of what is left of a slice."""
        # Capped by what is left, so that an empty neighbour does not hide a burst.
        near = min(self._expected_after(part.tail), part.left)
        far = min(self._expected_after(self._first_pages.get(part.b, self._average)), part.left)
        return near, far

    @property
    def _average(self) -> float:
        return self._covered_seconds / max(self._covered_pages, 1e-9)

    def _compare(self, seconds: float, following: float) -> None:
        """Note how well one page predicted the next."""
        relative = math.log(seconds / self._average)
        self._products += relative * math.log(following / self._average)
        self._squares += relative**2

    def _expected_after(self, seconds: float) -> float:
        """Return the seconds to expect on a page beside one with so many seconds."""
        weight: float = min(max(self._products / self._squares, 0.0), 1.0)
        return self._average * math.pow(seconds / self._average, weight)


def _is_in_one_second(part: Slice) -> bool:
    return 0 < part.tail < 1
