"""Periods of time: what a caller gives ("30d", a start and an end) becomes one half-open UTC range.

A *period* is `[start, end)`: the start belongs to it, the end does not, so that two neighbours never share an event.
"""

from __future__ import annotations

import math
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import pandas as pd

from te_audit_frames.errors import InvalidArgument

Instant = str | datetime | date | pd.Timestamp
"""What `start` and `end` may be: ISO 8601 text, an aware datetime or Timestamp, or a bare date (midnight UTC)."""

SECOND = timedelta(seconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_WINDOW = "7d"
DEFAULT_LOOKBACK = "72h"

_WINDOW = re.compile(r"([0-9]+)([smhdw]?)", re.ASCII)  # the contract's pattern; no unit means seconds
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST_WINDOW = timedelta(days=366 * 100)
_BARE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, order=True)
class Period:
    """A half-open UTC range `[start, end)`, which unpacks into its two bounds.

    Attributes
    ----------
    start, end : datetime
        Aware, in UTC; `start` is included, `end` is not.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import te_audit_frames as taf
    >>> january = taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    >>> january.days
    31.0
    >>> start, end = january
    """

    start: datetime
    end: datetime

    def __iter__(self) -> Iterator[datetime]:
        yield self.start
        yield self.end

    @property
    def days(self) -> float:
        """The length in days of 24 hours."""
        return (self.end - self.start) / timedelta(days=1)

    def __str__(self) -> str:
        return f"{iso(self.start)} to {iso(self.end)}"


@dataclass(frozen=True)
class Window:
    """A length of time that ends at the server's now.

    Attributes
    ----------
    length : timedelta
        In whole seconds.
    """

    length: timedelta


@dataclass(frozen=True)
class Since:
    """The time from a start up to the server's now.

    Attributes
    ----------
    start : datetime
        Aware, in UTC.
    """

    start: datetime


Question = Period | Window | Since
"""What a caller may ask for. Only a Period is known before the server has answered."""


def ask(*, window: str | timedelta | None, start: Instant | None, end: Instant | None) -> Question:
    """Return the period that a caller asks for.

    Parameters
    ----------
    window : str, timedelta or None
        ``"12h"``, ``"7d"``, ``"45"`` (seconds): a number and one of s, m, h, d, w; or a timedelta of whole seconds.
    start, end : str, datetime, date, pandas.Timestamp or None
        The bounds; see `to_instant`.

    Returns
    -------
    Period, Window or Since
        The last 7 days if neither `window` nor `start` is given.

    Raises
    ------
    InvalidArgument
        `window` together with `start` or `end`, `end` without `start`, `end` not after `start`, or a value that is
        not of its form.

    Examples
    --------
    >>> from te_audit_frames.periods import ask
    >>> ask(window="12h", start=None, end=None)
    Window(length=datetime.timedelta(seconds=43200))
    """
    if window is not None:
        for name, value in (("start", start), ("end", end)):
            if value is not None:
                raise InvalidArgument(f"window and {name} exclude each other: give window, or start (and end)")
        return Window(to_window(window))
    if start is None:
        if end is not None:
            raise InvalidArgument('end: needs a start too, as in start="2026-01-01", end="2026-02-01"')
        return Window(to_window(DEFAULT_WINDOW))
    since, until = to_bounds(start, end)
    assert since is not None  # noqa: S101 - a start was given  # nosec B101
    return Since(since) if until is None else Period(since, until)


def to_bounds(
    start: Instant | None, end: Instant | None, *, zone: tzinfo | None = None
) -> tuple[datetime | None, datetime | None]:
    """Return two bounds, each of which may be left out, as aware UTC datetimes.

    Parameters
    ----------
    start, end : str, datetime, date, pandas.Timestamp or None
        The bounds; see `to_instant`.
    zone : datetime.tzinfo, optional
        The zone of bounds that have none.

    Returns
    -------
    tuple of datetime or None
        The start and the end.

    Raises
    ------
    InvalidArgument
        A bound is not a moment, or `end` is not after `start`.

    Examples
    --------
    >>> from te_audit_frames.periods import to_bounds
    >>> to_bounds("2026-01-01", None)
    (datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    since = None if start is None else to_instant(start, argument="start", zone=zone)
    until = None if end is None else to_instant(end, argument="end", zone=zone)
    if since is not None and until is not None and until <= since:
        raise InvalidArgument(
            f"end: {iso(until)} is not after start {iso(since)}; a period includes its start and excludes its end, "
            'so one day is start="2026-01-01", end="2026-01-02"'
        )
    return since, until


def to_window(window: str | timedelta, *, argument: str = "window") -> timedelta:
    """Turn ``"7d"`` into a timedelta, as the API reads it.

    Parameters
    ----------
    window : str or timedelta
        A number and one of s (default), m, h, d, w; or a timedelta of whole seconds.
    argument : str
        The argument's name, for messages.

    Returns
    -------
    timedelta
        Longer than nothing, in whole seconds.

    Raises
    ------
    InvalidArgument
        Any other form, a length of zero or below, or more than a hundred years.

    Examples
    --------
    >>> from te_audit_frames.periods import to_window
    >>> to_window("2w").days
    14
    """
    if isinstance(window, timedelta):
        length = window
        if length % SECOND:
            raise InvalidArgument(f"{argument}: {window} is not of whole seconds, which is all the API takes")
    elif isinstance(window, str):
        match = _WINDOW.fullmatch(window)
        if not match:
            raise InvalidArgument(
                f"{argument}: {window!r} is not a number and a unit; right are "
                '"45" (seconds), "30m", "12h", "7d", "2w", or a datetime.timedelta'
            )
        digits, unit = match.groups()
        # Compared by length first: a text of a million digits must not become a number.
        is_too_long = len(digits.lstrip("0")) > 10
        seconds = math.inf if is_too_long else int(digits) * _UNIT_SECONDS[unit]
        # Compared as a number next: a timedelta cannot hold every product.
        length = timedelta(seconds=min(seconds, (_MOST_WINDOW + SECOND).total_seconds()))
    else:
        raise InvalidArgument(
            f'{argument}: takes text such as "7d" or a datetime.timedelta, not {type(window).__name__}'
        )
    if length <= timedelta(0):
        raise InvalidArgument(f'{argument}: {window!r} has no length; right is, for example, "7d"')
    if length > _MOST_WINDOW:
        raise InvalidArgument(f'{argument}: longer than a hundred years; the API keeps two ("104w")')
    return length


def parse_zone(tz: str | tzinfo) -> tzinfo:
    """Turn a zone's name into the zone.

    Raises
    ------
    InvalidArgument
        There is no such zone.

    Examples
    --------
    >>> from te_audit_frames.periods import parse_zone
    >>> parse_zone("Europe/Berlin")
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    """
    if isinstance(tz, tzinfo):
        return tz
    try:
        return zoneinfo.ZoneInfo(tz)
    except (LookupError, OSError, TypeError, ValueError):
        raise InvalidArgument(f'tz: {tz!r} is not a time zone. For example tz="Europe/Berlin".') from None


def to_instant(value: Instant, *, argument: str, zone: tzinfo | None = None) -> datetime:
    """Return a moment, in any of the forms that callers may give, as an aware UTC datetime.

    Parameters
    ----------
    value : str, datetime, date or pandas.Timestamp
        ISO 8601 text with an offset or Z, an aware datetime or Timestamp, or a bare date, which means its midnight
        in UTC.
    argument : str
        The argument's name, for messages.
    zone : datetime.tzinfo, optional
        The zone of a moment that has none, a bare date included. If the clock shows a time twice, the first is meant;
        a time that the clock skips is moved forward by the length of the gap.

    Returns
    -------
    datetime
        Aware, in UTC, to the microsecond.

    Raises
    ------
    InvalidArgument
        The value has no time zone, is not a moment, or lies outside what can be asked for.

    Examples
    --------
    >>> from te_audit_frames.periods import to_instant
    >>> to_instant("2026-01-01T01:00:00+01:00", argument="start").isoformat()
    '2026-01-01T00:00:00+00:00'
    """
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, str):
        value = _parse(value.strip(), argument)
    if not isinstance(value, date) or pd.isna(value):
        raise InvalidArgument(
            f'{argument}: {value!r} is not a moment; right are "2026-01-01", "2026-01-01T12:00:00Z", '
            "an aware datetime, a date or a pandas.Timestamp"
        )
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), zone or UTC)
    if value.utcoffset() is None and zone is not None:
        value = value.replace(tzinfo=zone)
    if value.utcoffset() is None:
        raise InvalidArgument(
            f"{argument}: {value.isoformat()} has no time zone, so it could mean several moments; say which: "
            f'"{value.isoformat()}Z" for UTC, or datetime(..., tzinfo=ZoneInfo("Europe/Berlin"))'
        )
    try:
        instant = value.astimezone(UTC)
        instant - timedelta(days=2)  # room for the second that is asked before the start, in any zone
        instant + timedelta(days=2)
    except OverflowError:
        raise InvalidArgument(f"{argument}: {value.isoformat()} is outside the calendar") from None
    return instant


def _parse(text: str, argument: str) -> datetime | date:
    try:
        return date.fromisoformat(text) if _BARE_DATE.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f'{argument}: {text!r} is not an ISO 8601 moment; right are "2026-01-01" and "2026-01-01T12:00:00Z"'
        ) from None


def floor_second(moment: datetime) -> datetime:
    """Round down to a whole second, the finest that the API can be asked for."""
    return moment.replace(microsecond=0)


def ceil_second(moment: datetime) -> datetime:
    """Round up to a whole second."""
    floor = floor_second(moment)
    return floor if floor == moment else floor + SECOND


def iso(moment: datetime) -> str:
    """Write a UTC moment as ``YYYY-MM-DDTHH:MM:SSZ``, with a fraction only where there is one."""
    return moment.isoformat().replace("+00:00", "Z")
