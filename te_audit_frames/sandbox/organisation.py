"""A seeded organisation and its lifelike activity log: arrays, which are rendered as JSON page by page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.directory_records import Person
from te_audit_frames.sandbox.event_codes import Resources
from te_audit_frames.sandbox.event_log import EventLog, GivenEvents, Integers
from te_audit_frames.sandbox.history import history_with_habits, scattered_history
from te_audit_frames.sandbox.incidents import Incident, Plot
from te_audit_frames.sandbox.staff_accounts import Accounts

_QUIET_START = 3_600
_VARIANTS = 24
"""How many different choices of resources each kind of event has."""


@dataclass(frozen=True)
class Absence:
    """Weeks of leave.

    Attributes
    ----------
    uid : str
        Who is away.
    start, end : datetime
        The half-open period without events of this person, in UTC; it begins and ends at midnight in their time zone.
    """

    uid: str
    start: datetime
    end: datetime


class Organisation(EventLog):
    """The activity log of an invented organisation. The same arguments give the same log.

    People work office hours in their own time zone and rest at the weekend. One administrator is rarely seen, and an
    automation user works around the clock. Some people change their name. Accounts are attacked in bursts from odd
    addresses, tests are deleted in runs, and sometimes the same event happens twice within a second.

    Parameters
    ----------
    events : int
        The exact number of events, apart from those of incidents.
    seed : int
        The number of the organisation to invent. The same number gives the same events.
    end : datetime or None
        The exclusive end of the log, aware, cut to whole seconds. None means now.
    days : int
        How many days the log covers. Its first hour has no events, so a `window` of this many days covers all events
        for another hour.
    habits : bool
        Give people habits: sessions, leave, weekly and monthly duties, automation on a timetable. Then nobody attacks,
        except in incidents. Needs at least 60 days, and 25 events a day.
    incidents : bool
        Add one incident of each kind to an organisation with habits.

    Attributes
    ----------
    start, end : datetime
        The half-open period of the log, in UTC.
    incidents : tuple of Incident
        The incidents, by start; empty without the option `incidents`.
    leave : tuple of Absence
        The leave of people with habits, by start; empty without them.

    Raises
    ------
    ValueError
        `events` is negative, `days` is less than one, `end` has no time zone, or there are too few days or events for
        habits.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from te_audit_frames.sandbox import Organisation
    >>> log = Organisation(events=1_000, seed=0, end=datetime(2026, 3, 1, tzinfo=UTC))
    >>> len(log), log.start.isoformat()
    (1000, '2025-12-01T00:00:00+00:00')
    >>> for incident in Organisation(seed=0, end=datetime(2026, 3, 1, tzinfo=UTC), incidents=True).incidents:
    ...     print(f"{incident.start:%d %b}  {incident.kind}")
    10 Feb  dormant account returns
    13 Feb  token from a new network
    16 Feb  role granted to oneself
    20 Feb  break-in after a spray
    23 Feb  automation from a new address
    24 Feb  alert rule silenced
    24 Feb  mass deletion
    """

    def __init__(
        self,
        *,
        events: int = 10_000,
        seed: int = 0,
        end: datetime | None = None,
        days: int = 90,
        habits: bool = False,
        incidents: bool = False,
    ) -> None:
        if events < 0 or days < 1:
            raise ValueError(f"events={events}, days={days}: give 0 or more events over 1 or more days")
        end = datetime.now(UTC) if end is None else end
        if end.tzinfo is None:
            raise ValueError("end: a time zone is missing; write datetime(2026, 3, 1, tzinfo=UTC)")
        self.end = end.astimezone(UTC).replace(microsecond=0)
        self.start = self.end - timedelta(days=days)
        stop = int(self.end.timestamp())
        first = int(self.start.timestamp()) + _QUIET_START
        rng = np.random.default_rng(seed)
        if habits or incidents:
            history = history_with_habits(
                rng, events, seed=seed, days=days, first=first, stop=stop, with_incidents=incidents
            )
        else:
            history = scattered_history(rng, events, first, stop)
        staff = history.staff
        order = np.argsort(history.events.date, kind="stable")
        log = history.events.take(order)
        # Small integers, so that two million events take little memory.
        groups = log.group.astype(np.uint8)
        super().__init__(log.date, groups, list(names.ACCOUNT_GROUPS), list(names.ACCOUNT_GROUPS.values()))

        self._accounts = Accounts(
            staff,
            seed=seed,
            first=first,
            stop=stop,
            cast=history.cast,
            joined=history.joined,
            granted_at=history.granted_at,
        )
        # Each person has a role in every account group with an event of theirs.
        self._seen_in = np.stack(np.divmod(np.unique(log.who * len(self.aids) + log.group), len(self.aids)))
        is_login = log.kind == names.LOGIN
        self._login_dates, self._login_who = log.date[is_login], log.who[is_login]

        renamed = log.date >= staff.renamed_at(first, stop)[log.who]
        # Resources follow from the other columns, so that equal events have equal resources too.
        variant = (log.date + log.who + log.where) % _VARIANTS
        self._who = (log.who + renamed * staff.headcount).astype(np.uint16)
        self._what = (log.kind * _VARIANTS + variant).astype(np.uint16)
        self._where = log.where.astype(np.uint16)
        self._who_texts = [_members(uid=uid, user=user) for uid, user in staff.identities()]
        self._what_texts = [_what(rng, kind) for kind in names.KINDS for _ in range(_VARIANTS)]
        self._what_texts += [_given(*given) for given in history.kinds for _ in range(_VARIANTS)]
        self._where_texts = [_members(ipAddress=address) for address in staff.addresses + history.new_addresses]
        self._group_texts = [_members(aid=aid, accountGroupName=name) for aid, name in names.ACCOUNT_GROUPS.items()]
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self._uids = [uid for uid, _ in staff.identities()]
        incidents_found = [self._incident(plot, np.sort(place[plot.rows])) for plot in history.plots]
        self.incidents = tuple(sorted(incidents_found, key=lambda incident: incident.start))
        absences = [
            Absence(self._uids[each.person], _instant(each.start), _instant(each.stop)) for each in history.leave
        ]
        self.leave = tuple(sorted(absences, key=lambda absence: (absence.start, absence.uid)))

    def __repr__(self) -> str:
        return f"<Organisation: {len(self):,} events, {self.start.isoformat()} to {self.end.isoformat()}>"

    def render(self, positions: Integers) -> list[str]:
        """Return the JSON text of each of these events.

        Parameters
        ----------
        positions : array of int64
            Which events, counted from the oldest.

        Returns
        -------
        list of str
            One JSON object each, in the API's spelling; `resources` is absent if there are none.
        """
        dates = np.datetime_as_string(self.dates[positions].astype("datetime64[s]")).tolist()
        columns = (
            (self._group_texts, self.groups),
            (self._what_texts, self._what),
            (self._where_texts, self._where),
            (self._who_texts, self._who),
        )
        parts = [[texts[code] for code in codes[positions].tolist()] for texts, codes in columns]
        return [
            f'{{"date":"{when}Z",{group},{what},{where},{who}}}'
            for when, group, what, where, who in zip(dates, *parts, strict=True)
        ]

    def _incident(self, plot: Plot, positions: Integers) -> Incident:
        events = tuple(json.loads(text) for text in self.render(positions))
        # A break-in begins with attempts on other accounts, so the first event may be somebody else's.
        user = next(event for event in reversed(events) if event["uid"] == self._uids[plot.person])["user"]
        first, last = self.dates[positions[[0, -1]]].tolist()
        return Incident(
            kind=plot.kind,
            uid=self._uids[plot.person],
            user=user,
            start=_instant(first),
            end=_instant(last + 1),
            account_groups=tuple(dict.fromkeys(event["aid"] for event in events)),
            events=events,
            sentence=plot.sentence(user),
        )

    def people(self, now: int) -> list[Person]:
        """Return the people of the log, and a few accounts that nobody uses.

        Parameters
        ----------
        now : int
            In epoch seconds. Logins and changes of names after it have not happened yet.
        """
        until = np.searchsorted(self._login_dates, now, side="right")
        # A dict keeps the last login of each person.
        logins = dict(zip(self._login_who[:until].tolist(), self._login_dates[:until].tolist(), strict=True))
        groups: dict[int, set[str]] = {}
        for person, group in self._seen_in.T.tolist():
            groups.setdefault(person, set()).add(self.aids[group])
        return self._accounts.people(now, last_logins=logins, groups=groups)


def to_event_log(
    events: int | Sequence[Any] | Organisation,
    *,
    seed: int,
    days: int,
    now: datetime,
    habits: bool = False,
    incidents: bool = False,
) -> EventLog:
    """Return the log that `Sandbox(events=...)` describes.

    Parameters
    ----------
    events : int, sequence or Organisation
        A number of events, the events themselves, or an organisation.
    seed, days : int
        The organisation to make for a number of events.
    now : datetime
        The end of its log.
    habits, incidents : bool
        Whether its people have habits, and whether there are incidents.

    Returns
    -------
    EventLog

    Raises
    ------
    ValueError
        Habits or incidents are asked of given events, or there are too few days or events for them.
    """
    if (habits or incidents) and not isinstance(events, int):
        raise ValueError(
            "habits, incidents: only a seeded organisation has them; write a number of events, or "
            "Organisation(..., incidents=True)"
        )
    if isinstance(events, Organisation):
        return events
    if isinstance(events, int):
        return Organisation(events=events, seed=seed, end=now, days=days, habits=habits, incidents=incidents)
    return GivenEvents(events, now=int(now.timestamp()))


def _members(**values: Any) -> str:
    """Return the JSON text of these members, without the braces."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))[1:-1]


def _what(rng: np.random.Generator, kind: names.Kind) -> str:
    resources = [
        {"type": type_, "name": name}
        for type_ in kind.resources
        for name in rng.choice(names.RESOURCE_NAMES[type_], rng.integers(1, kind.most + 1), replace=False).tolist()
    ]
    return _members(event=kind.event, resources=resources) if resources else _members(event=kind.event)


def _given(event: str, resources: Resources) -> str:
    return _members(event=event, resources=[{"type": type_, "name": name} for type_, name in resources])


def _instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
