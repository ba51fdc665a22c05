"""Requests for the lists of the directory: page by page, several at once, with advice for those that are refused."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from te_audit_frames.client.context import FetchContext
from te_audit_frames.client.directory_answers import Listing
from te_audit_frames.client.transport import Answer, Transport
from te_audit_frames.client.workers import Workers, first_done
from te_audit_frames.errors import PaginationError, PermissionDenied
from te_audit_frames.safe_text import number_of, printable

_log = logging.getLogger("te_audit_frames")

T = TypeVar("T")

_MOST_PAGES = 10_000
_MOST_BYTES = 64 * 2**20  # more than any organisation needs; as Python objects they take many times as much
NEEDS = {
    "users": "`API Access` and `View all users`",
    "account-groups": "`API Access`",
    "roles": "`API Access` and a permission to view roles",
}
NEEDS_SETTINGS = "`API Access` and `View all account groups settings`"


class DirectoryRequests:
    """The requests of one fetch of the directory.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    context : FetchContext
        The deadline, the clock and the counters of this fetch.
    workers : int
        How many requests may be under way at once.

    Attributes
    ----------
    answered_at : datetime or None
        The server's time in the first answer.
    """

    def __init__(self, transport: Transport, context: FetchContext, *, workers: int) -> None:
        self._transport = transport
        self._context = context
        self._workers = workers
        self.answered_at: datetime | None = None
        self._bytes = 0
        self._lock = threading.Lock()

    def items(
        self, path: str, read: Callable[[Answer, str], Listing[T]], parameters: Mapping[str, str] | None = None
    ) -> list[T]:
        """Return all items of a list. By the API's contract it is one page, but next links are followed.

        Parameters
        ----------
        path : str
            The endpoint, without ``/v7``.
        read : callable
            Decodes an answer.
        parameters : mapping of str, optional
            The parameters of the request.

        Raises
        ------
        PermissionDenied
            The token may not see this list; the message names the permissions that its user needs.
        FetchError
            The list could not be read to its end.
        """
        url = self._transport.origin.url(dict(parameters or {}), of=path)
        items: list[T] = []
        asked: set[str] = set()
        while True:
            if url in asked or len(asked) == _MOST_PAGES:
                raise PaginationError(
                    f"page {printable(path)}: its next links do not end "
                    f"({number_of(len(asked), 'page')} read). Ask again; "
                    "if it stays so, report it to the vendor."
                )
            asked.add(url)
            answered = self._get(url, path, read)
            items += answered.items
            if self.answered_at is None:
                self.answered_at = answered.date
            if answered.next_href is None:
                return items
            url = self._follow(answered.next_href, url, path)

    def _follow(self, href: str, after: str, path: str) -> str:
        transport = self._transport
        return transport.without_token(lambda: transport.origin.follow(href, after=after, page=path))

    def _get(self, url: str, path: str, read: Callable[[Answer, str], Listing[T]]) -> Listing[T]:
        def read_within_bounds(answer: Answer) -> Listing[T]:
            with self._lock:
                self._bytes += len(answer.body)
            if self._bytes > _MOST_BYTES:
                raise PaginationError(
                    f"page {printable(path)}: the answers of this fetch take more than {_MOST_BYTES // 2**20} MiB, "
                    "which no organisation needs. Report it to the vendor."
                )
            return read(answer, path)

        try:
            return self._transport.get(url, page=path, read=read_within_bounds, context=self._context)
        except PermissionDenied as error:
            # The transport's own advice is about events.
            said = f", {error.detail or error.title}" if error.detail or error.title else ""
            raise PermissionDenied(
                f"page {printable(path)}: the API answered 403{said.removesuffix('.')}. The token's user needs the "
                f"permissions {NEEDS.get(path, NEEDS_SETTINGS)}.",
                status=error.status,
                title=error.title,
                detail=error.detail,
                fields=error.fields,
            ) from None

    def run(self, tasks: Mapping[str, Callable[[], T]]) -> dict[str, T | None]:
        """Run all tasks at once; a refused one gives None, and the first other failure ends them all."""
        answers: dict[str, T | None] = {}
        pool = Workers(self._workers)
        futures = {pool.submit(task): path for path, task in tasks.items()}
        try:
            while futures:
                for done in first_done(futures):
                    path = futures.pop(done)
                    try:
                        answers[path] = done.result()
                    except PermissionDenied:
                        _log.info("%s: the API answered 403", printable(path))
                        answers[path] = None
        finally:
            if futures:
                self.stop()  # before the pool, so that what is still under way ends at once
            pool.stop()
        return answers

    def stop(self) -> None:
        """End the requests that are under way."""
        self._context.stop()
        self._transport.pacer.wake()
