"""Names of time zones that pandas and DuckDB understand alike."""

from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import dateutil.tz
import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.explorers import EVENTS

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.report.explorer_zone import name_zone

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        (timezone(timedelta(hours=1), "CET"), "UTC+01:00"),
        (timezone(timedelta(hours=-9, minutes=-30)), "UTC-09:30"),
        (timezone(timedelta(0), "Europe/Berlin"), "UTC"),
        (UTC, "UTC"),
        (ZoneInfo("Asia/Kathmandu"), "Asia/Kathmandu"),
        (dateutil.tz.tzoffset("EST", 3600), "UTC+01:00"),
    ],
)
def test_a_zone_is_its_offset_or_its_key(tz, zone):
    assert name_zone(tz) == zone


@pytest.mark.parametrize(
    ("tz", "message"),
    [
        ("Mars/Olympus", "is not a time zone"),
        ("localtime", "(DuckDB does not know|is not a time zone)"),  # not on every machine
        (dateutil.tz.gettz("Europe/Berlin"), "neither a name nor a fixed offset"),
        (timezone(timedelta(minutes=7)), "quarters of an hour"),
    ],
)
def test_a_bad_time_zone_gets_a_clear_error(tz, message):
    with pytest.raises(InvalidArgument, match=f"tz: .*{message}"):
        taf.explore(EVENTS, tz=tz)


@given(st.integers(-23 * 4, 23 * 4).map(lambda quarters: timedelta(minutes=15 * quarters)))
def test_every_offset_of_quarters_of_an_hour_is_one_that_pandas_reads_back(offset):
    named = name_zone(timezone(offset, "Europe/Berlin"))
    assert pd.Timestamp("2026-07-01", tz=named).utcoffset() == offset


@pytest.mark.full
@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"])
def test_a_name_is_the_same_clock_in_duckdb_as_in_pandas(name):
    moment = pd.Timestamp("2026-07-01T12:00Z")
    with duckdb.connect() as connection:
        (local,) = connection.execute("SELECT timezone(?, ?::TIMESTAMPTZ)", [name_zone(name), str(moment)]).fetchone()
    assert local == moment.tz_convert(name).tz_localize(None).to_pydatetime()
