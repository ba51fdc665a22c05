"""Rows that are fit to be kept: every column of events in the pinned types, ascending by date, nothing else.

Both directions meet here: a frame on its way into a file, and a file's table on its way into a frame.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_arrow
from te_audit_frames.storage.metadata import REWRITE_ADVICE

# Some writers store text as mere bytes; the cast checks that they are UTF-8.
_TEXT = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary())


def frame_to_rows(events: pd.DataFrame) -> pa.Table:
    """Turn a frame into the rows that a file of events keeps, and refuse what such a file would lose.

    Parameters
    ----------
    events : pandas.DataFrame
        An audit frame.

    Returns
    -------
    pyarrow.Table
        In `ARROW_SCHEMA`, ascending by `date` (UTC, microseconds); events of one instant keep their order, events
        without a date come last.

    Raises
    ------
    NotAnAuditFrame
        A column of events is missing, or holds what its type cannot, such as dates without a time zone.
    InvalidArgument
        The frame has further columns, a column twice, or an index with a name.

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
            "column 'date' has no time zone, so its instants are not known; say which it is: "
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
            f"events: column {', '.join(map(repr, twice))} stands there twice; keep one with "
            "events.loc[:, ~events.columns.duplicated()]"
        )
    named = [name for name in events.index.names if name is not None]
    if named:
        raise InvalidArgument(
            f"events: a file of events would lose the index {', '.join(map(repr, named))}; make it a column again with "
            "events.reset_index(), or leave it out with events.reset_index(drop=True)"
        )


def sort_by_date(table: pa.Table) -> pa.Table:
    """Sort rows by `date`, stably, null dates last; rows that are so already are handed back as they are."""
    dates = table["date"]
    if dates.null_count == 0 and pc.all(pc.less_equal(dates[:-1], dates[1:]), min_count=0).as_py():
        return table
    return table.take(pc.sort_indices(dates))


def cast_columns(table: pa.Table, *, file: str) -> pa.Table:
    """Cast columns that another tool wrote to the types of `ARROW_SCHEMA`; a value that does not fit is an error.

    Parameters
    ----------
    table : pyarrow.Table
        A selection of the columns of events, in types that mean the same: text of any width or encoded as a
        dictionary, timestamps of any unit and zone, whole numbers for identifiers.
    file : str
        The file's name, for messages.

    Returns
    -------
    pyarrow.Table
        The same columns and rows, in the types of `ARROW_SCHEMA`.

    Raises
    ------
    NotAnAuditFrame
        A column has a type that does not mean the same, or a value that would be lost.

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
    reason = f"not as {column.type}"
    if _means_the_same(column.type, field.type):
        try:
            return column.cast(field.type)
        except pa.ArrowException as error:
            reason = str(error)
    raise NotAnAuditFrame(f"{file}: column {field.name!r} cannot be read as {field.type}: {reason}. {REWRITE_ADVICE}")


def _means_the_same(found: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_dictionary(found):
        return _means_the_same(found.value_type, wanted)
    if pa.types.is_null(found):  # what pandas writes for a column of objects that are all None
        return True
    text = found in _TEXT
    if pa.types.is_timestamp(wanted):
        # Text passes too: the cast insists on an offset. A timestamp without a zone could mean several instants.
        return text or (pa.types.is_timestamp(found) and found.tz is not None)
    if pa.types.is_large_string(wanted):
        # Not floats: an identifier 1234 that went through a float would come back as "1234.0".
        return text or bool(pa.types.is_integer(found))
    return bool(pa.types.is_list(found) or pa.types.is_large_list(found))
