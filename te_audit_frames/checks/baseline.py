"""Baseline: what people did before, as counts that are small whatever the length of their history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import Any, Literal, get_args

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.analysis.group_columns import as_lazy, column_to_arrow
from te_audit_frames.analysis.grouping import Grouper, collect
from te_audit_frames.checks.in_archive import read_in_chunks
from te_audit_frames.checks.in_engine import as_text, inside, plain_texts, utc_dates
from te_audit_frames.checks.in_memory import Bounds
from te_audit_frames.checks.networks import V4, V6, to_networks
from te_audit_frames.checks.people import PAIR, group_people, identities_of, number_people
from te_audit_frames.checks.vocabulary import failed_log_ins
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.periods import Instant, to_bounds
from te_audit_frames.schema import COLUMNS, require_columns

QUARTER = 900
"""Seconds of a quarter of an hour: the offsets of all time zones in use are whole ones."""

Part = Literal["moments", "networks", "texts", "groups"]
PARTS: tuple[Part, ...] = get_args(Part)

_KEYS: dict[Part, list[str]] = {
    "moments": [],
    "networks": ["ip_address"],
    "texts": ["event"],
    "groups": ["aid", "account_group_name"],
}
_STEPS: dict[Part, int | None] = {"moments": QUARTER, "networks": None, "texts": 86_400, "groups": None}
_MONDAY = 4  # the first Monday of 1970, in days


@dataclass(frozen=True, eq=False)
class Baseline:
    """A history in aggregated form. A part that was not read is empty.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per person: `uid`, `user` (the newest name), `events` (int64) and `last` (the date of the newest
        event). Other parts name people by their position here, as `person` (int64).
    moments : pandas.DataFrame
        `person`, `quarter` (the quarter of an hour, counted since 1970 in UTC; int64) and `events` (int64), in this
        order. Quarters fit every time zone; days and hours can be made of them.
    networks : pandas.DataFrame
        `person`, `network` (str), `first`, `last` (``datetime64[us, UTC]``) and `events`. Events without an address,
        and failed log-ins, are left out.
    texts : pandas.DataFrame
        `person`, `event` (str), `week` (the Monday, ``datetime64[us, UTC]``) and `events`.
    groups : pandas.DataFrame
        `person`, `aid`, `account_group_name` (str) and `events`.
    absent : tuple of str
        Columns that the history does not have.
    """

    people: pd.DataFrame
    moments: pd.DataFrame
    networks: pd.DataFrame
    texts: pd.DataFrame
    groups: pd.DataFrame
    absent: tuple[str, ...] = ()

    @property
    def events(self) -> int:
        """The dated events of the history."""
        return int(self.people["events"].sum())

    @property
    def last_event(self) -> datetime | None:
        """The date of the last event."""
        last = self.people["last"].max()
        return None if pd.isna(last) else last.to_pydatetime()

    def active_days(self) -> pd.Series:
        """Count the UTC days on which each person acted (int64, by the position in `people`)."""
        days = pd.DataFrame({"person": self.moments["person"], "day": self.moments["quarter"] // 96}).drop_duplicates()
        return days.groupby("person").size().reindex(self.people.index, fill_value=0).astype("int64")


def read_baseline(
    history: Any,
    *,
    parts: Collection[Part] = PARTS,
    start: Instant | None = None,
    end: Instant | None = None,
    v4: int = V4,
    v6: int = V6,
    vocabulary: str | PathLike[str] | None = None,
    argument: str = "history",
) -> Baseline:
    """Read a history into counts: per person by quarter of an hour, network, event text and account group.

    One reading serves all checks. An engine groups where the data is. An archive is read half a million events at a
    time, so memory grows with the number of different quarters, not of events.

    Parameters
    ----------
    history : frame of any supported library, Archive, Baseline, or None
        What happened before; None is nothing. A baseline is returned as it is.
    parts : collection of {"moments", "networks", "texts", "groups"}
        What to count.
    start, end : str, datetime, date or pandas.Timestamp, optional
        Only events of this half-open period.
    v4, v6 : int
        How many leading bits make a network.
    vocabulary : path, optional
        A table of words of your own; see `classify_events`.
    argument : str
        What messages call the history.

    Returns
    -------
    Baseline

    Raises
    ------
    NotAnAuditFrame
        `date` is missing, or both `uid` and `user` are, or `event` if texts are counted.
    InvalidArgument
        `history` is no frame and no archive, or another argument is wrong.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.checks.baseline import read_baseline
    >>> page = b'''{"auditEvents": [
    ...     {"date": "2026-03-02T08:01:00Z", "event": "User login.", "uid": "7", "user": "Ada"},
    ...     {"date": "2026-03-02T08:14:00Z", "event": "Test deleted.", "uid": "7", "user": "Ada"}]}'''
    >>> baseline = read_baseline(taf.read_pages([page]))
    >>> baseline.moments["events"].tolist(), baseline.active_days().tolist()
    ([2], [1])
    """
    if isinstance(history, Baseline):
        return history
    bounds = to_bounds(start, end)
    tally = _Tally(tuple(part for part in PARTS if part in parts), v4, v6, vocabulary)
    try:
        return _count(_NOTHING if history is None else history, tally, bounds)
    except NotAnAuditFrame as error:
        raise NotAnAuditFrame(f"{argument}: {error}", missing=error.missing) from None
    except InvalidArgument as error:
        raise InvalidArgument(f"{argument}: {str(error).removeprefix('events: ')}") from None


def _count(history: Any, tally: _Tally, bounds: Bounds) -> Baseline:
    if is_archive(history):
        present: Sequence[str] = COLUMNS
        for chunk in read_in_chunks(history, tally.reading(present), bounds):
            tally.add(*_in_memory(chunk, tally.reading(present)))
    elif isinstance(history, pd.DataFrame | pa.Table):
        present = [str(name) for name in getattr(history, "column_names", history.columns)]
        grouper, values = _in_memory(history, tally.reading(present))
        kept = Grouper(grouper.frame.filter(inside(bounds)), [])
        tally.add(kept, values)
    else:
        lazy = as_lazy(history)
        kinds = lazy.collect_schema()
        present = kinds.names()
        columns = [as_text(name, kinds[name]) for name in tally.reading(present) if name != "date"]
        tally.add(Grouper(lazy.select(utc_dates(lazy), *columns).filter(inside(bounds)), []), {})
    return tally.result(present)


def find_people(people: pd.DataFrame, among: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the position of each person among others, by `uid`, or by `user` if they have none; -1 if not there."""
    places = {who: place for place, who in enumerate(identities_of(among))}
    return np.array([places.get(who, -1) for who in identities_of(people)], dtype="int64")


def _in_memory(events: pd.DataFrame | pa.Table, names: Sequence[str]) -> tuple[Grouper, dict[str, pa.Array]]:
    """Encode text as integers, which are grouped many times faster, and return what each integer means."""
    columns, values = {}, {}
    for name in names:
        array = column_to_arrow(events[name], name)
        if name != "date":
            encoded = array.dictionary_encode()
            array, values[name] = encoded.indices, encoded.dictionary
        columns[name] = array
    lazy = nw.from_native(pa.table(columns)).lazy()
    return Grouper(lazy.filter(~nw.col("date").is_null()), []), values


@dataclass
class _Tally:
    """Adds up the counts of one chunk of history after the other."""

    parts: tuple[Part, ...]
    v4: int
    v6: int
    vocabulary: str | PathLike[str] | None = None
    pairs: dict[tuple[str | None, str | None], int] = field(default_factory=dict)
    seen: list[pd.DataFrame] = field(default_factory=list)
    counted: dict[Part, list[pd.DataFrame]] = field(default_factory=lambda: {part: [] for part in PARTS})

    def reading(self, present: Collection[str]) -> list[str]:
        """List the columns to read."""
        require_columns(present, ["date"])
        if not {"uid", "user"} & set(present):
            require_columns(present, ["uid", "user"])
        if "texts" in self.parts:
            require_columns(present, ["event"])
        keys = [key for part in self.parts for key in _KEYS[part]]
        if "networks" in self.parts:
            keys.append("event")
        return ["date", *(name for name in dict.fromkeys((*PAIR, *keys)) if name in present)]

    def add(self, grouper: Grouper, values: dict[str, pa.Array]) -> None:
        """Count the events of a chunk."""
        names = set(grouper.frame.collect_schema().names())
        who = [name for name in PAIR if name in names]
        groups = grouper.count(who)
        self.seen.append(self._numbered(groups, who, values).drop(columns="first"))
        for part in self.parts:
            keys = [key for key in _KEYS[part] if key in names]
            if keys or part == "moments":
                counting = self._without_failed_log_ins(grouper, values) if part == "networks" else grouper
                groups = counting.count([*who, *keys], step=_STEPS[part])
                if not len(groups):
                    continue
                numbered = self._numbered(groups, who, values)
                if part == "texts":  # engines count steps from 1970 on, a Thursday
                    numbered["step"] -= (numbered["step"] - _MONDAY) % 7
                    numbered = numbered.groupby([*numbered.columns.drop("events")], dropna=False, as_index=False).sum()
                for key in keys:
                    numbered[key] = _decode(numbered[key], values.get(key))
                self.counted[part].append(_compact(numbered))

    def _without_failed_log_ins(self, grouper: Grouper, values: dict[str, pa.Array]) -> Grouper:
        """Leave out failed log-ins: they need not be by the person, and make no network known."""
        frame = grouper.frame
        if "event" not in frame.collect_schema().names():
            return grouper
        if "event" in values:
            texts = values["event"].to_pylist()
            failed: list[Any] = [texts.index(text) for text in failed_log_ins(texts, self.vocabulary)]
        else:
            texts = plain_texts(collect(frame.select("event").unique())["event"])
            failed = failed_log_ins(texts, self.vocabulary)
        if not failed:
            return grouper
        return Grouper(frame.filter(~nw.col("event").is_in(failed).fill_null(False)), [])

    def _numbered(self, groups: pd.DataFrame, who: list[str], values: dict[str, pa.Array]) -> pd.DataFrame:
        """Replace `uid` and `user` by the number of their pair."""
        found = groups.groupby(who, dropna=False, sort=False)
        different = groups.loc[~groups.duplicated(who), who]
        texts = {name: plain_texts(_decode(different[name], values.get(name))) for name in who}
        nothing = [None] * len(different)
        pairs = zip(texts.get("uid", nothing), texts.get("user", nothing), strict=True)
        numbers = np.array([self.pairs.setdefault(pair, len(self.pairs)) for pair in pairs], dtype="int64")
        return groups.drop(columns=who).assign(pair=numbers[found.ngroup().to_numpy()])

    def result(self, present: Collection[str]) -> Baseline:
        """Make people of the pairs, and add up their counts."""
        pairs = pd.DataFrame(
            {name: pd.array([pair[at] for pair in self.pairs], dtype="str") for at, name in enumerate(PAIR)}
        )
        seen = pd.concat([_NO_PAIRS, *self.seen], ignore_index=True).groupby("pair")
        totals = seen.agg(events=("events", "sum"), last=("last", "max"))
        pairs = pairs.join(totals)
        people = group_people(pairs)
        person = number_people(pairs, people)
        last = pairs.groupby(person)["last"].max()
        people = people.assign(last=last.astype("datetime64[us, UTC]"))
        frames = {part: self._joined(part, person) for part in PARTS}
        read = [key for part in self.parts for key in _KEYS[part]]
        absent = tuple(name for name in dict.fromkeys([*PAIR, *read]) if name not in present)
        return Baseline(people, **frames, absent=absent)

    def _joined(self, part: Part, person: npt.NDArray[np.int64]) -> pd.DataFrame:
        parts = self.counted[part]
        if part == "moments":
            return _add_quarters(parts, person)
        rows = pd.concat(parts, ignore_index=True) if parts else _EMPTY
        rows = rows.assign(person=person[rows["pair"].to_numpy()], events=rows["events"].astype("int64"))
        rows["step"] = rows["step"].astype("int64") if "step" in rows else 0
        if part == "networks":
            return self._networks(rows)
        for name in _KEYS[part]:
            rows[name] = rows[name].astype("str") if name in rows else pd.array([None] * len(rows), dtype="str")
        if part == "groups":
            keys = ["person", "aid", "account_group_name"]
            return rows.groupby(keys, dropna=False)["events"].sum().reset_index()
        rows["week"] = pd.to_datetime(rows["step"] * 86_400, unit="s", utc=True).astype("datetime64[us, UTC]")
        return rows.groupby(["person", "event", "week"], dropna=False)["events"].sum().reset_index()

    def _networks(self, rows: pd.DataFrame) -> pd.DataFrame:
        addresses = rows["ip_address"] if "ip_address" in rows else pd.Series(dtype="str")
        rows = rows.assign(network=to_networks(addresses.astype("str"), v4=self.v4, v6=self.v6))
        groups = rows.dropna(subset=["network"]).groupby(["person", "network"], as_index=False)
        found = groups.agg(first=("first", "min"), last=("last", "max"), events=("events", "sum"))
        return found.astype({"first": "datetime64[us, UTC]", "last": "datetime64[us, UTC]", "network": "str"})


def _compact(rows: pd.DataFrame) -> pd.DataFrame:
    """Halve the memory of what is kept of every chunk."""
    small = {name: "int32" for name in ("pair", "step", "events") if name in rows}
    return rows.astype(small)


def _add_quarters(parts: list[pd.DataFrame], person: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Sort by person and quarter, and add up the events of those that occur several times; empties `parts`."""
    keys, counts = [np.zeros(0, dtype="int64")], [np.zeros(0, dtype="int32")]
    while parts:
        part = parts.pop()
        keys.append((person[part["pair"].to_numpy()] << 32) + (part["step"].to_numpy(dtype="int64") + 2**31))
        counts.append(part["events"].to_numpy())
        del part
    # A history may have tens of millions of quarters: nothing is kept twice for longer than it takes to sort.
    key, events = np.concatenate(keys), np.concatenate(counts)
    del keys, counts
    order = np.argsort(key, kind="stable")
    key, events = key[order], events[order]
    del order
    starts = np.flatnonzero(np.diff(key, prepend=key[:1] - 1))
    events = np.add.reduceat(events, starts, dtype="int64") if len(starts) else events.astype("int64")
    key = key[starts]
    return pd.DataFrame({"person": key >> 32, "quarter": (key & (2**32 - 1)) - 2**31, "events": events})


def _decode(values: pd.Series, different: pa.Array | None) -> pd.Series:
    if different is None:
        return values
    codes = pa.array(values, pa.int32(), from_pandas=True)
    return pd.Series(pd.array(different.take(codes), dtype="str"), index=values.index)


_NOTHING = pd.DataFrame(
    {
        "date": pd.array([], dtype="datetime64[us, UTC]"),
        "uid": pd.array([], dtype="str"),
        "event": pd.array([], dtype="str"),
    }
)
_NO_PAIRS = pd.DataFrame(
    {
        "events": np.array([], dtype="int64"),
        "last": pd.array([], dtype="datetime64[us, UTC]"),
        "pair": np.array([], dtype="int64"),
    }
)
_EMPTY = pd.DataFrame(
    {
        "pair": np.array([], dtype="int64"),
        "step": np.array([], dtype="int64"),
        "events": np.array([], dtype="int64"),
        "first": pd.array([], dtype="datetime64[us, UTC]"),
        "last": pd.array([], dtype="datetime64[us, UTC]"),
    }
)
