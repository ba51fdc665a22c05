"""The archive: plain Parquet, one file per UTC day, kept longer than the vendor keeps the log.

The module is long because more than half of it documents the public methods of `Archive`. Most of their work is done in
the modules that it imports.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

import pandas as pd
import pyarrow as pa

from te_audit_frames.arguments import check_flag, check_number
from te_audit_frames.errors import ArchiveError, AuditFramesError, InvalidArgument
from te_audit_frames.periods import DEFAULT_LOOKBACK, Instant, iso, to_bounds, to_instant, to_window
from te_audit_frames.receipts import attach_receipt
from te_audit_frames.schema import ARROW_SCHEMA, to_events
from te_audit_frames.storage.archive_export import export_events
from te_audit_frames.storage.archive_import import import_events
from te_audit_frames.storage.archive_receipt import receipt_of
from te_audit_frames.storage.archive_writer import ArchiveWriter
from te_audit_frames.storage.atomic import FilePath
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day_file import ONE_DAY, midnight
from te_audit_frames.storage.filters import check_columns
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.parquet import read_table
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync import Sync
from te_audit_frames.storage.sync_report import SyncReport
from te_audit_frames.storage.sync_source import BatchSource
from te_audit_frames.storage.table import EventTable, in_threads, read_coverage
from te_audit_frames.storage.user_snapshots import (
    UserSource,
    find_snapshot,
    keep_snapshot,
    snapshot_days,
    survey_snapshots,
)
from te_audit_frames.storage.verification import Verification, check_digest, verify_archive


class Archive:
    """A folder or bucket that keeps events for good, in one Parquet file per UTC day.

    Any engine can read ``events/event_date=*/events.parquet`` at any moment, because files are replaced whole. On a
    local disk they are readable by their owner only.

    Parameters
    ----------
    location : str or PathLike
        A local folder, or ``s3://bucket/prefix``, ``gs://…``, ``az://…`` (extra `cloud`). The first sync makes the
        folder.
    storage_options : mapping of str to str, optional
        Settings of a bucket beyond those in the environment (``AWS_ACCESS_KEY_ID`` and so on). The names are those of
        the obstore package, for example ``{"region": "eu-central-1"}``.

    Raises
    ------
    InvalidArgument
        The location is neither a folder nor a URL of a known kind, or the extra `cloud` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import UTC, datetime, timedelta
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> last_week = datetime.now(UTC) - timedelta(days=7)
    >>> with Sandbox(events=1_000, seed=0, days=5) as api, tempfile.TemporaryDirectory() as folder:
    ...     archive = taf.Archive(folder)
    ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), start=last_week, settle=0)
    ...     len(archive.load()), archive.verify().ok
    (1000, True)
    """

    def __init__(self, location: FilePath, *, storage_options: Mapping[str, str] | None = None) -> None:
        if not isinstance(location, str | os.PathLike) or not os.fspath(location):
            raise InvalidArgument(
                f'location: {location!r} is not a folder or a URL; write, for example, "te-audit" or '
                '"s3://bucket/te-audit"'
            )
        self.location = os.fspath(location)
        self._store = _open_store(self.location, storage_options)
        self._table = EventTable(self._store)

    def __repr__(self) -> str:
        return f"Archive({self.location!r})"

    # ---- writing -------------------------------------------------------------------------------------------------

    def sync(
        self,
        client: BatchSource,
        *,
        start: Instant | None = None,
        all_account_groups: bool | None = None,
        lookback: str | timedelta = DEFAULT_LOOKBACK,
        settle: float = 60.0,
        errors: Literal["raise", "coerce"] = "coerce",
        page_size: int | Literal["largest"] | None = None,
        users: bool = False,
    ) -> SyncReport:
        """Bring the archive up to date.

        The first sync goes back two years, which is how long the vendor keeps the log. It starts with the newest day
        and keeps each day once it is read to its end. If it is interrupted, the next sync goes on from there. Later
        syncs read what is new, and read the `lookback` again to find late events.

        A sync may take as long as it needs. It ends with an error if no new page arrives for as long as the client's
        `deadline`.

        Nothing is ever deleted. For each event, the archive keeps the highest count ever seen in one reading. If the
        token sees fewer account groups than an earlier one, the days it read do not count as complete.

        Parameters
        ----------
        client : Client
            The client that fetches the events.
        start : str, datetime, date or pandas.Timestamp, optional
            The first UTC day to read. By default, two years ago, or the first day of the earlier syncs if that is
            later.
        all_account_groups : bool, optional
            False reads only the login account group of the token. By default, every account group that the token
            may see.
        lookback : str or timedelta, default "72h"
            How long after the end of a day its events may still arrive. Until then, each sync reads the day again.
        settle : float, default 60
            End the sync this many seconds before the server's present time, so that new events do not shift the pages
            while they are read.
        errors : {"coerce", "raise"}, default "coerce"
            How to handle a value that does not fit its column: move it to `extra`, or raise an error.
        page_size : int or "largest", optional
            Events per page. By default, the client's `page_size`; if it has none, ``"largest"``, because the number of
            requests decides how long a first sync takes. If the API refuses or ignores that, it chooses the size.
        users : bool, default False
            Keep a snapshot of the people of the organisation too, as ``users/snapshot_date=…/users.parquet``. It takes
            one request. Once a week it takes one more for each account group, to read the roles of its members, which
            are carried forward in between. If the API refuses, the report notes it.

        Returns
        -------
        SyncReport
            What was read, added and compared, and the digest of the manifest.

        Raises
        ------
        InvalidArgument
            An argument is wrong. No request was sent, unless `start` is after the end of the sync.
        ArchiveLocked
            Another process is writing into the archive. No request was sent.
        ArchiveError
            A file of the archive is damaged, or this machine's clock is far behind the server's.
        FetchError
            Some days could not be fetched. The others are kept.
        FileError, StoreError
            A file cannot be written. The archive keeps what it had.

        Examples
        --------
        >>> import tempfile
        >>> from datetime import UTC, datetime, timedelta
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> last_week = datetime.now(UTC) - timedelta(days=7)
        >>> with Sandbox(events=100, seed=0, days=5) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(folder)
        ...     with taf.Client(token=api.token, base_url=api.url) as client:
        ...         first = archive.sync(client, start=last_week, settle=0)
        ...         second = archive.sync(client, settle=0)
        >>> first.events_added, second.events_added
        (100, 0)
        """
        people = _user_source(client) if check_flag("users", users) else None
        first = None if start is None else to_instant(start, argument="start")
        settle_time = timedelta(seconds=check_number("settle", settle, 0, 86_400, unit="seconds"))
        lookback_time = to_window(lookback, argument="lookback")
        with self._store.writing() as alone:
            writer = ArchiveWriter(self._store, alone=alone, survey=self._survey)
            sync = Sync(
                self._store,
                writer,
                client,
                read_coverage(self._store),
                location=self.location,
                start=first,
                all_account_groups=all_account_groups is not False,
                lookback=lookback_time,
                settle=settle_time,
                errors=errors,
                page_size=page_size,
            )
            report = sync.run()
            if people is not None:
                try:
                    keep_snapshot(self._store, writer, people, report)
                except AuditFramesError as error:
                    error.add_note("The events of this sync are kept. A snapshot of the people is not.")
                    raise
            return report

    def import_parquet(self, path: FilePath, *, filesystem: Any = None) -> int:
        """Add a file of events that was saved earlier.

        Events that the archive already has are not added again. If the file has the receipt of a complete fetch, its
        days count as read. A day without events counts as read only if the vendor still kept it at the time of the
        fetch, or if it lies between days of the archive.

        Parameters
        ----------
        path, filesystem
            See `read_parquet`.

        Returns
        -------
        int
            The number of events that the archive did not have.

        Raises
        ------
        NotAnAuditFrame, DamagedFile
            The file does not hold events, or is damaged.
        InvalidArgument
            The file would add more than 5,000 days. Nothing was written.
        ArchiveLocked, ArchiveError, FileError, StoreError
            See `sync`.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     taf.write_parquet(events, f"{folder}/events.parquet")
        ...     archive = taf.Archive(f"{folder}/te-audit")
        ...     archive.import_parquet(f"{folder}/events.parquet"), archive.import_parquet(f"{folder}/events.parquet")
        (1, 0)
        """
        rows, attrs = read_table(path, filesystem=filesystem)
        with self._store.writing() as alone:
            writer = ArchiveWriter(self._store, alone=alone, survey=self._survey)
            return import_events(self._store, self._table, writer, rows, attrs, file=os.fspath(path))

    # ---- reading -------------------------------------------------------------------------------------------------

    def load(
        self,
        *,
        start: Instant | None = None,
        end: Instant | None = None,
        window: str | timedelta | None = None,
        columns: Sequence[str] | None = None,
        account_groups: str | int | Sequence[str | int] | None = None,
    ) -> pd.DataFrame:
        """Load events as an audit frame. Only the files of the requested days are read.

        Parameters
        ----------
        start, end : str, datetime, date or pandas.Timestamp, optional
            The half-open period `[start, end)`. Events without a date are then left out. By default, everything.
        window : str or timedelta, optional
            A length such as ``"30d"`` or ``"12h"``, instead of `start` and `end`. It ends where the latest reading
            ended. If imported events are newer, it ends with the UTC day of the newest.
        columns : sequence of str, optional
            Only these columns, in this order.
        account_groups : str, int or a sequence of them, optional
            Only events of these account groups, each by its `aid` or its name.

        Returns
        -------
        pandas.DataFrame
            The audit frame, in ascending `date` (``datetime64[us, UTC]``). Its receipt (`source` ``"archive"``) is
            complete if every day of the period was read to its end.

        Raises
        ------
        ArchiveError
            There is no archive, or a file of it is damaged.
        InvalidArgument
            An argument is wrong.
        FileError, StoreError
            A file cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     taf.write_parquet(events, f"{folder}/events.parquet")
        ...     archive = taf.Archive(f"{folder}/te-audit")
        ...     added = archive.import_parquet(f"{folder}/events.parquet")
        ...     archive.load(start="2026-01-05", columns=["event"])
                 event
        0  User login.
        """
        wanted = check_columns(columns)
        groups = _groups(account_groups)
        bounds = to_bounds(start, end)
        length = None if window is None else to_window(window)
        if length is not None and any(bounds):
            raise InvalidArgument("window excludes start and end: give a window, or a start and an end")
        coverage = self._read_coverage()
        if length is not None:
            last = self._end_of(coverage)
            bounds = (last - length, last)
        files = self._table.files(bounds)
        read = in_threads(lambda file: self._table.rows(file, wanted, bounds, groups), files)
        schema = pa.schema([ARROW_SCHEMA.field(name) for name in wanted])
        rows = pa.concat_tables([*(rows for rows, _ in read), schema.empty_table()])
        counts = {file.day: count for file, (_, count) in zip(files, read, strict=True)}
        receipt = receipt_of(coverage, bounds, counts=counts, events=rows.num_rows, groups=groups)
        return attach_receipt(to_events(rows), receipt)

    def users(self, *, at: Instant | None = None) -> pd.DataFrame:
        """Return the people as they were at an instant: the latest snapshot that was taken at or before it.

        Parameters
        ----------
        at : str, datetime, date or pandas.Timestamp, optional
            A time must have a time zone or an offset. A date means its midnight in UTC. By default, the latest snapshot
            of all.

        Returns
        -------
        pandas.DataFrame
            One row per person, as `Client.fetch_users` returns it. `fetched_at` is when the snapshot was taken, and
            `roles_fetched_at` when the memberships and roles were read.

        Raises
        ------
        ArchiveError
            There is no snapshot (``sync(client, users=True)`` keeps one), none so early, or the snapshot is damaged.
        InvalidArgument
            `at` is not an instant.

        Examples
        --------
        >>> import tempfile
        >>> from datetime import UTC, datetime, timedelta
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> last_week = datetime.now(UTC) - timedelta(days=7)
        >>> with Sandbox(events=100, seed=0) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(folder)
        ...     client = taf.Client(token=api.token, base_url=api.url)
        ...     report = archive.sync(client, start=last_week, settle=0, users=True)
        ...     len(archive.users()) == report.users
        True
        """
        instant = None if at is None else to_instant(at, argument="at")
        found = find_snapshot(self._store, instant)
        if found is not None:
            return found
        first = next(iter(snapshot_days(self._store)), None)
        when = "" if instant is None else f" at or before {iso(instant)}"
        since = f"; the first is of {first}" if first else ""
        raise ArchiveError(
            f"{self.location}: there is no snapshot of people{when}{since}. Archive.sync(client, users=True) keeps one."
        )

    def files(self, *, start: Instant | None = None, end: Instant | None = None) -> list[str]:
        """List the Parquet files of a period, as paths or URLs that an engine can open.

        Parameters
        ----------
        start, end : str, datetime, date or pandas.Timestamp, optional
            Only files of days that the half-open period `[start, end)` touches. By default all files, including the
            one of events without a date.

        Returns
        -------
        list of str
            Absolute paths or URLs, in the order of the days.

        Raises
        ------
        ArchiveError
            There is no archive.
        InvalidArgument
            An argument is wrong.
        """
        bounds = to_bounds(start, end)
        self._read_coverage()
        return [self._store.address(file.name) for file in self._table.files(bounds)]

    def coverage(self) -> pd.DataFrame:
        """Return one row per UTC day: events, gaps, completeness.

        Returns
        -------
        pandas.DataFrame
            One row for each day from the first to the last, with these columns:

            - `day` (``datetime64[us, UTC]``): the midnight at its start.
            - `events` (``Int64``): the number of events. Null in a gap.
            - `gap` (bool): the day was never read, or its file is gone.
            - `complete` (bool): the day was read to its end, with the widest scope so far, while the vendor still
              had all of it.
            - `sealed` (bool): the day was read when it had been over for at least the default lookback, by a token that
              saw no less than earlier ones.
            - `read_to`, `fetched_at` (``datetime64[us, UTC]``), `scope` (``str``): the end, time and
              scope of the latest reading. Null if there is no reading.

        Raises
        ------
        ArchiveError
            There is no archive, or its coverage file is damaged.
        FileError, StoreError
            A file cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     taf.write_parquet(events, f"{folder}/events.parquet")
        ...     archive = taf.Archive(f"{folder}/te-audit")
        ...     added = archive.import_parquet(f"{folder}/events.parquet")
        ...     archive.coverage()[["day", "events", "gap", "complete"]]
                                day  events    gap  complete
        0 2026-01-05 00:00:00+00:00       1  False     False
        """
        present = {file.day for file in self._table.files((None, None))}
        coverage = self._read_coverage()
        return coverage.without(day for day in coverage.records if day not in present).to_frame()

    def verify(self, *, expect: str | None = None) -> Verification:
        """Check every file by itself and against the manifest.

        Each file is checked for its SHA-256, row count and schema, and for the dates of its events. The manifest, which
        every sync writes, shows which files are missing, foreign or older than they should be.

        Parameters
        ----------
        expect : str, optional
            The digest that the last sync reported (`SyncReport.manifest`), kept outside the archive. Without it, an
            archive that was replaced as a whole by an older state, or rewritten with its manifest, looks sound.

        Returns
        -------
        Verification
            Its `.ok` is False, and its `.problems` are listed, if anything is wrong. A missing manifest is a problem.

        Raises
        ------
        ArchiveError
            There is no archive.
        InvalidArgument
            `expect` is not a digest.

        Examples
        --------
        >>> import tempfile
        >>> from datetime import UTC, datetime, timedelta
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> last_week = datetime.now(UTC) - timedelta(days=7)
        >>> with Sandbox(events=100, seed=0, days=5) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(folder)
        ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), start=last_week, settle=0)
        ...     archive.verify(expect=report.manifest).ok
        True
        """
        wanted = check_digest(expect)
        self._require_archive()
        return verify_archive(self._store, self._table, location=self.location, expect=wanted)

    def export(
        self,
        path: FilePath,
        *,
        start: Instant | None = None,
        end: Instant | None = None,
        partition_by: Literal["month"] | None = None,
    ) -> list[str]:
        """Write the events to one Parquet file, or to one file per month.

        Parameters
        ----------
        path : str or PathLike
            The file. With `partition_by`, the folder that receives ``event_month=YYYY-MM/events.parquet``. A local
            path, or a URI as in `write_parquet`.
        start, end : str, datetime, date or pandas.Timestamp, optional
            Only events of the half-open period `[start, end)`. Events without a date are then left out.
        partition_by : {"month"}, optional
            Write one file per month. By default, a single file.

        Returns
        -------
        list of str
            The files that were written.

        Raises
        ------
        ArchiveError
            There is no archive, or a file of it is damaged.
        InvalidArgument
            An argument is wrong.
        FileError, StoreError
            A file cannot be read or written.

        Examples
        --------
        >>> import tempfile
        >>> from datetime import UTC, datetime, timedelta
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> last_week = datetime.now(UTC) - timedelta(days=7)
        >>> with Sandbox(events=100, seed=0, days=5) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(f"{folder}/te-audit")
        ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), start=last_week, settle=0)
        ...     files = archive.export(f"{folder}/all.parquet")
        ...     len(taf.read_parquet(files[0]))
        100
        """
        if partition_by not in (None, "month"):
            raise InvalidArgument(f'partition_by: {partition_by!r} is not "month"; leave it out for one file')
        bounds = to_bounds(start, end)
        coverage = self._read_coverage()
        return export_events(self._table, coverage, os.fspath(path), bounds, by_month=partition_by is not None)

    # ---- helpers -------------------------------------------------------------------------------------------------

    def _end_of(self, coverage: Coverage) -> datetime:
        """Return the end of the last reading, or the end of the last day if it has imported events after that."""
        latest = coverage.latest
        read_to = latest.read_to if latest else None
        dated = [file for file in self._table.files((read_to, None)) if file.day is not None]
        # Since clocks may be wrong, an import counts as read at most up to a day before its fetch. Its events may be
        # newer.
        if read_to and not (dated and self._table.rows(dated[-1], ("date",), (read_to, None))[0].num_rows):
            return read_to
        return midnight(cast("date", dated[-1].day)) + ONE_DAY if dated else datetime.now(UTC)

    def _survey(self) -> tuple[dict[str, Entry], set[str]]:
        """Return the manifest entries of every sound file, and the account groups of the events."""
        files, groups = self._table.survey()
        return files | survey_snapshots(self._store), groups

    def _read_coverage(self) -> Coverage:
        self._require_archive()
        return read_coverage(self._store)

    def _require_archive(self) -> None:
        if self._store.read(COVERAGE) is None and not self._table.names():
            raise ArchiveError(
                f"{self.location}: there is no archive here yet; Archive.sync() or .import_parquet() makes one"
            )


def _open_store(location: str, storage_options: Mapping[str, str] | None) -> Store:
    if re.match(r"(s3|gs|az):/(?!/)", location):
        raise InvalidArgument(f"location: {location} has one slash too few; give a bucket as text, not as a Path")
    if odd := re.search(r"[*?\[\]%#]|/\.\.?(?=/|$)" if "://" in location else r"[*?\[]", location):
        raise InvalidArgument(f"location: {location} has a {odd[0]}, which engines would misread; choose another name")
    if "://" in location:
        from te_audit_frames.storage.object_store import ObjectStore  # it needs an extra

        return ObjectStore(location, storage_options or {})
    if storage_options:
        raise InvalidArgument(
            f"storage_options: {location} takes none; they are for a bucket such as s3://bucket/te-audit"
        )
    return LocalStore(location)


def _user_source(client: object) -> UserSource:
    if not hasattr(client, "fetch_users"):
        raise InvalidArgument("users: this client has no fetch_users; give a te_audit_frames.Client")
    return cast("UserSource", client)


def _groups(chosen: str | int | Sequence[str | int] | None) -> list[str] | None:
    if chosen is None:
        return None
    groups = list(chosen) if isinstance(chosen, Iterable) and not isinstance(chosen, str) else [chosen]
    for group in groups:
        if isinstance(group, bool) or not isinstance(group, str | int):
            raise InvalidArgument(f'account_groups: {group!r} is not an aid or a name; write, for example, "1234"')
    return [str(group) for group in groups]
