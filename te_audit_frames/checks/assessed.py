"""What a check examined, and what it could not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from te_audit_frames.errors import InvalidArgument

if TYPE_CHECKING:
    from te_audit_frames.checks.selection import Selection

ASSESSED_KEY = "te_audit_frames_assessed"
"""The key of the record, as plain values, in the `attrs` of a result."""


@dataclass(frozen=True)
class Assessed:
    """What a check examined, and what it could not.

    Attributes
    ----------
    check : str
        The function, such as ``"find_runs"``.
    events : int
        The dated events that were read.
    concerned : int
        How many of these the check is about, such as the deletions.
    people : int
        The different people of `events`.
    first_event, last_event : datetime or None
        The first and the last date of `events`, in UTC.
    undated : int
        Events without a date, which no check examines.
    unclassified : int
        Events with a text that no rule of the vocabulary knows; 0 if the check needs no classes.
    unclassified_texts : tuple of str
        Their different texts, the most frequent first.
    absent : tuple of str
        Columns that the check would have used, but that the events lack.
    baseline_days : float or None
        How many days of history the check learnt from; None if it learns nothing.
    without_baseline : int
        People with too little history to be assessed.
    not_assessed : str
        Why nothing was assessed; empty if something was.
    in_part : str
        Why only a part was assessed, if there is a special reason; otherwise empty.
    notes : tuple of str
        What else was left out, one sentence each.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"event": "Test deleted."}]}'])
    >>> taf.assessed(taf.find_runs(events)).undated
    1
    """

    check: str
    events: int = 0
    concerned: int = 0
    people: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None
    undated: int = 0
    unclassified: int = 0
    unclassified_texts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    baseline_days: float | None = None
    without_baseline: int = 0
    not_assessed: str = ""
    in_part: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, check: str, selection: Selection, **more: Any) -> Assessed:
        """Make a record from the counts of a selection."""
        stated: dict[str, Any] = {
            "events": selection.events,
            "concerned": len(selection.rows),
            "people": int(selection.people[["uid", "user"]].notna().any(axis=1).sum()),
            "first_event": selection.first_event,
            "last_event": selection.last_event,
            "undated": selection.undated,
            "unclassified": selection.unclassified,
            "unclassified_texts": selection.unclassified_texts,
            "absent": selection.absent,
        }
        if not selection.events:
            reason = "no event has a date" if selection.undated else "there are no events"
            more["not_assessed"] = more.get("not_assessed") or reason
        return cls(check, **(stated | more))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values that JSON can hold."""
        plain = asdict(self)
        for name in ("first_event", "last_event"):
            plain[name] = plain[name] and plain[name].isoformat()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Assessed:
        """Restore a record from plain values; fields that this version does not know are left out."""
        known = {field.name for field in fields(cls)}
        stated: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
        }
        for name in ("first_event", "last_event"):
            stated[name] = datetime.fromisoformat(stated[name]) if stated.get(name) else None
        return cls(**{name: value for name, value in stated.items() if name in known})


def assessed(result: pd.DataFrame) -> Assessed:
    """Return what a check examined, and what it could not.

    An empty result can mean that nothing happened, or that nothing could be seen. The record tells the two apart.

    Parameters
    ----------
    result : pandas.DataFrame
        The result of a ``find_*`` function or of `classify_actors`.

    Returns
    -------
    Assessed
        See its attributes.

    Raises
    ------
    InvalidArgument
        `result` has no such record. Joins and `pandas.concat` of several results lose it.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "event": "Flux capacitor"}]}'])
    >>> record = taf.assessed(taf.find_runs(events))
    >>> record.events, record.unclassified, record.unclassified_texts
    (1, 1, ('Flux capacitor',))
    """
    plain = result.attrs.get(ASSESSED_KEY) if isinstance(result, pd.DataFrame) else None
    if not isinstance(plain, dict):
        raise InvalidArgument(
            "result: this is not the result of a check, or it has lost its record, as joins do. Pass what a find_* "
            "function returned."
        )
    return Assessed.from_dict(plain)


def attach_assessed(result: pd.DataFrame, record: Assessed) -> pd.DataFrame:
    """Store the record in the `attrs` of a result."""
    result.attrs[ASSESSED_KEY] = record.to_dict()
    return result
