"""The log while it changes: events arrive and are removed, and may be stored out of date order."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox.cursors import Mark, RowMark
from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.event_log import EventLog, Integers
from te_audit_frames.sandbox.server_behaviour import Behaviour

_FAR = 10**11
"""The greatest displacement, in seconds. It is beyond every event, and larger numbers would overflow."""


@dataclass(frozen=True)
class LogPage:
    """One page: the positions of its events in the order of sending, and the mark of the next page."""

    positions: Integers
    next_mark: Mark | None


class LiveLog:
    """Serves a log page by page, in the order of storage, while it changes.

    Parameters
    ----------
    event_log : EventLog
        The events at the beginning.
    behaviour : Behaviour
        Which events arrive and are removed, and in which order events are stored and sent.
    newest_first : bool
        Whether pages run from the newest event to the oldest.
    seed : int
        Determines which events are misplaced, and which arrive.
    """

    def __init__(self, event_log: EventLog, behaviour: Behaviour, *, newest_first: bool, seed: int) -> None:
        self._event_log = event_log
        self._behaviour = behaviour
        self._newest_first = newest_first
        self._rng = np.random.default_rng([seed, 0x10C])
        self._lock = threading.Lock()
        self._dates = event_log.dates
        self._groups = event_log.groups
        self._places = event_log.dates if behaviour.is_static_and_sorted else self._displace(event_log.dates)
        self._arrived: list[str] = []
        self._removed = 0
        self._due = np.zeros(2)

    def __len__(self) -> int:
        return len(self._dates) - self._removed

    def _displace(self, dates: Integers) -> Integers:
        """Return the epoch second by which storage orders each event."""
        places = dates.copy()
        disorder = min(int(self._behaviour.disorder.total_seconds()), _FAR)
        if disorder:
            places += self._rng.integers(-disorder, disorder, len(places), endpoint=True)
        chosen = self._rng.permutation(len(places))[: self._behaviour.misplaced]
        places[chosen] = dates[chosen] - int(self._behaviour.misplaced_by.total_seconds())
        return places

    # ---- change ------------------------------------------------------------------------------------------------

    def advance(self, now: int) -> None:
        """Add and remove the events that are due before an answer.

        Parameters
        ----------
        now : int
            The server's clock, in epoch seconds.
        """
        if not (self._behaviour.arrivals or self._behaviour.removals):
            return
        with self._lock:
            self._due += (self._behaviour.arrivals, self._behaviour.removals)
            arriving, leaving = (int(count) for count in self._due)
            self._due -= (arriving, leaving)
            if self._behaviour.most_arrivals is not None:
                arriving = min(arriving, self._behaviour.most_arrivals - len(self._arrived))
            for _ in range(arriving):
                self._arrive(now)
            self._removed = min(self._removed + leaving, len(self._event_log))

    def _arrive(self, now: int) -> None:
        """Add an event that happened now or a little earlier, modelled on an existing one."""
        date = now - int(self._rng.integers(0, int(self._behaviour.arrival_delay.total_seconds()), endpoint=True))
        event: Any = {"aid": self._event_log.login_aid, "event": "User login."}
        group = 0
        if len(self._event_log):
            position = int(self._rng.integers(len(self._event_log)))
            group = int(self._groups[position])
            example = json.loads(self._event_log.render(np.array([position]))[0])
            event = example if isinstance(example, dict) else event
        self._arrived.append(json.dumps(event | {"date": iso(date)}))
        place = date if self._behaviour.arrivals_stand == "by date" else max(now, int(self._places.max(initial=now)))
        self._dates = np.append(self._dates, date)
        self._groups = np.append(self._groups, group)
        self._places = np.append(self._places, place)

    # ---- reading -----------------------------------------------------------------------------------------------

    def page(self, first: int | None, stop: int, aid: str | None, mark: Mark, size: int, *, now: int) -> LogPage:
        """Return one page of the events with `first <= date < stop`.

        Parameters
        ----------
        first, stop : int
            Epoch seconds; a `first` of None is open.
        aid : str or None
            The account group; None is all of them.
        mark : int or tuple
            Where the page begins: a number of events to skip, or the last row sent.
        size : int
            Events on a page.
        now : int
            The server's clock, which decides what retention has removed.

        Returns
        -------
        LogPage
            The page.
        """
        if self._behaviour.is_static_and_sorted:
            found = self._event_log.select(first, stop, aid)
            total, begin = len(found), mark if isinstance(mark, int) else 0
            positions = found.page(begin, size, newest_first=self._newest_first)
            last = found.page(max(total - 1, 0), 1, newest_first=self._newest_first)
        else:
            keys, rows = self._sorted(first, stop, aid, now=now)
            total = len(rows)
            begin = mark if isinstance(mark, int) else int(_is_up_to(keys, mark).sum())
            positions, last = rows[begin : begin + size], rows[-1:]
        end = begin + size
        if self._behaviour.endless and total:
            positions = np.concatenate([positions, np.repeat(last, size - len(positions))])
        next_mark: Mark | None = None
        if end < total or self._behaviour.endless:
            next_mark = end
            if self._behaviour.cursors == "row":
                next_mark = tuple(int(key[end - 1]) for key in keys)  # type: ignore[assignment]
        return LogPage(positions[::-1] if self._behaviour.reversed_pages else positions, next_mark)

    def between(self, first: int, stop: int, aid: str | None, *, now: int) -> list[str]:
        """Return the JSON text of all events with `first <= date < stop` that are visible now, oldest first."""
        with self._lock:
            rows = self._visible(first, stop, aid, now=now)
            rows = rows[np.argsort(self._dates[rows], kind="stable")]
        return self.render(rows)

    def displaced(self) -> tuple[list[str], Integers]:
        """Return the events stored out of date order, and how many seconds each date is ahead."""
        with self._lock:
            ahead = self._dates - self._places
            rows = np.flatnonzero(ahead)
        return self.render(rows), ahead[rows]

    def render(self, positions: Integers) -> list[str]:
        """Return the JSON text of each of these events."""
        known = len(self._event_log)
        old = iter(self._event_log.render(positions[positions < known]))
        return [next(old) if position < known else self._arrived[position - known] for position in positions.tolist()]

    def _visible(self, first: int | None, stop: int, aid: str | None, *, now: int) -> Integers:
        shown = self._dates < stop
        shown[: self._removed] = False
        if first is not None:
            shown &= self._dates >= first
        if self._behaviour.retention is not None:
            shown &= self._dates >= now - self._behaviour.retention.total_seconds()
        if aid is not None:
            shown &= self._groups == self._event_log.aids.index(aid)
        return np.flatnonzero(shown)

    def _sorted(
        self, first: int | None, stop: int, aid: str | None, *, now: int
    ) -> tuple[tuple[NDArray[Any], ...], Integers]:
        """Return the positions in the order of sending, and the keys of that order: group, place, position."""
        with self._lock:
            rows = self._visible(first, stop, aid, now=now)
            sign = -1 if self._newest_first else 1
            groups = self._groups[rows] if self._behaviour.grouped else np.zeros(len(rows), dtype=np.int64)
            places = sign * self._places[rows]
        order = np.lexsort((sign * rows, places, groups))
        keys = (groups[order], places[order], (sign * rows)[order])
        return keys, rows[order]


def _is_up_to(keys: tuple[NDArray[Any], ...], mark: RowMark) -> NDArray[np.bool_]:
    """Return which rows come up to and including the row of a mark."""
    (group, place, position), (at_group, at_place, at_position) = keys, mark
    same_group = group == at_group
    same_place = same_group & (place == at_place)
    earlier = (group < at_group) | (same_group & (place < at_place))
    return np.asarray(earlier | (same_place & (position <= at_position)), dtype=np.bool_)
