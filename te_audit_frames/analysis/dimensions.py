"""What events can be counted by: a person, an account group, an event type, an address, or any other column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.schema import COLUMNS, require_columns


@dataclass(frozen=True)
class Dimension:
    """One thing that events can be counted by.

    Attributes
    ----------
    name : str
        What callers write, and what a message or a title calls it.
    key : str
        The column that distinguishes two of them.
    label : str or None
        The column with their names. It also identifies events that have no key.
    counted_as : str
        The column of a summary with the number of distinct ones; empty if they are not counted.
    """

    name: str
    key: str
    label: str | None = None
    counted_as: str = ""

    @property
    def stand_in(self) -> str:
        """The grouping column that holds the label of events without a key.

        It is a column of its own, so that a label never matches another event's key.
        """
        return f"{self.label} without {self.key}"

    @property
    def group_key(self) -> str:
        """The grouping column of the key. The prefix keeps a user's column apart from computed ones."""
        return f"by {self.key}"

    @property
    def group_label(self) -> str:
        """The grouping column of the label."""
        return f"by {self.label}"

    @property
    def identity(self) -> list[str]:
        """The grouping columns that together identify one of them."""
        return [self.group_key, self.stand_in] if self.label else [self.group_key]

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of events to read, by the name of their grouping column."""
        return {self.group_key: self.key} | ({self.group_label: self.label} if self.label else {})


DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("user", "uid", "user", "users"),
        Dimension("account_group", "aid", "account_group_name", "account_groups"),
        Dimension("event", "event", None, "event_types"),
        Dimension("ip_address", "ip_address", None, "ip_addresses"),
    )
}

# Other ways to write the four names. A column of the frame that is really called `event_type` or `ip` comes first.
SPELLINGS = {
    "uid": "user",
    "aid": "account_group",
    "account_group_name": "account_group",
    "event_type": "event",
    "ip": "ip_address",
}

# Columns that summaries and activity add; no column to count by can have these names in the result.
RESULT_COLUMNS = {
    "events", "share", "first_event", "last_event", "period", "complete",
    *(dimension.counted_as for dimension in DIMENSIONS.values()),
}  # fmt: skip


def parse_by(by: str | Sequence[str] | None, columns: Collection[str]) -> list[Dimension]:
    """Turn the argument `by` into dimensions, in the caller's order.

    Parameters
    ----------
    by : str or list of str
        One or several of the four names, of their other spellings, or of `columns`.
    columns : collection of str
        The columns of the frame.

    Returns
    -------
    list of Dimension
        Reduced to the columns that the frame has.

    Raises
    ------
    InvalidArgument
        A name is unknown, given twice, or taken by a column of the result.
    NotAnAuditFrame
        The frame has no column for one of the four.

    Examples
    --------
    >>> from te_audit_frames.analysis.dimensions import parse_by
    >>> [dimension.key for dimension in parse_by(["event_type", "network"], ["date", "event", "network"])]
    ['event', 'network']
    """
    names = list(by) if isinstance(by, list | tuple) else [by]
    dimensions = [_parse(name, columns) for name in names]
    if not dimensions or len(set(dimensions)) < len(dimensions):
        raise InvalidArgument(f'by: {by!r} has to name one or several columns, each once. For example by="user".')
    return dimensions


def list_countable(columns: Collection[str], grouped: Sequence[Dimension]) -> list[Dimension]:
    """List the dimensions whose distinct values a summary counts: those the frame has, without those it groups by."""
    names = {dimension.name for dimension in grouped}
    present = (_reduce(dimension, columns) for dimension in DIMENSIONS.values() if dimension.name not in names)
    return [dimension for dimension in present if dimension is not None]


def check_top(top: int | None) -> None:
    """Raise InvalidArgument unless `top` is a positive whole number or None."""
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
        raise InvalidArgument(f"top: {top!r} is not a positive whole number. For example top=10.")


def _parse(name: object, columns: Collection[str]) -> Dimension:
    if isinstance(name, str):
        known = name in DIMENSIONS or name in COLUMNS or name not in columns
        dimension = DIMENSIONS.get(SPELLINGS.get(name, name)) if known else None
        if dimension is not None:
            reduced = _reduce(dimension, columns)
            if reduced is None:
                require_columns(columns, ["date", dimension.key])
            return reduced or dimension
        if name in RESULT_COLUMNS:
            raise InvalidArgument(
                f"by: the result has a column {name!r} of its own. Rename yours, for example "
                f'events.rename(columns={{{name!r}: "my_{name}"}}). Then by="my_{name}".'
            )
        if name in columns:
            return Dimension(name, name)
    raise InvalidArgument(
        f"by: {name!r} is neither one of {', '.join(map(repr, DIMENSIONS))} nor a column of the events. "
        'For example by="user".'
    )


def _reduce(dimension: Dimension, columns: Collection[str]) -> Dimension | None:
    """Return the dimension with those of its columns that the frame has, or None if it has neither."""
    if dimension.label is None or dimension.label not in columns:
        return replace(dimension, label=None) if dimension.key in columns else None
    return dimension if dimension.key in columns else replace(dimension, key=dimension.label, label=None)
