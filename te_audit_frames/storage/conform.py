"""Conversion of frames, and of columns that other tools wrote, to rows in the schema of events.

`frame_to_rows` is for writing, `cast_columns` for reading.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_arrow
from te_audit_frames.storage.metadata import REWRITE_ADVICE

# Some writers store text as plain bytes. The cast checks that they are UTF-8.
_TEXT = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary())


def frame_to_rows(events: pd.DataFrame) -> pa.Table:
    """Convert a frame to the rows of a file, and refuse a frame that a file would not keep in full.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.

    Returns
    -------
    pyarrow.Table
        In `ARROW_SCHEMA`, in ascending `date` (UTC, microseconds). Events with equal dates keep their order, and events
        without a date come last.

    Raises
    ------
    NotAnAuditFrame
        A column of events is missing or has values of another type, such as dates without a time zone.
    InvalidArgument
        The frame has further columns, a column twice, or a named index.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.schema import ARROW_SCHEMA, to_events
    >>> from te_audit_frames.storage.conform import frame_to_rows
    >>> events = to_events(ARROW_SCHEMA.empty_table())
    >>> frame_to_rows(events.assign(weekday="Monday"))
    Traceback (most recent call last):
        ...
    te_audit_frames.errors.InvalidArgument: events: ... lose column 'weekday'; ...
    """
    _refuse_what_would_be_lost(events)
    dates = events["date"].dtype if "date" in events else None
    if dates is not None and pd.api.types.is_datetime64_dtype(dates):
        raise NotAnAuditFrame(
            "column 'date' has no time zone, so its instants are not known; set it, for example: "
            'events["date"] = events["date"].dt.tz_localize("UTC")'
        )
    return sort_by_date(to_arrow(events))


def _refuse_what_would_be_lost(events: pd.DataFrame) -> None:
    further = [name for name in events.columns if name not in COLUMNS]
    if further:
        raise InvalidArgument(
            f"events: a file of events would lose column {', '.join(map(repr, further))}; leave it out with "
            f"events.drop(columns={further}), or write the wider frame with pandas"
        )
    if not events.columns.is_unique:
        twice = list(events.columns[events.columns.duplicated()])
        raise InvalidArgument(
            f"events: column {', '.join(map(repr, twice))} is there twice; keep one with "
            "events.loc[:, ~events.columns.duplicated()]"
        )
    named = [name for name in events.index.names if name is not None]
    if named:
        raise InvalidArgument(
            f"events: a file of events would lose the index {', '.join(map(repr, named))}; make it a column again with "
            "events.reset_index(), or leave it out with events.reset_index(drop=True)"
        )


def sort_by_date(table: pa.Table) -> pa.Table:
    """Sort rows by `date`, with null dates last. Equal dates keep their order. Sorted rows are returned unchanged."""
    dates = table["date"]
    if dates.null_count == 0:
        micros = dates.cast(pa.int64()).to_numpy()
        if (micros[:-1] <= micros[1:]).all():
            return table
    return table.take(pc.sort_indices(dates))


def cast_columns(table: pa.Table, *, file: str) -> pa.Table:
    """Cast columns that another tool wrote to the types of `ARROW_SCHEMA`.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of events, in the same or equivalent types: text of any width or dictionary encoding, timestamps of any
        unit and zone, integers for identifiers.
    file : str
        The file's name, for messages.

    Returns
    -------
    pyarrow.Table
        The same columns and rows, in the types of `ARROW_SCHEMA`.

    Raises
    ------
    NotAnAuditFrame
        A column has a type that is not equivalent, or a value that would be lost.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from te_audit_frames.storage.conform import cast_columns
    >>> cast_columns(pa.table({"aid": [1234, 5678]}), file="events.parquet").schema.field("aid").type
    DataType(large_string)
    """
    fields = [ARROW_SCHEMA.field(name) for name in table.column_names]
    columns = [_cast(column, field, file) for field, column in zip(fields, table.columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _cast(column: pa.ChunkedArray, field: pa.Field, file: str) -> pa.ChunkedArray:
    if column.type == field.type:
        return column
    reason = f"its type is {column.type}"
    if _is_equivalent(column.type, field.type):
        try:
            return column.cast(field.type)
        except pa.ArrowException as error:
            reason = str(error)
    raise NotAnAuditFrame(f"{file}: column {field.name!r} cannot be read as {field.type}: {reason}. {REWRITE_ADVICE}")


def _is_equivalent(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _is_equivalent(found.value_type, wanted)
    if pa.types.is_null(found):  # pandas writes this type for a column in which every value is None
        return True
    text = found in _TEXT
    if pa.types.is_timestamp(wanted):
        # Text is allowed, because the cast requires an offset. A timestamp without a zone is ambiguous.
        return text or (pa.types.is_timestamp(found) and found.tz is not None)
    if pa.types.is_large_string(wanted):
        # Floats are not allowed: the identifier 1234 would become "1234.0".
        return text or bool(pa.types.is_integer(found))
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found))
