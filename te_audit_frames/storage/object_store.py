"""A store in a bucket: S3, Google Cloud Storage, Azure. Needs the extra `cloud`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from te_audit_frames.errors import ArchiveError, InvalidArgument, StoreError
from te_audit_frames.safe_text import printable
from te_audit_frames.storage.store import Change

_SCHEMES = ("s3", "gs", "az")
_MOST_TRIES = 50
"""How often a change is tried. If two writers of one file collide, one of them succeeds."""


_UNCONDITIONAL = re.compile("conditional put|conditional update|ETag Header missing", re.IGNORECASE)
"""What obstore says in errors about a store without conditional writes."""


class ObjectStore:
    """A bucket, or a prefix in it. It needs no lock: if someone else changes a file first, the update starts over.

    The store must have conditional writes, because without them two writers could overwrite each other's events. The
    first write of each `ObjectStore` checks that.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, ``gs://…`` or ``az://container/prefix``.
    storage_options : mapping of str to str
        Settings of obstore, which override those in the environment.
    """

    def __init__(self, url: str, storage_options: Mapping[str, str]) -> None:
        scheme, _, rest = url.rstrip("/").partition("://")
        if scheme not in _SCHEMES or not rest or "//" in rest or rest.startswith("/"):
            raise InvalidArgument(
                f"location: {url} is not a folder or a URL of a bucket; write a path, or a URL such as "
                "s3://bucket/prefix (gs:// and az:// work too)"
            )
        try:
            self._obstore: Any = import_module("obstore")
            from_url = import_module("obstore.store").from_url
        except ImportError:
            raise InvalidArgument(
                f"location: {url} needs the package obstore; install it with: pip install 'te-audit-frames[cloud]'"
            ) from None
        self._url = url.rstrip("/")
        try:
            with _without_panic():
                self._store = from_url(self._url, config=dict(storage_options))
        except (_Panic, self._obstore.exceptions.BaseError, TypeError, ValueError) as error:
            raise InvalidArgument(f"storage_options: {self._url} cannot be opened with them: {error}") from None
        self._is_checked = False

    def __repr__(self) -> str:
        return f"ObjectStore({self._url!r})"

    def names(self, folder: str) -> list[str]:
        """List the files below a folder, in ascending order. Return an empty list if there is no such folder."""
        try:
            with self._naming_panics(folder):
                listed = [entry["path"] for chunk in self._obstore.list(self._store, f"{folder}/") for entry in chunk]
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise self._store_error(folder, error) from error
        return sorted(listed)

    def read(self, name: str) -> bytes | None:
        """Read a file. Return None if there is none."""
        return self._read(name)[0]

    def update(self, name: str, change: Change) -> bool:
        """Change a file in one step, and return whether it was written.

        Raises
        ------
        StoreError
            The store failed, or has no conditional writes.
        ArchiveError
            Other writers changed the file again and again.
        """
        new = None
        for _ in range(_MOST_TRIES):
            old, version = self._read(name)
            if new is not None and new == old:
                return True  # the store made the previous write, but the answer was lost
            new = change(old)
            if new is None or new == old:
                return False
            if old is not None and not version:
                raise self._unconditional(name, "sends no ETag with its answers")
            if not self._put(name, new, version):
                continue
            if not self._is_checked:
                # Some stores ignore the condition of a write. After a write, its condition no longer holds, so the same
                # write has to fail now.
                if self._put(name, new, version):
                    raise self._unconditional(name, "ignores If-Match and If-None-Match")
                self._is_checked = True
            return True
        raise ArchiveError(
            f"{self.address(name)}: other writers changed it {_MOST_TRIES} times in a row; try again later"
        )

    def writing(self) -> AbstractContextManager[bool]:
        """Do nothing, because each change is conditional. The context value is False: others may be writing."""
        return nullcontext(False)

    def address(self, name: str) -> str:
        """Return the URL."""
        return f"{self._url}/{name}"

    def _read(self, name: str) -> tuple[bytes | None, dict[str, str] | None]:
        try:
            with self._naming_panics(name):
                found = self._obstore.get(self._store, name)
                version = {key: found.meta[key] for key in ("e_tag", "version") if found.meta.get(key)}
                return bytes(found.bytes()), version
        except FileNotFoundError:
            return None, None
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise self._store_error(name, error) from error

    def _put(self, name: str, content: bytes, version: dict[str, str] | None) -> bool:
        """Write a file if it still has this version (None: if there is no file). Return whether it was written."""
        try:
            with self._naming_panics(name):
                self._obstore.put(self._store, name, content, mode=version or "create", use_multipart=False)
        except (self._obstore.exceptions.PreconditionError, self._obstore.exceptions.AlreadyExistsError):
            return False
        except NotImplementedError:
            raise self._unconditional(name, "is set up without them (aws_conditional_put)") from None
        except (self._obstore.exceptions.BaseError, OSError) as error:
            raise self._store_error(name, error) from error
        return True

    def _unconditional(self, name: str, reason: str) -> StoreError:
        return StoreError(
            f"{self.address(name)}: an archive needs conditional writes, and this store {reason}. Without them, two "
            "writers at once could lose events. Use a store that has them (Amazon S3, Google Cloud Storage, Azure, or "
            "a recent release of another store), or keep the archive in a folder."
        )

    @contextmanager
    def _naming_panics(self, name: str) -> Iterator[None]:
        """Turn a panic into an error that names the file and the remedy."""
        try:
            with _without_panic():
                yield
        except _Panic as panic:
            raise StoreError(
                f"{self.address(name)}: the package obstore failed because of a bug: {panic}. Check the store's "
                "settings in storage_options and the environment (a line break in a key, for example), and try again. "
                "If it fails again, install another release of obstore: pip install -U obstore"
            ) from None

    def _store_error(self, name: str, error: Exception) -> StoreError:
        text = str(error)
        if _UNCONDITIONAL.search(text):
            return self._unconditional(name, f"cannot make them ({printable(text.splitlines()[0])})")
        found = re.search(r"<Code>(.*?)</Code>\s*(?:<Message>(.*?)</Message>)?", text, re.DOTALL)
        message = (
            ": ".join(part for part in found.groups() if part)
            if found
            else next(iter(text.splitlines()), type(error).__name__)
        )
        if "169.254.169.254" in text:  # the address where machines in a cloud get the credentials of their role
            message = "there are no credentials; set them in the environment (for S3, AWS_ACCESS_KEY_ID and so on)"
        return StoreError(
            f"{self.address(name)}: the object store failed: {printable(message)}. Check the address, the credentials "
            "and the network, and try again."
        )


class _Panic(Exception):
    """A panic of Rust code, as an error that can be caught."""


@contextmanager
def _without_panic() -> Iterator[None]:
    """Turn a panic of Rust code into a `_Panic`."""
    # A panic is not an `Exception`, and its class cannot be imported.
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _Panic(str(error)) from None
