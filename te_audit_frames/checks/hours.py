"""Hours: events outside the hours at which a person usually acts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.arguments import check_number, check_whole_number
from te_audit_frames.checks.assessed import Assessed, attach_assessed
from te_audit_frames.checks.baseline import QUARTER, Baseline, Part, find_people, read_baseline
from te_audit_frames.checks.habits import SLOTS, Habits, Whole, day_of, first_day_of, week_of
from te_audit_frames.checks.selection import Selection, select
from te_audit_frames.checks.tallies import micros, tally
from te_audit_frames.checks.zones import Clocks, Zones
from te_audit_frames.periods import Instant, to_instant

DAYS = 180
"""How many days of history people's hours are learnt from."""

MIN_DAYS, MIN_EVENTS = 20, 60
"""The least history of a person: active days among those, and events in all."""

RATIO = 8.0
"""How many times better a week must fit the same habits at other hours."""

_SECONDS = 1_000_000 * QUARTER  # a quarter of an hour in microseconds
_NEAR = 2  # quarters before and after: what counts as the same time of day in `days_alike`


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
    weeks of `events`. A week is judged as a whole. It is found if it fits other habits, which are the person's own
    moved by six hours or more, at least `ratio` times better than the person's habits as they are. Sessions at usual
    hours lower this ratio, with half their weight and at most twentyfold. The row is then the oddest unbroken series
    of events of that week that are outside the person's hours.

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
        How far back hours are learnt from, 28 to 730.
    min_days : int
        On how many of these days a person must have acted.
    min_events : int
        How many events a person must have before the week, whenever.
    ratio : float
        How many times better the week must fit other hours, from 1 to a million.

    Returns
    -------
    pandas.DataFrame
        One row per person and week, the oldest first:

        - `uid`, `user` (str);
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64) and `event_texts` (list of str):
          what `evidence` needs;
        - `tz` (str), the person's time zone, and `usual_hours` (str), their hours by it, such as
          ``"08:15-12:00, 13:00-18:30"``;
        - `active_days` (int64), on how many days they were learnt, and `days_alike` (int64), on how many of these the
          person acted within half an hour of the same time of day; of several times, the most familiar counts;
        - `ratio` (float64), how many times better the week fits other hours, and `more` (int64), how many further
          series the person has outside their hours in that week.

        `assessed` says how long the history is, and who has too little of it.

    Raises
    ------
    InvalidArgument
        A time zone does not exist, another argument is wrong, or `events` or `history` is no frame and no archive.
    NotAnAuditFrame
        A needed column is missing.

    Notes
    -----
    *Threshold.* Panther learns the hours of the week from 90 days, and calls an hour usual that has three different
    days. Here the default of `ratio` is the one that leaves about three findings in a hundred active weeks of people
    whom nobody attacked. The page "Unusual hours" of the guide has the numbers.

    *What it cannot see.* Somebody else who acts at the person's usual hours; a single odd hour of people who act at
    all hours, or have little history; and an evening that is not very odd, in a week that is otherwise usual. On-call
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
    rule = _Rule.of(days, min_days, min_events, ratio)
    groups = ["aid", "account_group_name"] if isinstance(tz, Mapping) else []
    selection = select(events, ["event"], optional=groups)
    past = read_baseline(history, parts=_parts(tz))
    judged = _Judged.of(selection, past, tz)
    verdicts = list(_judge(judged, rule))
    result = _describe(selection, judged, verdicts)
    return attach_assessed(result, _assessed(selection, judged, verdicts, rule, history is None))


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
        The moment in whose week the hours are needed; they are learnt from what was before its Monday. By default, a
        week after the last event.

    Returns
    -------
    pandas.DataFrame
        One row per person, in the order of `uid`:

        - `uid`, `user` (str), `events` (int64) before that week, and `active_days` (int64) among the `days` before it;
        - `assessed` (bool), whether that is enough for `find_off_hours`;
        - `tz` (str) and `usual_hours` (str), empty if they are not assessed;
        - `hours` (float64), how many hours of a working day are learnt: those in which a single event in a week is no
          finding. Null if they are not assessed.

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
    rule = _Rule.of(days, min_days, min_events, ratio)
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
    habits = Habits.learn(*_different(person[recent], local[recent]), len(past.people), until=until)
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


@dataclass(frozen=True)
class _Rule:
    days: int
    min_days: int
    min_events: int
    ratio: float

    @classmethod
    def of(cls, days: int, min_days: int, min_events: int, ratio: float) -> _Rule:
        check_whole_number("days", days, 28, 730)
        check_whole_number("min_days", min_days, 5, days)
        check_whole_number("min_events", min_events, 1)
        check_number("ratio", ratio, 1, 1e6)
        return cls(days, min_days, min_events, float(ratio))


@dataclass(frozen=True, eq=False)
class _Judged:
    """Who acted in which local quarter: what is to be judged, and all that was before it.

    Attributes
    ----------
    person, quarter : numpy.ndarray of int64
        Each pair once, by quarter.
    events : numpy.ndarray of int64
        How many events each pair has.
    is_new : numpy.ndarray of bool
        Whether a pair has events to judge.
    of_row : numpy.ndarray of int64
        The pair of each row of the selection; -1 for events that name nobody.
    """

    people: pd.DataFrame
    clocks: Clocks
    person: Whole
    quarter: Whole
    events: Whole
    is_new: npt.NDArray[np.bool_]
    of_row: Whole
    cut: int

    @classmethod
    def of(cls, selection: Selection, past: Baseline, tz: Zones) -> _Judged:
        people, rows = selection.people, selection.rows
        number = find_people(past.people, people)
        who = np.flatnonzero(people[["uid", "user"]].notna().any(axis=1).to_numpy())
        new = rows["person"].isin(who).to_numpy()
        old = past.moments.assign(person=number[past.moments["person"].to_numpy()])
        old = old[old["person"] >= 0]
        start = 0 if selection.first_event is None else int(selection.first_event.timestamp() // QUARTER)
        early = (old["quarter"] < start).to_numpy()
        clocks = Clocks.assign(tz, people, _groups(selection, past, number))
        person = np.concatenate([old["person"].to_numpy()[early], rows["person"].to_numpy()[new]])
        quarter = np.concatenate([old["quarter"].to_numpy()[early], (micros(rows["date"]) // _SECONDS)[new]])
        events = np.concatenate([old["events"].to_numpy()[early], np.ones(new.sum(), dtype="int64")])
        local = clocks.local(person, quarter)
        keys, of = np.unique(_pack(person, local), return_inverse=True)
        of_row = np.full(len(rows), -1)
        of_row[new] = of[early.sum() :]
        is_new = np.zeros(len(keys), dtype="bool")
        is_new[of_row[new]] = True
        return cls(
            people,
            clocks,
            *_unpack(keys),
            np.bincount(of, events, len(keys)).astype("int64"),
            is_new,
            of_row,
            int((~early).sum()),
        )


def _groups(selection: Selection, past: Baseline, number: Whole) -> pd.DataFrame:
    names = ["aid", "account_group_name"]
    if "aid" not in selection.rows:
        return pd.DataFrame(columns=["person", *names, "events"])
    now = selection.rows.groupby(["person", *names], dropna=False, as_index=False).size()
    now = now.rename(columns={"size": "events"})
    old = past.groups.assign(person=number[past.groups["person"].to_numpy(dtype="int64")])
    return pd.concat([old[old["person"] >= 0], now], ignore_index=True)


@dataclass(frozen=True, eq=False)
class _Verdict:
    """What came of one week."""

    people: Whole  # who acted in it, and has enough history
    habits: Habits
    score: npt.NDArray[np.float64]
    moments: Whole  # positions of what is found among the quarters judged
    index: Whole  # whose each of them is, as a row of the habits
    alike: Whole  # on how many days they acted at about that time
    more: Whole  # how many series each person has besides
    unknown: Whole  # who acted in it, and has too little history


def _judge(judged: _Judged, rule: _Rule) -> Iterator[_Verdict]:
    """Judge week after week; each reads only the days before it that hours are learnt from."""
    day, week = day_of(judged.quarter), week_of(judged.quarter)
    before = np.zeros(len(judged.people), dtype="int64")  # events of each person before the week
    counted = 0
    for number in np.unique(week[judged.is_new]):
        monday = first_day_of(int(number))
        low, first, last = np.searchsorted(day, [monday - rule.days, monday, monday + 7])
        np.add.at(before, judged.person[counted:first], judged.events[counted:first])
        counted = first
        moments = first + np.flatnonzero(judged.is_new[first:last])
        acting = np.unique(judged.person[moments])
        place = np.full(len(judged.people), -1)
        place[acting] = np.arange(len(acting))
        past = low + np.flatnonzero(place[judged.person[low:first]] >= 0)
        habits = Habits.learn(place[judged.person[past]], judged.quarter[past], len(acting), until=monday)
        known = (habits.days >= rule.min_days) & (before[acting] >= rule.min_events)
        # In the order of people, then of quarters.
        moments = moments[np.argsort(place[judged.person[moments]], kind="stable")]
        moments = moments[known[place[judged.person[moments]]]]
        index = place[judged.person[moments]]
        score, series = habits.judge(index, judged.quarter[moments])
        found = score >= math.log(rule.ratio)
        strongest = series.strongest(len(acting))
        kept = found[index] & (series.of >= 0) & (series.of == strongest[index])
        more = np.bincount(series.person, minlength=len(acting)) - 1
        # Only what exceeds the threshold needs the rest.
        moments, index = moments[kept], index[kept]
        past = past[found[place[judged.person[past]]]]
        near = _days_near(place[judged.person[past]], judged.quarter[past], len(acting))
        alike = near[index, judged.quarter[moments] % SLOTS]
        yield _Verdict(acting[known], habits, score, moments, index, alike, more, acting[~known])


def _days_near(person: Whole, quarter: Whole, people: int) -> Whole:
    """Count the days on which each person acted within half an hour of each quarter of the day."""
    day, slot = day_of(quarter), quarter % SLOTS
    day = day - day.min(initial=0)
    near = [(slot + apart) % SLOTS for apart in range(-_NEAR, _NEAR + 1)]
    keys = np.unique(np.concatenate([(person * 2**24 + day) * SLOTS + other for other in near]))
    counts = np.bincount(keys // SLOTS // 2**24 * SLOTS + keys % SLOTS, minlength=people * SLOTS)
    return np.asarray(counts.reshape(people, SLOTS))


def _describe(selection: Selection, judged: _Judged, verdicts: list[_Verdict]) -> pd.DataFrame:
    count = len(judged.person)
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
    order = order[judged.of_row[order] >= 0]
    of = judged.of_row[order]
    week = week_of(judged.quarter[of]) if count else of
    # A series ends at the next event that is not outside the hours, at another person, and with the week.
    breaks = np.ones(len(order), dtype="bool")
    breaks[1:] = (np.diff(judged.person[of]) != 0) | (np.diff(week) != 0) | (np.diff(is_odd[of].astype("int8")) != 0)
    kept = np.flatnonzero(is_odd[of])
    _, groups = np.unique(np.cumsum(breaks)[kept], return_inverse=True)
    found = int(groups.max(initial=-1)) + 1
    result = tally(rows.iloc[order[kept]], groups, found)
    first = np.zeros(found, dtype="int64")
    first[groups[::-1]] = of[kept][::-1]
    most = np.zeros(found, dtype="int64")
    np.maximum.at(most, groups, alike[of[kept]])
    who = judged.people.iloc[judged.person[first]].reset_index(drop=True)
    zones = [str(judged.clocks.zones[zone]) for zone in judged.clocks.of[judged.person[first]]]
    result = pd.concat([who[["uid", "user"]], result], axis=1).assign(
        tz=pd.array(zones, dtype="str"),
        usual_hours=pd.array([hours[number] for number in text[first]], dtype="str"),
        active_days=active[first],
        days_alike=most,
        ratio=ratios[first],
        more=more[first],
    )
    return result.sort_values(["first_event", "uid", "user"], ignore_index=True)


def _assessed(selection: Selection, judged: _Judged, verdicts: list[_Verdict], rule: _Rule, is_alone: bool) -> Assessed:
    known = np.unique(np.concatenate([np.zeros(0, dtype="int64"), *(verdict.people for verdict in verdicts)]))
    unknown = np.concatenate([np.zeros(0, dtype="int64"), *(verdict.unknown for verdict in verdicts)])
    never = np.setdiff1d(unknown, known)
    weeks = sum(len(verdict.people) for verdict in verdicts)
    notes = list(judged.clocks.notes)
    if len(never):
        names = judged.people["user"].fillna(judged.people["uid"]).iloc[never].tolist()
        shown = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
        notes.append(
            f"not assessed, because they have fewer than {rule.min_days} active days in the {rule.days} days before, "
            f"or fewer than {rule.min_events} events: {shown}"
        )
    if len(unknown):
        notes.append(f"{len(unknown):,} of {weeks + len(unknown):,} weeks of a person have too little history")
    if judged.cut:
        notes.append("the history reaches into the events: what is no older than the first of them was left out")
    nobody = int((judged.of_row < 0).sum())
    if nobody:
        notes.append(f"{nobody:,} events name nobody")
    reason = ""
    if selection.events and not weeks:
        reason = "nobody has enough history" + (" (no history was given)" if is_alone else "")
    old = judged.quarter[~judged.is_new]
    span = 0.0
    if len(old) and selection.events and judged.is_new.any():
        span = float((judged.quarter[judged.is_new].max() - old.min()) / SLOTS)
    return Assessed.of(
        "find_off_hours",
        selection,
        baseline_days=min(span, float(rule.days)),
        without_baseline=len(never),
        not_assessed=reason,
        notes=tuple(notes),
    )


def _different(person: Whole, quarter: Whole) -> tuple[Whole, Whole]:
    return _unpack(np.unique(_pack(person, quarter)))


def _pack(person: Whole, quarter: Whole) -> Whole:
    """Return a number for each pair, in the order of the quarters."""
    return np.asarray((quarter + 2**30 << 32) + person)


def _unpack(keys: Whole) -> tuple[Whole, Whole]:
    return keys % 2**32, (keys >> 32) - 2**30


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
