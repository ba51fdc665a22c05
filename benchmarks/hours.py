"""Unusual hours: how much is found in weeks of people whom nobody attacked, and in the same weeks moved by nine hours.

The histories are those of people at work, one event a line in the API's form: `*.jsonl.gz` in the folder that
the environment variable TE_AUDIT_FRAMES_HISTORIES names. They are not part of this repository. Without them, the
program measures nothing. `*.offsets.json` beside them counts each person's events by UTC offset, which shows whose
clocks change.

A week of a person counts if the person has at least 60 events on at least 30 days in all, and acted on at least 20 of
the 180 days before. `find_off_hours` gets each week with the 180 days before it.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

import te_audit_frames as taf
from benchmarks.measure import Result, alone

HISTORIES = os.environ.get("TE_AUDIT_FRAMES_HISTORIES", "")
WEEK = pd.Timedelta("7D")
MOVED = pd.Timedelta("9h")


@dataclass(frozen=True)
class Week:
    """The events of the people who count in a week, and of the 180 days before it."""

    history: str
    monday: pd.Timestamp
    events: pd.DataFrame
    before: pd.DataFrame

    @cached_property
    def learnt(self) -> pd.Series:
        """How many hours of the day each person's learnt hours cover."""
        return taf.usual_hours(self.before, at=self.monday).set_index("uid")["hours"]

    @cached_property
    def plain(self) -> pd.Series:
        """How many hours have at least 0.7 % of each person's active hours, smoothed."""
        return (smoothed(self) >= 0.007).sum(axis=1)


def histories() -> dict[str, pd.DataFrame]:
    """Read the histories that are there."""
    files = sorted(Path(HISTORIES).glob("*.jsonl.gz")) if HISTORIES else []
    return {file.name.partition(".")[0]: _read(file) for file in files}


def _read(file: Path) -> pd.DataFrame:
    lines = b",".join(gzip.decompress(file.read_bytes()).splitlines())
    return taf.read_pages([b'{"auditEvents": [' + lines + b"]}"])


def weeks(name: str, events: pd.DataFrame) -> Iterator[Week]:
    """Return each week in which somebody who counts was active."""
    days = events["date"].dt.floor("D")
    totals = events.assign(day=days).groupby("uid").agg(events=("date", "size"), days=("day", "nunique"))
    people = totals.index[(totals["events"] >= 60) & (totals["days"] >= 30)]
    events = events.loc[events["uid"].isin(people), ["date", "uid", "user", "event"]].reset_index(drop=True)
    days = events["date"].dt.floor("D")
    mondays = days - pd.to_timedelta(days.dt.day_of_week, unit="D")
    for monday in mondays.unique():
        is_before = (events["date"] < monday) & (events["date"] >= monday - pd.Timedelta("180D"))
        active = pd.DataFrame({"uid": events["uid"], "day": days})[is_before].drop_duplicates().groupby("uid").size()
        counted = active.index[active >= 20]
        chosen = events["uid"].isin(counted)
        this_week = events[(mondays == monday) & chosen]
        if len(this_week):
            yield Week(name, monday, this_week, events[is_before & chosen])


def ours(week: Week, events: pd.DataFrame) -> pd.DataFrame:
    """Return one row per finding: `uid`."""
    return taf.find_off_hours(events, history=week.before)[["uid"]]


def any_doubt(week: Week, events: pd.DataFrame) -> pd.DataFrame:
    """Find each week that fits other hours better at all. A moved week that it misses lies within usual hours."""
    return taf.find_off_hours(events, history=week.before, ratio=1)[["uid"]]


def series(events: pd.DataFrame, is_odd: pd.Series) -> pd.DataFrame:
    """Turn odd events into findings as `find_off_hours` does: an unbroken series of one person's is one finding."""
    events = events.assign(odd=is_odd).sort_values(["uid", "date"], kind="stable")
    starts = events["odd"] & ~(events["odd"].shift(fill_value=False) & (events["uid"] == events["uid"].shift()))
    return events.loc[starts, ["uid"]]


def fixed_day(week: Week, events: pd.DataFrame) -> pd.DataFrame:
    """Call an event odd unless it is between 9 and 17 UTC."""
    hour = events["date"].dt.hour
    return series(events, (hour < 9) | (hour >= 17))


def slots(week: Week, events: pd.DataFrame) -> pd.DataFrame:
    """Call an hour of the week usual if it was seen on three days of the 90 before."""
    recent = week.before[week.before["date"] >= week.monday - pd.Timedelta("90D")]
    seen = _slots(recent).assign(day=recent["date"].dt.floor("D")).drop_duplicates().groupby(["uid", "slot"]).size()
    usual = seen.index[seen >= 3]
    return series(events, pd.Series(~pd.MultiIndex.from_frame(_slots(events)).isin(usual), index=events.index))


def _slots(events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"uid": events["uid"], "slot": events["date"].dt.day_of_week * 24 + events["date"].dt.hour})


def histogram(least: float) -> Callable[[Week, pd.DataFrame], pd.DataFrame]:
    """Call an hour odd if it has less than this share of 180 days' active hours, smoothed by a bell of 90 minutes."""

    def find(week: Week, events: pd.DataFrame) -> pd.DataFrame:
        is_usual = smoothed(week) >= least
        hours, who = events["date"].dt.hour.to_numpy(), is_usual.index.get_indexer(events["uid"])
        return series(events, pd.Series(~is_usual.to_numpy()[who, hours], index=events.index))

    return find


def smoothed(week: Week) -> pd.DataFrame:
    """Return each person's share of each hour of the day."""
    recent = week.before[week.before["date"] >= week.monday - pd.Timedelta("180D")]
    hours = pd.DataFrame({"uid": recent["uid"], "hour": recent["date"].dt.floor("h")}).drop_duplicates()
    counts = pd.crosstab(hours["uid"], hours["hour"].dt.hour).reindex(columns=range(24), fill_value=0)
    apart = np.abs(np.subtract.outer(range(24), range(24)))
    bell = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / 1.5) ** 2)
    shares = counts.to_numpy() @ bell
    return pd.DataFrame(shares / shares.sum(axis=1, keepdims=True), index=counts.index)


METHODS: dict[str, Callable[[Week, pd.DataFrame], pd.DataFrame]] = {
    "find_off_hours": ours,
    "find_off_hours with ratio=1: no higher threshold finds more": any_doubt,
    "plain smoothed histogram, less than 0.5 %": histogram(0.005),
    "plain smoothed histogram, less than 0.7 %": histogram(0.007),
    "an hour of the week seen on fewer than 3 of 90 days": slots,
    "9 to 17 UTC": fixed_day,
}


def measure(method: Callable[[Week, pd.DataFrame], pd.DataFrame], all_weeks: list[Week]) -> pd.DataFrame:
    """Return one row per week of a person: `findings`, and whether the moved week is `found`."""
    rows = []
    for week in all_weeks:
        found = method(week, week.events)["uid"].value_counts()
        moved = week.events.assign(date=week.events["date"] + MOVED)
        again = method(week, moved)["uid"].unique()
        rows += [
            {
                "history": week.history,
                "monday": week.monday,
                "uid": uid,
                "findings": int(found.get(uid, 0)),
                "found": uid in again,
                "hours": week.learnt[uid],
                "plain_hours": week.plain[uid],
            }
            for uid in week.events["uid"].unique()
        ]
    return pd.DataFrame(rows)


def behind_a_clock_change(rows: pd.DataFrame) -> pd.Series:
    """Whether a week begins in the 28 days from the last Sunday of March or October, when clocks change in Europe.

    In North America, clocks change two or three weeks earlier in spring and a week later in autumn.
    """
    years = range(rows["monday"].dt.year.min() - 1, rows["monday"].dt.year.max() + 1)
    ends = [pd.Timestamp(year=year, month=month, day=31, tz="UTC") for year in years for month in (3, 10)]
    changes = pd.DatetimeIndex([end - pd.Timedelta(days=(end.day_of_week + 1) % 7) for end in ends])
    last = pd.Series(changes[changes.searchsorted(rows["monday"], side="right") - 1], index=rows.index)
    return rows["monday"] < last + pd.Timedelta("28D")


def clocks_change(history: str) -> list[str]:
    """Return the people whose two most frequent UTC offsets are an hour apart and not rare, as recorded."""
    file = Path(HISTORIES) / f"{history}.offsets.json"
    if not file.exists():
        return []
    found = []
    for uid, counts in json.loads(file.read_text()).items():
        often = sorted(counts, key=counts.get, reverse=True)[:2]
        rare = 0.1 * sum(counts.values())
        if len(often) == 2 and abs(int(often[0]) - int(often[1])) == 60 and counts[often[1]] >= rare:
            found.append(uid)
    return found


def run(full: bool) -> list[Result]:
    """Measure every method on all histories, and ours also on parts; in the short setting, on every fourth week."""
    all_weeks = [week for name, events in histories().items() for week in weeks(name, events)][:: 1 if full else 4]
    if not all_weeks:
        return []
    results = []
    for name, method in METHODS.items():
        rows = measure(method, all_weeks)
        is_ours = method is ours
        results += _figures(name, rows, promised=is_ours)
        if is_ours:
            for history, part in rows.groupby("history"):
                results += _figures(f"{name}, {history}", part)
            late = rows["monday"] >= rows.groupby("uid")["monday"].transform("median")
            for half, part in (("earlier", rows[~late]), ("later", rows[late])):
                results += _figures(f"{name}, {half} half of each person's weeks", part)
            behind = behind_a_clock_change(rows)
            results += _figures(f"{name}, in the four weeks behind a clock change", rows[behind])
            results += _figures(f"{name}, in all other weeks", rows[~behind])
            movers = rows["uid"].isin({uid for history in rows["history"].unique() for uid in clocks_change(history)})
            for who, chosen in (("whose clocks change", movers), ("whose clocks do not change", ~movers)):
                results += _figures(f"{name}, people {who}, in these four weeks", rows[behind & chosen])
                results += _figures(f"{name}, people {who}, in all other weeks", rows[~behind & chosen])
    return results


def _figures(name: str, rows: pd.DataFrame, *, promised: bool = False) -> list[Result]:
    if not len(rows):
        return []
    budget = 100 * rows["findings"].sum() / len(rows)
    figures = [
        _figure(f"{name}: findings in 100 active weeks ({rows['findings'].sum()} in {len(rows)})", budget, 3, -1)
    ]
    for what, part, bound in (
        ("all", rows, 60.0),
        ("people with at most 14 learnt hours", rows[rows["hours"] <= 14], 90.0),
        ("people with at most 14 hours by a plain histogram", rows[rows["plain_hours"] <= 14], None),
    ):
        if len(part):
            count = f"{part['found'].sum()} of {len(part)}"
            figures.append(_figure(f"{name}: moved by 9 h, found, {what} ({count})", 100 * part["found"].mean(), bound))
    return [figure if promised else Result(figure.what, figure.figure) for figure in figures]


def _figure(what: str, value: float, bound: float | None, sign: int = 1) -> Result:
    unit = "" if sign < 0 else " %"
    if bound is None:
        return Result(what, f"{value:.1f}{unit}")
    promise = f"at {'most' if sign < 0 else 'least'} {bound:g}{unit}"
    return Result(what, f"{value:.1f}{unit}", promise, sign * (value - bound) >= 0)


if __name__ == "__main__":
    alone(run)
