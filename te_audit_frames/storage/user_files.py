"""Files of people: Parquet, which any engine and `read_users` can read, and CSV and JSON Lines for other tools."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from te_audit_frames.directory_receipts import fault_of
from te_audit_frames.errors import DamagedFile, InvalidArgument
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import harmless_cell, harmless_json
from te_audit_frames.schema import DIRECTORY_KEY
from te_audit_frames.storage.atomic import FilePath, atomic_write, foreign_errors, locate
from te_audit_frames.storage.day_file import UNSEALED, find_damage, seal_file
from te_audit_frames.users import USERS_SCHEMA, USERS_VERSION, to_frame, to_users_table

_PANDAS_ATTRS = "PANDAS_ATTRS"
"""Where pandas keeps `DataFrame.attrs`, so that plain `pandas.read_parquet` restores them."""

_COLUMNS = USERS_SCHEMA.names


def write_users(users: pd.DataFrame, path: FilePath) -> None:
    """Write people to one Parquet file that DuckDB, Polars, Arrow and pandas read with the right types.

    After a crash, or if the disk is full, the old file is still there. The index is not kept.

    Parameters
    ----------
    users : pandas.DataFrame
        People, from `fetch_users` or `Archive.users`.
    path : str or PathLike
        The file to write. Its folder must exist. On the local disk, it is readable by its owner only (0600). A URI
        such as ``s3://bucket/users.parquet`` works too.

    Raises
    ------
    InvalidArgument
        A column of people is missing or has values of another type; or the frame has further columns, which the file
        would lose.
    FileError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api:
    ...     users = taf.Client(token=api.token, base_url=api.url).fetch_users()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     taf.write_users(users, f"{folder}/users.parquet")
    ...     taf.read_users(f"{folder}/users.parquet").equals(users)
    True
    """
    content = dump_users(_rows(users), _receipt_in(users))
    with atomic_write(path) as file:
        file.write(content)


def read_users(path: FilePath) -> pd.DataFrame:
    """Read people from one Parquet file, as the frame that was written.

    Parameters
    ----------
    path : str or PathLike
        The file. A URI such as ``s3://bucket/users.parquet`` works too.

    Returns
    -------
    pandas.DataFrame
        As `fetch_users` returns it, receipt included.

    Raises
    ------
    DamagedFile
        The file is damaged, or is not a file of people that this package wrote.
    MissingFile, FileError
        There is no such file, or it cannot be read.

    Examples
    --------
    See `write_users`.

    >>> import te_audit_frames as taf
    >>> taf.read_users("nowhere.parquet")
    Traceback (most recent call last):
        ...
    te_audit_frames.errors.MissingFile: ...
    """
    target_fs, name = locate(path)
    with foreign_errors(name), target_fs.open_input_file(os.fsencode(name)) as source:
        content = source.read()
    rows, receipt = load_users(content, file=name)
    return frame_of(rows, receipt)


def frame_of(rows: pa.Table, receipt: Mapping[str, Any] | None) -> pd.DataFrame:
    """Return people as a frame that carries its receipt."""
    users = to_frame(rows)
    if receipt is not None:
        users.attrs[DIRECTORY_KEY] = dict(receipt)
    return users


def dump_users(rows: pa.Table, receipt: Mapping[str, Any] | None) -> bytes:
    """Return people and their receipt as the bytes of a sealed Parquet file.

    Examples
    --------
    >>> from te_audit_frames.storage.user_files import dump_users, load_users
    >>> from te_audit_frames.users import USERS_SCHEMA
    >>> load_users(dump_users(USERS_SCHEMA.empty_table(), None), file="users.parquet")[0].num_rows
    0
    """
    stamp = {
        DIRECTORY_KEY: json.dumps({"schema_version": USERS_VERSION, "receipt": receipt}),
        _PANDAS_ATTRS: json.dumps({} if receipt is None else {DIRECTORY_KEY: receipt}),
    }
    # Arrow passes key-value pairs to readers such as pandas only if they are in this serialised schema.
    schema = USERS_SCHEMA.with_metadata(stamp).serialize().to_pybytes()
    file = io.BytesIO()
    with pq.ParquetWriter(
        file, USERS_SCHEMA, compression="zstd", store_schema=False, write_page_checksum=True
    ) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({**stamp, "ARROW:schema": base64.b64encode(schema).decode(), **UNSEALED})
    return seal_file(file.getvalue())


def load_users(content: bytes, *, file: str) -> tuple[pa.Table, dict[str, Any] | None]:
    """Return the people and the receipt in a file that `dump_users` made.

    Raises
    ------
    DamagedFile
        The file has changed since it was written, or another program or a newer version of this package wrote it.
    """
    if DIRECTORY_KEY.encode() not in content:
        raise DamagedFile(
            f"{file}: it is not a file of people as this package writes them. write_users(), or on the command line "
            "te-audit-frames users -o FILE, makes one."
        )
    # The digest is checked before anything is parsed: some damaged files make Arrow end the process.
    if problem := find_damage(content):
        raise DamagedFile(f"{file}: {problem}. Restore it from a backup, or fetch the people again.")
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        stamp = json.loads((parquet.metadata.metadata or {})[DIRECTORY_KEY.encode()])
        if stamp["schema_version"] > USERS_VERSION:
            raise DamagedFile(
                f"{file} was written by a newer te_audit_frames; upgrade with: pip install -U te-audit-frames"
            )
        rows = parquet.read(columns=_COLUMNS).select(_COLUMNS)
        receipt = stamp["receipt"]
        if receipt is None or not fault_of(receipt):
            return pa.Table.from_arrays(rows.columns, schema=USERS_SCHEMA), receipt
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"{file}: it does not hold people as this package writes them ({error}).") from None
    raise DamagedFile(f"{file}: its receipt cannot be read: {fault_of(receipt)}.")


def _rows(users: pd.DataFrame) -> pa.Table:
    if lost := [str(name) for name in users.columns if name not in _COLUMNS]:
        raise InvalidArgument(f"users: a file of people would lose column {lost[0]!r}; drop it first.")
    return to_users_table(users)


def _receipt_in(users: pd.DataFrame) -> dict[str, Any] | None:
    receipt = users.attrs.get(DIRECTORY_KEY)
    if receipt is not None and (fault := fault_of(receipt)):
        raise InvalidArgument(f"users: the receipt in users.attrs[{DIRECTORY_KEY!r}] is damaged: {fault}.")
    return receipt


# ---- CSV and JSON Lines ----------------------------------------------------------------------------------------------


def write_users_csv(users: pd.DataFrame, path: FilePath, *, raw: bool = False) -> None:
    """Write people as CSV (UTF-8), one line per person. `memberships` is JSON, and null is an empty cell.

    Parameters
    ----------
    users : pandas.DataFrame
        People, from `fetch_users` or `Archive.users`.
    path : str or PathLike
        The file to write. It is replaced whole, and readable by its owner only (0600).
    raw : bool, default False
        Don't escape cells that a spreadsheet would run as formulas.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(value, raw=raw) for value in row.values()] for row in _plain_rows(users))
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def write_users_jsonl(users: pd.DataFrame, path: FilePath) -> None:
    """Write people as JSON Lines (UTF-8), one object per person.

    Parameters
    ----------
    users : pandas.DataFrame
        People, from `fetch_users` or `Archive.users`.
    path : str or PathLike
        The file to write. It is replaced whole, and readable by its owner only (0600).
    """
    with atomic_write(path) as file:
        for row in _plain_rows(users):
            file.write((json.dumps(row, ensure_ascii=False) + "\n").encode())


def _plain_rows(users: pd.DataFrame) -> list[dict[str, Any]]:
    instants = [field.name for field in USERS_SCHEMA if pa.types.is_timestamp(field.type)]
    rows: list[dict[str, Any]] = _rows(users).to_pylist()
    return [row | {name: iso(row[name]) for name in instants if row[name] is not None} for row in rows]


def _cell(value: Any, *, raw: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value if raw else harmless_cell(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if raw else harmless_json(text)
