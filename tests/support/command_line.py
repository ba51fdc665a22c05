"""The command line under test: run it in this process or start it, and a log to fetch."""

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from click.testing import CliRunner

from te_audit_frames.cli.commands import program
from te_audit_frames.sandbox import Organisation

COMMAND = Path(sys.executable).with_name("te-audit-frames")
CANARY = "practice-canary-8f3a1c"
NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
LOG = Organisation(events=600, seed=3, end=NOW, days=30)
FOREVER = ("--start", "2026-01-01", "--end", "2026-04-01", "--all-account-groups")
HOSTILE = "\x1b[2J\u202eAda\u2066\r\n\t\x9b31m =cmd"
USER = {"date": "2026-02-28T10:00:00Z", "aid": "1", "accountGroupName": "G", "event": "User login.", "uid": "7"}


def environment(at=None, **more):
    ours = {"TE_TOKEN": at.token, "TE_BASE_URL": at.url} if at else {"TE_TOKEN": None, "TE_BASE_URL": None}
    return ours | more


def run(*words, at=None, **more):
    return CliRunner().invoke(
        program, [str(word) for word in words], env=environment(at, **more), prog_name="te-audit-frames"
    )


def start(*words, at=None, **more):
    changed = os.environ | environment(at, **more)
    env = {name: value for name, value in changed.items() if value is not None}
    return subprocess.Popen(
        [COMMAND, *map(str, words)], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def multiset(events):
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def as_sent(events):
    """Write a frame's events as the API sent them."""
    names = {"account_group_name": "accountGroupName", "ip_address": "ipAddress"}
    sent = events.drop(columns="extra").rename(columns=names)
    sent["date"] = sent["date"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [{k: v for k, v in row.items() if isinstance(v, list) or not pd.isna(v)} for row in sent.to_dict("records")]


def walk(command=program, words=()):
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*words, name))
