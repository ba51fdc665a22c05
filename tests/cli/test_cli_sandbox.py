"""The command sandbox."""

import shlex
import signal
import socket
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import requests
from support.command_line import run, start

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


@pytest.mark.full
def test_the_sandbox_serves_what_its_export_lines_say_until_ctrl_c(tmp_path):
    practice = start("sandbox", "--events", 50, "--seed", 4)
    exports = dict(shlex.split(practice.stdout.readline())[1].split("=", 1) for _ in range(2))
    assert set(exports) == {"TE_TOKEN", "TE_BASE_URL"}
    result = run("fetch", "--window", "90d", "--all-account-groups", "-o", tmp_path / "e.parquet", **exports)
    assert result.stderr.splitlines()[1].startswith("50 events")  # behind the warning of clocks that are apart
    practice.send_signal(signal.SIGINT)
    out, err = practice.communicate(timeout=20)
    assert (practice.returncode, out) == (0, "")
    assert "Traceback" not in err


@pytest.mark.full
def test_the_sandbox_can_be_made_hard_to_fetch_from():
    practice = start("sandbox", "--events", 50, "--longest-range", 7, "--arrivals", 1, "--date-error", -60)
    exports = dict(shlex.split(practice.stdout.readline())[1].split("=", 1) for _ in range(2))
    answer = requests.get(
        exports["TE_BASE_URL"] + "/v7/audit-user-events?window=90d",
        headers={"Authorization": f"Bearer {exports['TE_TOKEN']}"},
        timeout=20,
    )
    practice.send_signal(signal.SIGINT)
    practice.communicate(timeout=20)
    start_date, end_date = (datetime.fromisoformat(answer.json()[name]) for name in ("startDate", "endDate"))
    assert end_date - start_date == timedelta(days=7)
    assert end_date - parsedate_to_datetime(answer.headers["Date"]) == timedelta(minutes=1)


@pytest.mark.full  # it starts the command; incidents have tests of their own
def test_the_sandbox_with_incidents_prints_the_truth_when_it_stops():
    practice = start("sandbox", "--events", 1_500, "--days", 60, "--incidents")
    exports = dict(shlex.split(practice.stdout.readline())[1].split("=", 1) for _ in range(2))
    query = "window=60d&useAllPermittedAids=true&max=1000"
    answer = requests.get(
        f"{exports['TE_BASE_URL']}/v7/audit-user-events?{query}",
        headers={"Authorization": f"Bearer {exports['TE_TOKEN']}"},
        timeout=20,
    )
    practice.send_signal(signal.SIGINT)
    _, err = practice.communicate(timeout=20)
    truth = err.split("Stopped.\n")[1].splitlines()
    assert len(truth) == 7
    deletion = next(line for line in truth if "deleted tests and reports" in line)
    minutes = {event["date"][:16].replace("T", " ") for event in answer.json()["auditEvents"]}
    assert deletion[:16] in minutes


def test_habits_need_enough_events_and_days():
    result = run("sandbox", "--incidents", "--events", 100, "--days", 30)
    assert result.exit_code == 2
    assert "write days=60, events=1500" in result.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--longest-range", "soon"),
        ("--longest-range", "-1"),
        ("--longest-range", "1e99"),
        ("--retention", "0"),
        ("--disorder", "-1"),
        ("--arrival-delay", "nan"),
        ("--arrivals", "-1"),
    ],
)
def test_the_sandbox_refuses_a_value_that_is_none(option, value):
    result = run("sandbox", option, value)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr
    assert "timedelta" not in result.stderr


def test_the_sandbox_says_when_its_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert f"--port: {port} is not available" in result.stderr
