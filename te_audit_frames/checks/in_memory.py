"""Frames in memory: what a check asks of them, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.group_columns import column_to_arrow
from te_audit_frames.checks.people import PAIR
from te_audit_frames.checks.text.event_text import read
from te_audit_frames.checks.text.reading import UNCLASSIFIED, Reading
from te_audit_frames.checks.text.words import Tables
from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.periods import Bounds, epoch_micros
from te_audit_frames.schema import ARROW_SCHEMA, SOURCES

Keep = Callable[[str, str, str], bool]
"""Which classes to keep, by action, object and outcome."""


# The texts and the people of a `Part` if nobody asks for them.
NO_TEXTS = pd.DataFrame({"event": pd.array([], dtype="str"), "events": np.array([], dtype="int64")})
NO_PAIRS = pd.DataFrame(
    {
        "uid": pd.array([], dtype="str"),
        "user": pd.array([], dtype="str"),
        "events": np.array([], dtype="int64"),
        "last": pd.array([], dtype="datetime64[us, UTC]"),
    }
)


@dataclass(frozen=True)
class Plan:
    """What a check asks of events.

    Attributes
    ----------
    columns : list of str
        The columns of the result, in their order.
    present : frozenset of str
        The columns that the events have.
    people, keep, with_object, vocabulary
        See `te_audit_frames.checks.selection.select`.
    tables : Tables or None
        The loaded vocabulary; None without `keep`.
    bounds : tuple of datetime or None
        The period.
    """

    columns: list[str]
    present: frozenset[str]
    people: bool
    keep: Keep | None
    with_object: bool
    vocabulary: str | PathLike[str] | None
    tables: Tables | None
    bounds: Bounds

    @property
    def absent(self) -> tuple[str, ...]:
        """The columns of the result that the events do not have."""
        return tuple(name for name in self.columns if name not in self.present)

    def reading(self) -> list[str]:
        """List the columns to read, with the resources if they may decide an object."""
        may_decide = ["resources"] if self.keep and self.with_object and "resources" in self.present else []
        return [name for name in dict.fromkeys([*self.columns, *may_decide]) if name in self.present]

    def may_keep(self, text: str | None) -> bool:
        """Return whether an event with this text may be kept, whatever its resource is."""
        assert self.keep is not None and self.tables is not None  # noqa: S101  # nosec B101
        reading = self.read(text)
        objects = [reading.object]
        if self.with_object and is_open(reading):
            objects += self.tables.resource_types.values()
        return any(self.keep(reading.action, name, reading.outcome) for name in objects)

    def read(self, text: str | None) -> Reading:
        """Return what a text says by itself."""
        assert self.tables is not None  # noqa: S101  # nosec B101
        return Reading() if text is None else read(text, self.tables)


def is_open(reading: Reading) -> bool:
    """Whether the type of an event's resource decides its object."""
    return reading.action != UNCLASSIFIED and reading.object == UNCLASSIFIED


@dataclass(frozen=True)
class Part:
    """Some of the events, read.

    Attributes
    ----------
    rows : pyarrow.Table
        The columns to read, of the events that may be kept.
    events, undated : int
        How many events lie in the period, and how many have no date.
    first, last : datetime or None
        The dates of the first and the last event of the period.
    texts : pandas.DataFrame
        `event` and `events`: how often each text occurs. Empty if nothing is classified.
    pairs : pandas.DataFrame
        `uid`, `user`, `events` and `last`, as `group_people` takes them. Empty if people do not matter.
    """

    rows: pa.Table
    events: int
    undated: int
    first: datetime | None
    last: datetime | None
    texts: pd.DataFrame
    pairs: pd.DataFrame


def read_memory(events: pd.DataFrame | pa.Table, plan: Plan) -> Part:
    """Read what is asked for from a pandas frame or an Arrow table; only rows that may be kept are copied."""
    dates = column_to_arrow(events["date"], "date")
    micros = dates.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy(zero_copy_only=False)
    dated = dates.is_valid().to_numpy(zero_copy_only=False)
    inside = dated & _within(micros, plan.bounds)
    found = micros[inside]
    texts = NO_TEXTS
    kept = inside
    if plan.keep is not None:
        codes, different = _codes(column_to_arrow(events["event"], "event"))
        texts = _count_texts(codes[inside], different)
        may_keep = np.zeros(len(different), dtype="bool")
        used = np.flatnonzero(np.bincount(codes[inside], minlength=len(different)))
        may_keep[used] = [plan.may_keep(different[code]) for code in used]
        kept = inside & may_keep[codes]
    chosen = np.flatnonzero(kept)
    everything = len(chosen) == len(kept)
    columns = {}
    for name in plan.reading():
        column = events[name]
        if not everything:
            column = column.iloc[chosen] if isinstance(column, pd.Series) else column.take(pa.array(chosen))
        columns[name] = read_column(column, name)
    return Part(
        pa.table(columns),
        len(found),
        int(len(dated) - dated.sum()),
        _moment(found.min()) if len(found) else None,
        _moment(found.max()) if len(found) else None,
        texts,
        _pairs(events, plan, inside, micros) if plan.people else NO_PAIRS,
    )


def _within(micros: npt.NDArray[np.int64], bounds: Bounds) -> npt.NDArray[np.bool_]:
    start, end = (None if bound is None else epoch_micros(bound) for bound in bounds)
    inside = np.ones(len(micros), dtype="bool")
    if start is not None:
        inside &= micros >= start
    if end is not None:
        inside &= micros < end
    return inside


def _moment(micros: Any) -> datetime:
    return pd.Timestamp(int(micros), unit="us", tz="UTC").to_pydatetime()


def _codes(values: pa.Array) -> tuple[npt.NDArray[np.int64], list[str | None]]:
    """Return the index of each value among the distinct ones, and the distinct values, with null at the end."""
    encoded = values.dictionary_encode()
    different = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(different)).to_numpy(zero_copy_only=False).astype("int64")
    return codes, [*different, None]


def _count_texts(codes: npt.NDArray[np.int64], different: list[str | None]) -> pd.DataFrame:
    counts = np.bincount(codes, minlength=len(different))
    return pd.DataFrame({"event": pd.array(different, dtype="str"), "events": counts})[counts > 0]


def _pairs(
    events: pd.DataFrame | pa.Table, plan: Plan, inside: npt.NDArray[np.bool_], micros: npt.NDArray[np.int64]
) -> pd.DataFrame:
    coded = []
    for name in PAIR:
        if name in plan.present:
            codes, different = _codes(column_to_arrow(events[name], name))
        else:
            codes, different = np.zeros(len(micros), dtype="int64"), [None]
        coded.append((codes, pd.array(different, dtype="str")))
    (uid, uids), (user, users) = coded
    numbers, pairs = pd.factorize((uid * len(users) + user)[inside])
    last = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(last, numbers, micros[inside])
    return pd.DataFrame(
        {
            "uid": uids.take(pairs // len(users)),
            "user": users.take(pairs % len(users)),
            "events": np.bincount(numbers, minlength=len(pairs)),
            "last": pd.Series(last).astype("datetime64[us]").dt.tz_localize("UTC"),
        }
    )


def read_column(values: Any, name: str) -> pa.ChunkedArray:
    """Convert a column of any library to Arrow, with the type that events have."""
    if name != "resources":
        return pa.chunked_array([column_to_arrow(values, name)])
    kind = ARROW_SCHEMA.field(name).type
    try:
        if isinstance(values, pd.Series):
            values = pa.array(values, type=kind if values.dtype == "object" else None, from_pandas=True)
        return pa.chunked_array([values] if isinstance(values, pa.Array) else values.chunks, values.type).cast(kind)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NotAnAuditFrame(f"column {name!r} cannot be read as {kind}: {error}. {SOURCES}") from None
