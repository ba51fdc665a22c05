"""What events can be counted by: a person, an account group, a type of event, an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from te_audit_frames.errors import InvalidArgument


@dataclass(frozen=True)
class Dimension:
    """One thing that events can be counted by."""

    name: str  # what callers say
    key: str  # the column that tells two of them apart
    label: str | None  # the column that names them, and stands in where there is no key
    counted_as: str  # the column of their number in a summary

    @property
    def stand_in(self) -> str:
        """The grouping column that holds the label where there is no key, so that neither passes for the other."""
        return f"{self.label} without {self.key}"

    @property
    def identity(self) -> list[str]:
        """The grouping columns that together tell two of them apart."""
        return [self.key, self.stand_in] if self.label else [self.key]

    @property
    def columns(self) -> list[str]:
        """The columns of events that it is read from, and that it has in a result."""
        return [self.key, self.label] if self.label else [self.key]


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("user", "uid", "user", "users"),
        Dimension("account_group", "aid", "account_group_name", "account_groups"),
        Dimension("event", "event", None, "event_types"),
        Dimension("ip_address", "ip_address", None, "ip_addresses"),
    )
}


def parse_by(by: str | Sequence[str]) -> list[Dimension]:
    """Turn the `by` of a caller into dimensions, in the caller's order."""
    names = list(by) if isinstance(by, list | tuple) else [by]
    known = [name for name in names if isinstance(name, str) and name in DIMENSIONS]
    if not names or len(set(known)) < len(names):
        raise InvalidArgument(
            f"by: {by!r} is not one or several of {', '.join(map(repr, DIMENSIONS))}, each at most once. "
            'For example by="user".'
        )
    return [DIMENSIONS[name] for name in known]
