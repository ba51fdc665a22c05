"""Hours: events outside the hours at which a person usually acts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.baseline import read_baseline
from te_audit_frames.checks.habits import SLOTS, Habits, day_of, first_day_of, week_of
from te_audit_frames.checks.history_counts import QUARTER, Part
from te_audit_frames.checks.hour_verdicts import Acted, HoursRule, Verdict, different_quarters, judge_weeks
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import tally
from te_audit_frames.checks.zones import Clocks, Zones
from te_audit_frames.periods import Instant, to_instant
from te_audit_frames.safe_text import number_of

DAYS = 180
"""How many days of history people's hours are learnt from."""

MIN_DAYS, MIN_EVENTS = 20, 40
"""The least history that a person must have: active days among `DAYS`, and events in all."""

RATIO = 7.0
"""How many times better a week must fit the same habits at other hours."""


def find_off_hours(
    events: Any,
    *,
    tz: Zones = "UTC",
    history: Any = None,
    days: int = DAYS,
    min_days: int = MIN_DAYS,
    min_events: int = MIN_EVENTS,
    ratio: float = RATIO,
) -> pd.DataFrame:
    """Find what people did outside their own hours of the week.

    The hours of each person are learnt from the `days` before the week in question: from `history`, and from earlier
    weeks of `events`. A week is judged as a whole. It is found if the person's habits, moved by six hours or more, fit
    it at least `ratio` times better than the habits as they are. One session is enough, whatever else is in the week,
    if its average quarter of an hour exceeds `ratio` sevenfold. The row is the oddest unbroken series of events outside
    the person's hours in that week.

    Parameters
    ----------
    events : frame of any supported library, or Archive
        Events in pandas, Polars, PyArrow, DuckDB, Dask or PySpark. `date`, `event`, and `uid` or `user` are required.
    tz : str, datetime.tzinfo, or mapping
        The time zone in which people live, such as ``"Europe/Berlin"``. Daylight saving is followed. A mapping gives
        zones by `uid`, `user`, `aid` or `account_group_name`; a person's own comes first, then that of the account
        group in which they did most, then UTC. A zone cannot be learnt from habits: without one, people's hours move
        by one when their clocks change.
    history : frame of any supported library, or Archive, optional
        What happened before. It may overlap with `events`: only what is older than the first of `events` is used.
        Without it, only weeks with enough earlier weeks in `events` are assessed.
    days : int
        How many days back hours are learnt from, 28 to 730.
    min_days : int
        On how many of these days a person must have acted.
    min_events : int
        How many events a person must have had at any time before the week.
    ratio : float
        How many times better the week must fit other hours, from 1 to a million.

    Returns
    -------
    pandas.DataFrame
        One row per person and week, the oldest first:

        - `uid`, `user` (str);
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `tz` (str), the person's time zone, and `usual_hours` (str), their hours in it, such as
          ``"08:15-12:00, 13:00-18:30"``;
        - `active_days` (int64), from how many active days the hours were learnt, and `days_alike` (int64), on how many
          of these the person acted within half an hour of the same time of day; if the events of the row have several
          times of day, the most familiar one counts;
        - `ratio` (float64), how many times better the week fits other hours, and `more` (int64), how many further
          series the person has outside their hours in that week.

        `assessed` says how long the history is, and who has too little of it.

    Raises
    ------
    InvalidArgument
        A time zone does not exist, `events` or `history` is neither a frame nor an archive, or another argument is
        wrong.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* Panther learns the hours of the week from 90 days, and calls an hour usual if the person acted in it on
    three different days. Here the default of `ratio` is the one that leaves two to three findings in a hundred active
    weeks of people whom nobody attacked. The page "Unusual hours" of the guide has the numbers.

    *What it cannot see.* Somebody else who acts at the person's usual hours; a single odd hour of people who act at
    all hours, or have little history; and a session that is not very odd, in a week that is otherwise usual. On-call
    duty, travel and deadlines look like an intruder. New habits become usual: what somebody did at odd hours one week
    is less odd the next. People with too little history are not assessed.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> workdays = pd.date_range("2026-01-05T09:00Z", periods=60, freq="B").repeat(2)
    >>> history = pd.DataFrame({"date": workdays, "event": "Test updated.", "uid": "7", "user": "Ada"})
    >>> night = pd.DataFrame({"date": pd.to_datetime(["2026-04-08T02:10Z"]), "event": "Test deleted.", "uid": "7"})
    >>> found = taf.find_off_hours(night, history=history)
    >>> found[["first_event", "usual_hours", "active_days", "days_alike"]]
                    first_event  usual_hours  active_days  days_alike
    0 2026-04-08 02:10:00+00:00  05:30-12:45           60           0
    """
    rule = HoursRule.of(days, min_days, min_events, ratio)
    groups = ["aid", "account_group_name"] if isinstance(tz, Mapping) else []
    selection = select(events, ["event"], optional=groups)
    past = read_baseline(history, parts=_parts(tz))
    acted = Acted.of(selection, past, tz)
    verdicts = list(judge_weeks(acted, rule))
    result = _describe(selection, acted, verdicts)
    return attach_assessed(result, _assessed(selection, acted, verdicts, rule, history is None))


def usual_hours(
    history: Any,
    *,
    tz: Zones = "UTC",
    at: Instant | None = None,
    days: int = DAYS,
    min_days: int = MIN_DAYS,
    min_events: int = MIN_EVENTS,
    ratio: float = RATIO,
) -> pd.DataFrame:
    """Return the hours at which each person usually acts, as `find_off_hours` learns them.

    Parameters
    ----------
    history : frame of any supported library, or Archive
        What happened.
    tz, days, min_days, min_events, ratio
        See `find_off_hours`.
    at : str, datetime, date or pandas.Timestamp, optional
        A moment in the week for which the hours are needed; they are learnt from what was before its Monday. By
        default, a week after the last event.

    Returns
    -------
    pandas.DataFrame
        One row per person, in the order of `uid`:

        - `uid`, `user` (str), `events` (int64) before that week, and `active_days` (int64) among the `days` before it;
        - `assessed` (bool), whether that is enough for `find_off_hours`;
        - `tz` (str), and `usual_hours` (str), which is empty if they are not assessed;
        - `hours` (float64), in how many hours of a working day a single event is no finding, if it is the only one of
          its week; null if they are not assessed.

    Raises
    ------
    InvalidArgument
        See `find_off_hours`.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> workdays = pd.date_range("2026-01-05T09:00Z", periods=60, freq="B").repeat(2)
    >>> history = pd.DataFrame({"date": workdays, "event": "Test updated.", "uid": "7", "user": "Ada"})
    >>> taf.usual_hours(history)[["user", "active_days", "assessed", "usual_hours"]]
      user  active_days  assessed  usual_hours
    0  Ada           60      True  05:30-12:45
    """
    rule = HoursRule.of(days, min_days, min_events, ratio)
    past = read_baseline(history, parts=_parts(tz))
    people = past.people[past.people[["uid", "user"]].notna().any(axis=1)]
    clocks = Clocks.assign(tz, past.people, past.groups)
    person, quarter, events = (past.moments[name].to_numpy() for name in ("person", "quarter", "events"))
    local = clocks.local(person, quarter)
    if at is None:
        until = first_day_of(int(week_of(local).max(initial=0)) + 1)
    else:
        moment = pd.Timestamp(to_instant(at, argument="at")).timestamp()
        until = first_day_of(int(week_of(np.array([moment // QUARTER], dtype="int64"))[0]))
    before = day_of(local) < until
    seen = np.bincount(person[before], events[before], len(past.people)).astype("int64")
    recent = before & (day_of(local) >= until - rule.days)
    habits = Habits.learn(*different_quarters(person[recent], local[recent]), len(past.people), until=until)
    enough = (habits.days >= rule.min_days) & (seen >= rule.min_events)
    covered = (habits.oddness + habits.weekend[:, :1] <= math.log(rule.ratio)).sum(axis=1) / 4
    texts = [_ranges(odd <= 0) if known else "" for odd, known in zip(habits.oddness, enough, strict=True)]
    result = pd.DataFrame(
        {
            "uid": past.people["uid"],
            "user": past.people["user"],
            "events": seen,
            "active_days": habits.days,
            "assessed": enough,
            "tz": pd.array([str(clocks.zones[zone]) for zone in clocks.of], dtype="str"),
            "usual_hours": pd.array(texts, dtype="str"),
            "hours": np.where(enough, covered, np.nan),
        }
    )
    return result.loc[people.index].reset_index(drop=True)


def _parts(tz: Zones) -> list[Part]:
    return ["moments", "groups"] if isinstance(tz, Mapping) else ["moments"]


def _describe(selection: Selection, acted: Acted, verdicts: list[Verdict]) -> pd.DataFrame:
    count = len(acted.person)
    is_odd, alike = np.zeros(count, dtype="bool"), np.zeros(count, dtype="int64")
    ratios, active = np.full(count, np.nan), np.zeros(count, dtype="int64")
    more = np.zeros(count, dtype="int64")
    hours: dict[int, str] = {}
    text = np.full(count, -1)
    for verdict in verdicts:
        moments, index = verdict.moments, verdict.index
        is_odd[moments], more[moments] = True, verdict.more[index]
        alike[moments], active[moments] = verdict.alike, verdict.habits.days[index]
        ratios[moments] = np.exp(np.minimum(verdict.score[index], 30.0))
        for person in np.unique(index):
            text[moments[index == person]] = len(hours)
            hours[len(hours)] = _ranges(verdict.habits.oddness[person] <= 0)
    rows = selection.rows
    order = np.argsort(rows["person"].to_numpy(), kind="stable")
    order = order[acted.of_row[order] >= 0]
    of = acted.of_row[order]
    week = week_of(acted.quarter[of]) if count else of
    # A series ends at the next event that is not outside the hours, at another person, and with the week.
    breaks = np.ones(len(order), dtype="bool")
    breaks[1:] = (np.diff(acted.person[of]) != 0) | (np.diff(week) != 0) | (np.diff(is_odd[of].astype("int8")) != 0)
    kept = np.flatnonzero(is_odd[of])
    _, groups = np.unique(np.cumsum(breaks)[kept], return_inverse=True)
    found = int(groups.max(initial=-1)) + 1
    result = tally(rows.iloc[order[kept]], groups, found)
    first = np.zeros(found, dtype="int64")
    first[groups[::-1]] = of[kept][::-1]
    most = np.zeros(found, dtype="int64")
    np.maximum.at(most, groups, alike[of[kept]])
    who = acted.people.iloc[acted.person[first]].reset_index(drop=True)
    zones = [str(acted.clocks.zones[zone]) for zone in acted.clocks.of[acted.person[first]]]
    result = pd.concat([who[["uid", "user"]], result], axis=1).assign(
        tz=pd.array(zones, dtype="str"),
        usual_hours=pd.array([hours[number] for number in text[first]], dtype="str"),
        active_days=active[first],
        days_alike=most,
        ratio=ratios[first],
        more=more[first],
    )
    return result.sort_values(["first_event", "uid", "user"], ignore_index=True)


def _assessed(selection: Selection, acted: Acted, verdicts: list[Verdict], rule: HoursRule, is_alone: bool) -> Assessed:
    known = np.unique(np.concatenate([np.zeros(0, dtype="int64"), *(verdict.people for verdict in verdicts)]))
    unknown = np.concatenate([np.zeros(0, dtype="int64"), *(verdict.unknown for verdict in verdicts)])
    never = np.setdiff1d(unknown, known)
    weeks = sum(len(verdict.people) for verdict in verdicts)
    notes = list(acted.clocks.notes)
    if len(never):
        names = acted.people["user"].fillna(acted.people["uid"]).iloc[never].tolist()
        shown = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
        notes.append(
            f"not assessed, because they have fewer than {number_of(rule.min_days, 'active day')} in the "
            f"{number_of(rule.days, 'day')} before, "
            f"or fewer than {number_of(rule.min_events, 'event')}: {shown}"
        )
    if len(unknown):
        notes.append(
            f"{len(unknown):,} of {number_of(weeks + len(unknown), 'week')} of a person "
            f"{'has' if len(unknown) == 1 else 'have'} too little history"
        )
    if acted.cut:
        notes.append("the history reaches into the events: what is no older than the first of them was left out")
    nobody = int((acted.of_row < 0).sum())
    if nobody:
        notes.append(f"{nobody:,} {'event names' if nobody == 1 else 'events name'} nobody")
    reason = ""
    if selection.events and not weeks:
        reason = "nobody has enough history" + (" (no history was given)" if is_alone else "")
    old = acted.quarter[~acted.is_new]
    span = 0.0
    if len(old) and selection.events and acted.is_new.any():
        span = float((acted.quarter[acted.is_new].max() - old.min()) / SLOTS)
    return Assessed.of(
        "find_off_hours",
        selection,
        baseline_days=min(span, float(rule.days)),
        without_baseline=len(never),
        not_assessed=reason,
        notes=tuple(notes),
    )


def _ranges(usual: npt.NDArray[np.bool_]) -> str:
    """Write quarters of the day as ranges of times, such as ``"22:00-06:15"``."""
    if usual.all():
        return "00:00-24:00"
    starts = np.flatnonzero(usual & ~np.roll(usual, 1))
    ends = np.flatnonzero(usual & ~np.roll(usual, -1)) + 1
    if len(ends) and ends[0] <= starts[0]:
        ends = np.roll(ends, -1)
    return ", ".join(
        f"{start // 4:02}:{start % 4 * 15:02}-{end // 4:02}:{end % 4 * 15:02}"
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    )
