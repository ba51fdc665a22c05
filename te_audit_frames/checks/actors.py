"""Actors: whether events are a person's, or a program's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from te_audit_frames.arguments import check_whole_number
from te_audit_frames.checks.actor_signs import (
    CERTAIN,
    CLOCKWORK,
    DOUBTFUL,
    FEW,
    MANY,
    MIN_DAYS,
    MIN_EVENTS,
    QUIET_HOURS,
    WEEKEND_DAY,
    longest_quiet,
    most_frequent,
    same_pause,
    shares,
    weekend_shares,
)
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import code, count_different, micros, tally
from te_audit_frames.safe_text import number_of

PERSON, AUTOMATION, UNKNOWN = "person", "automation", "unknown"

_SECOND = 1_000_000  # microseconds
_BURST = 10 * 60 * _SECOND  # activity after a longer silence is another burst
_RARELY, _USUAL = 0.01, 0.05  # share of log-ins: of the actor, and the median of all actors


def classify_actors(
    events: Any,
    *,
    min_events: int = MIN_EVENTS,
    min_days: int = MIN_DAYS,
    vocabulary: str | PathLike[str] | None = None,
) -> pd.DataFrame:
    """Tell automation from people, with the reasons.

    Programs keep a clock, do not sleep, do not rest at weekends, log in rarely or never, and do few kinds of things.
    Each sign has points: keeping a clock, having no quiet hours and hardly ever logging in have two, the others one.
    Three points make an actor automation, two leave it unknown, and one or none make it a person.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event` and `uid` or `user` are required.
    min_events, min_days : int
        Fewer events, or events on fewer UTC days, are too little to tell.
    vocabulary : path, optional
        Your own table of classes; see `classify_events`. Only log-ins matter here.

    Returns
    -------
    pandas.DataFrame
        One row per actor, most events first:

        - `uid` and `user` (str);
        - `actor` (str): ``"person"``, ``"automation"`` or ``"unknown"``;
        - `reasons` (list of str): the signs in words, or the quiet hours if there are none, or that there is too little
          to tell;
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `active_days` (int64), in UTC;
        - `clock` (float64): the share of bursts of activity that begin after the most frequent pause (to the minute),
          or at the most frequent minute of the hour, whichever is larger; fewer than 20 bursts count as 20;
        - `quiet_hours` (int64): the longest quiet part of the day, which may cross midnight;
        - `weekend` (float64): the share of bursts that begin on Saturday or Sunday, in UTC;
        - `logins` (float64): the share of log-ins among the events, failed ones included;
        - `kinds` and `ip_addresses` (int64): how many different event texts and addresses.

        `assessed` says what was examined.

    Raises
    ------
    InvalidArgument
        An argument is wrong, or `events` is neither a frame nor an archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Thresholds.* An actor keeps a clock if `clock` is at least 30 %, and has no quiet hours if there are at most two.
    These were chosen on the public histories of two projects, with 161 and 111 people, where the clock of people with
    50 events reaches 10 %. An hour is quiet if it has fewer than one in 200 of the bursts.

    *What it cannot see.* A script that somebody starts by hand at work. An account that a person and a program share.
    Several people who share an account look sleepless, as do travellers: two points, so "unknown".

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> hourly = pd.DataFrame({"date": pd.date_range("2026-03-01", periods=300, freq="h", tz="UTC", unit="us")})
    >>> actors = taf.classify_actors(hourly.assign(event="Test updated.", uid="7", user="sync"))
    >>> actors[["user", "actor", "clock", "quiet_hours"]]
       user       actor  clock  quiet_hours
    0  sync  automation    1.0            0
    """
    check_whole_number("min_events", min_events, 1)
    check_whole_number("min_days", min_days, 1)
    selection = select(
        events, ["event"], optional=["ip_address"], keep=_everything, with_object=False, vocabulary=vocabulary
    )
    named = selection.people[["uid", "user"]].notna().any(axis=1).to_numpy()
    known = named[selection.rows["person"]]
    result = _measure(selection if known.all() else replace(selection, rows=selection.rows[known]))
    enough = (result["events"] >= min_events) & (result["active_days"] >= min_days)
    points, reasons = _judge(result, enough, "ip_address" not in selection.absent)
    actor = np.select([~enough, points >= CERTAIN, points >= DOUBTFUL], [UNKNOWN, AUTOMATION, UNKNOWN], PERSON)
    result.insert(2, "actor", pd.Series(actor, dtype="str"))
    result.insert(
        3, "reasons", pd.Series(pd.arrays.ArrowExtensionArray(pa.array(reasons, pa.list_(pa.large_string()))))
    )
    result = result.sort_values(["events", "uid", "user"], ascending=[False, True, True], ignore_index=True)
    return attach_assessed(result, _assessed(selection, int((~known).sum()), int((~enough).sum())))


def _everything(_action: str, _object: str, _outcome: str) -> bool:
    return True


def _measure(selection: Selection) -> pd.DataFrame:
    order = np.argsort(selection.rows["person"].to_numpy(), kind="stable")
    rows = selection.rows[["person", "date", "event", "action", "ip_address"]].iloc[order].reset_index(drop=True)
    person = rows["person"].to_numpy()
    first = np.diff(person, prepend=-1) != 0
    people, groups = person[first], np.cumsum(first) - 1
    count = len(people)
    moments = micros(rows["date"])
    result = selection.people[["uid", "user"]].take(people).reset_index(drop=True).join(tally(rows, groups, count))
    result["active_days"] = count_different(_from_zero(moments // (86_400 * _SECOND)), groups, count)

    begins = np.ones(len(rows), dtype="bool")
    begins[1:] = (np.diff(groups) != 0) | (np.diff(moments) > _BURST)
    actor, minutes = groups[begins], moments[begins] // (60 * _SECOND)
    result["clock"] = np.maximum(same_pause(actor, minutes, count), most_frequent(actor, minutes % 60, count))
    result["quiet_hours"] = longest_quiet(actor, minutes, count)
    result["saturday"], result["sunday"] = weekend_shares(actor, minutes, count)
    result["weekend"] = result["saturday"] + result["sunday"]
    log_ins = (rows["action"] == "login").to_numpy()
    result["logins"] = shares(np.bincount(groups[log_ins], minlength=count), result["events"].to_numpy())
    result["kinds"] = count_different(code(rows["event"]), groups, count)
    result["ip_addresses"] = count_different(code(rows["ip_address"]), groups, count)
    return result


def _from_zero(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return values - values.min() if len(values) else values


def _judge(result: pd.DataFrame, enough: pd.Series, has_addresses: bool) -> tuple[pd.Series, list[list[str]]]:
    """Return the points of each actor, and its reasons; remove the columns of the two weekend days."""
    saturday, sunday = result.pop("saturday"), result.pop("sunday")
    # What is usual among actors with enough events.
    usual_logins = result["logins"][enough].median()
    usual_kinds = result["kinds"][enough].median()
    usual_addresses = result["ip_addresses"][enough].median()
    few_kinds = (result["kinds"] <= usual_kinds * FEW) & (usual_kinds >= MANY)
    one_address = (result["ip_addresses"] == 1) & (usual_addresses > 1) & has_addresses
    signs: list[tuple[int, pd.Series, Callable[[Any], str]]] = [
        (2, result["clock"] >= CLOCKWORK, lambda row: f"keeps a clock ({row.clock:.0%} of its bursts)"),
        (
            2,
            result["quiet_hours"] <= QUIET_HOURS,
            lambda row: f"quiet for only {_quiet_hours(row)} of the day",
        ),
        (2, (result["logins"] < _RARELY) & (usual_logins >= _USUAL), lambda row: f"{row.logins:.1%} log-ins"),
        (
            1,
            (saturday >= WEEKEND_DAY) & (sunday >= WEEKEND_DAY),
            lambda row: f"active at weekends ({row.weekend:.0%} of its bursts)",
        ),
        (1, few_kinds, lambda row: f"few kinds of events ({row.kinds})"),
        (1, one_address, lambda _row: "a single address"),
    ]
    points = sum((worth * has for worth, has, _ in signs), start=pd.Series(0, index=result.index))
    reasons = []
    has_signs = np.column_stack([has for _, has, _ in signs])
    for row, has, is_enough in zip(result.itertuples(index=False), has_signs, enough, strict=True):
        found = [phrase(row) for (_, _, phrase), shown in zip(signs, has, strict=True) if shown]
        if not is_enough:
            found = [_too_little(row)]
        reasons.append(found or [f"quiet for {_quiet_hours(row)} of the day"])
    return points, reasons


def _quiet_hours(row: Any) -> str:
    return number_of(row.quiet_hours, "hour")


def _too_little(row: Any) -> str:
    return f"too little to tell: {number_of(row.events, 'event')} on {number_of(row.active_days, 'day')}"


def _assessed(selection: Selection, nameless: int, too_few: int) -> Assessed:
    notes = []
    if nameless:
        notes.append(f"events that name no user: {nameless:,}")
    if selection.events and not (selection.rows["action"] == "login").any():
        notes.append("no event is known to be a log-in, so that log-ins are no sign")
    return Assessed.of("classify_actors", selection, without_baseline=too_few, notes=tuple(notes))
