"""The commands sync and archive."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from support.command_line import NOW, run

import te_audit_frames as taf
from te_audit_frames.client.clock import Clock
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


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


def test_a_quiet_sync_prints_only_what_needs_a_look(api, tmp_path, monkeypatch):
    monkeypatch.setattr(Clock, "now", lambda self: NOW)
    place = tmp_path / "te-audit"
    quiet = run("sync", place, "--since", "2026-02-20", "--quiet", at=api)
    assert (quiet.exit_code, quiet.output) == (0, "")
    (tmp_path / "te-audit" / MANIFEST).unlink()
    noted = run("sync", place, "--quiet", at=api)
    assert noted.exit_code == 0
    assert "no manifest" in noted.stdout
