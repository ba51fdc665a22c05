"""What a sync did, and what a verification found: figures to read, and JSON for a cron job."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import aligned, printable

_MOST_FEWER = 20
"""How many keys a report names of which a reading had fewer than the archive."""


@dataclass
class SyncReport:
    """What one sync did.

    Attributes
    ----------
    location : str
        The archive.
    start, end : str
        The half-open UTC range that the sync went over, in ISO 8601; days of it that needed no reading were not read.
    scope : str
        Whose events the token saw: ``"all account groups"``, and what was missing of them.
    days_read, days_added, days_changed : int
        Days fetched; of these, how many are new to the archive, and how many files of others gained events.
    events_added : int
        Events that the archive did not have.
    late_events : int
        Events that appeared in a stretch of time that an earlier sync had already read.
    latest_late_seconds : float or None
        Of the latest of these, the time from its date to the sync that did not see it yet: it came at least so late.
        A lookback that is not well above it is too short.
    vanished_events : int
        Events in the archive that the API no longer gives. They are kept.
    paired_events : int
        Events that were recognised as archived ones although they changed: a resource was renamed, or a field was
        filled in later. They are not added again.
    fewer_keys : int
        Of how many keys (second, event, account group and person) a complete reading had fewer events than the archive.
        The archive keeps the most it ever saw.
    fewer : list of dict
        The first twenty of these, each with `date`, `event`, `account_group`, `person`, and `archived` and `read`, the
        number of events in the archive and in the reading.
    undated_events, coerced_values : int
        Events without a date, and values that no column can hold, which are in `extra`.
    requests, retries, throttled : int
        What it cost.
    waited_seconds : float
        The time that workers waited for the budget, added up.
    clock_ahead_seconds : float or None
        The server's clock minus this machine's. None if nothing told.
    users : int or None
        How many people the snapshot has that was kept. None if there is none.
    users_snapshot : str
        The day of that snapshot, in ISO 8601.
    roles_fetched : bool
        Whether its memberships and roles were fetched, and not carried forward from the snapshot before.
    manifest : str
        The digest of the archive's manifest behind this sync. Keep it elsewhere, as the mail of a cron job does, and
        ``Archive.verify(expect=...)`` finds an archive that was put back to an older state as a whole.
    notes : list of str
        What a reader should know: clocks that are apart, a manifest that cannot be compared with what was before,
        files that were not as the manifest has them.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api, tempfile.TemporaryDirectory() as folder:
    ...     report = taf.Archive(folder).sync(taf.Client(token=api.token, base_url=api.url), settle=0)
    >>> report.events_added
    1000
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

    def add_fewer(self, keys: pa.Table) -> None:
        """Take up what `te_audit_frames.merge.count_fewer` found of a day."""
        self.fewer_keys += keys.num_rows
        for row in keys.slice(0, _MOST_FEWER - len(self.fewer)).to_pylist():
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
        """Write the report in plain JSON types."""
        return asdict(self)

    def to_json(self) -> str:
        """Write the report as one line of JSON."""
        return json.dumps(self.to_dict())

    @property
    def summary(self) -> str:
        """One line for a log."""
        said = (
            f"{self.location}: {self.events_added:,} events added, {_days(self.days_added)} new, "
            f"{self.days_changed:,} changed, {self.days_read:,} read up to {self.end}, {self.requests:,} requests"
        )
        if self.late_events:
            said += f", {self.late_events:,} late (by at least {_length(self.latest_late_seconds or 0)})"
        if self.vanished_events:
            said += f", {self.vanished_events:,} no longer at the vendor"
        if self.users is not None:
            said += f", {self.users:,} people{'' if self.roles_fetched else ' (roles as before)'}"
        said += f"; scope: {self.scope}" if self.scope else ""
        return printable("; ".join([said, *self.notes, f"manifest {self.manifest}"]))

    def __repr__(self) -> str:
        lines = {
            "period (UTC)": f"{self.start} to {self.end}, the end excluded",
            "scope": self.scope,
            "days": f"{self.days_read:,} read, {self.days_added:,} added, {self.days_changed:,} changed",
            "events added": f"{self.events_added:,}",
            "late events": f"{self.late_events:,}"
            + (f", by at least {_length(self.latest_late_seconds)}" if self.latest_late_seconds is not None else ""),
            "vanished events": f"{self.vanished_events:,}" + (", kept in the archive" if self.vanished_events else ""),
            "requests": f"{self.requests:,}, of these {self.retries:,} retries and {self.throttled:,} throttled",
            "waited": f"{self.waited_seconds:.1f} s for the rate limit",
        }
        if self.users is not None:
            roles = "fetched" if self.roles_fetched else "as in the snapshot before"
            lines["people"] = f"{self.users:,} in the snapshot of {self.users_snapshot}, roles {roles}"
        if self.paired_events:
            lines["paired events"] = f"{self.paired_events:,}, changed since they were archived"
        if self.fewer_keys:
            lines["fewer read"] = f"of {self.fewer_keys:,} key{'s' * (self.fewer_keys > 1)}; the archive keeps the most"
        for number, key in enumerate(self.fewer, 1):
            who = ", ".join(str(key[part]) for part in ("event", "account_group", "person"))
            lines[f"  {number}"] = f"{key['date']}, {who}: {key['read']:,} read, {key['archived']:,} archived"
        if self.fewer_keys > len(self.fewer) > 0:
            lines["  …"] = f"and {self.fewer_keys - len(self.fewer):,} more"
        if self.undated_events:
            lines["without date"] = f"{self.undated_events:,}"
        if self.coerced_values:
            lines["set aside"] = f"{self.coerced_values:,} values, in `extra`"
        lines["manifest"] = self.manifest
        return aligned(f"SyncReport of {self.location}", [*lines.items(), *(("note", note) for note in self.notes)])


@dataclass(frozen=True)
class Verification:
    """What a verification of an archive found.

    Attributes
    ----------
    location : str
        The archive.
    files, events : int
        How many were checked, and counted in the files that are sound.
    problems : tuple of (str, str)
        A file, and what is wrong with it.
    manifest : str
        The digest of the archive's manifest. Empty if there is none.
    unfinished : int
        The number of files that a sync announced and did not confirm, because it was interrupted or still runs. They
        are sound; the next sync finishes them.

    Examples
    --------
    >>> from te_audit_frames.storage.sync_report import Verification
    >>> Verification("te-audit", files=2, events=10).ok
    True
    """

    location: str
    files: int
    events: int
    problems: tuple[tuple[str, str], ...] = field(default=())
    manifest: str = ""
    unfinished: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __repr__(self) -> str:
        lines = {"ok": "yes" if self.ok else "no", "files": f"{self.files:,}", "events": f"{self.events:,}"}
        lines["manifest"] = self.manifest or "none"
        if self.unfinished:
            lines["unfinished"] = f"{self.unfinished:,} files, which an interrupted sync announced; sync to finish"
        problems = [(f"  {name}", problem) for name, problem in self.problems]
        return aligned(f"Verification of {self.location}", [*lines.items(), *problems])


def _days(count: int) -> str:
    return f"{count:,} day{'s' * (count != 1)}"


def _length(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
