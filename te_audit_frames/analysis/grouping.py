"""Grouping of events by the engine that holds them; small groups in pandas come out.

A Polars, DuckDB, Dask or PySpark frame is grouped where it is, through narwhals. pandas frames and Arrow tables have
no engine of their own: their columns are encoded as integers first, which are grouped many times faster than text.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis import bincount
from te_audit_frames.analysis.dimensions import Dimension, check_top, list_countable, parse_by
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import EPOCH
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, SOURCES, require_columns

OTHER = "(other)"
"""The key of the group into which `top` folds everything that is not among the largest."""

REST = "beyond the top"
"""The grouping column that marks the folded group. Events may really be called "(other)"."""

NAIVE = "column 'date' holds timestamps without a time zone. Say in which zone they are; those of events are in UTC."

TEXT = nw.String()
"""The type of every column of events that can be grouped, except `date`."""


@dataclass(frozen=True)
class Grouper:
    """Events that are ready to be grouped by dimensions.

    Attributes
    ----------
    frame : narwhals.LazyFrame
        `date`, and the identity and label of every dimension. In memory these are integers in the order of the values.
    dimensions : list of Dimension
        What to group by.
    counted : list of Dimension
        What to count the distinct values of.
    values : dict of str to pyarrow.Array
        The value of each integer, for every encoded column.
    types : dict of str to narwhals.dtypes.DType
        The type of each grouping column that is neither encoded nor text.
    """

    frame: nw.LazyFrame[Any]
    dimensions: Sequence[Dimension]
    counted: Sequence[Dimension] = ()
    values: Mapping[str, pa.Array] = field(default_factory=dict)
    types: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Any, by: str | Sequence[str] | None, *, count_others: bool = False) -> Grouper:
        """Read the columns to group by from a frame of any library, and those to count if `count_others`."""
        in_memory = isinstance(events, pd.DataFrame | pa.Table)
        frame = events if in_memory else as_lazy(events)
        columns = [str(name) for name in _column_names(frame)]
        # Only activity can do without groups.
        dimensions = [] if by is None and not count_others else parse_by(by, columns)
        require_columns(columns, ["date"])
        counted = list_countable(columns, dimensions) if count_others else []
        return (_encode if in_memory else _select)(frame, dimensions, counted)

    def dated(self) -> Grouper:
        """Return the events that have a date."""
        return replace(self, frame=self.frame.filter(~nw.col("date").is_null()))

    def count(self, columns: Sequence[str], *, step: int | None = None) -> pd.DataFrame:
        """Count the events of each group, and find its first and last date.

        Parameters
        ----------
        columns : sequence of str
            The grouping columns.
        step : int, optional
            Group by steps of this many seconds too, and leave out the dates. Every event needs a date then.

        Returns
        -------
        pandas.DataFrame
            One row per group: the columns, `events`, and `first` and `last` or `step` (in steps since 1970).
        """
        if self.is_in_memory and (groups := bincount.count(self._native, columns, step=step)) is not None:
            return groups
        events, date = nw.len().alias("events"), nw.col("date")
        if step is not None:
            return self._collect(self.frame.group_by((self._seconds // step).alias("step"), *columns).agg(events))
        first, last = date.min().alias("first"), date.max().alias("last")
        return self._collect(self.frame.group_by(*columns).agg(events, first, last))

    def count_distinct(self, keys: Sequence[str], others: Sequence[str]) -> pd.DataFrame:
        """Count the distinct values of `others` in each group by `keys`. All of them null is no value.

        Returns
        -------
        pandas.DataFrame
            One row per group: the keys and `distinct`. Groups without any value may be absent.
        """
        if self.is_in_memory and (groups := bincount.count_distinct(self._native, keys, others)) is not None:
            return groups
        # Group twice, since on Dask a grouped n_unique adds up the counts of partitions.
        pairs = self.frame.group_by(*keys, *others).agg(nw.len())
        known = nw.any_horizontal(*(~nw.col(column).is_null() for column in others), ignore_nulls=False)
        return self._collect(pairs.filter(known).group_by(*keys).agg(nw.len().alias("distinct")))

    @property
    def _seconds(self) -> nw.Expr:
        """The date in whole seconds since 1970."""
        date = nw.col("date")
        if self.frame.implementation.is_pyspark() or self.frame.implementation.is_pyspark_connect():
            return date.cast(
                nw.Int64
            )  # Spark has no time differences in seconds; elsewhere a cast gives the column's unit
        if self.frame.implementation.is_duckdb():
            return date.dt.total_seconds()  # a difference would count days in the session's time zone
        return (date - nw.lit(EPOCH)).dt.total_seconds()

    @property
    def is_in_memory(self) -> bool:
        """Whether the events are encoded in memory."""
        return isinstance(self._native, pa.Table)

    @property
    def _native(self) -> Any:
        return self.frame.to_native()

    @property
    def identity(self) -> list[str]:
        """The grouping columns that identify a group."""
        return [column for dimension in self.dimensions for column in dimension.identity]

    def fold(self, top: int | None) -> tuple[Grouper, list[str]]:
        """Make one group of all but the `top` largest; return the events and the columns to group them by."""
        check_top(top)
        identity = self.identity
        if top is None or not identity:
            return self, identity
        groups = self.count(identity)
        if len(groups) <= top:
            return self, identity
        largest = rank(groups, identity).head(top)
        kept = nw.any_horizontal(
            *(_is_group(identity, values) for values in largest[identity].itertuples(index=False)),
            ignore_nulls=False,
        )
        folded = self.frame.with_columns((~kept).alias(REST)).with_columns(
            nw.when(~nw.col(REST)).then(nw.col(column)).alias(column) for column in identity
        )
        return replace(self, frame=folded), [REST, *identity]

    def name(self, groups: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of `by` for each group: its keys as text, and the label of each key's latest event."""
        named = pd.DataFrame(index=groups.index)
        for dimension in self.dimensions:
            named[dimension.key] = self._text(dimension.group_key, groups[dimension.group_key])
            if dimension.label:
                latest = groups[dimension.group_key].map(self._latest_labels(dimension))
                stand_in = self._text(dimension.group_label, groups[dimension.stand_in])
                named[dimension.label] = self._text(dimension.group_label, latest).fillna(stand_in)
        if REST in groups:
            named[groups[REST].astype("bool")] = OTHER
        return named

    def _latest_labels(self, dimension: Dimension) -> pd.Series:
        """Map each key to the label in its latest event; of two in the same second, to the greater one."""
        key, label = dimension.group_key, dimension.group_label
        uses = self.count([key, label]).dropna(subset=[key, label])
        latest = uses.sort_values(["last", label], na_position="first").drop_duplicates(key, keep="last")
        return latest.set_index(key)[label]

    def _text(self, column: str, values: pd.Series) -> pd.Series:
        if column in self.values:
            codes = pa.array(values, pa.int32(), from_pandas=True)
            found = self.values[column].take(codes)
            if pa.types.is_large_string(found.type):
                return pd.Series(pd.array(found, dtype="str"), index=values.index)
            values = pd.Series(found.to_pylist(), index=values.index, dtype="object")
        elif column not in self.types:
            return values.astype("str")
        texts = [None if pd.isna(value) else _written(value) for value in values]
        return pd.Series(pd.array(texts, dtype="str"), index=values.index)

    def _collect(self, query: nw.LazyFrame[Any]) -> pd.DataFrame:
        groups = collect(query)
        for name in self.types.keys() & set(groups.columns):
            groups[name] = _restored(groups[name], self.types[name])
        return groups


def _written(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # in pandas, integers with missing values are floats
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _restored(values: pd.Series, kind: Any) -> pd.Series:
    """Undo what engines make of a type on the way to pandas, such as floats of integers with nulls."""
    if kind.is_integer():
        return values.astype("Int64")
    if kind == nw.Boolean:
        return values.astype("boolean")
    if kind == nw.Date:
        days = pd.to_datetime(values)
        return days.dt.date.astype("object").where(days.notna(), None)
    return values


def collect(query: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Run a query in its engine, and return the small result in pandas with dates in UTC."""
    groups: pd.DataFrame = query.collect().to_pandas()
    for name in groups.columns:
        if isinstance(groups[name].dtype, pd.DatetimeTZDtype):
            groups[name] = groups[name].astype("datetime64[us, UTC]")
    return groups


def rank(groups: pd.DataFrame, identity: list[str]) -> pd.DataFrame:
    """Sort groups: most events first, ties in key order, null keys after all others, "(other)" at the end."""
    by = [*([REST] if REST in groups else []), "events", *identity]
    return groups.sort_values(by, ascending=[name != "events" for name in by], ignore_index=True)


def _is_group(identity: list[str], values: Iterable[Any]) -> nw.Expr:
    return nw.all_horizontal(
        *(
            nw.col(column).is_null() if pd.isna(value) else (nw.col(column) == _literal(value)).fill_null(False)
            for column, value in zip(identity, values, strict=True)
        ),
        ignore_nulls=False,
    )


def _literal(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if isinstance(value, np.generic) else value


# ---- pandas frames and Arrow tables ---------------------------------------------------------------------------------


def _encode(events: pd.DataFrame | pa.Table, dimensions: Sequence[Dimension], counted: Sequence[Dimension]) -> Grouper:
    everything = [*dimensions, *counted]
    columns = {"date": "date"} | {group: name for dimension in everything for group, name in dimension.columns.items()}
    with ThreadPoolExecutor() as pool:
        arrays = dict(
            zip(columns, pool.map(lambda name: column_to_arrow(events[name], name), columns.values()), strict=True)
        )
        # A label of what is only counted matters for events without a key alone.
        unused = {other.group_label for other in counted if other.label and not arrays[other.group_key].null_count} | {
            "date"
        }
        read = [name for name in columns if name not in unused]
        coded = dict(zip(read, pool.map(lambda name: _codes(arrays[name]), read), strict=True))
    encoded = {"date": arrays["date"]} | {name: codes for name, (codes, _) in coded.items()}
    for dimension in everything:
        if dimension.label:
            label = encoded.get(dimension.group_label, pa.nulls(len(arrays["date"]), pa.int32()))
            encoded[dimension.stand_in] = _stand_in(encoded[dimension.group_key], label)
    values = {name: known for name, (_, known) in coded.items()}
    return Grouper(nw.from_native(pa.table(encoded)).lazy(), dimensions, counted, values)


def _stand_in(key: pa.Array, label: pa.Array) -> pa.Array:
    """Return the label of events without a key, null for the others."""
    if not key.null_count:
        return pa.nulls(len(key), pa.int32())
    return pc.if_else(key.is_null(), label, pa.scalar(None, pa.int32()))


def column_to_arrow(column: pd.Series | pa.ChunkedArray, name: str) -> pa.Array:
    """Convert a column to Arrow in one piece; a column of events to the type that events have."""
    kind = ARROW_SCHEMA.field(name).type if name in COLUMNS and name != "resources" else None
    try:
        array = pa.array(column, from_pandas=True) if isinstance(column, pd.Series) else column
        if name == "date" and pa.types.is_timestamp(array.type) and array.type.tz is None:
            raise NotAnAuditFrame(NAIVE)
        array = array.cast(kind or _plain_type(array.type, name))
    except (pa.ArrowException, TypeError, ValueError) as error:
        if kind is None:
            raise _uncountable(name, getattr(column, "dtype", getattr(column, "type", None))) from None
        raise NotAnAuditFrame(f"column {name!r} cannot be read as {kind}: {error}. {SOURCES}") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _plain_type(kind: pa.DataType, name: str) -> pa.DataType:
    """Return the type as which a column that events do not have is grouped."""
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
    return InvalidArgument(f"by: column {name!r} holds {kind}, which events cannot be counted by. {advice}.")


def _codes(values: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Encode values as integers in their order, so that sorting integers sorts values; null stays null."""
    encoded = values.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    codes = np.empty(len(order), dtype="int32")
    codes[order] = np.arange(len(order), dtype="int32")
    return pa.array(codes).take(encoded.indices), encoded.dictionary.take(order)


# ---- frames with an engine ------------------------------------------------------------------------------------------


def _column_names(frame: pd.DataFrame | pa.Table | nw.LazyFrame[Any]) -> Iterable[Any]:
    if isinstance(frame, pd.DataFrame):
        return frame.columns
    return frame.column_names if isinstance(frame, pa.Table) else frame.collect_schema().names()


def as_lazy(events: Any) -> nw.LazyFrame[Any]:
    """Return a frame of any library as a lazy narwhals frame."""
    try:
        with warnings.catch_warnings():
            # narwhals warns that its Dask support moves to a package that is not released yet.
            warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
            frame: nw.LazyFrame[Any] = nw.from_native(events).lazy()
            return frame
    except TypeError:
        raise InvalidArgument(
            f"events: a {type(events).__module__}.{type(events).__qualname__} cannot be read. These can: pandas and "
            "Polars frames, PyArrow tables, DuckDB relations, Dask and PySpark frames."
        ) from None


def _select(frame: nw.LazyFrame[Any], dimensions: Sequence[Dimension], counted: Sequence[Dimension]) -> Grouper:
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
    # Polars does not compare timestamps of different zones, and those of this package are in UTC.
    moments = nw.col("date").dt.convert_time_zone("UTC") if frame.implementation.is_polars() else nw.col("date")
    selected = frame.select(moments, *read)
    selected = selected.with_columns(*stand_ins) if stand_ins else selected
    kept = {group: kind for group, kind in types.items() if kind != TEXT}
    return Grouper(selected, dimensions, counted, types=kept)


def _kept_type(name: str, kind: Any) -> Any:
    """Return the type as which a column is grouped: text for those of events, else its own."""
    if (name in COLUMNS and name not in ("date", "resources")) or kind in (nw.String, nw.Categorical, nw.Enum):
        return TEXT
    if kind in (nw.Boolean, nw.Date, nw.Datetime) or kind.is_integer() or kind.is_float():
        return kind
    raise _uncountable(name, kind)


def _grouped(column: nw.Expr, kind: Any, kept: Any) -> nw.Expr:
    if kept == TEXT:
        return column if isinstance(kind, nw.String) else column.cast(nw.String)
    # pandas has no NaN besides null, so the other engines may not have it either.
    return nw.when(~column.is_nan()).then(column) if kind.is_float() else column
