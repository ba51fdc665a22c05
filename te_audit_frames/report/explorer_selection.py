"""The selection of an explorer: which events it has, as a filter of a frame, as SQL, and as a line of code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.checks.in_memory import read_column
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.frames import between, where

Range = tuple[int, int]
"""The first and the last, both included."""

NOTHING: Range = (0, -1)
"""A range that has no number in it."""

CONVERSIONS = ("", '.astype("str")', '.astype("Int64").astype("str")')
"""Code that turns a pandas column into the text that the views show. The first that works is used."""


@dataclass(frozen=True)
class Values:
    """Some values of a column.

    Attributes
    ----------
    column : str
        The column of events.
    texts : tuple of str
        The values.
    unless : str or None
        The column that must be null, because it comes first in naming a person or an account group.
    with_null : bool
        Whether null is one of the values.
    """

    column: str
    texts: tuple[str, ...] = ()
    unless: str | None = None
    with_null: bool = False


@dataclass(frozen=True)
class Selection:
    """Which events an explorer has selected. An attribute at its default limits nothing.

    Attributes
    ----------
    start, end : datetime or None
        The half-open period, in UTC and in whole seconds.
    choices : sequence of sequence of Values
        One entry for each view with a choice. An event must match one of its values.
    days, hours : tuple of int, or None
        The days of the week, Monday being 0, and the hours of the day.
    zone : str
        The time zone of days and hours.
    """

    start: datetime | None = None
    end: datetime | None = None
    choices: Sequence[Sequence[Values]] = field(default_factory=tuple)
    days: Range | None = None
    hours: Range | None = None
    zone: str = "UTC"

    @property
    def label(self) -> str:
        """The name of the filter in the receipt.

        `concat` treats filters of one name as the same filter. So the name depends on what was chosen, but not on the
        period.
        """
        return f"explorer {hashlib.sha256(' AND '.join(self._conditions()).encode()).hexdigest()[:8]}"

    def apply(self, events: pd.DataFrame, conversions: Mapping[str, str]) -> pd.DataFrame:
        """Return the selected events of a pandas frame, with the receipt of the selection.

        Parameters
        ----------
        events : pandas.DataFrame
            Events.
        conversions : mapping of str to str
            For columns that are not text, the one of `CONVERSIONS` that makes them text.
        """
        mask = self._mask(events, conversions)
        kept = events.copy(deep=False) if mask is None else where(events, mask, label=self.label)
        return kept if self.start is None and self.end is None else between(kept, start=self.start, end=self.end)

    def _mask(self, events: pd.DataFrame, conversions: Mapping[str, str]) -> npt.NDArray[np.bool_] | None:
        masks = [
            np.logical_or.reduce([_find(events, values, conversions) for values in choice])
            for choice in self.choices
            if choice
        ]
        for limits, part in ((self.days, "day_of_week"), (self.hours, "hour")):
            if limits is not None:
                local = getattr(events["date"].dt.tz_convert(self.zone).dt, part)
                masks.append(local.between(*limits).to_numpy(dtype=np.bool_, na_value=False))
        return np.logical_and.reduce(masks) if masks else None

    def to_code(self, conversions: Mapping[str, str], *, name: str = "events", load: bool = False) -> str:
        """Return a line of Python that selects the same events.

        Parameters
        ----------
        conversions : mapping of str to str
            For columns that are not text, the one of `CONVERSIONS` that makes them text.
        name : str
            The variable that holds the events, or the archive.
        load : bool
            Whether the events are an archive, from which the line loads them.
        """
        bounds = ", ".join(
            f'{key}="{_iso(moment)}"' for key, moment in (("start", self.start), ("end", self.end)) if moment
        )
        source = f"{name}.load({bounds})" if load else name
        conditions = [_join([_code(values, conversions) for values in choice]) for choice in self.choices if choice]
        for limits, part in ((self.days, "day_of_week"), (self.hours, "hour")):
            if limits is not None:
                first, last = limits
                local = f'events["date"].dt.tz_convert({_quoted(self.zone)}).dt.{part}'
                conditions.append(f"{local}.between({first}, {last})")
        if conditions:
            held = f"events := {source}" if load else "events"
            kept = f'taf.where({held}, {" & ".join(conditions)}, label="{self.label}")'
        else:
            kept = source
        return kept if load or not bounds else f"taf.between({kept}, {bounds})"

    def to_sql(self) -> str:
        """Return the condition in DuckDB's SQL; empty if nothing limits the selection."""
        conditions = [f"\"date\" >= TIMESTAMPTZ '{_iso(self.start)}'"] if self.start else []
        conditions += [f"\"date\" < TIMESTAMPTZ '{_iso(self.end)}'"] if self.end else []
        return " AND ".join([*conditions, *self._conditions()])

    def _conditions(self) -> list[str]:
        """Return the conditions other than the period, in SQL."""
        conditions = [_join_sql([_sql(values) for values in choice]) for choice in self.choices if choice]
        local = f'timezone({quote(self.zone)}, "date"::TIMESTAMPTZ)'
        if self.zone.startswith(("UTC+", "UTC-")):  # DuckDB does not accept zones of this form
            seconds = round(pd.Timestamp(0, tz=self.zone).tz_localize(None).timestamp())
            local = f"timezone('UTC', \"date\"::TIMESTAMPTZ) + INTERVAL '{seconds} seconds'"
        for limits, read in ((self.days, f"isodow({local}) - 1"), (self.hours, f"hour({local})")):
            if limits is not None:
                conditions.append(f"{read} BETWEEN {limits[0]} AND {limits[1]}")
        return conditions


def find_conversions(events: pd.DataFrame, facets: Mapping[str, Mapping[str, Values]]) -> dict[str, str]:
    """Return how the columns that are not text are turned into the texts of facets.

    Raises
    ------
    InvalidArgument
        None of `CONVERSIONS` makes the texts of a column.
    """
    chosen = {values.column for texts in facets.values() for values in texts.values()}
    conversions = {}
    for name in sorted(chosen):
        column = events[name]
        if str(column.dtype) in ("str", "string"):
            continue
        conversion = _find_conversion(column, read_column(column, name).cast(pa.large_string()))
        if conversion is None:
            raise InvalidArgument(
                f"events: the values of column {name!r}, of the type {column.dtype}, are not text, and the explorer "
                f"would not find them again. Turn it into text first: events[{name!r}] = "
                f'events[{name!r}].astype("str").'
            )
        conversions[name] = conversion
    return conversions


def _find_conversion(column: pd.Series, texts: pa.ChunkedArray) -> str | None:
    """Return the one of `CONVERSIONS` that turns a column into these texts, or None if there is none."""
    expected = texts.to_pandas().to_numpy(dtype=object)
    there = column.notna().to_numpy(dtype=np.bool_)
    for conversion in CONVERSIONS:
        try:
            found = _convert(column, conversion).to_numpy(dtype=object)
        except (TypeError, ValueError):  # not whole numbers
            continue
        if np.array_equal(found[there], expected[there]):
            return conversion
    return None


def _convert(column: pd.Series, conversion: str) -> pd.Series:
    """Turn a column into text by one of `CONVERSIONS`."""
    for kind in re.findall(r'astype\("(\w+)"\)', conversion):
        column = column.astype(kind)
    return column


def merge_values(chosen: Any, texts: Mapping[str, Values]) -> list[Values]:
    """Return the values that were clicked, those of one column merged."""
    clicked = [text for point in chosen for text in (point if isinstance(point, list) else [point])]
    merged: dict[tuple[str, str | None], Values] = {}
    for values in (texts[text] for text in clicked):
        place = (values.column, values.unless)
        other = merged.get(place, Values(values.column, (), values.unless))
        merged[place] = Values(
            values.column, other.texts + values.texts, values.unless, other.with_null or values.with_null
        )
    return list(merged.values())


def _find(events: pd.DataFrame, values: Values, conversions: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    column = events[values.column]
    texts = _convert(column, conversions.get(values.column, ""))
    found = texts.isin(values.texts).to_numpy(dtype=np.bool_)
    if values.with_null:
        found = found | column.isna().to_numpy(dtype=np.bool_)
    if values.unless is not None:
        found = found & events[values.unless].isna().to_numpy(dtype=np.bool_)
    return found


def _code(values: Values, conversions: Mapping[str, str]) -> str:
    column = f"events[{_quoted(values.column)}]"
    text = f"{column}{conversions.get(values.column, '')}"
    found = [f"{text}.isin([{', '.join(map(_quoted, values.texts))}])"] if values.texts else []
    found += [f"{column}.isna()"] if values.with_null else []
    code = _join(found)
    return code if values.unless is None else f"({code} & events[{_quoted(values.unless)}].isna())"


def _join(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def _quoted(text: str) -> str:
    # Names hold whatever somebody typed: no character may act on a terminal or turn the line around.
    quoted = ascii(text) if not text.isprintable() else repr(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted


def _sql(values: Values) -> str:
    column = f'"{values.column}"'
    found = [f"{column}::VARCHAR IN ({', '.join(map(quote, values.texts))})"] if values.texts else []
    found += [f"{column} IS NULL"] if values.with_null else []
    sql = _join_sql(found)
    return sql if values.unless is None else f'({sql} AND "{values.unless}" IS NULL)'


def _join_sql(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def quote(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
