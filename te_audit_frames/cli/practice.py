"""The practice server in a terminal of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Length(click.ParamType[timedelta]):
    """A number of days or seconds; its value is a timedelta."""

    def __init__(self, unit: str) -> None:
        self.name = unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read the number."""
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(**{self.name: float(value)})
        except (OverflowError, ValueError):
            self.fail(f"{value!r} is no number of {self.name}", param, ctx)


_DAYS, _SECONDS = Length("days"), Length("seconds")

_OPTIONS = (
    click.option(
        "--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="On 127.0.0.1; 0 takes a free one."
    ),
    click.option(
        "--events", type=click.IntRange(min=0), default=10_000, show_default=True, help="How many, in 90 days."
    ),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which organisation."),
    click.option(
        "--order",
        type=click.Choice(["newest", "oldest"]),
        default="newest",
        show_default=True,
        help="What comes first.",
    ),
    click.option("--longest-range", type=_DAYS, help="Answer at most so many days of a range, and say so."),
    click.option("--retention", type=_DAYS, help="Remove events that are so many days old."),
    click.option("--arrivals", type=float, default=0, help="Events that arrive before each answer, such as 0.5."),
    click.option("--arrival-delay", type=_SECONDS, default="0", help="Date arrivals up to so many seconds back."),
    click.option("--disorder", type=_SECONDS, default="0", help="Store events up to so many seconds out of order."),
    click.option("--grouped", is_flag=True, help="Send one account group after the other."),
    click.option(
        "--changed-links",
        type=click.Choice(["none", "scope", "window", "dates"]),
        default="none",
        help="Send next links that ask for less than the request did.",
    ),
    click.option("--date-error", type=_SECONDS, default="0", help="Put the Date header so far ahead; -60 is behind."),
)


def practice_options(command: F) -> F:
    """Add the options of `Sandbox` that make sense in a terminal."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def serve(*, port: int, events: int, seed: int, **options: Any) -> None:
    """Serve a practice ThousandEyes until Ctrl-C, which is how it is meant to end.

    Parameters
    ----------
    port : int
        On loopback; 0 takes a free one.
    events, seed : int
        How many events, of which organisation.
    **options
        Other options of `Sandbox`.

    Raises
    ------
    click.UsageError
        An option is out of its range, or the port is taken or not allowed.
    """
    # Imported late: no other command needs it, and each should start quickly.
    from te_audit_frames.sandbox import Sandbox

    try:
        practice = Sandbox(events=events, seed=seed, port=port, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        practice.start()
    except OSError as error:
        raise click.UsageError(
            f"--port: {port} cannot be had ({error.strerror}); without it, a free one is taken."
        ) from None
    try:
        click.echo(f"export TE_TOKEN={practice.token}\nexport TE_BASE_URL={practice.url}")
        click.echo(f"{events:,} events of the last 90 days are served until Ctrl-C.", err=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
    finally:
        practice.stop()
