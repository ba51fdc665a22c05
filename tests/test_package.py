"""The package as a whole: public names, the direction of imports, the README, the declared check."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **options)


def test_all_lists_every_public_name():
    ours = {
        name
        for name, value in vars(taf).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("te_audit_frames")
    }
    assert ours <= set(taf.__all__) <= set(dir(taf))
    assert taf.__all__ == sorted(taf.__all__)
    assert all(getattr(taf, name) for name in taf.__all__)


@pytest.mark.parametrize("name", taf.__all__)
def test_every_public_name_has_a_docstring_with_an_example_that_runs(name):
    documented = getattr(taf, name)
    is_exception = isinstance(documented, type) and issubclass(documented, Exception)
    assert is_exception or ">>>" in inspect.getdoc(documented), f"{name} has no example"
    assert inspect.getdoc(documented)


def test_imports_run_one_way():
    contract = run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")
    assert contract.returncode == 0, contract.stdout + contract.stderr


def test_importing_loads_nothing_heavy():
    heavy = "requests narwhals pyarrow.parquet matplotlib tqdm duckdb polars dask pyspark fsspec obstore IPython"
    ours = "te_audit_frames.client te_audit_frames.sandbox te_audit_frames.cli"
    code = (
        f"import sys, te_audit_frames; print([name for name in {(heavy + ' ' + ours).split()} if name in sys.modules])"
    )
    assert run(sys.executable, "-W", "error", "-c", code).stdout.strip() == "[]"


def test_the_whole_check_runs_the_readmes_test_command():
    command = next(line for line in README.splitlines() if "-m pytest" in line)
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_readmes_python_runs_as_written(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    import matplotlib as mpl

    mpl.use("agg")
    with Sandbox(events=2_000, seed=0) as api:
        monkeypatch.setenv("TE_TOKEN", api.token)
        monkeypatch.setenv("TE_BASE_URL", api.url)
        names: dict[str, object] = {}
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)
    assert isinstance(names["events"], pd.DataFrame)


def test_the_files_name_no_machine_and_no_registry():
    tracked = run("git", "ls-files").stdout.split() or [str(path) for path in ROOT.glob("te_audit_frames/**/*.py")]
    suspicious = re.compile(r"/(?:work|home|root|Users)/\w|index-url|/simple/|--registry")
    here = os.path.relpath(__file__, ROOT)
    found = [
        name
        for name in tracked
        if name != here and suspicious.search((ROOT / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []


def test_dir_is_what_is_public():
    assert [name for name in dir(taf) if not name.startswith("__")] == sorted(taf.__all__)


@pytest.mark.parametrize(
    "cls",
    [cls for cls in map(taf.__dict__.get, taf.__all__) if isinstance(cls, type) and not issubclass(cls, Exception)]
    + [taf.Archive, taf.Batches, taf.Client, taf.Page, taf.SyncReport, taf.Verification],
    ids=lambda cls: cls.__name__,
)
def test_every_public_class_has_a_repr_of_its_own(cls):
    assert cls.__repr__ is not object.__repr__
