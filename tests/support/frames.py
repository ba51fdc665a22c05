"""Events as hypothesis draws them: hostile names, null keys, duplicates, renamed people, in every library's frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, to_events

Row = dict[str, Any]

TEXTS = ["x", "y", "", "(other)", "null", "nan", "$\\foo$", "名前", "=1+1", "'; drop table events; --"]
START = datetime(2026, 3, 1, tzinfo=UTC)


SECONDS = st.integers(0, 3).map(lambda second: START + timedelta(seconds=second))


def rows(dates: st.SearchStrategy[datetime] = SECONDS, *, max_size: int = 30) -> st.SearchStrategy[list[Row]]:
    """Events of few people, groups and seconds, so that renames, ties and duplicates are common."""
    few = {name: st.none() | st.sampled_from(TEXTS[:4]) for name in ("uid", "aid", "event")}
    many = {name: st.none() | st.sampled_from(TEXTS) for name in ("user", "account_group_name", "ip_address")}
    row = st.fixed_dictionaries({"date": st.none() | dates, **few, **many})
    return st.lists(row, max_size=max_size)


def table(drawn: list[Row]) -> pa.Table:
    """Write rows as Arrow events, with resources that no engine could group."""
    return pa.Table.from_pylist(
        [{"resources": [{"type": "testName", "name": str(n)}], **row} for n, row in enumerate(drawn)], ARROW_SCHEMA
    )


def with_receipt(frame: pd.DataFrame, /, **stated: Any) -> pd.DataFrame:
    """Give events a whole receipt, by default a complete one of all rows, with these values."""
    plain = taf.receipt(taf.read_pages([b'{"auditEvents": []}'])).to_dict()
    plain |= {"complete": True, "events": len(frame), "fetched_at": "2030-01-01T00:00:00Z"}
    frame.attrs[ATTRS_KEY] = plain | stated
    return frame


def _object_frame(events: pa.Table) -> pd.DataFrame:
    frame = to_events(events)
    texts = [name for name in frame if frame[name].dtype == "str"]
    return frame.astype(dict.fromkeys(texts, "object")).set_index(pd.Index([7] * len(frame)))


def _category_frame(events: pa.Table) -> pd.DataFrame:
    frame = to_events(events)
    return frame.astype({name: "category" for name in frame if frame[name].dtype == "str"})


def _chunked_table(events: pa.Table) -> pa.Table:
    encoded = events.set_column(4, "uid", events["uid"].dictionary_encode())
    return pa.concat_tables([encoded.slice(0, 3), encoded.slice(3)])


LIBRARIES: Mapping[str, Callable[[pa.Table], Any]] = {
    "pandas": to_events,
    "pandas objects": _object_frame,
    "pandas categories": _category_frame,
    "pyarrow": lambda events: events,
    "pyarrow chunks and dictionaries": _chunked_table,
    "polars": pl.from_arrow,
    "polars in another zone": lambda events: pl.from_arrow(events).with_columns(
        pl.col("date").dt.convert_time_zone("America/St_Johns")
    ),
    "polars lazy": lambda events: pl.from_arrow(events).lazy(),
    "duckdb": duckdb.from_arrow,
}
