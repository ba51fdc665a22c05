"""Both sides of every cut: what a slice read beyond its end, against what the next slice got there.

Of each slice the first and the latest pages are remembered, no more. From them come the free comparison of every cut,
and the windows around cuts that are read a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from te_audit_frames.client.epoch import Seconds
from te_audit_frames.client.slice import Slice
from te_audit_frames.client.slicing import Slicing

_REMEMBERED = 3
_WINDOW_ROWS = 0.3
"""Of a page, on each side of a cut."""


@dataclass
class _Side:
    """The pages of a slice that lie next to its cuts, with the epoch seconds of their rows."""

    first: list[tuple[pa.RecordBatch, Seconds]] = field(default_factory=list)
    latest: list[tuple[pa.RecordBatch, Seconds]] = field(default_factory=list)
    pages: int = 0
    forgotten: Seconds = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """The least and the largest epoch second on the pages that are remembered no more."""


@dataclass(frozen=True)
class Window:
    """Epoch seconds `[low, high)` around a cut, and the rows that were received there."""

    low: int
    high: int
    rows: pa.Table


class Seams:
    """What was read next to the cuts of one slicing."""

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
        """Whether a slice stopped at a cut."""
        return bool(self._pairs())

    def overlaps(self) -> list[tuple[pa.Table, pa.Table]]:
        """List for each cut what the slice before it read beyond, and what the slices behind it got there."""
        overlaps = []
        for before, behind in self._pairs():
            end = self._known_until(behind)
            beyond = self._rows(self._sides[before].latest, before.b, min(end, before.pos + 1))
            if beyond.num_rows:
                overlaps.append((beyond, self._rows(self._sides[behind].first, before.b, end)))
        return overlaps

    def windows(self, number: int) -> list[Window]:
        """Choose windows around cuts: one at the newest, the others spread evenly over the rest."""
        pairs = sorted(self._pairs(), key=lambda pair: self._slicing.times(pair[0].b, pair[0].b)[0])
        if not pairs:
            return []
        last = len(pairs) - 1
        chosen = sorted({round(last * step / max(number - 1, 1)) for step in range(number)} if number > 1 else {last})
        windows = (self._window(*pairs[position]) for position in chosen)
        return [window for window in windows if window is not None]

    def _pairs(self) -> list[tuple[Slice, Slice]]:
        """Pair each slice that was cut with the one behind the cut."""
        begins = {part.a: part for part in self._sides}
        cut = (part for part in self._sides if part.is_cut and part.crossed)
        return [(part, begins[part.b]) for part in cut if part.b in begins and begins[part.b] is not part]

    def _known_until(self, part: Slice) -> int:
        """Return the second along the order before which the remembered first pages hold everything of a slice."""
        side = self._sides[part]
        if side.pages <= len(side.first):
            return part.b
        # What is out of order is so by a page at most, so that the last page remembered vouches for those before.
        reached = max((int(self._slicing.along(page).max(initial=part.a)) for _, page in side.first[:-1]))
        return min(reached, part.b)

    def _known_from(self, part: Slice) -> int:
        """Return the second along the order from which the remembered latest pages hold everything of a slice."""
        forgotten = self._slicing.along(self._sides[part].forgotten)
        return min(int(forgotten.max(initial=part.a - 1)) + 1, part.b)

    def _window(self, before: Slice, behind: Slice) -> Window | None:
        rows = max(int(_WINDOW_ROWS * self._slicing.page_size), 1)
        near = self._rows_along(self._sides[before].latest, self._known_from(before), before.b)
        far = self._rows_along(self._sides[behind].first, before.b, self._known_until(behind))
        low = int(near[-rows]) if len(near) >= rows else self._known_from(before)
        high = int(far[rows - 1]) + 1 if len(far) >= rows else self._known_until(behind)
        if low >= high:
            return None
        near_rows = self._rows(self._sides[before].latest, low, before.b)
        far_rows = self._rows(self._sides[behind].first, before.b, high)
        return Window(*self._slicing.times(low, high), pa.concat_tables([near_rows, far_rows]))

    def _rows(self, pages: list[tuple[pa.RecordBatch, Seconds]], low: int, high: int) -> pa.Table:
        """Take the rows of `[low, high)` along the order."""
        chosen = []
        for batch, seconds in pages:
            along = self._slicing.along(seconds)
            chosen.append(batch.filter(pa.array((along >= low) & (along < high))))
        return pa.Table.from_batches(chosen, schema=pages[0][0].schema)

    def _rows_along(self, pages: list[tuple[pa.RecordBatch, Seconds]], low: int, high: int) -> Seconds:
        """Return the seconds along the order of the rows of `[low, high)`, ascending."""
        along = np.sort(np.concatenate([self._slicing.along(seconds) for _, seconds in pages]))
        chosen: Seconds = along[(along >= low) & (along < high)]
        return chosen
