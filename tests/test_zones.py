"""Zones: whose clock is whose, and the local quarters of an hour by each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.histories import event, frame

import te_audit_frames as taf
from te_audit_frames.checks.zones import Clocks

EPOCH = datetime(1970, 1, 1)
QUARTER = timedelta(minutes=15)


@pytest.mark.full
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"])
def test_zones_off_the_hour_are_read_to_the_quarter(zone):
    local = pd.date_range("2026-01-05 09:05", periods=100, freq="B", tz=zone).repeat(2)
    past = pd.DataFrame({"date": local.tz_convert("UTC"), "event": "Test updated.", "uid": "7"})
    hours = taf.usual_hours(past, tz=zone)["usual_hours"].tolist()
    utc = pd.date_range("2026-01-05 09:05", periods=100, freq="B", tz="UTC").repeat(2)
    assert hours == taf.usual_hours(past.assign(date=utc))["usual_hours"].tolist()


@pytest.mark.full
@pytest.mark.parametrize("tz", ["Europe/Atlantis", {"7": "Europe/Atlantis"}, {}, 5])
def test_zones_that_do_not_exist_are_refused(tz):
    with pytest.raises(taf.InvalidArgument, match="tz"):
        taf.find_off_hours(frame(event(0, "x")), tz=tz)
    with pytest.raises(taf.InvalidArgument, match="tz"):
        taf.usual_hours(frame(event(0, "x")), tz=tz)


PEOPLE = pd.DataFrame({"uid": ["7", "8", None, None], "user": ["Ada", "Ben", "Cleo", None]}, dtype="str")


def groups(*rows: tuple[int, str | None, str | None, int]) -> pd.DataFrame:
    some = pd.DataFrame(rows, columns=["person", "aid", "account_group_name", "events"])
    return some.astype({"person": "int64", "aid": "str", "account_group_name": "str", "events": "int64"})


def assigned(tz, *rows: tuple[int, str | None, str | None, int]) -> list[str]:
    clocks = Clocks.assign(tz, PEOPLE, groups(*rows))
    return [str(clocks.zones[zone]) for zone in clocks.of]


def test_one_zone_is_everybodys():
    assert assigned("Asia/Tokyo") == ["Asia/Tokyo"] * 4
    assert assigned(timezone(timedelta(hours=1))) == ["UTC+01:00"] * 4
    assert Clocks.assign("UTC", PEOPLE.iloc[:0], groups()).of.tolist() == []


@pytest.mark.parametrize(
    ("tz", "expected"),
    [
        ({"8": "Asia/Tokyo"}, ["UTC", "Asia/Tokyo", "UTC", "UTC"]),
        ({"Cleo": "Asia/Tokyo"}, ["UTC", "UTC", "Asia/Tokyo", "UTC"]),
        ({"Ada": "Asia/Tokyo", "7": "Europe/Berlin"}, ["Europe/Berlin", "UTC", "UTC", "UTC"]),
        # Ada did most in the second of these groups, and as much in each name of it.
        ({"1": "Asia/Tokyo", "2": "Europe/Berlin"}, ["Europe/Berlin", "Asia/Tokyo", "UTC", "UTC"]),
        ({"Shops": "Asia/Tokyo", "Web": "Europe/Berlin"}, ["Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin", "UTC"]),
        ({"1": "Asia/Tokyo", "8": "Europe/Berlin"}, ["Asia/Tokyo", "Europe/Berlin", "UTC", "UTC"]),
        ({8: "Asia/Tokyo"}, ["UTC", "Asia/Tokyo", "UTC", "UTC"]),
    ],
)
def test_a_zone_of_ones_own_is_before_that_of_the_group_in_which_one_did_most(tz, expected):
    rows = [
        (0, "1", "Shops", 3),
        (0, "2", "Web", 2),
        (0, "2", "Web 2", 2),
        (1, "1", "Shops", 1),
        (2, None, "Web", 1),
    ]
    assert assigned(tz, *rows) == expected


def test_of_two_groups_with_as_many_events_the_first_of_the_mapping_decides():
    rows = [(0, "2", "Web", 2), (0, "1", "Shops", 2)]
    assert assigned({"Shops": "Asia/Tokyo", "Web": "Europe/Berlin"}, *rows)[0] == "Asia/Tokyo"
    assert assigned({"Web": "Europe/Berlin", "Shops": "Asia/Tokyo"}, *rows)[0] == "Europe/Berlin"


def test_who_has_no_zone_and_which_zone_is_nobodys_is_noted():
    clocks = Clocks.assign({"7": "Asia/Tokyo", "Mars": "UTC"}, PEOPLE, groups())
    assert clocks.notes == (
        "3 people have no zone in `tz`, so that their hours are read in UTC",
        "names in `tz` that match nobody and no account group: 'Mars'",
    )
    assert Clocks.assign({"7": "Asia/Tokyo"}, PEOPLE.iloc[:1], groups()).notes == ()


@pytest.mark.parametrize("tz", [{7: "Asia/Tokyo", "7": "Asia/Tokyo"}, {7: "UTC", "7": "Asia/Tokyo"}])
def test_a_name_that_is_there_twice_is_refused(tz):
    with pytest.raises(taf.InvalidArgument, match=r"^tz: '7' is there twice"):
        Clocks.assign(tz, PEOPLE, groups())


ZONES = ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Kiritimati", "Africa/Monrovia"]
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))


@given(st.lists(st.tuples(st.integers(0, len(ZONES) - 1), MOMENTS), max_size=8))
def test_local_quarters_are_those_of_a_clock_on_the_wall(drawn):
    people = pd.DataFrame({"uid": [str(n) for n in range(len(ZONES))], "user": None}, dtype="str")
    clocks = Clocks.assign({str(n): zone for n, zone in enumerate(ZONES)}, people, groups())
    person = np.array([number for number, _ in drawn], dtype="int64")
    quarter = np.array([(moment.replace(tzinfo=None) - EPOCH) // QUARTER for _, moment in drawn], dtype="int64")
    starts = [(EPOCH + int(number) * QUARTER).replace(tzinfo=UTC) for number in quarter]
    walls = [moment.astimezone(ZoneInfo(ZONES[of])) for moment, of in zip(starts, person, strict=True)]
    expected = [(wall.replace(tzinfo=None) - EPOCH) // QUARTER for wall in walls]
    assert clocks.local(person, quarter).tolist() == expected


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("moment", [datetime.min, datetime.max], ids=["first", "last"])
def test_the_ends_of_the_calendar_are_read_in_any_zone(zone, moment):
    clocks, quarter = Clocks.assign(zone, PEOPLE, groups()), (moment - EPOCH) // QUARTER
    (local,) = clocks.local(np.array([0]), np.array([quarter]))
    assert abs(local - quarter) <= 14 * 4
