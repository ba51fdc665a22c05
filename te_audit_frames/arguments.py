"""Checks of numeric arguments. Each message names the argument and says which values are valid."""

from __future__ import annotations

from te_audit_frames.errors import InvalidArgument


def check_number(name: str, value: float, low: float, high: float, *, unit: str = "") -> float:
    """Return `value` if it is a number within bounds; otherwise raise an error.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : float
        The argument's value.
    low, high : float
        The smallest and the largest valid number.
    unit : str
        The unit of the number, such as ``"seconds"``, for the message.

    Raises
    ------
    InvalidArgument
        `value` is not a number, or is out of bounds.

    Examples
    --------
    >>> from te_audit_frames.arguments import check_number
    >>> check_number("reserve", 0.5, 0, 0.95)
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidArgument(f"{name}: {value!r} is not a number{f' of {unit}' * bool(unit)} from {low:,} to {high:,}")
    return value


def check_whole_number(name: str, value: int, low: int, high: int | None = None) -> int:
    """Return `value` if it is a whole number within bounds; otherwise raise an error.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : int
        The argument's value.
    low, high : int
        The smallest and the largest valid number. Without `high`, there is no upper limit.

    Raises
    ------
    InvalidArgument
        `value` is not a whole number, or is out of bounds.

    Examples
    --------
    >>> from te_audit_frames.arguments import check_whole_number
    >>> check_whole_number("workers", 8, 1, 64)
    8
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):
        bounds = f"of at least {low:,}. For example {name}=10." if high is None else f"from {low:,} to {high:,}"
        raise InvalidArgument(f"{name}: {value!r} is not a whole number {bounds}")
    return value


def check_flag(name: str, value: bool) -> bool:
    """Return `value` if it is True or False; otherwise raise an error.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : bool
        The argument's value.

    Raises
    ------
    InvalidArgument
        `value` is something else.

    Examples
    --------
    >>> from te_audit_frames.arguments import check_flag
    >>> check_flag("memberships", True)
    True
    """
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}: {value!r} is neither True nor False")
    return value
