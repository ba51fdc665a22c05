"""What one event text says: an action, an object, an outcome, and the rule that decided."""

from __future__ import annotations

from dataclasses import dataclass

UNCLASSIFIED = "unclassified"
SUCCESS, FAILURE, UNKNOWN = "success", "failure", "unknown"


@dataclass(frozen=True)
class Reading:
    """What one event text says.

    Attributes
    ----------
    action : str
        `UNCLASSIFIED` if no rule knows the text.
    object : str
        `UNCLASSIFIED` if no rule knows the text, or only its action.
    outcome : str
        `SUCCESS`, `FAILURE` or `UNKNOWN`.
    rule : str
        The form of the clause, its word for the action, and the words for the object.
    """

    action: str = UNCLASSIFIED
    object: str = UNCLASSIFIED
    outcome: str = UNKNOWN
    rule: str = UNCLASSIFIED
