"""The command review: what it prints, what it compares with, and when it says nothing."""

import csv
import io
import json
from datetime import UTC, datetime

import pandas as pd
import pytest
from support.command_line import run
from support.review_logs import night_log

import te_audit_frames as taf
from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.cli.filters import unmatched
from te_audit_frames.cli.output import Output
from te_audit_frames.cli.reading import Where
from te_audit_frames.cli.review import present
from te_audit_frames.cli.review_text import Shown
from te_audit_frames.sandbox import Sandbox

NOW = datetime(2026, 4, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    with (
        Sandbox(events=night_log(), now=NOW, rate_limit=None) as api,
        pytest.warns(taf.AuditFramesWarning, match="clock"),
    ):
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        events = client.fetch_events(start="2026-01-01", end=NOW)
    taf.write_parquet(events, folder / "events.parquet")
    taf.Archive(folder / "te-audit").import_parquet(folder / "events.parquet")
    (folder / "reviewed.toml").write_text(
        '[[reviewed]]\nuid = "7"\nby = "Hopper"\nwhy = "The old checkout was taken down"\nuntil = 2999-12-31\n'
    )
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    events = taf.read_parquet(folder / "events.parquet")
    return taf.review(taf.between(events, start="2026-04-20", end="2026-04-21"), history=events)


def _json(*words):
    result = run("review", *words, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _shown(found, min_severity="low", tz="UTC"):
    return Shown(found, found.findings, min_severity, tz, "te-audit", given=False)


def _print(capsys, found, *, min_severity="low", fail_on=None, quiet=False, form="table", tz="UTC", **filters):
    """Print a review that was made before, because each takes its time."""
    failing = present(
        _shown(found, min_severity, tz), Where(("x",), **filters), fail_on=fail_on, quiet=quiet, output=Output(form)
    )
    return failing, capsys.readouterr()


@pytest.mark.full
def test_a_window_is_compared_with_the_days_before_in_the_same_archive(folder, expected):
    found = _json(folder / "te-audit", "--window", "1d", "--min-severity", "info")
    # The period is the whole window, and not from its first event to its last.
    assert found["period"] == {"start": "2026-04-20T00:00:00Z", "end": "2026-04-21T00:00:00Z"}
    assert found["history"] == str(folder / "te-audit")
    chances = [finding["chance"] for finding in found["findings"]]
    assert chances == pytest.approx(expected.findings["chance"].tolist(), nan_ok=True)
    assert [finding["severity"] for finding in found["findings"]] == ["high", "medium", "medium", "low"]
    assert [person["uid"] for person in found["people"]] == ["7", "8"]
    assert not any("reaches into the period" in note for note in found["notes"])


@pytest.mark.full
def test_a_file_is_compared_with_its_own_days_before_and_a_disposition_moves_findings_away(folder):
    words = ("review", folder / "events.parquet", "--start", "2026-04-20", "--tz", "Europe/Berlin")
    words += ("--dispositions", folder / "reviewed.toml", "--format", "json")
    result = run(*words, "--fail-on", "high")
    assert result.exit_code == 0  # what somebody has looked at does not count
    found = json.loads(result.stdout)
    assert found["period"] == {"start": "2026-04-20T00:00:00+02:00", "end": "2026-04-21T02:00:00+02:00"}
    assert [(finding["uid"], finding["severity"]) for finding in found["findings"]] == [("8", "medium")]
    assert {finding["reviewed_why"] for finding in found["reviewed"]} == {"The old checkout was taken down"}
    assert found["summary"] == "0 high, 1 medium, 0 low; 3 reviewed before"


@pytest.mark.full
def test_without_a_history_the_output_says_so_and_calls_nothing_unusual(folder):
    shown = run("review", folder / "events.parquet", "--min-severity", "high").stdout
    text = " ".join(shown.split())
    assert "History: none, so nothing could be called unusual. With --window 7d" in text
    assert "(nothing at or above high; 6 of 7 checks could not be made in full: see below)" in text
    assert "not assessed: find_runs: no --history was given" in text


@pytest.mark.full
def test_a_history_that_is_given_is_the_one_that_is_used(folder, tmp_path):
    night = tmp_path / "night.parquet"
    taf.write_parquet(taf.between(taf.read_parquet(folder / "events.parquet"), start="2026-04-20"), night)
    given = run("review", night, "--window", "1d", "--history", folder / "te-audit", "--fail-on", "high", "--quiet")
    assert given.exit_code == 7
    assert given.stderr == ""
    assert f"History: {folder / 'te-audit'}"[:60] in given.stdout.replace("\n", " ")
    assert "12 deletions in 11 minutes" in given.stdout
    assert "what is not older than 2026-04-20" in " ".join(given.stdout.split())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.full
def test_csv_and_json_lines_have_the_findings_and_stderr_what_was_assessed(expected, capsys, form):
    _, printed = _print(capsys, expected, form=form, tz="Asia/Kolkata")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(printed.out)))
    else:
        rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [list(row) for row in rows] == [["number", *expected.findings]] * 4
    assert rows[0]["first_event"] == "2026-04-20T07:30:00+05:30"
    assert printed.err.startswith("Findings: 1 high, 2 medium, 1 low\n")
    assert "not assessed: find_failed_logins: no event is known to be a log-in" in printed.err
    assert _print(capsys, expected, form=form, quiet=True)[1].err == ""


@pytest.mark.parametrize(
    ("options", "fails", "speaks"),
    [
        ({"fail_on": "high"}, True, True),
        ({"user": ("8",), "fail_on": "high"}, False, False),
        ({"user": ("8",), "fail_on": "medium", "min_severity": "high"}, True, True),
        ({"user": ("8",), "min_severity": "medium"}, False, True),
        ({"user": ("8",), "min_severity": "high"}, False, False),
    ],
    ids=str,
)
def test_quiet_prints_nothing_unless_something_deserves_a_look(expected, capsys, options, fails, speaks):
    quiet, loud = _print(capsys, expected, **options, quiet=True), _print(capsys, expected, **options)
    assert quiet[0] is loud[0] is fails
    assert loud[1].out.startswith("Review of ")
    assert ("add: --evidence" in loud[1].out) is (options != {"user": ("8",), "min_severity": "high"}) or fails
    assert quiet[1] == (loud[1] if speaks else ("", ""))


@pytest.mark.full
def test_a_filter_that_matches_no_event_is_named_even_under_quiet(folder):
    where = (folder / "events.parquet", "--start", "2026-04-20", "--user", "ada", "--quiet", "--fail-on", "high")
    result = run("review", *where, "--user", "nobody", "--event", "*deleted.")
    assert (result.exit_code, result.stderr) == (7, "--user: no event of the period is by 'nobody'.\n")
    misspelt = Where(("x",), user=("8", "adda"), event=("no such",), account_group=("labs", "9"))
    missing = [("--user", "adda"), ("--event", "no such"), ("--account-group", "9")]
    assert unmatched(misspelt, taf.Archive(folder / "te-audit")) == missing


def test_findings_that_filters_leave_out_are_counted(expected, capsys):
    _, printed = _print(capsys, expected, user=("nobody",), min_severity="medium")
    assert "0 high, 0 medium; left out by --user: 1 high, 2 medium; 1 more not shown" in printed.out
    _, printed = _print(capsys, expected, user=("8",), event=("*",), form="json")
    assert (
        json.loads(printed.out)["summary"]
        == "0 high, 1 medium, 0 low; left out by --user and --event: 1 high, 1 medium, 1 low"
    )


def test_what_makes_it_fail_is_shown(expected, capsys):
    failing, printed = _print(capsys, expected, user=("8",), min_severity="high", fail_on="info", quiet=True)
    assert failing
    assert "alert rule" in printed.out


@pytest.mark.few(count=1)
@pytest.mark.parametrize(("user", "code"), [("ada", 7), ("8", 0)])
@pytest.mark.full
def test_evidence_exits_as_fail_on_says(folder, user, code):
    words = (folder / "events.parquet", "--start", "2026-04-20", "--evidence", 2, "--format", "jsonl")
    result = run("review", *words, "--fail-on", "high", "--user", user)
    assert (result.exit_code, result.stdout.count("Alert rule deleted")) == (code, 1)


@pytest.mark.parametrize("kind", ["te-audit", "events.parquet"])
def test_a_start_after_everything_is_refused_with_what_is_covered(folder, kind):
    result = run("review", folder / kind, "--start", "2027-01-01", "--quiet")
    assert (result.exit_code, result.stdout) == (2, "")
    text = " ".join(result.stderr.split())
    assert "--start 2027-01-01 is later than everything in WHERE, which covers 2026-01-" in text
    assert "to 2026-04-21T00:00:00Z" in text


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"user": ("ada@example.com",)}, [0, 1, 3]),
        ({"account_group": ("shops",)}, [2]),
        ({"action": ("delete",), "event": ("alert*",)}, [2]),
        ({"event": ("test deleted.",)}, [0, 1, 3]),
        ({"user": ("nobody",)}, []),
    ],
    ids=str,
)
def test_filters_choose_findings_and_everybody_is_reviewed(expected, capsys, filters, numbers):
    found = json.loads(_print(capsys, expected, form="json", **filters)[1].out)
    assert [finding["number"] for finding in found["findings"]] == numbers
    assert {record["events"] for record in found["assessed"]} == {13}
    assert {person["uid"] for person in found["people"]} == {finding["uid"] for finding in found["findings"]}


@pytest.mark.full
def test_an_unused_account_has_no_events_and_passes_a_filter_by_its_name(folder, capsys):
    events = taf.read_parquet(folder / "events.parquet")
    day = pd.Timestamp("2020-01-01", tz="UTC").as_unit("us")
    people = pd.DataFrame({"uid": ["9"], "name": ["Ida"], "email": ["ida@example.com"], "last_login": [day]})
    people = people.assign(registered=day, fetched_at=pd.Timestamp(NOW).as_unit("us"))
    ada = people.assign(uid="7", name="Ada", email="ada@example.com")
    found = taf.review(events.tail(14), users=pd.concat([people, ada]), checks=["find_dormant_users"])
    for filters, checks in (({"user": ("9",)}, ["find_dormant_users"]), ({"user": ("9",), "event": ("*",)}, [])):
        printed = json.loads(_print(capsys, found, min_severity="info", form="json", **filters)[1].out)
        assert [finding["check"] for finding in printed["findings"]] == checks


@pytest.mark.full
def test_the_evidence_is_the_events_behind_a_finding(folder, expected):
    words = ("review", folder / "te-audit", "--window", "1d", "--evidence")
    lines = [json.loads(line) for line in run(*words, 0, "--format", "jsonl").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["Test deleted."] * 12
    with pytest.raises(taf.InvalidArgument) as error:
        expected.evidence(99)
    message = in_options(str(error.value))
    assert message == "number: 99 is not a finding; the numbers are 0 to 3."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--dispositions", "no.toml"), "--dispositions: no.toml cannot be read"),
        (("--vocabulary", "no.toml"), "--vocabulary: no.toml cannot be read"),
        (("--action", "deleet"), "--action: 'deleet' is not one of"),
        (("--min-severity", "urgent"), "Invalid value for '--min-severity'"),
        (("--users", "no.parquet"), "no.parquet"),
    ],
    ids=str,
)
def test_a_mistake_is_named_by_its_option(folder, words, message):
    result = run("review", folder / "events.parquet", *words)
    assert result.exit_code in (2, 5)
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
