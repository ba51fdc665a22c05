"""Frames and other tools' tables, as rows in the schema of events."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from support.examples import examples
from support.frames import rows, table

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow, to_events
from te_audit_frames.storage.conform import cast_columns, frame_to_rows, sort_by_date


@pytest.fixture
def events():
    page = (
        b'{"auditEvents": [{"event": "b", "date": "2026-01-06T09:00:00Z"}, {"event": "a", "aid": 1},'
        b' {"event": "c", "date": "2026-01-05T09:00:00Z"}]}'
    )
    return taf.read_pages([page])


# ---- frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda frame: frame.assign(weekday=1, hour=2), taf.InvalidArgument, "would lose column 'weekday', 'hour'"),
        (lambda frame: frame.rename_axis("row"), taf.InvalidArgument, "would lose the index 'row'"),
        (lambda frame: frame.set_index("date", drop=False), taf.InvalidArgument, "'date'"),
        (lambda frame: pd.concat([frame, frame[["aid"]]], axis=1), taf.InvalidArgument, "'aid' is there twice"),
        (lambda frame: frame.drop(columns=["uid", "extra"]), taf.NotAnAuditFrame, "'uid', 'extra'"),
        (lambda frame: frame.assign(date=frame["date"].dt.tz_localize(None)), taf.NotAnAuditFrame, "tz_localize"),
        (lambda frame: frame.assign(date="soon"), taf.NotAnAuditFrame, "'date'"),
        (lambda frame: frame.assign(aid=1.5), taf.NotAnAuditFrame, "'aid'"),
        (
            lambda frame: frame.assign(user=pd.Series(["\ud800"] * len(frame), dtype=object)),
            taf.NotAnAuditFrame,
            "'user'",
        ),
    ],
)
def test_nothing_is_lost_silently(events, tmp_path, change, error, message):
    with pytest.raises(error, match=message):
        frame_to_rows(change(events))
    with pytest.raises(error, match=message):
        taf.write_parquet(change(events), tmp_path / "events.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_frame_is_not_changed(events):
    shuffled = events.iloc[::-1]
    before = shuffled.copy()
    found = frame_to_rows(shuffled)
    assert found.schema == ARROW_SCHEMA
    assert found["event"].to_pylist() == ["c", "b", "a"]
    pd.testing.assert_frame_equal(shuffled, before)


@given(rows())
@settings(max_examples=examples(50), deadline=None)
def test_rows_come_in_order_of_date_and_equal_dates_keep_their_order(drawn):
    found = frame_to_rows(to_events(table(drawn)))
    keys = [(row["date"] is None, row["date"]) for row in found.to_pylist()]
    expected = sorted(range(len(drawn)), key=lambda n: (drawn[n]["date"] is None, drawn[n]["date"] or 0))
    assert keys == [(drawn[n]["date"] is None, drawn[n]["date"]) for n in expected]
    assert [row["resources"][0]["name"] for row in found.to_pylist()] == [str(n) for n in expected]


def test_sorted_rows_are_not_copied(events):
    ordered = frame_to_rows(events.dropna(subset="date"))
    assert sort_by_date(ordered) is ordered
    reverse = ordered.take(pc.sort_indices(ordered, sort_keys=[("date", "descending")]))
    assert sort_by_date(reverse).equals(ordered)


# ---- tables of other tools ---------------------------------------------------------------------------------------

ELEMENT = pa.struct([("name", pa.string()), ("type", pa.string()), ("id", pa.int64())])


@pytest.mark.parametrize(
    ("name", "column", "found"),
    [
        ("aid", pa.array(["1", None], pa.string()), ["1", None]),
        ("aid", pa.array([1234, None]), ["1234", None]),
        ("aid", pa.array(["b", "b"]).dictionary_encode(), ["b", "b"]),
        ("aid", pa.array([b"b", None]), ["b", None]),
        ("aid", pa.nulls(2), [None, None]),
        ("date", pa.array([86_400_000_000_000, None], pa.timestamp("ns", "UTC")), [86_400_000_000, None]),
        ("date", pa.array([86_400, None], pa.timestamp("s", "Europe/Berlin")), [86_400_000_000, None]),
        ("date", pa.array(["1970-01-02T01:00:00+01:00", None]), [86_400_000_000, None]),
        (
            "resources",
            pa.array([[{"type": "t", "name": "n", "id": 1}], None], pa.large_list(ELEMENT)),
            [[{"type": "t", "name": "n"}], None],
        ),
        ("resources", pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_equivalent_types_are_cast(name, column, found):
    cast = cast_columns(pa.table({name: column}), file="events.parquet")
    assert cast.schema.field(name) == ARROW_SCHEMA.field(name)
    assert (cast[name].cast(pa.int64()) if name == "date" else cast[name]).to_pylist() == found


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("aid", pa.array([1234.0, None])),
        ("aid", pa.array([b"\xff", None])),
        ("date", pa.array([1, None], pa.timestamp("us"))),
        ("date", pa.array([1, None], pa.timestamp("ns", "UTC"))),
        ("date", pa.array([1, None])),
        ("date", pa.array(["2026-01-01T00:00:00", None])),
        ("date", pa.array([{"day": 1}, None])),
        ("resources", pa.array(["[]", None])),
        ("resources", pa.array([["testName"], None])),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_other_types_and_values_that_would_be_lost_are_refused(name, column):
    with pytest.raises(taf.NotAnAuditFrame, match=rf"events\.parquet: column '{name}' cannot be read as"):
        cast_columns(pa.table({name: column}), file="events.parquet")


def test_the_schema_itself_is_not_cast(events):
    arrow = to_arrow(events)
    assert cast_columns(arrow, file="events.parquet").equals(arrow)
