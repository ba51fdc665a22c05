"""The cookbook's lines for every night, in a real shell: silent, or a mail and a message to a webhook."""

import json
import os
import re
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.command_line import CANARY, COMMAND

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox

COOKBOOK = Path(__file__).parents[2] / "docs" / "cookbook.md"
NOW = datetime.now(UTC)
ADA, GRACE = ("7", "Ada"), ("8", "Grace")


def _event(date, event, who):
    uid, user = who
    sent = {"date": f"{date:%Y-%m-%dT%H:%M:%SZ}", "event": event, "uid": uid, "user": user}
    return sent | {"aid": "1", "accountGroupName": "Labs", "ipAddress": "192.0.2.7"}


# The people work twelve hours away from the time of the deletions, whatever the hour of the day this test runs at:
# deletions outside Ada's usual hours are high, others are medium.
QUIET = [
    _event(NOW - timedelta(days=day, hours=13, minutes=30), "Test updated.", who)
    for day in range(100, 0, -1)
    for who in (ADA, GRACE)
]
DELETED = [_event(NOW - timedelta(minutes=90 - at), "Test deleted.", ADA) for at in range(12)]


@pytest.fixture
def night(tmp_path):
    """Run lines of the cookbook in a shell, with this test's places instead of the machine's."""
    token = tmp_path / "token"
    token.write_text(CANARY)
    token.chmod(0o600)

    def run(lines, **environment):
        lines = lines.replace("/srv/te-audit", str(tmp_path / "te-audit")).replace("/etc/te-audit/token", str(token))
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TE_")}
        ours["PATH"] = f"{COMMAND.parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", "-c", lines], env=ours | environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def _cron_line():
    """Return the command of the first line of the crontab; cron ends it at a per cent sign."""
    (line,) = re.findall(r"^15 2 \* \* \*  (.+)$", COOKBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    assert "%" not in line
    return line


def _script():
    text = COOKBOOK.read_text(encoding="utf-8").partition("### How do I send it to a webhook?")[2]
    return re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1]


def _receive():
    """Return a server on loopback that keeps what one request sends it."""
    bodies = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, bodies


needs_a_shell = pytest.mark.skipif(not (shutil.which("sh") and shutil.which("curl")), reason="needs a shell and curl")


def _is_a_mail_about_ada(ended):
    assert ended.returncode == 7, ended.stderr
    assert ended.stdout.startswith("Review of ")
    assert "12 deletions in 11 minutes" in ended.stdout
    assert ended.stderr == ""
    return True


@pytest.mark.full
@needs_a_shell
def test_the_line_for_cron_prints_what_deserves_a_look(night, tmp_path):
    page = json.dumps({"auditEvents": QUIET}).encode()
    taf.write_parquet(taf.read_pages([page]), tmp_path / "quiet.parquet")
    taf.Archive(tmp_path / "te-audit").import_parquet(tmp_path / "quiet.parquet")
    with Sandbox(events=[*QUIET, *DELETED], token=CANARY, rate_limit=None, page_size=500) as api:
        assert _is_a_mail_about_ada(night(_cron_line(), TE_BASE_URL=api.url))


@needs_a_shell
@pytest.mark.full
def test_a_quiet_night_is_silent_and_another_one_reaches_the_mail_and_the_webhook(night):
    with Sandbox(events=QUIET, token=CANARY, rate_limit=None, page_size=500) as api:
        silent = night(_cron_line(), TE_BASE_URL=api.url)
    assert (silent.stdout, silent.stderr, silent.returncode) == ("", "", 0)
    with Sandbox(events=[*QUIET, *DELETED], token=CANARY, rate_limit=None, page_size=500) as api:
        assert _is_a_mail_about_ada(night(_cron_line(), TE_BASE_URL=api.url))
    server, bodies = _receive()
    with server:
        sent = night(_script(), WEBHOOK=f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert (sent.stdout, sent.stderr, sent.returncode) == ("", "", 0)
    assert bodies[0]["findings"][0]["severity"] == "high"
