"""The commands demo and sandbox, which need no account: both run the practice server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli.output import save
from te_audit_frames.cli.review_text import Shown, write_review
from te_audit_frames.cli.terminal import table, terminal_width
from te_audit_frames.safe_text import number_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

F = TypeVar("F", bound=Callable[..., Any])

_EVENTS = 12_000
# Small pages and some latency, so that the progress bar can be seen.
_PAGE_SIZE = 100
_LATENCY = 0.1
# All incidents of the practice organisation happen in this time.
_REVIEWED = timedelta(days=21)

_NEXT = """\
Next, with your own token (ThousandEyes > Account Settings > Users and Roles > User API Tokens):
  export TE_TOKEN=...
  te-audit-frames fetch --window 30d -o events.parquet
  te-audit-frames summary events.parquet --by user
  te-audit-frames review events.parquet --window 7d
or in Python:
  import te_audit_frames as taf
  events = taf.fetch_events(window="30d")
  taf.summarize_by_user(events)"""


def show(out: str) -> None:
    """Fetch from a practice server, print the receipt, summaries and a review, and write the demo's files.

    Parameters
    ----------
    out : str
        The folder for the files, created if necessary.

    Raises
    ------
    OSError
        The folder or a file cannot be written.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    events, users = _fetch()
    _print(events)
    recent, review = _review(events, users)
    click.echo("Files")
    for path in _files(events, folder):
        click.echo(f"  {path}")
    report = folder / "report.html"
    taf.write_report(recent, report, review=review, title="A practice organisation")
    click.echo(f"  {report}")
    click.echo(f"\n{_NEXT}")
    click.echo(f"\nAnd open {report} in a browser: the last three weeks, reviewed, in one file.")


def _fetch() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events and the people of a practice organisation in which something has happened."""
    from te_audit_frames.sandbox import Sandbox  # no other command needs it, and each should start quickly

    with Sandbox(events=_EVENTS, seed=0, incidents=True, page_size=_PAGE_SIZE, latency=_LATENCY) as practice:
        count = len(practice.event_log)
        click.echo(f"Fetching 90 days, {count:,} events, over HTTP from a practice ThousandEyes on this machine.\n")
        client = taf.Client(token=practice.token, base_url=practice.url)
        return client.fetch_events(window="90d"), client.fetch_users()


def _print(events: pd.DataFrame) -> None:
    click.echo(f"{taf.receipt(events)!r}\n")
    for title, counts in (
        ("Who: the 10 most active users", taf.summarize_by_user(events, top=10)),
        ("Where: the account groups", taf.summarize_by_account_group(events)),
        ("What: the 10 most frequent types of event", taf.summarize_by_event_type(events, top=10)),
    ):
        click.echo(f"{title}\n\n{table(counts, room=terminal_width())}\n")


def _review(events: pd.DataFrame, users: pd.DataFrame) -> tuple[pd.DataFrame, taf.Review]:
    """Review the last weeks against the weeks before, and print the review. Return the last weeks and the review."""
    period = taf.receipt(events).period
    start = None if period is None else period.end - _REVIEWED
    recent = taf.between(events, start=start)
    found = taf.review(recent, history=events, users=users)
    severe = found.findings[found.findings["severity"].isin(("high", "medium"))]
    click.echo("What deserves a look: the last three weeks\n")
    shown = Shown(found, severe, "medium", "UTC", "the same log", given=False)
    click.echo("\n".join(write_review(shown, terminal_width())) + "\n")
    return recent, found


def _files(events: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write the demo's files, and yield each path once it is written."""
    taf.write_parquet(events, folder / "events.parquet")
    yield folder / "events.parquet"
    pictures: dict[str, Callable[[], Axes]] = {
        "activity.png": lambda: taf.plot_activity(events, freq="D", by="event"),
        "heatmap.png": lambda: taf.plot_heatmap(events),
        "top_users.png": lambda: taf.plot_top(events, by="user"),
    }
    for name, draw in pictures.items():
        save(draw, folder / name)
        yield folder / name


class Duration(click.ParamType[timedelta]):
    """A number of days or seconds, of at least `least` seconds; its value is a timedelta."""

    def __init__(self, unit: str, *, least: float = float("-inf")) -> None:
        self.name = unit
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return the timedelta."""
        if isinstance(value, timedelta):
            return value
        try:
            length = timedelta(**{self.name: float(value)})
        except (OverflowError, ValueError):
            self.fail(f"{value!r} is not a number of {self.name}.", param, ctx)
        if length.total_seconds() < self._least:
            bound = f"be {self._least:g} second or more" if self._least else "not be negative"
            self.fail(f"{value} {self.name} is too little: it must {bound}.", param, ctx)
        return length


_DAYS = Duration("days", least=1)
_SECONDS, _SIGNED_SECONDS = Duration("seconds", least=0), Duration("seconds")

_SANDBOX_OPTIONS = (
    click.option(
        "--port",
        type=click.IntRange(0, 65_535),
        default=0,
        show_default=True,
        help="The port on 127.0.0.1; 0 takes a free one.",
    ),
    click.option(
        "--events",
        type=click.IntRange(min=0),
        default=10_000,
        show_default=True,
        help="The number of events.",
    ),
    click.option("--days", type=click.IntRange(min=1), default=90, show_default=True, help="How many days they cover."),
    click.option(
        "--habits",
        is_flag=True,
        help="Give people habits: sessions, leave, weekly duties. Needs 60 days and 25 events a day.",
    ),
    click.option(
        "--incidents",
        is_flag=True,
        help="Add incidents to an organisation with habits, and print the truth about them at the end.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="The number of the organisation to invent. The same number gives the same events.",
    ),
    click.option(
        "--order",
        type=click.Choice(["newest", "oldest"]),
        default="newest",
        show_default=True,
        help="Which events come first.",
    ),
    click.option(
        "--longest-range", type=_DAYS, help="Answer at most this many days of a range, and state the days answered."
    ),
    click.option("--retention", type=_DAYS, help="Remove events when they are this many days old."),
    click.option(
        "--arrivals",
        type=click.FloatRange(min=0),
        metavar="NUMBER",
        default=0,
        help="How many events arrive before each answer, on average, such as 0.5.",
    ),
    click.option(
        "--arrival-delay", type=_SECONDS, default="0", help="Date arriving events up to this many seconds in the past."
    ),
    click.option("--disorder", type=_SECONDS, default="0", help="Store events up to this many seconds out of order."),
    click.option("--grouped", is_flag=True, help="Send one account group after the other."),
    click.option(
        "--changed-links",
        type=click.Choice(["none", "scope", "window", "dates"]),
        default="none",
        help="Send next links that ask for less than the request did.",
    ),
    click.option(
        "--date-error",
        type=_SIGNED_SECONDS,
        default="0",
        help="Set the Date header this many seconds ahead of the clock; -60 is behind.",
    ),
)


def sandbox_options(command: F) -> F:
    """Add the options of the command sandbox."""
    for option in reversed(_SANDBOX_OPTIONS):
        command = option(command)
    return command


def serve(*, port: int, events: int, seed: int, days: int, **options: Any) -> None:
    """Serve a practice ThousandEyes until Ctrl-C.

    Parameters
    ----------
    port : int
        The port on loopback; 0 takes a free one.
    events : int
        The number of events.
    seed : int
        The number of the organisation to invent.
    days : int
        How many days the events cover.
    **options
        Other options of `Sandbox`.

    Raises
    ------
    click.UsageError
        An option is out of its range, or the port is taken or not allowed.
    """
    # Imported late, because no other command needs it and each should start quickly.
    from te_audit_frames.sandbox import Sandbox

    try:
        practice = Sandbox(events=events, seed=seed, days=days, port=port, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        practice.start()
    except OSError as error:
        raise click.UsageError(
            f"--port: {port} is not available ({error.strerror}). Without --port, a free one is taken."
        ) from None
    try:
        click.echo(f"export TE_TOKEN={practice.token}\nexport TE_BASE_URL={practice.url}")
        count = len(practice.event_log)
        are = "is" if count == 1 else "are"
        served = f"{number_of(count, 'event')} of the last {number_of(days, 'day')}"
        click.echo(f"{served} {are} served until Ctrl-C.", err=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        for incident in practice.incidents:
            click.echo(f"{incident.start:%Y-%m-%d %H:%M} UTC  {incident.sentence}", err=True)
    finally:
        practice.stop()
