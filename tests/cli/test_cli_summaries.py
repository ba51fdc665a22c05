"""The commands summary and activity."""

import csv
import io
import json

import pytest
from support.command_line import run

import te_audit_frames as taf

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


@pytest.mark.few(count=1)
@pytest.mark.parametrize("by", ["user", "account-group", "event-type", "ip-address"])
def test_summary_in_every_format_says_the_same(parquet, by):
    name = {"account-group": "account_group", "event-type": "event", "ip-address": "ip_address"}.get(by, by)
    expected = taf.summarize(taf.read_parquet(parquet), by=name, top=4)
    words = ("summary", parquet, "--by", by, "--top", 4)
    records = json.loads(run(*words, "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(run(*words, "--format", "csv").stdout)))
    lines = run(*words).stdout.splitlines()
    assert [record["events"] for record in records] == expected["events"].tolist()
    assert [int(row["events"]) for row in rows] == expected["events"].tolist()
    assert [list(record) for record in records] == [list(row) for row in rows] == [list(expected)] * len(expected)
    assert lines[0].split() == list(expected)
    assert len(lines) == len(expected) + 1
    assert (
        records[0]["first_event"] == rows[0]["first_event"] == expected["first_event"][0].strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    assert records[0]["first_event"] in lines[1]


def test_activity_counts_in_the_zone_that_is_asked_for(parquet):
    words = ("activity", parquet, "--freq", "d", "--by", "event-type", "--top", 2, "--tz", "Europe/Berlin")
    expected = taf.activity(taf.read_parquet(parquet), freq="D", by="event", top=2, tz="Europe/Berlin")
    records = json.loads(run(*words, "--format", "json").stdout)
    assert sum(record["events"] for record in records) == 600
    assert [record["period"] for record in records] == [period.isoformat() for period in expected["period"]]
    assert records[0]["period"].endswith("T00:00:00+01:00")
    assert run(*words).stdout.splitlines()[0].split() == list(expected)
