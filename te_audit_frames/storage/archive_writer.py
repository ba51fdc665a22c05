"""The writer of an archive's files, which keeps the manifest true even if the writer is killed.

Files are written in groups, in three steps. The manifest announces the new content of the files, the files are
written, and the manifest confirms them. (The confirmation of one group and the announcement of the next are one write.)
A file that was announced but not confirmed is called unfinished. It may hold the old or the new content, and is sound
either way.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from te_audit_frames.periods import iso
from te_audit_frames.safe_text import number_of
from te_audit_frames.storage.manifest import MANIFEST, Announcement, Entry, Manifest
from te_audit_frames.storage.store import Store

_ABANDONED = timedelta(days=1)
"""In a store with several writers, the age at which an announcement counts as abandoned by a killed writer."""

_FILES_AT_ONCE = 8
"""How many files are written at once. Writing a small file is mostly waiting for the disk or the bucket."""


@dataclass(frozen=True)
class NewContent:
    """The new content of a file.

    Attributes
    ----------
    content : bytes or None
        The bytes. None leaves the file as it is.
    rows : int or None
        The number of events in the file.
    groups : set of str
        The account groups of these events.
    """

    content: bytes | None
    rows: int | None = None
    groups: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        size = "unchanged" if self.content is None else f"{number_of(len(self.content), 'byte')}"
        return f"NewContent({size}, rows={self.rows})"


MakeContent = Callable[[bytes | None], NewContent]
"""A function from the old content of a file (None if there is no file) to its new content."""


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(store: Store) -> Manifest | None:
    """Read the manifest. Return None if there is none."""
    content = store.read(MANIFEST)
    return None if content is None else Manifest.load(content, file=store.address(MANIFEST))


class ArchiveWriter:
    """Writes the files of an archive, and updates the manifest before and after.

    Parameters
    ----------
    store : Store
        The archive's store. The caller is inside its `writing`.
    alone : bool
        Whether no one else can be writing.
    survey : callable
        Returns the files of an archive that has no manifest yet, and their account groups.

    Attributes
    ----------
    adopted : int
        The number of files that were found without a manifest.
    unexpected : list of str
        Files that differed from their manifest entries. Their events are kept, but the manifest keeps the old entries,
        so that a verification reports these files.
    """

    def __init__(self, store: Store, *, alone: bool, survey: Callable[[], tuple[dict[str, Entry], set[str]]]) -> None:
        self._store = store
        self._alone = alone
        self._survey = survey
        self._id = secrets.token_hex(8)
        self._manifest = Manifest()
        self._manifest_bytes: bytes | None = None
        self._lock = threading.Lock()
        self._parents: set[str] = set()
        self._own_digests: set[str] = set()
        self._announced: dict[str, tuple[Entry, ...]] = {}
        self._written: dict[str, Entry] = {}
        self._before: dict[str, Entry | None] = {}
        self._groups: set[str] = set()
        self.adopted = 0
        self.unexpected: list[str] = []

    def __repr__(self) -> str:
        return (
            f"ArchiveWriter({number_of(len(self._manifest.files), 'file')} in the manifest, "
            f"{len(self._announced):,} announced)"
        )

    def begin(self) -> None:
        """Read the manifest, or make the first one, and finish what killed writers left behind."""
        found = read_manifest(self._store)
        if found is None:
            files, groups = self._survey()
            self.adopted = len(files)
            self._change_manifest(lambda manifest: manifest.with_files(files, groups))
        else:
            self._parents = {found.digest}
            self._manifest = found
            self._finish_abandoned()

    @property
    def digest(self) -> str:
        """The digest of the manifest when this writer last read or changed it."""
        return self._manifest.digest

    def write(self, makers: Mapping[str, MakeContent]) -> None:
        """Change some files, each in one step.

        Parameters
        ----------
        makers : mapping of str to callable
            For each file name, the function that makes its new content. It is called again if another writer changes
            the file first. No two functions run at the same time.
        """
        plans: dict[str, tuple[str | None, NewContent]] = {}
        for name, maker in makers.items():
            old = self._store.read(name)
            plans[name] = (None if old is None else sha256_of(old), maker(old))
        self._announce(plans)
        changed = {name: plan for name, plan in plans.items() if plan[1].content is not None}
        if len(changed) < 2:
            for name, plan in changed.items():
                self._write_file(name, makers[name], *plan)
            return
        pool = ThreadPoolExecutor(_FILES_AT_ONCE)
        try:
            tasks = [pool.submit(self._write_file, name, makers[name], *plan) for name, plan in changed.items()]
            for task in tasks:
                task.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def finish(self) -> None:
        """Confirm the files that were written."""
        # A file that could not be written stays announced: in a bucket, it may have arrived all the same.
        if self._written or self._manifest.announced.get(self._id):
            self._change_manifest(self._confirm)

    # ---- the three steps -----------------------------------------------------------------------------------------

    def _announce(self, plans: Mapping[str, tuple[str | None, NewContent]]) -> None:
        entries = {}
        for name, (old, new) in plans.items():
            entry = None if new.content is None else Entry(sha256_of(new.content), new.rows)
            if not self._is_expected(name, old, entry):
                self.unexpected.append(name)
            elif entry is not None:
                entries[name] = entry
        if entries:
            self._announced |= {name: (*self._announced.get(name, ()), entry) for name, entry in entries.items()}
            self._change_manifest(self._confirm)
            self._before |= {name: self._manifest.files.get(name) for name in entries}

    def _write_file(self, name: str, maker: MakeContent, sha256: str | None, planned: NewContent) -> None:
        made = [planned]

        def change(content: bytes | None) -> bytes | None:
            if (None if content is None else sha256_of(content)) != sha256:  # another writer was faster
                with self._lock:
                    made.append(maker(content))
                    self._announce({name: (None if content is None else sha256_of(content), made[-1])})
            return made[-1].content

        self._store.update(name, change)
        new = made[-1]
        with self._lock:
            announced = self._announced.pop(name, None)
            if announced and new.content is not None and name not in self.unexpected:
                self._written[name] = Entry(sha256_of(new.content), new.rows)
                self._groups |= new.groups

    def _is_expected(self, name: str, old: str | None, new: Entry | None) -> bool:
        """Whether a file matches the manifest before the write, or will match it again after the write."""
        for manifest in (self._manifest, None):
            known = manifest or read_manifest(self._store) or Manifest()  # another writer may have changed it
            final = known.files.get(name)
            if old is None:
                # A lost file may be replaced by one with at least as many events.
                if final is None or new is None or (new.rows or 0) >= (final.rows or 0):
                    return True
            elif known.accepts(name, old) or known.accepts(name, new.sha256 if new else old):
                return True
        return False

    # ---- the manifest --------------------------------------------------------------------------------------------

    def _confirm(self, manifest: Manifest) -> Manifest:
        """Confirm the files written so far, and announce the others."""
        files = {name: self._final_entry(name, entry, manifest) for name, entry in self._written.items()}
        announcement = Announcement(iso(datetime.now(UTC).replace(microsecond=0)), dict(self._announced))
        return manifest.with_files(files, self._groups).with_announcement(self._id, announcement)

    def _final_entry(self, name: str, entry: Entry, manifest: Manifest) -> Entry:
        """Return the entry of a file that was written. If other writers announced it too, read the file."""
        others = manifest.candidates(name, besides=self._id)
        if all(other in (self._before.get(name), entry) for other in others):
            return entry
        # A writer that changes the file after this point also changes the manifest later, and corrects the entry.
        return self._actual_entry(name, [entry, *others]) or entry

    def _actual_entry(self, name: str, candidates: list[Entry]) -> Entry | None:
        content = self._store.read(name)
        sha256 = content is not None and sha256_of(content)
        return next((each for each in candidates if each.sha256 == sha256), None)

    def _finish_abandoned(self) -> None:
        """Confirm what the files of killed writers hold, and remove the announcements of these writers."""
        manifest = self._manifest
        abandoned = {writer for writer, plan in manifest.announced.items() if self._alone or _is_abandoned(plan.at)}
        if not abandoned:
            return
        names = {name for writer in abandoned for name in manifest.announced[writer].files}
        entries = {name: self._actual_entry(name, manifest.candidates(name)) for name in names}

        def change(manifest: Manifest) -> Manifest:
            left = {writer: plan for writer, plan in manifest.announced.items() if writer not in abandoned}
            files = {name: entry for name, entry in entries.items() if entry is not None}
            return replace(manifest.with_files(files, ()), announced=left)

        self._change_manifest(change)

    def _change_manifest(self, change: Callable[[Manifest], Manifest]) -> None:
        changed: list[tuple[Manifest, bytes]] = []

        def rewrite(content: bytes | None) -> bytes:
            if content is not None and content == self._manifest_bytes:
                found = self._manifest
            else:
                found = Manifest() if content is None else Manifest.load(content, file=self._store.address(MANIFEST))
            if content is not None and found.digest not in self._own_digests:
                self._parents.add(found.digest)  # another writer has changed the manifest: its version is a parent too
            new = change(found)
            if (new.files, new.groups) != (found.files, found.groups):
                new = replace(new, parents=tuple(sorted(self._parents)))
            changed.append((new, new.dump()))
            return changed[-1][1]

        self._store.update(MANIFEST, rewrite)
        self._manifest, self._manifest_bytes = changed[-1]
        self._own_digests.add(self._manifest.digest)
        self._written = {}


def _is_abandoned(at: str) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(at) > _ABANDONED
    except (ValueError, TypeError):
        return True
