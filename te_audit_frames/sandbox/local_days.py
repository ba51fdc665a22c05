"""Local days of the offices: when they begin, and on which of them people work."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_log import Integers
from te_audit_frames.sandbox.staff import Staff


def days_around(first: int, stop: int) -> list[date]:
    """Return the days of a range of epoch seconds, and a day more on each side.

    A local day begins up to 14 hours before the UTC day of the same date.
    """
    eve = (datetime(1970, 1, 1) + timedelta(seconds=first)).date() - timedelta(days=1)
    return [eve + timedelta(days=step) for step in range((stop - first) // 86_400 + 4)]


def midnights(zone: str, days: list[date]) -> list[int]:
    """Return the epoch second at which each of these days begins in a zone."""
    tz = ZoneInfo(zone)
    return [int(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()) for day in days]


class LocalDays:
    """The local days of everybody on the staff, as arrays of people and days.

    Attributes
    ----------
    begins : array of int64, people x days
        When each person's local day begins, in epoch seconds.
    weekday : array of int64, days
        0 is Monday.
    first_of_month : array of bool, days
        Whether the day is one of the first seven of its month.
    is_working_day : array of bool, people x days
        Whether the day is outside the weekend of the person's office.
    """

    def __init__(self, staff: Staff, first: int, stop: int) -> None:
        days = days_around(first, stop)
        self.begins: Integers = np.array([midnights(office.zone, days) for office in names.OFFICES])[staff.office]
        self.weekday: Integers = np.array([day.weekday() for day in days])
        self.first_of_month: NDArray[np.bool_] = np.array([day.day <= 7 for day in days])
        by_office = np.array([[day.weekday() not in office.weekend for day in days] for office in names.OFFICES])
        self.is_working_day: NDArray[np.bool_] = by_office[staff.office]

    def day_of(self, person: int, second: int) -> int:
        """Return the index of the person's local day at an epoch second."""
        return int(np.searchsorted(self.begins[person], second, side="right")) - 1
