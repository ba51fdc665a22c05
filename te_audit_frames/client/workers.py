"""The threads of one fetch. They are daemon threads, so a running request never delays the interpreter's exit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")

_MOMENT = 0.2  # seconds


class Workers:
    """A pool of daemon threads.

    The pool of the standard library does not fit: the interpreter waits for its threads when it exits.

    Parameters
    ----------
    number : int
        The most threads. Each is started when it is first needed.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)
        self._is_stopped = False

    def submit(self, task: Callable[[], T]) -> Future[T]:
        """Run a task in a thread, and return its future."""
        future: Future[T] = Future()

        def run() -> None:
            if self._is_stopped or not future.set_running_or_notify_cancel():
                future.cancel()
                return
            try:
                future.set_result(task())
            except BaseException as error:  # noqa: BLE001 - the future raises it
                future.set_exception(error)

        self._tasks.put(run)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._number:
            thread = threading.Thread(target=self._work, name=f"te-audit-frames_{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def stop(self) -> None:
        """End every thread after its current task. Tasks that have not begun are not run."""
        self._is_stopped = True
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        while task := self._tasks.get():
            task()
            self._idle.release()


def first_done(futures: Iterable[Future[T]]) -> set[Future[T]]:
    """Wait until at least one of the futures is done."""
    # Wait in short steps: if another library handles signals, as Polars does, Ctrl-C does not end a long wait.
    done: set[Future[T]] = set()
    waiting = list(futures)
    while waiting and not done:
        done, _ = wait(waiting, timeout=_MOMENT, return_when=FIRST_COMPLETED)
    return done
