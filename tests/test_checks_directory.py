"""The notes of a check about a directory of people: its size, its age, and what it lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from te_audit_frames.checks.directory import notes_of_directory

FETCHED = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


def directory(*logins, fetched=FETCHED, is_admin=False):
    dates = {"last_login": list(logins), "fetched_at": [fetched] * len(logins)}
    table = pd.DataFrame({name: pd.array(values, dtype="datetime64[us, UTC]") for name, values in dates.items()})
    return table.assign(is_admin=pd.array([is_admin] * len(logins), dtype="boolean"))


def notes(table, first=None, last=None):
    count, *rest = notes_of_directory(table, first, last)
    assert count == f"the directory has {len(table):,} {'person' if len(table) == 1 else 'people'}"
    return rest


@pytest.mark.parametrize(
    ("first", "last", "age"),
    [
        (None, None, None),
        (-DAY, -TICK, None),
        (0 * DAY, 0 * DAY, None),
        (0 * DAY, DAY - TICK, None),
        (DAY - TICK, DAY, "1 day before the last"),
        (0 * DAY, 3 * DAY - TICK, "2 days before the last"),
        (DAY, 9 * DAY, "1 day before the first"),
        (2 * DAY, 9 * DAY, "2 days before the first"),
    ],
)
def test_a_directory_is_old_if_events_are_a_day_younger(first, last, age):
    dates = [None if apart is None else FETCHED + apart for apart in (first, last)]
    said = [f"the directory was fetched {age} event: it lacks people who came since"]
    assert notes(directory(FETCHED), *dates) == (said if age else [])


@pytest.mark.parametrize(
    ("logins", "said"),
    [
        ([FETCHED + DAY, pd.NaT], []),
        ([FETCHED + DAY + TICK, FETCHED], ["1 person has"]),
        ([FETCHED + 2 * DAY] * 2, ["2 people have"]),
    ],
)
def test_log_ins_more_than_a_day_after_the_fetch_are_noted(logins, said):
    expected = [f"{people} a last log-in after the directory was fetched, and cannot be dormant" for people in said]
    assert notes(directory(*logins)) == expected


def test_if_the_time_of_the_fetch_is_unknown_log_ins_are_compared_with_the_present():
    table = directory(datetime.now(UTC) + 2 * DAY, datetime.now(UTC), fetched=pd.NaT)
    assert notes(table, FETCHED, FETCHED + 9 * DAY) == [
        "the directory does not say when it was fetched: the last event stands in",
        "1 person has a last log-in in the future, and cannot be dormant",
    ]


def test_unknown_admins_are_noted_and_an_empty_directory_has_no_notes():
    assert notes(directory(FETCHED, is_admin=None)) == [
        "for some people the directory does not know whether they are admins"
    ]
    assert notes(directory()) == []
