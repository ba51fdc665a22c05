"""A log that can be served: events in ascending date, selected by time and account group, rendered on request."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox.directory_records import REGULAR_USER, Person

Integers = NDArray[np.int64]

_USER = re.compile(r"(.*) \(([^()]+@[^()]+)\)", re.DOTALL)


@dataclass(frozen=True)
class Selection:
    """The events of one account group, or of all, in a range of time, by their positions in the log."""

    positions: Integers | None
    first: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first

    def page(self, offset: int, size: int, *, newest_first: bool) -> Integers:
        """Return the positions of one page, in the order of sending."""
        if newest_first:
            chosen = np.arange(self.stop - 1 - offset, max(self.stop - 1 - offset - size, self.first - 1), -1)
        else:
            chosen = np.arange(self.first + offset, min(self.first + offset + size, self.stop))
        return chosen if self.positions is None else self.positions[chosen]


class EventLog:
    """Events by position. Subclasses render them as JSON.

    Parameters
    ----------
    dates : array of int64
        Ascending, in seconds since 1970.
    groups : array of int
        The account group of each event, as an index into `aids`.
    aids : sequence of str
        The account groups; the first is the login account group.
    group_names : sequence of str
        Their names.
    """

    def __init__(self, dates: Integers, groups: NDArray[Any], aids: Sequence[str], group_names: Sequence[str]) -> None:
        self.dates = dates
        self.groups = groups
        self.aids = tuple(aids)
        self.group_names = tuple(group_names)
        self._of_group = {aid: np.flatnonzero(groups == index) for index, aid in enumerate(self.aids)}
        self._dates_of_group = {aid: dates[positions] for aid, positions in self._of_group.items()}

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def login_aid(self) -> str:
        """The account group that a request without `aid` is about."""
        return self.aids[0]

    def select(self, first: int | None, stop: int, aid: str | None) -> Selection:
        """Find the events with `first <= date < stop` (epoch seconds; None is open) of one account group, or of all."""
        positions = None if aid is None else self._of_group[aid]
        dates = self.dates if aid is None else self._dates_of_group[aid]
        low = 0 if first is None else int(np.searchsorted(dates, first))
        return Selection(positions, low, max(low, int(np.searchsorted(dates, stop))))

    def render(self, positions: Integers) -> list[str]:
        """Return the JSON text of each of these events."""
        raise NotImplementedError

    def people(self, now: int) -> list[Person]:
        """Return the organisation's people, as its directory lists them.

        Parameters
        ----------
        now : int
            In epoch seconds. Logins and changes of names after it have not happened yet.
        """
        raise NotImplementedError


class GivenEvents(EventLog):
    """Events written by the caller, served exactly as they are.

    Parameters
    ----------
    events : sequence
        JSON values, usually objects as the API sends them, in any order. An event without a readable date is placed
        next to the one before it in the list.
    now : int
        If no event has a date, all are placed one second before this.
    """

    def __init__(self, events: Sequence[Any], *, now: int) -> None:
        dates = np.array(_places([_second(event) for event in events], default=now - 1), dtype=np.int64)
        order = np.argsort(dates, kind="stable")
        aids = [_aid(event) for event in events]
        known = list(dict.fromkeys(aid for aid in aids if aid is not None)) or ["1234"]
        groups = np.array([0 if aid is None else known.index(aid) for aid in aids], dtype=np.int64)
        names = _group_names(events)
        super().__init__(dates[order], groups[order], known, [names.get(aid, f"Account Group {aid}") for aid in known])
        # ASCII can also carry text that is not valid Unicode, such as half a surrogate pair.
        self._texts = [json.dumps(events[position]) for position in order.tolist()]

    def render(self, positions: Integers) -> list[str]:
        """Return the JSON text of each of these events."""
        return [self._texts[position] for position in positions.tolist()]

    def people(self, now: int) -> list[Person]:
        """Return everybody with a `uid` in an event up to now, as regular users of their events' account groups."""
        seen: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for second, text in zip(self.dates.tolist(), self._texts, strict=True):
            event = json.loads(text)
            if isinstance(event, dict) and event.get("uid") is not None and second <= now:
                seen.setdefault(str(event["uid"]), []).append((second, event))
        return [self._person(uid, events) for uid, events in seen.items()]

    def _person(self, uid: str, events: list[tuple[int, dict[str, Any]]]) -> Person:
        users = [event["user"] for _, event in events if isinstance(event.get("user"), str)]
        name, email = split_user(users[-1] if users else f"User {uid}", uid)
        aids = list(dict.fromkeys(_aid(event) or self.login_aid for _, event in events))
        logins = [second for second, event in events if _is_login(event.get("event"))]
        roles = dict.fromkeys(aids, (REGULAR_USER,))
        return Person(uid, name, email, aids[0], events[0][0] - 86_400, max(logins, default=None), roles)


def split_user(user: str, uid: str) -> tuple[str, str]:
    """Return the name and the email address in the log's text for a user.

    Examples
    --------
    >>> from te_audit_frames.sandbox.event_log import split_user
    >>> split_user("Ada Byron (ada@example.com)", "7"), split_user("Kiosk", "8")
    (('Ada Byron', 'ada@example.com'), ('Kiosk', 'user-8@example.com'))
    """
    match = _USER.fullmatch(user)
    return (match[1], match[2]) if match else (user, f"user-{uid}@example.com")


def _is_login(event: object) -> bool:
    text = event.lower() if isinstance(event, str) else ""
    return "login" in text and "fail" not in text


def _second(event: Any) -> int | None:
    try:
        date = datetime.fromisoformat(event["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() // 1)


def _places(seconds: list[int | None], *, default: int) -> list[int]:
    place = next((second for second in seconds if second is not None), default)
    places = []
    for second in seconds:
        place = place if second is None else second
        places.append(place)
    return places


def _group_names(events: Sequence[Any]) -> dict[str | None, str]:
    """Return the name of each account group by `aid`: the first one that the events give."""
    named = [(_aid(event), event.get("accountGroupName")) for event in events if isinstance(event, dict)]
    return {aid: name for aid, name in reversed(named) if isinstance(name, str)}


def _aid(event: Any) -> str | None:
    aid = event.get("aid") if isinstance(event, dict) else None
    return None if aid is None else str(aid)
