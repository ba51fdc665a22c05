"""The order in which the API sends dates: found on the first pages, then checked on every page.

Order is an assumption with a tolerance. Single events may be out of place by up to `MARGIN_SECONDS` or one page,
whichever is less. Dates that run backwards by more are a `Disorder`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from te_audit_frames.client.epoch import Seconds

Order = Literal["unknown", "newest first", "oldest first", "none"]

MARGIN_SECONDS = 900
"""How far dates may run backwards, and how far a slice reads past its cut unless a page ends sooner."""


class Disorder(Exception):
    """Dates run backwards by more than the tolerance, or lie outside the range asked for, so cuts are not safe."""


class DateOrder:
    """The order of dates within one period, as observed so far.

    Seconds "along the order" start with 0 at the bound of the period that the API sends first.

    Parameters
    ----------
    start, end : int
        The period in whole epoch seconds, half-open.
    expected : bool
        False to take events in whatever order they come.

    Attributes
    ----------
    name : {"unknown", "newest first", "oldest first", "none"}
        The order.
    """

    def __init__(self, start: int, end: int, *, expected: bool = True) -> None:
        self._start = start
        self._end = end
        self.name: Order = "unknown" if expected else "none"
        self._is_confirmed = False
        self._pages_so_far: list[Seconds] = []

    @property
    def is_known(self) -> bool:
        """Whether dates run one way."""
        return self.name in ("newest first", "oldest first")

    @property
    def is_proven(self) -> bool:
        """Whether a later page continued the order of the first. Before that, events may still come anywhere."""
        return self._is_confirmed and self.name != "none"

    def along(self, seconds: Seconds) -> Seconds:
        """Turn epoch seconds into seconds along the order."""
        return seconds - self._start if self.name == "oldest first" else self._end - 1 - seconds

    def times(self, a: int, b: int) -> tuple[int, int]:
        """Turn a half-open range of seconds along the order into epoch seconds."""
        if self.name == "oldest first":
            return self._start + a, self._start + b
        return self._end - b, self._end - a

    def follow(self, dates: Seconds, recent: Seconds, *, page_size: int) -> Seconds:
        """Check a page against the order, or find the order if it is not known yet.

        Parameters
        ----------
        dates : numpy.ndarray
            The page's dates in epoch seconds, in the order sent; at least one.
        recent : numpy.ndarray
            What this method returned for the page before.
        page_size : int
            The most rows that a page had.

        Returns
        -------
        numpy.ndarray
            For each of the latest rows, the largest second along the order so far. Empty while no order is known.

        Raises
        ------
        Disorder
            The dates run backwards by more than the tolerance.
        """
        if self.name == "unknown":
            recent = self._find(dates, recent)
        if self.name == "unknown":
            return recent
        along = self.along(dates)
        reached = np.maximum.accumulate(along)
        if len(recent):
            reached = np.maximum(reached, recent[-1])
        page = max(page_size, len(along))
        history = np.concatenate([recent, reached])
        a_page_earlier = np.concatenate([np.full(page, np.iinfo(np.int64).min), history])[len(recent) :]
        is_behind_a_page = (along < a_page_earlier[: len(along)]).any()
        if bool(is_behind_a_page or (reached - along > MARGIN_SECONDS).any()):
            raise Disorder
        # One page alone confirms nothing: its rows may run one way while the pages run the other way.
        advanced = len(recent) > 0 and int(reached[-1]) > int(recent[-1])
        self._is_confirmed = self._is_confirmed or advanced
        return history[-page:]

    def _find(self, dates: Seconds, recent: Seconds) -> Seconds:
        """Compare the earlier half of all rows with the later half, so that single events do not decide."""
        self._pages_so_far.append(dates)
        seconds = np.concatenate(self._pages_so_far)
        half = len(seconds) // 2
        if not half:
            return recent
        first, second = seconds[:half], seconds[half:]
        change = float(np.median(second) - np.median(first)) or float(second.mean() - first.mean())
        if change:
            self.name = "newest first" if change < 0 else "oldest first"
            earlier = np.concatenate([dates[:0], *self._pages_so_far[:-1]])
            recent = np.maximum.accumulate(self.along(earlier))
            self._pages_so_far.clear()
        return recent
