"""How soon a request ends once it is cut off, with requests alone and with `te_audit_frames.client.connections`."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import requests

from benchmarks.measure import Result, alone, at_most
from te_audit_frames.client.connections import Adapter, OpenConnections

TIMEOUT = 1.0
CUT_AFTER = 0.2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@contextlib.contextmanager
def slow_server(*, drips: bool, seconds: float) -> Iterator[str]:
    """Serve answers that never end within `seconds`: one byte every 0.1 s, or silence."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        until = time.monotonic() + seconds
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(HEAD)
            while time.monotonic() < until and not over.wait(0.1):
                connection.sendall(b"x" if drips else b"")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)


def read(session: requests.Session, url: str, timeout: float, connections: OpenConnections | None) -> None:
    """Send one request and wait for its whole answer, or for the error that ends it."""
    bound = connections.used(seconds=timeout) if connections else contextlib.nullcontext()
    with contextlib.suppress(requests.RequestException, OSError), bound:
        _ = session.get(url, timeout=timeout).content


def time_out(seconds: float, *, ours: bool) -> float:
    """Return how long a request with a time-out of 1 s takes while its answer drips."""
    with slow_server(drips=True, seconds=seconds) as url, requests.Session() as session:
        if ours:
            session.mount("http://", Adapter())
        began = time.perf_counter()
        read(session, url, TIMEOUT, OpenConnections() if ours else None)
        return time.perf_counter() - began


def cancel(seconds: float, *, ours: bool) -> float:
    """Return how long a waiting request takes to end once another thread cancels it."""
    connections = OpenConnections()
    with slow_server(drips=False, seconds=seconds) as url, requests.Session() as session:
        if ours:
            session.mount("http://", Adapter())
        thread = threading.Thread(target=read, args=[session, url, seconds, connections if ours else None])
        thread.start()
        time.sleep(CUT_AFTER)
        began = time.perf_counter()
        session.close()  # all that requests offers
        connections.cut()
        thread.join()
        return time.perf_counter() - began


def run(full: bool) -> list[Result]:
    """Measure against a server that does not finish its answer for 10 s, or for a minute."""
    seconds = 60.0 if full else 10.0
    theirs, ours = time_out(seconds, ours=False), time_out(seconds, ours=True)
    closed, cut = cancel(seconds, ours=False), cancel(seconds, ours=True)
    return [
        Result(f"a 1 s time-out, an answer that drips for {seconds:g} s: requests alone", f"{theirs:.2f} s"),
        at_most("the same: with connections.py", ours, 1.2, "s"),
        Result(f"cancelling from another thread, {seconds:g} s of silence: requests alone", f"{closed:.2f} s"),
        at_most("the same: with connections.py", cut, 0.1, "s"),
    ]


if __name__ == "__main__":
    alone(run)
