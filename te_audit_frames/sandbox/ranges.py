"""The range that the server answers, given the requested one, and the range that it states."""

from __future__ import annotations

from te_audit_frames.sandbox.dates import LAST_SECOND, iso
from te_audit_frames.sandbox.server_behaviour import Behaviour

_DAY = 86_400
_EXAMPLE = {"startDate": "2022-07-17T22:00:54Z", "endDate": "2022-07-18T22:00:54Z"}
"""The range in the example of the published document, whose events are from 2020."""


def answered_range(behaviour: Behaviour, start: int, end: int, *, now: int, ends_now: bool) -> tuple[int, int]:
    """Return the part of a range that the server answers.

    Parameters
    ----------
    behaviour : Behaviour
        How the server behaves.
    start, end : int
        The requested range, in epoch seconds.
    now : int
        The server's clock.
    ends_now : bool
        Whether the request left the end to the server.

    Returns
    -------
    start, end : int
        In epoch seconds.
    """
    whole_end = end
    if behaviour.longest_range is not None:
        longest = int(behaviour.longest_range.total_seconds())
        if behaviour.longest_range_keeps == "newest":
            start = max(start, end - longest)
        else:
            end = min(end, start + longest)
    if behaviour.retention is not None:
        # One second earlier, so that the oldest event still kept is in the range even if bounds are excluded.
        start = min(max(start, now - int(behaviour.retention.total_seconds()) - 1), end)
    if ends_now and end == whole_end:
        end = _stated_end(behaviour, end)
    return start, end


def is_too_wide(behaviour: Behaviour, start: int, end: int) -> bool:
    """Return whether a range is wider than the server accepts."""
    return behaviour.widest_range is not None and end - start > behaviour.widest_range.total_seconds()


def stated_range(behaviour: Behaviour, start: int | None, end: int) -> dict[str, str]:
    """Return the members of an answer that state its range."""
    if start is None or behaviour.stated_range == "none":
        return {}
    if behaviour.stated_range == "example":
        return _EXAMPLE
    return {"startDate": iso(start), "endDate": iso(end)}


def _stated_end(behaviour: Behaviour, now: int) -> int:
    ends = {
        "true": now,
        "end of day": now // _DAY * _DAY + _DAY - 1,
        "in 3 days": now + 3 * _DAY,
        "9999": LAST_SECOND,
    }
    return ends[behaviour.stated_end]
