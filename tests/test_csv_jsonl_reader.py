"""CSV and JSON Lines read back: the same events, and files that hold none."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.hostile_text import PAYLOADS

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_events
from te_audit_frames.storage import csv_jsonl_reader
from te_audit_frames.storage.csv_jsonl import csv_lines, jsonl_lines, write_csv, write_jsonl
from te_audit_frames.storage.csv_jsonl_reader import read_csv, read_jsonl

quick = settings(max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT_COLUMNS = [name for name in COLUMNS if name not in ("date", "resources", "extra")]
SIGNS = st.text(st.sampled_from("=+-@'\" ;|\t\r\n\u200b\uff1da,\\u3d"), min_size=1, max_size=9)
text = st.none() | SIGNS | st.text(min_size=1, max_size=6) | st.sampled_from(["=1+1", "'=1", "a;=1", "\tx", "''"])
value = st.recursive(
    SIGNS | st.integers() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(SIGNS, inner, max_size=2),
    max_leaves=4,
)
extra = st.none() | value.map(lambda v: json.dumps(v, ensure_ascii=False, sort_keys=True, separators=(",", ":")))
dates = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1))
event = st.fixed_dictionaries(
    {
        "date": st.none() | dates.map(lambda moment: moment.replace(tzinfo=UTC)),
        "resources": st.none()
        | st.lists(st.fixed_dictionaries({"type": st.none() | SIGNS, "name": st.none() | SIGNS}), max_size=2),
        "extra": extra.filter(lambda text: text != "null"),
    }
    | dict.fromkeys(TEXT_COLUMNS, text)
)
zones = st.sampled_from([None, "Europe/Berlin", "America/St_Johns", "UTC"]).map(lambda name: name and ZoneInfo(name))


def frame(events):
    events = sorted(events, key=lambda row: row["date"] or datetime(9999, 1, 1, tzinfo=UTC))
    return to_events(pa.Table.from_pylist(events, schema=ARROW_SCHEMA))


@given(events=st.lists(event, max_size=5), zone=zones)
@example(events=[dict.fromkeys(COLUMNS) | {"extra": '{"k":12345678901234567890.123456789012345678901}'}], zone=None)
@example(events=[dict.fromkeys(COLUMNS) | {"extra": '{"extra": ";=1"}'}], zone=None)
@quick
def test_jsonl_gives_the_same_frame_again(tmp_path, events, zone):
    expected = frame(events)
    (tmp_path / "events.jsonl").write_text("".join(jsonl_lines(expected, zone=zone)), encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(read_jsonl(tmp_path / "events.jsonl"), expected)


@given(events=st.lists(event, max_size=5), zone=zones, mark=st.sampled_from(["", "\ufeff"]))
@example(
    events=[dict.fromkeys(COLUMNS) | {"extra": '{"k":";=1"}', "user": "'=1", "event": ";;'=1"}], zone=None, mark=""
)
@quick
def test_csv_gives_the_same_frame_again(tmp_path, events, zone, mark):
    expected = frame(events)
    text = mark + "".join(csv_lines(expected, zone=zone))
    (tmp_path / "events.csv").write_text(text, encoding="utf-8", newline="")
    pd.testing.assert_frame_equal(read_csv(tmp_path / "events.csv"), expected)


def test_the_written_files_of_hostile_events_are_read_back(tmp_path):
    rows = [dict.fromkeys(COLUMNS) | {"user": text.encode(errors="replace").decode()} for text in PAYLOADS if text]
    events = to_events(pa.Table.from_pylist(rows, schema=ARROW_SCHEMA))
    write_csv(events, tmp_path / "events.csv")
    write_jsonl(events, tmp_path / "events.jsonl")
    pd.testing.assert_frame_equal(read_csv(tmp_path / "events.csv"), events)
    pd.testing.assert_frame_equal(read_jsonl(tmp_path / "events.jsonl"), events)


def test_empty_text_and_null_are_one_in_csv(tmp_path):
    rows = [dict.fromkeys(COLUMNS) | {"user": ""}, dict.fromkeys(COLUMNS)]
    write_csv(to_events(pa.Table.from_pylist(rows, schema=ARROW_SCHEMA)), tmp_path / "events.csv")
    assert read_csv(tmp_path / "events.csv")["user"].isna().all()


def test_a_raw_file_keeps_its_apostrophes_if_anything_in_it_shows_that_it_is_raw(tmp_path):
    rows = [dict.fromkeys(COLUMNS) | {"user": "'=1", "event": text} for text in ("=2", "plain")]
    events = to_events(pa.Table.from_pylist(rows, schema=ARROW_SCHEMA))
    write_csv(events, tmp_path / "events.csv", raw=True)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "events.csv"), events)
    write_csv(events[1:], tmp_path / "events.csv", raw=True)  # nothing shows it here, as the docstring says
    assert read_csv(tmp_path / "events.csv")["user"].tolist() == ["=1"]


# Rows are made into tables of 65,536; smaller tables join in the same way.
@pytest.mark.parametrize(("rows", "at_once"), [(700, 256), pytest.param(70_000, 65_536, marks=pytest.mark.full)])
def test_a_long_cell_and_many_rows_are_read(tmp_path, monkeypatch, rows, at_once):
    monkeypatch.setattr(csv_jsonl_reader, "_ROWS_PER_TABLE", at_once)
    limit = csv.field_size_limit()
    page = {"auditEvents": [{"event": "x" * 300_000, "date": "2026-01-01T00:00:00Z"}] + [{"uid": "7"}] * rows}
    events = taf.read_pages([json.dumps(page).encode()])
    write_csv(events, tmp_path / "events.csv")
    write_jsonl(events, tmp_path / "events.jsonl")
    assert read_csv(tmp_path / "events.csv").equals(events)
    assert read_jsonl(tmp_path / "events.jsonl").equals(events)
    assert csv.field_size_limit() == limit


HEADER = ",".join(COLUMNS)
ROW = dict.fromkeys(COLUMNS)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("e.csv", b"", taf.NotAnAuditFrame, "e.csv does not hold audit events: it is empty"),
        ("e.csv", HEADER.replace(",", ";").encode(), taf.NotAnAuditFrame, "no column 'date'"),
        ("e.csv", f"{HEADER}\r\n1,2\r\n".encode(), taf.DamagedFile, "e.csv, line 2: it has 2 cells.* 9"),
        ("e.csv", f'{HEADER}\r\n"cut'.encode(), taf.DamagedFile, "cut short"),
        ("e.csv", f"{HEADER}\r\n,,,J\xfcrgen,,,,,\r\n".encode("latin-1"), taf.DamagedFile, "not UTF-8"),
        ("e.csv", f"{HEADER}\r\n2026-01-01T00:00:00,,,,,,,,\r\n".encode(), taf.NotAnAuditFrame, "zone offset"),
        ("e.csv", f"{HEADER}\r\n,,,,,,,[1],\r\n".encode(), taf.DamagedFile, "'resources' is not a JSON list"),
        ("e.jsonl", b"{}\n", taf.NotAnAuditFrame, "e.jsonl, in line 1, does not hold"),
        ("e.jsonl", b"\n[1]\n", taf.DamagedFile, "e.jsonl, line 2: it is not a JSON object"),
        ("e.jsonl", json.dumps(ROW)[:-9].encode(), taf.DamagedFile, "line 1: it is not a JSON object"),
        ("e.jsonl", json.dumps(ROW | {"uid": ["7"]}).encode(), taf.DamagedFile, "up to line 1 has another type"),
        ("e.jsonl", b"\xff", taf.DamagedFile, "not UTF-8"),
    ],
)
def test_a_file_without_events_is_named_with_its_problem(tmp_path, name, content, error, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        (read_csv if name == "e.csv" else read_jsonl)(tmp_path / name)


@pytest.mark.parametrize("read", [read_csv, read_jsonl])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(taf.MissingFile, match="nowhere"):
        read(tmp_path / "nowhere")


def test_an_empty_file_of_json_lines_holds_no_events(tmp_path):
    Path(tmp_path / "e.jsonl").write_text("", encoding="utf-8")
    empty = read_jsonl(tmp_path / "e.jsonl")
    assert list(empty) == list(COLUMNS)
    assert len(empty) == 0


def test_columns_in_another_order_and_further_ones_do_no_harm(tmp_path):
    names = [*COLUMNS[::-1], "team"]
    text = io.StringIO()
    csv.writer(text).writerows([names, [{"user": "Ada", "date": "2026-01-01T00:00:00Z"}.get(n, "") for n in names]])
    (tmp_path / "e.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    (event,) = read_csv(tmp_path / "e.csv").to_dict("records")
    assert (event["user"], event["date"]) == ("Ada", pd.Timestamp("2026-01-01", tz="UTC"))
