"""The commands find runs, find failed-logins, ...: one question each about what deserves a look.

Each command is one ``find_*`` function: its thresholds are options, and the defaults are those of the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

import te_audit_frames as taf
from te_audit_frames.cli import options, reading, values
from te_audit_frames.cli.find_text import show_rows
from te_audit_frames.periods import to_window
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.cli.output import Output
    from te_audit_frames.cli.reading import Where

F = TypeVar("F", bound=Callable[..., Any])

_EXAMINED = [column for column in COLUMNS if column != "extra"]


@click.group(
    epilog="""\b
Examples:
  te-audit-frames find runs te-audit --window 24h
  te-audit-frames find off-hours te-audit --window 7d --history te-audit --tz Europe/Berlin"""
)
def find() -> None:
    """Find what deserves a look.

    Each command prints its rows on stdout, and what it examined on stderr. "Nothing found" and "not assessed" are
    different: without a history, for example, no address is new.
    """


def _command(name: str, example: str) -> Callable[[F], Any]:
    return find.command(name, epilog=f"\b\nExample:\n  te-audit-frames find {name} {example}")


def _threshold(option: str, default: int | None, least: int, most: int | None, text: str) -> Callable[[F], F]:
    kind = click.IntRange(least, most)
    return click.option(option, type=kind, default=default, show_default=True, metavar="N", help=text)


def _length(option: str, default: str, text: str) -> Callable[[F], F]:
    kind = values.Length()
    return click.option(option, type=kind, default=default, show_default=True, metavar="LENGTH", help=text)


_quiet_option = click.option(
    "--quiet", is_flag=True, help="Print nothing if nothing is found, and leave out what was examined."
)


@_command("runs", "te-audit --window 24h --action delete --min-size 10")
@reading.where_options(filters=("user", "event", "account_group"), vocabulary=True)
@click.option(
    "--action",
    multiple=True,
    default=["delete"],
    show_default=True,
    metavar="ACTION",
    help="What was done: delete, create, update, disable, ... Events of several actions can form one run.",
)
@_length("--gap", "10m", "The longest time between two events of a run.")
@_threshold("--min-size", 5, 1, None, "The fewest events of a run.")
@click.option(
    "--by",
    type=click.Choice(["user", "ip-address", "account-group"]),
    default="user",
    show_default=True,
    help="What the events of a run have in common.",
)
@_quiet_option
@options.output_options
def runs(
    *, where: Where, action: tuple[str, ...], gap: str, min_size: int, by: str, quiet: bool, output: Output
) -> None:
    """Find runs: many events of one kind in one go, such as a mass deletion."""
    events = where.read_or_open(_EXAMINED)
    common: Any = by.replace("-", "_")
    show_rows(
        lambda: taf.find_runs(
            events, action=action, gap=to_window(gap), min_size=min_size, by=common, vocabulary=where.vocabulary
        ),
        where,
        output,
        quiet=quiet,
    )


@_command("failed-logins", "te-audit --window 7d --by ip-address")
@reading.where_options(filters=("user", "event", "account_group"), vocabulary=True)
@click.option(
    "--by",
    type=click.Choice(["user", "ip-address"]),
    default="user",
    show_default=True,
    help="Count the failures of each user, or from each address.",
)
@_length("--within", "1h", "The length of the window in which failures are counted.")
@_threshold("--min-failures", None, 1, None, "How many failures make a row.  [default: 20, or 15 by address]")
@_threshold("--min-before-success", 5, 1, None, "How many failures make a row if the user then gets in.")
@_threshold("--min-users", 10, 1, None, "With --by ip-address: how many different users make a row.")
@_threshold("--min-addresses", 5, 1, None, "With --by user: how many different addresses make a row.")
@_quiet_option
@options.output_options
def failed_logins(*, where: Where, by: str, within: str, quiet: bool, output: Output, **thresholds: int | None) -> None:
    """Find attacks on passwords: many failed log-ins, and whether somebody got in."""
    events = where.read_or_open(_EXAMINED)
    counted: Any = {"by": by.replace("-", "_"), "within": to_window(within), **thresholds}
    show_rows(
        lambda: taf.find_failed_logins(events, vocabulary=where.vocabulary, **counted), where, output, quiet=quiet
    )


@_command("sessions", "te-audit --window 7d --user ada@example.com")
@reading.where_options(filters=("user", "account_group"), vocabulary=True)
@_length("--idle", "8h", "The longest silence within a session.")
@_quiet_option
@options.output_options
def sessions(*, where: Where, idle: str, quiet: bool, output: Output) -> None:
    """Find sessions: what each user did from log-in to log-out."""
    events = where.read_or_open(_EXAMINED)
    show_rows(
        lambda: taf.find_sessions(events, idle=to_window(idle), vocabulary=where.vocabulary),
        where,
        output,
        quiet=quiet,
    )


@_command("off-hours", "te-audit --window 7d --history te-audit --tz Europe/Berlin")
@reading.where_options(filters=("user", "account_group"))
@reading.history_option
@_threshold("--days", 180, 28, 730, "How many days of history people's hours are learnt from.")
@_threshold("--min-days", 20, 5, None, "On how many of these days a person must have acted.")
@_threshold("--min-events", 40, 1, None, "How many earlier events a person must have.")
@click.option(
    "--ratio",
    type=click.FloatRange(1, 1_000_000),
    default=7.0,
    show_default=True,
    metavar="TIMES",
    help="How many times better a week must fit other hours than the person's own.",
)
@_quiet_option
@options.output_options
def off_hours(
    *,
    where: Where,
    history: str | None,
    days: int,
    min_days: int,
    min_events: int,
    ratio: float,
    quiet: bool,
    output: Output,
) -> None:
    """Find what people did outside their own hours of the week, by the clock of --tz."""
    events, past = where.read_or_open(_EXAMINED), reading.open_history(history, _EXAMINED)
    show_rows(
        lambda: taf.find_off_hours(
            events, tz=where.tz, history=past, days=days, min_days=min_days, min_events=min_events, ratio=ratio
        ),
        where,
        output,
        quiet=quiet,
    )


@_command("new-addresses", "te-audit --window 7d --history te-audit")
@reading.where_options(filters=("user", "account_group"))
@reading.history_option
@_threshold("--ipv4-bits", 24, 1, 32, "How many leading bits of an IPv4 address make a network.")
@_threshold("--ipv6-bits", 48, 1, 128, "How many leading bits of an IPv6 address make a network.")
@_threshold("--min-days", 10, 1, None, "On how many days of the history a person must have acted.")
@_quiet_option
@options.output_options
def new_addresses(
    *, where: Where, history: str | None, ipv4_bits: int, ipv6_bits: int, min_days: int, quiet: bool, output: Output
) -> None:
    """Find networks from which a person acted for the first time."""
    events, past = where.read_or_open(_EXAMINED), reading.open_history(history, _EXAMINED)
    show_rows(
        lambda: taf.find_new_addresses(events, history=past, v4=ipv4_bits, v6=ipv6_bits, min_days=min_days),
        where,
        output,
        quiet=quiet,
    )


@_command("access-changes", "te-audit --window 7d --history te-audit")
@reading.where_options(filters=("user", "event", "account_group"), vocabulary=True)
@reading.history_option
@_quiet_option
@options.output_options
def access_changes(*, where: Where, history: str | None, quiet: bool, output: Output) -> None:
    """Find changes of access: roles given and taken, people added and removed, tokens created."""
    events, past = where.read_or_open(_EXAMINED), reading.open_history(history, _EXAMINED)
    show_rows(
        lambda: taf.find_access_changes(events, history=past, vocabulary=where.vocabulary),
        where,
        output,
        quiet=quiet,
    )


@_command("monitoring-changes", "te-audit --window 7d --history te-audit")
@reading.where_options(filters=("user", "event", "account_group"), vocabulary=True)
@reading.history_option
@_length("--gap", "10m", "The longest time between two events of a row.")
@_quiet_option
@options.output_options
def monitoring_changes(*, where: Where, history: str | None, gap: str, quiet: bool, output: Output) -> None:
    """Find alert rules, tests and notifications that were deleted, disabled or silenced."""
    events, past = where.read_or_open(_EXAMINED), reading.open_history(history, _EXAMINED)
    show_rows(
        lambda: taf.find_monitoring_changes(events, history=past, gap=to_window(gap), vocabulary=where.vocabulary),
        where,
        output,
        quiet=quiet,
    )


@_command("dormant-users", "te-audit --users users.parquet")
@reading.where_options(filters=())
@reading.users_option(required=True)
@reading.history_option
@_threshold("--days", 90, 1, None, "After how many days without log-in and events an account is dormant.")
@_threshold("--returned-days", 180, 1, None, "After how many days of silence an event is a return.")
@_quiet_option
@options.output_options
def dormant_users(
    *, where: Where, users: str, history: str | None, days: int, returned_days: int, quiet: bool, output: Output
) -> None:
    """Find accounts that nobody uses, that somebody uses again, and people who are not in the directory."""
    people = reading.read_people(users)
    events, past = where.read_or_open(_EXAMINED), reading.open_history(history, _EXAMINED)
    show_rows(
        lambda: taf.find_dormant_users(people, events, history=past, days=days, returned_days=returned_days),
        where,
        output,
        quiet=quiet,
    )


@_command("actors", "te-audit --window 12w")
@reading.where_options(filters=("user", "account_group"), vocabulary=True)
@_threshold("--min-events", 50, 1, None, "The fewest events by which to judge an actor.")
@_threshold("--min-days", 10, 1, None, "The fewest days with events by which to judge an actor.")
@_quiet_option
@options.output_options
def actors(*, where: Where, min_events: int, min_days: int, quiet: bool, output: Output) -> None:
    """Tell automation from people, with the reasons."""
    events = where.read_or_open(_EXAMINED)
    show_rows(
        lambda: taf.classify_actors(events, min_events=min_events, min_days=min_days, vocabulary=where.vocabulary),
        where,
        output,
        quiet=quiet,
    )
