"""The way from any dataframe library's frame of events to small groups in pandas.

The engine that holds the events groups them, through narwhals. pandas frames and Arrow tables have no engine of
their own: their text becomes numbers first, which Arrow groups many times faster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.analysis.dimensions import Dimension
from te_audit_frames.errors import InvalidRequest, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, require_columns

OTHER = "(other)"
"""What the group is called into which `top` folds everything that is not among the largest."""

REST = "beyond the top"
"""The grouping column that tells the folded group apart, also from events that are really called "(other)"."""

NAIVE = "column 'date' holds timestamps without a time zone. Say in which zone they are; those of events are in UTC."


@dataclass(frozen=True)
class Source:
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
    def of(cls, events: Any, dimensions: Sequence[Dimension]) -> Source:
        """Read the columns that `dimensions` need, and no others, from a frame of any library."""
        needed = ["date", *(column for dimension in dimensions for column in dimension.columns)]
        source = _in_memory(events, needed) if isinstance(events, pd.DataFrame | pa.Table) else _lazy(events, needed)
        stand_ins = [
            nw.when(nw.col(dimension.key).is_null()).then(nw.col(dimension.label)).alias(dimension.stand_in)
            for dimension in dimensions
            if dimension.label
        ]
        return replace(source, frame=source.frame.with_columns(*stand_ins) if stand_ins else source.frame)

    def dated(self) -> Source:
        """Leave out the events without a date."""
        return replace(self, frame=self.frame.filter(~nw.col("date").is_null()))

    def fold(self, identity: list[str], top: int | None) -> tuple[Source, list[str]]:
        """Make one group of all but the `top` largest; return the events, and by what to group them."""
        if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
            raise InvalidRequest(f"top: {top!r} is not a positive whole number. For example top=10.")
        if top is None or not identity:
            return self, identity
        groups = collect(self.frame.group_by(*identity).agg(nw.len().alias("events")))
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
        uses = collect(self.frame.group_by(key, label).agg(nw.col("date").max())).dropna(subset=[key, label])
        latest = uses.sort_values(["date", label], na_position="first").drop_duplicates(key, keep="last")
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


def _in_memory(events: pd.DataFrame | pa.Table, needed: list[str]) -> Source:
    require_columns(events.columns if isinstance(events, pd.DataFrame) else events.column_names, needed)
    with ThreadPoolExecutor() as pool:
        arrays = dict(zip(needed, pool.map(lambda name: _arrow(events[name], name), needed), strict=True))
        coded = dict(zip(needed[1:], pool.map(lambda name: _number(arrays[name]), needed[1:]), strict=True))
    columns = {"date": arrays["date"], **{name: numbers for name, (numbers, _) in coded.items()}}
    texts = {name: text for name, (_, text) in coded.items()}
    return Source(nw.from_native(pa.table(columns)).lazy(), texts)


def _arrow(column: pd.Series | pa.ChunkedArray, name: str) -> pa.Array:
    """Read a column as the type that events have, in one piece."""
    kind = ARROW_SCHEMA.field(name).type
    try:
        array = pa.array(column, from_pandas=True) if isinstance(column, pd.Series) else column
        if pa.types.is_timestamp(array.type) and array.type.tz is None:
            raise NotAnAuditFrame(NAIVE)
        array = array.cast(kind)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NotAnAuditFrame(f"column {name!r} cannot be read as {kind}: {error}") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _number(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Replace texts by numbers in their order, so that sorting numbers sorts texts; null stays null."""
    encoded = texts.dictionary_encode()
    order = pc.array_sort_indices(encoded.dictionary)
    numbers = np.empty(len(order), dtype="int32")
    numbers[order] = np.arange(len(order), dtype="int32")
    return pa.array(numbers).take(encoded.indices), encoded.dictionary.take(order)


def _lazy(events: Any, needed: list[str]) -> Source:
    try:
        frame = nw.from_native(events).lazy()
    except TypeError:
        raise InvalidRequest(
            f"events: a {type(events).__module__}.{type(events).__qualname__} cannot be counted. These can: pandas and "
            "Polars frames, PyArrow tables, DuckDB relations, Dask and PySpark frames."
        ) from None
    types = frame.collect_schema()
    require_columns(types.names(), needed)
    date = types["date"]
    if not isinstance(date, nw.Datetime):
        raise NotAnAuditFrame(f"column 'date' holds {date}, not timestamps")
    if date.time_zone is None:
        raise NotAnAuditFrame(NAIVE)
    texts = (
        nw.col(name) if isinstance(types[name], nw.String) else nw.col(name).cast(nw.String) for name in needed[1:]
    )
    return Source(frame.select(nw.col("date"), *texts))
