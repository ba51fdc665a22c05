"""The metadata in a Parquet file's footer: the schema's version, the receipt and the frame's `attrs`.

Two keys hold them. ``te_audit_frames`` is JSON with `schema_version` and `receipt`, for any reader of Parquet.
``PANDAS_ATTRS`` is where pandas keeps `DataFrame.attrs`, so that plain `pandas.read_parquet` restores them. There is no
``pandas`` key, because pandas and Dask fail on `resources` if that key names the columns.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any

from te_audit_frames.errors import DamagedFile, InvalidArgument, NotAnAuditFrame
from te_audit_frames.receipt_json import fault_of
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, SCHEMA_VERSION

_PANDAS_ATTRS = "PANDAS_ATTRS"

REWRITE_ADVICE = "Restore it from a backup, or fetch its events again and write a new file."
"""Advice for errors about a file that is damaged or was not written by this package."""

Attrs = dict[Hashable | None, Any]
"""The type that pandas gives `DataFrame.attrs`."""


def dump_metadata(attrs: Mapping[Hashable | None, Any]) -> dict[str, str]:
    """Return a frame's `attrs` as the key-value pairs of a footer.

    Parameters
    ----------
    attrs : mapping
        Plain JSON types.

    Returns
    -------
    dict of str to str
        These two keys, and Arrow's own key with the schema.

    Raises
    ------
    InvalidArgument
        `attrs` has a value that plain JSON cannot hold.

    Examples
    --------
    >>> from te_audit_frames.storage.metadata import dump_metadata
    >>> dump_metadata({})["te_audit_frames"]
    '{"schema_version": 1, "receipt": null}'
    """
    return _dump_metadata(attrs) if attrs else _metadata_of_no_attrs().copy()


@cache
def _metadata_of_no_attrs() -> dict[str, str]:
    """Return the metadata without `attrs`. It is made only once, because an archive has thousands of files with it."""
    return _dump_metadata({})


def _dump_metadata(attrs: Mapping[Hashable | None, Any]) -> dict[str, str]:
    try:
        stamp = _json({"schema_version": SCHEMA_VERSION, "receipt": attrs.get(ATTRS_KEY)})
        ours = {ATTRS_KEY: stamp, _PANDAS_ATTRS: _json(attrs)}
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"events.attrs: a file can keep only plain JSON: {error}; remove the value") from None
    # Arrow passes key-value pairs to readers such as pandas only if they are in this serialised schema.
    schema = ARROW_SCHEMA.with_metadata(ours).serialize().to_pybytes()
    return ours | {"ARROW:schema": base64.b64encode(schema).decode()}


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def load_attrs(footer: Mapping[bytes, bytes], *, file: str) -> Attrs:
    """Read a frame's `attrs` from a footer.

    Parameters
    ----------
    footer : mapping of bytes to bytes
        The key-value pairs of a Parquet file, written by this package or by another tool.
    file : str
        The file's name, for messages.

    Returns
    -------
    dict
        Empty if the file has none.

    Raises
    ------
    DamagedFile
        The pairs cannot be read.
    NotAnAuditFrame
        A newer version wrote the file.

    Examples
    --------
    >>> from te_audit_frames.storage.metadata import load_attrs
    >>> load_attrs({b"te_audit_frames": b'{"schema_version": 99}'}, file="events.parquet")
    Traceback (most recent call last):
        ...
    te_audit_frames.errors.NotAnAuditFrame: events.parquet was written by a newer te_audit_frames ...
    """
    version = _object(footer, ATTRS_KEY, file).get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise NotAnAuditFrame(
            f"{file} was written by a newer te_audit_frames (schema version {version}, this one reads up to "
            f"{SCHEMA_VERSION}); upgrade with: pip install -U te-audit-frames"
        )
    attrs = _object(footer, _PANDAS_ATTRS, file)
    stored = attrs.get(ATTRS_KEY)
    if stored is not None and (problem := fault_of(stored)):
        raise DamagedFile(f"{file} is damaged: the receipt in its footer cannot be read: {problem}. {REWRITE_ADVICE}")
    return attrs


def _object(footer: Mapping[bytes, bytes], key: str, file: str) -> Attrs:
    try:
        parsed = json.loads(footer.get(key.encode(), b"{}"))
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise DamagedFile(f"{file} is damaged: {key} in its footer is not a JSON object. {REWRITE_ADVICE}")
    return parsed
