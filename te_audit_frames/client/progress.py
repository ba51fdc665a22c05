"""The progress bar: the share of the period that has arrived, events, pages, and waits for the rate limit."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

from te_audit_frames.safe_text import number_of


class Progress:
    """A tqdm bar in a terminal or a notebook, and nothing elsewhere.

    The bar is empty until a share is known, and full once everything has arrived. In a notebook, it turns red if the
    fetch fails after its first page.

    Parameters
    ----------
    show : bool or None
        Whether to show the bar; None means only in a terminal or a notebook.

    Examples
    --------
    >>> from te_audit_frames.client.progress import Progress
    >>> progress = Progress(show=False)
    >>> progress.open()
    >>> progress.page(events=500, done=0.25)
    >>> progress.page(events=500, done=1.0)
    >>> progress.close()
    """

    def __init__(self, *, show: bool | None) -> None:
        self._bar: tqdm[Any] | None = None
        self._events = 0
        self._pages = 0
        self._done: float | None = None
        self._wait = ""
        self._show = show

    def open(self) -> None:
        """Show the bar."""
        if self._show or (self._show is None and _is_interactive()):
            self._bar = _bar(self._words())

    def page(self, *, events: int, done: float | None = None) -> None:
        """Count a page and its events.

        Parameters
        ----------
        events : int
            How many of the page's events are kept.
        done : float, optional
            The share of the period that has arrived so far, from 0.0 to 1.0. It falls if a fetch has to begin again. If
            left out, the share stays the same.
        """
        self._pages += 1
        self._events += events
        if done is not None:
            self._done = round(min(max(done, 0.0), 1.0), 4)
        self._update()

    def waiting(self, seconds: float) -> None:
        """Show how long the fetch waits for the rate limit; 0.0 ends the wait. Any worker may call this."""
        if self._bar is not None:
            until = datetime.now().astimezone() + timedelta(seconds=seconds)
            self._wait = f", rate limit: waiting {seconds:.0f} s until {until:%H:%M:%S}" if seconds >= 1 else ""
            self._update()

    def finish(self) -> None:
        """Show that everything has arrived."""
        self._done = 1.0
        self._update()

    def close(self) -> None:
        """Close the bar, and leave it visible as it is."""
        if self._bar is not None:
            self._wait = ""
            self._update()
            if self._done is None:
                self._bar.total = None  # without a total, a notebook does not turn the bar red
            self._bar.close()
            self._bar = None

    def _update(self) -> None:
        if self._bar is not None:
            self._bar.n = self._done or 0.0
            self._bar.bar_format = self._words()
            self._bar.refresh()

    def _words(self) -> str:
        share, left = ("", "") if self._done is None else ("{percentage:3.0f}%|{bar}| ", "<{remaining}")
        pages = f"{number_of(self._pages, 'page')}"
        return f"fetching: {share}{number_of(self._events, 'event')} [{{elapsed}}{left}, {pages}{self._wait}]"


def _bar(words: str) -> tqdm[Any]:
    bar: Any
    if _in_notebook() and find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as bar
    else:
        from tqdm import tqdm as bar
    shown: tqdm[Any] = bar(total=1.0, bar_format=words, dynamic_ncols=True)
    return shown


def _is_interactive() -> bool:
    return _in_notebook() or (sys.stderr is not None and sys.stderr.isatty())


def _in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel that can show a widget."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")
