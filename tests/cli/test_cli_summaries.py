"""The commands summary and activity."""

import csv
import io
import json
import re

import pytest
from support.command_line import run

import te_audit_frames as taf
from te_audit_frames.safe_text import width

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
    assert len(lines) == len(expected) + 2
    assert max(map(width, lines)) <= 80
    first = [*list(expected)[: list(expected).index("share") + 1], "last_event"]
    assert lines[0].split()[: len(first)] == first
    assert sorted([*lines[0].split(), *re.findall(r"\w+", lines[-1].partition(":")[2])]) == sorted(expected)
    assert (
        records[0]["first_event"] == rows[0]["first_event"] == expected["first_event"][0].strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    assert records[0]["last_event"] in lines[1]


def test_summary_counts_by_several(parquet):
    expected = taf.summarize(taf.read_parquet(parquet), by=["event", "user"], top=5)
    words = ("summary", parquet, "--by", "event-type", "--by", "user", "--by", "event-type", "--top", 5)
    records = json.loads(run(*words, "--format", "json", "--tz", "Europe/Berlin").stdout)
    assert [list(record) for record in records] == [list(expected)] * 6
    assert [record["events"] for record in records] == expected["events"].tolist()
    moments = expected["last_event"].dt.tz_convert("Europe/Berlin")
    assert [record["last_event"] for record in records] == [moment.isoformat() for moment in moments]


def test_activity_counts_by_several(parquet):
    expected = taf.activity(taf.read_parquet(parquet), freq="W", by=["account_group", "event"], top=3)
    words = ("activity", parquet, "--freq", "W", "--by", "account-group", "--by", "event-type", "--top", 3)
    lines = run(*words, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["events"] for line in lines] == expected["events"].tolist()
    assert [list(json.loads(line)) for line in lines] == [list(expected)] * len(expected)


def test_activity_counts_in_the_zone_that_is_asked_for(parquet):
    words = ("activity", parquet, "--freq", "d", "--by", "event-type", "--top", 2, "--tz", "Europe/Berlin")
    expected = taf.activity(taf.read_parquet(parquet), freq="D", by="event", top=2, tz="Europe/Berlin")
    records = json.loads(run(*words, "--format", "json").stdout)
    assert sum(record["events"] for record in records) == 600
    assert [record["period"] for record in records] == [period.isoformat() for period in expected["period"]]
    assert records[0]["period"].endswith("T00:00:00+01:00")
    assert run(*words).stdout.splitlines()[0].split() == list(expected)
