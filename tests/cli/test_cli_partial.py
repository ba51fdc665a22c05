"""What a failed or interrupted fetch keeps, and the commands for the rest."""

import shlex
import signal
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from support.command_line import CANARY, FOREVER, LOG, NOW, USER, as_sent, multiset, run, start

import te_audit_frames as taf
from te_audit_frames.cli.partial import outside
from te_audit_frames.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


def commands_in(stderr):
    return [shlex.split(line)[1:] for line in stderr.splitlines() if line.startswith("  te-audit-frames ")]


@pytest.mark.few
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("allowed", [4, 5, 9])
def test_partial_and_rest_are_the_whole_and_never_double(api, tmp_path, workers, allowed):
    with Sandbox(events=LOG, now=NOW, page_size=50, rate_limit=allowed, token=CANARY) as scarce:
        words = (*FOREVER, "--workers", workers, "--deadline", "30", "--errors", "coerce", "--no-progress")
        failed = run("fetch", *words, "-o", tmp_path / "odd name.csv", at=scarce)
    assert failed.exit_code == 4
    assert not (tmp_path / "odd name.csv").exists()
    rest = commands_in(failed.stderr)
    assert rest
    for command in rest:
        assert "--all-account-groups" in command
        assert "--no-progress" in command
        assert command[command.index("--errors") + 1] == "coerce"
        assert run(*command, at=api).exit_code == 0
    files = [tmp_path / "odd name.partial.parquet", *(Path(command[-1]) for command in rest)]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    got = sum((multiset(as_sent(taf.read_parquet(file))) for file in files), Counter())
    assert got == multiset(api.truth(NOW - timedelta(60), NOW, all_account_groups=True))
    lines = run("events", *files, "--format", "jsonl").stdout.splitlines()
    assert len(lines) == got.total()
    assert not taf.receipt(taf.read_parquet(files[0])).complete


def test_what_lies_outside_of_what_is_missing():
    hours = pd.date_range("2026-01-01", periods=8, freq="h", tz="UTC", unit="us")
    events = pd.DataFrame({"date": [*hours, pd.NaT]})
    gaps = [(hours[1].to_pydatetime(), hours[3].to_pydatetime()), (hours[6].to_pydatetime(), hours[7].to_pydatetime())]
    assert outside(events, gaps)["date"].dt.hour.tolist() == [0, 3, 4, 5, 7]
    assert outside(events, [])["date"].dt.hour.tolist() == list(range(8))


def test_an_event_without_a_date_is_in_no_partial_file_since_the_rest_brings_it_again(tmp_path):
    dated = [USER | {"date": f"2026-02-{day:02d}T00:00:00Z"} for day in range(1, 29)]
    log = [*dated, {name: value for name, value in USER.items() if name != "date"}]
    with Sandbox(events=log, now=NOW, page_size=4, rate_limit=3, token=CANARY) as scarce:
        words = (*FOREVER, "--deadline", "10", "--errors", "coerce", "-o", tmp_path / "e.parquet")
        failed = run("fetch", *words, at=scarce)
        assert failed.exit_code == 4
    files = list(tmp_path.iterdir())
    assert sum(taf.read_parquet(file)["date"].isna().sum() for file in files) == 0
    with Sandbox(events=log, now=NOW, page_size=4, token=CANARY) as generous:
        again = commands_in(failed.stderr) or [["fetch", *map(str, words)]]
        for command in again:
            assert run(*command, at=generous).exit_code == 0
    assert sum(len(taf.read_parquet(file)) for file in tmp_path.iterdir()) == len(log)


def test_a_fetch_that_got_nothing_leaves_nothing(api, tmp_path):
    result = run("fetch", *FOREVER, "-o", tmp_path / "e.parquet", at=api, TE_TOKEN="practice-wrong")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def wait_for(condition):
    for _ in range(1_200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


@pytest.mark.full
def test_ctrl_c_ends_a_fetch_at_once_and_keeps_what_came(tmp_path):
    with Sandbox(events=LOG, now=NOW, page_size=20, latency=0.4, rate_limit=None, token=CANARY) as api:
        fetch = start("fetch", *FOREVER, "--workers", 2, "-o", tmp_path / "e.parquet", at=api)
        wait_for(lambda: len(api.requests) > 26)  # so that some period is whole
        fetch.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = fetch.communicate(timeout=20)
    assert fetch.returncode == 130
    assert time.monotonic() - began < 3
    assert out == ""
    said = [line for line in err.splitlines() if not line.startswith("Warning: the server's clock")]
    assert said[0] == "Interrupted."
    assert "Traceback" not in err
    assert len(taf.read_parquet(tmp_path / "e.partial.parquet")) > 0
    assert commands_in(err)
