"""Parameters of the API: the arguments of a fetch, checked and converted."""

from __future__ import annotations

from datetime import timedelta

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import SECOND, Instant, ask, ceil_second, floor_second, iso, to_instant, to_window


def scope_parameters(aid: str | int | None, all_account_groups: bool | None) -> dict[str, str]:
    """Return the parameters for the account groups asked for, by default all."""
    if all_account_groups not in (None, True, False):
        raise InvalidArgument(f"all_account_groups: {all_account_groups!r} is not True, False or None")
    if aid is not None and all_account_groups:
        raise InvalidArgument(
            "aid and all_account_groups=True exclude each other: give aid for one account group, or leave it out for "
            "all account groups that the token may see"
        )
    return _parameters(aid, all_account_groups=aid is None and all_account_groups is not False)


def page_parameters(
    *,
    window: str | timedelta | None,
    start: Instant | None,
    end: Instant | None,
    aid: str | int | None,
    all_account_groups: bool,
    cursor: str | None,
) -> dict[str, str]:
    """Return the parameters of one request for a page, in whole seconds; see `Client.get_page`."""
    parameters = _parameters(aid, all_account_groups=all_account_groups)
    if window is not None or start is not None or end is not None:
        ask(window=window, start=start, end=end)
    if window is not None:
        parameters["window"] = window_text(window) or ""
    if start is not None:
        parameters["startDate"] = iso(floor_second(to_instant(start, argument="start")))
    if end is not None:
        parameters["endDate"] = iso(ceil_second(to_instant(end, argument="end")))
    if cursor is not None:
        parameters["cursor"] = _text("cursor", cursor)
    return parameters


def window_text(window: str | timedelta | None) -> str | None:
    """Return a window as the API takes it, such as ``"60s"`` for a minute."""
    return f"{to_window(window) // SECOND}s" if isinstance(window, timedelta) else window


def _parameters(aid: str | int | None, *, all_account_groups: bool) -> dict[str, str]:
    is_number = isinstance(aid, int) and not isinstance(aid, bool)
    scope = {} if aid is None else {"aid": str(aid) if is_number else _text("aid", aid)}
    return scope | {"useAllPermittedAids": "true"} if all_account_groups else scope


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(f"{name}: {value!r} is empty or not text; leave it out if you do not need it")
    return value.strip()
