"""Exit codes, messages and tracebacks."""

import unicodedata

import click
import pandas as pd
import pytest
from click.testing import CliRunner
from support.command_line import CANARY, FOREVER, HOSTILE, NOW, USER, closed_port, run, start

import te_audit_frames as taf
from te_audit_frames.cli.exit_codes import Program
from te_audit_frames.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


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


@pytest.mark.full
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
