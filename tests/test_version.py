"""The version: one number, wherever it is written."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import te_audit_frames as taf
from te_audit_frames.version import VERSION

ROOT = Path(__file__).parent.parent


def test_the_build_reads_the_version_that_the_package_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    stated = project["tool"]["hatch"]["version"]
    source = (ROOT / stated["path"]).read_text(encoding="utf-8")
    assert re.findall(stated["pattern"], source) == [VERSION]


def test_the_version_is_a_release_or_a_step_to_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?", VERSION)


def test_the_newest_part_of_the_changelog_is_about_this_version():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest[1] == VERSION


def test_receipts_and_the_front_door_state_it():
    assert taf.__version__ == VERSION
    assert taf.receipt(taf.read_pages([b'{"auditEvents": []}'])).versions["te-audit-frames"] == VERSION


def test_what_is_installed_has_it():
    try:
        installed = version("te-audit-frames")
    except ModuleNotFoundError:
        pytest.skip("the package is not installed, but on the path")
    assert installed == VERSION
