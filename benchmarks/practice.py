"""The practice server and its pages. It runs in its own process, so that its work is not counted as the client's."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import te_audit_frames as taf

_SERVE = """
import json, sys
from te_audit_frames.sandbox import Sandbox
options = json.load(sys.stdin)
with Sandbox(**options) as api:
    print(api.url, api.token, flush=True)
    sys.stdout.close()
    import signal
    signal.pause()
"""


@contextlib.contextmanager
def served(**options: Any) -> Iterator[tuple[str, str]]:
    """Serve a practice organisation, and yield the address and the token."""
    server = subprocess.Popen([sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin and server.stdout
    with server:
        json.dump({"rate_limit": None, **options}, server.stdin)
        server.stdin.close()
        try:
            url, token = server.stdout.readline().split()
            yield url, token
        finally:
            server.terminate()


def pages(events: int, *, page_size: int = 1_000) -> list[bytes]:
    """Return the pages of a practice organisation as bytes."""
    with served(events=events, page_size=page_size) as (url, token):
        client = taf.Client(token=token, base_url=url)
        bodies: list[bytes] = []
        cursor = None
        while not bodies or cursor:
            page = client.get_page(window="104w", all_account_groups=True, cursor=cursor)
            bodies.append(page.raw)
            cursor = page.next_cursor
    return bodies
