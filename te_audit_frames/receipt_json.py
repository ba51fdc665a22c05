"""The receipt as JSON: the types of its fields, and what is wrong with a damaged one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from te_audit_frames.periods import Period, iso

_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "source": (str,),
    "requested": (dict,),
    "resolved": (dict, type(None)),
    "scope": (dict,),
    "complete": (bool,),
    "events": (int,),
    "pages": (int,),
    "requests": (int,),
    "retries": (int,),
    "throttled": (int,),
    "waited_seconds": (float, int),
    "undated": (int,),
    "coerced": (int,),
    "order": (str,),
    "account_groups": (dict,),
    "checked": (dict,),
    "filters": (list,),
    "parts": (int,),
    "fetched_at": (str,),
    "versions": (dict,),
    "notes": (list,),
}
_FILTER_TYPES: dict[str, tuple[type, ...]] = {
    "label": (str, type(None)),
    "digest": (str,),
    "kept": (int,),
    "of": (int,),
}
_CHECKED_TYPES: dict[str, tuple[type, ...]] = {
    "ranges": (int,),
    "ranges_unconfirmed": (int,),
    "seams": (int,),
    "margin_seconds": (float, int, type(None)),
    "windows": (int,),
    "window_events": (int,),
    "differences": (list,),
    "clock_ahead_seconds": (float, int, type(None)),
}
_REQUIRED = ("source", "requested", "resolved", "scope", "complete", "events", "pages")


def fault_of(plain: object) -> str | None:
    """Return what is wrong with a stored receipt, or None if `Receipt.from_dict` can read it.

    Fields that a later version added are not checked.

    Parameters
    ----------
    plain : object
        The receipt in `events.attrs` or in the metadata of a file. It may be anything: users and other tools write
        there too.

    Returns
    -------
    str or None
        The end of a sentence that begins with "the receipt is damaged".

    Examples
    --------
    >>> from te_audit_frames.receipt_json import fault_of
    >>> fault_of({"source": "api"})
    "it has no 'requested'"
    """
    if not isinstance(plain, Mapping):
        return "it is not a JSON object"
    for name in _REQUIRED:
        if name not in plain:
            return f"it has no {name!r}"
    if fault := _wrong_type(plain, _FIELD_TYPES) or _wrong_type(plain.get("checked", {}), _CHECKED_TYPES):
        return fault
    for each in plain.get("filters", []):
        if not isinstance(each, dict) or not _FILTER_TYPES.keys() <= each.keys() or _wrong_type(each, _FILTER_TYPES):
            return "its 'filters' lack fields, or have fields of a wrong type"
    if not all(_is_kind(count, (int,)) for count in plain.get("account_groups", {}).values()):
        return "its 'account_groups' are not whole numbers"
    for name, texts in (
        ("notes", plain.get("notes", [])),
        ("differences", plain.get("checked", {}).get("differences", [])),
    ):
        if not all(isinstance(text, str) for text in texts):
            return f"its {name!r} are not text"
    if plain["resolved"] is not None and not _is_period(plain["resolved"]):
        return "its 'resolved' is not a period"
    fetched_at = plain.get("fetched_at", "")
    return None if fetched_at == "" or _utc_moment(fetched_at) else "its 'fetched_at' is not a moment in UTC"


def load_period(resolved: Mapping[str, Any]) -> Period:
    """Return the `resolved` of a receipt as a period."""
    return Period(datetime.fromisoformat(resolved["start"]), datetime.fromisoformat(resolved["end"]))


def dump_period(period: Period) -> dict[str, str]:
    """Return a period as the `resolved` of a receipt."""
    return {"start": iso(period.start), "end": iso(period.end)}


def _wrong_type(plain: Mapping[str, Any], types: Mapping[str, tuple[type, ...]]) -> str | None:
    for name, kinds in types.items():
        if name in plain and not _is_kind(plain[name], kinds):
            return f"its {name!r} has the wrong type {type(plain[name]).__name__}"
    return None


def _is_kind(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _is_period(resolved: Mapping[str, Any]) -> bool:
    start, end = _utc_moment(resolved.get("start")), _utc_moment(resolved.get("end"))
    return start is not None and end is not None and start <= end


def _utc_moment(text: Any) -> datetime | None:
    """Return the moment, or None if it is not in UTC or too close to the ends of the calendar to add a few days."""
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.utcoffset() == timedelta(0) and 1 < moment.year < datetime.max.year else None
    except (TypeError, ValueError):
        return None
