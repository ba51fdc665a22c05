"""Options for everything that the published contract leaves open, and for faults of servers."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Literal, TypedDict, get_args, get_type_hints

_NOTHING = timedelta(0)
_INTERIM = (100, 102, 103)
_DIRECTORY = re.compile(r"(users|account-groups|roles)(/[^/]+)?|permissions")


class Options(TypedDict, total=False):
    """The keyword arguments of `Behaviour`, which `Sandbox` documents."""

    longest_range: timedelta | None
    longest_range_keeps: Literal["newest", "oldest"]
    widest_range: timedelta | None
    retention: timedelta | None
    stated_range: Literal["true", "none", "example"]
    stated_end: Literal["true", "end of day", "in 3 days", "9999"]
    date_error: timedelta
    arrivals: float
    most_arrivals: int | None
    arrival_delay: timedelta
    arrivals_stand: Literal["by date", "by arrival"]
    removals: float
    misplaced: int
    misplaced_by: timedelta
    disorder: timedelta
    reversed_pages: bool
    grouped: bool
    cursors: Literal["offset", "row"]
    bare_links: bool
    changed_links: Literal["none", "scope", "window", "dates"]
    put_back: Literal["honoured", "refused"]
    repeated_next: bool
    endless: bool
    interim: tuple[int, ...]
    stray_answers: int | None
    stray_status: Literal[204, 304]
    mixed_up: int | None
    account_groups: Literal["listed", "refused"]
    max_parameter: Literal["honoured", "ignored", "refused", "total"]
    refused: tuple[str, ...]


@dataclass(frozen=True)
class Behaviour:
    """The behaviour of a server. The default is the plain server of the contract.

    The attributes are options of `Sandbox`, which documents them.

    Raises
    ------
    ValueError
        An option is out of its range, or two options exclude each other.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from te_audit_frames.sandbox.server_behaviour import Behaviour
    >>> Behaviour(longest_range=timedelta(days=31), grouped=True)
    Behaviour(longest_range=datetime.timedelta(days=31), grouped=True)
    """

    longest_range: timedelta | None = None
    longest_range_keeps: Literal["newest", "oldest"] = "newest"
    widest_range: timedelta | None = None
    retention: timedelta | None = None
    stated_range: Literal["true", "none", "example"] = "true"
    stated_end: Literal["true", "end of day", "in 3 days", "9999"] = "true"
    date_error: timedelta = _NOTHING
    arrivals: float = 0.0
    most_arrivals: int | None = None
    arrival_delay: timedelta = _NOTHING
    arrivals_stand: Literal["by date", "by arrival"] = "by date"
    removals: float = 0.0
    misplaced: int = 0
    misplaced_by: timedelta = _NOTHING
    disorder: timedelta = _NOTHING
    reversed_pages: bool = False
    grouped: bool = False
    cursors: Literal["offset", "row"] = "offset"
    bare_links: bool = False
    changed_links: Literal["none", "scope", "window", "dates"] = "none"
    put_back: Literal["honoured", "refused"] = "honoured"
    repeated_next: bool = False
    endless: bool = False
    interim: tuple[int, ...] = ()
    stray_answers: int | None = None
    stray_status: Literal[204, 304] = 204
    mixed_up: int | None = None
    account_groups: Literal["listed", "refused"] = "listed"
    max_parameter: Literal["honoured", "ignored", "refused", "total"] = "honoured"
    refused: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(Options).items():
            choices = get_args(hint)
            value = getattr(self, name)
            if choices and not any(isinstance(choice, type) or choice is Ellipsis for choice in choices):
                listed = " or ".join(repr(choice) for choice in choices)
                require(value in choices, f"{name}={value!r}: write {listed}")
        for name in ("longest_range", "widest_range", "retention"):
            length = getattr(self, name)
            require(
                length is None or length >= timedelta(seconds=1),
                f"{name}={length!r}: write a timedelta of a second or more, or None",
            )
        for name in ("arrivals", "removals", "misplaced"):
            require(getattr(self, name) >= 0, f"{name}={getattr(self, name)!r}: write 0 or more")
        for name in ("arrival_delay", "disorder"):
            require(getattr(self, name) >= _NOTHING, f"{name}={getattr(self, name)!r}: write a timedelta of 0 or more")
        for name in ("most_arrivals", "stray_answers", "mixed_up"):
            count, least = getattr(self, name), 0 if name == "most_arrivals" else 1
            require(count is None or count >= least, f"{name}={count!r}: write {least} or more, or None")
        require(
            set(self.interim) <= set(_INTERIM), f"interim={self.interim!r}: write any of {_INTERIM}, such as (102, 103)"
        )
        unknown = [path for path in self.refused if not _DIRECTORY.fullmatch(path)]
        require(
            not unknown,
            f'refused={self.refused!r}: write endpoints of the directory, such as ("users", "account-groups/{{id}}")',
        )
        require(
            not (self.bare_links and self.changed_links != "none"),
            "bare_links: such links have no parameters that changed_links could change; choose one",
        )
        require(
            not (self.endless and self.cursors == "row"),
            'endless: cursors="row" cannot number the pages of an endless log; write cursors="offset"',
        )

    def __repr__(self) -> str:
        return f"Behaviour({', '.join(f'{name}={value!r}' for name, value in self.chosen().items())})"

    def chosen(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(type(self), name)}

    @property
    def is_static_and_sorted(self) -> bool:
        """Whether the log stays the same and is in the order of its dates."""
        changes = self.arrivals or self.removals or self.retention is not None
        return not (changes or self.misplaced or self.disorder or self.grouped or self.cursors == "row")


def require(condition: bool, message: str) -> None:
    """Raise ValueError with this message unless the condition holds."""
    if not condition:
        raise ValueError(message)
