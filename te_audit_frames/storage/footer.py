"""What a Parquet file's footer says of its events: the schema's version, the receipt and the frame's `attrs`.

It holds two keys of ours. ``te_audit_frames`` is JSON with `schema_version` and `receipt`, for any reader of Parquet.
``PANDAS_ATTRS`` is where pandas keeps `DataFrame.attrs`, so that plain `pandas.read_parquet` restores them. There
is no ``pandas`` key: one that names the columns makes pandas and Dask stumble over `resources`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Mapping
from datetime import datetime, timedelta
from typing import Any

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, SCHEMA_VERSION

_PANDAS_ATTRS = "PANDAS_ATTRS"

AFRESH = "Take it from a backup, or fetch its events again and write it afresh."
"""What an error advises over a file that is damaged or not ours."""

Attrs = dict[Hashable | None, Any]
"""As pandas types `DataFrame.attrs`."""


def footer_of(attrs: Mapping[Hashable | None, Any]) -> dict[str, str]:
    """Write a frame's `attrs` as the key-value pairs of a footer.

    Parameters
    ----------
    attrs : mapping
        Plain JSON types.

    Returns
    -------
    dict of str to str
        Our two keys, and Arrow's own, which holds the schema.

    Raises
    ------
    InvalidArgument
        `attrs` hold something that JSON does not.

    Examples
    --------
    >>> from te_audit_frames.storage.footer import footer_of
    >>> footer_of({})["te_audit_frames"]
    '{"schema_version": 1, "receipt": null}'
    """
    try:
        stamp = _json({"schema_version": SCHEMA_VERSION, "receipt": attrs.get(ATTRS_KEY)})
        ours = {ATTRS_KEY: stamp, _PANDAS_ATTRS: _json(attrs)}
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgument(f"events.attrs: only plain JSON can be kept in a file, not this: {error}") from None
    # Arrow hands key-value pairs on to its readers, pandas among them, only from within this serialised schema.
    schema = ARROW_SCHEMA.with_metadata(ours).serialize().to_pybytes()
    return ours | {"ARROW:schema": base64.b64encode(schema).decode()}


def _json(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def attrs_in(footer: Mapping[bytes, bytes], *, file: str) -> Attrs:
    """Read the frame's `attrs` from a footer, if this version understands the file.

    Parameters
    ----------
    footer : mapping of bytes to bytes
        The key-value pairs of a Parquet file, of ours or of another tool's.
    file : str
        The file's name, for messages.

    Returns
    -------
    dict
        Empty where the file has none.

    Raises
    ------
    NotAnAuditFrame
        A newer version wrote the file, or the pairs are damaged.

    Examples
    --------
    >>> from te_audit_frames.storage.footer import attrs_in
    >>> attrs_in({b"te_audit_frames": b'{"schema_version": 99}'}, file="events.parquet")
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
    if problem := _fault_of(attrs.get(ATTRS_KEY)):
        raise NotAnAuditFrame(f"{file} is damaged: the receipt in its footer cannot be read: {problem}. {AFRESH}")
    return attrs


def _object(footer: Mapping[bytes, bytes], key: str, file: str) -> Attrs:
    try:
        parsed = json.loads(footer.get(key.encode(), b"{}"))
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise NotAnAuditFrame(f"{file} is damaged: {key} in its footer is not a JSON object. {AFRESH}")
    return parsed


_TEXTS = (str,)
_NUMBERS = (int, float)
_KINDS: dict[str, tuple[type, ...]] = {
    "source": _TEXTS,
    "requested": (dict,),
    "resolved": (dict, type(None)),
    "scope": (dict,),
    "complete": (bool,),
    "events": (int,),
    "pages": (int,),
    "requests": (int,),
    "retries": (int,),
    "throttled": (int,),
    "waited_seconds": _NUMBERS,
    "undated": (int,),
    "coerced": (int,),
    "order": _TEXTS,
    "account_groups": (dict,),
    "checked": (dict,),
    "fetched_at": _TEXTS,
    "versions": (dict,),
    "notes": (list,),
}
"""What each field of a receipt is in JSON. What a later version adds is not looked at."""


def _fault_of(plain: Any) -> str | None:
    """Tell why a stored receipt is none that this package wrote; None if nothing is wrong."""
    if plain is None:
        return None
    if not isinstance(plain, dict):
        return "it is not a JSON object"
    for name in ("source", "requested", "resolved", "scope", "complete", "events", "pages"):
        if name not in plain:
            return f"it has no {name!r}"
    for name, kinds in _KINDS.items():
        value = plain.get(name, kinds[0]())
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return f"its {name!r} is of the wrong type, {type(value).__name__}"
    if not all(
        isinstance(count, int) and not isinstance(count, bool) for count in plain.get("account_groups", {}).values()
    ):
        return "its 'account_groups' are not all counted"
    if not all(isinstance(note, str) for note in plain.get("notes", [])):
        return "its 'notes' are not all text"
    resolved = plain["resolved"]
    if resolved is not None and not _is_period(resolved):
        return "its 'resolved' is not a period"
    fetched_at = plain.get("fetched_at", "")
    return None if fetched_at == "" or _instant(fetched_at) else "its 'fetched_at' is not a moment in UTC"


def _is_period(resolved: Mapping[str, Any]) -> bool:
    start, end = _instant(resolved.get("start")), _instant(resolved.get("end"))
    return start is not None and end is not None and start <= end


def _instant(text: Any) -> datetime | None:
    """Read a moment with a zone, with room for a few days' arithmetic; None if it is not one."""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.utcoffset() == timedelta(0) and 1 < moment.year < datetime.max.year else None
    except (TypeError, ValueError):
        return None
