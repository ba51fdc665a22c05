"""A query: what is asked of the API, apart from the cursor. Its answer may take many pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from te_audit_frames.periods import iso


@dataclass(frozen=True)
class Query:
    """What is asked of the API, apart from the cursor.

    Attributes
    ----------
    parameters : dict of str
        The parameters as sent.
    start, end : datetime or None
        The range of time that the parameters name. None for a bound that the server decides.
    """

    parameters: dict[str, str]
    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of_range(cls, scope: dict[str, str], start: datetime, end: datetime) -> Query:
        """Return the query for a range of time, given in whole seconds."""
        return cls({**scope, "startDate": iso(start), "endDate": iso(end)}, start, end)

    @property
    def is_absolute(self) -> bool:
        """Whether the query itself names the end of its range."""
        return self.end is not None
