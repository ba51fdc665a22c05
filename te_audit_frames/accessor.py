"""The pandas accessor `events.audit`, which offers the functions of the package as methods.

Each method is a one-line delegation. The module is long because `help()` on each of them shows a full docstring.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from datetime import timedelta, tzinfo
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.periods import Instant, Period
from te_audit_frames.receipts import Receipt, receipt
from te_audit_frames.schema import COLUMNS, SOURCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from te_audit_frames.analysis.freq import Freq
    from te_audit_frames.checks.judging.severity import Check
    from te_audit_frames.checks.review_result import Review
    from te_audit_frames.checks.tallies import By
    from te_audit_frames.checks.zones import Zones
    from te_audit_frames.report.explorer import Explorer
    from te_audit_frames.report.section_names import SectionName
    from te_audit_frames.storage.parquet import Compression


@pd.api.extensions.register_dataframe_accessor("audit")
class AuditAccessor:
    """The methods of ``events.audit``: analyse, filter, plot and write a frame of events.

    Every method needs only the columns that it uses.

    Parameters
    ----------
    events : pandas.DataFrame
        Events. ``events.audit`` passes the frame.

    Raises
    ------
    NotAnAuditFrame
        The frame has none of the columns of events.

    Notes
    -----
    Type checkers cannot see accessors, which are registered at run time, so mypy reports ``events.audit`` as an error.
    In type-checked code, write ``taf.AuditAccessor(events)`` instead. It is the same object, with types.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7", "user": "Ada"}]}'])
    >>> events.audit
    <AuditAccessor: 1 event, 2026-01-01 00:00:00+00:00>
    >>> events.audit.by_user()["user"].tolist()
    ['Ada']
    >>> taf.AuditAccessor(events).by_user()["user"].tolist()
    ['Ada']
    """

    def __init__(self, events: pd.DataFrame) -> None:
        if not set(COLUMNS) & set(events.columns):
            raise NotAnAuditFrame(
                f"this frame does not hold audit events: it has none of the columns {', '.join(map(repr, COLUMNS))}. "
                f"{SOURCES}",
                missing=list(COLUMNS),
            )
        self._events = events

    def __repr__(self) -> str:
        return f"<AuditAccessor: {_describe(self._events)}>"

    @property
    def receipt(self) -> Receipt:
        """What was asked for, what came back, and how that was checked.

        See Also
        --------
        te_audit_frames.receipt : The same as a function.
        """
        return receipt(self._events)

    @property
    def plot(self) -> AuditPlots:
        """The plots: ``plot.activity()``, ``plot.heatmap()`` and ``plot.top()``."""
        return AuditPlots(self._events)

    def between(
        self, *, start: Instant | None = None, end: Instant | None = None, tz: str | tzinfo | None = None
    ) -> pd.DataFrame:
        """Return the events of the half-open period `[start, end)`, with a receipt that is cut to it.

        Parameters
        ----------
        start, end : str, datetime, date or pandas.Timestamp, optional
            The period: events with ``start <= date < end`` are kept. A bound that is not given does not limit them.
        tz : str or datetime.tzinfo, optional
            The time zone of a `start` or `end` that has none, such as ``"Europe/Berlin"``.

        Returns
        -------
        pandas.DataFrame
            The events of the period.

        See Also
        --------
        te_audit_frames.between : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
        >>> len(events.audit.between(start="2026-01-01", end="2026-01-02"))
        1
        """
        from te_audit_frames.frames import between

        return between(self._events, start=start, end=end, tz=tz)

    def where(self, mask: Any, *, label: str | None = None) -> pd.DataFrame:
        """Return the events that a mask selects, with a receipt that notes the filter.

        Parameters
        ----------
        mask : sequence of bool
            Which events to keep, such as ``events["event"] == "User login."``.
        label : str, optional
            A name for the filter in the receipt, such as ``"failed logins"``.

        Returns
        -------
        pandas.DataFrame
            The selected events.

        See Also
        --------
        te_audit_frames.where : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}, {"event": "Login failed."}]}'])
        >>> len(events.audit.where(events["event"] == "Login failed.", label="failed logins"))
        1
        """
        from te_audit_frames.frames import where

        return where(self._events, mask, label=label)

    def by(self, by: str | Sequence[str], *, top: int | None = None) -> pd.DataFrame:
        """Count events by one or several columns, largest groups first.

        Parameters
        ----------
        by : str or list of str
            ``"user"``, ``"account_group"``, ``"event"``, ``"ip_address"``, or any other column of the events.
        top : int, optional
            Keep this many groups, and combine all others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per group.

        See Also
        --------
        te_audit_frames.summarize : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}, {"event": "Login failed."}]}'])
        >>> events.audit.by("event")["event"].tolist()
        ['Login failed.', 'User login.']
        """
        from te_audit_frames.analysis.summaries import summarize

        return summarize(self._events, by=by, top=top)

    def by_user(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by user, most active first.

        Parameters
        ----------
        top : int, optional
            Keep this many users, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per user.

        See Also
        --------
        te_audit_frames.summarize_by_user : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"uid": "7", "user": "Ada"}]}'])
        >>> events.audit.by_user()[["uid", "user", "events"]]
          uid user  events
        0   7  Ada       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_user

        return summarize_by_user(self._events, top=top)

    def by_account_group(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by account group, most active first.

        Parameters
        ----------
        top : int, optional
            Keep this many account groups, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per account group.

        See Also
        --------
        te_audit_frames.summarize_by_account_group : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"aid": "1", "accountGroupName": "Shops"}]}'])
        >>> events.audit.by_account_group()[["aid", "account_group_name", "events"]]
          aid account_group_name  events
        0   1              Shops       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_account_group

        return summarize_by_account_group(self._events, top=top)

    def by_event_type(self, *, top: int | None = None) -> pd.DataFrame:
        """Count events by event type, most frequent first.

        Parameters
        ----------
        top : int, optional
            Keep this many event types, and combine the others in a last row, ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per event type.

        See Also
        --------
        te_audit_frames.summarize_by_event_type : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}]}'])
        >>> events.audit.by_event_type()[["event", "events"]]
                 event  events
        0  User login.       1
        """
        from te_audit_frames.analysis.summaries import summarize_by_event_type

        return summarize_by_event_type(self._events, top=top)

    def activity(
        self,
        *,
        freq: Freq = "D",
        by: str | Sequence[str] | None = None,
        tz: str | tzinfo = "UTC",
        top: int | None = None,
    ) -> pd.DataFrame:
        """Count events per hour, day, week or month of a time zone.

        Parameters
        ----------
        freq : {"D", "h", "W", "MS"}
            Days, hours, weeks from Monday, or months.
        by : str or list of str, optional
            Count separately per value of these columns; see `AuditAccessor.by`.
        tz : str or datetime.tzinfo
            The time zone of the periods, such as ``"Europe/Berlin"``.
        top : int, optional
            Keep the `top` groups with the most events, and combine the others as ``"(other)"``.

        Returns
        -------
        pandas.DataFrame
            One row per period and group.

        See Also
        --------
        te_audit_frames.activity : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z"}]}'])
        >>> events.audit.activity(freq="h", tz="Asia/Tokyo")["period"].iloc[0].isoformat()
        '2026-01-01T18:00:00+09:00'
        """
        from te_audit_frames.analysis.activity import activity

        return activity(self._events, freq=freq, by=by, tz=tz, top=top)

    def resources(self) -> pd.DataFrame:
        """Return one row per resource that an event touched, under the index label of the event.

        Returns
        -------
        pandas.DataFrame
            The columns of the events, with `resource_type` and `resource_name` in place of `resources`.

        See Also
        --------
        te_audit_frames.explode_resources : The same as a function.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"resources": [{"type": "testName", "name": "Shop"}]}]}'
        >>> taf.read_pages([page]).audit.resources()["resource_name"].tolist()
        ['Shop']
        """
        from te_audit_frames.analysis.resources import explode_resources

        return explode_resources(self._events)

    def find_runs(
        self,
        *,
        action: str | Sequence[str] = "delete",
        gap: str | timedelta = "10min",
        min_size: int = 5,
        by: By = "user",
        vocabulary: str | PathLike[str] | None = None,
    ) -> pd.DataFrame:
        """Find runs: many events of one kind in one go, such as a mass deletion.

        Parameters
        ----------
        action : str or list of str
            What was done, by `classify_events`: ``"delete"``, ``"create"``, ``"update"``, …
        gap : str or timedelta
            The longest time between two consecutive events of a run.
        min_size : int
            The smallest number of events in a run.
        by : {"user", "ip_address", "account_group"}
            What the events of a run have in common.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per run, the largest first.

        See Also
        --------
        te_audit_frames.find_runs : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Test deleted.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.find_runs(min_size=1)[["uid", "events"]]
          uid  events
        0   7       1
        """
        from te_audit_frames.checks.runs import find_runs

        return find_runs(self._events, action=action, gap=gap, min_size=min_size, by=by, vocabulary=vocabulary)

    def find_failed_logins(
        self,
        *,
        by: Literal["user", "ip_address"] = "user",
        within: str | timedelta = "1h",
        min_failures: int | None = None,
        min_before_success: int = 5,
        min_users: int = 10,
        min_addresses: int = 5,
        vocabulary: str | PathLike[str] | None = None,
    ) -> pd.DataFrame:
        """Find attacks on passwords: many failed log-ins of a user or from an address, and whether somebody got in.

        Parameters
        ----------
        by : {"user", "ip_address"}
            Count failures per user or per address.
        within : str or timedelta
            The length of the window in which failures are counted.
        min_failures : int, optional
            How many failures are a finding by themselves; by default 20 of a user, 15 from an address.
        min_before_success : int
            How many failures of a user are a finding if the user then logs in.
        min_users : int
            How many different users failing from one address are a finding.
        min_addresses : int
            How many different addresses of one user are a finding; at least 10 failures are needed too.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per series of failures. Those followed by a log-in come first.

        See Also
        --------
        te_audit_frames.find_failed_logins : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Login failed.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.find_failed_logins(min_failures=1)[["uid", "events"]]
          uid  events
        0   7       1
        """
        from te_audit_frames.checks.logins import find_failed_logins

        return find_failed_logins(
            self._events,
            by=by,
            within=within,
            min_failures=min_failures,
            min_before_success=min_before_success,
            min_users=min_users,
            min_addresses=min_addresses,
            vocabulary=vocabulary,
        )

    def find_sessions(
        self, *, idle: str | timedelta = "8h", vocabulary: str | PathLike[str] | None = None
    ) -> pd.DataFrame:
        """Find sessions: what each user did from log-in to log-out.

        Parameters
        ----------
        idle : str or timedelta
            The longest time without events within a session.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per session, in the order of their first events.

        See Also
        --------
        te_audit_frames.find_sessions : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.find_sessions()[["uid", "ended_by"]]
          uid ended_by
        0   7     open
        """
        from te_audit_frames.checks.sessions import find_sessions

        return find_sessions(self._events, idle=idle, vocabulary=vocabulary)

    def find_off_hours(
        self,
        *,
        tz: Zones = "UTC",
        history: Any = None,
        days: int = 180,
        min_days: int = 20,
        min_events: int = 40,
        ratio: float = 7.0,
    ) -> pd.DataFrame:
        """Find what people did outside their own hours of the week.

        Parameters
        ----------
        tz : str, datetime.tzinfo, or mapping
            The time zone of all people, or a mapping from `uid`, `user`, `aid` or `account_group_name` to zones.
        history : frame of any supported library, or Archive, optional
            Earlier events.
        days, min_days, min_events : int
            How many days back to learn usual hours from, and how many active days and events a person must have.
        ratio : float
            How many times more likely a week must be under other hours than under the person's own.

        Returns
        -------
        pandas.DataFrame
            One row per person and week, the oldest first.

        See Also
        --------
        te_audit_frames.find_off_hours : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login.", "uid": "7"}]}'
        >>> taf.assessed(taf.read_pages([page]).audit.find_off_hours()).not_assessed
        'nobody has enough history (no history was given)'
        """
        from te_audit_frames.checks.hours import find_off_hours

        return find_off_hours(
            self._events,
            tz=tz,
            history=history,
            days=days,
            min_days=min_days,
            min_events=min_events,
            ratio=ratio,
        )

    def find_new_addresses(
        self, *, history: Any = None, v4: int = 24, v6: int = 48, min_days: int = 10
    ) -> pd.DataFrame:
        """Find the networks from which a person acted for the first time.

        Parameters
        ----------
        history : frame of any supported library, or Archive, optional
            Earlier events. Without them, nothing is assessed.
        v4, v6 : int
            How many leading bits make a network.
        min_days : int
            On how many days of the history a person must have acted to be assessed.

        Returns
        -------
        pandas.DataFrame
            One row per person and new network, the oldest first.

        See Also
        --------
        te_audit_frames.find_new_addresses : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login.", "uid": "7"}]}'
        >>> taf.assessed(taf.read_pages([page]).audit.find_new_addresses()).not_assessed
        'no history was given'
        """
        from te_audit_frames.checks.addresses import find_new_addresses

        return find_new_addresses(self._events, history=history, v4=v4, v6=v6, min_days=min_days)

    def find_access_changes(
        self, *, history: Any = None, vocabulary: str | PathLike[str] | None = None
    ) -> pd.DataFrame:
        """Find changes of access: roles assigned and revoked, people added and removed, tokens created, and the like.

        Parameters
        ----------
        history : frame of any supported library, or Archive, optional
            Earlier events.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per change, the oldest first.

        See Also
        --------
        te_audit_frames.find_access_changes : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Role assigned.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.find_access_changes()[["uid", "action", "object"]]
          uid  action object
        0   7  assign   role
        """
        from te_audit_frames.checks.access import find_access_changes

        return find_access_changes(self._events, history=history, vocabulary=vocabulary)

    def find_monitoring_changes(
        self,
        *,
        history: Any = None,
        gap: str | timedelta = "10min",
        vocabulary: str | PathLike[str] | None = None,
    ) -> pd.DataFrame:
        """Find changes that weaken monitoring: alert rules, tests and notifications deleted or silenced.

        Parameters
        ----------
        history : frame of any supported library, or Archive, optional
            Earlier events.
        gap : str or timedelta
            The longest time between two consecutive events of one row.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per person, object and change done in one go, the oldest first.

        See Also
        --------
        te_audit_frames.find_monitoring_changes : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Alert rule disabled.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.find_monitoring_changes()[["uid", "object", "change"]]
          uid      object    change
        0   7  alert_rule  disabled
        """
        from te_audit_frames.checks.monitoring import find_monitoring_changes

        return find_monitoring_changes(self._events, history=history, gap=gap, vocabulary=vocabulary)

    def find_dormant_users(
        self, users: pd.DataFrame, *, history: Any = None, days: int = 90, returned_days: int = 180
    ) -> pd.DataFrame:
        """Find accounts that nobody uses, that somebody uses again, and people who act but are not in the directory.

        Parameters
        ----------
        users : pandas.DataFrame
            The directory, from `Client.fetch_users` or `Archive.users`.
        history : frame of any supported library, or Archive, optional
            Earlier events.
        days, returned_days : int
            After how many days without activity an account is dormant, and after how many its next event is a return.

        Returns
        -------
        pandas.DataFrame
            One row per person and status.

        See Also
        --------
        te_audit_frames.find_dormant_users : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=1_000, seed=0) as api, taf.Client(token=api.token, base_url=api.url) as client:
        ...     events, users = client.fetch_events(window="90d"), client.fetch_users()
        >>> "status" in events.audit.find_dormant_users(users)
        True
        """
        from te_audit_frames.checks.accounts import find_dormant_users

        return find_dormant_users(users, self._events, history=history, days=days, returned_days=returned_days)

    def classify_actors(
        self, *, min_events: int = 50, min_days: int = 10, vocabulary: str | PathLike[str] | None = None
    ) -> pd.DataFrame:
        """Classify each actor as a person or automation, with the reasons.

        Parameters
        ----------
        min_events, min_days : int
            An actor with fewer events, or with events on fewer UTC days, is ``"unknown"``.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.

        Returns
        -------
        pandas.DataFrame
            One row per actor, most events first.

        See Also
        --------
        te_audit_frames.classify_actors : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login.", "uid": "7"}]}'
        >>> taf.read_pages([page]).audit.classify_actors()[["uid", "actor"]]
          uid    actor
        0   7  unknown
        """
        from te_audit_frames.checks.actors import classify_actors

        return classify_actors(self._events, min_events=min_events, min_days=min_days, vocabulary=vocabulary)

    def compare(
        self,
        *,
        before: tuple[Instant, Instant] | Period,
        now: tuple[Instant, Instant] | Period,
        by: str | Sequence[str],
        tz: str | tzinfo | None = None,
        incomplete: Literal["raise", "allow"] = "raise",
    ) -> pd.DataFrame:
        """Compare how often things happened in two periods.

        Parameters
        ----------
        before, now : tuple of two instants, or Period
            The half-open periods; `before` ends no later than `now` starts.
        by : str or list of str
            The columns to group by; see `AuditAccessor.by`.
        tz : str or datetime.tzinfo, optional
            The time zone of instants that have none.
        incomplete : {"raise", "allow"}
            What to do if the receipt does not cover both periods.

        Returns
        -------
        pandas.DataFrame
            One row per key, the least likely by chance first.

        See Also
        --------
        te_audit_frames.compare : The same as a function, with the columns of the result.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-09T09:00:00Z", "event": "User login."}]}'])
        >>> weeks = {"before": ("2026-01-01", "2026-01-08"), "now": ("2026-01-08", "2026-01-15")}
        >>> events.audit.compare(**weeks, by="event")[["event", "before", "now", "change"]]
                 event  before  now change
        0  User login.       0    1    new
        """
        from te_audit_frames.analysis.compare import compare

        return compare(self._events, before=before, now=now, by=by, tz=tz, incomplete=incomplete)

    def evidence(
        self, row: Any, *, vocabulary: str | PathLike[str] | None = None, v4: int = 24, v6: int = 48
    ) -> pd.DataFrame:
        """Return the events behind a row of a check's result.

        Parameters
        ----------
        row : pandas.Series, mapping, named tuple, or pandas.DataFrame of one row
            A row that a ``find_*`` function returned for these events.
        vocabulary : path, optional
            The `vocabulary` that was passed to the check.
        v4, v6 : int
            How many leading bits make a network; the same values as for the check.

        Returns
        -------
        pandas.DataFrame
            The events, with a receipt that notes the filter.

        See Also
        --------
        te_audit_frames.evidence : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Test deleted.", "uid": "7"}]}'
        >>> events = taf.read_pages([page])
        >>> len(events.audit.evidence(events.audit.find_runs(min_size=1).iloc[0]))
        1
        """
        from te_audit_frames.checks.evidence import evidence

        found: pd.DataFrame = evidence(self._events, row, vocabulary=vocabulary, v4=v4, v6=v6)
        return found

    def review(
        self,
        *,
        history: Any = None,
        users: pd.DataFrame | None = None,
        tz: Zones = "UTC",
        checks: Collection[Check] | None = None,
        dispositions: str | PathLike[str] | None = None,
        vocabulary: str | PathLike[str] | None = None,
        at: Instant | None = None,
    ) -> Review:
        """Review the events: run all checks, compare people with their own history, and rank what deserves a look.

        Parameters
        ----------
        history : frame of any supported library, or Archive, optional
            Earlier events. Without them, most checks are "not assessed".
        users : pandas.DataFrame, optional
            The directory, from `Client.fetch_users` or `Archive.users`.
        tz : str, datetime.tzinfo, or mapping
            The time zones of people; see `AuditAccessor.find_off_hours`.
        checks : collection of str, optional
            The checks to run, such as ``["find_runs"]``; all by default.
        dispositions : path, optional
            A TOML file that lists what somebody has already looked at.
        vocabulary : path, optional
            A TOML file with your own rules for classifying events; see `classify_events`.
        at : str, datetime, date or pandas.Timestamp, optional
            The day of the review, for the expiry of dispositions; today by default.

        Returns
        -------
        Review
            With `findings`, `people`, `assessed`, `reviewed` and `evidence`.

        See Also
        --------
        te_audit_frames.review : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> page = b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "Test deleted.", "uid": "7"}]}'
        >>> found = taf.read_pages([page]).audit.review()
        >>> found.findings[["severity", "why"]].values.tolist()[0][0]
        'info'
        """
        from te_audit_frames.checks.reviewing import review

        return review(
            self._events,
            history=history,
            users=users,
            tz=tz,
            checks=checks,
            dispositions=dispositions,
            vocabulary=vocabulary,
            at=at,
        )

    def explore(self, *, tz: str | tzinfo = "UTC") -> Explorer:
        """Show the events in linked views in Jupyter: a selection in one view filters all others.

        Needs the extra `explore`.

        Parameters
        ----------
        tz : str or datetime.tzinfo
            The time zone of the hours of the week.

        Returns
        -------
        Explorer
            The views. Its `events` are the selected events, and its `code` is the line of code that selects them.

        See Also
        --------
        te_audit_frames.explore : The same as a function, with the details.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
        >>> events.audit.explore()
        <Explorer: 1 of 1 event selected>
        """
        from te_audit_frames.report.explorer import explore

        return explore(self._events, tz=tz)

    def write_report(
        self,
        path: str | os.PathLike[str],
        *,
        review: Review | None = None,
        title: str | None = None,
        tz: str | tzinfo = "UTC",
        archive: Any = None,
        sections: Collection[SectionName] | None = None,
    ) -> str:
        """Write a report about the events: one HTML file that can be sent, printed and kept.

        Parameters
        ----------
        path : str or PathLike
            The file to write.
        review : Review, optional
            The result of ``review()``. Without it, the report says that nothing was reviewed.
        title : str, optional
            The title.
        tz : str or datetime.tzinfo
            The time zone of the report.
        archive : Archive, optional
            The archive that the events are from.
        sections : collection of str, optional
            The sections to write, such as ``["findings", "activity"]``; all by default.

        Returns
        -------
        str
            The SHA-256 of the file.

        See Also
        --------
        te_audit_frames.write_report : The same as a function, with the details.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     digest = events.audit.write_report(Path(folder, "report.html"))
        ...     "User login." in Path(folder, "report.html").read_text()
        True
        """
        from te_audit_frames.report.html import write_report

        return write_report(self._events, path, review=review, title=title, tz=tz, archive=archive, sections=sections)

    def to_parquet(
        self, path: str | os.PathLike[str], *, compression: Compression | None = "zstd", filesystem: Any = None
    ) -> None:
        """Write the events and their receipt to one Parquet file.

        Parameters
        ----------
        path : str or PathLike
            Where to write the file. Its folder must exist. A URI such as ``s3://bucket/events.parquet`` works too.
        compression : {"zstd", "snappy", "gzip", "lz4", "brotli", "none"}, default "zstd"
            The compression of the file. None means ``"none"``.
        filesystem : pyarrow or fsspec filesystem, optional
            The filesystem of `path` if it is not on the local disk.

        See Also
        --------
        te_audit_frames.write_parquet : The same as a function, with the details.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login."}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     events.audit.to_parquet(f"{folder}/events.parquet", compression="snappy")
        ...     taf.read_parquet(f"{folder}/events.parquet")["event"].tolist()
        ['User login.']
        """
        from te_audit_frames.storage.parquet import write_parquet

        write_parquet(self._events, path, compression=compression, filesystem=filesystem)


class AuditPlots:
    """The methods of ``events.audit.plot``. Each draws a plot and returns its Axes without showing it.

    Parameters
    ----------
    events : pandas.DataFrame
        Events. ``events.audit.plot`` passes the frame.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T00:00:00Z", "uid": "7", "user": "Ada"}]}'])
    >>> events.audit.plot
    <AuditPlots: activity, heatmap, top of 1 event, 2026-01-01 00:00:00+00:00>
    >>> events.audit.plot.top(by="user").get_xlabel()
    'events'
    """

    def __init__(self, events: pd.DataFrame) -> None:
        self._events = events

    def __repr__(self) -> str:
        return f"<AuditPlots: activity, heatmap, top of {_describe(self._events)}>"

    def activity(
        self,
        *,
        freq: Freq = "D",
        by: str | Sequence[str] | None = None,
        tz: str | tzinfo = "UTC",
        top: int | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw events per period of time as bars, stacked by `by`.

        Parameters
        ----------
        freq : {"D", "h", "W", "MS"}
            Days, hours, weeks from Monday, or months.
        by : str or list of str, optional
            Count separately per value of these columns; see `AuditAccessor.by`.
        tz : str or datetime.tzinfo
            The time zone of the periods.
        top : int, optional
            How many groups to show, six by default. The others are combined as ``"(other)"``.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_activity : The same as a function, with the details.
        """
        from te_audit_frames.analysis.plots import plot_activity

        return plot_activity(self._events, freq=freq, by=by, tz=tz, top=top, ax=ax)

    def heatmap(self, *, tz: str | tzinfo = "UTC", ax: Axes | None = None) -> Axes:
        """Draw the number of events per weekday and hour of the day.

        Parameters
        ----------
        tz : str or datetime.tzinfo
            The time zone of weekdays and hours.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_heatmap : The same as a function.
        """
        from te_audit_frames.analysis.plots import plot_heatmap

        return plot_heatmap(self._events, tz=tz, ax=ax)

    def top(self, *, by: str | Sequence[str] = "user", top: int = 10, ax: Axes | None = None) -> Axes:
        """Draw the groups with the most events as horizontal bars.

        Parameters
        ----------
        by : str or list of str
            The columns to group by; see `AuditAccessor.by`.
        top : int
            How many bars to draw.
        ax : matplotlib.axes.Axes, optional
            The Axes to draw on; by default, those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The plot.

        See Also
        --------
        te_audit_frames.plot_top : The same as a function.
        """
        from te_audit_frames.analysis.plots import plot_top

        return plot_top(self._events, by=by, top=top, ax=ax)


def _describe(events: pd.DataFrame) -> str:
    """Return the number of events and the dates of the first and the last one."""
    count = f"{len(events):,} event" + ("" if len(events) == 1 else "s")
    dates = events["date"].dropna() if "date" in events else pd.Series()
    if dates.empty:
        return count
    return f"{count}, {' to '.join(dict.fromkeys(str(moment) for moment in (dates.min(), dates.max())))}"
