"""The manifest of an archive: the list of its files, so that a missing, foreign or older file is found.

The digest in a day file proves that its content is unchanged. It does not prove that the file is the latest, or that it
belongs to this archive, and it cannot reveal a missing file. The manifest lists every file with its SHA-256 and its
number of rows. It also holds the account groups of the kept events, and the digest of the previous manifest.

The manifest has one limit. Anyone with write access can replace the whole archive, manifest included, with an older or
an invented one. Only a digest that is kept elsewhere reveals that. Every sync reports the digest, which a cron job
can mail, for example, and `Archive.verify(expect=...)` compares it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from te_audit_frames.errors import DamagedFile
from te_audit_frames.safe_text import number_of
from te_audit_frames.schema import SCHEMA_VERSION
from te_audit_frames.storage.checksummed_json import check_version, dump_checked, load_checked

MANIFEST = "_meta/manifest.json"


@dataclass(frozen=True, order=True)
class Entry:
    """One file as it was written.

    Attributes
    ----------
    sha256 : str
        The SHA-256 of the file, as ``sha256sum`` computes it.
    rows : int or None
        The number of events in it. None for files that hold no events.
    """

    sha256: str
    rows: int | None


@dataclass(frozen=True)
class Announcement:
    """The files that a writer is about to change.

    Attributes
    ----------
    at : str
        The time of the announcement by the writer's clock, in ISO 8601.
    files : mapping of str to tuple of Entry
        For each file, the new contents that it may have from then on.
    """

    at: str
    files: Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True)
class Manifest:
    """The list of an archive's files.

    Attributes
    ----------
    files : mapping of str to Entry
        Every file, by its name in the archive.
    groups : tuple of str
        The account groups of all kept events, each by its `aid`, or by its name if it has no `aid`.
    parents : tuple of str
        The digest of the previous manifest. Several if writers worked at the same time.
    announced : mapping of str to Announcement
        Unfinished changes, by the id of the writer. The digest does not include them.

    Examples
    --------
    >>> from te_audit_frames.storage.manifest import Entry, Manifest
    >>> manifest = Manifest({"events/event_date=2026-01-31/events.parquet": Entry("ab" * 32, rows=7)})
    >>> Manifest.load(manifest.dump(), file="manifest.json") == manifest
    True
    """

    files: Mapping[str, Entry] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    announced: Mapping[str, Announcement] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"Manifest({number_of(len(self.files), 'file')}, {number_of(len(self.groups), 'account group')}, "
            f"{len(self.unfinished()):,} unfinished, digest {self.digest})"
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the files, account groups and parents."""
        return hashlib.sha256(json.dumps(self._finished(), separators=(",", ":")).encode()).hexdigest()

    def accepts(self, name: str, sha256: str) -> bool:
        """Whether a file has the content that was written last, or one that is announced."""
        return any(entry.sha256 == sha256 for entry in self.candidates(name))

    def candidates(self, name: str, *, besides: str | None = None) -> list[Entry]:
        """List the contents that a file may have. With `besides`, ignore the announcements of that writer."""
        final = [self.files[name]] if name in self.files else []
        others = [plan for writer, plan in self.announced.items() if writer != besides]
        return final + [entry for plan in others for entry in plan.files.get(name, ())]

    def unfinished(self) -> set[str]:
        """Return the files that were announced but not confirmed."""
        return {name for plan in self.announced.values() for name in plan.files}

    def with_files(self, files: Mapping[str, Entry], groups: Iterable[str]) -> Manifest:
        """Return a manifest with the entries of some files replaced, and with further account groups."""
        return replace(self, files={**self.files, **files}, groups=tuple(sorted({*self.groups, *groups})))

    def with_announcement(self, writer: str, plan: Announcement) -> Manifest:
        """Return a manifest with the announcement of a writer replaced. An empty one is removed."""
        others = {other: each for other, each in self.announced.items() if other != writer}
        return replace(self, announced={**others, writer: plan} if plan.files else others)

    # ---- as a file -----------------------------------------------------------------------------------------------

    def _finished(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "parents": list(self.parents),
            "groups": list(self.groups),
            "files": {name: [entry.sha256, entry.rows] for name, entry in sorted(self.files.items())},
        }

    def dump(self) -> bytes:
        """Return the manifest as JSON with its own SHA-256. The same manifest always gives the same bytes."""
        announced = {
            writer: {
                "at": plan.at,
                "files": {
                    name: [[entry.sha256, entry.rows] for entry in entries]
                    for name, entries in sorted(plan.files.items())
                },
            }
            for writer, plan in sorted(self.announced.items())
        }
        return dump_checked({"digest": self.digest, **self._finished(), "announced": announced})

    @classmethod
    def load(cls, content: bytes, *, file: str) -> Manifest:
        """Read what `dump` wrote.

        Raises
        ------
        ArchiveError
            The file has changed since it was written, or a newer version of this package wrote it.
        """
        read = load_checked(content)
        try:
            if read is not None:
                check_version(read, file=file)
                return cls(
                    {name: _entry(*entry) for name, entry in read["files"].items()},
                    tuple(map(str, read["groups"])),
                    tuple(map(str, read["parents"])),
                    {
                        str(writer): Announcement(
                            str(plan["at"]),
                            {
                                name: tuple(_entry(*entry) for entry in entries)
                                for name, entries in plan["files"].items()
                            },
                        )
                        for writer, plan in read["announced"].items()
                    },
                )
        except (KeyError, TypeError, ValueError, AttributeError):
            pass  # its SHA-256 is right, but another program wrote it
        raise DamagedFile(
            f"{file} is damaged, or something else wrote it: its content does not match its SHA-256. Restore it from a "
            "backup; or remove it, and the next sync makes a new one, which cannot be compared with an earlier one."
        )


def _entry(sha256: str, rows: int | None) -> Entry:
    if not isinstance(sha256, str) or not (rows is None or isinstance(rows, int)):
        raise TypeError(sha256)
    return Entry(sha256, rows)
