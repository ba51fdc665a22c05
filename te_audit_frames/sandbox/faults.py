"""Answers to the wrong request: bytes left on a connection, and answers that were mixed up."""

from __future__ import annotations

import threading
from http import HTTPStatus

from te_audit_frames.sandbox.server_behaviour import Behaviour


class Faults:
    """Decides which requests go wrong, by counting them.

    Parameters
    ----------
    behaviour : Behaviour
        How often they go wrong.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._requests = 0
        self._earlier: bytes | None = None
        self._lock = threading.Lock()

    def next_request(self) -> tuple[bool, bool]:
        """Count a request; return whether a stray answer follows it, and whether another query is answered."""
        with self._lock:
            self._requests += 1
            return self._is_due(self._behaviour.stray_answers), self._is_due(self._behaviour.mixed_up)

    def keep(self, body: bytes) -> None:
        """Remember a page as a possible stray answer to a later request."""
        if self._behaviour.stray_answers:
            with self._lock:
                self._earlier = body

    def stray(self, otherwise: bytes) -> tuple[HTTPStatus, bytes]:
        """Return a status without a body, and the bytes that follow it: an answer to an earlier request.

        Parameters
        ----------
        otherwise : bytes
            The page to send if there was no earlier request.
        """
        with self._lock:
            body = self._earlier or otherwise
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/hal+json\r\nContent-Length: {len(body)}\r\n\r\n"
        return HTTPStatus(self._behaviour.stray_status), head.encode() + body

    def _is_due(self, every: int | None) -> bool:
        return every is not None and self._requests % every == 0
