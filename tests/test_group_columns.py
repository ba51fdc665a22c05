"""Grouping columns: text and any other type, in memory as integers, in an engine as a query."""

from __future__ import annotations

from collections import Counter
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import LIBRARIES, START, rows, table

import te_audit_frames as taf
from te_audit_frames.analysis.dimensions import Dimension, parse_by
from te_audit_frames.analysis.group_columns import as_lazy, column_names, encode_columns, select_columns

VALUES = st.lists(st.none() | st.integers(-3, 3), max_size=20) | st.lists(st.none() | st.text(max_size=2), max_size=20)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_names_of_columns_are_read_from_any_frame(library: str) -> None:
    frame = LIBRARIES[library](table([{"date": START}]))
    lazy = frame if isinstance(frame, pd.DataFrame | pa.Table) else as_lazy(frame)
    assert column_names(lazy)[:3] == ["date", "aid", "account_group_name"]


@pytest.mark.full
@given(values=VALUES)
@settings(max_examples=examples(100, brief=5))
def test_codes_are_in_the_order_of_their_values_and_give_them_back(values: list[Any]) -> None:
    kind = pa.int64() if all(isinstance(value, int | None) for value in values) else pa.large_string()
    dates = pa.nulls(len(values), pa.timestamp("us", "UTC"))
    own = Dimension("own", "own")
    frame, known = encode_columns(pa.table({"date": dates, "own": pa.array(values, kind)}), [own], [])
    codes = frame.collect().to_native()[own.group_key].to_pylist()
    assert [None if code is None else known[own.group_key][code].as_py() for code in codes] == values
    present = [(code, value) for code, value in zip(codes, values, strict=True) if value is not None]
    assert sorted(present) == sorted(present, key=lambda pair: pair[1])


@pytest.mark.parametrize("library", ["pandas", "pandas categories", "pyarrow", "polars", "duckdb"])
@given(drawn=rows())
@settings(max_examples=examples(10), deadline=None)
def test_a_label_stands_in_only_for_a_missing_key(library: str, drawn: list[dict[str, Any]]) -> None:
    events = LIBRARIES[library](table(drawn))
    (user,) = parse_by("user", ["date", "uid", "user"])
    if isinstance(events, pd.DataFrame | pa.Table):
        frame, known = encode_columns(events, [user], [])
    else:
        (frame, _), known = select_columns(as_lazy(events), [user], []), {}
    shown = frame.collect().to_pandas()[user.stand_in].tolist()
    if known:
        names = known[user.stand_in].to_pylist()
        shown = [None if pd.isna(code) else names[int(code)] for code in shown]
    expected = [row["user"] if row["uid"] is None else None for row in drawn]
    # Engines may give rows in any order.
    assert Counter(None if pd.isna(name) else name for name in shown) == Counter(expected)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.binary(), pa.duration("s"), pa.struct([("a", pa.int64())])])
def test_types_that_cannot_be_grouped_are_refused_by_name(kind: pa.DataType) -> None:
    events = pa.table({"date": pa.nulls(1, pa.timestamp("us", "UTC")), "own": pa.nulls(1, kind)})
    for frame in (events, as_lazy(pl.from_arrow(events))):
        read = encode_columns if isinstance(frame, pa.Table) else select_columns
        with pytest.raises(taf.InvalidArgument, match=r"^by: column 'own' holds .* Turn it into text first\.$"):
            read(frame, [Dimension("own", "own")], [])


def test_text_is_kept_as_text_and_other_types_are_named() -> None:
    events = pl.DataFrame({"date": [START], "uid": [7], "floor": [2], "team": ["Shops"]})
    chosen = [Dimension(name, name) for name in ("uid", "floor", "team")]
    _, types = select_columns(as_lazy(events), chosen, [])
    assert types == {"by floor": nw.Int64()}, "an identifier of events is text, whatever its type"


def test_columns_of_the_same_name_are_named():
    events = pd.DataFrame({"date": pd.to_datetime(["2026-01-01T00:00Z"]), "event": "x", "uid": "7", "user": "Ada"})
    twice = pd.concat([events, events[["user"]]], axis=1)
    for call in (taf.summarize_by_user, taf.find_runs, taf.review):
        with pytest.raises(taf.InvalidArgument, match="column 'user' is there twice"):
            call(twice)
    with pytest.raises(taf.InvalidArgument, match="same name"):
        as_lazy(twice)
