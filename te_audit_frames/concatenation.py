"""Frames joined into one, with one receipt for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.frames import count_groups, dates_of, require_frame, with_counts
from te_audit_frames.merge import merge
from te_audit_frames.periods import Period, epoch_micros
from te_audit_frames.receipt_arithmetic import is_same_fetch, is_same_filter, is_same_scope, joined
from te_audit_frames.receipts import Receipt
from te_audit_frames.receipts import receipt as receipt_of
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, in_order, to_arrow, to_events

_Span = tuple[int, int]
"""A half-open range of time in microseconds since 1970."""


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join frames of events into one, and their receipts too.

    The joined receipt is complete if every receipt is complete, the periods touch or overlap, and all frames have the
    same scope and filters. Otherwise its notes state what is missing or differs.

    If periods overlap, an event that two frames share is kept once. Equal events can be real, so each is kept as often
    as in the frame that has the most of it. Events that changed between two fetches are recognised, as in
    `Archive.sync`.

    Do not split a frame with plain pandas and join the pieces: two equal events, one in each piece, would become one.
    Split it with `between`.

    Parameters
    ----------
    frames : iterable of pandas.DataFrame
        Frames with receipts and the same columns.

    Returns
    -------
    pandas.DataFrame
        A new frame in ascending `date`, with events without a date at the end and with a new index.

    Raises
    ------
    InvalidArgument
        `frames` is empty, one of them is not a frame or has no receipt, or their columns differ; or periods overlap and
        the frames do not have exactly the columns of events.
    NotAnAuditFrame
        A column is missing, or has values that its type cannot hold.

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
        raise InvalidArgument("frames: there is no frame to join. Give at least one, for example [january, february].")
    receipts = []
    for number, frame in enumerate(several):
        require_frame(frame, f"frames[{number}]")
        try:
            receipts.append(receipt_of(frame))
        except InvalidArgument as error:
            raise InvalidArgument(f"frames[{number}]: {error}") from None
        _require_same_columns(several[0], frame, number)
        dates_of(frame)
    # Earlier fetches come first: if two fetches have the same event, the merge keeps the values of the first one.
    order = sorted(range(len(several)), key=lambda number: (receipts[number].fetched_at, number))
    several, receipts = [several[number] for number in order], [receipts[number] for number in order]
    unseen = sum(abs(receipt.events - len(frame)) for receipt, frame in zip(receipts, several, strict=True))
    if set(several[0].columns) == set(COLUMNS):
        result = to_events(_merged([to_arrow(frame) for frame in several], receipts))
    else:
        result = _stacked(several, receipts)
    undated = int(result["date"].isna().sum())
    groups = count_groups(result) if any(receipt.account_groups for receipt in receipts) else {}
    receipt = joined(receipts, events=len(result) + unseen, undated=undated, account_groups=groups, rows=len(result))
    result.attrs = {name: value for frame in several[::-1] for name, value in frame.attrs.items()}
    return with_counts(result, receipt.to_dict())


def _listed(frames: object) -> list[Any]:
    if isinstance(frames, pd.DataFrame) or not isinstance(frames, Iterable):
        raise InvalidArgument(
            f"frames: takes a list of frames, such as [january, february], not {type(frames).__name__}."
        )
    return list(frames)


def _require_same_columns(first: pd.DataFrame, frame: pd.DataFrame, number: int) -> None:
    if not frame.columns.is_unique:
        raise InvalidArgument(f"frames[{number}]: two columns have the same name. Rename one of them.")
    lacks = [name for name in first.columns if name not in frame.columns]
    further = [name for name in frame.columns if name not in first.columns]
    if lacks or further:
        sides = (("lacks", lacks), ("has", further))
        differences = " and ".join(f"{verb} {', '.join(map(repr, names))}" for verb, names in sides if names)
        raise InvalidArgument(
            f"frames[{number}]: its columns differ from those of frames[0]: it {differences}. Give all frames the same "
            "columns, for example with frame[list(columns)]."
        )


def _merged(tables: Sequence[pa.Table], receipts: Sequence[Receipt]) -> pa.Table:
    """Return the rows of all frames; rows of overlapping periods are merged."""
    rows = undated = ARROW_SCHEMA.empty_table()
    done: list[tuple[Receipt, _Span]] = []
    for table, receipt in zip(tables, receipts, strict=True):
        has_date = table["date"].is_valid()
        dated, without = table.filter(has_date), table.filter(pc.invert(has_date))
        span = _span(dated, receipt)
        overlapping = [(other, theirs) for other, theirs in done if theirs[0] < span[1] and span[0] < theirs[1]]
        parts = [rows, dated]
        if overlapping and receipt.period is not None:
            (ours, rows), (theirs, dated) = _split(rows, [span]), _split(dated, [each for _, each in overlapping])
            visible = _inside(ours, [_micros(receipt.period)])
            visible &= _may_have_changed(receipt, [other for other, _ in overlapping])
            parts = [rows, dated, merge(ours, theirs, visible=pa.array(visible)).rows]
        rows = pa.concat_tables(parts)
        # Events without a date belong to no period, so every fetch may have seen all of them.
        undated = merge(undated, without).rows if receipt.period else pa.concat_tables([undated, without])
        if receipt.period is not None:
            done.append((receipt, span))
    return in_order([*rows.to_batches(), *undated.to_batches()])


def _micros(period: Period) -> _Span:
    start, end = map(epoch_micros, period)
    return start, end


def _span(dated: pa.Table, receipt: Receipt) -> _Span:
    """Return the period of the receipt, extended to all rows, in microseconds.

    An archive may hold imported events of days that its receipt does not cover.
    """
    bounds = [_micros(receipt.period)] if receipt.period is not None else []
    if dated.num_rows:
        dates = pc.min_max(dated["date"].cast(pa.int64()))
        bounds.append((dates["min"].as_py(), dates["max"].as_py() + 1))
    return min((start for start, _ in bounds), default=0), max((end for _, end in bounds), default=0)


def _inside(rows: pa.Table, spans: Sequence[_Span]) -> npt.NDArray[np.bool_]:
    micros = rows["date"].cast(pa.int64()).to_numpy()
    inside = np.zeros(rows.num_rows, dtype=np.bool_)
    for start, end in spans:
        inside |= (micros >= start) & (micros < end)
    return inside


def _split(rows: pa.Table, spans: Sequence[_Span]) -> tuple[pa.Table, pa.Table]:
    """Return the rows inside any of the spans, and the rows outside."""
    inside = _inside(rows, spans)
    return rows.filter(pa.array(inside)), rows.filter(pa.array(~inside))


def _overlap(one: Receipt, other: Receipt) -> bool:
    a, b = one.period, other.period
    return a is not None and b is not None and a.start < b.end and b.start < a.end


def _may_have_changed(receipt: Receipt, others: Sequence[Receipt]) -> bool:
    """Return whether an event may have changed from one fetch to another. Within one fetch nothing changes."""
    every = [*others, receipt]
    return is_same_scope(every) and is_same_filter(every) and not any(is_same_fetch(each, receipt) for each in others)


def _stacked(several: Sequence[pd.DataFrame], receipts: Sequence[Receipt]) -> pd.DataFrame:
    """Join frames whose columns are not exactly those of events, sorted by date."""
    if any(_overlap(a, b) for number, a in enumerate(receipts) for b in receipts[:number]):
        odd = [name for name in several[0].columns if name not in COLUMNS] or list(several[0].columns)
        raise InvalidArgument(
            "frames: their periods overlap, and shared events can be found only in frames with exactly the columns of "
            f"events, not with {', '.join(map(repr, odd))}. Join frames with the columns {', '.join(COLUMNS)}, and add "
            "the others afterwards."
        )
    columns = list(several[0].columns)
    stacked = pd.concat([frame[columns] for frame in several], ignore_index=True)
    return stacked.sort_values("date", kind="stable", na_position="last", ignore_index=True)
