"""Where an archive lies: files by name, each replaced whole.

An archive needs only four things of a store: to list, to read, to change one file in a step that nobody else's change
can slip into, and to keep other writers out. A folder (`folder.py`) has a lock for that; a bucket (`bucket.py`) needs
none, since each change is a conditional put.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Change = Callable[[bytes | None], bytes | None]
"""From what a file holds (None: there is none) to what it shall hold (None: leave it)."""


class Store(Protocol):
    """Where an archive lies."""

    def names(self, folder: str) -> list[str]:
        """List the files below a folder, in ascending order; empty where it does not exist."""

    def read(self, name: str) -> bytes | None:
        """Read a file; None if there is none."""

    def update(self, name: str, change: Change) -> bool:
        """Change a file in one step, and tell whether it was written."""

    def writing(self) -> AbstractContextManager[bool]:
        """Keep other writers out if `update` needs that; the block gets whether nobody else can be writing."""

    def address(self, name: str) -> str:
        """Return what an engine opens: a path or a URL."""
