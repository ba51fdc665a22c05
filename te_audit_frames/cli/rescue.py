"""What a failed fetch got is kept beside its target, with the commands that get the rest."""

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
from te_audit_frames.periods import iso

_OF_THE_WHOLE = ("window", "start", "end", "output", "raw_csv")
"""Parameters that the commands for the rest replace or do without."""


@contextmanager
def rescuing(target: str) -> Iterator[None]:
    """Keep what came of a fetch that fails or is interrupted, and say so in a note of the error.

    Parameters
    ----------
    target : str
        Where the fetch was to be written; ``events.csv`` makes it ``events.partial.parquet``.

    Raises
    ------
    FetchError, KeyboardInterrupt
        What ended the fetch, with a note where events could be kept.
    """
    try:
        yield
    except (FetchError, KeyboardInterrupt) as error:
        partial: pd.DataFrame | None = getattr(error, "partial", None)
        missing: list[tuple[datetime, datetime]] = getattr(error, "missing", [])
        if partial is not None:
            kept = outside(partial, missing)
            if len(kept):
                error.add_note(_keep(kept, missing, target))
        raise


def outside(events: pd.DataFrame, missing: list[tuple[datetime, datetime]]) -> pd.DataFrame:
    """Select the events that no fetch of a missing period would bring again.

    Parameters
    ----------
    events : pandas.DataFrame
        The `.partial` of an error.
    missing : list of (datetime, datetime)
        Its `.missing`.

    Returns
    -------
    pandas.DataFrame
        A selection of the rows. Events without a date are never among them: where there are any, the whole period is
        paged through in one piece, and counts as missing until its end.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.cli.rescue import outside
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-05T09:00:00Z"}]}'])
    >>> len(outside(events, [(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 5, tzinfo=UTC))]))
    1
    """
    kept = events["date"].notna()
    for start, end in missing:
        kept &= (events["date"] < start) | (events["date"] >= end)
    return events[kept]


def _keep(events: pd.DataFrame, missing: list[tuple[datetime, datetime]], target: str) -> str:
    stem = str(PurePath(target).with_suffix("")) if "://" not in target else target.rpartition(".")[0]
    partial = f"{stem}.partial.parquet"
    from te_audit_frames.storage.parquet import write_parquet

    try:
        write_parquet(events, partial)
    except AuditFramesError as error:
        return f"{len(events):,} events came until then, but they could not be kept: {error}"
    commands = [
        "  " + _command(start, end, f"{stem}.rest-{number}.parquet")
        for number, (start, end) in enumerate(missing, start=1)
    ]
    return "\n".join(
        [
            f"{len(events):,} events that came until then are in {partial}. The rest comes with:",
            *commands,
            "Together these files are the whole, and no event is in two of them.",
        ]
    )


def _command(start: datetime, end: datetime, output: str) -> str:
    """Write the command that was given, for another period and target."""
    ctx = click.get_current_context()
    words = [*ctx.command_path.split(), "--start", iso(start), "--end", iso(end)]
    for option in ctx.command.params:
        name = option.name or ""
        if name in _OF_THE_WHOLE or ctx.get_parameter_source(name) != ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append((option.opts if value else option.secondary_opts)[0])
        else:
            words += [option.opts[0], str(value)]
    return shlex.join([*words, "-o", output])
