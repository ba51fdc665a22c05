"""The decoder: from the bytes of a page to a batch of events in the pinned Arrow schema.

There are two decoders, and they give the same result. The fast one, here, is `pyarrow.json` with the documented answer
as its schema; it works on the bytes and releases the interpreter's lock. Pages that it refuses go to `decode_fallback`,
for example pages with an unknown field, an integer in place of text, more than six fractional digits, or a repeated
key. Property tests check that the two agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from te_audit_frames.client.decode_fallback import decode_exactly, envelope_date
from te_audit_frames.client.page import Errors, Page, not_the_contract
from te_audit_frames.periods import epoch_micros
from te_audit_frames.schema import ARROW_SCHEMA, FIELDS

_LINK = pa.struct(
    [("href", pa.string()), ("templated", pa.bool_())]
    + [(name, pa.string()) for name in ("type", "deprecation", "name", "profile", "title", "hreflang")]
)
_ENVELOPE = pa.schema(
    [
        (
            "auditEvents",
            pa.list_(pa.struct([(field, ARROW_SCHEMA.field(name).type) for field, name in FIELDS.items()])),
        ),
        ("startDate", pa.string()),
        ("endDate", pa.string()),
        ("_links", pa.struct([("previous", _LINK), ("next", _LINK), ("self", _LINK)])),
    ]
)
_FIRST_DATE = datetime(1, 1, 1, tzinfo=UTC)
_LAST_DATE = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
# Not "infer": it crashes on deep nesting, and turns text that looks like a date into a timestamp.
_PARSE = arrow_json.ParseOptions(explicit_schema=_ENVELOPE, unexpected_field_behavior="error")


def decode_page(raw: bytes, *, name: str, errors: Errors = "raise") -> Page:
    """Decode one answer of the API.

    Parameters
    ----------
    raw : bytes
        The body: UTF-8 JSON with `auditEvents`.
    name : str
        The page's name in messages: its number, or its file.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold: raise, or keep it in `extra` and count it.

    Returns
    -------
    Page
        The page, with every event of the answer.

    Raises
    ------
    DecodeError
        The answer breaks the API's contract (`.event` is None), or a column cannot hold a value (`.event` is the
        position of its event, from 0).

    Examples
    --------
    >>> from te_audit_frames.client.decode import decode_page
    >>> decode_page(b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "aid": 7}]}', name="1").batch["aid"][0].as_py()
    '7'
    """
    body = raw.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        return _decode_fast(raw, body) or decode_exactly(raw, body, name, errors)
    except RecursionError:
        raise not_the_contract(name, "it is nested too deeply", body) from None


def _decode_fast(raw: bytes, body: bytes) -> Page | None:
    """Decode a page, or return None if only the fallback can."""
    parsed = _parse([body])
    if parsed is None:
        return None
    table, batch = parsed
    links = table["_links"][0].as_py() or {}
    next_link = links.get("next")
    if next_link and not next_link["href"]:
        return None
    return Page(
        raw=raw,
        batch=batch,
        start=envelope_date(table["startDate"][0].as_py()),
        end=envelope_date(table["endDate"][0].as_py()),
        next_href=next_link["href"] if next_link else None,
    )


def decode_many(bodies: Sequence[bytes]) -> pa.RecordBatch | None:
    """Decode the events of several pages at once, which is faster; return None if only the fallback can."""
    parsed = _parse(bodies)
    return parsed and parsed[1]


def _parse(bodies: Sequence[bytes]) -> tuple[pa.Table, pa.RecordBatch] | None:
    """Return the envelopes of several pages, and their events in one batch; None if the parser refuses a page."""
    # Every page must be an object: a leading null crashes the parser and the whole process. The braces, and the
    # count of documents below, also make sure that no page is parsed as part of its neighbour.
    if not all(body[:1] == b"{" and body[-1:] == b"}" for body in bodies):
        return None
    joined = bodies[0] if len(bodies) == 1 else b"\n".join(bodies)
    if not _is_text(joined):
        return None
    read = arrow_json.ReadOptions(use_threads=False, block_size=len(joined) + 1)
    try:
        table = arrow_json.read_json(pa.BufferReader(joined), read_options=read, parse_options=_PARSE)
    except pa.ArrowInvalid:
        return None
    lists = table["auditEvents"].combine_chunks()
    events = lists.flatten()
    date = events.field("date")
    if table.num_rows != len(bodies) or lists.null_count or events.null_count or not _within_calendar(date):
        return None
    columns = [date] + [events.field(field) for field in FIELDS if field != "date"]
    columns.append(pa.nulls(len(events), pa.large_string()))
    return table, pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA)


def _is_text(body: bytes) -> bool:
    """Return whether the bytes are UTF-8, which the parser does not check."""
    ends = pa.py_buffer(np.array([0, len(body)], dtype=np.int64))
    one = pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(body)])
    try:
        one.cast(pa.large_string())  # three times faster than bytes.decode, and without the interpreter's lock
    except pa.ArrowInvalid:
        return False
    return True


def _within_calendar(date: pa.Array) -> bool:
    """Return whether Python's datetime can hold every date; pyarrow also reads the years 0 and 10000."""
    if len(date) == date.null_count:
        return True
    bounds = pc.min_max(date.cast(pa.int64()))
    return bool(
        epoch_micros(_FIRST_DATE) <= bounds["min"].as_py() and bounds["max"].as_py() <= epoch_micros(_LAST_DATE)
    )
