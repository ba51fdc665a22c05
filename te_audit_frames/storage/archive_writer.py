"""Writing files of an archive so that its manifest is never wrong, whenever the writer is killed.

Each batch of files takes three steps: the manifest announces what the files are going to hold, the files are written,
and the manifest confirms them; the last step of one batch and the first of the next are a single write. Files that
were announced and not confirmed are "unfinished": each may hold the old or the announced content, and is sound either
way.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from te_audit_frames.periods import iso
from te_audit_frames.storage.manifest import MANIFEST, Announcement, Entry, Manifest
from te_audit_frames.storage.store import Store

_ABANDONED = timedelta(days=1)
"""The age of an announcement whose writer is taken to be dead, in a store that several may write into at once."""


@dataclass(frozen=True)
class NewContent:
    """What a file shall hold.

    Attributes
    ----------
    content : bytes or None
        Its bytes. None to leave the file as it is.
    rows : int or None
        The number of events in it.
    groups : set of str
        The account groups of these.
    """

    content: bytes | None
    rows: int | None = None
    groups: set[str] = field(default_factory=set)


MakeContent = Callable[[bytes | None], NewContent]
"""From what a file holds (None: there is none) to what it shall hold."""


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(store: Store) -> Manifest | None:
    """Read the manifest. None if there is none."""
    content = store.read(MANIFEST)
    return None if content is None else Manifest.load(content, file=store.address(MANIFEST))


class ArchiveWriter:
    """Writes files, and tells the manifest before and after.

    Parameters
    ----------
    store : Store
        Where the archive lies; its `writing` is held by the caller.
    alone : bool
        Whether nobody else can be writing.
    survey : callable
        Returns the files of an archive that has no manifest yet, and their account groups.

    Attributes
    ----------
    adopted : int
        The number of files that were there without a manifest.
    unexpected : list of str
        Files that were not as the manifest has them. Their rows are kept, but the manifest goes on to name what they
        should have been, so that a verification finds them.
    """

    def __init__(self, store: Store, *, alone: bool, survey: Callable[[], tuple[dict[str, Entry], set[str]]]) -> None:
        self._store = store
        self._writer = secrets.token_hex(8)
        self._open: dict[str, tuple[Entry, ...]] = {}
        self._written: dict[str, Entry] = {}
        self._before: dict[str, Entry | None] = {}
        self._groups: set[str] = set()
        self._mine: set[str] = set()
        self.adopted = 0
        self.unexpected: list[str] = []
        self._parents: set[str] = set()
        self._manifest = Manifest()
        self._survey = survey
        self._alone = alone

    def begin(self) -> None:
        """Read the manifest, or make the first one, and finish what killed writers left behind."""
        found = read_manifest(self._store)
        if found is None:
            files, groups = self._survey()
            self.adopted = len(files)
            self._change(lambda manifest: manifest.with_files(files, groups))
        else:
            self._parents = {found.digest}
            self._manifest = found
            self._settle()

    @property
    def digest(self) -> str:
        """The manifest's digest, as of the last time that this writer changed or read it."""
        return self._manifest.digest

    def write(self, makers: Mapping[str, MakeContent]) -> None:
        """Change some files, each in one step.

        Parameters
        ----------
        makers : mapping of str to callable
            By a file's name. A maker is called again if another writer was faster.
        """
        plans: dict[str, tuple[str | None, NewContent]] = {}
        for name, maker in makers.items():
            old = self._store.read(name)
            plans[name] = (None if old is None else sha256_of(old), maker(old))
        self._announce(plans)
        for name, (sha256, made) in plans.items():
            if made.content is not None:
                self._put(name, makers[name], sha256, made)

    def finish(self) -> None:
        """Confirm what was written."""
        # A file whose writing failed stays announced: in a bucket, nobody knows whether it arrived after all.
        if self._written or self._manifest.announced.get(self._writer):
            self._change(self._confirmed)

    # ---- the three steps -----------------------------------------------------------------------------------------

    def _announce(self, plans: Mapping[str, tuple[str | None, NewContent]]) -> None:
        entries = {}
        for name, (old, made) in plans.items():
            new = None if made.content is None else Entry(sha256_of(made.content), made.rows)
            if not self._is_expected(name, old, new):
                self.unexpected.append(name)
            elif new is not None:
                entries[name] = new
        if entries:
            self._open |= {name: (*self._open.get(name, ()), entry) for name, entry in entries.items()}
            self._change(self._confirmed)
            self._before |= {name: self._manifest.files.get(name) for name in entries}

    def _put(self, name: str, maker: MakeContent, sha256: str | None, made: NewContent) -> None:
        latest = [made]

        def change(content: bytes | None) -> bytes | None:
            if (None if content is None else sha256_of(content)) != sha256:  # another writer was faster
                latest.append(maker(content))
                self._announce({name: (None if content is None else sha256_of(content), latest[-1])})
            return latest[-1].content

        self._store.update(name, change)
        made = latest[-1]
        announced = self._open.pop(name, None)
        if announced and made.content is not None and name not in self.unexpected:
            self._written[name] = Entry(sha256_of(made.content), made.rows)
            self._groups |= made.groups

    def _is_expected(self, name: str, old: str | None, new: Entry | None) -> bool:
        """Whether a file was as the manifest has it, or comes back as it was."""
        for manifest in (self._manifest, None):
            known = manifest or read_manifest(self._store) or Manifest()  # another writer may have told it since
            final = known.files.get(name)
            if old is None:
                # A file that was lost is replaced by one that has as much.
                if final is None or new is None or (new.rows or 0) >= (final.rows or 0):
                    return True
            elif known.accepts(name, old) or known.accepts(name, new.sha256 if new else old):
                return True
        return False

    # ---- the manifest --------------------------------------------------------------------------------------------

    def _confirmed(self, manifest: Manifest) -> Manifest:
        files = {name: self._final(name, entry, manifest) for name, entry in self._written.items()}
        plan = Announcement(iso(datetime.now(UTC).replace(microsecond=0)), dict(self._open))
        return manifest.with_files(files, self._groups).with_announcement(self._writer, plan)

    def _final(self, name: str, entry: Entry, manifest: Manifest) -> Entry:
        """Tell what a file holds that was written; if others write it too, the file itself tells."""
        others = manifest.candidates(name, besides=self._writer)
        if all(other in (self._before.get(name), entry) for other in others):
            return entry
        # Whoever writes the file after this look also changes the manifest after it, so the last look is right.
        return self._actual(name, [entry, *others]) or entry

    def _actual(self, name: str, candidates: list[Entry]) -> Entry | None:
        content = self._store.read(name)
        sha256 = content is not None and sha256_of(content)
        return next((each for each in candidates if each.sha256 == sha256), None)

    def _settle(self) -> None:
        """Finish what writers left behind that were killed."""
        manifest = self._manifest
        abandoned = {writer for writer, plan in manifest.announced.items() if self._alone or _is_abandoned(plan.at)}
        if not abandoned:
            return
        names = {name for writer in abandoned for name in manifest.announced[writer].files}
        files = {name: self._actual(name, manifest.candidates(name)) for name in names}

        def change(manifest: Manifest) -> Manifest:
            left = {writer: plan for writer, plan in manifest.announced.items() if writer not in abandoned}
            settled = {name: entry for name, entry in files.items() if entry is not None}
            return replace(manifest.with_files(settled, ()), announced=left)

        self._change(change)

    def _change(self, change: Callable[[Manifest], Manifest]) -> None:
        changed: list[Manifest] = []

        def rewrite(content: bytes | None) -> bytes:
            found = Manifest() if content is None else Manifest.load(content, file=self._store.address(MANIFEST))
            if content is not None and found.digest not in self._mine:
                self._parents.add(found.digest)  # what another writer has finished in the meantime is a parent too
            new = change(found)
            if (new.files, new.groups) != (found.files, found.groups):
                new = replace(new, parents=tuple(sorted(self._parents)))
            changed.append(new)
            return new.dump()

        self._store.update(MANIFEST, rewrite)
        self._manifest = changed[-1]
        self._mine.add(self._manifest.digest)
        self._written = {}


def _is_abandoned(at: str) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(at) > _ABANDONED
    except (ValueError, TypeError):
        return True
