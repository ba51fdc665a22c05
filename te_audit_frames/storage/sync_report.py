"""The report of a sync, as text to read and as JSON for a cron job."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import aligned, number_of, printable
from te_audit_frames.storage.new_events import no_new_events

_LISTED_KEYS = 20
"""The most keys that `SyncReport.fewer` lists."""


@dataclass
class SyncReport:
    """What one sync did.

    Attributes
    ----------
    location : str
        The archive.
    start, end : str
        The half-open period of the sync in UTC, in ISO 8601. Days that needed no reading were left out.
    scope : str
        Whose events the token saw: ``"all account groups"``, for example, and the groups that were missing.
    days_read : int
        The number of days fetched.
    days_added : int
        The number of days that are new to the archive.
    days_changed : int
        The number of other days that gained events.
    events_added : int
        Events that the archive did not have.
    new_events : pandas.DataFrame
        These events, as an audit frame without a receipt. An archived event that only gained a value is not among them.
        To limit the memory, at most 100,000 events are kept, the newest; see `new_events_truncated`. `to_dict` and
        `to_json` leave the frame out.
    late_events : int
        New events in a period that an earlier sync had already read.
    latest_late_seconds : float or None
        The longest delay among these, at least: the time from an event's date to the earlier sync that did not find
        it. The lookback should be much longer.
    vanished_events : int
        Events in the archive that the API no longer returns. The archive keeps them.
    paired_events : int
        Events that changed since they were archived: a resource was renamed, or a field was filled in later. They are
        not added again.
    fewer_keys : int
        The number of keys (second, event, account group and person) for which a complete reading had fewer events than
        the archive. For each key, the archive keeps the highest count ever seen in one reading.
    fewer : list of dict
        The first twenty of these keys, each with `date`, `event`, `account_group`, `person`, and the number of events
        in the archive (`archived`) and in the reading (`read`).
    undated_events : int
        Events without a date.
    coerced_values : int
        Values that did not fit their column and are kept in `extra`.
    requests, retries, throttled : int
        The number of requests, and of these the retries and the answers with status 429.
    waited_seconds : float
        The time that all workers together waited for the rate limit.
    clock_ahead_seconds : float or None
        The server's clock minus this machine's. None if it is not known.
    users : int or None
        The number of people in the snapshot that was kept. None if none was kept.
    users_snapshot : str
        The day of that snapshot, in ISO 8601.
    roles_fetched : bool
        Whether its memberships and roles were fetched, and not carried forward from the previous snapshot.
    manifest : str
        The digest of the archive's manifest after this sync. Keep it outside the archive, in the mail of a cron job for
        example. ``Archive.verify(expect=...)`` then finds an archive that was replaced as a whole by an older state.
    notes : list of str
        Warnings: different clocks, a manifest that cannot be compared with an earlier one, or files that something else
        changed.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime, timedelta
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> last_week = datetime.now(UTC) - timedelta(days=7)
    >>> with Sandbox(events=1_000, seed=0, days=5) as api, tempfile.TemporaryDirectory() as folder:
    ...     client = taf.Client(token=api.token, base_url=api.url)
    ...     report = taf.Archive(folder).sync(client, start=last_week, settle=0)
    >>> report.events_added, len(report.new_events)
    (1000, 1000)
    """

    location: str
    start: str
    end: str
    scope: str = ""
    days_read: int = 0
    days_added: int = 0
    days_changed: int = 0
    events_added: int = 0
    late_events: int = 0
    latest_late_seconds: float | None = None
    vanished_events: int = 0
    paired_events: int = 0
    fewer_keys: int = 0
    fewer: list[dict[str, Any]] = field(default_factory=list)
    undated_events: int = 0
    coerced_values: int = 0
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    waited_seconds: float = 0.0
    clock_ahead_seconds: float | None = None
    users: int | None = None
    users_snapshot: str = ""
    roles_fetched: bool = False
    manifest: str = ""
    notes: list[str] = field(default_factory=list)
    new_events: pd.DataFrame = field(default_factory=no_new_events, compare=False)

    @property
    def new_events_truncated(self) -> bool:
        """Whether the sync added more events than `new_events` keeps. `Archive.load` returns all of them."""
        return self.events_added > len(self.new_events)

    def add_fewer(self, keys: pa.Table) -> None:
        """Add the result of `te_audit_frames.merge.count_fewer` for one day."""
        self.fewer_keys += keys.num_rows
        for row in keys.slice(0, _LISTED_KEYS - len(self.fewer)).to_pylist():
            self.fewer.append(
                {
                    "date": iso(row["date"]),
                    "event": row["event"],
                    "account_group": row["aid"] or row["account_group_name"],
                    "person": row["uid"] or row["user"],
                    "archived": row["archived"],
                    "read": row["read"],
                }
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the report in plain JSON types, without `new_events`."""
        names = (each.name for each in fields(self))
        return deepcopy({name: getattr(self, name) for name in names if name != "new_events"})

    def to_json(self) -> str:
        """Return the report as one line of JSON."""
        return json.dumps(self.to_dict())

    @property
    def summary(self) -> str:
        """One line for a log."""
        text = (
            f"{self.location}: {number_of(self.events_added, 'event')} added, {number_of(self.days_added, 'day')} new, "
            f"{self.days_changed:,} changed, {self.days_read:,} read up to {self.end}, "
            f"{number_of(self.requests, 'request')}"
        )
        if self.late_events:
            text += f", {self.late_events:,} late (by at least {_length(self.latest_late_seconds or 0)})"
        if self.vanished_events:
            text += f", {self.vanished_events:,} no longer at the vendor"
        if self.users is not None:
            text += f", {number_of(self.users, 'person', 'people')}{'' if self.roles_fetched else ' (roles as before)'}"
        text += f"; scope: {self.scope}" if self.scope else ""
        return printable("; ".join([text, *self.notes, f"manifest {self.manifest}"]))

    def __repr__(self) -> str:
        lines = {
            "period (UTC)": f"{self.start} to {self.end}, the end excluded",
            "scope": self.scope,
            "days": f"{self.days_read:,} read, {self.days_added:,} added, {self.days_changed:,} changed",
            "events added": f"{self.events_added:,}",
            "late events": f"{self.late_events:,}"
            + (f", by at least {_length(self.latest_late_seconds)}" if self.latest_late_seconds is not None else ""),
            "vanished events": f"{self.vanished_events:,}" + (", kept in the archive" if self.vanished_events else ""),
            "requests": f"{self.requests:,}, of these {number_of(self.retries, 'retry', 'retries')} and "
            f"{self.throttled:,} throttled",
            "waited": f"{self.waited_seconds:.1f} s for the rate limit",
        }
        if self.users is not None:
            roles = "fetched" if self.roles_fetched else "as in the snapshot before"
            lines["people"] = f"{self.users:,} in the snapshot of {self.users_snapshot}, roles {roles}"
        if self.paired_events:
            lines["paired events"] = f"{self.paired_events:,}, changed since they were archived"
        if self.fewer_keys:
            keys = f"{number_of(self.fewer_keys, 'key')}"
            lines["fewer read"] = f"for {keys}; the archive keeps the higher count"
        for number, key in enumerate(self.fewer, 1):
            who = ", ".join(str(key[part]) for part in ("event", "account_group", "person"))
            lines[f"  {number}"] = f"{key['date']}, {who}: {key['read']:,} read, {key['archived']:,} archived"
        if self.fewer_keys > len(self.fewer) > 0:
            lines["  …"] = f"and {self.fewer_keys - len(self.fewer):,} more"
        if self.undated_events:
            lines["without date"] = f"{self.undated_events:,}"
        if self.coerced_values:
            lines["set aside"] = f"{number_of(self.coerced_values, 'value')}, in `extra`"
        lines["manifest"] = self.manifest
        return aligned(f"SyncReport of {self.location}", [*lines.items(), *(("note", note) for note in self.notes)])


def _length(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
