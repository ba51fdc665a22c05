"""Dated snapshots of people in an archive, so that a review can ask for the role that somebody had at the time.

A snapshot costs one request. Memberships and roles cost one more per account group, so they are read once a week, and
the snapshots in between carry them forward. `roles_fetched_at` is when they were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

from te_audit_frames.directory_receipts import DirectoryReceipt
from te_audit_frames.errors import ArchiveError, PermissionDenied, warn
from te_audit_frames.periods import iso
from te_audit_frames.schema import DIRECTORY_KEY
from te_audit_frames.storage.archive_writer import ArchiveWriter, NewContent, sha256_of
from te_audit_frames.storage.day_file import ONE_DAY, FileCheck
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.user_files import dump_users, frame_of, load_users
from te_audit_frames.users import USERS_SCHEMA, to_users_table

USERS = "users"
"""The folder of an archive that has the snapshots."""

_ROLES_EVERY = timedelta(days=7)
_FILE = "users.parquet"
_PARTITION = "snapshot_date="
_CARRIED = ("memberships", "is_admin", "roles_fetched_at")


class UserSource(Protocol):
    """The one method of a `Client` that a snapshot uses."""

    def fetch_users(self, *, memberships: bool = ...) -> pd.DataFrame:
        """Fetch the people."""


def snapshot_name(day: date) -> str:
    """Return the name of the snapshot of a day.

    Examples
    --------
    >>> from datetime import date
    >>> from te_audit_frames.storage.user_snapshots import snapshot_name
    >>> snapshot_name(date(2026, 1, 31))
    'users/snapshot_date=2026-01-31/users.parquet'
    """
    return f"{USERS}/{_PARTITION}{day.isoformat()}/{_FILE}"


def snapshot_days(store: Store) -> list[date]:
    """Return the days that have a snapshot, in ascending order."""
    return sorted(day for name in store.names(USERS) if (day := _day_of(name)))


def _day_of(name: str) -> date | None:
    text = name.removeprefix(f"{USERS}/{_PARTITION}").removesuffix(f"/{_FILE}")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if name == snapshot_name(day) else None


def find_snapshot(store: Store, at: datetime | None) -> pd.DataFrame | None:
    """Return the people of the latest snapshot that was taken at or before an instant; None if there is none.

    Raises
    ------
    DamagedFile
        The snapshot is damaged.
    """
    for day in reversed(snapshot_days(store)):
        if at is not None and day > at.date():
            continue
        rows, receipt = _load(store, day)
        if at is None or datetime.fromisoformat(receipt["fetched_at"]) <= at:
            return frame_of(rows, receipt)
    return None


def _load(store: Store, day: date) -> tuple[pa.Table, dict[str, Any]]:
    name = snapshot_name(day)
    rows, receipt = load_users(store.read(name) or b"", file=store.address(name))
    if receipt is None:
        raise ArchiveError(f"{store.address(name)}: it has no receipt, so no sync wrote it. Remove it.")
    return rows, receipt


def check_snapshot(store: Store, name: str) -> FileCheck:
    """Check one file in the folder of snapshots by itself: that it is a snapshot, and unchanged."""
    if _day_of(name) is None:
        return FileCheck(problem="it does not belong here: readers take it for a snapshot of people")
    content = store.read(name) or b""
    try:
        load_users(content, file=name)
    except ArchiveError as error:
        return FileCheck(sha256_of(content), problem=str(error).removeprefix(f"{name}: "))
    return FileCheck(sha256_of(content))


def survey_snapshots(store: Store) -> dict[str, Entry]:
    """Return the manifest entry of every sound snapshot."""
    checked = {name: check_snapshot(store, name) for name in store.names(USERS)}
    return {name: Entry(found.sha256, None) for name, found in checked.items() if not found.problem}


# ---- keeping ---------------------------------------------------------------------------------------------------------


def keep_snapshot(store: Store, writer: ArchiveWriter, source: UserSource, report: SyncReport) -> None:
    """Fetch the people, and keep them as the snapshot of their day. A second snapshot of a day replaces the first.

    Parameters
    ----------
    store : Store
        The archive's store. The caller is inside its `writing`.
    writer : ArchiveWriter
        Writes the file. The caller has called its `begin`.
    source : Client
        Fetches the people.
    report : SyncReport
        Receives the result.

    Raises
    ------
    FetchError
        The people could not be fetched. If only a permission is missing, the report notes it instead.
    DamagedFile
        The previous snapshot is damaged.
    """
    days = snapshot_days(store)
    before = _load(store, days[-1]) if days else None
    try:
        users = _fetch(source, before and before[1], report)
    except PermissionDenied as error:
        note = f"no snapshot of people was kept: {error}"
        report.notes.append(note)
        warn(f"{report.location}: {note}")
        return
    receipt = DirectoryReceipt.from_dict(users.attrs[DIRECTORY_KEY])
    rows = to_users_table(users)
    fetched_now = receipt.account_groups_read > 0
    plain = receipt.to_dict() | {"source": "archive"}
    if before and not fetched_now:
        rows = _carry(rows, before[0])
        plain |= _carried_receipt(receipt, before[1], rows)
    day = datetime.fromisoformat(receipt.fetched_at).date()
    content = dump_users(rows, plain)
    name = snapshot_name(day)
    writer.write({name: lambda _: NewContent(content)})
    writer.finish()
    if name in writer.unexpected:
        report.notes.append(f"something else changed {name} since the last sync; run a verification to see how")
    report.users, report.users_snapshot, report.roles_fetched = rows.num_rows, day.isoformat(), fetched_now
    report.requests += receipt.requests
    report.retries += receipt.retries
    report.throttled += receipt.throttled
    report.waited_seconds = round(report.waited_seconds + receipt.waited_seconds, 3)
    report.notes += [f"people: {note}" for note in receipt.notes]
    report.manifest = writer.digest


def _fetch(source: UserSource, before: Mapping[str, Any] | None, report: SyncReport) -> pd.DataFrame:
    """Fetch the people, with their roles if those of the previous snapshot are a week old."""
    if before is None or _roles_are_due(before, report):
        return source.fetch_users(memberships=True)
    try:
        return source.fetch_users(memberships=False)
    except PermissionDenied:
        report.requests += 1
        return source.fetch_users(memberships=True)  # some people may be found as members of account groups


def _roles_are_due(before: Mapping[str, Any], report: SyncReport) -> bool:
    if before["roles_asked_at"] is None or before["only_in_groups"]:
        # People who are found only in account groups would be missing from a list of users.
        return True
    asked, now = (datetime.fromisoformat(at).date() for at in (before["roles_asked_at"], report.end))
    # Days are compared, so that a nightly run that starts a few seconds early does not wait for another night. If the
    # roles seem to be from the future, a clock was wrong, and their age is not known.
    return not -ONE_DAY <= now - asked < _ROLES_EVERY


def _carry(rows: pa.Table, before: pa.Table) -> pa.Table:
    """Return people with their memberships and roles from the previous snapshot."""
    places = {uid: place for place, uid in enumerate(before["uid"].to_pylist())}
    order = pa.array([places.get(uid) for uid in rows["uid"].to_pylist()], pa.int64())
    for name in _CARRIED:
        column = before[name].combine_chunks().take(order)
        rows = rows.set_column(rows.schema.get_field_index(name), USERS_SCHEMA.field(name), column)
    return rows


def _carried_receipt(receipt: DirectoryReceipt, before: Mapping[str, Any], rows: pa.Table) -> dict[str, Any]:
    is_asked = receipt.roles_asked_at is not None
    since = [moment for moment in rows["roles_fetched_at"].to_pylist() if moment is not None]
    notes = list(receipt.notes)
    if since:
        notes.append(f"memberships and roles are those of {iso(max(since))}")
    if unknown := rows["roles_fetched_at"].null_count:
        notes.append(f"people whose memberships are not known yet: {unknown:,}")
    of_roles = [path for path in before["refused"] if path != "users"]
    return {
        "roles_asked_at": receipt.roles_asked_at or before["roles_asked_at"],
        "account_groups": receipt.account_groups if is_asked else before["account_groups"],
        "account_groups_read": before["account_groups_read"],
        "refused": receipt.refused + ([] if is_asked else of_roles),
        "notes": notes,
    }
