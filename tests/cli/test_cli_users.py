"""The commands about people: users, and sync --users."""

import csv
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from support.directories import Directory, user
from support.rawserver import RawServer

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.client.clock import Clock
from te_audit_frames.sandbox import Organisation, Sandbox

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=600, seed=3, end=NOW, days=30)


@pytest.fixture(scope="module", autouse=True)
def a_machine_whose_clock_agrees_with_the_servers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Clock, "now", lambda self: NOW)
        yield


@pytest.fixture
def api():
    with Sandbox(LOG, now=NOW, rate_limit=None) as sandbox:
        yield sandbox


def run(*words, url, token="practice-token"):
    env = {"TE_TOKEN": token, "TE_BASE_URL": url}
    return CliRunner().invoke(program, [str(word) for word in words], env=env, prog_name="te-audit-frames")


def test_the_file_is_what_the_function_returns(api, tmp_path):
    path = tmp_path / "users.parquet"
    result = run("users", "-o", path, url=api.url)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    expected = taf.Client(token=api.token, base_url=api.url).fetch_users()
    assert taf.read_users(path).equals(expected)
    assert f"{len(expected)} people, as of 2026-03-01T12:30:15Z, are in {path}." in result.stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_other_formats_have_the_same_people(api, tmp_path, ending):
    path = tmp_path / f"users.{ending}"
    assert run("users", "-o", path, url=api.url).exit_code == 0
    text = path.read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines())) if ending == "csv" else [json.loads(x) for x in text.splitlines()]
    expected = taf.Client(token=api.token, base_url=api.url).fetch_users()
    assert [row["uid"] for row in rows] == expected["uid"].tolist()
    assert "practice-account-token" not in text


def test_memberships_can_be_left_out(api, tmp_path):
    path = tmp_path / "users.parquet"
    assert run("users", "--without-memberships", "-o", path, url=api.url).exit_code == 0
    assert taf.read_users(path)["memberships"].isna().all()
    assert [request.path for request in api.requests] == ["/v7/users"]


def test_what_is_refused_is_said(tmp_path):
    with Sandbox(LOG, now=NOW, refused=("roles",)) as api:
        result = run("users", "-o", tmp_path / "users.parquet", url=api.url)
    assert result.exit_code == 0
    assert "Note: roles were refused, so is_admin is null." in result.stderr
    with Sandbox(LOG, now=NOW, refused=("users", "account-groups")) as api:
        result = run("users", "-o", tmp_path / "none.parquet", url=api.url)
    assert result.exit_code == 3
    assert "`View all users`" in result.stderr
    assert not (tmp_path / "none.parquet").exists()


def test_formulas_in_csv_are_harmless_unless_raw(tmp_path):
    directory = Directory()
    directory["users"] = {"users": [user("7", name="=1+1")]}
    with RawServer(directory.answer) as server:
        for words, expected in (((), "'=1+1"), (("--raw-csv",), "=1+1")):
            path = tmp_path / "users.csv"
            assert run("users", *words, "--without-memberships", "-o", path, url=server.url).exit_code == 0
            assert next(csv.DictReader(path.read_text().splitlines()))["name"] == expected
        result = run("users", "--raw-csv", "-o", tmp_path / "users.jsonl", url=server.url)
    assert result.exit_code == 2
    assert "--raw-csv is only for CSV" in result.stderr


def test_broken_answers_are_errors_about_data(tmp_path):
    directory = Directory()
    directory["users"] = {"users": [user(lastLogin="\x1b[2Jyesterday")]}
    with RawServer(directory.answer) as server:
        result = run("users", "-o", tmp_path / "users.parquet", url=server.url)
    assert result.exit_code == 5
    assert "not an ISO 8601 date" in result.stderr
    assert "\x1b" not in result.output


def test_sync_keeps_a_snapshot_if_it_is_asked_to(api, tmp_path):
    archive = tmp_path / "te-audit"
    assert run("sync", archive, "--since", "2026-02-25", url=api.url).exit_code == 0
    assert not (archive / "users").exists()
    result = run("sync", archive, "--since", "2026-02-25", "--users", "--json", url=api.url)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["users"] == len(taf.Archive(archive).users())
    assert (report["users_snapshot"], report["roles_fetched"]) == ("2026-03-01", True)
    result = run("sync", archive, "--since", "2026-02-25", "--users", url=api.url)
    assert f"{report['users']} people (roles as before)" in result.stdout
    assert run("archive", "verify", archive, url=api.url).exit_code == 0
