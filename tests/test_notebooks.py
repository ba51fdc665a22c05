"""The notebooks run in a kernel of their own, with a token and without, and are kept with what they show."""

import json
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib import pyplot as plt

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox

# They are imported where a test needs them: all workers collect this file, and few run it.
if not all(map(find_spec, ("nbformat", "nbclient", "ipykernel"))):
    pytest.skip("the extra test-engines brings what runs notebooks", allow_module_level=True)

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = ["01_explore", "02_trends", "03_archive", "04_scale", "05_review", "06_explore"]

# A token as the API gives it is a UUID; the practice server's says what it is.
TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|practice-\w+|bearer \w", re.IGNORECASE)
MACHINE = re.compile(r"/(?:home|root|Users|tmp|work|opt|usr|var)/\w|[A-Z]:\\|127\.0\.0\.1|localhost")


@pytest.fixture(autouse=True)
def without_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TE_TOKEN", raising=False)
    monkeypatch.delenv("TE_BASE_URL", raising=False)


def read(path: Path) -> dict[str, Any]:
    """Read the JSON, since nbformat takes seconds to import."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in code(notebook):
        yield from cell["outputs"]


WIDGET = "application/vnd.jupyter.widget-view+json"

# As on a machine without Dask and Spark, which take their time to start.
NO_CLUSTERS = "import sys\nsys.modules['distributed'] = sys.modules['pyspark'] = None"


def run(name: str, folder: Path, *, clusters: bool = False) -> Any:
    """Run a copy without outputs in `folder`, where it also leaves its files; a cell that raises, raises here."""
    import nbclient
    import nbformat

    notebook = nbformat.read(shutil.copy(FOLDER / f"{name}.ipynb", folder), as_version=4)
    for cell in code(notebook):
        cell.update(outputs=[], execution_count=None)
    place = {"metadata": {"path": str(folder)}}
    if not clusters:
        notebook["cells"].insert(0, nbformat.v4.new_code_cell(NO_CLUSTERS))
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=240, resources=place).execute()
    if not clusters:
        del notebook["cells"][0]
    return notebook


def complaints(notebook: Any) -> list[Any]:
    return [
        output for output in outputs(notebook) if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def shown(notebook: Any) -> list[list[list[str]]]:
    """What each cell shows: tables, pictures, text."""
    cells = []
    for cell in code(notebook):
        kinds: list[list[str]] = []
        for output in cell["outputs"]:
            # A widget lives only as long as its kernel, so it is not kept.
            kind = sorted({*output.get("data", [output.get("name", "")])} - {WIDGET})
            # A slow machine sends the printed lines of one cell in several parts.
            if output["output_type"] != "stream" or kinds[-1:] != [kind]:
                kinds.append(kind)
        cells.append(kinds)
    return cells


def test_every_notebook_is_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize(
    ("name", "clusters"),
    [
        *[pytest.param(name, False, marks=pytest.mark.full) for name in NAMES],
        pytest.param("04_scale", True, marks=pytest.mark.full, id="04_scale-spark"),
    ],
)
def test_without_a_token_it_runs_on_the_practice_server_and_shows_what_is_kept(name, clusters, tmp_path):
    notebook = run(name, tmp_path, clusters=clusters)
    assert complaints(notebook) == []
    assert shown(notebook) == shown(read(FOLDER / f"{name}.ipynb"))


@pytest.mark.parametrize(
    ("name", "events"),
    [
        # Nobody explores a log that is empty: that is an error.
        *[pytest.param(name, 0, marks=pytest.mark.full) for name in NAMES if name != "06_explore"],
        *[pytest.param(name, 300, marks=pytest.mark.full) for name in NAMES if name != "04_scale"],
    ],
)
def test_with_a_token_it_asks_the_api(name, events, tmp_path, monkeypatch):
    with Sandbox(events=events, seed=1, token="practice-secret") as api:
        monkeypatch.setenv("TE_TOKEN", api.token)
        monkeypatch.setenv("TE_BASE_URL", api.url)
        notebook = run(name, tmp_path)
        assert {request.status for request in api.requests} == {200}
        assert api.requests[0].query["useAllPermittedAids"] == "true"
    assert complaints(notebook) == []
    assert api.token not in json.dumps(notebook)


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_with_what_it_shows(name):
    kept = read(FOLDER / f"{name}.ipynb")
    assert [cell["execution_count"] for cell in code(kept)] == list(range(1, len(code(kept)) + 1))
    assert complaints(kept) == []
    silent = [cell["source"] for cell in code(kept)[1:] if not cell["outputs"]]
    assert silent == []
    assert any("image/png" in output.get("data", {}) for output in outputs(kept))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_small_and_names_no_token_and_no_machine(name):
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < 400_000
    kept = read(path)
    assert set(kept["metadata"]) == {"kernelspec", "language_info"}
    assert all(cell["metadata"] == {} for cell in kept["cells"])
    for output in outputs(kept):
        output.get("data", {}).pop("image/png", None)
    text = json.dumps(kept, ensure_ascii=False)
    assert TOKEN.findall(text) == []
    assert MACHINE.findall(text) == []


# ---- what the cells find ---------------------------------------------------------------------------------------------


def cells(name: str, start: str, end: str) -> str:
    """Take the code of a notebook from the section with a heading up to another one."""
    code, inside = [], False
    for cell in read(FOLDER / f"{name}.ipynb")["cells"]:
        if cell["cell_type"] == "markdown":
            inside = (inside or f"## {start}" in cell["source"]) and f"## {end}" not in cell["source"]
        elif inside:
            code.append(cell["source"])
    assert code, f"{name} has no section {start!r}"
    return "\n".join(code)


def events_of(*events: tuple[str, str, str, str]) -> pd.DataFrame:
    """Read events, each a time of one day, what happened, whose, and from where."""
    sent = [
        {"date": f"2026-04-17T{time}Z", "event": event, "uid": uid, "user": f"user {uid}", "ipAddress": address}
        for time, event, uid, address in events
    ]
    return taf.read_pages([json.dumps({"auditEvents": sent}).encode()])


def log_ins(*events: tuple[str, str, str, str]) -> pd.DataFrame:
    """Who got in, as notebook 02 finds it."""
    plt.switch_backend("agg")
    names = {"events": events_of(*events), "taf": taf, "HERE": "UTC"}
    exec(cells("02_trends", "When do logins fail?", "Which addresses are new?"), names)
    plt.close("all")
    return names["entered"]


@pytest.mark.full
def test_a_log_in_after_ten_failures_is_found_from_any_address():
    failures = [(f"10:0{minute}:00", "Login failed.", "7", "203.0.113.9") for minute in range(10)]
    entered = log_ins(*failures, ("10:40:00", "User login.", "7", "10.0.0.1"))
    assert entered["success"].dt.strftime("%H:%M").tolist() == ["10:40"]
    assert entered[["success_user", "success_ip_address"]].to_numpy().tolist() == [["user 7", "10.0.0.1"]]
    assert len(log_ins(*failures, ("11:40:00", "User login.", "7", "203.0.113.9"))) == 0
    assert len(log_ins(*failures[1:], ("10:40:00", "User login.", "7", "203.0.113.9"))) == 0


def test_a_run_of_deletions_names_every_account_group_that_it_went_through():
    sent = [
        {
            "date": f"2026-04-17T10:00:{second:02}Z",
            "event": "Test deleted.",
            "uid": "7",
            "user": "Ada",
            "aid": str(second % 3),
            "accountGroupName": ["Shops", "Labs", None][second % 3],
            "resources": [{"type": "testName", "name": f"test {second}"}],
        }
        for second in range(12)
    ]
    events = taf.read_pages([json.dumps({"auditEvents": sent}).encode()])
    names = {"events": events, "taf": taf}
    code = cells("01_explore", "How much was deleted?", "What was in the largest?")
    exec(code, names)
    assert names["runs"][["user", "events"]].to_numpy().tolist() == [["Ada", 12]]
    assert list(names["runs"]["account_groups"][0]) == ["2", "Labs", "Shops"]


@pytest.mark.full
def test_a_fresh_kernel_shows_every_picture():
    import nbclient
    import nbformat

    page = 'taf.read_pages([b\'{"auditEvents": [{"date": "2026-01-01T00:00:00Z"}]}\'])'
    cells = [f"import te_audit_frames as taf\nevents = {page}\ntaf.plot_activity(events);", "taf.plot_heatmap(events);"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown = [[output["output_type"] for output in cell["outputs"]] for cell in notebook["cells"]]
    assert shown == [["display_data"], ["display_data"]]
