"""Output of the commands: tables for people, CSV and JSON for programs, plots as files."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pandas as pd

from te_audit_frames.cli.terminal import table, terminal_width
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import harmless_cell, harmless_json, visible
from te_audit_frames.storage.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def to_csv(frame: pd.DataFrame, *, on_terminal: bool = False) -> str:
    """Return a frame as CSV: times in ISO 8601, null as an empty cell, formulas escaped as in `write_csv`.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary, an activity, or the rows of a check; its index is left out. Lists are written as JSON, and lengths of
        time in seconds.
    on_terminal : bool
        Whether to replace characters that a terminal would act on. Files and pipes get every name as it is.

    Returns
    -------
    str
        Lines with a newline between them and no carriage return, as other programs print them.

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
    # The writer quotes cells with a carriage return only if its line ending is the default.
    text = io.StringIO()
    csv.writer(text).writerow([_csv_cell(cell, clean) for cell in cells])
    return text.getvalue().removesuffix("\r\n")


def _csv_cell(cell: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(cell, list):
        return harmless_json(clean(json.dumps(cell, ensure_ascii=False)))
    return harmless_cell(clean(cell)) if isinstance(cell, str) else cell


def to_json(frame: pd.DataFrame) -> str:
    """Return a frame as a JSON array with one object per line. It is ASCII, so no name can act on a terminal.

    Parameters
    ----------
    frame : pandas.DataFrame
        A summary or an activity; its index is left out.

    Returns
    -------
    str
        Times as ISO 8601 text, lengths of time in seconds, shares as fractions of 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.output import to_json
    >>> print(to_json(pd.DataFrame({"user": ["Ada", None], "events": [2, 1]})))
    [{"user": "Ada", "events": 2},
     {"user": null, "events": 1}]
    """
    return "[" + ",\n ".join(map(json.dumps, records(frame))) + "]"


def to_jsonl(frame: pd.DataFrame) -> str:
    """Return a frame as one JSON object per line. It is ASCII, so no name can act on a terminal.

    Parameters
    ----------
    frame : pandas.DataFrame
        See `to_json`.

    Returns
    -------
    str
        Lines that each end with a newline.

    Examples
    --------
    >>> import pandas as pd
    >>> from te_audit_frames.cli.output import to_jsonl
    >>> print(to_jsonl(pd.DataFrame({"user": ["Ada", None], "events": [2, 1]})), end="")
    {"user": "Ada", "events": 2}
    {"user": null, "events": 1}
    """
    return "".join(f"{json.dumps(record)}\n" for record in records(frame))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON values; see `to_json`."""
    return [dict(zip(map(str, frame.columns), row, strict=True)) for row in _rows(frame)]


FORMATS = ("table", "csv", "json", "jsonl")
"""Every value of ``--format``."""

BYTE_ORDER_MARK = "\ufeff"
"""The first character of a CSV file that a spreadsheet is to read as UTF-8."""


@dataclass(frozen=True)
class Output:
    """How a command prints a frame.

    Attributes
    ----------
    form : str
        One of `FORMATS`.
    bom : bool
        Whether CSV starts with a byte order mark.
    """

    form: str
    bom: bool = False

    def __post_init__(self) -> None:
        if self.bom and self.form != "csv":
            raise click.UsageError("--bom is only for CSV. Give --format csv, or leave out --bom.")

    def show(
        self, frame: pd.DataFrame, *, tz: str = "UTC", first: Sequence[str] = (), empty: str = "(no events)"
    ) -> None:
        """Print a frame to stdout.

        Parameters
        ----------
        frame : pandas.DataFrame
            Its index is left out.
        tz : str
            The time zone of all times.
        first : sequence of str
            The most useful columns, which a table shows first. Names that the frame lacks are skipped.
        empty : str
            The line below the header of a table without rows.
        """
        local = in_zone(frame, tz)
        match self.form:
            case "table":
                names = list(map(str, local))
                order = [name for name in first if name in names]
                order += [name for name in names if name not in order]
                self.print(table(local[order], room=terminal_width(), empty=empty) + "\n")
            case "csv":
                self.print(to_csv(local, on_terminal=sys.stdout.isatty()) + "\n")
            case "json":
                self.print(to_json(local) + "\n")
            case _:
                self.print(to_jsonl(local))

    def print(self, *pieces: str) -> None:
        """Print text to stdout. With `bom`, print it as UTF-8 after a byte order mark."""
        if not self.bom:
            for piece in pieces:
                click.echo(piece, nl=False)
            return
        for piece in (BYTE_ORDER_MARK, *pieces):
            click.echo(piece.encode(), nl=False)


def in_zone(frame: pd.DataFrame, tz: str) -> pd.DataFrame:
    """Return a frame with all its times in a time zone."""
    times = [name for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.DatetimeTZDtype)]
    return frame.assign(**{str(name): frame[name].dt.tz_convert(tz) for name in times}) if times else frame


def _rows(frame: pd.DataFrame) -> Iterator[list[Any]]:
    for row in frame.astype(object).itertuples(index=False, name=None):
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, list | np.ndarray):
        return list(value)
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timedelta):
        return value.total_seconds()
    return iso(value) if isinstance(value, pd.Timestamp) else value


FILE_FORMATS = (".parquet", ".csv", ".jsonl")
"""The endings of files of events and of people."""


def ending(path: str) -> str:
    """Return the ending of a path, such as ``.csv``."""
    return PurePath(path).suffix.lower()


def write_events(events: pd.DataFrame, path: str, *, raw_csv: bool = False) -> None:
    """Write events to a file in the format that its ending names: .csv, .jsonl, or else Parquet."""
    from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl
    from te_audit_frames.storage.parquet import write_parquet

    match ending(path):
        case ".csv":
            write_csv(events, path, raw=raw_csv)
        case ".jsonl":
            write_jsonl(events, path)
        case _:
            write_parquet(events, path)


def write_people(people: pd.DataFrame, path: str, *, raw_csv: bool = False) -> None:
    """Write people to a file in the format that its ending names: .csv, .jsonl, or else Parquet."""
    from te_audit_frames.storage.user_files import write_users, write_users_csv, write_users_jsonl

    match ending(path):
        case ".csv":
            write_users_csv(people, path, raw=raw_csv)
        case ".jsonl":
            write_users_jsonl(people, path)
        case _:
            write_users(people, path)


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
    """Draw a plot into a file. The file is replaced whole, and readable by its owner only.

    Parameters
    ----------
    draw : callable
        Returns the Axes, as the plot functions do.
    path : str or PathLike
        The file. Its ending names the format: .png, .svg or .pdf.

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
