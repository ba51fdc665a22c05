"""From a page, the bytes as received, to a batch of events in the pinned Arrow schema.

Two decoders, one meaning. The fast one is `pyarrow.json` with the whole documented envelope as its schema; it works
on the bytes and releases the interpreter's lock. Whatever it refuses (an unknown field, an integer for text, more
than six fractional digits, a repeated key) goes through the careful one, event by event, which keeps in `extra` what
the columns cannot hold. Property tests hold the two equal wherever both answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from te_audit_frames.errors import DecodeError, InvalidRequest
from te_audit_frames.periods import EPOCH
from te_audit_frames.schema import ARROW_SCHEMA, FIELDS, to_events

Errors = Literal["raise", "coerce"]

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
# Never "infer": it crashes on deep nesting and turns text that looks like a date into a timestamp.
_PARSE = arrow_json.ParseOptions(explicit_schema=_ENVELOPE, unexpected_field_behavior="error")

# The forms that pyarrow reads, and besides them lower-case t and z and up to nine fractional digits.
_DATE = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.(?P<fraction>[0-9]{1,9}))?)?)?)"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_FIRST_DATE = datetime(1, 1, 1, tzinfo=UTC)
_LAST_DATE = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHOWN = 120


@dataclass(frozen=True)
class Page:
    """One answer of the API.

    Attributes
    ----------
    raw : bytes
        The body as received.
    batch : pyarrow.RecordBatch
        Its events in the pinned schema, in the order sent.
    start, end : datetime or None
        The UTC range that the API resolved, where it says so.
    next_href : str or None
        The link to the next page as sent, absolute or relative. None on the last page.
    coerced : int
        How many values `errors="coerce"` set aside.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=10, seed=0, page_size=4) as api:
    ...     page = taf.Client(token=api.token, base_url=api.url).get_page(window="104w", all_account_groups=True)
    >>> len(page.events), page.next_cursor is None
    (4, False)
    """

    raw: bytes
    batch: pa.RecordBatch
    start: datetime | None
    end: datetime | None
    next_href: str | None
    coerced: int = 0

    @property
    def events(self) -> pd.DataFrame:
        """The page's events as an audit frame, in the order sent."""
        return to_events(pa.Table.from_batches([self.batch]))

    @property
    def next_cursor(self) -> str | None:
        """The opaque cursor of the next page, from its link. None on the last page."""
        query = urlsplit(self.next_href).query if self.next_href else ""
        cursors = parse_qs(query).get("cursor")
        return cursors[0] if cursors else None


def check_errors(errors: str) -> None:
    """Refuse any `errors` but "raise" and "coerce"."""
    if errors not in ("raise", "coerce"):
        raise InvalidRequest(f'errors: {errors!r} is neither "raise" nor "coerce"')


def decode_page(raw: bytes, *, name: str, errors: Errors = "raise") -> Page:
    """Decode one answer of the API.

    Parameters
    ----------
    raw : bytes
        The body: UTF-8 JSON with `auditEvents`.
    name : str
        How messages call the page: its number, or the file it came from.
    errors : {"raise", "coerce"}
        What to do with a value that its column cannot hold: raise, or set it aside in `extra` and count it.

    Returns
    -------
    Page
        With every event that the answer holds.

    Raises
    ------
    DecodeError
        The answer is not the contract's (`.event` is None), or an event's value cannot be held (`.event` counts
        from 0).

    Examples
    --------
    >>> from te_audit_frames.client.decode import decode_page
    >>> decode_page(b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "aid": 7}]}', name="1").batch["aid"][0].as_py()
    '7'
    """
    body = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        body.isascii() or body.decode()  # pyarrow accepts bytes that are not UTF-8 without a word
    except UnicodeDecodeError as error:
        raise _not_the_contract(name, f"its byte {error.start} is not UTF-8", body) from None
    try:
        return _decode_fast(raw, body) or _decode_carefully(raw, body, name, errors)
    except RecursionError:
        raise _not_the_contract(name, "it is nested too deeply", body) from None


# ---- the fast decoder ------------------------------------------------------------------------------------------


def _decode_fast(raw: bytes, body: bytes) -> Page | None:
    """Decode what needs no care; None where the careful decoder has to look."""
    # A document that is not an object goes no further: a leading null crashes the parser and so the process.
    if body[:1] != b"{":
        return None
    try:
        read = arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 1)
        table = arrow_json.read_json(pa.BufferReader(body), read_options=read, parse_options=_PARSE)
    except pa.ArrowInvalid:
        return None
    if table.num_rows != 1:  # two documents one after the other
        return None
    lists = table["auditEvents"].chunk(0)
    events = lists.flatten()
    links = table["_links"][0].as_py() or {}
    next_link = links.get("next")
    if lists.null_count or events.null_count or (next_link and not next_link["href"]):
        return None
    date = events.field("date")
    if not _within_calendar(date):
        return None
    columns = [date] + [events.field(field) for field in FIELDS if field != "date"]
    columns.append(pa.nulls(len(events), pa.large_string()))
    return Page(
        raw=raw,
        batch=pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA),
        start=_envelope_date(table["startDate"][0].as_py()),
        end=_envelope_date(table["endDate"][0].as_py()),
        next_href=next_link["href"] if next_link else None,
    )


def _within_calendar(date: pa.Array) -> bool:
    """Whether Python's datetime can hold every date; pyarrow reads the year 0 and, with an offset, 10000."""
    if len(date) == date.null_count:
        return True
    bounds = pc.min_max(date.cast(pa.int64()))
    return bool(_micros(_FIRST_DATE) <= bounds["min"].as_py() and bounds["max"].as_py() <= _micros(_LAST_DATE))


# ---- the careful decoder ---------------------------------------------------------------------------------------


class _Object(dict[str, Any]):
    """A JSON object that remembers the earlier values of a repeated key."""

    repeated: dict[str, list[Any]]

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {}
        if len(self) < len(pairs):
            for position, (key, value) in enumerate(pairs):
                if any(later == key for later, _ in pairs[position + 1 :]):
                    self.repeated.setdefault(key, []).append(value)


class _Unfit(Exception):
    """A value that its column cannot hold; says what would fit."""


def _decode_carefully(raw: bytes, body: bytes, name: str, errors: Errors) -> Page:
    try:
        envelope = json.loads(body.decode(), object_pairs_hook=_Object, parse_constant=_refuse_constant)
    except ValueError as error:
        raise _not_the_contract(name, f"it is not JSON ({error})", body) from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("auditEvents"), list):
        raise _not_the_contract(name, "it has no list named auditEvents", body)
    rows = []
    coerced = 0
    for position, event in enumerate(envelope["auditEvents"]):
        row, unfit = _row(event)
        if unfit and errors == "raise":
            _raise_unfit(name, position, unfit)
        coerced += len(unfit)
        rows.append(row)
    columns = [
        pa.array([row.get(field.name) for row in rows], type=pa.int64() if field.name == "date" else field.type)
        for field in ARROW_SCHEMA
    ]
    columns[0] = columns[0].cast(ARROW_SCHEMA.field("date").type)
    return Page(
        raw=raw,
        batch=pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA),
        start=_envelope_date(envelope.get("startDate")),
        end=_envelope_date(envelope.get("endDate")),
        next_href=_next_href(envelope, name, body),
        coerced=coerced,
    )


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _next_href(envelope: dict[str, Any], name: str, body: bytes) -> str | None:
    links = envelope.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    if following is None and (links is None or isinstance(links, dict)):
        return None
    href = following.get("href") if isinstance(following, dict) else None
    if not isinstance(href, str) or not href:
        # Read as "no next page" it would end the log early without a word.
        raise _not_the_contract(name, "its link to the next page has no address", body)
    return href


def _row(event: object) -> tuple[dict[str, Any], list[tuple[str, Any, str]]]:
    """Turn one event into a row, with the values that do not fit: (field, value, what would fit)."""
    if not isinstance(event, _Object):
        return {"extra": _canonical(event)}, [("", event, "an object")]
    row: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    unfit: list[tuple[str, Any, str]] = []
    for field, value in event.items():
        name = FIELDS.get(field)
        if name is None:
            extra[field] = value
            continue
        try:
            row[name], whole = _READERS.get(name, _text)(value)
        except _Unfit as reason:
            unfit.append((field, value, str(reason)))
            whole = False
        if not whole:
            extra[field] = value
    for field, earlier in event.repeated.items():
        extra[field] = [*earlier, event[field]]
    if extra:
        row["extra"] = _canonical(extra)
    return row, unfit


# Each reader gives the column's value, and whether that is all that was sent.


def _text(value: object) -> tuple[str | None, bool]:
    if value is None:
        return None, True
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), True
    if not isinstance(value, str):
        raise _Unfit("text")
    storable = value.encode("utf-8", "replace").decode() if _has_surrogate(value) else value
    return storable, storable == value


def _date(value: object) -> tuple[int | None, bool]:
    if value is None:
        return None, True
    if not isinstance(value, str):
        raise _Unfit("an ISO 8601 date")
    match = _DATE.fullmatch(value)
    if not match:
        raise _Unfit("an ISO 8601 date")
    fraction = match["fraction"] or ""
    time = (match["time"] or "00").split(".")[0]
    zone = (match["zone"] or "Z").upper()
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{time}").replace(tzinfo=UTC)
        moment += timedelta(microseconds=int(fraction[:6].ljust(6, "0"))) - _offset(zone)
    except (ValueError, OverflowError):
        raise _Unfit("a date of the calendar") from None
    return _micros(moment), not fraction[6:].strip("0")


def _resources(value: object) -> tuple[list[dict[str, str | None] | None] | None, bool]:
    if value is None:
        return None, True
    if not isinstance(value, list):
        raise _Unfit("a list of resources")
    resources: list[dict[str, str | None] | None] = []
    whole = True
    for item in value:
        if item is None:
            resources.append(None)
            continue
        if not isinstance(item, _Object):
            raise _Unfit("a list of resources, each with type and name")
        kind, kind_whole = _text(item.get("type"))
        label, label_whole = _text(item.get("name"))
        resources.append({"type": kind, "name": label})
        whole = whole and kind_whole and label_whole and not item.repeated and item.keys() <= {"type", "name"}
    return resources, whole


_READERS: dict[str, Any] = {"date": _date, "resources": _resources}


def _offset(zone: str) -> timedelta:
    if zone == "Z":
        return timedelta(0)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def _envelope_date(value: object) -> datetime | None:
    """Read the answer's own `startDate` or `endDate`; one that cannot be read counts as not sent."""
    try:
        micros, _ = _date(value)
    except _Unfit:
        return None
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _canonical(value: object) -> str:
    """Write a value as the one JSON text that stands for it: sorted keys, no spaces."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Arrow text is UTF-8, which has no lone surrogates; as JSON escapes they can be kept.
    return json.dumps(value, sort_keys=True, separators=(",", ":")) if _has_surrogate(text) else text


# ---- errors ----------------------------------------------------------------------------------------------------


def _raise_unfit(name: str, position: int, unfit: list[tuple[str, Any, str]]) -> NoReturn:
    field, value, wanted = unfit[0]
    shown = _shorten(_canonical(value))
    subject = f"field {field!r} is {shown}" if field else f"it is {shown}"
    raise DecodeError(
        f"page {name}, event {position}: {subject}, not {wanted}. "
        'errors="coerce" keeps the event, leaves the column empty and the value in `extra`.',
        page=name,
        event=position,
        field=field or None,
        value=shown,
    )


def _not_the_contract(name: str, problem: str, body: bytes) -> DecodeError:
    shown = _shorten(body[: 4 * _SHOWN].decode(errors="replace"))
    return DecodeError(
        f"page {name} is not an answer of /audit-user-events: {problem}. It begins with {shown!r}. "
        "Where it is a web page, something between here and the API answered: check base_url and the proxy.",
        page=name,
        value=shown,
    )


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
