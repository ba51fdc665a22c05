"""The partial file of a failed fetch, and the commands that fetch the rest."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePath

import click
import pandas as pd
from click.core import ParameterSource

from te_audit_frames.errors import AuditFramesError, FetchError
from te_audit_frames.periods import Period, iso
from te_audit_frames.safe_text import number_of

_REPLACED = ("window", "start", "end", "output", "raw_csv")
"""Parameters that the commands for the rest replace or omit."""


@contextmanager
def keep_partial(target: str) -> Iterator[None]:
    """Keep the events of a fetch that fails: write them to a file and name it in a note on the error.

    Parameters
    ----------
    target : str
        The file that the fetch should have written; ``events.csv`` becomes ``events.partial.parquet``.

    Raises
    ------
    FetchError, KeyboardInterrupt
        The error that ended the fetch, with a note if there were events to keep.
    """
    try:
        yield
    except (FetchError, KeyboardInterrupt) as error:
        partial: pd.DataFrame | None = getattr(error, "partial", None)
        missing: list[Period] = getattr(error, "missing", [])
        if partial is not None:
            kept = outside(partial, missing)
            if len(kept):
                error.add_note(_keep(kept, missing, target))
        raise


def outside(events: pd.DataFrame, missing: list[Period]) -> pd.DataFrame:
    """Return the events that no fetch of a missing period would return again.

    Parameters
    ----------
    events : pandas.DataFrame
        The `.partial` of an error.
    missing : list of Period
        Its `.missing`.

    Returns
    -------
    pandas.DataFrame
        Some of the rows. Events without a date are left out. A period that has any is read in one piece, so all of it
        is missing until it has been read to its end.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.cli.partial import outside
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-05T09:00:00Z"}]}'])
    >>> len(outside(events, [taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC))]))
    1
    """
    kept = events["date"].notna()
    for start, end in missing:
        kept &= (events["date"] < start) | (events["date"] >= end)
    return events[kept]


def _keep(events: pd.DataFrame, missing: list[Period], target: str) -> str:
    stem = str(PurePath(target).with_suffix("")) if "://" not in target else target.rpartition(".")[0]
    partial = f"{stem}.partial.parquet"
    from te_audit_frames.storage.parquet import write_parquet

    try:
        write_parquet(events, partial)
    except AuditFramesError as error:
        return (
            f"{number_of(len(events), 'event')} {'was' if len(events) == 1 else 'were'} fetched, but could "
            f"not be kept: {error}"
        )
    commands = [
        "  " + _command(start, end, f"{stem}.rest-{number}.parquet")
        for number, (start, end) in enumerate(missing, start=1)
    ]
    return "\n".join(
        [
            f"The {number_of(len(events), 'event')} fetched so far "
            f"{'is' if len(events) == 1 else 'are'} in {partial}. Fetch the rest with:",
            *commands,
            "Together, these files hold every event once.",
        ]
    )


def _command(start: datetime, end: datetime, output: str) -> str:
    """Return the command that was given, for another period and file."""
    ctx = click.get_current_context()
    words = [*ctx.command_path.split(), "--start", iso(start), "--end", iso(end)]
    for option in ctx.command.params:
        name = option.name or ""
        if name in _REPLACED or ctx.get_parameter_source(name) != ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append((option.opts if value else option.secondary_opts)[0])
        else:
            words += [option.opts[0], str(value)]
    return shlex.join([*words, "-o", output])
