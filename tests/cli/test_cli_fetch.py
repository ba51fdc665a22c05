"""The command fetch."""

import csv
import itertools
import json
from datetime import timedelta

import pandas as pd
import pytest
from support.command_line import CANARY, FOREVER, NOW, USER, as_sent, multiset, run
from support.rawserver import RawServer, whole

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


def test_fetch_writes_what_the_client_fetches(api, parquet):
    client = taf.Client(token=api.token, base_url=api.url)
    expected = client.fetch_events(start="2026-01-01", end="2026-04-01", all_account_groups=True)
    events = taf.read_parquet(parquet)
    pd.testing.assert_frame_equal(events, expected)
    assert taf.receipt(events).complete
    assert multiset(as_sent(events)) == multiset(api.truth(NOW - timedelta(60), NOW, all_account_groups=True))


def test_fetch_says_what_it_wrote_on_stderr_only(api, tmp_path):
    result = run("fetch", *FOREVER, "-o", tmp_path / "events.parquet", at=api)
    assert result.stdout == ""
    assert result.stderr.startswith(
        "600 events of every account group of the token, from 2026-01-01T00:00:00Z to 2026-03-01T12:30:15Z, are in "
    )


def test_fetch_writes_json_lines(api, tmp_path):
    assert run("fetch", *FOREVER, "-o", tmp_path / "events.jsonl", at=api).exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 600
    assert set(lines[0]) == set(taf.read_pages([]).columns)


@pytest.mark.parametrize(("options", "cell"), [((), "'=1+1"), (("--raw-csv",), "=1+1")])
def test_fetch_writes_csv_that_no_spreadsheet_runs(tmp_path, options, cell):
    with Sandbox(events=[USER | {"user": "=1+1"}], now=NOW, token=CANARY) as api:
        assert run("fetch", *FOREVER, "-o", tmp_path / "events.CSV", *options, at=api).exit_code == 0
    with (tmp_path / "events.CSV").open(encoding="utf-8", newline="") as file:
        assert [row["user"] for row in csv.DictReader(file)] == [cell]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ((), {"window": "604801s", "useAllPermittedAids": "true"}),
        (("--window", "12h", "--login-account-group"), {"window": "43201s"}),
        (("--window", "1d", "--aid", "2071"), {"window": "86401s", "aid": "2071"}),
        (("--window", "1d", "--all-account-groups"), {"window": "86401s", "useAllPermittedAids": "true"}),
        (("--start", "2026-02-01", "--login-account-group"), {"startDate": "2026-01-31T23:59:59Z"}),
    ],
)
def test_options_reach_the_api(api, tmp_path, options, sent):
    before = len(api.requests)
    assert run("fetch", *options, "-o", tmp_path / "events.parquet", at=api).exit_code == 0
    assert api.requests[before].query == sent


def test_a_default_period_and_a_narrow_token_are_said(tmp_path):
    with Sandbox(events=[USER], now=NOW, token=CANARY) as api:
        result = run("fetch", "-o", tmp_path / "events.parquet", at=api)
    assert "Note: neither --window nor --start was given, so the last 7 days were taken.\n" in result.stderr
    assert "Note: only one uid was seen" in result.stderr


def test_an_existing_file_is_replaced_and_survives_a_failed_fetch(api, tmp_path):
    target = tmp_path / "events.csv"
    target.write_text("old")
    assert run("fetch", *FOREVER, "-o", target, at=api, TE_TOKEN="practice-wrong").exit_code == 3
    assert target.read_text() == "old"
    assert run("fetch", *FOREVER, "-o", target, at=api).exit_code == 0
    assert target.read_text(encoding="utf-8").startswith("date,")
    assert list(tmp_path.iterdir()) == [target]


def test_only_one_scope_is_taken(api, tmp_path):
    scopes = [("--aid", "1"), ("--login-account-group",), ("--all-account-groups",)]
    for one, other in itertools.combinations(scopes, 2):
        result = run("fetch", *one, *other, "-o", tmp_path / "e.parquet", at=api)
        assert result.exit_code == 2
        assert f"Error: {one[0]} and {other[0]} cannot be combined. Give one of them." in result.stderr


def test_a_403_names_the_options_that_ask_for_less(tmp_path):
    with RawServer([whole(b"{}", 403)]) as api:
        result = run("fetch", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    assert result.exit_code == 3
    assert "Use --login-account-group for only the token's login account group, or --aid for" in result.stderr


def test_values_set_aside_are_one_warning(tmp_path):
    with Sandbox(events=[USER | {"date": "yesterday"}, USER], now=NOW, token=CANARY) as api:
        result = run("fetch", *FOREVER, "--errors", "coerce", "-o", tmp_path / "e.parquet", at=api)
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if "Warning" in line] == [
        "Warning: 1 value that no column can hold: the column is empty there, and `extra` has the value"
    ]
