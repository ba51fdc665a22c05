"""The columns to group events by, read from a frame of any library.

Frames of Polars, DuckDB, Dask and PySpark have their own engine, which runs a query. pandas frames and Arrow tables
have none, so their columns are encoded as integers, which are grouped many times faster than text.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.analysis.encoding import Encoding, encode
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, CORES, SOURCES

NAIVE = (
    "column 'date' holds timestamps without a time zone. Add the zone, for example with "
    'events["date"].dt.tz_localize("UTC"); the dates of events are in UTC.'
)
"""The message about dates without a time zone."""

_TEXT = nw.String()
"""The type of every column of events that can be grouped, except `date`."""


def column_names(frame: pd.DataFrame | pa.Table | nw.LazyFrame[Any]) -> list[str]:
    """Return the names of the columns of a frame."""
    if isinstance(frame, pd.DataFrame):
        names: Iterable[Any] = frame.columns
    else:
        names = frame.column_names if isinstance(frame, pa.Table) else frame.collect_schema().names()
    return [str(name) for name in names]


# ---- pandas frames and Arrow tables ---------------------------------------------------------------------------------


def encode_columns(
    events: pd.DataFrame | pa.Table, dimensions: Sequence[Dimension], counted: Sequence[Dimension]
) -> tuple[nw.LazyFrame[Any], Mapping[str, pa.Array]]:
    """Encode the grouping columns of events in memory as integers.

    Parameters
    ----------
    events : pandas.DataFrame or pyarrow.Table
        Events.
    dimensions, counted : sequence of Dimension
        What to group by, and the dimensions whose distinct values are counted.

    Returns
    -------
    tuple of narwhals.LazyFrame and dict
        The encoded columns, and for each of them the values that its integers stand for. The columns are `date`, the
        key of every dimension as integers, and the stand-in of every dimension with a label as integers. The integers
        of `dimensions` are in the order of their values. The labels of `dimensions` are included as text.

    Raises
    ------
    InvalidArgument
        Events cannot be counted by a column.
    NotAnAuditFrame
        A column of events has values that its type cannot hold.
    """
    with ThreadPoolExecutor(CORES) as pool:
        date = pool.submit(column_to_chunks, events["date"], "date")
        labels = pool.submit(_read_labels, events, dimensions)
        ordered = pool.map(lambda dimension: _encode_dimension(events, dimension, in_order=True), dimensions)
        unordered = pool.map(lambda dimension: _encode_dimension(events, dimension, in_order=False), counted)
        encoded = {name: encoding for each in (*ordered, *unordered) for name, encoding in each.items()}
        columns = {"date": date.result()} | labels.result()
    columns |= {name: encoding.codes for name, encoding in encoded.items()}
    return nw.from_native(pa.table(columns)).lazy(), {name: encoding.values for name, encoding in encoded.items()}


def _encode_dimension(
    events: pd.DataFrame | pa.Table, dimension: Dimension, *, in_order: bool
) -> Mapping[str, Encoding]:
    """Encode the grouping columns that identify a value of a dimension."""
    key = column_to_chunks(events[dimension.key], dimension.key)
    encoded = {dimension.group_key: encode(key)}
    if dimension.label:
        encoded[dimension.stand_in] = _encode_stand_in(key, events[dimension.label], dimension.label)
    return {name: encoding.in_order() for name, encoding in encoded.items()} if in_order else encoded


def _encode_stand_in(key: pa.ChunkedArray, column: pd.Series | pa.ChunkedArray, name: str) -> Encoding:
    """Encode the label of each event without a key, and null for the others."""
    if not key.null_count:
        return Encoding(pa.chunked_array([pa.nulls(len(key), pa.int32())]), pa.array([], pa.large_string()))
    label = column_to_chunks(column, name)
    stand_in = pc.if_else(key.is_null(), label, pa.scalar(None, label.type))
    return encode(stand_in if isinstance(stand_in, pa.ChunkedArray) else pa.chunked_array([stand_in]))


def _read_labels(events: pd.DataFrame | pa.Table, dimensions: Sequence[Dimension]) -> dict[str, pa.ChunkedArray]:
    labels = {dimension.group_label: dimension.label for dimension in dimensions if dimension.label}
    return {group: column_to_chunks(events[name], name) for group, name in labels.items()}


def column_to_arrow(column: pd.Series | pa.ChunkedArray, name: str) -> pa.Array:
    """Convert a column to Arrow in one piece. A column of events gets the type that it has in the schema."""
    return column_to_chunks(column, name).combine_chunks()


def column_to_chunks(column: pd.Series | pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Convert a column to Arrow. A column of events gets the type that it has in the schema.

    For a text column of pandas, return the same object that the column holds, so that `encode` recognises it.
    """
    if isinstance(column, pd.DataFrame):  # pandas returns a frame if two columns have this name
        raise InvalidArgument(
            f"events: column {name!r} is there twice; keep one with events.loc[:, ~events.columns.duplicated()]"
        )
    kind = ARROW_SCHEMA.field(name).type if name in COLUMNS and name != "resources" else None
    try:
        array = _stored(column) if isinstance(column, pd.Series) else column
        if name == "date" and pa.types.is_timestamp(array.type) and array.type.tz is None:
            raise NotAnAuditFrame(NAIVE)
        wanted = kind or _plain_type(array.type, name)
        array = array if array.type == wanted else array.cast(wanted)
    except (pa.ArrowException, TypeError, ValueError) as error:
        if kind is None:
            raise _uncountable(name, getattr(column, "dtype", getattr(column, "type", None))) from None
        raise NotAnAuditFrame(f"column {name!r} cannot be read as {kind}: {error}. {SOURCES}") from None
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _stored(column: pd.Series) -> pa.ChunkedArray | pa.Array:
    # pa.array() would make a new object each time, which `encode` would not recognise.
    if isinstance(column.array, pd.arrays.ArrowStringArray):
        return column.array.__arrow_array__()
    return pa.array(column, from_pandas=True)


def _plain_type(kind: pa.DataType, name: str) -> pa.DataType:
    """Return the type in which a column that the user added is grouped."""
    is_type = pa.types
    kind = kind.value_type if is_type.is_dictionary(kind) else kind
    if is_type.is_string(kind) or is_type.is_large_string(kind) or is_type.is_string_view(kind):
        return pa.large_string()
    if is_type.is_null(kind):
        return pa.large_string()
    if is_type.is_timestamp(kind):
        return pa.timestamp("us", kind.tz and "UTC")
    if not (is_type.is_boolean(kind) or is_type.is_integer(kind) or is_type.is_floating(kind) or is_type.is_date(kind)):
        raise _uncountable(name, kind)
    return kind


def _uncountable(name: str, kind: object) -> InvalidArgument:
    advice = "explode_resources() gives each resource a row" if name == "resources" else "Turn it into text first"
    return InvalidArgument(
        f"by: column {name!r} holds {kind}, and events cannot be counted by values of this type. {advice}."
    )


# ---- frames with an engine ------------------------------------------------------------------------------------------


def as_lazy(events: Any) -> nw.LazyFrame[Any]:
    """Wrap a frame of any library that narwhals supports; its engine runs the queries.

    Raises
    ------
    InvalidArgument
        `events` is not such a frame.
    """
    try:
        with warnings.catch_warnings():
            # narwhals warns that its support of Dask will move to another package, which is not released yet.
            warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
            frame: nw.LazyFrame[Any] = nw.from_native(events).lazy()
            return frame
    except nw.exceptions.DuplicateError:
        raise InvalidArgument("events: two columns have the same name; keep one of them") from None
    except TypeError:
        if isinstance(events, str | PathLike):
            raise InvalidArgument(
                f"events: {os.fspath(events)!r} is a path, not a frame. Read it first: read_parquet() reads a file, "
                "read_pages() saved answers, and Archive() opens an archive."
            ) from None
        raise InvalidArgument(
            f"events: a {type(events).__module__}.{type(events).__qualname__} is not a supported frame. Supported are "
            "pandas, Polars, Dask and PySpark frames, PyArrow tables, and DuckDB relations."
        ) from None


def select_columns(
    frame: nw.LazyFrame[Any], dimensions: Sequence[Dimension], counted: Sequence[Dimension]
) -> tuple[nw.LazyFrame[Any], Mapping[str, Any]]:
    """Select the grouping columns of events in the engine that holds them.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Events.
    dimensions, counted : sequence of Dimension
        What to group by, and the dimensions whose distinct values are counted.

    Returns
    -------
    tuple of narwhals.LazyFrame and dict
        `date` and the grouping columns; and the type of each grouping column that is not text.

    Raises
    ------
    InvalidArgument
        Events cannot be counted by a column.
    NotAnAuditFrame
        The dates are not timestamps with a time zone.
    """
    everything = [*dimensions, *counted]
    kinds = frame.collect_schema()
    moment = kinds["date"]
    if not isinstance(moment, nw.Datetime):
        raise NotAnAuditFrame(f"column 'date' holds {moment}, not timestamps. {SOURCES}")
    if moment.time_zone is None:
        raise NotAnAuditFrame(NAIVE)
    columns = {group: name for dimension in everything for group, name in dimension.columns.items()}
    types = {group: _kept_type(name, kinds[name]) for group, name in columns.items()}
    read = [_grouped(nw.col(name), kinds[name], types[group]).alias(group) for group, name in columns.items()]
    stand_ins = [
        nw.when(nw.col(dimension.group_key).is_null()).then(nw.col(dimension.group_label)).alias(dimension.stand_in)
        for dimension in everything
        if dimension.label
    ]
    # Polars does not compare timestamps of different time zones, and this package uses UTC.
    moments = nw.col("date").dt.convert_time_zone("UTC") if frame.implementation.is_polars() else nw.col("date")
    selected = frame.select(moments, *read)
    selected = selected.with_columns(*stand_ins) if stand_ins else selected
    return selected, {group: kind for group, kind in types.items() if kind != _TEXT}


def _kept_type(name: str, kind: Any) -> Any:
    """Return the type in which a column is grouped: text for a column of events, otherwise its own type."""
    if (name in COLUMNS and name not in ("date", "resources")) or kind in (nw.String, nw.Categorical, nw.Enum):
        return _TEXT
    if kind in (nw.Boolean, nw.Date, nw.Datetime) or kind.is_integer() or kind.is_float():
        return kind
    raise _uncountable(name, kind)


def _grouped(column: nw.Expr, kind: Any, kept: Any) -> nw.Expr:
    if kept == _TEXT:
        return column if isinstance(kind, nw.String) else column.cast(nw.String)
    # In pandas, NaN is null, so it must be null in other engines too.
    return nw.when(~column.is_nan()).then(column) if kind.is_float() else column
