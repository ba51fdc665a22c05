"""Checking an archive: every file by itself, then against the records of its days and against the manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from te_audit_frames.errors import ArchiveError, InvalidArgument, StoreError
from te_audit_frames.schema import CORES
from te_audit_frames.storage.coverage import COVERAGE
from te_audit_frames.storage.day_file import RESTORE, name_of
from te_audit_frames.storage.ledger import digest_of, read_manifest
from te_audit_frames.storage.manifest import MANIFEST, Manifest
from te_audit_frames.storage.store import Store
from te_audit_frames.storage.sync_report import Verification
from te_audit_frames.storage.table import Checked, Table, read_coverage
from te_audit_frames.storage.user_snapshots import USERS, check_snapshot


def check_digest(expect: str | None) -> str | None:
    """Check the digest that a caller expects.

    Raises
    ------
    InvalidArgument
        It is not a SHA-256 in hexadecimal.
    """
    if expect is None:
        return None
    if not isinstance(expect, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", expect.strip()):
        raise InvalidArgument(
            f"expect: {expect!r} is not a manifest's digest; right are the 64 hexadecimal digits that a sync reported"
        )
    return expect.strip().lower()


def verification(store: Store, table: Table, *, location: str, expect: str | None) -> Verification:
    """Check an archive; see `Archive.verify`."""
    problems: dict[str, str] = {}
    before = _manifest(store, problems)
    names = table.names()
    with ThreadPoolExecutor(CORES) as pool:
        found = dict(zip(names, pool.map(table.check, names), strict=True))
    problems |= {name: checked.problem for name, checked in found.items() if checked.problem}
    people = {name: check_snapshot(store, name) for name in store.names(USERS)}
    problems |= {name: checked.problem for name, checked in people.items() if checked.problem}
    coverage = store.read(COVERAGE)
    _compare_records(store, found, problems)
    # Again, since a sync may have gone on meanwhile; a file that either of them accepts is sound.
    after = _manifest(store, problems)
    if before and after:
        sha256 = {name: checked.sha256 for name, checked in {**found, **people}.items()}
        if coverage is not None:
            sha256[COVERAGE] = digest_of(coverage)
        for name in sorted({*sha256, *(before.files.keys() & after.files.keys())} - problems.keys()):
            if name not in sha256:
                problems[name] = _missing(name, after)
            elif not (before.accepts(name, sha256[name]) or after.accepts(name, sha256[name])):
                problems[name] = _changed(name, found.get(name), after)
        if expect is not None and after.digest != expect:
            problems[MANIFEST] = _unlike(after, expect)
    counted = sum(checked.rows for checked in found.values())
    return Verification(
        location,
        len(found) + len(people) + 2,
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
            "there is none, so it cannot be told whether a file is missing, foreign or older. Take it from a backup; "
            "or sync: that makes a new one, which cannot be compared with what was before."
        )
    return manifest


def _compare_records(store: Store, found: Mapping[str, Checked], problems: dict[str, str]) -> None:
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
            problems[name] = f"it is missing; it had {record.events:,} events. {RESTORE}, sync."
        elif not found[name].problem and found[name].rows < record.events:
            problems[name] = (
                f"it has {found[name].rows:,} events, and had {record.events:,} once. {RESTORE}, remove it and sync."
            )


def _missing(name: str, manifest: Manifest) -> str:
    if name.startswith(f"{USERS}/"):
        return "it is missing. Take it from a backup; who was there then cannot be fetched again."
    if name == COVERAGE:
        return "it is missing. Take it from a backup; or sync, which reads the vendor's two years again."
    return f"it is missing; it had {manifest.files[name].rows or 0:,} events. {_restored(name)}."


def _restored(name: str) -> str:
    if name == name_of(None):
        # A sync reads days, and events without a date are of none.
        return f"Take it from a backup; or remove it and {COVERAGE}, and sync, which reads the vendor's two years again"
    return f"{RESTORE}, remove it and sync"


def _changed(name: str, checked: Checked | None, manifest: Manifest) -> str:
    if name.startswith(f"{USERS}/"):
        if name not in manifest.files:
            return "it is foreign: no sync of this archive wrote it. Remove it."
        return "it is not the one that was written last. Take that from a backup."
    if checked is None:
        return "it is not the one that was written last. Take it from a backup; or remove it and sync."
    foreign = sorted(checked.groups - set(manifest.groups))
    if foreign:
        return (
            f"it is foreign: it has events of account groups that no sync of this archive kept ({', '.join(foreign)}). "
            f"{_restored(name)}."
        )
    if name not in manifest.files:
        return "it is foreign: no sync of this archive wrote it. Remove it and sync."
    rows = manifest.files[name].rows or 0
    if checked.rows < rows:
        return f"it is older: it has {checked.rows:,} events of {rows:,}. {_restored(name)}."
    return f"it is not the one that was written last, which had {rows:,} events. {_restored(name)}."


def _unlike(manifest: Manifest, expect: str) -> str:
    if expect in manifest.parents:
        return (
            f"its digest is {manifest.digest}, and {expect} was the one before it: the archive was written since. "
            "Compare with the digest that the last sync reported."
        )
    return (
        f"its digest is {manifest.digest}, not the expected {expect}: the whole archive was put back to an older "
        "state or replaced, or it was written since. Compare with the digest that the last sync reported; if that "
        "one was expected, take the archive from a backup."
    )
