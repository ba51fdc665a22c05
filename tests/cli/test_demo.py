"""The demo: one command from nothing to tables, a review, a file and pictures."""

import os
import re
import resource
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib import image
from matplotlib import pyplot as plt

import te_audit_frames as taf
from te_audit_frames.cli.commands import program
from te_audit_frames.safe_text import width

pytestmark = pytest.mark.full  # the demo takes seconds, and a review of months is among them

COMMAND = Path(sys.executable).with_name("te-audit-frames")
FILES = ["activity.png", "events.parquet", "heatmap.png", "report.html", "top_users.png"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Run the demo as a newcomer does: in a terminal of usual width, with nothing set."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TE_")}
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (40, 100))
    screen = b""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with subprocess.Popen([COMMAND, "demo"], cwd=folder, env=environment, stdout=theirs, stderr=theirs) as demo:
        os.close(theirs)
        with suppress(OSError):  # how Linux says that the other end of a terminal is closed
            while part := os.read(ours, 65_536):
                screen += part
    os.close(ours)
    assert demo.returncode == 0, screen.decode()
    return screen.decode(), folder / "te-audit-demo", resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def test_it_takes_a_few_seconds(shown):
    assert shown[2] < 15  # of the processor, about five; a busy machine takes longer


def test_it_shows_progress_the_receipt_and_three_summaries(shown):
    screen, folder, _ = shown
    events = taf.read_parquet(folder / "events.parquet")
    assert len(events) > 12_000
    assert f"Fetching 90 days, {len(events):,} events" in screen
    assert re.search(r"fetching: [0-9]+ events .*[0-9]+ pages", screen)
    assert re.search(r"complete +yes", screen)
    assert "asked for       window 90d" in screen
    for summary in (taf.summarize_by_user, taf.summarize_by_account_group, taf.summarize_by_event_type):
        first = summary(events).iloc[0]
        assert re.search(rf"{re.escape(first.iloc[0])}.* {first['events']:,} ", screen)


def test_its_tables_do_not_wrap(shown):
    tables = shown[0].replace("\r\n", "\n").partition("Who: ")[2].partition("Files")[0]
    assert "uid " in tables
    assert max(map(width, tables.splitlines())) <= 100
    assert "…" in tables


def test_it_shows_what_deserves_a_look_and_what_was_assessed(shown):
    look = shown[0].replace("\r\n", "\n").partition("What deserves a look")[2].partition("Files")[0]
    assert re.search(r"^  0  high  .*\n +\d+ deletions in \d+ minutes; ", look, re.MULTILINE)
    assert re.search(r"failed log-ins of 18 users from \S+ +\(stuffing\); +then", look.replace("\n", " "))
    assert "History: the same log, 69 days before the period" in look
    assert "in part: find_off_hours" in look.partition("What was assessed")[2]


def test_it_ends_with_what_to_type_next(shown):
    end = shown[0].rpartition("Next")[2]
    assert "export TE_TOKEN=" in end
    assert "te-audit-frames fetch --window 30d" in end
    assert "taf.fetch_events(" in end
    assert "open te-audit-demo/report.html in a browser" in end


def test_it_writes_a_file_of_events_three_pictures_and_a_report(shown):
    folder = shown[1]
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert taf.receipt(taf.read_parquet(folder / "events.parquet")).complete
    assert "Does something deserve a look?" in (folder / "report.html").read_text()
    for name in FILES:
        if name.endswith(".png"):
            picture = image.imread(folder / name)[..., :3]
            assert picture.shape[1] > 1_000
            assert picture.std() > 0.05  # not an empty sheet


def test_it_writes_where_it_is_told_and_replaces_its_files(tmp_path):
    plt.close("all")  # of other tests
    folder = tmp_path / "new" / "demo"
    folder.mkdir(parents=True)
    (folder / "activity.png").write_text("of an earlier demo")
    done = CliRunner().invoke(program, ["demo", "--out", str(folder)])
    assert (done.exit_code, done.stderr) == (0, "")  # nobody looks, so there is no bar
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / "activity.png").read_bytes().startswith(b"\x89PNG")
    assert f"  {folder / 'activity.png'}\n" in done.stdout
    assert plt.get_fignums() == []
