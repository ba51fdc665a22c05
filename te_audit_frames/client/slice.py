"""A slice: the part of a period that one worker pages through."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from te_audit_frames.client.epoch import Seconds


@dataclass(eq=False)
class Slice:
    """A part of a period that one worker pages through.

    A slice counts seconds along the order of dates, from 0 at the bound of the period that the API sends first.

    Attributes
    ----------
    a, b : int
        The slice owns the seconds `[a, b)` along the order.
    low, high : int
        The epoch seconds asked for, half-open. The query also asks for the second before `low`.
    pos : int
        The largest second along the order that was received; `a` before the first page.
    is_cut : bool
        Whether another slice owns what follows `b`.
    crossed : bool
        Whether a page has reached beyond the cut.
    tail : float
        How many seconds the latest page covers; 0.0 before the first page.
    recent : numpy.ndarray
        For each of the latest rows, at most a page of them, the largest second received so far.
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
        """The number of seconds not yet received."""
        return self.b - self.pos
