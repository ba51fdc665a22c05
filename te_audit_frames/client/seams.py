"""Seams, where two slices meet: the rows that one slice read beyond its cut, and those that the next slice got there.

Only the first and the latest pages of each slice are remembered. That is enough to compare both sides of every cut
without a request, and to choose windows around cuts for a second reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from te_audit_frames.client.epoch import Seconds
from te_audit_frames.client.slice import Slice
from te_audit_frames.client.slicing import Slicing

_REMEMBERED = 3
"""How many pages of a slice are remembered at either end."""

_WINDOW_ROWS = 0.3
"""How many rows a window has on each side of a cut, as a share of a page."""


@dataclass
class _Side:
    """The pages of a slice next to its cuts, with the epoch seconds of their rows."""

    first: list[tuple[pa.RecordBatch, Seconds]] = field(default_factory=list)
    latest: list[tuple[pa.RecordBatch, Seconds]] = field(default_factory=list)
    pages: int = 0
    forgotten: Seconds = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """The smallest and the largest epoch second on the pages no longer remembered."""


@dataclass(frozen=True)
class Window:
    """A range `[low, high)` around a cut, in epoch seconds, and the rows received there."""

    low: int
    high: int
    rows: pa.Table


class Seams:
    """The seams of one period: the rows that were read on both sides of its cuts."""

    def __init__(self, slicing: Slicing) -> None:
        self._slicing = slicing
        self._sides: dict[Slice, _Side] = {}

    def note(self, part: Slice, batch: pa.RecordBatch, seconds: Seconds) -> None:
        """Remember a page of a slice."""
        side = self._sides.setdefault(part, _Side())
        side.pages += 1
        if len(side.first) < _REMEMBERED:
            side.first.append((batch, seconds))
        side.latest.append((batch, seconds))
        if len(side.latest) > _REMEMBERED:
            gone = np.concatenate([side.forgotten, side.latest.pop(0)[1]])
            side.forgotten = gone[[gone.argmin(), gone.argmax()]] if len(gone) else gone

    @property
    def exist(self) -> bool:
        """Whether any slice ended at a cut."""
        return bool(self._pairs())

    def overlaps(self) -> list[tuple[pa.Table, pa.Table]]:
        """Return for each cut the rows that one slice read beyond it, and those that the next slice got there."""
        overlaps = []
        for before, after in self._pairs():
            end = self._known_until(after)
            beyond = self._rows(self._sides[before].latest, before.b, min(end, before.pos + 1))
            if beyond.num_rows:
                overlaps.append((beyond, self._rows(self._sides[after].first, before.b, end)))
        return overlaps

    def windows(self, number: int) -> list[Window]:
        """Choose windows around cuts: one at the newest cut, the others spread evenly over the rest."""
        pairs = sorted(self._pairs(), key=lambda pair: self._slicing.times(pair[0].b, pair[0].b)[0])
        if not pairs:
            return []
        last = len(pairs) - 1
        chosen = sorted({round(last * step / max(number - 1, 1)) for step in range(number)} if number > 1 else {last})
        windows = (self._window(*pairs[position]) for position in chosen)
        return [window for window in windows if window is not None]

    def _pairs(self) -> list[tuple[Slice, Slice]]:
        """Pair each slice that was cut with the slice after the cut."""
        begins = {part.a: part for part in self._sides}
        cut = (part for part in self._sides if part.is_cut and part.crossed)
        return [(part, begins[part.b]) for part in cut if part.b in begins and begins[part.b] is not part]

    def _known_until(self, part: Slice) -> int:
        """Return the second along the order before which the first pages have every event of a slice."""
        side = self._sides[part]
        if side.pages <= len(side.first):
            return part.b
        # Events are out of order by a page at most, so later pages have none that belong before the last page here.
        reached = max((int(self._slicing.along(page).max(initial=part.a)) for _, page in side.first[:-1]))
        return min(reached, part.b)

    def _known_from(self, part: Slice) -> int:
        """Return the second along the order from which on the latest pages have every event of a slice."""
        forgotten = self._slicing.along(self._sides[part].forgotten)
        return min(int(forgotten.max(initial=part.a - 1)) + 1, part.b)

    def _window(self, before: Slice, after: Slice) -> Window | None:
        rows = max(int(_WINDOW_ROWS * self._slicing.page_size), 1)
        near = self._rows_along(self._sides[before].latest, self._known_from(before), before.b)
        far = self._rows_along(self._sides[after].first, before.b, self._known_until(after))
        low = int(near[-rows]) if len(near) >= rows else self._known_from(before)
        high = int(far[rows - 1]) + 1 if len(far) >= rows else self._known_until(after)
        if low >= high:
            return None
        near_rows = self._rows(self._sides[before].latest, low, before.b)
        far_rows = self._rows(self._sides[after].first, before.b, high)
        return Window(*self._slicing.times(low, high), pa.concat_tables([near_rows, far_rows]))

    def _rows(self, pages: list[tuple[pa.RecordBatch, Seconds]], low: int, high: int) -> pa.Table:
        """Return the rows in the seconds `[low, high)` along the order."""
        chosen = []
        for batch, seconds in pages:
            along = self._slicing.along(seconds)
            chosen.append(batch.filter(pa.array((along >= low) & (along < high))))
        return pa.Table.from_batches(chosen, schema=pages[0][0].schema)

    def _rows_along(self, pages: list[tuple[pa.RecordBatch, Seconds]], low: int, high: int) -> Seconds:
        """Return the seconds along the order of all rows in `[low, high)`, ascending."""
        along = np.sort(np.concatenate([self._slicing.along(seconds) for _, seconds in pages]))
        chosen: Seconds = along[(along >= low) & (along < high)]
        return chosen
