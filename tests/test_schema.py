"""The columns and types of events in Arrow and pandas, and the order of events."""

import random

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.schema import (
    ARROW_SCHEMA,
    COLUMNS,
    FIELDS,
    RESOURCES,
    in_order,
    require_columns,
    to_arrow,
    to_events,
)

TEXT = st.none() | st.sampled_from(["", "a", "b", "ä\0", "🙂"])
RESOURCE = st.fixed_dictionaries({"type": TEXT, "name": TEXT})
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "date": st.none() | st.integers(0, 3).map(lambda second: second * 1_000_000),
            "resources": st.none()
            | st.lists(st.fixed_dictionaries({"type": TEXT, "name": TEXT}) | st.none(), max_size=2),
        }
        | {name: TEXT for name in COLUMNS if name not in ("date", "resources")}
    ),
    max_size=8,
)


def table(rows):
    return pa.Table.from_pylist(rows, schema=ARROW_SCHEMA)


def test_the_columns_are_those_of_the_contract():
    assert COLUMNS == (
        "date",
        "aid",
        "account_group_name",
        "event",
        "uid",
        "user",
        "ip_address",
        "resources",
        "extra",
    )
    assert set(FIELDS.values()) == set(COLUMNS) - {"extra"}


@given(ROWS)
@settings(max_examples=examples(60), deadline=None)
def test_a_frame_has_the_pinned_types_and_keeps_every_value(rows):
    events = to_events(table(rows))
    assert tuple(events.columns) == COLUMNS
    assert events.dtypes["date"] == pd.DatetimeTZDtype("us", "UTC")
    assert events.dtypes["resources"] == pd.ArrowDtype(RESOURCES)
    assert {str(events.dtypes[name]) for name in COLUMNS if name not in ("date", "resources")} == {"str"}
    assert isinstance(events.index, pd.RangeIndex)
    assert to_arrow(events).equals(table(rows))


def test_a_selection_of_columns_stays_one():
    assert list(to_events(table([]).select(["uid", "date"])).columns) == ["uid", "date"]


def test_columns_that_pandas_converted_can_still_be_stored():
    events = to_events(table([{"date": 0, "uid": "7", "resources": [{"type": "t", "name": "n"}]}, {"date": 1}]))
    expected = to_arrow(events)
    events["resources"] = pd.Series([[{"type": "t", "name": "n"}], None], dtype=object)
    events["uid"] = events["uid"].astype("category")
    events["date"] = events["date"].dt.tz_convert("Europe/Berlin").astype("datetime64[ns, Europe/Berlin]")
    events["mood"] = 1
    assert to_arrow(events).equals(expected)
    assert to_arrow(events[:0]).equals(expected[:0])


def test_a_missing_column_is_named():
    events = to_events(table([])).drop(columns=["uid", "extra"])
    with pytest.raises(NotAnAuditFrame, match="no column 'uid', 'extra'") as caught:
        to_arrow(events)
    assert caught.value.missing == ["uid", "extra"]
    with pytest.raises(NotAnAuditFrame, match=r"this file x\.parquet"):
        require_columns([], ["date"], what="file x.parquet")


@pytest.mark.parametrize(("column", "values"), [("uid", [1.5]), ("date", ["soon"]), ("resources", ["x"])])
def test_a_column_of_the_wrong_kind_is_named(column, values):
    events = to_events(table([{"date": 0}])).assign(**{column: values})
    with pytest.raises(NotAnAuditFrame, match=f"column '{column}' of dtype"):
        to_arrow(events)


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 3))
@settings(max_examples=examples(80), deadline=None)
def test_the_same_events_have_one_order_however_they_arrive(rows, rng, chunks):
    shuffled = random.Random(rng.random()).sample(rows, len(rows))
    pieces = [table(shuffled[start::chunks]) for start in range(chunks)]
    ordered = in_order([batch for piece in pieces for batch in piece.to_batches()])
    assert ordered.combine_chunks().equals(in_order(table(rows).to_batches()).combine_chunks())
    dates = ordered["date"].to_pylist()
    dated = [date for date in dates if date is not None]
    assert dates == sorted(dated) + [None] * (len(dates) - len(dated))


@given(ROWS)
@settings(max_examples=examples(40), deadline=None)
def test_sorting_neither_adds_nor_drops_events(rows):
    def key(row):
        return repr(sorted(row.items(), key=lambda item: item[0]))

    assert sorted(map(key, in_order(table(rows).to_batches()).to_pylist())) == sorted(map(key, table(rows).to_pylist()))


def test_a_sorted_table_is_not_copied():
    batch = table([{"date": second} for second in range(100)]).to_batches()[0]
    assert in_order([batch])["date"].chunk(0).buffers()[1].address == batch["date"].buffers()[1].address
