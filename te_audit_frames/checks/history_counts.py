"""Counts of a history, chunk by chunk: per person by quarter of an hour, network, event text and account group."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal, NamedTuple, get_args

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.grouping import Grouper, collect
from te_audit_frames.checks.networks import to_networks
from te_audit_frames.checks.people import PAIR, group_people, number_people, plain_texts
from te_audit_frames.checks.vocabulary import failed_log_ins
from te_audit_frames.schema import require_columns

QUARTER = 900
"""Seconds of a quarter of an hour: the offsets of all time zones in use are whole quarters."""

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


class Totals(NamedTuple):
    """What a history adds up to; the frames are those of a `Baseline`."""

    people: pd.DataFrame
    parts: dict[Part, pd.DataFrame]
    absent: tuple[str, ...]


@dataclass
class HistoryCounts:
    """Adds up the counts of one chunk of history after the other.

    Attributes
    ----------
    parts : tuple of {"moments", "networks", "texts", "groups"}
        What is counted.
    v4, v6 : int
        How many leading bits make a network.
    vocabulary : path, optional
        A table of words of the user's own.
    pairs : dict
        The number of each pair of `uid` and `user` that occurred.
    seen : list of pandas.DataFrame
        For each chunk, how many events each pair has, and the last date.
    counted : dict of list of pandas.DataFrame
        For each part and chunk, its counts.
    """

    parts: tuple[Part, ...]
    v4: int
    v6: int
    vocabulary: str | PathLike[str] | None = None
    pairs: dict[tuple[str | None, str | None], int] = field(default_factory=dict)
    seen: list[pd.DataFrame] = field(default_factory=list)
    counted: dict[Part, list[pd.DataFrame]] = field(default_factory=lambda: {part: [] for part in PARTS})

    def columns(self, present: Collection[str]) -> list[str]:
        """List the columns to read, of those present; raise NotAnAuditFrame if a needed one is absent."""
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
        """Count the events of a chunk.

        `values` are the texts behind each column that is encoded as integers.
        """
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
        """Leave out failed log-ins: they need not be by the person whom they name, so they make no network known."""
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

    def total(self, present: Collection[str]) -> Totals:
        """Make people of the pairs, and add up their counts. Call it once: it empties what was counted."""
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
        return Totals(people, frames, absent)

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
    """Add up the events of each person and quarter, in this order; empties `parts`."""
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
