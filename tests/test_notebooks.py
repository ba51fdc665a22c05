"""The notebooks run in a kernel of their own, with a token and without, and are kept with what they show."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from te_audit_frames.sandbox import Sandbox

FOLDER = Path(__file__).parent.parent / "notebooks"
NAMES = ["01_explore", "02_trends", "03_archive", "04_scale"]

# A token as the API gives it is a UUID; the practice server's says what it is.
TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|practice-\w+|bearer \w", re.IGNORECASE)
MACHINE = re.compile(r"/(?:home|root|Users|tmp|work|opt|usr|var)/\w|[A-Z]:\\|127\.0\.0\.1|localhost")


@pytest.fixture(autouse=True)
def without_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TE_TOKEN", raising=False)
    monkeypatch.delenv("TE_BASE_URL", raising=False)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    for cell in code(notebook):
        yield from cell.outputs


def run(name: str, folder: Path) -> NotebookNode:
    """Run a copy without outputs in `folder`, where it also leaves its files; a cell that raises, raises here."""
    notebook = read(Path(shutil.copy(FOLDER / f"{name}.ipynb", folder)))
    for cell in code(notebook):
        cell.update(outputs=[], execution_count=None)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=240, resources=place).execute()
    return notebook


def complaints(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for output in outputs(notebook) if output.output_type == "error" or output.get("name") == "stderr"]


def shown(notebook: NotebookNode) -> list[list[list[str]]]:
    """What each cell shows: tables, pictures, text."""
    return [
        [sorted(output.get("data", [output.get("name", "")])) for output in cell.outputs] for cell in code(notebook)
    ]


def test_every_notebook_is_tested():
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_without_a_token_it_runs_on_the_practice_server_and_shows_what_is_kept(name, tmp_path):
    notebook = run(name, tmp_path)
    assert complaints(notebook) == []
    assert shown(notebook) == shown(read(FOLDER / f"{name}.ipynb"))


# Once for the engines of 04_scale, which take their time to start.
@pytest.mark.parametrize(
    ("name", "events"), [(name, events) for name in NAMES[:3] for events in (0, 300)] + [("04_scale", 0)]
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


@pytest.mark.parametrize("name", NAMES)
def test_it_is_kept_with_what_it_shows(name):
    kept = read(FOLDER / f"{name}.ipynb")
    assert [cell.execution_count for cell in code(kept)] == list(range(1, len(code(kept)) + 1))
    assert complaints(kept) == []
    silent = [cell.source for cell in code(kept)[1:] if not cell.outputs]
    assert silent == []
    assert any("image/png" in output.get("data", {}) for output in outputs(kept))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_small_and_names_no_token_and_no_machine(name):
    path = FOLDER / f"{name}.ipynb"
    assert path.stat().st_size < 400_000
    kept = read(path)
    assert set(kept.metadata) == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in kept.cells)
    for output in outputs(kept):
        output.get("data", {}).pop("image/png", None)
    text = json.dumps(kept, ensure_ascii=False)
    assert TOKEN.findall(text) == []
    assert MACHINE.findall(text) == []


def test_a_fresh_kernel_shows_every_picture():
    page = 'taf.read_pages([b\'{"auditEvents": [{"date": "2026-01-01T00:00:00Z"}]}\'])'
    cells = [f"import te_audit_frames as taf\nevents = {page}\ntaf.plot_activity(events);", "taf.plot_heatmap(events);"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown = [[output.output_type for output in cell.outputs] for cell in notebook.cells]
    assert shown == [["display_data"], ["display_data"]]
