"""Connections that can be cut from another thread, so that a stopped fetch does not wait for its slowest answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_thread = threading.local()


class Lines:
    """The connections that one fetch is using now."""

    def __init__(self) -> None:
        self._open: set[HTTPConnection] = set()
        self._lock = threading.Lock()
        self._is_cut = False

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Note the connection that this thread uses within the block."""
        _thread.lines = self
        try:
            yield
        finally:
            del _thread.lines
            with self._lock:
                self._open.discard(_thread.__dict__.pop("connection", None))

    def note(self, connection: HTTPConnection) -> None:
        """Take note of a connection in use; after a cut there may be none."""
        _thread.connection = connection
        with self._lock:
            if self._is_cut:
                raise ConnectionAbortedError
            self._open.add(connection)

    def cut(self) -> None:
        """Shut every connection in use; whoever waits on one gets an error at once."""
        with self._lock:
            self._is_cut = True
            for connection in self._open:
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)


class _Noted(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self._note()  # a cut while it connected found nothing to shut

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._note()
        super().request(*args, **kwargs)

    def _note(self) -> None:
        if lines := getattr(_thread, "lines", None):
            lines.note(self)


class _NotedTLS(_Noted, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Noted


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = _NotedTLS


_POOLS = {"http": _Pool, "https": _PoolTLS}


class Adapter(HTTPAdapter):
    """An adapter of requests whose connections `Lines` can cut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools' manager, with pools of ours."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> ProxyManager:
        """Make the manager of a proxy's pools, with pools of ours."""
        manager: ProxyManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
