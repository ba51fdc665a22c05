"""One day as the bytes of its file."""

import hashlib
import io
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import rows, table

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, in_order
from te_audit_frames.storage.day_file import _locate_digest, check_day, day_of, dump, load, midnight, name_of

DAY = date(2026, 1, 31)


def at(*hours):
    moments = [datetime(2026, 1, 31, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]
    return pa.Table.from_pylist([{"date": moment, "event": "User login."} for moment in moments], ARROW_SCHEMA)


@given(st.none() | st.dates(min_value=date(1000, 1, 1)))
def test_a_name_gives_back_its_day(day):
    assert day_of(name_of(day)) == day


@pytest.mark.parametrize(
    "name",
    [
        "events/event_date=2026-01-31/notes.txt",
        "events/event_date=2026-1-31/events.parquet",
        "events/event_date=20260131/events.parquet",
        "other/event_date=2026-01-31/events.parquet",
        "x/events/event_date=2026-01-31/events.parquet",
        "events/events.parquet",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"\S"):
        day_of(name)


@given(rows())
@settings(max_examples=examples(30), deadline=None)
def test_rows_come_back_and_the_same_events_give_the_same_bytes(drawn):
    ordered = in_order(table(drawn).to_batches())
    content = dump(ordered)
    assert load(content, file="day").equals(ordered)
    assert dump(in_order(ordered.to_batches(max_chunksize=1)[::-1])) == content
    assert load(content, file="day", columns=["event", "date"]).column_names == ["event", "date"]


@given(st.data())
@settings(max_examples=examples(100), deadline=None)
def test_any_flipped_bit_is_found(data):
    content = bytearray(dump(at(1, 2, 3)))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(taf.DamagedFile, match=r"day: it is damaged.*Restore it from a backup"):
        load(bytes(content), file="day")
    assert "it is damaged" in check_day(bytes(content), DAY).problem


def test_a_file_of_another_tool_is_refused():
    file = io.BytesIO()
    pq.write_table(at(1), file)
    with pytest.raises(taf.DamagedFile, match="something else wrote it"):
        load(file.getvalue(), file="day")


@pytest.mark.parametrize(
    ("held", "day", "problem"),
    [
        (at(0, 1, 23), DAY, None),
        (at(), DAY, None),
        (at(0, 24), DAY, "events of another day"),
        (at(-1, 0), DAY, "events of another day"),
        (at(1), None, "events of another day"),
        (pa.Table.from_pylist([{"event": "no date"}], ARROW_SCHEMA), None, None),
        (pa.Table.from_pylist([{"event": "no date"}], ARROW_SCHEMA), DAY, "events of another day"),
    ],
)
def test_a_file_holds_the_events_of_its_day_in_order(held, day, problem):
    found = check_day(dump(held), day)
    assert problem in found.problem if problem else not found.problem
    assert found.rows == (0 if problem else held.num_rows)


def test_a_file_with_the_right_digest_and_another_schema_is_refused():
    file = io.BytesIO()
    other = at(1).append_column("more", pa.array([1]))
    with pq.ParquetWriter(file, other.schema) as writer:
        writer.write_table(other)
        writer.add_key_value_metadata({"te_audit_frames.rows": "1", "te_audit_frames.sha256": "0" * 64})
    content = bytearray(file.getvalue())
    content[_locate_digest(content)] = hashlib.sha256(content).hexdigest().encode()
    assert check_day(bytes(content), DAY).problem == "its schema is not the one of events"


def test_midnight_is_in_utc():
    assert midnight(DAY) == datetime(2026, 1, 31, tzinfo=UTC)
