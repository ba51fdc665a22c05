"""The demo: real HTTP from a practice server to tables, a Parquet file and pictures, in a few seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pandas as pd

import te_audit_frames as taf
from te_audit_frames.cli.pictures import save
from te_audit_frames.cli.terminal import fit, table
from te_audit_frames.sandbox import Sandbox

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EVENTS = 12_000
# Small pages and a little latency, so that the progress bar is seen to work.
_PAGE_SIZE = 100
_LATENCY = 0.1

_NEXT = """\
Next, with a token of your own, from ThousandEyes:
Account Settings > Users and Roles > User API Tokens
  export TE_TOKEN=...
  te-audit-frames fetch --window 30d --all-account-groups -o events.parquet
  te-audit-frames summary events.parquet --by user
or in Python:
  import te_audit_frames as taf
  events = taf.fetch_events(window="30d", all_account_groups=True)
  taf.summarize_by_user(events)"""


def show(out: str) -> None:
    """Fetch from a practice server, print the receipt and the summaries, and write the demo's files.

    Parameters
    ----------
    out : str
        The folder for the files; it is made where it is not there.

    Raises
    ------
    OSError
        The folder or a file cannot be written.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"Fetching 90 days, {_EVENTS:,} events, over HTTP from a practice ThousandEyes on this machine.\n")
    events = _fetch()
    _tell(events)
    click.echo("Files")
    for path in _files(events, folder):
        click.echo(f"  {path}")
    click.echo(f"\n{_NEXT}")


def _fetch() -> pd.DataFrame:
    with Sandbox(events=_EVENTS, seed=0, page_size=_PAGE_SIZE, latency=_LATENCY) as practice:
        client = taf.Client(token=practice.token, base_url=practice.url)
        return client.fetch_events(window="90d", all_account_groups=True)


def _tell(events: pd.DataFrame) -> None:
    click.echo(f"{taf.receipt(events)!r}\n")
    for title, counts in (
        ("Who: the 10 most active users", taf.summarize_by_user(events, top=10)),
        ("Where: the account groups", taf.summarize_by_account_group(events)),
        ("What: the 10 most frequent types of event", taf.summarize_by_event_type(events, top=10)),
    ):
        click.echo(f"{title}\n\n{fit(table(counts))}\n")


def _files(events: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write the demo's files, and name each when it is there."""
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
