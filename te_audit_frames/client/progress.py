"""The progress bar: pages, events, and the wait for the rate limit when there is one."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """A tqdm bar, in a terminal or a notebook; nothing where nobody looks.

    Parameters
    ----------
    show : bool or None
        None shows it only where somebody can see it move.
    """

    def __init__(self, *, show: bool | None) -> None:
        self._bar: tqdm[Any] | None = None
        self._pages = 0
        self._wait = ""
        self._show = show

    def open(self) -> None:
        """Show the bar."""
        if self._show or (self._show is None and _is_interactive()):
            self._bar = _bar()

    def page(self, *, events: int, done: float | None = None) -> None:
        """Count a page and its events."""
        self._pages += 1
        if self._bar is not None:
            self._bar.update(events)
            self._say()

    def waiting(self, seconds: float) -> None:
        """Say until when the fetch waits for the rate limit; 0.0 ends it. Called from any worker."""
        if self._bar is not None:
            until = datetime.now().astimezone() + timedelta(seconds=seconds)
            self._wait = f", rate limit: waiting {seconds:.0f} s until {until:%H:%M:%S}" if seconds >= 1 else ""
            self._say()

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._wait = ""
            self._say()
            self._bar.close()
            self._bar = None

    def _say(self) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._pages:,} page{'s' * (self._pages != 1)}{self._wait}")


def _bar() -> tqdm[Any]:
    bar: Any
    if _in_notebook() and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as bar
    else:
        from tqdm import tqdm as bar
    shown: tqdm[Any] = bar(desc="fetching", unit=" events", dynamic_ncols=True)
    return shown


def _is_interactive() -> bool:
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel that can show a widget."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
