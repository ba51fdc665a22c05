"""The practice server in a terminal of its own."""

from __future__ import annotations

import threading

import click

from te_audit_frames.sandbox import Sandbox


def serve(*, port: int, events: int, seed: int) -> None:
    """Serve a practice ThousandEyes until Ctrl-C, which is how it is meant to end.

    Parameters
    ----------
    port : int
        On loopback; 0 takes a free one.
    events, seed : int
        How many events, of which organisation.

    Raises
    ------
    click.UsageError
        The port is taken or not allowed.
    """
    practice = Sandbox(events=events, seed=seed, port=port)
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
