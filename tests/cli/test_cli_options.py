"""Options: what is refused, messages about it, and the token."""

import os
import re
from pathlib import Path

import click
import pandas as pd
import pytest
from support.command_line import CANARY, closed_port, run
from support.rawserver import RawServer, whole

import te_audit_frames as taf
from te_audit_frames.cli.commands import program

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


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
