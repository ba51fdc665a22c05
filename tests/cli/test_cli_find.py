"""The commands of find: each is one function, with its thresholds, its rows and what it examined."""

import csv
import inspect
import io
import json
import re

import click
import pandas as pd
import pytest
from support.command_line import run

import te_audit_frames as taf
from te_audit_frames.cli.find import find
from te_audit_frames.cli.find_text import FIRST_COLUMNS
from te_audit_frames.periods import to_window
from te_audit_frames.safe_text import width
from te_audit_frames.sandbox import Sandbox

FUNCTIONS = {
    "runs": taf.find_runs,
    "failed-logins": taf.find_failed_logins,
    "sessions": taf.find_sessions,
    "off-hours": taf.find_off_hours,
    "new-addresses": taf.find_new_addresses,
    "access-changes": taf.find_access_changes,
    "monitoring-changes": taf.find_monitoring_changes,
    "dormant-users": taf.find_dormant_users,
    "actors": taf.classify_actors,
}
NAMES = {"ipv4_bits": "v4", "ipv6_bits": "v6"}
"""Options that have a plainer name than the argument."""

NOT_ARGUMENTS = {"places", "window", "start", "end", "user", "event", "account_group", "form", "bom", "quiet"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("find")
    with Sandbox(events=4_000, seed=5, days=90, rate_limit=None) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        events, people = client.fetch_events(window="100d"), client.fetch_users()
    taf.write_parquet(events, folder / "events.parquet")
    taf.write_users(people, folder / "users.parquet")
    taf.Archive(folder / "archive").import_parquet(folder / "events.parquet")
    return folder


def parameters(name):
    return {parameter.name: parameter for parameter in find.commands[name].params}


def test_every_function_is_a_command():
    functions = {each for each in taf.__all__ if each.startswith("find_")} | {"classify_actors"}
    assert {function.__name__ for function in FUNCTIONS.values()} == functions == set(FIRST_COLUMNS)
    assert list(find.commands) == list(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_an_option_with_the_same_default(name):
    arguments = dict(inspect.signature(FUNCTIONS[name]).parameters)
    arguments.pop("events")
    found = {NAMES.get(each, each): option for each, option in parameters(name).items() if each not in NOT_ARGUMENTS}
    if "tz" not in arguments:
        found.pop("tz")  # then it is only the zone of the period and of the output
    assert set(found) == set(arguments)
    for argument, option in found.items():
        default = arguments[argument].default
        if default is inspect.Parameter.empty:
            assert option.required
        elif isinstance(option.type, click.ParamType) and option.type.name == "length":
            assert to_window(option.default) == pd.Timedelta(default), argument
        elif argument == "action":
            assert option.default == [default]
        elif argument != "min_failures" and default is not None:
            assert option.default == default, argument


WORDS = {
    "runs": ("--min-size", 2, "--gap", "2h", "--action", "update", "--action", "create"),
    "failed-logins": ("--min-failures", 3),
    "sessions": ("--idle", "4h"),
    "off-hours": ("--min-days", 5, "--min-events", 10, "--ratio", 1.5, "--tz", "Europe/Berlin"),
    "new-addresses": ("--min-days", 2, "--ipv4-bits", 32),
    "access-changes": (),
    "monitoring-changes": ("--gap", "1h"),
    "dormant-users": ("--days", 20),
    "actors": ("--min-events", 20, "--min-days", 5),
}
ARGUMENTS = {
    "runs": {"min_size": 2, "gap": "2h", "action": ["update", "create"]},
    "failed-logins": {"min_failures": 3},
    "sessions": {"idle": "4h"},
    "off-hours": {"min_days": 5, "min_events": 10, "ratio": 1.5, "tz": "Europe/Berlin"},
    "new-addresses": {"min_days": 2, "v4": 32},
    "access-changes": {},
    "monitoring-changes": {"gap": "1h"},
    "dormant-users": {"days": 20},
    "actors": {"min_events": 20, "min_days": 5},
}


def words_of(name, folder):
    words = ["find", name, folder / "archive", "--window", "30d", *WORDS[name]]
    words += ["--history", folder / "events.parquet"] if "history" in parameters(name) else []
    return words + (["--users", folder / "users.parquet"] if name == "dormant-users" else [])


def expected_of(name, folder):
    archive = taf.Archive(folder / "archive")
    arguments = dict(ARGUMENTS[name])
    if "history" in parameters(name):
        arguments["history"] = archive
    if name == "dormant-users":
        arguments["users"] = taf.read_users(folder / "users.parquet")
    return FUNCTIONS[name](events=archive.load(window="30d"), **arguments)


def from_json_lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def from_csv(result):
    rows = list(csv.DictReader(io.StringIO(result.stdout_bytes.decode(), newline="")))
    numbers = {"events": int, "event_texts": json.loads, "duration": float}
    return [{name: numbers.get(name, str)(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize(("form", "read"), [("jsonl", from_json_lines), ("csv", from_csv)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_command_prints_the_rows_of_its_function_in_every_format(folder, name, form, read):
    expected = expected_of(name, folder)
    assert len(expected)
    rows = read(run(*words_of(name, folder), "--format", form))
    assert [list(row) for row in rows] == [list(expected)] * len(expected)
    for row, frame_row in zip(rows, expected.to_dict("records"), strict=True):
        assert row["events"] == frame_row["events"]
        assert row["event_texts"] == list(frame_row["event_texts"])
        if "duration" in row:
            assert row["duration"] == frame_row["duration"].total_seconds()
        if row["first_event"]:
            assert pd.Timestamp(row["first_event"]) == frame_row["first_event"]


@pytest.mark.few(count=2)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_command_prints_a_table_and_what_it_examined(folder, name):
    expected = expected_of(name, folder)
    shown = run(*words_of(name, folder))
    table = shown.stdout.splitlines()
    assert max(map(width, table)) <= 80
    filled = set(expected.columns[expected.notna().any()])  # columns without any value come last
    first = [each for each in FIRST_COLUMNS[_function(name)].split() if each in filled]
    header = table[0].split()
    assert header == [*first, *header[len(first) :]][: len(header)]
    assert len(header) >= 3
    assert len(table) == len(expected) + 2
    record = taf.assessed(expected)
    assert shown.stderr.startswith(f"Examined: {record.events:,} events of {record.people:,} people, from ")


def _function(name):
    return FUNCTIONS[name].__name__


@pytest.mark.full
@pytest.mark.few(count=4)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_column_that_is_shown_first_exists(folder, name):
    by = {"runs": ["user", "ip_address", "account_group"], "failed-logins": ["user", "ip_address"]}.get(name, [None])
    events = taf.read_parquet(folder / "events.parquet")
    given = {"users": taf.read_users(folder / "users.parquet")} if name == "dormant-users" else {}
    columns = {
        column for each in by for column in FUNCTIONS[name](events=events, **given, **({"by": each} if each else {}))
    }
    assert set(FIRST_COLUMNS[_function(name)].split()) <= columns


@pytest.mark.full
def test_nothing_found_and_not_assessed_are_different(folder):
    nothing = run("find", "runs", folder / "archive", "--min-size", 10_000)
    unknown = run("find", "new-addresses", folder / "archive")
    assert "(nothing found)" in nothing.stdout.splitlines()
    assert "Not assessed" not in nothing.stderr
    assert "(not assessed)" in unknown.stdout.splitlines()
    assert "(nothing found)" not in unknown.stdout
    assert "Not assessed: no --history was given." in unknown.stderr
    assert nothing.exit_code == unknown.exit_code == 0


@pytest.mark.full
def test_quiet_prints_nothing_unless_something_is_found(folder):
    nothing = run("find", "runs", folder / "archive", "--min-size", 10_000, "--quiet")
    assert nothing.output == ""
    assert run("find", "runs", folder / "archive", "--min-size", 10_000, "--quiet", "--format", "csv").output == ""
    found = run("find", "runs", folder / "archive", "--min-size", 2, "--quiet")
    assert found.stdout
    assert found.stderr == ""
    # A check that could not be made is not a good result.
    assert run("find", "off-hours", folder / "archive", "--window", "1d", "--quiet").output.startswith("Not assessed")


@pytest.mark.full
def test_times_are_in_the_zone(folder):
    words = ("find", "failed-logins", folder / "archive", "--min-failures", 3, "--format", "jsonl")
    utc, local = run(*words), run(*words, "--tz", "Asia/Kolkata")
    pairs = list(zip(utc.stdout.splitlines(), local.stdout.splitlines(), strict=True))
    assert pairs
    for one, other in pairs:
        assert json.loads(other)["first_event"].endswith("+05:30")
        assert pd.Timestamp(json.loads(one)["first_event"]) == pd.Timestamp(json.loads(other)["first_event"])
    assert re.search(r"from \S+\+05:30 to \S+\+05:30", local.stderr)


@pytest.mark.full
def test_people_come_from_an_archive_too(tmp_path):
    with Sandbox(events=300, seed=5, days=30, rate_limit=None) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        start = pd.Timestamp.now(tz="UTC") - pd.Timedelta(days=35)
        taf.Archive(tmp_path / "te-audit").sync(client, start=start, settle=0, users=True)
    result = run("find", "dormant-users", tmp_path / "te-audit", "--users", tmp_path / "te-audit")
    assert result.exit_code == 0, result.stderr
    assert "the directory has" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("off-hours", "ARCHIVE", "--days", 30, "--min-days", 31),
            2,
            "--min-days: 31 is not a whole number",
        ),
        (("runs", "ARCHIVE", "--action", "deleet"), 2, "--action: 'deleet' is not one of"),
        (("runs", "ARCHIVE", "--gap", "soon"), 2, "'soon' is not a length of time"),
        (("runs", "ARCHIVE", "--vocabulary", "no.toml"), 2, "--vocabulary: no.toml cannot be read"),
        (("dormant-users", "ARCHIVE"), 2, "Missing option '--users'"),
        (("dormant-users", "ARCHIVE", "--users", "ARCHIVE"), 5, "te-audit-frames sync --users keeps one"),
        (("off-hours", "ARCHIVE", "--history", "nowhere"), 5, "nowhere: No such file"),
    ],
    ids=str,
)
def test_a_mistake_is_named_by_its_option(folder, words, code, message):
    result = run("find", *[folder / "archive" if word == "ARCHIVE" else word for word in words])
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
