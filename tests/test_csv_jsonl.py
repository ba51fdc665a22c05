"""CSV and JSON Lines: what the standard readers get back, and what a spreadsheet must not run."""

import csv
import json
import re
import stat
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.safe_text import harmless_cell
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_events
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

quick = settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT_COLUMNS = [name for name in COLUMNS if name not in ("date", "resources", "extra")]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\rx", "  =1", "\u00a0=1", "\u200b=1"]
FORMULAS += ['"=1', "'\t=1", "=1;=2"]
FORMULAS += ["\ufeff=1", "\x00=1", "＝1+1", "＋1", "－1", "＠x", "﹦1", "⁼1", "'=1", "''=1", "' =1", '=HYPERLINK("x")']
HARMLESS = [
    "",
    " ",
    "Ana",
    "a=1",
    "1-2",
    "ana@example.com",
    "'t Hooft",
    "'",
    "10.0.0.0/8",
    "2001:db8::1",
    "Ünal",
    "東京",
]

text = st.none() | st.text(max_size=8) | st.sampled_from(FORMULAS + HARMLESS)
extra = st.none() | st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers() | st.none()).map(
    json.dumps
)
resource = st.none() | st.fixed_dictionaries({"type": text, "name": text})
event = st.fixed_dictionaries(
    {
        # All events have the same date, so that their order stays as it is.
        "date": st.just(EPOCH),
        "resources": st.none() | st.lists(resource, max_size=2),
        "extra": extra,
    }
    | dict.fromkeys(TEXT_COLUMNS, text)
)
many = st.lists(event, max_size=6)


def frame(events):
    return to_events(pa.Table.from_pylist(events, schema=ARROW_SCHEMA))


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def read_jsonl(path):
    # Lines end with a line feed only. Names may contain any other line separator of Unicode.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def one(**event):
    return frame([dict.fromkeys(COLUMNS) | event])


@quick
@given(events=many)
def test_raw_csv_reads_back_as_it_was(tmp_path, events):
    write_csv(frame(events), tmp_path / "events.csv", raw=True)
    found = read_csv(tmp_path / "events.csv")
    assert [{name: row[name] for name in TEXT_COLUMNS} for row in found] == [
        {name: event[name] or "" for name in TEXT_COLUMNS} for event in events
    ]
    for row, event in zip(found, events, strict=True):
        assert (json.loads(row["resources"]) if row["resources"] else None) == event["resources"]
        assert row["extra"] == (event["extra"] or "")
        assert row["date"] == "1970-01-01T00:00:00Z"


@quick
@given(events=many)
def test_cells_are_escaped_and_json_keeps_its_value(tmp_path, events):
    write_csv(frame(events), tmp_path / "raw.csv", raw=True)
    write_csv(frame(events), tmp_path / "safe.csv")
    for raw, safe in zip(read_csv(tmp_path / "raw.csv"), read_csv(tmp_path / "safe.csv"), strict=True):
        assert {name: safe[name] for name in TEXT_COLUMNS} == {name: harmless_cell(raw[name]) for name in TEXT_COLUMNS}
        for name in ("resources", "extra"):
            assert (json.loads(safe[name]) if safe[name] else "") == (json.loads(raw[name]) if raw[name] else "")


@quick
@given(text=st.text(max_size=6) | st.sampled_from(FORMULAS))
@example(text="\u3000\t＝cmd")
def test_no_cell_starts_a_formula(tmp_path, text):
    write_csv(one(user=text), tmp_path / "events.csv")
    cell = read_csv(tmp_path / "events.csv")[0]["user"]
    # Independent of the code under test, and for the plain operators only.
    assert not re.match(r"[\s\x00-\x1f]*[=+\-@＝＋－＠]|[\t\r]", cell)
    assert not re.search(r"[;|\t\r\n][\s\x00-\x1f]*[=+\-@＝＋－＠]", cell)


@pytest.mark.parametrize("value", FORMULAS, ids=ascii)
def test_a_formula_gets_an_apostrophe(tmp_path, value):
    events = one(user=value, event=value, account_group_name=value, extra=value)
    write_csv(events, tmp_path / "events.csv")
    row = read_csv(tmp_path / "events.csv")[0]
    assert {row[name] for name in ("user", "event", "account_group_name", "extra")} == {harmless_cell(value)}
    assert row["user"].startswith("'")
    write_csv(events, tmp_path / "events.csv", raw=True)
    assert read_csv(tmp_path / "events.csv")[0]["user"] == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Ada;=cmd|' /C calc'!A0", "Ada;'=cmd|' /C calc'!A0"),
        ("Ada\t=1", "Ada\t'=1"),
        ("Ada\n=1;\t@x", "Ada\n'=1;'\t'@x"),
        ('Ada; "=1"', 'Ada;\' "=1"'),
        ("Ada|＝1", "Ada|'＝1"),
    ],
    ids=ascii,
)
def test_a_formula_after_another_separator_gets_an_apostrophe_too(tmp_path, value, written):
    resources, extra = [{"type": "testName", "name": value}], json.dumps({"note": value})
    write_csv(one(user=value, resources=resources, extra=extra), tmp_path / "events.csv")
    row = read_csv(tmp_path / "events.csv")[0]
    assert row["user"] == written
    assert json.loads(row["resources"]) == resources
    assert json.loads(row["extra"]) == {"note": value}
    for name in ("resources", "extra"):
        assert not re.search(r"[;|][\s\"]*[=+\-@＝]", row[name])
    write_csv(one(user=value), tmp_path / "events.csv", raw=True)
    assert read_csv(tmp_path / "events.csv")[0]["user"] == value


@pytest.mark.parametrize("value", HARMLESS, ids=ascii)
def test_a_harmless_cell_stays_as_it_is(tmp_path, value):
    write_csv(one(user=value), tmp_path / "events.csv")
    assert read_csv(tmp_path / "events.csv")[0]["user"] == value


@quick
@given(events=many)
def test_json_lines_read_back_as_they_were(tmp_path, events):
    write_jsonl(frame(events), tmp_path / "events.jsonl")
    assert read_jsonl(tmp_path / "events.jsonl") == [
        {name: event[name] for name in COLUMNS}
        | {"date": "1970-01-01T00:00:00Z", "extra": json.loads(event["extra"]) if event["extra"] else None}
        for event in events
    ]


@quick
@given(moment=st.none() | st.datetimes(min_value=datetime(1, 1, 1), timezones=st.just(UTC)))
@example(moment=datetime(2026, 1, 5, 9, tzinfo=UTC))
@example(moment=datetime(2026, 1, 5, 9, microsecond=500_000, tzinfo=UTC))
def test_dates_are_iso_8601_in_utc_with_a_fraction_only_where_there_is_one(tmp_path, moment):
    micros = None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)
    dates = pa.array([micros], pa.int64()).cast(ARROW_SCHEMA.field("date").type)
    events = to_events(pa.Table.from_pylist([{}], schema=ARROW_SCHEMA).set_column(0, "date", dates))
    expected = moment and moment.isoformat().replace("+00:00", "Z")
    write_csv(events, tmp_path / "events.csv")
    write_jsonl(events, tmp_path / "events.jsonl")
    assert read_csv(tmp_path / "events.csv")[0]["date"] == (expected or "")
    assert read_jsonl(tmp_path / "events.jsonl")[0]["date"] == expected


@pytest.mark.parametrize(
    ("extra", "written"),
    [
        ('{"id": 12345678901234567890.10, "big": 1e999}', '{"id": 12345678901234567890.10, "big": 1e999}'),
        ('{"a":\r\n 1}', '{"a":   1}'),
        ('{"lone": "\\ud800"}', '{"lone": "\\ud800"}'),
        ("1" * 5_000, "1" * 5_000),
        ("NaN", '"NaN"'),
        ('{"a": ', '"{\\"a\\": "'),
        ("[" * 200_000, json.dumps("[" * 200_000)),
        ("", '""'),
        (None, "null"),
    ],
    ids=["numbers", "lines", "surrogate", "long number", "NaN", "cut", "deep", "empty", "null"],
)
def test_extra_keeps_its_json(tmp_path, extra, written):
    write_jsonl(one(extra=extra), tmp_path / "events.jsonl")
    line = (tmp_path / "events.jsonl").read_bytes().decode()
    assert line.endswith(f'"resources": null, "extra": {written}}}\n')
    assert line.count("\n") == 1


@pytest.mark.few(count=1)
@pytest.mark.parametrize("write", [write_csv, write_jsonl])
@pytest.mark.full
def test_tens_of_thousands_of_rows_keep_their_order(tmp_path, write):
    count = 40_000
    dates = pa.array(range(count - 1, -1, -1)).cast(ARROW_SCHEMA.field("date").type)
    columns = [dates] + [pa.nulls(count, field.type) for field in list(ARROW_SCHEMA)[1:]]
    write(to_events(pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)), tmp_path / "events")
    lines = (tmp_path / "events").read_text().splitlines()[write is write_csv :]
    assert len(lines) == count
    assert "1970-01-01T00:00:00Z" in lines[0]
    assert "1970-01-01T00:00:00.039999Z" in lines[-1]


@pytest.mark.parametrize(("write", "content"), [(write_csv, ",".join(COLUMNS) + "\r\n"), (write_jsonl, "")])
def test_an_empty_frame_is_an_empty_file_of_its_kind(tmp_path, write, content):
    write(frame([]), tmp_path / "events")
    assert (tmp_path / "events").read_bytes() == content.encode()


@pytest.mark.parametrize("write", [write_csv, write_jsonl])
def test_a_frame_that_cannot_be_kept_leaves_the_old_file(tmp_path, write):
    path = tmp_path / "events"
    write(one(user="Ana"), path)
    before = path.read_bytes()
    with pytest.raises(taf.InvalidArgument, match="'weekday'"):
        write(one(user="Bo").assign(weekday=1), path)
    with pytest.raises(taf.NotAnAuditFrame, match="'date'"):
        write(pd.DataFrame({"price": [1]}).rename(columns={"price": "aid"}), path)
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in tmp_path.iterdir()] == ["events"]


def test_pandas_reads_both(tmp_path):
    events = one(date=datetime(2026, 1, 5, 9, tzinfo=UTC), user='=Ünal, "Z"\n', aid="0012", resources=[])
    write_csv(events, tmp_path / "events.csv")
    write_jsonl(events, tmp_path / "events.jsonl")
    from_csv = pd.read_csv(tmp_path / "events.csv", dtype=str, parse_dates=["date"])
    from_jsonl = pd.read_json(tmp_path / "events.jsonl", lines=True, dtype=False)
    assert from_csv["date"].tolist() == pd.to_datetime(from_jsonl["date"]).tolist() == events["date"].tolist()
    assert (from_csv["user"][0], from_jsonl["user"][0]) == ('\'=Ünal, "Z"\n', '=Ünal, "Z"\n')
    assert from_csv["aid"][0] == from_jsonl["aid"][0] == "0012"
    assert (from_csv["resources"][0], from_jsonl["resources"][0]) == ("[]", [])
