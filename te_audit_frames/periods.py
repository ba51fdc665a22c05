"""Periods of time, and the arguments that name them: windows such as "30d", moments, and time zones.

A period is a half-open UTC range `[start, end)`: it includes its start and excludes its end, so two adjacent periods
never share an event. The module is long because every function documents the forms of time that it accepts.
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
"""The forms of `start` and `end`: ISO 8601 text, an aware datetime or Timestamp, or a bare date (midnight UTC)."""

Bounds = tuple[datetime | None, datetime | None]
"""A half-open period in UTC. None for a bound that was left out."""

SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_WINDOW = "7d"
DEFAULT_LOOKBACK = "72h"

_WINDOW = re.compile(r"([0-9]+)([smhdw]?)", re.ASCII)  # the pattern in the API's contract; no unit means seconds
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MOST_WINDOW = timedelta(days=366 * 100)
_BARE_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


@dataclass(frozen=True, order=True, repr=False)
class Period:
    """A half-open UTC range `[start, end)` that unpacks into its two bounds.

    Attributes
    ----------
    start, end : datetime.datetime
        The bounds, aware and in UTC. `start` is included, `end` is excluded.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import te_audit_frames as taf
    >>> january = taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    >>> january
    Period(2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z)
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
        """The length in days of 24 hours each."""
        return (self.end - self.start) / timedelta(days=1)

    def __str__(self) -> str:
        return f"{iso(self.start)} to {iso(self.end)}"

    def __repr__(self) -> str:
        return f"Period({self})"


@dataclass(frozen=True)
class Window:
    """A length of time that ends at the current time of the server.

    Attributes
    ----------
    length : datetime.timedelta
        A whole number of seconds.
    """

    length: timedelta


@dataclass(frozen=True)
class Since:
    """The time from a start to the current time of the server.

    Attributes
    ----------
    start : datetime.datetime
        Aware, in UTC.
    """

    start: datetime


Question = Period | Window | Since
"""The time that a caller asks for. The end of a `Window` or `Since` is known only once the server has answered."""


def ask(*, window: str | timedelta | None, start: Instant | None, end: Instant | None) -> Question:
    """Turn the arguments of a fetch into the time that they ask for.

    Parameters
    ----------
    window : str, timedelta or None
        A length of time up to now; see `to_window`.
    start, end : str, datetime, date, pandas.Timestamp or None
        The bounds; see `to_instant`.

    Returns
    -------
    Period, Window or Since
        A `Window` of the last 7 days if neither `window` nor `start` is given.

    Raises
    ------
    InvalidArgument
        A value has the wrong form, `window` is given together with `start` or `end`, `end` is given without `start`, or
        `end` is not after `start`.

    Examples
    --------
    >>> from te_audit_frames.periods import ask
    >>> ask(window="12h", start=None, end=None)
    Window(length=datetime.timedelta(seconds=43200))
    """
    if window is not None:
        for name, value in (("start", start), ("end", end)):
            if value is not None:
                raise InvalidArgument(f"window and {name} exclude each other. Give either window, or start (and end).")
        return Window(to_window(window))
    if start is None:
        if end is not None:
            raise InvalidArgument('end: needs a start too. For example start="2026-01-01", end="2026-02-01".')
        return Window(to_window(DEFAULT_WINDOW))
    since, until = to_bounds(start, end)
    assert since is not None  # noqa: S101 - a start was given  # nosec B101
    return Since(since) if until is None else Period(since, until)


def to_bounds(start: Instant | None, end: Instant | None, *, zone: tzinfo | None = None) -> Bounds:
    """Return the bounds of a period as aware UTC datetimes. Either may be left out.

    Parameters
    ----------
    start, end : str, datetime, date, pandas.Timestamp or None
        The bounds; see `to_instant`.
    zone : datetime.tzinfo, optional
        The time zone of bounds that have none.

    Returns
    -------
    tuple of datetime or None
        The start and the end; None for one that was left out.

    Raises
    ------
    InvalidArgument
        A bound is not a moment, has no time zone, or `end` is not after `start`.

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
            f"end: {iso(until)} is not after start {iso(since)}. A period includes its start and excludes its end, "
            'so one day is start="2026-01-01", end="2026-01-02".'
        )
    return since, until


def to_window(window: str | timedelta, *, argument: str = "window") -> timedelta:
    """Turn a window such as ``"7d"`` into a timedelta, as the API does.

    Parameters
    ----------
    window : str or timedelta
        A number and a unit: ``"45s"`` or ``"45"``, ``"30m"``, ``"12h"``, ``"7d"``, ``"2w"``; or a timedelta of whole
        seconds.
    argument : str
        The argument's name, for messages.

    Returns
    -------
    datetime.timedelta
        A whole number of seconds, more than zero.

    Raises
    ------
    InvalidArgument
        `window` has another form, is not longer than zero, or is longer than a hundred years.

    Examples
    --------
    >>> from te_audit_frames.periods import to_window
    >>> to_window("2w").days
    14
    """
    if isinstance(window, timedelta):
        length = window
        if length % SECOND:
            raise InvalidArgument(
                f"{argument}: {window} is not a whole number of seconds, and the API takes no others."
            )
    elif isinstance(window, str):
        match = _WINDOW.fullmatch(window)
        if not match:
            raise InvalidArgument(
                f"{argument}: {window!r} is not a number and a unit. Valid are "
                '"45" (seconds), "30m", "12h", "7d", "2w", or a datetime.timedelta.'
            )
        digits, unit = match.groups()
        # The number of digits is checked first, since converting a million digits takes too long.
        is_too_long = len(digits.lstrip("0")) > 10
        seconds = math.inf if is_too_long else int(digits) * _UNIT_SECONDS[unit]
        # The number is capped before the conversion, since a timedelta cannot hold every number.
        length = timedelta(seconds=min(seconds, (_MOST_WINDOW + SECOND).total_seconds()))
    else:
        raise InvalidArgument(
            f'{argument}: takes text such as "7d" or a datetime.timedelta, not {type(window).__name__}.'
        )
    if length <= timedelta(0):
        raise InvalidArgument(f'{argument}: {window!r} is not longer than zero. For example {argument}="7d".')
    if length > _MOST_WINDOW:
        raise InvalidArgument(f'{argument}: is longer than a hundred years. The API keeps two years ("104w").')
    return length


def parse_zone(tz: str | tzinfo) -> tzinfo:
    """Return the time zone with a given name. A `tzinfo` is returned as it is.

    Raises
    ------
    InvalidArgument
        There is no such time zone.

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
    """Turn a moment in any accepted form into an aware UTC datetime.

    Parameters
    ----------
    value : str, datetime, date or pandas.Timestamp
        ISO 8601 text with an offset or Z, an aware datetime or Timestamp, or a bare date, which means midnight in UTC.
    argument : str
        The argument's name, for messages.
    zone : datetime.tzinfo, optional
        The time zone of a moment or date that has none. If the clock shows a time twice, the first one is meant. A time
        that the clock skips is moved forward by the length of the gap.

    Returns
    -------
    datetime.datetime
        Aware, in UTC, to the microsecond.

    Raises
    ------
    InvalidArgument
        The value is not a moment, has no time zone, or is too close to the ends of the calendar.

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
            f'{argument}: {value!r} is not a moment. Valid are "2026-01-01", "2026-01-01T12:00:00Z", '
            "an aware datetime, a date or a pandas.Timestamp."
        )
    if not isinstance(value, datetime):
        value = datetime.combine(value, time(), zone or UTC)
    if value.utcoffset() is None and zone is not None:
        value = value.replace(tzinfo=zone)
    if value.utcoffset() is None:
        raise InvalidArgument(
            f"{argument}: {value.isoformat()} has no time zone, so it could mean several moments. Add one: "
            f'"{value.isoformat()}Z" for UTC, or datetime(..., tzinfo=ZoneInfo("Europe/Berlin")).'
        )
    try:
        instant = value.astimezone(UTC)
        instant - timedelta(days=2)  # leaves room for a query from one second earlier, in any zone
        instant + timedelta(days=2)
    except OverflowError:
        raise InvalidArgument(
            f"{argument}: {value.isoformat()} is too close to the ends of the calendar. Choose another year."
        ) from None
    return instant


def _parse(text: str, argument: str) -> datetime | date:
    try:
        return date.fromisoformat(text) if _BARE_DATE.fullmatch(text) else datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f'{argument}: {text!r} is not an ISO 8601 moment. Valid are "2026-01-01" and "2026-01-01T12:00:00Z".'
        ) from None


def floor_second(moment: datetime) -> datetime:
    """Round down to a whole second, the smallest step that the API accepts."""
    return moment.replace(microsecond=0)


def ceil_second(moment: datetime) -> datetime:
    """Round up to a whole second."""
    floor = floor_second(moment)
    return floor if floor == moment else floor + SECOND


def epoch_micros(moment: datetime) -> int:
    """Return an aware moment as whole microseconds since 1970, the unit of the column `date`."""
    return (moment - EPOCH) // _MICROSECOND


def iso(moment: datetime) -> str:
    """Write a UTC moment as ``YYYY-MM-DDTHH:MM:SSZ``, with a fraction of a second only if there is one."""
    return moment.isoformat().replace("+00:00", "Z")
