"""The verification of an archive: every file by itself, and against the coverage and the manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from te_audit_frames.errors import ArchiveError, InvalidArgument, StoreError
from te_audit_frames.safe_text import aligned, number_of
from te_audit_frames.storage.archive_writer import read_manifest, sha256_of
from te_audit_frames.storage.coverage import COVERAGE
from te_audit_frames.storage.day_file import RESTORE, FileCheck, name_of
from te_audit_frames.storage.manifest import MANIFEST, Manifest
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.table import EventTable, read_coverage
from te_audit_frames.storage.user_snapshots import USERS, check_snapshot


@dataclass(frozen=True)
class Verification:
    """The result of verifying an archive.

    Attributes
    ----------
    location : str
        The archive.
    files : int
        The number of files that were checked: those of events and of people, the coverage and the manifest. Files that
        are missing are not counted.
    events : int
        The number of events in the sound files.
    problems : tuple of (str, str)
        Pairs of a file name and what is wrong with the file.
    manifest : str
        The digest of the archive's manifest. Empty if there is none.
    unfinished : int
        The number of files that a sync announced and did not confirm, because it was interrupted or still runs. They
        are sound; the next sync finishes them.

    Examples
    --------
    >>> from te_audit_frames.storage.verification import Verification
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
        """Whether no problem was found."""
        return not self.problems

    def __repr__(self) -> str:
        lines = {"ok": "yes" if self.ok else "no", "files": f"{self.files:,}", "events": f"{self.events:,}"}
        lines["manifest"] = self.manifest or "none"
        if self.unfinished:
            lines["unfinished"] = (
                f"{number_of(self.unfinished, 'file')}, which an interrupted sync announced; sync to finish"
            )
        problems = [(f"  {name}", problem) for name, problem in self.problems]
        return aligned(f"Verification of {self.location}", [*lines.items(), *problems])


def check_digest(expect: str | None) -> str | None:
    """Check the argument `expect` of `Archive.verify`.

    Raises
    ------
    InvalidArgument
        It is not a SHA-256 in hexadecimal.
    """
    if expect is None:
        return None
    if not isinstance(expect, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", expect.strip()):
        raise InvalidArgument(
            f"expect: {expect!r} is not a manifest's digest; give the 64 hexadecimal digits that a sync reported"
        )
    return expect.strip().lower()


def verify_archive(store: Store, table: EventTable, *, location: str, expect: str | None) -> Verification:
    """Check an archive; see `Archive.verify`."""
    problems: dict[str, str] = {}
    before = _manifest(store, problems)
    found = table.check_all()
    problems |= {name: checked.problem for name, checked in found.items() if checked.problem}
    people = {name: check_snapshot(store, name) for name in store.names(USERS)}
    problems |= {name: checked.problem for name, checked in people.items() if checked.problem}
    coverage = store.read(COVERAGE)
    _compare_records(store, found, problems)
    # The manifest is read again, because a sync may be running. A file is sound if either version accepts it.
    after = _manifest(store, problems)
    if before and after:
        sha256 = {name: checked.sha256 for name, checked in {**found, **people}.items()}
        if coverage is not None:
            sha256[COVERAGE] = sha256_of(coverage)
        for name in sorted({*sha256, *(before.files.keys() & after.files.keys())} - problems.keys()):
            if name not in sha256:
                problems[name] = _describe_missing(name, after)
            elif not (before.accepts(name, sha256[name]) or after.accepts(name, sha256[name])):
                groups = table.groups(name) if name in found else set()
                problems[name] = _describe_change(name, found.get(name), groups, after)
        if expect is not None and after.digest != expect:
            problems[MANIFEST] = _describe_digest(after, expect)
    counted = sum(checked.rows for checked in found.values())
    return Verification(
        location,
        len(found) + len(people) + (coverage is not None) + (store.read(MANIFEST) is not None),
        counted,
        tuple(sorted(problems.items())),
        manifest=after.digest if after else "",
        unfinished=len(after.unfinished()) if after else 0,
    )


def _manifest(store: Store, problems: dict[str, str]) -> Manifest | None:
    try:
        manifest = read_manifest(store)
    except StoreError:
        raise
    except ArchiveError as error:
        problems[MANIFEST] = str(error)
        return None
    if manifest is None:
        problems[MANIFEST] = (
            "there is none, so a missing, foreign or older file cannot be found. Restore it from a backup; or sync, "
            "which makes a new one that cannot be compared with an earlier one."
        )
    return manifest


def _compare_records(store: Store, found: Mapping[str, FileCheck], problems: dict[str, str]) -> None:
    try:
        records = read_coverage(store).records
    except StoreError:
        raise
    except ArchiveError as error:
        problems[COVERAGE] = str(error)
        return
    for day, record in records.items():
        name = name_of(day)
        if name not in found:
            problems[name] = f"it is missing; it had {number_of(record.events, 'event')}. {RESTORE}, sync."
        elif not found[name].problem and found[name].rows < record.events:
            problems[name] = (
                f"it has {number_of(found[name].rows, 'event')}; it once had {record.events:,}. "
                f"{RESTORE}, remove it and sync."
            )


def _describe_missing(name: str, manifest: Manifest) -> str:
    if name.startswith(f"{USERS}/"):
        return "it is missing. Restore it from a backup; the API cannot return the people of the past."
    if name == COVERAGE:
        return "it is missing. Restore it from a backup; or sync, which reads the vendor's two years again."
    return f"it is missing; it had {number_of(manifest.files[name].rows or 0, 'event')}. {_how_to_restore(name)}."


def _how_to_restore(name: str) -> str:
    if name == name_of(None):
        # A sync chooses what to read by days, and events without a date belong to no day.
        return (
            f"Restore it from a backup; or remove it and {COVERAGE}, and sync, which reads the vendor's two years again"
        )
    return f"{RESTORE}, remove it and sync"


def _describe_change(name: str, checked: FileCheck | None, groups: set[str], manifest: Manifest) -> str:
    if name.startswith(f"{USERS}/"):
        if name not in manifest.files:
            return "it is foreign: no sync of this archive wrote it. Remove it."
        return "it is not the one that was written last. Restore that from a backup."
    if checked is None:
        return "it is not the one that was written last. Restore it from a backup; or remove it and sync."
    foreign = sorted(groups - set(manifest.groups))
    if foreign:
        return (
            f"it is foreign: it has events of account groups that this archive never kept ({', '.join(foreign)}). "
            f"{_how_to_restore(name)}."
        )
    if name not in manifest.files:
        return "it is foreign: no sync of this archive wrote it. Remove it and sync."
    rows = manifest.files[name].rows or 0
    if checked.rows < rows:
        return f"it is older: it has {number_of(checked.rows, 'event')} of {rows:,}. {_how_to_restore(name)}."
    return f"it is not the one that was written last, which had {number_of(rows, 'event')}. {_how_to_restore(name)}."


def _describe_digest(manifest: Manifest, expect: str) -> str:
    if expect in manifest.parents:
        return (
            f"its digest is {manifest.digest}, and {expect} was the one before it: the archive was written to since "
            "then. Compare with the digest that the last sync reported."
        )
    return (
        f"its digest is {manifest.digest}, not the expected {expect}: the whole archive was put back to an older "
        "state or replaced, or it was written to since then. Compare with the digest that the last sync reported. If "
        "you did, restore the archive from a backup."
    )
