"""The day files of an archive as one table: listed, read, checked and extended."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS
from te_audit_frames.storage.archive_writer import ArchiveWriter, sha256_of
from te_audit_frames.storage.coverage import COVERAGE, Coverage, DayRecord
from te_audit_frames.storage.day_file import FileCheck, name_of
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import MANIFEST
from te_audit_frames.storage.table import EventTable, merge_rows, read_coverage, update_coverage

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = NOON.date()


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path))


@pytest.fixture
def table(store):
    return EventTable(store)


def rows(*events):
    return pa.Table.from_pylist(list(events), ARROW_SCHEMA)


def event(hours=0, aid="1", **fields):
    return {"date": NOON + timedelta(hours=hours), "event": "User login.", "aid": aid, **fields}


def keep(store, days, could_see=None):
    with store.writing():
        writer = ArchiveWriter(store, alone=True, survey=lambda: ({}, set()))
        writer.begin()
        kept = merge_rows(store, writer, days, could_see)
        writer.finish()
    return kept


def test_files_are_listed_by_the_days_that_a_period_touches(store, table, tmp_path):
    keep(store, {DAY + timedelta(days=n): rows() for n in range(3)} | {None: rows({"event": "no date"})})
    (tmp_path / "events/notes.txt").write_text("foreign")
    found = table.files((None, None))
    assert [file.day for file in found] == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2), None]
    midnight = datetime(2026, 2, 1, tzinfo=UTC)
    assert [file.day for file in table.files((midnight, None))] == [date(2026, 2, 1), date(2026, 2, 2)]
    assert [file.day for file in table.files((None, midnight))] == [DAY]
    assert [file.day for file in table.files((midnight - timedelta(seconds=1), midnight))] == [DAY]
    assert len(table.names()) == 5


def test_rows_are_filtered_by_period_and_by_account_group(store, table):
    held = [event(0), event(1, aid="2"), event(2, aid=None, account_group_name="2"), event(3, aid="3")]
    keep(store, {DAY: rows(*held)})
    (file,) = table.files((None, None))
    assert table.rows(file, COLUMNS, (None, None))[0].to_pylist() == rows(*held).to_pylist()
    found, count = table.rows(file, ["event"], (NOON + timedelta(hours=1), None), ["2"])
    assert (found.column_names, found.num_rows, count) == (["event"], 2, 4)
    Path(store.address(file.name)).unlink()
    with pytest.raises(taf.ArchiveError, match="was removed while the archive was read"):
        table.rows(file, COLUMNS, (None, None))


def test_a_file_is_checked_by_itself(store, table, tmp_path):
    keep(store, {DAY: rows(event(), event(1, aid="2"))})
    found = table.check(name_of(DAY))
    content = (tmp_path / name_of(DAY)).read_bytes()
    assert found == FileCheck(sha256_of(content), 2, "")
    assert table.groups(name_of(DAY)) == {"1", "2"}
    (tmp_path / name_of(DAY)).write_bytes(content[:-1])
    assert "SHA-256" in table.check(name_of(DAY)).problem
    assert table.groups(name_of(DAY)) == set()
    assert "does not belong here" in table.check("events/notes.txt").problem


def test_a_survey_lists_sound_files_and_the_coverage(store, table, tmp_path):
    keep(store, {DAY: rows(event()), None: rows({"event": "no date"})})
    (tmp_path / name_of(None)).write_bytes(b"damaged")
    (tmp_path / COVERAGE).write_bytes(b"whatever")
    entries, groups = table.survey()
    assert set(entries) == {name_of(DAY), COVERAGE}
    assert (entries[name_of(DAY)].rows, entries[COVERAGE].rows, groups) == (1, None, {"1"})


def test_rows_merge_into_the_file_of_their_day(store, tmp_path):
    first = keep(store, {DAY: rows(event())})[DAY]
    assert (first.is_new, first.archived.num_rows, first.merged.added.num_rows) == (True, 0, 1)
    before = [(tmp_path / name).stat().st_mtime_ns for name in (name_of(DAY), MANIFEST)]
    same = keep(store, {DAY: rows(event())})[DAY]
    assert (same.is_new, same.merged.added.num_rows) == (False, 0)
    assert [(tmp_path / name).stat().st_mtime_ns for name in (name_of(DAY), MANIFEST)] == before
    more = keep(store, {DAY: rows(event(), event(1))})[DAY]
    assert (more.merged.added.num_rows, more.merged.rows.num_rows) == (1, 2)
    gone = keep(store, {DAY: rows(event(1))})[DAY]
    assert gone.merged.vanished.num_rows == 1
    assert gone.merged.rows.num_rows == 2


def test_the_coverage_is_changed_in_one_step(store):
    assert read_coverage(store) == Coverage()
    record = Coverage({DAY: DayRecord(1, ())})
    with store.writing():
        writer = ArchiveWriter(store, alone=True, survey=lambda: ({}, set()))
        writer.begin()
        assert update_coverage(store, writer, lambda coverage: coverage.merged(record)) == record
        writer.finish()
    assert read_coverage(store) == record


def test_a_table_says_where_it_is(table, tmp_path):
    assert repr(table) == f"EventTable({str(tmp_path / 'events')!r})"
