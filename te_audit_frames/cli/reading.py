"""The events that a command reads: WHERE they are, and the options that choose among them.

WHERE is an archive, a bucket, a file, or a glob, and there may be several. `where_options` adds the argument and the
options to a command, which receives a `Where`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.checks.people import names_of
from te_audit_frames.cli import options, values
from te_audit_frames.cli.filters import keep, matching
from te_audit_frames.cli.places import (
    advice_about,
    bounds_of,
    bounds_of_archive,
    end_of,
    end_of_archive,
    expand,
    is_archive,
    join,
    read_file,
)
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Period, parse_zone, to_bounds, to_window
from te_audit_frames.schema import COLUMNS

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Where:
    """Places of events, and which of their events a command reads.

    Attributes
    ----------
    places : tuple of str
        Archives, buckets, files and globs.
    window, start, end : str or None
        The period, as given in the options.
    tz : str
        The time zone of `start` and `end` if they have none, and of the output.
    user, event, action, account_group : tuple of str
        What to keep. If one of these has several values, an event has to match only one of them.
    vocabulary : str or None
        The file of the user's own words for `action`.
    """

    places: tuple[str, ...]
    window: str | None = None
    start: str | None = None
    end: str | None = None
    tz: str = "UTC"
    user: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    action: tuple[str, ...] = ()
    account_group: tuple[str, ...] = ()
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        values.check_window(window=self.window, start=self.start, end=self.end)
        values.check_bounds(start=self.start, end=self.end, zone=parse_zone(self.tz))

    def read(self, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
        """Read the chosen events.

        From an archive, only the days of the period are read. A single place is read with the needed columns only.
        Several places are read with all columns, because `concat` needs them.

        Parameters
        ----------
        columns : sequence of str
            The columns to return.

        Returns
        -------
        pandas.DataFrame
            The audit frame. It has a receipt if every place has one.

        Raises
        ------
        InvalidArgument
            A glob matches no file, or `action` is not in the vocabulary.
        NotAnAuditFrame, DamagedFile, MissingFile, FileError, ArchiveError, StoreError
            A place cannot be read.
        """
        self._check_actions()
        places = expand(self.places)
        needed = dict.fromkeys([*columns, "date", *self._filtered()])
        read = list(COLUMNS) if len(places) > 1 else [column for column in COLUMNS if column in needed]
        start, end = to_bounds(self.start, self.end, zone=parse_zone(self.tz))
        archives = {place: taf.Archive(place) for place in places if is_archive(place)}
        frames = {place: read_file(place, read, (start, end)) for place in places if place not in archives}
        if self.window is not None:
            ends = [end_of(frame) for frame in frames.values()]
            ends += [end_of_archive(archive) for archive in archives.values()]
            end = max((each for each in ends if each is not None), default=None)
            start = end and end - to_window(self.window)
            frames = {place: taf.between(frame, start=start, end=end) for place, frame in frames.items()}
        for place, archive in archives.items():
            with advice_about(place):
                frames[place] = archive.load(start=start, end=end, columns=read)
        events = self._select(join([frames[place] for place in places], places))
        return events[list(columns)]

    def read_or_open(self, columns: Sequence[str]) -> pd.DataFrame | taf.Archive:
        """Read the chosen events, or return the archive if all events of one archive are chosen.

        Checks read an archive in parts, and so need little memory.
        """
        (place, *others) = self.places
        is_whole = not (others or self.window or self.start or self.end or self._filtered())
        if is_whole and is_archive(place):
            archive = taf.Archive(place)
            if "://" not in place and not (Path(place).expanduser() / "events").exists():
                with advice_about(place):
                    archive.coverage()
            return archive
        return self.read(columns)

    def covers(self) -> Period | None:
        """Return what all places together cover, from their start to their end; None if they have no dated events."""
        bounds = []
        for place in expand(self.places):
            if is_archive(place):
                bounds.append(bounds_of_archive(taf.Archive(place)))
            else:
                bounds.append(bounds_of(read_file(place, ["date"], (None, None))))
        known = [each for each in bounds if each is not None]
        return Period(min(each.start for each in known), max(each.end for each in known)) if known else None

    @property
    def has_filters(self) -> bool:
        """Whether only some users, events, actions or account groups are chosen."""
        return bool(self._filtered())

    @property
    def filters_given(self) -> list[str]:
        """The options of the filters that are set."""
        given = {
            "--user": self.user,
            "--event": self.event,
            "--action": self.action,
            "--account-group": self.account_group,
        }
        return [option for option, texts in given.items() if texts]

    def without_filters(self) -> Where:
        """Return the same places and period without the filters. Raise an error if an action is unknown."""
        self._check_actions()
        return replace(self, user=(), event=(), action=(), account_group=())

    def accepts(self, events: pd.DataFrame) -> bool:
        """Return whether any event passes the filters."""
        return len(self._select(events)) > 0

    def _filtered(self) -> list[str]:
        """List the columns that the filters need."""
        needed = [
            (self.user, ("uid", "user")),
            (self.event, ("event",)),
            (self.action, ("event", "resources")),
            (self.account_group, ("aid", "account_group_name")),
        ]
        return [column for values, names in needed if values for column in names]

    def _check_actions(self) -> None:
        if not self.action:
            return
        from te_audit_frames.checks.text.loading import load_vocabulary  # most commands do not need it

        known = sorted(load_vocabulary(self.vocabulary).actions)
        if unknown := [action for action in self.action if action not in known]:
            raise InvalidArgument(f"--action: {unknown[0]!r} is not one of {', '.join(known)}")

    def _select(self, events: pd.DataFrame) -> pd.DataFrame:
        if self.user:
            names = matching(events["user"], self.user, names_of)
            events = keep(events, matching(events["uid"], self.user) | names, "--user", self.user)
        if self.event:
            events = keep(events, matching(events["event"], self.event), "--event", self.event)
        if self.account_group:
            groups = (matching(events[name], self.account_group) for name in ("aid", "account_group_name"))
            events = keep(events, next(groups) | next(groups), "--account-group", self.account_group)
        if self.action:
            classified = taf.classify_events(events[["event", "resources"]], vocabulary=self.vocabulary)
            events = keep(events, classified["action"].isin(self.action), "--action", self.action)
        return events


# ---- options -----------------------------------------------------------------------------------------------------


def where_options(
    *, filters: Collection[str] = ("user", "event", "action", "account_group"), vocabulary: bool = False
) -> Callable[[F], F]:
    """Add WHERE, the options of a period, and filters; the command receives a `Where` as `where`.

    Parameters
    ----------
    filters : collection of str
        The filters that make sense for the command.
    vocabulary : bool
        Whether to add ``--vocabulary`` even without the filter ``--action``, which needs it.
    """
    chosen = [option for name, option in _FILTERS.items() if name in filters]
    if vocabulary or "action" in filters:
        chosen.append(_VOCABULARY)
    return options.bundle("where", Where, (*_PLACES_AND_PERIOD, *chosen))


def _filter(option: str, metavar: str, text: str) -> Callable[[F], F]:
    return click.option(option, multiple=True, metavar=metavar, help=text)


_PLACES_AND_PERIOD: tuple[Callable[[Any], Any], ...] = (
    click.argument("places", nargs=-1, required=True, metavar="WHERE..."),
    click.option(
        "--window",
        type=values.Length(),
        metavar="LENGTH",
        help="A length of time such as 12h, 7d or 4w, up to the end of what WHERE covers.  [default: everything]",
    ),
    click.option(
        "--start",
        type=values.Moment(local=True),
        metavar="TIME",
        help="The start, such as 2026-01-01 or 2026-01-01T09:00.",
    ),
    click.option("--end", type=values.Moment(local=True), metavar="TIME", help="The end, which is excluded."),
    click.option(
        "--tz",
        type=values.Zone(),
        default="UTC",
        show_default=True,
        metavar="ZONE",
        help="The time zone of --start, --end and the output, for example Europe/Berlin.",
    ),
)

_FILTERS: dict[str, Callable[[Any], Any]] = {
    "user": _filter(
        "--user", "TEXT", "Only this user's events: a name, an e-mail address or a uid. * stands for any text."
    ),
    "event": _filter("--event", "TEXT", "Only events with this text. * stands for any text."),
    "action": _filter("--action", "ACTION", "Only events whose text means this action: create, delete, login, ..."),
    "account_group": _filter("--account-group", "TEXT", "Only events of this account group: its name or its aid."),
}

_VOCABULARY = click.option(
    "--vocabulary",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Your own TOML table of words. It wins over the built-in one.",
)


def history_option(command: F) -> F:
    """Add ``--history``, to be read with `open_history`."""
    return click.option(
        "--history", metavar="ARCHIVE", help="What happened before: an archive, or a file. It may contain WHERE itself."
    )(command)


def open_history(place: str | None, columns: Sequence[str]) -> taf.Archive | pd.DataFrame | None:
    """Return the value of ``--history`` as checks take it."""
    return None if place is None else Where((place,)).read_or_open(columns)


def users_option(*, required: bool) -> Callable[[F], F]:
    """Add ``--users``, to be read with `read_people`."""
    return click.option(
        "--users",
        metavar="FILE",
        required=required,
        help='The people: a Parquet file of "users", or an archive that "sync --users" keeps.',
    )


def read_people(place: str) -> pd.DataFrame:
    """Read the value of ``--users``."""
    return taf.Archive(place).users() if is_archive(place) else taf.read_users(place)
