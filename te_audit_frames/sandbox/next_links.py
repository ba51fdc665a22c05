"""Next links: the parameters of the request, unchanged or changed, and a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from te_audit_frames.sandbox.cursors import Cursor, Mark, write_cursor
from te_audit_frames.sandbox.dates import iso
from te_audit_frames.sandbox.parameters import EventQuery
from te_audit_frames.sandbox.server_behaviour import Behaviour


def next_query(
    parameters: Mapping[str, str],
    event_query: EventQuery,
    mark: Mark,
    behaviour: Behaviour,
    *,
    login_aid: str,
    sliding: bool,
    now: int,
) -> str:
    """Return the query of the next page.

    Parameters
    ----------
    parameters : mapping
        The parameters of this page's request.
    event_query : EventQuery
        The query that this page answers.
    mark : int or tuple
        Where the next page begins.
    behaviour : Behaviour
        Whether links carry a cursor alone, or changed parameters.
    login_aid : str
        The account group that the token logs in to.
    sliding : bool
        Repeat a `window` instead of the range that it resolved to.
    now : int
        The server's clock, in epoch seconds.

    Returns
    -------
    str
        A query.
    """
    cursor = write_cursor(Cursor(mark, event_query.aid, event_query.start, event_query.end, event_query.size))
    if behaviour.bare_links:
        window = {"window": parameters["window"]} if sliding and "window" in parameters else {}
        return urlencode({**window, "cursor": cursor})
    kept = {name: parameters[name] for name in ("aid", "max") if name in parameters}
    kept["useAllPermittedAids"] = parameters.get("useAllPermittedAids", "true" if event_query.aid is None else "false")
    if sliding and "window" in parameters:
        kept["window"] = parameters["window"]
    elif event_query.start is not None:
        kept |= {"startDate": iso(event_query.start), "endDate": iso(event_query.end)}
    return urlencode({**_changed(kept, event_query, behaviour, login_aid=login_aid, now=now), "cursor": cursor})


def _changed(
    kept: dict[str, str], event_query: EventQuery, behaviour: Behaviour, *, login_aid: str, now: int
) -> dict[str, str]:
    if behaviour.changed_links == "scope":
        return {**kept, "aid": login_aid, "useAllPermittedAids": "false"}
    if behaviour.changed_links == "none" or event_query.start is None:
        return kept
    # Only the newer half of the range stays in view.
    half = max((min(event_query.end, now) - event_query.start) // 2, 1)
    if behaviour.changed_links == "dates":
        return {**kept, "startDate": iso(event_query.start + half), "endDate": iso(event_query.end)}
    without_dates = {name: value for name, value in kept.items() if name not in {"startDate", "endDate"}}
    return {**without_dates, "window": f"{half}s"}
