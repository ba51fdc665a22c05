"""The command events: rows as a table, and as files that can be read back."""

import codecs
import csv
import io
import json
import os
import re
import subprocess
import termios
import unicodedata
from contextlib import suppress
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from support.command_line import CANARY, COMMAND, FOREVER, HOSTILE, NOW, USER, run

import te_audit_frames as taf
from te_audit_frames.cli.events import _escape
from te_audit_frames.safe_text import width
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.csv_jsonl_reader import read_csv, read_jsonl

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


@pytest.fixture(scope="module")
def hostile(a_machine_whose_clock_agrees_with_the_servers, tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "e.parquet"
    resources = [{"type": "testName", "name": HOSTILE}, {"type": "testName", "name": "Ada;=1+1 \U0001f600"}]
    events = [USER | {"user": HOSTILE, "resources": resources, "new": {"n": 1.10, "s": ";=1"}}, USER | {"user": "=cmd"}]
    with Sandbox(events=events, now=NOW, token=CANARY) as api:
        assert run("fetch", *FOREVER, "-o", path, at=api).exit_code == 0
    return path


@pytest.mark.full
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize(("form", "read"), [("csv", read_csv), ("jsonl", read_jsonl)])
def test_what_is_printed_can_be_read_back(parquet, hostile, tmp_path, form, read, zone):  # noqa: PLR0917
    for file in (parquet, hostile):
        result = run("events", file, "--format", form, "--tz", zone)
        (tmp_path / "out").write_bytes(result.stdout_bytes)
        again, expected = read(tmp_path / "out"), taf.read_parquet(file)
        expected.attrs = {}
        pd.testing.assert_frame_equal(again, expected)


def test_csv_with_a_byte_order_mark_has_local_times(parquet):
    words = ("events", parquet, "--format", "csv", "--tz", "Europe/Berlin")
    plain, marked = run(*words), run(*words, "--bom")
    assert marked.stdout_bytes == codecs.BOM_UTF8 + plain.stdout_bytes
    rows = list(csv.DictReader(io.StringIO(plain.stdout_bytes.decode(), newline="")))
    local = taf.read_parquet(parquet)["date"].dt.tz_convert(ZoneInfo("Europe/Berlin"))
    assert [row["date"] for row in rows] == [moment.isoformat() for moment in local]
    assert rows[0]["date"].endswith("+01:00")


@pytest.mark.full  # it starts the command
def test_csv_is_utf_8_with_a_byte_order_mark_whatever_the_locale(hostile):
    env = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [COMMAND, "events", hostile, "--format", "csv", "--bom"], env=env, capture_output=True, check=True
    )
    assert done.stdout.startswith(codecs.BOM_UTF8)
    assert "\U0001f600" in done.stdout.decode("utf-8")


def test_a_table_shows_who_did_what_to_what_in_80_columns(parquet):
    events = taf.read_parquet(parquet)
    lines = run("events", parquet).stdout.splitlines()
    assert max(map(width, lines)) <= 80
    assert lines[0].split() == ["date", "user", "event", "resources", "ip_address"]
    assert lines[-1] == "(not shown: account_group_name, aid, uid, extra)"
    assert [line.split()[0] for line in lines[1:-1]] == events["date"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").tolist()
    wide = run("events", parquet, COLUMNS="300").stdout.splitlines()
    assert set(wide[0].split()) == set(COLUMNS)
    assert len(wide) == len(events) + 1


def test_json_is_an_array_of_the_same_objects(hostile):
    lines = run("events", hostile, "--format", "jsonl").stdout.splitlines()
    array = run("events", hostile, "--format", "json").stdout
    assert json.loads(array) == [json.loads(line) for line in lines]
    assert array.replace("\n", "").isprintable()
    assert json.loads(lines[0])["extra"] == {"new": {"n": 1.1, "s": ";=1"}}
    assert json.loads(run("events", hostile, "--format", "json", "--user", "nobody").stdout) == []


def test_the_newest_are_kept_by_a_limit(parquet):
    lines = run("events", parquet, "--limit", 3, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["date"] for line in lines] == [
        moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in taf.read_parquet(parquet)["date"].tail(3)
    ]


def test_no_event_is_no_error(parquet):
    result = run("events", parquet, "--user", "nobody")
    assert result.exit_code == 0
    assert "(no events)" in result.stdout.splitlines()


def on_terminal(*words):
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    seen = b""
    with subprocess.Popen([COMMAND, *map(str, words)], stdout=theirs):
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end of a terminal is closed
            while part := os.read(ours, 4096):
                seen += part
    os.close(ours)
    return seen.decode()


@pytest.mark.few(count=1)  # each starts the command, and formats are tested above
@pytest.mark.parametrize("form", ["table", "csv", "json", "jsonl"])
@pytest.mark.full
def test_hostile_names_do_not_act_on_a_terminal(hostile, form):
    shown = on_terminal("events", hostile, "--format", form)
    assert "Ada" in shown
    assert not [char for char in shown if char not in "\r\n" and unicodedata.category(char) in ("Cc", "Cf")]
    if form == "table":
        assert max(map(width, shown.splitlines())) <= 100
    if form == "jsonl":
        assert [json.loads(line)["user"] for line in shown.splitlines()] == taf.read_parquet(hostile)["user"].tolist()


@pytest.mark.parametrize("character", ["é", "\x7f", "\u202e", "\U0001f600"])
def test_an_escaped_character_is_the_same_json(character):
    escaped = re.sub("[^\x00-\x7e]", _escape, f'"{character}"')
    assert escaped.isascii()
    assert json.loads(escaped) == character
