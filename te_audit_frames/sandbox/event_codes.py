"""Events as arrays of codes, before they become text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_log import Integers


@dataclass(frozen=True)
class EventCodes:
    """Events as codes: date, person, account group, kind of event, address."""

    date: Integers
    who: Integers
    group: Integers
    kind: Integers
    where: Integers

    def __len__(self) -> int:
        return len(self.date)

    def take(self, rows: NDArray[Any]) -> EventCodes:
        """Return these rows."""
        return EventCodes(*(getattr(self, column.name)[rows] for column in fields(self)))

    @staticmethod
    def join(parts: list[EventCodes]) -> EventCodes:
        """Return the rows of all parts."""
        return EventCodes(
            *(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(EventCodes))
        )

    @staticmethod
    def of(rows: list[tuple[int, int, int, int, int]]) -> EventCodes:
        """Return rows of (date, person, account group, kind, address) as codes."""
        return EventCodes(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


Resources = tuple[tuple[str, str], ...]
"""Pairs of a type and a name."""


class GivenKinds:
    """Kinds of events with given resources, such as the assignment of a role to one person.

    Their codes follow those of `names.KINDS`, whose resources are drawn.
    """

    def __init__(self) -> None:
        self._codes: dict[tuple[str, Resources], int] = {}

    def code(self, event: str, *resources: tuple[str, str]) -> int:
        """Return the code of an event with these resources.

        Examples
        --------
        >>> from te_audit_frames.sandbox.event_codes import GivenKinds
        >>> kinds = GivenKinds()
        >>> kinds.code("Test deleted.", ("testName", "VPN")) == kinds.code("Test deleted.", ("testName", "VPN"))
        True
        """
        return self._codes.setdefault((event, resources), len(names.KINDS) + len(self._codes))

    def __iter__(self) -> Iterator[tuple[str, Resources]]:
        return iter(self._codes)
