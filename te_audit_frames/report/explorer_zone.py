"""The time zone of an explorer, as a name that pandas and DuckDB understand alike."""

from __future__ import annotations

from datetime import timedelta, timezone, tzinfo

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import parse_zone


def name_zone(tz: str | tzinfo) -> str:
    """Return the name of a time zone that pandas and DuckDB understand alike."""
    import duckdb

    zone = parse_zone(tz)
    # ZoneInfo has its name in `key`, pytz in `zone`. A fixed offset can have any name, even another zone's.
    key = getattr(zone, "key", None) or getattr(zone, "zone", None)
    offset = None if key else zone.utcoffset(None)
    if offset is not None:
        if offset % timedelta(minutes=15):
            raise InvalidArgument(f"tz: the offset of {tz!r} is not a whole number of quarters of an hour.")
        return str(timezone(offset))
    advice = 'Give a name, such as tz="Europe/Berlin".'
    if not isinstance(key, str):
        raise InvalidArgument(f"tz: {tz!r} has neither a name nor a fixed offset. {advice}")
    parse_zone(key)
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("SELECT timezone(?, TIMESTAMPTZ '2026-01-01 00:00:00Z')", [key]).fetchall()
    except duckdb.Error:
        raise InvalidArgument(f"tz: DuckDB does not know the time zone {key!r}. {advice}") from None
    return key
