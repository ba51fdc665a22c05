"""The program: its help, its version, completion, and how it starts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import CANARY, FOREVER, NOW, USER, run, start, walk

import te_audit_frames as taf
from te_audit_frames.cli.find import find
from te_audit_frames.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")


@pytest.mark.parametrize("words", [words for words, _ in walk()], ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert re.search(r"Example", result.stdout)
    assert f"te-audit-frames {' '.join(words)}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_the_guide_documents_every_command_and_exit_code():
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "command-line.md").read_text(encoding="utf-8")
    commands = [name for (name,) in (words for words, _ in walk() if len(words) == 1)]
    assert commands == [
        "demo",
        "fetch",
        "events",
        "summary",
        "activity",
        "plot",
        "find",
        "review",
        "report",
        "users",
        "sync",
        "archive",
        "pseudonymize",
        "vocabulary",
        "sandbox",
    ]
    assert [name for name in commands if f"te-audit-frames {name}" not in guide] == []
    assert [name for name in find.commands if f"| `find {name}` |" not in guide] == []
    assert [code for code in (0, 2, 3, 4, 5, 6, 7, 130) if f"| {code} |" not in guide] == []


@pytest.mark.full
def test_the_installed_command_says_its_version():
    done = start("--version")
    assert done.communicate()[0].split() == ["te-audit-frames,", "version", taf.__version__]
    assert done.returncode == 0


def test_completion_knows_the_commands():
    done = run(_TE_AUDIT_FRAMES_COMPLETE="bash_complete", COMP_WORDS="te-audit-frames s", COMP_CWORD="1")
    assert done.stdout.split() == ["plain,summary", "plain,sync", "plain,sandbox"]


@pytest.mark.full  # it starts Python; test_package.py sees that the import is light
def test_help_imports_nothing_that_it_does_not_need():
    script = (
        "import sys; sys.argv = ['te-audit-frames', '--help']\n"
        "from te_audit_frames.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('matplotlib', 'te_audit_frames.sandbox', 'tqdm.notebook') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.full
def test_the_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "te_audit_frames", "--version"], text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"te-audit-frames, version {taf.__version__}\n"


@pytest.mark.full
def test_a_name_that_the_encoding_lacks_does_not_end_the_command(tmp_path):
    with Sandbox(events=[USER | {"user": "Łukasz 日本"}], now=NOW, token=CANARY) as api:
        assert run("fetch", *FOREVER, "-o", tmp_path / "e.parquet", at=api).exit_code == 0
    done = start("summary", tmp_path / "e.parquet", PYTHONIOENCODING="latin-1")
    out, err = done.communicate(timeout=20)
    assert (done.returncode, err) == (0, "")
    assert "\\u0141ukasz \\u65e5\\u672c" in out
