"""The fallback decoder: it keeps every value, and names the values that no column can hold."""

import json
import math

import pytest
from support.decoding import EVENT, NEW_YEAR, careful, row_of, rows_of
from support.rawserver import page as body_of

from te_audit_frames.client.decode import decode_page
from te_audit_frames.errors import DecodeError
from te_audit_frames.schema import FIELDS


@pytest.mark.parametrize("value", [None, True, 1, -0.5, "x", "", [], [1, {"b": 1, "a": None}], {}, {"z": 1, "a": [2]}])
def test_an_unknown_field_of_any_type_is_kept_as_canonical_json(value):
    row = row_of({**EVENT, "zone": value, "agent": 1})
    assert row["extra"] == json.dumps({"agent": 1, "zone": value}, sort_keys=True, separators=(",", ":"))
    assert {name: row[name] for name in row if name != "extra"} == {
        name: value for name, value in row_of(EVENT).items() if name != "extra"
    }


def test_half_a_character_is_kept_as_canonical_json_too():
    assert row_of({**EVENT, "zone": "\ud800", "agent": 1})["extra"] == r'{"agent":1,"zone":"\ud800"}'


def test_extra_is_null_where_all_is_held():
    assert row_of(EVENT)["extra"] is None
    assert careful(body_of(EVENT)).batch["extra"].null_count == 1


@pytest.mark.parametrize(
    ("field", "sent", "column", "extra"),
    [
        ("aid", 1234, "1234", None),
        ("aid", -(10**30), "-1" + "0" * 30, None),
        ("uid", 0, "0", None),
        ("user", "half \ud83d", "half ?", {"user": "half \ud83d"}),
        ("user", "nul \0 in it", "nul \0 in it", None),
        ("resources", [], [], None),
        ("resources", None, None, None),
        ("resources", [{"type": "t"}, None], [{"type": "t", "name": None}, None], None),
        ("resources", [{"name": 7}], [{"type": None, "name": "7"}], None),
        ("resources", [None, {"name": 7}], [None, {"type": None, "name": "7"}], None),
        ("resources", [{"name": "n", "id": 1}], [{"type": None, "name": "n"}], {"resources": [{"name": "n", "id": 1}]}),
    ],
    ids=str,
)
def test_what_fits_only_nearly(field, sent, column, extra):
    row = row_of({**EVENT, field: sent})
    assert row[FIELDS[field]] == column
    assert (row["extra"] and json.loads(row["extra"])) == extra
    assert careful(body_of({**EVENT, field: sent})).batch.to_pylist() == [row]


def test_a_repeated_key_keeps_every_value():
    row = rows_of(b'{"auditEvents": [{"uid": "1", "uid": "2", "uid": "3", "new": 1, "new": [2]}]}')[0]
    assert row["uid"] == "3"
    assert json.loads(row["extra"]) == {"uid": ["1", "2", "3"], "new": [1, [2]]}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"new": {"a": 1, "a": {"b": 2, "b": 3}}}', {"new": {"a": [1, {"b": [2, 3]}]}}),
        (b'{"new": [{"a": 1, "a": 2}]}', {"new": [{"a": [1, 2]}]}),
        (
            b'{"resources": [{"type": "x", "type": "y", "name": "n"}]}',
            {"resources": [{"type": ["x", "y"], "name": "n"}]},
        ),
        (b'{"uid": {"a": 1, "a": 2}}', {"uid": {"a": [1, 2]}}),
    ],
)
def test_a_repeated_key_further_in_keeps_every_value(sent, kept):
    assert json.loads(rows_of(b'{"auditEvents": [%s]}' % sent, "coerce")[0]["extra"]) == kept


@pytest.mark.parametrize("key", ["auditEvents", "_links"])
def test_a_second_list_of_events_is_not_dropped_in_silence(key):
    body = b'{"auditEvents": [], "%s": [], "_links": {}, "%s": {}, "auditEvents": []}'
    with pytest.raises(DecodeError, match="two lists of events, two sets of links"):
        rows_of(body % (key.encode(), b"x" if key == "auditEvents" else b"_links"))


@pytest.mark.parametrize(
    "number", ["0.1", "-0.0", "1e-400", "1e300", "123456789012345678901234567890", "1e400", "-1e400"]
)
def test_a_number_of_an_unknown_field_stays_json(number):
    extra = rows_of(b'{"auditEvents": [{"new": %s}]}' % number.encode())[0]["extra"]
    kept = json.loads(extra, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))["new"]
    assert kept == (json.loads(number) if math.isfinite(float(number)) else number)


def test_fractions_beyond_a_microsecond_are_kept_in_extra():
    row = row_of({"date": "2026-01-01T00:00:00.123456789Z"})
    assert row["date"] == NEW_YEAR.replace(microsecond=123456)
    assert json.loads(row["extra"]) == {"date": "2026-01-01T00:00:00.123456789Z"}
    assert row_of({"date": "2026-01-01T00:00:00.0000001Z"})["extra"] == '{"date":"2026-01-01T00:00:00.0000001Z"}'


@pytest.mark.parametrize(
    "date",
    [
        *("", " ", "soon", "2026-13-01", "2026-02-30", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "20260101"),
        *("2026-01-01T00:00:00.0000000001Z", "2026-01-01T00:00:00+24:00", "2026-1-1", "٢٠٢٦-01-01", "0000-01-01"),
        *("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "2026-01-01T00:00:00Z\n", "2026-01-01T"),
        *(1_767_225_600, 1.5, True, [], {}, ["2026-01-01"]),
    ],
    ids=repr,
)
def test_a_bad_date_raises_by_name_or_is_set_aside(date):
    with pytest.raises(DecodeError, match=r'^page 7, event 1: field \'date\' is .*errors="coerce"') as caught:
        decode_page(body_of(EVENT, {**EVENT, "date": date}), name="7")
    error = caught.value
    assert (error.page, error.event, error.field, error.value) == ("7", 1, "date", json.dumps(date, ensure_ascii=False))
    page = decode_page(body_of(EVENT, {**EVENT, "date": date}), name="7", errors="coerce")
    assert len(page.coerced) == 1
    rows = page.batch.to_pylist()
    assert json.loads(rows[1]["extra"]) == {"date": date}
    assert rows[1] == rows[0] | {"date": None, "extra": rows[1]["extra"]}


@pytest.mark.parametrize("event", [None, 7, "text", [], [EVENT], True])
def test_an_event_that_is_not_an_object(event):
    with pytest.raises(DecodeError, match=r"^page 1, event 1: it is .*, not an object") as caught:
        rows_of(body_of(EVENT, event))
    assert (caught.value.event, caught.value.field) == (1, None)
    row = rows_of(body_of(EVENT, event), "coerce")[1]
    assert json.loads(row["extra"]) == event
