"""Where to cut slices for idle workers, and when a cut is worth its requests.

What is left of a slice is cut so that about equal numbers of *pages* lie on each side, judged by how many seconds the
pages so far covered. Every new slice wastes part of its last page. Requests are scarce, so cuts stop when the waste
nears a tenth of the useful pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from te_audit_frames.client.slice import Slice

_WORTH_CUTTING = 3
"""A slice with fewer seconds left than this is not cut."""

_WASTE_OF_A_SLICE = 0.65
"""The share of its last page that an open slice probably wastes. Half a page is the mean; a little more keeps the
requests of uneven histories within a tenth of plain paging's, at no cost in time."""


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

    def learn(self, part: Slice, before: int, rows: int, kept: int, *, more: bool) -> None:
        """Note how many seconds a page covered.

        Parameters
        ----------
        part : Slice
            The page's slice, with the page accounted for.
        before : int
            Its `pos` before this page.
        rows, kept : int
            How many rows the page had, and how many of them the slice owns.
        more : bool
            Whether the page has a next link.
        """
        self._answered += 1
        self._useful += kept
        self.page_size = max(self.page_size, rows)
        seconds = max((part.pos if more else part.b) - before, 0.5)
        self._covered_seconds += seconds
        self._covered_pages += rows / self.page_size
        is_first = not part.tail
        part.tail = seconds if more else seconds * self.page_size / max(rows, 1)
        if is_first:
            self._first_pages[part.a] = part.tail

    def pages_left(self, parts: Sequence[Slice]) -> float:
        """Estimate how many pages are still to come."""
        return sum(self._pages_left(part) for part in parts if part.tail and part.left > 0)

    def share_out(self, parts: Sequence[Slice], idle: int) -> list[tuple[Slice, int]]:
        """Decide which open slices to cut for idle workers, and into how many pieces each."""
        candidates = [part for part in parts if part.tail and part.left >= _WORTH_CUTTING]
        pieces = dict.fromkeys(candidates, 1)
        pages_left = {part: self._pages_left(part) for part in candidates}
        useful_pages = self._useful / self.page_size
        waste = self._answered - useful_pages
        allowed_waste = self._workers + 0.1 * useful_pages
        for extra in range(1, idle + 1):
            if not candidates:
                break
            part = max(candidates, key=lambda each: pages_left[each] / (pieces[each] + 1))
            used = (waste + _WASTE_OF_A_SLICE * (len(parts) + extra)) / allowed_waste
            worth = 0.75 * (1 + used) + 1 / self._density(part)[0]
            if used > 1 or pages_left[part] / (pieces[part] + 1) < worth:
                break
            pieces[part] += 1
        return [(part, count) for part, count in pieces.items() if count > 1]

    def places(self, part: Slice, pieces: int) -> list[float]:
        """Return where to cut a slice into pieces of equal pages, as shares of what is left of it.

        The density is taken to change geometrically from one end to the other.
        """
        near, far = self._density(part)
        ratio = far / near
        if math.isclose(ratio, 1.0):
            return [piece / pieces for piece in range(1, pieces)]
        return [(ratio ** (piece / pieces) - 1) / (ratio - 1) for piece in range(1, pieces)]

    def _pages_left(self, part: Slice) -> float:
        return part.left / math.sqrt(math.prod(self._density(part)))

    def _density(self, part: Slice) -> tuple[float, float]:
        """Return the seconds per page at the near and at the far end of what is left of a slice."""
        average = self._covered_seconds / max(self._covered_pages, 1e-9)
        near = min(part.tail, part.left)
        # Capped by what is left, so that an empty neighbour does not hide a burst.
        far = min(self._first_pages.get(part.b, average), part.left)
        return near, far
