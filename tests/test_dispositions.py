"""Dispositions: what is covered, for how long, and how mistakes are reported."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from support.histories import frame
from support.reviews import HISTORY, at, found

import te_audit_frames as taf
from te_audit_frames.checks.dispositions import Disposition, load_dispositions, split_reviewed
from te_audit_frames.checks.judging.findings import Finding

EVENTS = frame(at(1, 10, "Alert rule deleted."), at(1, 11, "Alert rule deleted.", "8"))

CHECK = "find_monitoring_changes"
"""The only check that finds something in these events."""

REVIEWED = """
[[reviewed]]
uid = "7"
check = "find_monitoring_changes"
by = "Grace"
why = "The old checkout was taken down"
until = 2026-06-30
"""


def reviewed(tmp_path, text: str, at: str = "2026-06-30") -> taf.Review:
    path = tmp_path / "reviewed.toml"
    path.write_text(text, encoding="utf-8")
    return taf.review(EVENTS, history=HISTORY, dispositions=path, at=at, checks=[CHECK])


def test_what_was_looked_at_moves_until_the_day_is_over(tmp_path):
    review = reviewed(tmp_path, REVIEWED)
    assert found(review) == [("medium", "find_monitoring_changes", "Ben")]
    assert review.reviewed[["user", "by", "until"]].values.tolist() == [["Ada", "Grace", "2026-06-30"]]
    assert review.people["user"].tolist() == ["Ben"]
    number = review.reviewed.index[0]
    assert review.evidence(number)["uid"].tolist() == ["7"]


def test_what_has_expired_comes_back_and_that_is_said(tmp_path):
    review = reviewed(tmp_path, REVIEWED, at="2026-07-01")
    assert {user for *_, user in found(review)} == {"Ada", "Ben"}
    assert len(review.reviewed) == 0
    assert any("came back" in note for note in review.notes)


@pytest.mark.full
@pytest.mark.parametrize(
    ("address", "is_reviewed"),
    [("192.0.2.1", True), ("192.0.2.0/24", True), ("192.0.3.0/24", False), ("192.0.2.2", False), ("fd00::/8", False)],
)
def test_an_address_may_be_a_network(tmp_path, address, is_reviewed):
    path = tmp_path / "reviewed.toml"
    path.write_text(REVIEWED.replace('uid = "7"\ncheck = "find_monitoring_changes"', f'ip_address = "{address}"'))
    spray = frame(*[at(1, 10, "Login failed.", str(uid), ip_address="192.0.2.1") for uid in range(100, 120)])
    review = taf.review(spray, history=HISTORY, dispositions=path, at="2026-06-30", checks=["find_failed_logins"])
    assert (len(review.reviewed), len(review.findings)) == ((1, 0) if is_reviewed else (0, 1))


@pytest.mark.full
def test_entries_that_match_nothing_are_counted(tmp_path):
    misspelt = REVIEWED.replace('uid = "7"', 'user = "Adda"')
    note = "dispositions that no finding of this period matches: 1 of 2 (line 9)"
    assert note in reviewed(tmp_path, REVIEWED + misspelt).notes
    assert not any("matches" in note for note in reviewed(tmp_path, REVIEWED).notes)


@pytest.mark.parametrize(
    ("user", "is_meant"),
    [
        ("Ada", True),
        ("ADA@example.com", True),
        ("Ada (ada@example.com)", True),
        ("7", True),
        ("a*", True),
        ("Ad", False),
    ],
)
def test_a_user_is_matched_as_the_command_line_does(user, is_meant):
    row = {"uid": "7", "user": "Ada (ada@example.com)", "first_event": pd.NaT}
    one = Disposition("Grace", "Migration", date(2999, 1, 1), user=user)
    assert one.matches(Finding("find_runs", "low", row, "It was so.")) is is_meant


@pytest.mark.parametrize(
    ("whom", "is_noted"),
    [
        ('ip_address = "0.0.0.0/0"', True),
        ('ip_address = "::/0"', True),
        ('user = "*"', True),
        ('ip_address = "0.0.0.0/0"\nuid = "7"', False),
        ('ip_address = "0.0.0.0/1"', False),
        ('user = "*@example.com"', False),
    ],
)
def test_what_matches_everybody_is_noted_with_its_line(tmp_path, whom, is_noted):
    path = tmp_path / "reviewed.toml"
    path.write_text(REVIEWED.replace('uid = "7"', whom))
    _, _, notes = split_reviewed([], load_dispositions(path), date(2026, 1, 1))
    assert any("matches everybody" in note and "(line 2)" in note for note in notes) is is_noted


@pytest.mark.full
def test_today_counts_by_default(tmp_path):
    path = tmp_path / "reviewed.toml"
    path.write_text(REVIEWED.replace("2026-06-30", "2020-01-01"))
    assert len(taf.review(EVENTS, history=HISTORY, dispositions=path, checks=[CHECK]).reviewed) == 0
    path.write_text(REVIEWED.replace("2026-06-30", "2999-01-01"))
    assert len(taf.review(EVENTS, history=HISTORY, dispositions=path, checks=[CHECK]).reviewed) == 1


@pytest.mark.full
@pytest.mark.parametrize(
    ("line", "is_reviewed"),
    [
        ("since = 2026-03-04", False),
        ("since = 2026-03-03", True),
        ("since = 2026-03-03T10:00:00Z", True),
        ("since = 2026-03-03T10:00:01Z", False),
        ('user = "Ben"', False),
        ('ip_address = "203.0.113.7"', False),
    ],
)
def test_all_that_is_stated_must_match(tmp_path, line, is_reviewed):
    assert len(reviewed(tmp_path, REVIEWED + line + "\n").reviewed) == is_reviewed


@pytest.mark.parametrize(
    ("wrong", "right", "line", "message"),
    [
        ('by = "Grace"', 'bye = "Grace"', 5, "did you mean 'by'"),
        ('by = "Grace"', "", 2, "by is missing"),
        ('by = "Grace"', "by = 7", 5, "text in quotes"),
        ('by = "Grace"', 'by = " "', 5, "text in quotes"),
        ('uid = "7"', "", 2, "say whom"),
        ("2026-06-30", '"2026-06-30"', 7, "date without quotes"),
        ("2026-06-30", "someday", 7, "not TOML"),
        ("find_monitoring_changes", "find_monitorin_changes", 4, "did you mean 'find_monitoring_changes'"),
        ("[[reviewed]]", "[[review]]", 2, "'review' is not known"),
        ("[[reviewed]]", "[reviewed]", 2, "double brackets"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_the_remedy(tmp_path, wrong, right, line, message):
    with pytest.raises(taf.InvalidArgument, match=f"reviewed.toml, line {line}: .*{message}"):
        reviewed(tmp_path, REVIEWED.replace(wrong, right))


def test_the_line_is_that_of_the_entry_with_the_mistake(tmp_path):
    with pytest.raises(taf.InvalidArgument, match="line 12: 'bye'"):
        reviewed(tmp_path, REVIEWED + REVIEWED.replace("by =", "bye ="))


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(taf.InvalidArgument, match=r"nothing\.toml cannot be read"):
        taf.review(EVENTS, dispositions=tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(taf.InvalidArgument, match="UTF-8"):
        taf.review(EVENTS, dispositions=tmp_path / "latin.toml")
