"""The way from any dataframe library's frame of events to small groups in pandas.

The engine that holds the events groups them, through narwhals. pandas frames and Arrow tables have no engine of
their own: their text becomes numbers first, which Arrow groups many times faster.
"""

from __future__ import annotations

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
from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.arguments import check_whole_number
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import EPOCH
from te_audit_frames.schema import ARROW_SCHEMA, SOURCES, require_columns

OTHER = "(other)"
"""What the group is called into which `top` folds everything that is not among the largest."""

REST = "beyond the top"
"""The grouping column that tells the folded group apart, also from events that are really called "(other)"."""

NAIVE = "column 'date' holds timestamps without a time zone. Say in which zone they are; those of events are in UTC."


@dataclass(frozen=True)
class Grouper:
    """Events where they are, with `date` and the identity and label of every dimension that was asked for.

    Attributes
    ----------
    frame : narwhals.LazyFrame
        The events. Text is as it was, or numbered in the order of the text.
    texts : dict of str to pyarrow.Array
        Of every column that is numbered, the text that each number stands for.
    """

    frame: nw.LazyFrame[Any]
    texts: Mapping[str, pa.Array] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Any, dimensions: Sequence[Dimension], counted: Sequence[Dimension] = ()) -> Grouper:
        """Read the columns that `dimensions`, and others that are only `counted`, need from a frame of any library."""
        read = _in_memory if isinstance(events, pd.DataFrame | pa.Table) else _lazy
        return read(events, dimensions, counted)

    def dated(self) -> Grouper:
        """Leave out the events without a date."""
        return replace(self, frame=self.frame.filter(~nw.col("date").is_null()))

    def count(self, columns: Sequence[str], *, step: int | None = None) -> pd.DataFrame:
        """Count the events of each group, and find its first and last date.

        Parameters
        ----------
        columns : sequence of str
            What to group by.
        step : int, optional
            Group by steps of so many seconds as well, in place of the dates; every event has a date then.

        Returns
        -------
        pandas.DataFrame
            One row a group: the columns, `events`, and `first` and `last` or `step` (in steps since 1970).
        """
        if self.is_in_memory and (groups := bincount.count(self._native, columns, step=step)) is not None:
            return groups
        events, date = nw.len().alias("events"), nw.col("date")
        if step is not None:
            return collect(self.frame.group_by((self._seconds // step).alias("step"), *columns).agg(events))
        return collect(self.frame.group_by(*columns).agg(events, date.min().alias("first"), date.max().alias("last")))

    def count_distinct(self, keys: Sequence[str], others: Sequence[str]) -> pd.DataFrame:
        """Count the different values of `others` in each group by `keys`; where all are null is not a value.

        Returns
        -------
        pandas.DataFrame
            One row a group: the keys and `different`. Groups without any value may be absent.
        """
        if self.is_in_memory and (groups := bincount.count_distinct(self._native, keys, others)) is not None:
            return groups
        # Grouped twice: a grouped n_unique adds up partitions on Dask.
        pairs = self.frame.group_by(*keys, *others).agg(nw.len())
        known = nw.any_horizontal(*(~nw.col(column).is_null() for column in others), ignore_nulls=False)
        return collect(pairs.filter(known).group_by(*keys).agg(nw.len().alias("different")))

    @property
    def _seconds(self) -> nw.Expr:
        """The date in whole seconds since 1970."""
        date = nw.col("date")
        if self.frame.implementation.is_pyspark() or self.frame.implementation.is_pyspark_connect():
            return date.cast(nw.Int64)  # Spark has no differences of times in seconds; elsewhere a cast is in the unit
        if self.frame.implementation.is_duckdb():
            return date.dt.total_seconds()  # a difference would count days by the clock of the session's zone
        return (date - nw.lit(EPOCH)).dt.total_seconds()

    @property
    def is_in_memory(self) -> bool:
        """Whether the events are numbers in memory."""
        return isinstance(self._native, pa.Table)

    @property
    def _native(self) -> Any:
        return self.frame.to_native()

    def fold(self, identity: list[str], top: int | None) -> tuple[Grouper, list[str]]:
        """Make one group of all but the `top` largest; return the events, and by what to group them."""
        if top is not None:
            check_whole_number("top", top, 1)
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

    def name(self, groups: pd.DataFrame, dimensions: Sequence[Dimension]) -> pd.DataFrame:
        """Say what a reader knows of each group: its keys, and the names that were the latest to go with them."""
        named = pd.DataFrame(index=groups.index)
        for dimension in dimensions:
            named[dimension.key] = self._text(dimension.key, groups[dimension.key])
            if dimension.label:
                latest = groups[dimension.key].map(self._latest_labels(dimension.key, dimension.label))
                stand_in = self._text(dimension.label, groups[dimension.stand_in])
                named[dimension.label] = self._text(dimension.label, latest).fillna(stand_in)
        if REST in groups:
            named[groups[REST].astype("bool")] = OTHER
        return named

    def _latest_labels(self, key: str, label: str) -> pd.Series:
        """Map each key to the label in its latest event; of two in the latest second to the greater one."""
        uses = self.count([key, label]).dropna(subset=[key, label])
        latest = uses.sort_values(["last", label], na_position="first").drop_duplicates(key, keep="last")
        return latest.set_index(key)[label]

    def _text(self, column: str, values: pd.Series) -> pd.Series:
        if column not in self.texts:
            return values.astype("str")
        numbers = pa.array(values, pa.int32(), from_pandas=True)
        return pd.Series(pd.array(self.texts[column].take(numbers), dtype="str"), index=values.index)


def collect(query: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Let the engine run, and bring the small result to pandas, dates in UTC."""
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
            nw.col(column).is_null() if pd.isna(value) else (nw.col(column) == value).fill_null(False)
            for column, value in zip(identity, values, strict=True)
        ),
        ignore_nulls=False,
    )


def _in_memory(
    events: pd.DataFrame | pa.Table, dimensions: Sequence[Dimension], counted: Sequence[Dimension]
) -> Grouper:
    everything = [*dimensions, *counted]
    needed = [column for dimension in everything for column in dimension.columns]
    columns = ["date", *needed]
    require_columns(events.columns if isinstance(events, pd.DataFrame) else events.column_names, columns)
    with ThreadPoolExecutor() as pool:
        arrays = dict(zip(columns, pool.map(lambda name: _arrow(events[name], name), columns), strict=True))
        # What is only counted is not named, and a name that stands in for nothing need not be read.
        unused = {other.label for other in counted if not arrays[other.key].null_count}
        read = [name for name in needed if name not in unused]
        coded = dict(zip(read, pool.map(lambda name: _number(arrays[name]), read), strict=True))
    numbered = {"date": arrays["date"]} | {name: numbers for name, (numbers, _) in coded.items()}
    for dimension in everything:
        if dimension.label:
            label = numbered.get(dimension.label, pa.nulls(len(arrays["date"]), pa.int32()))
            numbered[dimension.stand_in] = _stand_in(numbered[dimension.key], label)
    texts = {name: text for name, (_, text) in coded.items()}
    return Grouper(nw.from_native(pa.table(numbered)).lazy(), texts)


def _stand_in(key: pa.Array, label: pa.Array) -> pa.Array:
    """Take the label where there is no key."""
    if not key.null_count:
        return pa.nulls(len(key), pa.int32())
    return pc.if_else(key.is_null(), label, pa.scalar(None, pa.int32()))


def _arrow(column: pd.Series | pa.ChunkedArray, name: str) -> pa.Array:
    """Read a column as the type that events have, in one piece."""
    kind = ARROW_SCHEMA.field(name).type
    try:
        array = pa.array(column, from_pandas=True) if isinstance(column, pd.Series) else column
        if pa.types.is_timestamp(array.type) and array.type.tz is None:
            raise NotAnAuditFrame(NAIVE)
        array = array.cast(kind)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NotAnAuditFrame(f"column {name!r} cannot be read as {kind}: {error}. {SOURCES}") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _number(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Replace texts by numbers in their order, so that sorting numbers sorts texts; null stays null."""
    encoded = texts.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    numbers = np.empty(len(order), dtype="int32")
    numbers[order] = np.arange(len(order), dtype="int32")
    return pa.array(numbers).take(encoded.indices), encoded.dictionary.take(order)


def _lazy(events: Any, dimensions: Sequence[Dimension], counted: Sequence[Dimension]) -> Grouper:
    everything = [*dimensions, *counted]
    needed = ["date", *(column for dimension in everything for column in dimension.columns)]
    try:
        with warnings.catch_warnings():
            # Told to whoever uses narwhals with Dask; the package that it asks for has not been released.
            warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
            frame = nw.from_native(events).lazy()
    except TypeError:
        raise InvalidArgument(
            f"events: a {type(events).__module__}.{type(events).__qualname__} cannot be counted. These can: pandas and "
            "Polars frames, PyArrow tables, DuckDB relations, Dask and PySpark frames."
        ) from None
    types = frame.collect_schema()
    require_columns(types.names(), needed)
    date = types["date"]
    if not isinstance(date, nw.Datetime):
        raise NotAnAuditFrame(f"column 'date' holds {date}, not timestamps. {SOURCES}")
    if date.time_zone is None:
        raise NotAnAuditFrame(NAIVE)
    texts = (
        nw.col(name) if isinstance(types[name], nw.String) else nw.col(name).cast(nw.String) for name in needed[1:]
    )
    stand_ins = [
        nw.when(nw.col(dimension.key).is_null()).then(nw.col(dimension.label)).alias(dimension.stand_in)
        for dimension in everything
        if dimension.label
    ]
    # Polars compares no moments of two zones, and those of our own are in UTC.
    moments = nw.col("date").dt.convert_time_zone("UTC") if frame.implementation.is_polars() else nw.col("date")
    selected = frame.select(moments, *texts)
    return Grouper(selected.with_columns(*stand_ins) if stand_ins else selected)
