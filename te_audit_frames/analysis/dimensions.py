"""The dimensions of events to count by: user, account group, event type, address, or any other column."""

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
        The name that callers write, and that messages and titles use.
    key : str
        The column that identifies a value, such as `uid` for a user.
    label : str or None
        The column with the names of the values, such as `user`. It also identifies events that have no key.
    counted_as : str
        The column of a summary with the number of distinct values; empty if they are not counted.
    """

    name: str
    key: str
    label: str | None = None
    counted_as: str = ""

    @property
    def stand_in(self) -> str:
        """The grouping column with the labels of events that have no key.

        It is separate from the keys, so that a label never matches the key of another event.
        """
        return f"{self.label} without {self.key}"

    @property
    def group_key(self) -> str:
        """The grouping column of the key. The prefix keeps it apart from computed columns such as `events`."""
        return f"by {self.key}"

    @property
    def group_label(self) -> str:
        """The grouping column of the label."""
        return f"by {self.label}"

    @property
    def identity(self) -> list[str]:
        """The grouping columns that together identify a value."""
        return [self.group_key, self.stand_in] if self.label else [self.group_key]

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of events to read, each under the name of its grouping column."""
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

# Other spellings of the four names. If the frame has a column called `event_type` or `ip`, that column is used.
SPELLINGS = {
    "uid": "user",
    "aid": "account_group",
    "account_group_name": "account_group",
    "event_type": "event",
    "ip": "ip_address",
}

# The columns that summaries and activity add. Another column with one of these names would clash with them.
RESULT_COLUMNS = {
    "events", "share", "first_event", "last_event", "period", "complete",
    *(dimension.counted_as for dimension in DIMENSIONS.values()),
}  # fmt: skip


def parse_by(by: str | Sequence[str] | None, columns: Collection[str]) -> list[Dimension]:
    """Turn the argument `by` into dimensions, in the order of the caller.

    Parameters
    ----------
    by : str or list of str
        One or several names: ``"user"``, ``"account_group"``, ``"event"``, ``"ip_address"``, another spelling of these
        four, or a column of the frame.
    columns : collection of str
        The columns of the frame.

    Returns
    -------
    list of Dimension
        The dimensions. If the frame lacks the key of one, its label becomes the key. If the frame lacks the label, the
        dimension has none.

    Raises
    ------
    InvalidArgument
        A name is unknown, is given twice, or is the name of a column of the result.
    NotAnAuditFrame
        The frame has neither the key nor the label of a dimension.

    Examples
    --------
    >>> from te_audit_frames.analysis.dimensions import parse_by
    >>> [dimension.key for dimension in parse_by(["event_type", "network"], ["date", "event", "network"])]
    ['event', 'network']
    """
    names = list(by) if isinstance(by, list | tuple) else [by]
    dimensions = [_parse(name, columns) for name in names]
    if not dimensions or len(set(dimensions)) < len(dimensions):
        raise InvalidArgument(f'by: {by!r} does not name one or more different columns. For example by="user".')
    return dimensions


def list_countable(columns: Collection[str], grouped: Sequence[Dimension]) -> list[Dimension]:
    """Return the dimensions to count: those with a column in the frame, without those in `grouped`."""
    names = {dimension.name for dimension in grouped}
    present = (_reduce(dimension, columns) for dimension in DIMENSIONS.values() if dimension.name not in names)
    return [dimension for dimension in present if dimension is not None]


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
                f"by: the result has a column {name!r} of its own. Rename yours, for example with "
                f'events.rename(columns={{{name!r}: "my_{name}"}}), and give by="my_{name}".'
            )
        if name in columns:
            return Dimension(name, name)
    raise InvalidArgument(
        f"by: {name!r} is neither one of {', '.join(map(repr, DIMENSIONS))} nor a column of the events. "
        'For example by="user".'
    )


def _reduce(dimension: Dimension, columns: Collection[str]) -> Dimension | None:
    """Return the dimension with only the columns that the frame has, or None if it has neither key nor label."""
    if dimension.label is None or dimension.label not in columns:
        return replace(dimension, label=None) if dimension.key in columns else None
    return dimension if dimension.key in columns else replace(dimension, key=dimension.label, label=None)
