"""The columns of events: their Arrow and pandas types, conversions between the two, and the order of rows.

The column names are those of `UserEvent` in the official SDK. The fields are those of `UserEvent` in the published
OpenAPI document 7.0.85.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import NotAnAuditFrame

SCHEMA_VERSION = 1
"""The version that is written into every file. It changes if a column or a type changes."""

ATTRS_KEY = "te_audit_frames"
"""The key of the receipt in `events.attrs` and in the footer of a Parquet file."""

DIRECTORY_KEY = "te_audit_frames_directory"
"""The key of the receipt of people and account groups, which has other fields."""

RESOURCES = pa.list_(pa.struct([("type", pa.large_string()), ("name", pa.large_string())]))

# Microseconds, because Spark and Athena refuse nanoseconds. large_string, because the pandas dtype `str` stores text in
# this type, so nothing is copied.
ARROW_SCHEMA = pa.schema(
    [
        ("date", pa.timestamp("us", tz="UTC")),
        ("aid", pa.large_string()),
        ("account_group_name", pa.large_string()),
        ("event", pa.large_string()),
        ("uid", pa.large_string()),
        ("user", pa.large_string()),
        ("ip_address", pa.large_string()),
        ("resources", RESOURCES),
        ("extra", pa.large_string()),
    ]
)

SOURCES = "Events come from fetch_events(), read_pages() or read_parquet()."
"""Advice for errors about frames that lack audit columns."""

CORES = os.cpu_count() or 1

ROWS_FOR_THREADS = 200_000
"""From this many rows, columns are sorted in parallel. With fewer, starting the threads takes longer than the work."""

COLUMNS: tuple[str, ...] = tuple(ARROW_SCHEMA.names)

# The API's fields and their columns. All other fields go to `extra`.
FIELDS: dict[str, str] = {
    "date": "date",
    "aid": "aid",
    "accountGroupName": "account_group_name",
    "event": "event",
    "uid": "uid",
    "user": "user",
    "ipAddress": "ip_address",
    "resources": "resources",
}


def to_events(table: pa.Table) -> pd.DataFrame:
    """Return Arrow events as an audit frame, without copying text.

    Parameters
    ----------
    table : pyarrow.Table
        Events in `ARROW_SCHEMA`, or a selection of its columns.

    Returns
    -------
    pandas.DataFrame
        The same rows and columns: `date` as ``datetime64[us, UTC]``, text as ``str``, `resources` as an `ArrowDtype`
        of lists of structs.

    Examples
    --------
    >>> from te_audit_frames.schema import ARROW_SCHEMA, to_events
    >>> to_events(ARROW_SCHEMA.empty_table()).dtypes["date"]
    datetime64[us, UTC]
    """
    columns: dict[str, pd.Series] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if name == "date":
            columns[name] = pd.Series(column.to_pandas(), dtype="datetime64[us, UTC]")
        elif name == "resources":
            columns[name] = pd.Series(pd.arrays.ArrowExtensionArray(column))
        else:
            columns[name] = pd.Series(pd.array(column, dtype="str"))
    return pd.DataFrame(columns, columns=list(table.column_names))


def to_arrow(events: pd.DataFrame) -> pa.Table:
    """Return an audit frame as Arrow events in the pinned schema.

    Parameters
    ----------
    events : pandas.DataFrame
        A frame with every column of events. Other columns are left out.

    Returns
    -------
    pyarrow.Table
        The same rows in `ARROW_SCHEMA`, without pandas metadata.

    Raises
    ------
    NotAnAuditFrame
        A column is missing, or has values that its type cannot hold.

    Examples
    --------
    >>> from te_audit_frames.schema import ARROW_SCHEMA, to_arrow, to_events
    >>> to_arrow(to_events(ARROW_SCHEMA.empty_table())).schema == ARROW_SCHEMA
    True
    """
    require_columns(events.columns, COLUMNS)
    arrays = []
    for field in ARROW_SCHEMA:
        try:
            arrays.append(pa.chunked_array([], field.type) if events.empty else _column(events[field.name], field))
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise NotAnAuditFrame(
                f"column {field.name!r} of dtype {events[field.name].dtype} cannot be stored as {field.type}: {error}. "
                f"{SOURCES}"
            ) from None
    return pa.Table.from_arrays(arrays, schema=ARROW_SCHEMA)


def _column(series: pd.Series, field: pa.Field) -> pa.ChunkedArray:
    array = pa.array(series, type=field.type, from_pandas=True)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def require_columns(present: object, needed: tuple[str, ...] | list[str], *, what: str = "frame") -> None:
    """Raise `NotAnAuditFrame` if columns are missing.

    Parameters
    ----------
    present : iterable of str
        The column names at hand.
    needed : sequence of str
        The column names that must be among them.
    what : str
        The owner of the columns in the message: ``"frame"`` or the name of a file.

    Raises
    ------
    NotAnAuditFrame
        A column is missing. `.missing` lists the missing columns.

    Examples
    --------
    >>> from te_audit_frames.schema import require_columns
    >>> require_columns(["date", "uid"], ("date",))
    """
    names = {str(name) for name in present}  # type: ignore[attr-defined]
    missing = [name for name in dict.fromkeys(needed) if name not in names]
    if missing:
        raise NotAnAuditFrame(
            f"this {what} does not hold audit events: it has no column {', '.join(map(repr, missing))}. {SOURCES}",
            missing=missing,
        )


def in_order(batches: list[pa.RecordBatch]) -> pa.Table:
    """Return batches as one table, sorted by date.

    Events without a date come last. Events with the same date are sorted by their other columns, so that the same
    events always make the same frame, however they were fetched.

    Parameters
    ----------
    batches : list of pyarrow.RecordBatch
        Events in `ARROW_SCHEMA`. The list is emptied, so that the events are in memory only once.

    Returns
    -------
    pyarrow.Table
        The rows of all batches in `ARROW_SCHEMA`.

    Examples
    --------
    >>> from te_audit_frames.schema import in_order
    >>> in_order([]).num_rows
    0
    """
    table = pa.Table.from_batches(batches, schema=ARROW_SCHEMA)
    batches.clear()
    order = _order(table)
    if order is None:
        return table
    if table.num_rows < ROWS_FOR_THREADS:
        return table.combine_chunks().take(order)
    waiting: list[Any] = table.columns
    del table
    pa.default_memory_pool().release_unused()  # gives back what the parser used, before the columns are copied

    def take(position: int) -> pa.Array:
        column, waiting[position] = waiting[position].combine_chunks(), None
        return column.take(order)

    with ThreadPoolExecutor(CORES) as pool:
        return pa.Table.from_arrays(list(pool.map(take, range(len(COLUMNS)))), schema=ARROW_SCHEMA)


def _order(table: pa.Table) -> npt.NDArray[np.int64] | None:
    """Return the positions of the rows in sorted order. None if they are sorted already."""
    dates = table["date"].cast(pa.int64())
    micros = pc.fill_null(dates, np.iinfo(np.int64).max).to_numpy() if dates.null_count else dates.to_numpy()
    if (micros[1:] > micros[:-1]).all():
        return None
    order = np.argsort(micros, kind="stable")
    ranked = micros[order]
    ties = np.flatnonzero(ranked[1:] == ranked[:-1])
    if len(ties):
        # Few events share their date with another. Only these are compared by all columns.
        is_tied = np.zeros(len(order), dtype=np.bool_)
        is_tied[ties] = is_tied[ties + 1] = True
        tied = np.flatnonzero(is_tied)
        rows = table.take(order[tied])
        keys = rows.drop_columns("resources").append_column("resources", as_text(rows["resources"]))
        order[tied] = order[tied][pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])]
    return None if (np.diff(order) == 1).all() else order


def as_text(resources: pa.ChunkedArray) -> pa.Array:
    """Return a text for each list of resources. Different lists give different texts."""
    lists = resources.combine_chunks()
    parts = []
    for member in lists.values.flatten():
        # NUL and a digit stand for what is not plain text: 1 for the separator, 2 for a null, 3 for a NUL in the text.
        escaped = pc.fill_null(pc.replace_substring(member, "\0", "\0" + "3"), "\0" + "2")
        each = pa.ListArray.from_arrays(lists.offsets, escaped.cast(pa.string()))
        parts.append(pc.binary_join(each, "\0" + "1"))
    length = pc.list_value_length(lists).cast(pa.string())
    return pc.if_else(lists.is_null(), None, pc.binary_join_element_wise(length, *parts, "\0" + "1"))
