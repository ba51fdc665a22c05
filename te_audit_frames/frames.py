"""Filters and cuts that change a frame and its receipt together.

A plain pandas filter leaves the receipt as it was, so the receipt counts more events than the frame has. The functions
here return frames whose receipts match their rows. `concatenation.py` does the same for joined frames.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import Instant, Period, parse_zone, to_bounds
from te_audit_frames.receipt_arithmetic import counted_of, narrowed
from te_audit_frames.receipts import attach_receipt, stored_receipt
from te_audit_frames.receipts import receipt as receipt_of
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import ATTRS_KEY, SOURCES, require_columns

_Mask = npt.NDArray[np.bool_]


def where(events: pd.DataFrame, mask: Any, *, label: str | None = None) -> pd.DataFrame:
    """Return the events that a mask selects, with a receipt that notes the filter.

    Unlike ``events[mask]``, the result still stands for the whole period: on a day without selected events, `activity`
    counts zero and calls the day complete. To cut the period itself, use `between`.

    Parameters
    ----------
    events : pandas.DataFrame
        Events.
    mask : pandas.Series, numpy.ndarray or list of bool
        Which rows to keep, one value per row. A Series must have the index of `events`.
    label : str, optional
        A name for the filter, such as ``"failed logins"``. The receipt shows it, and `concat` treats two filters with
        the same label as the same filter.

    Returns
    -------
    pandas.DataFrame
        A new frame with the selected rows. It has no receipt if `events` has none.

    Raises
    ------
    InvalidArgument
        `mask` is not boolean, has nulls, or does not match the length or the index of `events`; or `label` is not
        text.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0, days=30) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = client.fetch_events(window="40d")
    >>> logins = taf.where(events, events["event"] == "User login.", label="logins")
    >>> taf.receipt(logins).period == taf.receipt(events).period
    True
    """
    require_frame(events, "events")
    if label is not None and not isinstance(label, str):
        raise InvalidArgument(f'label: {label!r} is not text. For example label="failed logins".')
    chosen = _checked_mask(events, mask)
    kept = events.loc[chosen]
    receipt = stored_receipt(events)
    if receipt is None:
        return kept
    digest = hashlib.sha256(np.packbits(chosen).tobytes())
    if "date" in events:
        digest.update(pd.util.hash_pandas_object(events["date"], index=False).to_numpy().tobytes())
    note = {"label": label, "digest": digest.hexdigest()[:16], "kept": len(kept), "of": len(events)}
    changed = {
        "events": counted_of(receipt.to_dict(), rows=len(kept), of=len(events)),
        "filters": [*receipt.filters, note],
    }
    return with_counts(kept, receipt.to_dict() | changed)


def between(
    events: pd.DataFrame,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str | tzinfo | None = None,
) -> pd.DataFrame:
    """Return the events of the half-open period `[start, end)`, with a receipt that is cut to it.

    Parameters
    ----------
    events : pandas.DataFrame
        Events.
    start, end : str, datetime, date or pandas.Timestamp, optional
        The period: events with ``start <= date < end`` are kept. A bound that is not given does not limit the events.
        With neither bound, all rows are kept.
    tz : str or datetime.tzinfo, optional
        The time zone of a `start` or `end` that has none, such as ``"Europe/Berlin"``. A bare date then means midnight
        in that zone. If the clock shows a time twice, the first one is meant.

    Returns
    -------
    pandas.DataFrame
        A new frame with the events of the period. Events without a date are left out, and the receipt notes how many.
        The frame has no receipt if `events` has none.

    Raises
    ------
    InvalidArgument
        A bound is not a moment, has no time zone and `tz` is not given, or `end` is not after `start`.
    NotAnAuditFrame
        The column `date` is missing, or its dates have no time zone.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0, days=30) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = client.fetch_events(window="40d")
    >>> day = events["date"].iloc[50].date()
    >>> some = taf.between(events, start=day, tz="Europe/Berlin")
    >>> taf.receipt(some).complete, taf.receipt(some).events == len(some)
    (True, True)
    """
    require_frame(events, "events")
    zone = None if tz is None else parse_zone(tz)
    since, until = to_bounds(start, end, zone=zone)
    dates = dates_of(events)
    chosen = np.ones(len(events), dtype=np.bool_)
    if since is not None:
        chosen &= (dates >= pd.Timestamp(since)).fillna(False).to_numpy(dtype=np.bool_)
    if until is not None:
        chosen &= (dates < pd.Timestamp(until)).fillna(False).to_numpy(dtype=np.bool_)
    kept = events.loc[chosen]
    receipt = stored_receipt(events)
    if receipt is None or (since is None and until is None):
        return kept
    part = narrowed(receipt.to_dict(), start=since, end=until, rows=len(kept), of=len(events))
    notes = list(part["notes"])
    if undated := int(dates.isna().sum()):
        notes.append(f"left out: {undated:,} event{'s' * (undated > 1)} without a date")
    if receipt.period is not None:
        notes += [f"not in the frame that was cut: {each}" for each in _outside(receipt.period, since, until)]
    return with_counts(kept, part | {"notes": list(dict.fromkeys(notes)), "undated": 0})


def with_receipt(frame: pd.DataFrame, *, like: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the receipt of the events that it was made from.

    Use it after ``merge`` and other pandas functions that keep every row but drop the receipt.

    Parameters
    ----------
    frame : pandas.DataFrame
        A frame made from `like`, with one row for each of its rows.
    like : pandas.DataFrame
        Events with a receipt.

    Returns
    -------
    pandas.DataFrame
        A new frame with the rows of `frame` and the receipt of `like`.

    Raises
    ------
    InvalidArgument
        `like` has no receipt, or `frame` does not have one row for each row of `like`.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7"}]}'])
    >>> staff = pd.DataFrame({"uid": ["7", "8"], "team": ["Shops", "Lab"]})
    >>> wider = taf.with_receipt(events.merge(staff, on="uid", how="left"), like=events)
    >>> taf.receipt(wider).events
    1
    """
    require_frame(frame, "frame")
    require_frame(like, "like")
    receipt = receipt_of(like)
    if len(frame) != len(like):
        remedy = 'Merge with how="left"' if len(frame) < len(like) else 'Merge with validate="many_to_one"'
        raise InvalidArgument(
            f"frame: it has {number_of(len(frame), 'row')}, but the events that it was made from have "
            f"{len(like):,}. {remedy}. To "
            "remove rows, use where() or between(), which change the receipt too."
        )
    if "date" in frame and "date" in like:
        before, after = (each["date"].value_counts(dropna=False) for each in (like, frame))
        lost = int(before.sub(after, fill_value=0).clip(lower=0).sum())
        if lost:
            raise InvalidArgument(
                f"frame: it lost {number_of(lost, 'row')} of the events that it was made from, and has others "
                'twice. Merge with how="left" and validate="many_to_one".'
            )
    return attach_receipt(frame.copy(deep=False), receipt)


def require_frame(events: object, argument: str) -> None:
    """Raise `InvalidArgument` if an argument is not a pandas frame."""
    if not isinstance(events, pd.DataFrame):
        raise InvalidArgument(f"{argument}: takes a pandas frame of events, not {type(events).__name__}. {SOURCES}")


def with_counts(frame: pd.DataFrame, plain: dict[str, Any]) -> pd.DataFrame:
    """Attach a stored receipt to a new frame, with its counts updated from the rows of the frame."""
    counts: dict[str, Any] = {}
    if plain.get("account_groups") and "aid" in frame:
        counts["account_groups"] = count_groups(frame)
    if plain.get("undated") and "date" in frame:
        counts["undated"] = int(frame["date"].isna().sum())
    frame.attrs[ATTRS_KEY] = plain | counts
    return frame


def count_groups(events: pd.DataFrame) -> dict[str, int]:
    """Count events per `aid`, as a receipt does. Events without an `aid` are counted under an empty key."""
    if "aid" not in events:
        return {}
    counts = events["aid"].value_counts(sort=False)
    groups = {str(aid): int(count) for aid, count in counts.items() if count}
    missing = int(events["aid"].isna().sum())
    return ({"": missing} if missing else {}) | groups


def dates_of(events: pd.DataFrame) -> pd.Series:
    """Return the column `date`; raise an error if it does not hold timestamps with a time zone."""
    require_columns(events.columns, ["date"])
    dates = events["date"]
    if not isinstance(dates, pd.Series):
        raise InvalidArgument("events: there are two columns called 'date'. Keep one of them.")
    if pd.api.types.is_datetime64_any_dtype(dates.dtype) and getattr(dates.dt, "tz", None) is not None:
        return dates
    raise NotAnAuditFrame(
        f"column 'date' has dtype {dates.dtype}, but the dates of events have a time zone. Convert it, for example "
        'with events["date"] = events["date"].dt.tz_localize("UTC").'
    )


def _outside(period: Period, since: datetime | None, until: datetime | None) -> list[Period]:
    """Return the parts of the requested period that lie outside the receipt's period."""
    outside = []
    if since is not None and since < period.start:
        outside.append(Period(since, min(until or period.start, period.start)))
    if until is not None and until > period.end:
        outside.append(Period(max(since or period.end, period.end), until))
    return outside


def _checked_mask(events: pd.DataFrame, mask: Any) -> _Mask:
    example = 'For example mask=events["event"] == "Login failed."'
    if not pd.api.types.is_list_like(mask, allow_sets=False) or getattr(mask, "ndim", 1) != 1:
        raise InvalidArgument(f"mask: takes one truth value per row, not {type(mask).__name__}. {example}.")
    if isinstance(mask, pd.Series) and not mask.index.equals(events.index):
        raise InvalidArgument(
            "mask: its index is not that of events, so it is not clear which rows it selects. Make the mask from these "
            "events, or pass mask.to_numpy() if its values are in the order of the rows."
        )
    values = pd.Series(list(mask) if isinstance(mask, Iterator) else mask)
    values = values if len(values) else values.astype("bool")
    if len(values) != len(events):
        raise InvalidArgument(
            f"mask: it has {number_of(len(values), 'value')}, but the events have "
            f"{number_of(len(events), 'row')}. {example}."
        )
    if nulls := int(values.isna().sum()):
        raise InvalidArgument(
            f"mask: {nulls:,} of its values {'is' if nulls == 1 else 'are'} null. Decide what they "
            "mean, for example with mask.fillna(False)."
        )
    if not (pd.api.types.is_bool_dtype(values.dtype) or all(isinstance(each, bool | np.bool_) for each in values)):
        raise InvalidArgument(f"mask: its values are {values.dtype}, not bool. {example}.")
    return values.to_numpy(dtype=np.bool_)
