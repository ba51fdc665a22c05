"""The command line: the real command, real sockets, real files."""

import csv
import io
import itertools
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import termios
import time
import unicodedata
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import click
import pandas as pd
import pytest
import requests
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.rawserver import RawServer, page, whole

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.cli.exit_codes import Program
from te_audit_frames.cli.output import to_csv, to_json
from te_audit_frames.cli.partial import outside
from te_audit_frames.cli.terminal import table
from te_audit_frames.client.rate_limit import Clock
from te_audit_frames.safe_text import width
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.storage.local_store import LocalStore

COMMAND = Path(sys.executable).with_name("te-audit-frames")
CANARY = "practice-canary-8f3a1c"
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=600, seed=3, end=NOW, days=30)
FOREVER = ("--start", "2026-01-01", "--end", "2026-04-01", "--all-account-groups")
HOSTILE = "\x1b[2J\u202eAda\u2066\r\n\t\x9b31m =cmd"
USER = {"date": "2026-02-28T10:00:00Z", "aid": "1", "accountGroupName": "G", "event": "User login.", "uid": "7"}


@pytest.fixture(scope="module", autouse=True)
def a_machine_whose_clock_agrees_with_the_servers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "now", lambda self: NOW)
        yield


@pytest.fixture(scope="module")
def api(a_machine_whose_clock_agrees_with_the_servers):
    with Sandbox(events=LOG, now=NOW, page_size=50, rate_limit=None, token=CANARY) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def parquet(api, tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    result = run("fetch", *FOREVER, "-o", path, at=api)
    assert result.exit_code == 0, result.output
    return path


def environment(at=None, **more):
    ours = {"TE_TOKEN": at.token, "TE_BASE_URL": at.url} if at else {"TE_TOKEN": None, "TE_BASE_URL": None}
    return ours | more


def run(*words, at=None, **more):
    return CliRunner().invoke(
        program, [str(word) for word in words], env=environment(at, **more), prog_name="te-audit-frames"
    )


def start(*words, at=None, **more):
    changed = os.environ | environment(at, **more)
    env = {name: value for name, value in changed.items() if value is not None}
    return subprocess.Popen(
        [COMMAND, *map(str, words)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def multiset(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def as_sent(events):
    """Write a frame's events as the API sent them."""
    names = {"account_group_name": "accountGroupName", "ip_address": "ipAddress"}
    sent = events.drop(columns="extra").rename(columns=names)
    sent["date"] = sent["date"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [{k: v for k, v in row.items() if isinstance(v, list) or not pd.isna(v)} for row in sent.to_dict("records")]


def walk(command=program, words=()):
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*words, name))


# ---- help, version, completion, start-up ---------------------------------------------------------------------------


@pytest.mark.parametrize("words", [words for words, _ in walk()], ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert re.search(r"Example", result.stdout)
    assert f"te-audit-frames {' '.join(words)}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_the_guide_documents_every_command_and_exit_code():
    guide = (Path(__file__).parents[1] / "docs" / "guide" / "command-line.md").read_text(encoding="utf-8")
    commands = [name for (name,) in (words for words, _ in walk() if len(words) == 1)]
    assert commands == [
        "demo",
        "fetch",
        "summary",
        "activity",
        "plot",
        "users",
        "sync",
        "archive",
        "vocabulary",
        "sandbox",
    ]
    assert [name for name in commands if f"te-audit-frames {name}" not in guide] == []
    assert [code for code in (0, 2, 3, 4, 5, 6, 130) if f"| {code} |" not in guide] == []


def test_the_installed_command_says_its_version():
    done = start("--version")
    assert done.communicate()[0].split() == ["te-audit-frames,", "version", taf.__version__]
    assert done.returncode == 0


def test_completion_knows_the_commands():
    done = run(_TE_AUDIT_FRAMES_COMPLETE="bash_complete", COMP_WORDS="te-audit-frames s", COMP_CWORD="1")
    assert done.stdout.split() == ["plain,summary", "plain,sync", "plain,sandbox"]


def test_help_imports_nothing_that_it_does_not_need():
    script = (
        "import sys; sys.argv = ['te-audit-frames', '--help']\n"
        "from te_audit_frames.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('matplotlib', 'te_audit_frames.sandbox', 'tqdm.notebook') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ---- fetch ---------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("words", "culprit"),
    [
        (("-o", "events.xlsx"), "'events.xlsx'"),
        (("-o", "events"), "'events'"),
        (("-o", "nowhere/events.csv"), "'nowhere' does not exist"),
        (("-o", "folder.csv"), "'folder.csv'"),
        (("-o", "e.parquet", "--raw-csv"), "--raw-csv"),
        (("-o", "e.parquet", "--aid", "1", "--all-account-groups"), "--all-account-groups"),
        (("-o", "e.parquet", "--aid", ""), "aid"),
        (("-o", "e.parquet", "--window", "7 days"), "window"),
        (("-o", "e.parquet", "--window", "7d", "--start", "2026-01-01"), "window"),
        (("-o", "e.parquet", "--end", "2026-01-01"), "end"),
        (("-o", "e.parquet", "--start", "2026-01-01T00:00:00"), "start"),
        (("-o", "e.parquet", "--workers", "0"), "workers"),
        (("-o", "e.parquet", "--ca-bundle", "nothing.pem"), "nothing.pem"),
        (("-o", "e.parquet", "--errors", "ignore"), "--errors"),
        ((), "-o"),
    ],
)
def test_wrong_usage_is_refused_before_any_request(api, tmp_path, monkeypatch, words, culprit):
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    before = len(api.requests)
    result = run("fetch", *words, at=api)
    assert (result.exit_code, result.stdout, len(api.requests)) == (2, "", before)
    assert culprit in result.stderr.split("Error:")[1]
    assert list(tmp_path.iterdir()) == [tmp_path / "folder.csv"]


def test_only_one_scope_is_taken(api, tmp_path):
    scopes = [("--aid", "1"), ("--login-account-group",), ("--all-account-groups",)]
    for one, other in itertools.combinations(scopes, 2):
        result = run("fetch", *one, *other, "-o", tmp_path / "e.parquet", at=api)
        assert result.exit_code == 2
        assert f"Error: {one[0]} and {other[0]} exclude each other." in result.stderr


PYTHON = re.compile(
    r"datetime|timedelta|\w\(\)|\b\w+=|\bClient\b|\bTimestamp\b|base_url|InvalidArgument|None\b|pyarrow|errno"
)


@pytest.mark.parametrize(
    "words",
    [
        ("fetch", "--window", "7 days", "-o", "e.parquet"),
        ("fetch", "--window", "0d", "-o", "e.parquet"),
        ("fetch", "--window", "9999999999w", "-o", "e.parquet"),
        ("fetch", "--window", "7d", "--end", "2026-01-01", "-o", "e.parquet"),
        ("fetch", "--start", "2026-01-01T00:00:00", "-o", "e.parquet"),
        ("fetch", "--start", "tomorrow", "-o", "e.parquet"),
        ("fetch", "--end", "2026-01-01", "-o", "e.parquet"),
        ("fetch", "--start", "2026-01-02", "--end", "2026-01-02", "-o", "e.parquet"),
        ("fetch", "--workers", "65", "-o", "e.parquet"),
        ("fetch", "--reserve", "1", "-o", "e.parquet"),
        ("fetch", "--deadline", "0", "-o", "e.parquet"),
        ("fetch", "--ca-bundle", "nothing.pem", "-o", "e.parquet"),
        ("sync", "archive", "--since", "yesterday"),
        ("sync", "archive", "--lookback", "3 days"),
        ("archive", "coverage", "nowhere"),
        ("archive", "export", "nowhere", "--start", "2026-01-02", "--end", "2026-01-01", "-o", "e.parquet"),
        ("activity", "events.txt", "--tz", "Mars"),
        ("activity", "events.txt"),
        ("summary", "events.txt"),
        ("summary", "nothing.parquet"),
        ("summary", "foreign.parquet"),
        ("fetch", "-o", "e.parquet"),
    ],
    ids=" ".join,
)
def test_messages_speak_the_language_of_the_command_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("events.txt").write_text("hello")
    pd.DataFrame({"price": [1]}).to_parquet("foreign.parquet")
    with RawServer([whole(b"{}", 403)]) as api:
        result = run(*words, TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    assert result.exit_code in (2, 3, 5)
    assert not PYTHON.search(result.stderr), result.stderr


def test_a_403_names_the_options_that_ask_for_less(tmp_path):
    with RawServer([whole(b"{}", 403)]) as api:
        result = run("fetch", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    assert result.exit_code == 3
    assert "Use --login-account-group for only the token's login account group, or --aid for" in result.stderr


def test_verbose_shows_the_log_without_token_or_query(tmp_path):
    with RawServer([whole(b"", 503), whole(page())]) as api:
        shown = run("fetch", "--verbose", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    with RawServer([whole(b"", 503), whole(page())]) as api:
        silent = run("fetch", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    (line,) = [line for line in shown.stderr.splitlines() if line.startswith("debug: ")]
    assert line.startswith("debug: page 1: attempt 1 failed with ServerError, trying again in ")
    assert CANARY not in shown.stderr
    assert "debug: " not in silent.stderr


def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "te_audit_frames", "--version"], text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"te-audit-frames, version {taf.__version__}\n"


# ---- the token -----------------------------------------------------------------------------------------------------


def test_the_token_may_come_from_a_file_of_its_owner_alone(api, tmp_path):
    secret = tmp_path / "token"
    secret.write_text(f"{api.token}\n")
    words = ("fetch", "--window", "1d", "--token-file", secret, "-o", tmp_path / "events.parquet")
    secret.chmod(0o640)
    refused = run(*words, at=api, TE_TOKEN=None)
    assert refused.exit_code == 2
    assert f"0640). Make it yours alone with: chmod 600 {secret}" in refused.stderr
    secret.chmod(0o600)
    assert run(*words, at=api, TE_TOKEN="practice-wrong").exit_code == 0  # the file is asked for, so it counts


def test_a_token_file_may_be_a_pipe(api, tmp_path):
    reading, writing = os.pipe()
    os.write(writing, api.token.encode())
    os.close(writing)
    words = ("fetch", "--window", "1d", "--token-file", f"/dev/fd/{reading}", "-o", tmp_path / "events.parquet")
    assert run(*words, at=api, TE_TOKEN=None).exit_code == 0
    os.close(reading)


def test_without_a_token_the_message_says_how_to_give_one(tmp_path):
    result = run("fetch", "-o", tmp_path / "events.parquet")
    assert result.exit_code == 2
    assert "TE_TOKEN" in result.stderr
    assert "--token-file" in result.stderr


@pytest.mark.parametrize(
    "content",
    [CANARY, f"{CANARY} pasted twice", f"Bearer {CANARY}", f"{CANARY}\xff", f"{CANARY}\x00", CANARY + "\ud83d" * 3],
)
@pytest.mark.parametrize("by_file", [True, False])
def test_no_failure_shows_the_token(tmp_path, content, by_file):
    secret = tmp_path / "token"
    secret.write_bytes(content.encode("utf-8", "surrogatepass"))
    secret.chmod(0o600)
    given = ("--token-file", secret) if by_file else ()
    words = ("--debug", "fetch", "-o", tmp_path / "e.parquet", "--deadline", "0.2", *given)
    in_environment = None if by_file else content.replace("\x00", "").replace("\ud83d", "x y")
    result = run(*words, TE_TOKEN=in_environment, TE_BASE_URL=f"https://127.0.0.1:{closed_port()}")
    assert result.exit_code in (2, 4)
    assert "Traceback" in result.stderr
    assert CANARY not in result.output


def test_the_token_is_no_local_of_any_frame(tmp_path):
    secret = tmp_path / "token"
    secret.write_text(f"{CANARY} and more")
    secret.chmod(0o600)
    context = program.make_context("te-audit-frames", ["fetch", "-o", "e.parquet", "--token-file", str(secret)])
    with context, pytest.raises(taf.InvalidArgument) as caught:
        click.Group.invoke(program, context)
    trace, seen = caught.value.__traceback__, []
    while trace:
        seen.append(trace.tb_frame.f_code.co_name)
        assert trace.tb_frame.f_code.co_filename == __file__ or CANARY not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert {"fetch", "__init__"} <= set(seen)


# ---- exit codes and messages ---------------------------------------------------------------------------------------


def test_exit_codes_of_fetch(api, tmp_path):
    words = ("fetch", "--window", "1d", "--deadline", "0.2", "-o", tmp_path / "e.parquet")
    assert run(*words, at=api, TE_TOKEN="practice-wrong").exit_code == 3
    assert run(*words, "--aid", "999", at=api).exit_code in (3, 4)  # how the API refuses an aid is its choice
    assert run(*words, at=api, TE_BASE_URL=f"http://127.0.0.1:{closed_port()}").exit_code == 4
    assert run(*words, at=api, TE_BASE_URL=f"{api.url}/elsewhere").exit_code == 4
    with Sandbox(events=[USER | {"date": "yesterday"}], now=NOW, token=CANARY) as odd:
        assert run("fetch", *FOREVER, "-o", tmp_path / "e.parquet", at=odd).exit_code == 5


def test_exit_codes_of_files(tmp_path, parquet):
    pd.DataFrame({"price": [1]}).to_parquet(tmp_path / "foreign.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    for name in ("foreign.parquet", "text.parquet", "nothing.parquet"):
        for words in (("summary",), ("activity",), ("plot", "top", "-o", tmp_path / "top.png")):
            result = run(*words, tmp_path / name)
            assert (result.exit_code, result.stdout) == (5, "")
            assert result.stderr.startswith("Error: ")
            assert len(result.stderr.splitlines()) == 1
            assert name in result.stderr or "no column" in result.stderr
    assert run("summary", parquet, "--by", "colour").exit_code == 2
    assert run("activity", parquet, "--tz", "Middle/Earth").exit_code == 2


def test_a_full_disk_is_a_matter_of_data(api, tmp_path):
    target = tmp_path / "events.parquet"
    target.symlink_to("/dev/full")
    result = run("fetch", *FOREVER, "-o", target, at=api)
    assert result.exit_code == 5
    assert "No space left" in result.stderr


@pytest.mark.parametrize(("debug", "trace"), [((), False), (("--debug",), True)])
def test_a_traceback_only_on_request(tmp_path, debug, trace):
    result = run(*debug, "summary", tmp_path / "nothing.parquet")
    assert ("Traceback" in result.stderr) is trace


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (taf.InvalidArgument("x"), 2),
        (taf.AuthenticationError("x", status=401), 3),
        (taf.PermissionDenied("x", status=403), 3),
        (taf.BadRequest("x", status=400), 4),
        (taf.NotFound("x", status=404), 4),
        (taf.RateLimited("x", status=429), 4),
        (taf.ServerError("x", status=503), 4),
        (taf.NetworkError("x"), 4),
        (taf.PaginationError("x"), 4),
        (taf.DecodeError("x"), 5),
        (taf.NotAnAuditFrame("x"), 5),
        (taf.DamagedFile("x"), 5),
        (taf.FileError("x"), 5),
        (taf.MissingFile("x"), 5),
        (taf.StoreError("x"), 4),
        (OSError(28, "No space left on device", "e.parquet"), 5),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_error_has_its_code_and_its_paragraph(error, code):
    def fail():
        raise error

    result = CliRunner().invoke(Program("p", commands=[click.Command("fail", callback=fail)]), ["fail"])
    assert (result.exit_code, result.stdout) == (code, "")
    assert len(result.stderr.splitlines()) == 1


def test_hostile_text_in_messages_and_warnings_does_not_act():
    def fail():
        import warnings

        warnings.warn(HOSTILE, taf.AuditFramesWarning, stacklevel=1)
        raise taf.NetworkError(HOSTILE)

    fails = Program(
        "p", commands=[click.Command("fail", callback=fail)], params=[click.Option(["--debug"], is_flag=True)]
    )
    result = CliRunner().invoke(fails, ["--debug", "fail"])
    lines = result.stderr.splitlines()
    assert lines[0] == "Warning: [2JAda 31m =cmd"
    assert lines[-1] == "Error: [2JAda 31m =cmd"
    assert not [char for char in result.stderr if char != "\n" and unicodedata.category(char) in ("Cc", "Cf")]


def test_values_set_aside_are_one_warning(tmp_path):
    with Sandbox(events=[USER | {"date": "yesterday"}, USER], now=NOW, token=CANARY) as api:
        result = run("fetch", *FOREVER, "--errors", "coerce", "-o", tmp_path / "e.parquet", at=api)
    assert result.exit_code == 0
    assert [line for line in result.stderr.splitlines() if "Warning" in line] == [
        "Warning: 1 value that no column can hold: the column is empty there, and `extra` has the value"
    ]


# ---- a fetch that fails keeps what it has --------------------------------------------------------------------------


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


# ---- reading commands ----------------------------------------------------------------------------------------------


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


@pytest.mark.few
@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")])
@pytest.mark.parametrize(
    "words",
    [("activity", "--by", "event-type", "--freq", "W"), ("heatmap", "--tz", "Asia/Tokyo"), ("top", "--top", "3")],
    ids=lambda words: words[0],
)
def test_plot_writes_pictures(parquet, tmp_path, words, suffix, magic):
    target = tmp_path / f"picture.{suffix}"
    result = run("plot", *words, parquet, "-o", target)
    assert (result.exit_code, result.output) == (0, "")
    assert target.read_bytes().startswith(magic)


def test_plot_refuses_an_unknown_kind_of_picture_before_it_reads(tmp_path):
    result = run("plot", "heatmap", tmp_path / "nothing.parquet", "-o", tmp_path / "heatmap.gif")
    assert result.exit_code == 2
    assert ".png, .svg, .pdf" in result.stderr


def test_hostile_names_do_not_act_in_tables_csv_and_json(tmp_path):
    with Sandbox(events=[USER | {"user": HOSTILE}, USER | {"uid": "8", "user": "=cmd"}], now=NOW, token=CANARY) as api:
        assert run("fetch", *FOREVER, "-o", tmp_path / "e.parquet", at=api).exit_code == 0
    shown = run("summary", tmp_path / "e.parquet").stdout
    assert "[2JAda 31m =cmd" in shown
    assert not [char for char in shown if char != "\n" and unicodedata.category(char) in ("Cc", "Cf")]
    assert run("summary", tmp_path / "e.parquet", "--format", "json").stdout.replace("\n", "").isprintable()
    written = run("summary", tmp_path / "e.parquet", "--format", "csv").stdout_bytes.decode()
    rows = csv.DictReader(io.StringIO(written, newline=""))
    # Whole, for what is left of a name without its escape sequences may be a formula.
    assert [row["user"] for row in rows] == [HOSTILE, "'=cmd"]
    assert "\x1b" not in to_csv(pd.DataFrame({"user": [HOSTILE]}), on_terminal=True)


# ---- signals and pipes ---------------------------------------------------------------------------------------------


def wait_for(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


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


def test_sync_says_one_line_and_archive_looks_into_what_it_made(api, tmp_path, monkeypatch):
    monkeypatch.setattr(Clock, "now", lambda self: NOW)  # a machine whose clock agrees with the server's
    place = tmp_path / "te-audit"
    done = run("sync", place, "--since", "2026-01-20", at=api)
    assert (done.exit_code, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    truth = api.truth(datetime(2026, 1, 20, tzinfo=UTC), NOW - timedelta(minutes=1), all_account_groups=True)
    assert f"{len(truth):,} events added" in done.stdout
    digest = re.search(r"manifest ([0-9a-f]{64})$", done.stdout.strip())[1]
    again = run("sync", place, "--json", at=api)
    assert (again.exit_code, json.loads(again.stdout)["events_added"]) == (0, 0)
    assert json.loads(again.stdout)["manifest"] == digest  # nothing changed
    covered = json.loads(run("archive", "coverage", place, "--format", "json").stdout)
    assert sum(day["events"] for day in covered) == len(truth)
    assert [day["complete"] for day in covered] == [True] * 40 + [False]
    assert re.search(r"ok +yes", run("archive", "verify", place).stdout)
    assert run("archive", "verify", place, "--expect", digest).exit_code == 0
    other = run("archive", "verify", place, "--expect", "0" * 64)
    assert (other.exit_code, digest in other.stdout) == (5, True)
    assert run("archive", "verify", place, "--expect", "yesterday's").exit_code == 2
    exported = run(
        "archive", "export", place, "--start", "2026-02-01", "--partition-by", "month", "-o", tmp_path / "months"
    )
    assert "2 files written" in exported.stderr
    assert run("archive", "export", place, "-o", tmp_path / "all.parquet").exit_code == 0
    assert len(taf.read_parquet(tmp_path / "all.parquet")) == len(truth)


def test_exit_codes_of_archives(api, tmp_path):
    place = tmp_path / "te-audit"
    assert run("archive", "verify", place).exit_code == 5
    with LocalStore(str(place)).writing():
        locked = run("sync", place, at=api)
    assert locked.exit_code == 6
    assert "another process is writing" in locked.stderr
    assert run("sync", place, "--since", "2026-02-25", at=api).exit_code == 0
    next(place.glob("events/*/*.parquet")).write_bytes(b"damaged")
    damaged = run("archive", "verify", place)
    assert damaged.exit_code == 5
    assert "SHA-256" in damaged.stdout
    assert run("sync", place, "--lookback", "soon", at=api).exit_code == 2
    assert run("sync", place).exit_code == 2


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


@pytest.mark.parametrize("length", ["soon", "-1", "1e99"])
def test_the_sandbox_refuses_a_length_that_is_none(length):
    result = run("sandbox", "--longest-range", length)
    assert result.exit_code == 2
    assert "longest" in result.stderr


def test_the_sandbox_says_when_its_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert f"--port: {port} is not available" in result.stderr


@pytest.mark.few(count=1)
@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("activity", "--freq", "h", "--by", "event-type", "--format", "csv"), 1),  # more than a pipe holds
        (("summary", "--by", "account-group"), 0),  # less than a buffer holds
    ],
    ids=["much", "little"],
)
def test_a_broken_pipe_ends_quietly(parquet, words, lines):
    # An unbuffered Python does not notice that a write was cut short.
    reading = start(*words, parquet, PYTHONUNBUFFERED=None)
    for _ in range(lines):
        reading.stdout.readline()
    reading.stdout.close()
    assert reading.wait(timeout=20) == 141
    assert reading.stderr.read() == ""
    reading.stderr.close()


def test_a_name_that_the_encoding_lacks_does_not_end_the_command(tmp_path):
    with Sandbox(events=[USER | {"user": "Łukasz 日本"}], now=NOW, token=CANARY) as api:
        assert run("fetch", *FOREVER, "-o", tmp_path / "e.parquet", at=api).exit_code == 0
    done = start("summary", tmp_path / "e.parquet", PYTHONIOENCODING="latin-1")
    out, err = done.communicate(timeout=20)
    assert (done.returncode, err) == (0, "")
    assert "\\u0141ukasz \\u65e5\\u672c" in out


def test_the_progress_bar_is_shown_on_a_terminal_and_nowhere_else(api, tmp_path):
    words = ("fetch", *FOREVER, "-o", tmp_path / "e.parquet")
    assert "fetching" not in run(*words, at=api).stderr
    assert "12 pages" in run(*words, "--progress", at=api).stderr

    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    env = os.environ | environment(api)
    seen = b""
    with subprocess.Popen([COMMAND, *map(str, words)], env=env, stdout=subprocess.PIPE, stderr=theirs):
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end of a terminal is closed
            while part := os.read(ours, 4096):
                seen += part
    os.close(ours)
    assert b"600 events" in seen
    assert b"pages" in seen


# ---- tables --------------------------------------------------------------------------------------------------------


def test_a_table_is_aligned_in_every_script():
    frame = pd.DataFrame(
        {
            "user": ["Ada", "日本 Ｔａｒｏ", "Zoe\u0308", None, "x" * 300, "e" + "\u0301" * 5_000],
            "events": [1_234_567, 89, 7, 6, 5, 4],
            "share": [0.5, 0.25, 0.125, 0.1, 0.02, 0.005],
            "first_event": pd.to_datetime(["2026-01-05T09:00:00Z"] * 5 + [None]).as_unit("us"),
            "complete": [True] * 5 + [False],
        }
    )
    lines = table(frame).splitlines()
    assert lines[1].split() == ["Ada", "1,234,567", "50.0%", "2026-01-05T09:00:00Z", "yes"]
    assert lines[4].split()[0] == "(none)"
    assert lines[6].split()[-2:] == ["(none)", "no"]
    assert lines[5].split()[0] == "x" * 59 + "…"
    ends = {width(line[: re.search(r"%|share", line).end()]) for line in lines}
    assert len(ends) == 1
    assert max(map(len, lines)) < 500


def test_an_empty_table_says_so():
    assert table(taf.summarize_by_user(taf.read_pages([]))).splitlines()[-1] == "(no events)"


@given(st.lists(st.tuples(st.none() | st.text(), st.integers(0, 10**9)), max_size=8))
def test_tables_csv_and_json_hold_for_all_names(rows):
    frame = pd.DataFrame(rows, columns=["user", "events"]).astype({"user": "str", "events": "int64"})
    lines = table(frame).splitlines()
    assert len(lines) == max(len(frame), 1) + 1
    if rows:
        assert len(set(map(width, lines))) == 1
    records = json.loads(to_json(frame))
    assert [(record["user"], record["events"]) for record in records] == rows
    cells = list(csv.reader(io.StringIO(to_csv(frame) + "\n", newline="")))[1:]
    assert [cell.replace("'", "") for cell, _ in cells] == [(user or "").replace("'", "") for user, _ in rows]
