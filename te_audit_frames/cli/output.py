"""Output of the commands: tables for people, CSV and JSON for programs, plots as files."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from te_audit_frames.cli.terminal import fit, table
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import harmless_cell, visible
from te_audit_frames.storage.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def to_csv(frame: pd.DataFrame, *, on_terminal: bool = False) -> str:
    """Return a frame as CSV: times in ISO 8601, null as an empty cell, formulas escaped as in `write_csv`.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary or an activity; its index is left out.
    on_terminal : bool
        Whether to replace characters that a terminal would act on. Files and pipes get every name as it is.

    Returns
    -------
    str
        Lines that end with a newline and no carriage return, like those of other commands.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.output import to_csv
    >>> print(to_csv(pd.DataFrame({"user": ["=1+1", None], "events": [2, 1]})))
    user,events
    '=1+1,2
    ,1
    """
    clean = visible if on_terminal else str
    return "\n".join(_line(cells, clean) for cells in [list(frame.columns), *_rows(frame)])


def _line(cells: list[Any], clean: Callable[[str], str]) -> str:
    # Only with its default line ending does the writer quote cells that hold a carriage return.
    text = io.StringIO()
    csv.writer(text).writerow([harmless_cell(clean(cell)) if isinstance(cell, str) else cell for cell in cells])
    return text.getvalue().removesuffix("\r\n")


def to_json(frame: pd.DataFrame) -> str:
    """Return a frame as a JSON array with one object per line. It is ASCII, so no name can act on a terminal.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary or an activity; its index is left out.

    Returns
    -------
    str
        Times as ISO 8601 text, shares as fractions of 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.output import to_json
    >>> print(to_json(pd.DataFrame({"user": ["Ada", None], "events": [2, 1]})))
    [{"user": "Ada", "events": 2},
     {"user": null, "events": 1}]
    """
    records = (json.dumps(dict(zip(frame.columns, row, strict=True))) for row in _rows(frame))
    return "[" + ",\n ".join(records) + "]"


FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "table": lambda frame: fit(table(frame)),
    "csv": lambda frame: to_csv(frame, on_terminal=sys.stdout.isatty()),
    "json": to_json,
}
"""Every value of ``--format``, and its writer."""


def _rows(frame: pd.DataFrame) -> Iterator[list[Any]]:
    for row in frame.astype(object).itertuples(index=False, name=None):
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return iso(value) if isinstance(value, pd.Timestamp) else value


def ending(path: str) -> str:
    """Return the ending of a path, such as ``.csv``."""
    return PurePath(path).suffix.lower()


class _Lines(logging.Handler):
    """Writes each record as a line on stderr, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        tqdm.write(f"{record.levelname.lower()}: {visible(record.getMessage())}", file=sys.stderr)


def show_log() -> None:
    """Show the package's log on stderr until the command ends: waits and fall-backs, retries and cuts."""
    log, handler, level = logging.getLogger("te_audit_frames"), _Lines(), logging.getLogger("te_audit_frames").level
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    ctx = click.get_current_context()
    ctx.call_on_close(lambda: log.removeHandler(handler))
    ctx.call_on_close(lambda: log.setLevel(level))


def save(draw: Callable[[], Axes], path: str | os.PathLike[str]) -> None:
    """Draw a plot into a file, which is replaced whole and only its owner can read.

    Parameters
    ----------
    draw : callable
        Returns the Axes, as the plot functions do.
    path : str or PathLike
        The file; its ending, .png, .svg or .pdf, names the format.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")  # a command opens no window, and needs no display
    figure = draw().get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes that were just drawn on have one  # nosec B101
    with atomic_write(path) as picture:
        figure.savefig(picture, format=ending(os.fspath(path))[1:], dpi=150, bbox_inches="tight")
    plt.close(figure)
