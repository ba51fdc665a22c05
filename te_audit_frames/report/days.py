"""How many events each UTC day has, and which of these days the pictures of a report show.

A single event dated 1970 or 2200, by a wrong clock or a typing error, would stretch a picture over decades and hide
everything else. So pictures leave such events out, and the report says so. Tables count them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.analysis.freq import PLAUSIBLE
from te_audit_frames.analysis.grouping import Grouper
from te_audit_frames.periods import Period
from te_audit_frames.safe_text import number_of

ONE_DAY = timedelta(days=1)

FAR = timedelta(days=731)
"""An event further than this from most others is odd, because the vendor keeps the activity log for two years."""

_MOST_DAYS = 3
"""How many odd days a sentence names."""

_FEW = 0.05
"""The largest share of events that may be odd. If more are far away, they are no mistakes."""


@dataclass(frozen=True)
class Drawn:
    """Which part of the events the pictures show.

    Attributes
    ----------
    start, end : datetime or None
        The half-open period of the pictures, in UTC. Both are None if the pictures show all events.
    odd : tuple of datetime
        The UTC days of the events that they leave out, in ascending order.
    events : int
        How many events they leave out.
    """

    start: datetime | None = None
    end: datetime | None = None
    odd: tuple[datetime, ...] = ()
    events: int = 0


def count_by_day(events: Any) -> pd.Series:
    """Count the dated events of each UTC day that has any.

    Parameters
    ----------
    events : frame of any supported library
        Events with a column `date`.

    Returns
    -------
    pandas.Series
        The number of events (int64). The index is the midnight at the start of the day (``datetime64[us, UTC]``), in
        ascending order.
    """
    counted = Grouper.of(events, None).dated().count([], step=86_400)
    days = counted["step"].to_numpy().astype("int64") * np.int64(86_400)
    index = pd.DatetimeIndex(days.astype("datetime64[s]"), name="day").as_unit("us").tz_localize("UTC")
    return pd.Series(counted["events"].to_numpy().astype("int64"), index=index).sort_index()


def choose_drawn(days: pd.Series, period: Period | None, *, is_asked_for: bool) -> Drawn:
    """Return which days the pictures show: all but a few that are years away from most events.

    Parameters
    ----------
    days : pandas.Series
        The result of `count_by_day`.
    period : Period or None
        The period of the receipt.
    is_asked_for : bool
        Whether somebody chose the period of the events. Then no plausible date in it is odd.

    Returns
    -------
    Drawn
        The days. Days before 1990 and from 2100 on are always odd.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.report.days import choose_drawn
    >>> days = pd.Series(5, index=pd.date_range("2026-03-01", periods=30, tz="UTC"))
    >>> days[pd.Timestamp("1970-01-01", tz="UTC")] = 1
    >>> drawn = choose_drawn(days.sort_index(), None, is_asked_for=False)
    >>> drawn.events, f"{drawn.start:%Y-%m-%d}", f"{drawn.end:%Y-%m-%d}"
    (1, '2026-03-01', '2026-03-31')
    """
    is_plausible = (days.index >= PLAUSIBLE[0]) & (days.index < PLAUSIBLE[1])
    known = days[is_plausible]
    if known.empty:
        return Drawn(odd=_moments(days.index), events=int(days.sum()))
    cluster = (known.index.to_series().diff() > FAR).cumsum().to_numpy()
    is_main = cluster == known.groupby(cluster).sum().idxmax()
    if is_asked_for and period is None:  # an archive whose receipt has no period
        is_main[:] = True
    elif is_asked_for and period is not None:
        is_main |= (known.index >= pd.Timestamp(period.start).floor("D")) & (known.index < pd.Timestamp(period.end))
    if known[~is_main].sum() > _FEW * known.sum():
        is_main[:] = True
    drawn = known.index[is_main]
    start, end = drawn[0].to_pydatetime(), drawn[-1].to_pydatetime() + ONE_DAY
    if period is not None:  # the rest of the covered period is shown too
        start = min(start, period.start) if is_asked_for or start - period.start <= FAR else start
        end = max(end, period.end) if is_asked_for or period.end - end <= FAR else end
        start, end = max(start, PLAUSIBLE[0].to_pydatetime()), min(end, PLAUSIBLE[1].to_pydatetime())
    odd = days[(days.index < pd.Timestamp(start).floor("D")) | (days.index >= pd.Timestamp(end))]
    return Drawn(start, end, _moments(odd.index), int(odd.sum())) if len(odd) else Drawn()


def describe_odd(drawn: Drawn) -> str:
    """Return which events the pictures leave out; empty if they leave out none.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from te_audit_frames.report.days import Drawn, describe_odd
    >>> march = datetime(2026, 3, 1, tzinfo=UTC)
    >>> describe_odd(Drawn(march, march, odd=(datetime(1970, 1, 1, tzinfo=UTC),), events=2))
    '2 events that are years away from most others (1970-01-01)'
    """
    if not drawn.events:
        return ""
    days = [f"{day.date()}" for day in drawn.odd]
    more = f" and {number_of(len(days) - _MOST_DAYS, 'day')} more" if len(days) > _MOST_DAYS else ""
    verb = "is" if drawn.events == 1 else "are"
    why = f"that {verb} years away from most others" if drawn.start else "with a date before 1990 or after 2099"
    return f"{number_of(drawn.events, 'event')} {why} ({', '.join(days[:_MOST_DAYS])}{more})"


def _moments(days: Iterable[pd.Timestamp]) -> tuple[datetime, ...]:
    return tuple(day.to_pydatetime().astimezone(UTC) for day in days)
