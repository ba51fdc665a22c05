"""The store of an archive (a folder or a bucket): files by name, each replaced whole.

An archive needs four things of a store: list files, read a file, change a file in one step, and keep other writers out.
A folder (`local_store.py`) keeps them out with a lock. A bucket (`object_store.py`) needs no lock, because each change
is a conditional put.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Change = Callable[[bytes | None], bytes | None]
"""A function from the old content of a file to its new content.

The old content is None if there is no file. A new content of None leaves the file as it is.
"""


class Store(Protocol):
    """A place for the files of an archive."""

    def names(self, folder: str) -> list[str]:
        """List the files below a folder, in ascending order. Return an empty list if there is no such folder."""

    def read(self, name: str) -> bytes | None:
        """Read a file. Return None if there is none."""

    def update(self, name: str, change: Change) -> bool:
        """Change a file in one step, and return whether it was written."""

    def writing(self) -> AbstractContextManager[bool]:
        """Keep other writers out, if `update` needs that. The context value is True if no one else can be writing."""

    def address(self, name: str) -> str:
        """Return the path or URL that an engine opens."""
