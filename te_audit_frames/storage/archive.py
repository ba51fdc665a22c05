"""The archive: plain Parquet, one file per UTC day, that outlives the vendor's retention."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
import pyarrow as pa

from te_audit_frames.arguments import check_flag, check_number
from te_audit_frames.errors import ArchiveError, AuditFramesError, InvalidArgument
from te_audit_frames.file_errors import file_errors
from te_audit_frames.periods import DEFAULT_LOOKBACK, Instant, iso, to_instant, to_window
from te_audit_frames.receipts import attach_receipt
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, CORES, to_events
from te_audit_frames.storage.archive_receipt import receipt_of
from te_audit_frames.storage.atomic import FilePath
from te_audit_frames.storage.coverage import COVERAGE, Coverage
from te_audit_frames.storage.day_file import ONE_DAY, UNDATED, midnight
from te_audit_frames.storage.filters import Bounds, check_bounds, check_columns
from te_audit_frames.storage.importing import import_events
from te_audit_frames.storage.ledger import Ledger
from te_audit_frames.storage.local_store import LocalStore
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.parquet import read_table
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync import BatchSource, Sync
from te_audit_frames.storage.sync_report import SyncReport, Verification
from te_audit_frames.storage.table import DayFile, Table, read_coverage
from te_audit_frames.storage.user_snapshots import (
    UserSource,
    find_snapshot,
    keep_snapshot,
    snapshot_days,
    survey_snapshots,
)
from te_audit_frames.storage.verifying import check_digest, verification
from te_audit_frames.storage.writer import parquet_writer


class Archive:
    """Events kept for good: a folder or a bucket with one Parquet file per UTC day.

    Any engine reads ``events/event_date=*/events.parquet``, and is right at any moment: files are replaced whole. On a
    local disk they are readable by their owner only.

    Parameters
    ----------
    location : str or PathLike
        A local folder, or ``s3://bucket/prefix``, ``gs://…``, ``az://…`` (extra `cloud`). The first sync makes it.
    storage_options : mapping of str to str, optional
        For a bucket: what its store needs beyond the environment (``AWS_ACCESS_KEY_ID`` and so on), by the names of
        the obstore package, such as ``{"region": "eu-central-1"}``.

    Raises
    ------
    InvalidArgument
        The location is of no known kind, or the extra `cloud` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=1_000, seed=0) as api, tempfile.TemporaryDirectory() as folder:
    ...     archive = taf.Archive(folder)
    ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), settle=0)
    ...     len(archive.load()), archive.verify().ok
    (1000, True)
    """

    def __init__(self, location: FilePath, *, storage_options: Mapping[str, str] | None = None) -> None:
        if not isinstance(location, str | os.PathLike) or not os.fspath(location):
            raise InvalidArgument(
                f'location: {location!r} is not a place; right are a folder, "te-audit", or "s3://bucket/te-audit"'
            )
        self.location = os.fspath(location)
        self._store = _store(self.location, storage_options)
        self._table = Table(self._store)

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
        users: bool = False,
    ) -> SyncReport:
        """Bring the archive up to date.

        The first sync goes back two years, which is what the vendor keeps, newest day first; a day is kept as soon as
        paging has passed it, so that a sync that is interrupted goes on where it stopped. Later syncs read what is new,
        and the `lookback` again, for events that came late. Nothing is ever deleted: of each event the archive has as
        many as it ever saw at once. A token that sees fewer account groups than the one before adds what it sees, and
        days that it read do not count as complete.

        Parameters
        ----------
        client : Client
            How to ask.
        start : str, datetime, date or pandas.Timestamp, optional
            Go back to this UTC day; by default to the archive's first, or two years.
        all_account_groups : bool, optional
            False reads only the login account group of the token. By default, every account group that the token
            may see.
        lookback : str or timedelta
            How long an event may come late: a day is read again until it is over by so much.
        settle : float
            Seconds before the server's now where the sync ends, so that pages do not shift under the reader.
        errors : {"coerce", "raise"}
            What a value does that its column cannot hold: it is kept in `extra`, or it ends the sync.
        users : bool
            Whether to keep a snapshot of the people of the organisation as well, as ``users/snapshot_date=…/``. It
            takes one request; once a week, it takes one more for each account group, whose members' roles are
            carried forward in between. A directory that the API refuses is noted.

        Returns
        -------
        SyncReport

        Raises
        ------
        InvalidArgument
            An argument is not of its form; nothing was sent.
        ArchiveLocked
            Another process is writing into the archive; nothing was sent.
        ArchiveError
            A file of the archive is damaged.
        FetchError
            Not all days could be fetched; those that were are kept.
        FileError, StoreError
            A file cannot be written. The archive keeps what it had.
        """
        check_flag("users", users)
        since = None if start is None else to_instant(start, argument="start")
        settling = _seconds("settle", settle)
        looking_back = to_window(lookback, argument="lookback")
        with self._store.writing() as alone:
            ledger = Ledger(self._store, alone=alone, survey=self._survey)
            sync = Sync(
                self._store,
                ledger,
                client,
                read_coverage(self._store),
                location=self.location,
                start=since,
                all_account_groups=all_account_groups is not False,
                lookback=looking_back,
                settle=settling,
                errors=errors,
            )
            report = sync.run()
            if users:
                try:
                    keep_snapshot(self._store, ledger, _user_source(client), report)
                except AuditFramesError as error:
                    error.add_note("The events of this sync are kept. A snapshot of the people is not.")
                    raise
            return report

    def import_parquet(self, path: FilePath, *, filesystem: Any = None) -> int:
        """Take in a file of events that was saved earlier.

        Rows merge as those of a sync do: what the archive has already is not doubled. If the file has the receipt of
        a complete fetch, its days count as read; days without events only as far as the vendor still had them, or
        between days of the archive.

        Parameters
        ----------
        path, filesystem
            As of `read_parquet`.

        Returns
        -------
        int
            How many events the archive did not have.

        Raises
        ------
        NotAnAuditFrame, DamagedFile
            The file does not hold events, or is damaged.
        InvalidArgument
            The file would add more than 5,000 days; nothing was written.
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
            ledger = Ledger(self._store, alone=alone, survey=self._survey)
            return import_events(self._store, self._table, ledger, rows, attrs, file=os.fspath(path))

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
            Instead of `start` and `end`: the last ``"30d"`` or ``"12h"``, counted back from where the last sync
            stopped reading.
        columns : sequence of str, optional
            Only these columns, in this order.
        account_groups : str, int or a sequence of them, optional
            Only events of these account groups, each given by its `aid` or its name.

        Returns
        -------
        pandas.DataFrame
            The audit frame, in ascending `date` (``datetime64[us, UTC]``). Its receipt (`source` ``"archive"``) says
            whether every day of the period was read to its end.

        Raises
        ------
        ArchiveError
            There is no archive, or a file of it is damaged.
        InvalidArgument
            An argument is wrong.
        """
        wanted = check_columns(columns)
        groups = _groups(account_groups)
        bounds = check_bounds(start, end)
        length = None if window is None else to_window(window)
        if length is not None and any(bounds):
            raise InvalidArgument("window excludes start and end: give a window, or a start and an end")
        coverage = self._known()
        if length is not None:
            last = self._end_of(coverage)
            bounds = (last - length, last)
        files = self._table.files(bounds)
        with ThreadPoolExecutor(CORES) as pool:
            read = list(pool.map(lambda file: self._table.rows(file, wanted, bounds, groups), files))
        schema = pa.schema([ARROW_SCHEMA.field(name) for name in wanted])
        rows = pa.concat_tables([*(rows for rows, _ in read), schema.empty_table()])
        counts = {file.day: count for file, (_, count) in zip(files, read, strict=True)}
        paid = receipt_of(coverage, bounds, counts=counts, events=rows.num_rows, groups=groups)
        return attach_receipt(to_events(rows), paid)

    def users(self, *, at: Instant | None = None) -> pd.DataFrame:
        """Return the people as they were at an instant: the latest snapshot that was taken at or before it.

        Parameters
        ----------
        at : str, datetime, date or pandas.Timestamp, optional
            Aware, or ISO text with an offset or Z; a bare date is midnight UTC, the start of that day. By default the
            latest snapshot of all.

        Returns
        -------
        pandas.DataFrame
            One row per person, as `Client.fetch_users` returns it. `fetched_at` says when the snapshot was taken, and
            `roles_fetched_at` from when the memberships and roles are.

        Raises
        ------
        ArchiveError
            There is no snapshot, or none so early; ``sync(client, users=True)`` keeps one. Or it is damaged.
        InvalidArgument
            `at` is not an instant.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=100, seed=0) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(folder)
        ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), settle=0, users=True)
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
        """List the Parquet files of a period, for engines: absolute paths, or URLs.

        Parameters
        ----------
        start, end : str, datetime, date or pandas.Timestamp, optional
            Only files of days that the half-open period `[start, end)` touches. By default all, that of the events
            without a date included, where there are any.

        Returns
        -------
        list of str
            In the order of the days.

        Raises
        ------
        ArchiveError
            There is no archive.
        InvalidArgument
            An argument is wrong.
        """
        bounds = check_bounds(start, end)
        self._known()
        return [self._store.address(file.name) for file in self._table.files(bounds)]

    def coverage(self) -> pd.DataFrame:
        """Tell what the archive knows of each UTC day.

        Returns
        -------
        pandas.DataFrame
            One row a day, from the first to the last: `day` (its midnight, ``datetime64[us, UTC]``), `events`
            (``Int64``, null in a gap), `gap` (bool: nobody read the day, or its file is gone), `complete` (bool: read
            to its end, with the widest scope so far, when the vendor still had all of it), `sealed` (bool: over by
            the default lookback when it was read), `read_to` and `fetched_at` (``datetime64[us, UTC]``) and `scope`
            (``str``) of the latest reading; these three are null where events were only imported.

        Raises
        ------
        ArchiveError
            There is no archive, or its coverage file is damaged.
        """
        present = {file.day for file in self._table.files((None, None))}
        coverage = self._known()
        return coverage.without(day for day in coverage.records if day not in present).to_frame()

    def verify(self, *, expect: str | None = None) -> Verification:
        """Check every file by itself, and that the archive consists of the files that were written last.

        By itself, a file is checked for its SHA-256, its row count, its schema, and that its events are of its day.
        The manifest, which every sync writes, then tells which files are missing, which are foreign and which are
        older than they were.

        Parameters
        ----------
        expect : str, optional
            The digest that the last sync reported (`SyncReport.manifest`), kept elsewhere. Without it, an archive
            that was put back to an older state as a whole, or rewritten together with its manifest, looks sound.

        Returns
        -------
        Verification
            With `.ok` and `.problems`. An archive without a manifest is not ok.

        Raises
        ------
        ArchiveError
            There is no archive.
        InvalidArgument
            `expect` is not a digest.

        Examples
        --------
        >>> import tempfile
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=100, seed=0) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(folder)
        ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), settle=0)
        ...     archive.verify(expect=report.manifest).ok
        True
        """
        wanted = check_digest(expect)
        self._require()
        return verification(self._store, self._table, location=self.location, expect=wanted)

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
            The files written.

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
        >>> import te_audit_frames as taf
        >>> from te_audit_frames.sandbox import Sandbox
        >>> with Sandbox(events=100, seed=0) as api, tempfile.TemporaryDirectory() as folder:
        ...     archive = taf.Archive(f"{folder}/te-audit")
        ...     report = archive.sync(taf.Client(token=api.token, base_url=api.url), settle=0)
        ...     files = archive.export(f"{folder}/all.parquet")
        ...     len(taf.read_parquet(files[0]))
        100
        """
        if partition_by not in (None, "month"):
            raise InvalidArgument(f'partition_by: {partition_by!r} is not "month"; leave it out for one file')
        bounds = check_bounds(start, end)
        coverage = self._known()
        parts: dict[str, list[DayFile]] = {} if partition_by else {os.fspath(path): []}
        for file in self._table.files(bounds):
            target = _month_file(path, file.day) if partition_by else os.fspath(path)
            parts.setdefault(target, []).append(file)
        for target, files in parts.items():
            if partition_by and "://" not in target:
                with file_errors(Path(target).parent):
                    Path(target).parent.mkdir(0o700, parents=True, exist_ok=True)
            self._export(target, files, _clip(files, bounds) if partition_by else bounds, coverage)
        return list(parts)

    def _export(self, target: str, files: list[DayFile], bounds: Bounds, coverage: Coverage) -> None:
        events = 0
        counts: dict[date | None, int] = {}
        with parquet_writer(target) as writer:
            for file in files:
                rows, counts[file.day] = self._table.rows(file, COLUMNS, bounds)
                events += rows.num_rows
                writer.write(rows)
            writer.attrs[ATTRS_KEY] = receipt_of(coverage, bounds, counts=counts, events=events).to_dict()

    # ---- the rest ------------------------------------------------------------------------------------------------

    def _end_of(self, coverage: Coverage) -> datetime:
        """Return where the last reading stopped, or the end of the last day if events were only imported."""
        if coverage.latest is not None:
            return coverage.latest.read_to
        days = [file.day for file in self._table.files((None, None)) if file.day is not None]
        return midnight(days[-1]) + ONE_DAY if days else datetime.now(UTC)

    def _survey(self) -> tuple[dict[str, Entry], set[str]]:
        """List every sound file for a manifest, and the account groups of the events."""
        files, groups = self._table.survey()
        return files | survey_snapshots(self._store), groups

    def _known(self) -> Coverage:
        self._require()
        return read_coverage(self._store)

    def _require(self) -> None:
        if self._store.read(COVERAGE) is None and not self._table.names():
            raise ArchiveError(
                f"{self.location}: there is no archive here yet; Archive.sync() or .import_parquet() makes one"
            )


def _store(location: str, storage_options: Mapping[str, str] | None) -> Store:
    if re.match(r"(s3|gs|az):/(?!/)", location):
        raise InvalidArgument(f"location: {location} has one slash too few; give a bucket as text, not as a Path")
    if odd := re.search(r"[*?\[\]%#]|/\.\.?(?=/|$)" if "://" in location else r"[*?\[]", location):
        raise InvalidArgument(f"location: {location} has a {odd[0]}, which engines would not take as it is")
    if "://" in location:
        from te_audit_frames.storage.object_store import ObjectStore  # its package is an extra

        return ObjectStore(location, storage_options or {})
    if storage_options:
        raise InvalidArgument(f"storage_options: are for a bucket such as s3://bucket/te-audit, not for {location}")
    return LocalStore(location)


def _user_source(client: object) -> UserSource:
    if not hasattr(client, "fetch_users"):
        raise InvalidArgument("users: this client has no fetch_users; give a te_audit_frames.Client")
    return cast("UserSource", client)


def _seconds(argument: str, value: float) -> timedelta:
    return timedelta(seconds=check_number(argument, value, 0, 86_400, unit="seconds"))


def _groups(chosen: str | int | Sequence[str | int] | None) -> list[str] | None:
    if chosen is None:
        return None
    groups = list(chosen) if isinstance(chosen, Iterable) and not isinstance(chosen, str) else [chosen]
    for group in groups:
        if isinstance(group, bool) or not isinstance(group, str | int):
            raise InvalidArgument(f'account_groups: {group!r} is not an aid or a name; right is, for example, "1234"')
    return [str(group) for group in groups]


def _month_file(path: FilePath, day: date | None) -> str:
    month = f"{day:%Y-%m}" if day else UNDATED
    return f"{os.fspath(path).rstrip('/')}/event_month={month}/events.parquet"


def _clip(files: list[DayFile], bounds: Bounds) -> Bounds:
    """Clip bounds to the days of some files."""
    days = [file.day for file in files if file.day is not None]
    if not days:
        return bounds
    first, end = midnight(days[0]), midnight(days[-1]) + ONE_DAY
    return max(first, bounds[0] or first), min(end, bounds[1] or end)
