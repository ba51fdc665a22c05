"""Answers that reach the wrong question: bytes left behind on a connection, and answers that were mixed up."""

from __future__ import annotations

import threading
from http import HTTPStatus

from te_audit_frames.sandbox.behaviour import Behaviour


class Mishaps:
    """Counts requests, and decides which of them go wrong.

    Parameters
    ----------
    behaviour : Behaviour
        How often.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._requests = 0
        self._earlier: bytes | None = None
        self._lock = threading.Lock()

    def next_request(self) -> tuple[bool, bool]:
        """Count a request; return whether a stray answer follows it, and whether another question is answered."""
        with self._lock:
            self._requests += 1
            return self._is_due(self._behaviour.stray_answers), self._is_due(self._behaviour.mixed_up)

    def keep(self, body: bytes) -> None:
        """Remember a page, so that it can stray to another question."""
        if self._behaviour.stray_answers:
            with self._lock:
                self._earlier = body

    def stray(self, otherwise: bytes) -> tuple[HTTPStatus, bytes]:
        """Return a status that has no body, and the bytes that stand behind it: an answer to an earlier question.

        Parameters
        ----------
        otherwise : bytes
            The page that strays when there was no question before.
        """
        with self._lock:
            body = self._earlier or otherwise
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/hal+json\r\nContent-Length: {len(body)}\r\n\r\n"
        return HTTPStatus(self._behaviour.stray_status), head.encode() + body

    def _is_due(self, every: int | None) -> bool:
        return every is not None and self._requests % every == 0
