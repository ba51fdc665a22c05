"""The command report: a file, its digest, and the review in it."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.command_line import run
from support.histories import archive_of, event, frame

import te_audit_frames as taf

EVENTS = frame(
    *(event(1440 * day, "Test updated.") for day in range(60)),
    *(event(1440 * 60 + n, "Test deleted.") for n in range(25)),
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    taf.write_parquet(EVENTS, tmp_path / "events.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.full
def test_the_report_is_written_and_its_digest_is_one_that_sha256sum_checks(folder):
    done = run("report", "events.parquet", "-o", "report.html", "--tz", "Europe/Berlin", "--title", "March & more")
    assert done.exit_code == 0, done.output
    page = (folder / "report.html").read_bytes()
    assert done.stdout == f"{hashlib.sha256(page).hexdigest()}  report.html\n"
    assert b"<h1>March &amp; more</h1>" in page
    assert b"times in Europe/Berlin" in page
    (folder / "sums").write_text(done.stdout)
    subprocess.run(["sha256sum", "-c", "sums"], cwd=folder, check=True, capture_output=True)


@pytest.mark.full
def test_the_history_is_what_was_before_the_period(folder):
    run("report", "events.parquet", "--window", "1d", "-o", "window.html", "--section", "completeness")
    run("report", "events.parquet", "-o", "all.html", "--section", "completeness")
    assert ">60</td>" in (folder / "window.html").read_text()
    assert ">60</td>" not in (folder / "all.html").read_text()


@pytest.mark.full
def test_an_archive_gives_its_coverage(folder):
    with archive_of(EVENTS) as archive:
        done = run("report", archive.location, "--window", "3d", "-o", "report.html", "--section", "completeness")
    assert done.exit_code == 0, done.output
    assert "of the period, the archive has" in (folder / "report.html").read_text()


def test_without_a_review_the_report_says_so(folder):
    done = run("report", "events.parquet", "--no-review", "--section", "who", "-o", "who.html")
    assert done.exit_code == 0, done.output
    page = (folder / "who.html").read_text()
    assert "Not reviewed" in page
    assert page.count("<section") == 2


@pytest.mark.full
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-o", "report.pdf"], 2, "must end in .html or .htm"),
        (["-o", "report.html", "--no-review", "--history", "events.parquet"], 2, "--no-review cannot be combined"),
        (["-o", "report.html", "--section", "whom"], 2, "is not one of"),
        (["-o", "report.html", "--title", " "], 2, "--title: ' ' is not a title"),
        (["-o", "missing/report.html"], 2, "does not exist"),
        ([], 2, "--output"),
    ],
)
def test_mistakes_are_told_in_the_words_of_the_command_line(words, code, message, folder):
    done = run("report", "events.parquet", *words)
    assert (done.exit_code, list(folder.glob("*.html"))) == (code, [])
    assert message in " ".join(done.output.split())


@pytest.mark.parametrize("link", [False, True])
def test_a_report_does_not_overwrite_what_it_reads(folder, link):
    notes = folder / "reviewed.html"
    notes.write_text('[[reviewed]]\nuid = "7"\nby = "Grace"\nwhy = "Migration"\nuntil = 2999-12-31\n')
    before, target = notes.read_bytes(), "link.html" if link else "reviewed.html"
    if link:
        (folder / target).symlink_to(notes)
    done = run("report", "events.parquet", "-o", target, "--dispositions", "reviewed.html")
    assert done.exit_code == 2
    assert "is also --dispositions" in done.stderr
    assert notes.read_bytes() == before


@pytest.mark.full
def test_a_date_at_the_end_of_the_calendar_stops_no_report(folder):
    last = event(0, "Test deleted.", date=datetime.max.replace(tzinfo=UTC))
    taf.write_parquet(pd.concat([EVENTS, frame(last)]), folder / "odd.parquet")
    done = run("report", "odd.parquet", "-o", "odd.html", "--section", "activity", "--tz", "Pacific/Kiritimati")
    assert done.exit_code == 0, done.output
    assert b"1 event that is years away from most others" in (folder / "odd.html").read_bytes()
    # A window ends with the last event, and there is no later moment.
    done = run("report", "odd.parquet", "-o", "odd.html", "--no-review", "--section", "what", "--window", "30d")
    assert done.exit_code == 0, done.output
