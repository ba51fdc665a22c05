"""The report of a sync, as text and as JSON."""

import json
from datetime import timedelta

import pyarrow as pa
import pytest
from support.world import DAY, NOW, World, event, many

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.sync_report import SyncReport


@pytest.fixture
def archive(tmp_path):
    return taf.Archive(tmp_path / "te-audit")


def test_the_report_is_json_too(archive):
    report = World(*many(3)).sync(archive)
    assert json.loads(report.to_json()) == report.to_dict()
    assert report.to_dict()["events_added"] == 21
    assert "\n" not in report.summary


def test_the_reports_show_what_would_act_on_a_terminal(archive, tmp_path):
    world = World(event(NOW - DAY, aid="1"), event(NOW - DAY, aid="2\x1b[2J"))
    world.sync(archive)
    world.events.pop()
    report = world.sync(archive)
    (tmp_path / "te-audit/events/\x1b[1Aevil").touch()
    assert r"without 2\x1b[2J" in repr(report)
    assert r"events/\x1b[1Aevil" in repr(archive.verify())
    assert f"{report!r}{archive.verify()!r}".replace("\n", "").isprintable()


def test_a_day_that_has_fewer_of_a_key_is_reported_with_it(archive):
    twice = event(NOW - timedelta(hours=5))
    world = World(twice, dict(twice), *many(3))
    world.sync(archive)
    world.events.remove(twice)
    report = world.sync(archive)
    key = {"date": "2026-04-20T05:00:00Z", "event": "User login.", "account_group": "1", "person": "u"}
    assert (report.fewer_keys, report.fewer) == (1, [key | {"archived": 2, "read": 1}])
    assert "2026-04-20T05:00:00Z, User login., 1, u: 1 read, 2 archived" in repr(report)
    assert json.loads(report.to_json())["fewer"] == report.fewer


def test_of_many_keys_that_a_day_has_fewer_of_twenty_are_named(archive):
    world = World(event(NOW - timedelta(hours=1)), *(event(NOW - timedelta(hours=5), f"event {k}") for k in range(25)))
    world.sync(archive)
    del world.events[1:]
    report = world.sync(archive)
    assert (report.fewer_keys, len(report.fewer), report.vanished_events) == (25, 20, 25)
    assert "for 25 keys; the archive keeps the higher count" in repr(report)
    assert "and 5 more" in repr(report)
    assert len(archive.load()) == 26


def test_a_report_says_what_it_is():
    report = SyncReport("te-audit", "2026-04-01T00:00:00Z", "2026-04-20T00:00:00Z", events_added=1_234, retries=2)
    assert repr(report).splitlines()[0] == "SyncReport of te-audit"
    assert "2026-04-01T00:00:00Z to 2026-04-20T00:00:00Z, the end excluded" in repr(report)
    assert "1,234" in repr(report)
    assert "late (by" not in report.summary
    report.late_events, report.latest_late_seconds = 3, 7_200.4
    assert "3 late (by at least 2:00:00)" in report.summary
    assert "3, by at least 2:00:00" in repr(report)
    report.notes.append("clocks differ")
    assert "; clocks differ; manifest " in report.summary
    assert "clocks differ" in repr(report)


def test_lines_are_left_out_if_there_is_nothing_to_report():
    bare = repr(SyncReport("te-audit", "", ""))
    rare = {
        "paired events": {"paired_events": 1},
        "without date": {"undated_events": 1},
        "set aside": {"coerced_values": 1},
    }
    for label, values in rare.items():
        assert label not in bare
        assert label in repr(SyncReport("te-audit", "", "", **values))


def test_an_account_group_and_a_person_are_named_by_id_or_else_by_name():
    rows = pa.Table.from_pylist(
        [
            {"date": NOW, "event": "a", "aid": "1", "account_group_name": "Team", "uid": "7", "user": "Ada"},
            {"date": NOW, "event": "a", "account_group_name": "Team", "user": "Ada"},
        ],
        ARROW_SCHEMA,
    )
    counted = rows.append_column("archived", pa.array([2, 2])).append_column("read", pa.array([1, 1]))
    report = SyncReport("te-audit", "", "")
    report.add_fewer(counted)
    assert [(key["account_group"], key["person"]) for key in report.fewer] == [("1", "7"), ("Team", "Ada")]
    assert report.fewer_keys == 2
