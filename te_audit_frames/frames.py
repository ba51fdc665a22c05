"""Filters, cuts and joins of frames that keep the receipt true.

Plain pandas filters leave the receipt as it was, so that it counts more events than the frame has. The functions here
return frames whose receipts match their rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.merge import merge
from te_audit_frames.periods import EPOCH, Instant, Period, parse_zone, to_bounds
from te_audit_frames.receipts import (
    Receipt,
    counted_of,
    is_same_fetch,
    is_same_filter,
    is_same_scope,
    joined,
    narrowed,
    stored_receipt,
)
from te_audit_frames.receipts import receipt as receipt_of
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, SOURCES, in_order, to_arrow, to_events

_Mask = npt.NDArray[np.bool_]


def where(events: pd.DataFrame, mask: Any, *, label: str | None = None) -> pd.DataFrame:
    """Keep the rows of a mask; the receipt notes the filter and keeps its period.

    Unlike ``events[mask]``, the result still stands for the whole period: `activity` counts a day without such events
    as zero, and as complete. For a part of the period use `between`.

    Parameters
    ----------
    events : pandas.DataFrame
        Events.
    mask : pandas.Series, numpy.ndarray or list of bool
        Which rows to keep. A Series has the index of `events`.
    label : str, optional
        What the filter means, such as ``"failed logins"``, for the receipt. `concat` takes filters with the same label
        for the same filter.

    Returns
    -------
    pandas.DataFrame
        A new frame. It has no receipt if `events` has none.

    Raises
    ------
    InvalidArgument
        `mask` is not of bool, has nulls, another length or another index.

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
    _require_frame(events, "events")
    if label is not None and not isinstance(label, str):
        raise InvalidArgument(f'label: {label!r} is not text; right is, for example, "failed logins"')
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
    return _with(kept, receipt.to_dict() | changed)


def between(
    events: pd.DataFrame,
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str | tzinfo | None = None,
) -> pd.DataFrame:
    """Cut a frame and its receipt to the half-open period `[start, end)`.

    Parameters
    ----------
    events : pandas.DataFrame
        Events.
    start, end : str, datetime, date or pandas.Timestamp, optional
        The period. Without one of them, from or to where the events reach. With neither, all rows are kept.
    tz : str or datetime.tzinfo, optional
        The zone of a `start` or `end` without one, such as ``"Europe/Berlin"``; a bare date is its midnight there. Of a
        time that the clock strikes twice, it means the first.

    Returns
    -------
    pandas.DataFrame
        A new frame. Events without a date are left out, and the receipt notes how many. It has no receipt if `events`
        has none.

    Raises
    ------
    InvalidArgument
        A bound is not a moment, or has no zone without `tz`; `end` is not after `start`.
    NotAnAuditFrame
        There is no column `date`, or its dates have no time zone.

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
    _require_frame(events, "events")
    zone = None if tz is None else parse_zone(tz)
    since, until = to_bounds(start, end, zone=zone)
    dates = _dates_of(events)
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
        outside = (
            [Period(since, min(until or receipt.period.start, receipt.period.start))]
            if since is not None and since < receipt.period.start
            else []
        )
        if until is not None and until > receipt.period.end:
            outside.append(Period(max(since or receipt.period.end, receipt.period.end), until))
        notes += [f"not in the frame that was cut: {each}" for each in outside]
    return _with(kept, part | {"notes": list(dict.fromkeys(notes)), "undated": 0})


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join frames and their receipts.

    Adjacent or overlapping periods of one scope give one complete receipt. Otherwise the receipt is not complete, and
    its notes name the gaps, or the different scopes or filters. Where periods overlap, an event that both frames have
    is kept once: of equal events, as many as the frame with most of them has. Events that changed between two fetches
    are recognised as `Archive.sync` does.

    So do not split a frame with plain pandas and join the pieces: two equal events, one in each piece, would become
    one. Pieces made by `between` join to what they were.

    Parameters
    ----------
    frames : iterable of pandas.DataFrame
        Frames with receipts and the same columns.

    Returns
    -------
    pandas.DataFrame
        A new frame, ascending by `date`, events without a date last, with a new index.

    Raises
    ------
    InvalidArgument
        There is no frame, one of them is none or has no receipt, or they have different columns; or their periods
        overlap and they do not have just the columns of events.
    NotAnAuditFrame
        A column holds what its type cannot.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=100, seed=0, days=30) as api:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     events = client.fetch_events(window="40d")
    >>> day = events["date"].iloc[50].date()
    >>> both = taf.concat([taf.between(events, start=day), taf.between(events, end=day)])
    >>> taf.receipt(both).complete, len(both)
    (True, 100)
    """
    several = _listed(frames)
    if not several:
        raise InvalidArgument("frames: there is no frame to join; give at least one, such as [january, february]")
    receipts = []
    for number, frame in enumerate(several):
        _require_frame(frame, f"frames[{number}]")
        try:
            receipts.append(receipt_of(frame))
        except InvalidArgument as error:
            raise InvalidArgument(f"frames[{number}]: {error}") from None
        _require_same_columns(several[0], frame, number)
        _dates_of(frame)
    # The earlier fetch first, since of an event that both have, the merge keeps what the earlier one says.
    order = sorted(range(len(several)), key=lambda number: (receipts[number].fetched_at, number))
    several, receipts = [several[number] for number in order], [receipts[number] for number in order]
    unseen = sum(abs(receipt.events - len(frame)) for receipt, frame in zip(receipts, several, strict=True))
    if set(several[0].columns) == set(COLUMNS):
        result = to_events(_merged([to_arrow(frame) for frame in several], receipts))
    else:
        result = _stacked(several, receipts)
    undated = int(result["date"].isna().sum())
    groups = _count_groups(result) if any(receipt.account_groups for receipt in receipts) else {}
    receipt = joined(receipts, events=len(result) + unseen, undated=undated, account_groups=groups, rows=len(result))
    result.attrs = {name: value for frame in several[::-1] for name, value in frame.attrs.items()}
    return _with(result, receipt.to_dict())


def with_receipt(frame: pd.DataFrame, *, like: pd.DataFrame) -> pd.DataFrame:
    """Give a frame the receipt of the events it was made from.

    It is for frames made by ``merge``, ``assign`` and other pandas functions that keep every row and drop the receipt.

    Parameters
    ----------
    frame : pandas.DataFrame
        Made from `like`, one row for each of its rows.
    like : pandas.DataFrame
        Events with a receipt.

    Returns
    -------
    pandas.DataFrame
        A new frame with the rows of `frame`.

    Raises
    ------
    InvalidArgument
        `like` has no receipt; or `frame` lost rows of it, or has further ones.

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
    _require_frame(frame, "frame")
    _require_frame(like, "like")
    receipt = receipt_of(like)
    if len(frame) != len(like):
        remedy = 'merge with how="left"' if len(frame) < len(like) else 'merge with validate="many_to_one"'
        raise InvalidArgument(
            f"frame: it has {len(frame):,} rows, and the events that it was made from have {len(like):,}; {remedy}, or "
            "take rows out with where() or between(), which change the receipt"
        )
    if "date" in frame and "date" in like:
        before, after = (each["date"].value_counts(dropna=False) for each in (like, frame))
        lost = int(before.sub(after, fill_value=0).clip(lower=0).sum())
        if lost:
            raise InvalidArgument(
                f"frame: {lost:,} of its rows have dates that the events it was made from lack, so rows were lost "
                'and others were doubled; merge with how="left" and validate="many_to_one"'
            )
    wider = frame.copy(deep=False)
    wider.attrs[ATTRS_KEY] = receipt.to_dict()
    return wider


def _require_frame(events: object, argument: str) -> None:
    if not isinstance(events, pd.DataFrame):
        raise InvalidArgument(f"{argument}: takes a pandas frame of events, not {type(events).__name__}. {SOURCES}")


def _listed(frames: object) -> list[Any]:
    if isinstance(frames, pd.DataFrame) or not isinstance(frames, Iterable):
        raise InvalidArgument(f"frames: takes several frames, such as [january, february], not {type(frames).__name__}")
    return list(frames)


def _with(frame: pd.DataFrame, plain: dict[str, Any]) -> pd.DataFrame:
    """Attach a receipt to a new frame, with counts taken from its rows."""
    counts: dict[str, Any] = {}
    if plain.get("account_groups") and "aid" in frame:
        counts["account_groups"] = _count_groups(frame)
    if plain.get("undated") and "date" in frame:
        counts["undated"] = int(frame["date"].isna().sum())
    frame.attrs[ATTRS_KEY] = plain | counts
    return frame


def _count_groups(events: pd.DataFrame) -> dict[str, int]:
    if "aid" not in events:
        return {}
    counts = events["aid"].value_counts(sort=False)
    groups = {str(aid): int(count) for aid, count in counts.items() if count}
    missing = int(events["aid"].isna().sum())
    return ({"": missing} if missing else {}) | groups


def _checked_mask(events: pd.DataFrame, mask: Any) -> _Mask:
    right = 'right is, for example, events["event"] == "Login failed."'
    if not pd.api.types.is_list_like(mask, allow_sets=False) or getattr(mask, "ndim", 1) != 1:
        raise InvalidArgument(f"mask: takes one truth value a row, not {type(mask).__name__}; {right}")
    if isinstance(mask, pd.Series) and not mask.index.equals(events.index):
        raise InvalidArgument(
            "mask: its index is not that of events, so it is not known which rows it means; make it from these events, "
            "or give mask.to_numpy() if it is in the order of their rows"
        )
    values = pd.Series(list(mask) if isinstance(mask, Iterator) else mask)
    values = values if len(values) else values.astype("bool")
    if len(values) != len(events):
        raise InvalidArgument(f"mask: it has {len(values):,} values, and events have {len(events):,} rows")
    if nulls := int(values.isna().sum()):
        raise InvalidArgument(
            f"mask: {nulls:,} of its values are null; say what they mean, for example with mask.fillna(False)"
        )
    if not (pd.api.types.is_bool_dtype(values.dtype) or all(isinstance(each, bool | np.bool_) for each in values)):
        raise InvalidArgument(f"mask: its values are {values.dtype}, not bool; {right}")
    return values.to_numpy(dtype=np.bool_)


def _dates_of(events: pd.DataFrame) -> pd.Series:
    if "date" not in events:
        raise NotAnAuditFrame(
            f"this frame does not hold audit events: it has no column 'date'. {SOURCES}", missing=["date"]
        )
    dates = events["date"]
    if not isinstance(dates, pd.Series):
        raise InvalidArgument("events: column 'date' stands there twice; keep one of them")
    if pd.api.types.is_datetime64_any_dtype(dates.dtype) and getattr(dates.dt, "tz", None) is not None:
        return dates
    raise NotAnAuditFrame(
        f"column 'date' is of dtype {dates.dtype}, not of timestamps with a time zone; convert it, for example with "
        'events["date"] = events["date"].dt.tz_localize("UTC")'
    )


def _require_same_columns(first: pd.DataFrame, frame: pd.DataFrame, number: int) -> None:
    if not frame.columns.is_unique:
        raise InvalidArgument(f"frames[{number}]: a column stands there twice")
    lacks = [name for name in first.columns if name not in frame.columns]
    further = [name for name in frame.columns if name not in first.columns]
    if lacks or further:
        sides = (("lacks", lacks), ("has", further))
        differences = " and ".join(f"{verb} {', '.join(map(repr, names))}" for verb, names in sides if names)
        raise InvalidArgument(
            f"frames[{number}]: its columns are not those of frames[0]: it {differences}. Give all frames the same "
            "columns, for example with frame[list(columns)]"
        )


def _merged(tables: Sequence[pa.Table], receipts: Sequence[Receipt]) -> pa.Table:
    """Return the rows of all frames; rows of overlapping periods are merged."""
    rows = undated = ARROW_SCHEMA.empty_table()
    done: list[Receipt] = []
    for table, receipt in zip(tables, receipts, strict=True):
        has_date = table["date"].is_valid()
        dated, without = table.filter(has_date), table.filter(pc.invert(has_date))
        overlapping = [each for each in done if _overlap(each, receipt)]
        parts = [rows, dated]
        if overlapping:
            (ours, rows), (theirs, dated) = _split(rows, [receipt]), _split(dated, overlapping)
            visible = pa.array(np.full(ours.num_rows, _may_have_changed(receipt, overlapping)))
            parts = [rows, dated, merge(ours, theirs, visible=visible).rows]
        rows = pa.concat_tables(parts)
        # No period has the events without a date, so every fetch may have had all of them.
        undated = merge(undated, without).rows if receipt.period else pa.concat_tables([undated, without])
        done.append(receipt)
    return in_order([*rows.to_batches(), *undated.to_batches()])


def _overlap(one: Receipt, other: Receipt) -> bool:
    a, b = one.period, other.period
    return a is not None and b is not None and a.start < b.end and b.start < a.end


def _split(rows: pa.Table, receipts: Sequence[Receipt]) -> tuple[pa.Table, pa.Table]:
    """Return the rows inside the period of any receipt, and the rows outside."""
    micros = rows["date"].cast(pa.int64()).to_numpy()
    inside = np.zeros(rows.num_rows, dtype=np.bool_)
    for period in (each.period for each in receipts if each.period is not None):
        start, end = ((moment - EPOCH) // timedelta(microseconds=1) for moment in (period.start, period.end))
        inside |= (micros >= start) & (micros < end)
    return rows.filter(pa.array(inside)), rows.filter(pa.array(~inside))


def _may_have_changed(receipt: Receipt, others: Sequence[Receipt]) -> bool:
    """Return whether events may have changed between these fetches; within one fetch nothing changes."""
    every = [*others, receipt]
    return is_same_scope(every) and is_same_filter(every) and not any(is_same_fetch(each, receipt) for each in others)


def _stacked(several: Sequence[pd.DataFrame], receipts: Sequence[Receipt]) -> pd.DataFrame:
    """Return frames with further columns, one after the other."""
    if any(_overlap(a, b) for number, a in enumerate(receipts) for b in receipts[:number]):
        odd = [name for name in several[0].columns if name not in COLUMNS] or list(several[0].columns)
        raise InvalidArgument(
            "frames: their periods overlap, and equal events can be told only by the columns of events alone, not with "
            f"{', '.join(map(repr, odd))}; join frames with just the columns {', '.join(COLUMNS)}, then add others"
        )
    columns = list(several[0].columns)
    stacked = pd.concat([frame[columns] for frame in several], ignore_index=True)
    return stacked.sort_values("date", kind="stable", na_position="last", ignore_index=True)
