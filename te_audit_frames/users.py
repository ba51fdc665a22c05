"""Frames of people and of account groups: their columns, their Arrow and pandas types, and one row per membership."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument

USERS_VERSION = 1
"""The version that is written into every file of people. It changes if a column or a type changes."""

_INSTANT = pa.timestamp("us", tz="UTC")
_TEXT = pa.large_string()
_ROLES = pa.list_(_TEXT)

MEMBERSHIPS = pa.list_(pa.struct([("aid", _TEXT), ("account_group_name", _TEXT), ("roles", _ROLES)]))

USERS_SCHEMA = pa.schema(
    [
        ("uid", _TEXT),
        ("name", _TEXT),
        ("email", _TEXT),
        ("memberships", MEMBERSHIPS),
        ("is_admin", pa.bool_()),
        ("registered", _INSTANT),
        ("last_login", _INSTANT),
        ("fetched_at", _INSTANT),
        ("roles_fetched_at", _INSTANT),
    ]
)

ACCOUNT_GROUPS_SCHEMA = pa.schema(
    [
        ("aid", _TEXT),
        ("account_group_name", _TEXT),
        ("organization_name", _TEXT),
        ("org_id", _TEXT),
        ("is_current_account_group", pa.bool_()),
        ("is_default_account_group", pa.bool_()),
        ("fetched_at", _INSTANT),
    ]
)


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return Arrow rows as a frame of people or of account groups.

    Parameters
    ----------
    table : pyarrow.Table
        Rows in `USERS_SCHEMA` or `ACCOUNT_GROUPS_SCHEMA`.

    Returns
    -------
    pandas.DataFrame
        The same rows and columns: text as ``str``, flags as ``boolean``, instants as ``datetime64[us, UTC]``, lists
        as their `ArrowDtype`.

    Examples
    --------
    >>> from te_audit_frames.users import USERS_SCHEMA, to_frame
    >>> to_frame(USERS_SCHEMA.empty_table()).dtypes["is_admin"]
    BooleanDtype
    """
    columns: dict[str, pd.Series] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.type == _TEXT:
            columns[field.name] = pd.Series(pd.array(column, dtype="str"))
        elif field.type == _INSTANT:
            columns[field.name] = pd.Series(column.to_pandas(), dtype="datetime64[us, UTC]")
        elif field.type == pa.bool_():
            columns[field.name] = pd.Series(pd.array(column.to_pylist(), dtype="boolean"))
        else:
            columns[field.name] = pd.Series(pd.arrays.ArrowExtensionArray(column))
    return pd.DataFrame(columns, columns=table.column_names)


def to_users_table(users: pd.DataFrame) -> pa.Table:
    """Return a frame of people as Arrow rows in the pinned schema.

    Parameters
    ----------
    users : pandas.DataFrame
        People with every column of `USERS_SCHEMA`; further columns are left out.

    Returns
    -------
    pyarrow.Table
        The same rows in `USERS_SCHEMA`.

    Raises
    ------
    InvalidArgument
        A column is missing, or has values that its type cannot hold.

    Examples
    --------
    >>> from te_audit_frames.users import USERS_SCHEMA, to_frame, to_users_table
    >>> to_users_table(to_frame(USERS_SCHEMA.empty_table())).schema == USERS_SCHEMA
    True
    """
    return pa.Table.from_arrays([_column(users, field) for field in USERS_SCHEMA], schema=USERS_SCHEMA)


def explode_memberships(users: pd.DataFrame) -> pd.DataFrame:
    """Return one row per person and account group.

    As with `pandas.DataFrame.explode`, the rows of one person share an index label, and nobody disappears: a person
    without memberships, or with unknown ones, keeps one row.

    Parameters
    ----------
    users : pandas.DataFrame
        People, from `fetch_users` or `Archive.users`. Only `memberships` is required.

    Returns
    -------
    pandas.DataFrame
        One row per membership, in the order of `users`, under the person's index label. `aid`, `account_group_name`
        (both ``str``) and `roles` (`ArrowDtype` of a list of text) replace `memberships`; the other columns are
        repeated. The three are null for a person without a membership.

    Raises
    ------
    InvalidArgument
        The column `memberships` is missing, or does not hold lists of account groups with roles.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
    ...     users = client.fetch_users()
    >>> taf.explode_memberships(users)[["name", "account_group_name", "roles"]].iloc[0].tolist()
    ['Grace Nguyen', 'Network Operations', ['Account Admin', 'Regular User']]
    """
    if not isinstance(users, pd.DataFrame):
        raise InvalidArgument(
            f"users: {type(users).__name__} is not a frame of people. Pass what fetch_users() or Archive.users() "
            "returned."
        )
    if taken := [name for name in ("aid", "account_group_name", "roles") if name in users.columns]:
        raise InvalidArgument(
            f"users: the frame has a column {taken[0]!r} already, and this function adds one. Rename or drop yours."
        )
    lists = _column(users, pa.field("memberships", MEMBERSHIPS)).combine_chunks()
    counts = pc.fill_null(pc.list_value_length(lists), 0)
    # A person without memberships gets one that is null.
    padded = pc.if_else(pc.equal(counts, 0), pa.scalar([None], MEMBERSHIPS), lists)
    memberships = pc.list_flatten(padded)
    rows = users.take(pc.list_parent_indices(padded).to_numpy())
    place = list(rows.columns).index("memberships")
    roles = pd.arrays.ArrowExtensionArray(pa.chunked_array([pc.struct_field(memberships, "roles")]))
    rows.insert(place, "roles", pd.Series(roles, index=rows.index))
    for name in ("account_group_name", "aid"):
        rows.insert(place, name, pd.array(pc.struct_field(memberships, name), dtype="str"))
    return rows.drop(columns="memberships")


def _column(users: pd.DataFrame, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in users.columns:
        raise InvalidArgument(
            f"users: it has no column {field.name!r}. A frame of people comes from fetch_users() or Archive.users()."
        )
    try:
        # The type is given, since pyarrow cannot infer it from a column that is empty or all null.
        array = pa.array(users[field.name], type=field.type, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidArgument(
            f"users: column {field.name!r} of dtype {users[field.name].dtype} cannot be read as {field.type}: {error}. "
            "A frame of people comes from fetch_users() or Archive.users()."
        ) from None
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array], field.type)
