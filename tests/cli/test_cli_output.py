"""CSV, JSON and tables, the log, and the progress bar."""

import csv
import io
import json
import os
import subprocess
import termios
import unicodedata
from contextlib import suppress

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.command_line import CANARY, COMMAND, FOREVER, HOSTILE, NOW, USER, environment, run
from support.rawserver import RawServer, page, whole

from te_audit_frames.cli.output import to_csv, to_json
from te_audit_frames.cli.terminal import table
from te_audit_frames.safe_text import width
from te_audit_frames.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


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


@pytest.mark.full
def test_verbose_shows_the_log_without_token_or_query(tmp_path):
    with RawServer([whole(b"", 503), whole(page())]) as api:
        shown = run("fetch", "--verbose", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    with RawServer([whole(b"", 503), whole(page())]) as api:
        silent = run("fetch", "-o", tmp_path / "e.parquet", TE_BASE_URL=api.url, TE_TOKEN=CANARY)
    (line,) = [line for line in shown.stderr.splitlines() if line.startswith("debug: ")]
    assert line.startswith("debug: page 1: attempt 1 failed with ServerError, trying again in ")
    assert CANARY not in shown.stderr
    assert "debug: " not in silent.stderr


@pytest.mark.full
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
