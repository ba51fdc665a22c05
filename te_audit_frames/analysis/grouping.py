"""Grouping of events by the engine that holds them, with the small result in pandas.

A Polars, DuckDB, Dask or PySpark frame is grouped by its own engine, through narwhals. pandas frames and Arrow tables
are grouped by `bincount`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.bincount import Groups
from te_audit_frames.analysis.dimensions import Dimension, list_countable, parse_by
from te_audit_frames.analysis.group_columns import as_lazy, column_names, encode_columns, select_columns
from te_audit_frames.arguments import check_whole_number
from te_audit_frames.periods import EPOCH
from te_audit_frames.schema import require_columns

OTHER = "(other)"
"""The name of the group that combines all but the `top` largest groups."""

REST = "beyond the top"
"""The grouping column that marks the combined group. Its name alone is not enough: an event may be called "(other)"."""


@dataclass(frozen=True)
class Grouper:
    """Events that are ready to be grouped by dimensions.

    Attributes
    ----------
    frame : narwhals.LazyFrame
        The column `date` and the grouping columns of every dimension. If the events are in memory, the columns that
        identify a group are integers. The integers of `dimensions` are in the order of their values.
    dimensions : list of Dimension
        What to group by.
    counted : list of Dimension
        The dimensions whose distinct values are counted.
    values : dict of str to pyarrow.Array
        For every encoded column, the value of each integer.
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
        """Read the grouping columns from a frame of any library.

        Parameters
        ----------
        events : frame of any supported library
            Events.
        by : str, list of str or None
            What to group by; see `parse_by`. None makes one group of all events; it is not allowed with `count_others`.
        count_others : bool
            Whether to count the distinct values of the other dimensions too.

        Raises
        ------
        InvalidArgument
            `events` is not a supported frame, or events cannot be counted by a column.
        NotAnAuditFrame
            A needed column is missing, or has values that its type cannot hold.
        """
        in_memory = isinstance(events, pd.DataFrame | pa.Table)
        frame = events if in_memory else as_lazy(events)
        columns = column_names(frame)
        dimensions = [] if by is None and not count_others else parse_by(by, columns)
        require_columns(columns, ["date"])
        counted = list_countable(columns, dimensions) if count_others else []
        if in_memory:
            encoded, values = encode_columns(frame, dimensions, counted)
            return cls(encoded, dimensions, counted, values=values)
        selected, types = select_columns(frame, dimensions, counted)
        return cls(selected, dimensions, counted, types=types)

    def dated(self) -> Grouper:
        """Leave out the events without a date."""
        if self.is_in_memory and not self._native["date"].null_count:
            return self
        return replace(self, frame=self.frame.filter(~nw.col("date").is_null()))

    def count(self, columns: Sequence[str], *, step: int | None = None) -> pd.DataFrame:
        """Count the events of each group, and find its first and last date.

        Parameters
        ----------
        columns : sequence of str
            The grouping columns.
        step : int, optional
            Also group by steps of this many seconds, and do not find the dates. Every event must have a date.

        Returns
        -------
        pandas.DataFrame
            One row per group: the grouping columns, `events`, and the dates `first` and `last`. With `step`, the number
            of the `step` since 1970 replaces the dates.
        """
        if self.is_in_memory:
            groups = Groups.of(self._native, columns, step=step)
            counted = groups.keys.assign(events=groups.events)
            return counted.join(groups.find_ends()) if step is None else counted
        events, date = nw.len().alias("events"), nw.col("date")
        if step is not None:
            return self._collect(self.frame.group_by((self._seconds // step).alias("step"), *columns).agg(events))
        first, last = date.min().alias("first"), date.max().alias("last")
        return self._collect(self.frame.group_by(*columns).agg(events, first, last))

    def tabulate(self, keys: Sequence[str]) -> pd.DataFrame:
        """Return the result of `count`, with the number of distinct values of every dimension in `counted`.

        The columns of a dimension form one value together. A value is not counted if all of them are null.

        Returns
        -------
        pandas.DataFrame
            One row per group: the keys, `events`, `first`, `last`, and a count for each dimension in `counted`. A count
            of zero may be null.
        """
        identities = {other.counted_as: other.identity for other in self.counted}
        if self.is_in_memory:
            return Groups.of(self._native, keys).tabulate(identities)
        table = self.count(keys)
        for counted_as, others in identities.items():
            # Grouped twice, because on Dask a grouped n_unique adds up the counts of the partitions.
            pairs = self.frame.group_by(*keys, *others).agg(nw.len())
            known = nw.any_horizontal(*(~nw.col(column).is_null() for column in others), ignore_nulls=False)
            distinct = self._collect(pairs.filter(known).group_by(*keys).agg(nw.len().alias(counted_as)))
            table = table.merge(distinct, on=list(keys), how="left")
        return table

    @property
    def _seconds(self) -> nw.Expr:
        """The date in whole seconds since 1970."""
        date = nw.col("date")
        if self.frame.implementation.is_pyspark() or self.frame.implementation.is_pyspark_connect():
            # Spark has no time differences in seconds. On other engines, a cast would keep the unit of the column.
            return date.cast(nw.Int64)
        # Differences are cut towards 1970, so that half a second before it would be a second of the next day.
        date = nw.when(date < nw.lit(EPOCH)).then(date.dt.truncate("1s")).otherwise(date)
        if self.frame.implementation.is_duckdb():
            # In DuckDB, a difference would count days in the time zone of the session.
            return date.dt.total_seconds()
        return (date - nw.lit(EPOCH)).dt.total_seconds()

    @property
    def is_in_memory(self) -> bool:
        """Whether the events are in memory, with encoded columns."""
        return isinstance(self._native, pa.Table)

    @property
    def _native(self) -> Any:
        return self.frame.to_native()

    @property
    def identity(self) -> list[str]:
        """The grouping columns that together identify a group."""
        return [column for dimension in self.dimensions for column in dimension.identity]

    def fold(self, top: int | None) -> tuple[Grouper, list[str]]:
        """Combine all but the `top` largest groups into one.

        Returns
        -------
        tuple of Grouper and list of str
            The events, and the columns to group them by.

        Raises
        ------
        InvalidArgument
            `top` is not a whole number of at least 1.
        """
        identity = self.identity
        if top is not None:
            check_whole_number("top", top, 1)
        if top is None or not identity:
            return self, identity
        marked = self._mark_in_memory(top) if self.is_in_memory else self._mark_in_engine(top)
        if marked is None:
            return self, identity
        folded = marked.with_columns(nw.when(~nw.col(REST)).then(nw.col(column)).alias(column) for column in identity)
        return replace(self, frame=folded), [REST, *identity]

    def _mark_in_memory(self, top: int) -> nw.LazyFrame[Any] | None:
        """Add the column `REST`. Return None if there are no more than `top` groups."""
        groups = Groups.of(self._native, self.identity)
        if len(groups.keys) <= top:
            return None
        is_beyond = np.ones(len(groups.keys), dtype=np.bool_)
        numbered = groups.keys.assign(events=groups.events, number=groups.keys.index)
        is_beyond[rank(numbered, self.identity)["number"].head(top)] = False
        marks = pa.array(is_beyond[groups.of_rows])
        marked: nw.LazyFrame[Any] = nw.from_native(self._native.append_column(REST, marks)).lazy()
        return marked

    def _mark_in_engine(self, top: int) -> nw.LazyFrame[Any] | None:
        """Add the column `REST`. Return None if there are no more than `top` groups."""
        groups = self.count(self.identity)
        if len(groups) <= top:
            return None
        largest = rank(groups, self.identity).head(top)
        kept = nw.any_horizontal(
            *(_is_group(self.identity, values) for values in largest[self.identity].itertuples(index=False)),
            ignore_nulls=False,
        )
        return self.frame.with_columns((~kept).alias(REST))

    def name(self, groups: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of `by` for each group: keys as text, and the label in the latest event of each key."""
        named = pd.DataFrame(index=groups.index)
        for dimension in self.dimensions:
            named[dimension.key] = self._text(dimension.group_key, groups[dimension.group_key])
            if dimension.label:
                latest = groups[dimension.group_key].map(self._latest_labels(dimension)).astype("str")
                named[dimension.label] = latest.fillna(self._text(dimension.stand_in, groups[dimension.stand_in]))
        if REST in groups:
            named[groups[REST].astype("bool")] = OTHER
        return named

    def _latest_labels(self, dimension: Dimension) -> pd.Series:
        """Map each key to the label in its latest event. Of two labels with the same date, take the greater one."""
        key, label = dimension.group_key, dimension.group_label
        if self.is_in_memory:
            groups = Groups.of(self._native, [key])
            latest = groups.find_latest(label).set_axis(groups.keys[key])
            return latest[latest.index.notna()]
        uses = self.count([key, label]).dropna(subset=[key, label])
        newest = uses.sort_values(["last", label], na_position="first").drop_duplicates(key, keep="last")
        return newest.set_index(key)[label]

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
        value = int(value)  # pandas turns a column of integers with nulls into floats
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def _restored(values: pd.Series, kind: Any) -> pd.Series:
    """Restore a type that changed on the way to pandas, such as integers with nulls that became floats."""
    if kind.is_integer():
        return values.astype("Int64")
    if kind == nw.Boolean:
        return values.astype("boolean")
    if kind == nw.Date:
        days = pd.to_datetime(values)
        return days.dt.date.astype("object").where(days.notna(), None)
    return values


def collect(query: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Run a query in its engine, and return the result in pandas, with dates in UTC."""
    groups: pd.DataFrame = query.collect().to_pandas()
    for name in groups.columns:
        if isinstance(groups[name].dtype, pd.DatetimeTZDtype):
            groups[name] = groups[name].astype("datetime64[us, UTC]")
    return groups


def rank(groups: pd.DataFrame, identity: list[str]) -> pd.DataFrame:
    """Sort groups by events, largest first, then by key, with null keys last. The combined group is at the end."""
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
