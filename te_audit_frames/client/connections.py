"""Connections that can be cut from another thread, or once their time is over.

The library requests can do neither. Closing its session does not end a request that another thread is waiting on, so a
fetch that fails or is interrupted would wait for its slowest answer. And its time-out starts again with every byte, so
a slow answer may take for ever. `benchmarks/cancelling.py` measures both; `benchmarks/RESULTS.md` has the figures:

- "a 1 s time-out, an answer that drips for 10 s": 10.10 s by requests alone, 1.00 s with this module;
- "cancelling from another thread, 10 s of silence": 9.81 s by requests alone, less than 0.01 s with this module.
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


class _Exchange:
    """One request and its answer, on the connection that carries them."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._is_cut = False

    def note(self, connection: HTTPConnection) -> None:
        """Remember the connection; raise if the exchange was already cut."""
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError
            # Keep the socket itself: a connection about to close forgets it while the answer is still being read.
            self._socket = connection.sock

    def cut(self) -> None:
        """Shut the connection down, so that the thread waiting on it gets an error at once."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


class OpenConnections:
    """The connections that one fetch is using at the moment."""

    def __init__(self) -> None:
        self._exchanges: set[_Exchange] = set()
        self._lock = threading.Lock()
        self._is_cut = False

    @contextlib.contextmanager
    def used(self, *, seconds: float) -> Iterator[None]:
        """Within the block, cut this thread's connection after a number of seconds."""
        exchange = _Exchange()
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError
            self._exchanges.add(exchange)
        _thread.exchange = exchange
        alarm = threading.Timer(seconds, exchange.cut)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
            del _thread.exchange
            with self._lock:
                self._exchanges.discard(exchange)

    def cut(self) -> None:
        """Shut down every connection in use, and allow no new one."""
        with self._lock:
            self._is_cut = True
            for exchange in self._exchanges:
                exchange.cut()


class _Response(http.client.HTTPResponse):
    """An answer, with interim answers (1xx) skipped. Only a 200 leaves the connection open."""

    def _read_status(self) -> tuple[str, int, str]:
        # http.client takes a 102 or 103 for the final answer. The next request would then get the real one.
        for _ in range(_MOST_INTERIM_ANSWERS):
            version, status, reason = super()._read_status()  # type: ignore[misc] # not in typeshed
            if not 100 < status < 200 or status == _SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException(f"more than {_MOST_INTERIM_ANSWERS} interim answers")

    def begin(self) -> None:
        super().begin()
        if self.status != http.client.OK:
            # If a server sends a body with a 204 or 304, it must not be read as the next answer.
            self.will_close = True


class _CuttableConnection(HTTPConnection):
    response_class = _Response
    # A program may set http.client's own debug level, which would print the headers, and the token with them.
    debuglevel = 0

    def connect(self) -> None:
        super().connect()
        self._note()  # raises if the exchange was cut before it had a socket

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._note()
        super().request(*args, **kwargs)

    def _note(self) -> None:
        if exchange := getattr(_thread, "exchange", None):
            exchange.note(self)


class _CuttableTLSConnection(_CuttableConnection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _CuttableConnection


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _CuttableTLSConnection


_POOLS = {"http": _Pool, "https": _PoolTLS}


class Adapter(HTTPAdapter):
    """An adapter for the library requests, with connections that `OpenConnections` can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool manager, with our pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """Create a proxy's pool manager, with our pools."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
