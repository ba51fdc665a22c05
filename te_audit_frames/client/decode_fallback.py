"""The fallback decoder: slow but exact, event by event, for pages that the fast decoder refuses.

It loses nothing: `extra` keeps, as canonical JSON, whatever no column can hold.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pyarrow as pa

from te_audit_frames.client.page import Errors, Page, not_the_contract
from te_audit_frames.errors import DecodeError
from te_audit_frames.periods import EPOCH, epoch_micros
from te_audit_frames.safe_text import excerpt, printable
from te_audit_frames.schema import ARROW_SCHEMA, FIELDS

# The forms that pyarrow reads, and also lower-case t and z and up to nine fractional digits.
_DATE = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.(?P<fraction>[0-9]{1,9}))?)?)?)"
    r"(?P<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)


class _Object(dict[str, Any]):
    """A JSON object that remembers every value of a repeated key."""

    repeated: dict[str, list[Any]]

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {}
        if len(self) < len(pairs):
            times = Counter(key for key, _ in pairs)
            for key, value in pairs:
                if times[key] > 1:
                    self.repeated.setdefault(key, []).append(value)


class _Unfit(Exception):
    """A value that its column cannot hold. The message says what the column can hold."""


def decode_exactly(raw: bytes, body: bytes, name: str, errors: Errors) -> Page:
    """Decode a page event by event, for `decode_page`."""
    try:
        envelope = json.loads(
            body.decode(), object_pairs_hook=_Object, parse_constant=_refuse_constant, parse_float=_number
        )
    except UnicodeDecodeError as error:
        raise not_the_contract(name, f"its byte {error.start} is not UTF-8", body) from None
    except ValueError as error:
        raise not_the_contract(name, f"it is not JSON ({error})", body) from None
    if not isinstance(envelope, _Object) or not isinstance(envelope.get("auditEvents"), list):
        raise not_the_contract(name, "it has no list named auditEvents", body)
    if not envelope.repeated.keys().isdisjoint({"auditEvents", "_links", "startDate", "endDate"}):
        raise not_the_contract(name, "it has two lists of events, two sets of links, or two ranges", body)
    rows = []
    coerced: list[int] = []
    for position, event in enumerate(envelope["auditEvents"]):
        row, unfit = _row(event)
        if unfit and errors == "raise":
            _raise_unfit(name, position, unfit)
        coerced += [position] * len(unfit)
        rows.append(row)
    columns = [
        pa.array([row.get(field.name) for row in rows], type=pa.int64() if field.name == "date" else field.type)
        for field in ARROW_SCHEMA
    ]
    columns[0] = columns[0].cast(ARROW_SCHEMA.field("date").type)
    return Page(
        raw=raw,
        batch=pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA),
        start=envelope_date(envelope.get("startDate")),
        end=envelope_date(envelope.get("endDate")),
        next_href=_next_href(envelope, name, body),
        coerced=tuple(coerced),
    )


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(text: str) -> float | str:
    """Return a number, or its text if it is too large for a float and would become Infinity."""
    number = float(text)
    return number if math.isfinite(number) else text


def _next_href(envelope: dict[str, Any], name: str, body: bytes) -> str | None:
    links = envelope.get("_links")
    following = links.get("next") if isinstance(links, dict) else None
    if isinstance(links, _Object) and "next" in links.repeated:
        raise not_the_contract(name, "it has two links to the next page", body)
    if isinstance(following, _Object) and "href" in following.repeated:
        raise not_the_contract(name, "its link to the next page has two addresses", body)
    if following is None and (links is None or isinstance(links, dict)):
        return None
    href = following.get("href") if isinstance(following, dict) else None
    if not isinstance(href, str) or not href:
        # Treating this as the last page would silently end the log early.
        raise not_the_contract(name, "its link to the next page has no address", body)
    return href


def _row(event: object) -> tuple[dict[str, Any], list[tuple[str, Any, str]]]:
    """Return one event as a row, and its values that do not fit as (field, value, what would fit)."""
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
    extra |= event.repeated
    if extra:
        row["extra"] = _canonical(extra)
    return row, unfit


# Each reader returns the column's value, and whether that is all of the value sent.


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
    return epoch_micros(moment), not fraction[6:].strip("0")


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


def envelope_date(value: object) -> datetime | None:
    """Return an answer's `startDate` or `endDate` as a datetime, or None if it is absent or unreadable."""
    try:
        micros, _ = _date(value)
    except _Unfit:
        return None
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _in_full(value: object) -> Any:
    """Return a value in which a repeated key has the list of all its values, not only the last."""
    if isinstance(value, _Object):
        value = value | value.repeated
    if isinstance(value, dict):
        return {key: _in_full(item) for key, item in value.items()}
    return [_in_full(item) for item in value] if isinstance(value, list) else value


def _canonical(value: object) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces."""
    value = _in_full(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # Arrow text is UTF-8 and cannot hold lone surrogates, but JSON escapes can represent them.
    return json.dumps(value, sort_keys=True, separators=(",", ":")) if _has_surrogate(text) else text


def _raise_unfit(name: str, position: int, unfit: list[tuple[str, Any, str]]) -> NoReturn:
    field, value, wanted = unfit[0]
    shown = excerpt(_canonical(value))
    subject = f"field {field!r} is {shown}" if field else f"it is {shown}"
    raise DecodeError(
        f"page {printable(name)}, event {position}: {subject}, not {wanted}. "
        'With errors="coerce", the column is empty for this event, and `extra` keeps the value.',
        page=name,
        event=position,
        field=field or None,
        value=shown,
    )
