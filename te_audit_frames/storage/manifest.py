"""The manifest: which files an archive consists of, so that a missing, foreign or older one is found.

A file's own digest proves that no bit of it has changed, but not that the file is there, that it is the latest, or
that it belongs to this archive. The manifest names every file with its SHA-256 and its number of rows, the account
groups whose events were kept, and the digest of the manifest before it.

What it cannot show: somebody who may write into the archive can replace everything, the manifest included, by an
older state or by an invented one. Only a digest that was kept elsewhere reveals that. Every sync reports the digest,
so that the mail of a cron job is such a place; `Archive.verify(expect=...)` compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from te_audit_frames.errors import ArchiveError, DamagedFile
from te_audit_frames.schema import SCHEMA_VERSION
from te_audit_frames.storage.checksummed_json import dump_checked, load_checked

MANIFEST = "_meta/manifest.json"


@dataclass(frozen=True, order=True)
class Entry:
    """One file as it was written.

    Attributes
    ----------
    sha256 : str
        Of its bytes, as ``sha256sum`` computes it.
    rows : int or None
        The number of events in it. None for files that hold no events.
    """

    sha256: str
    rows: int | None


@dataclass(frozen=True)
class Announcement:
    """What a writer is about to write.

    Attributes
    ----------
    at : str
        When, in ISO 8601 by the writer's clock.
    files : mapping of str to tuple of Entry
        What each file may hold from now on.
    """

    at: str
    files: Mapping[str, tuple[Entry, ...]]


@dataclass(frozen=True)
class Manifest:
    """Which files an archive consists of.

    Attributes
    ----------
    files : mapping of str to Entry
        Every file, by its name in the archive.
    groups : tuple of str
        The account groups (`aid`, else name) whose events were kept.
    parents : tuple of str
        The digest of the manifest before this one; several if writers worked at the same time.
    announced : mapping of str to Announcement
        What writers, by their identity, had not finished. Not a part of the digest.

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

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of what was finished: files, account groups and parents."""
        return hashlib.sha256(json.dumps(self._finished(), separators=(",", ":")).encode()).hexdigest()

    def accepts(self, name: str, sha256: str) -> bool:
        """Whether a file is as it was written last, or as an unfinished writer announced it."""
        return any(entry.sha256 == sha256 for entry in self.candidates(name))

    def candidates(self, name: str, *, besides: str | None = None) -> list[Entry]:
        """List what a file may hold; with `besides`, without the announcements of that writer."""
        final = [self.files[name]] if name in self.files else []
        others = [plan for writer, plan in self.announced.items() if writer != besides]
        return final + [entry for plan in others for entry in plan.files.get(name, ())]

    def unfinished(self) -> set[str]:
        """Return the files that some writer announced and did not confirm."""
        return {name for plan in self.announced.values() for name in plan.files}

    def with_files(self, files: Mapping[str, Entry], groups: Iterable[str]) -> Manifest:
        """Replace what some files hold, and add account groups."""
        return replace(self, files={**self.files, **files}, groups=tuple(sorted({*self.groups, *groups})))

    def with_announcement(self, writer: str, plan: Announcement) -> Manifest:
        """Replace what a writer announces; an empty plan removes it."""
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
        """Write the manifest as JSON that proves its own bytes; the same manifest makes the same bytes."""
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
            A bit of it is not as it was written, or a newer version wrote it.
        """
        read = load_checked(content)
        try:
            if read is not None and read["schema_version"] > SCHEMA_VERSION:
                raise ArchiveError(
                    f"{file} was written by a newer te_audit_frames; upgrade with: pip install -U te-audit-frames"
                )
            if read is not None:
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
            pass  # sealed, but not by this package
        raise DamagedFile(
            f"{file} is damaged, or something else wrote it: its SHA-256 is not the one in it. Take it from a backup; "
            "or remove it, and the next sync makes a new one, which cannot be compared with what was before."
        )


def _entry(sha256: str, rows: int | None) -> Entry:
    if not isinstance(sha256, str) or not (rows is None or isinstance(rows, int)):
        raise TypeError(sha256)
    return Entry(sha256, rows)
