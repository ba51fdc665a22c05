"""Connections that can be cut from another thread.

Without them a fetch that fails or is interrupted would wait for its slowest answer, up to the time-out of each worker.
requests offers no way to end an exchange from another thread, and its time-out restarts with every byte, so that it
does not bound an exchange either.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_thread = threading.local()

_MOST_INTERIM_ANSWERS = 20
_SWITCHING_PROTOCOLS = 101


class _Use:
    """The connection that one thread uses for one exchange."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._is_cut = False

    def note(self, connection: HTTPConnection) -> None:
        """Remember the connection; raise if this use was cut already."""
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError
            # The socket itself: a connection that is to close lets go of it while its answer is still being read.
            self._socket = connection.sock

    def cut(self) -> None:
        """Shut the connection down; whoever waits on it gets an error at once."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


class OpenConnections:
    """The connections that one fetch is using now."""

    def __init__(self) -> None:
        self._uses: set[_Use] = set()
        self._lock = threading.Lock()
        self._is_cut = False

    @contextlib.contextmanager
    def used(self, *, seconds: float) -> Iterator[None]:
        """Cut the connection that this thread uses within the block once its time is over."""
        use = _Use()
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError
            self._uses.add(use)
        _thread.use = use
        alarm = threading.Timer(seconds, use.cut)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
            del _thread.use
            with self._lock:
                self._uses.discard(use)

    def cut(self) -> None:
        """Shut down every connection in use, and allow no further one."""
        with self._lock:
            self._is_cut = True
            for use in self._uses:
                use.cut()


class _Response(http.client.HTTPResponse):
    """An answer after any interim ones. Only a clean 200 leaves the connection open."""

    def _read_status(self) -> tuple[str, int, str]:
        # http.client takes 102 and 103 for the answer, so that the real one would answer the next request.
        for _ in range(_MOST_INTERIM_ANSWERS):
            version, status, reason = super()._read_status()  # type: ignore[misc] # not in typeshed
            if not 100 < status < 200 or status == _SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {_MOST_INTERIM_ANSWERS} interim answers")

    def begin(self) -> None:
        super().begin()
        if self.status != http.client.OK:
            # A 204 or 304 has no body; if one is sent nevertheless, it must not be read as the next answer.
            self.will_close = True


class _Noted(HTTPConnection):
    response_class = _Response
    # http.client's own switch, thrown for a whole program, would print the headers, and with them the token.
    debuglevel = 0

    def connect(self) -> None:
        super().connect()
        self._note()  # a cut while it connected found nothing to shut

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._note()
        super().request(*args, **kwargs)

    def _note(self) -> None:
        if use := getattr(_thread, "use", None):
            use.note(self)


class _NotedTLS(_Noted, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Noted


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _NotedTLS


_POOLS = {"http": _Pool, "https": _PoolTLS}


class Adapter(HTTPAdapter):
    """An adapter of requests whose connections `OpenConnections` can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool manager, with our pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """Create a proxy's pool manager, with our pools."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
