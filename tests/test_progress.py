"""The progress bar, in a terminal and in a notebook: how much of the period is done."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.client.progress import Progress


@pytest.fixture
def shown(capsys):
    """What the bar has shown since the last look, state by state."""

    def look():
        captured = capsys.readouterr()
        assert captured.out == ""
        return [state.strip() for state in re.split("[\r\n]", captured.err) if state.strip()]

    return look


def test_a_bar_begins_empty_and_is_full_at_the_end(shown):
    progress = Progress(show=True)
    progress.open()
    assert shown() == ["fetching: 0 events [00:00, 0 pages]"]
    progress.page(events=500, done=0.25)
    (quarter,) = shown()
    assert re.fullmatch(r"fetching:  25%\|\S+ +\| 500 events \[00:00<.*, 1 page\]", quarter)
    progress.page(events=700)
    assert "25%" in shown()[-1]
    progress.page(events=34, done=1.0)
    (full,) = shown()
    assert re.fullmatch(r"fetching: 100%\|█+\| 1,234 events \[00:00<00:00, 3 pages\]", full)
    progress.close()
    assert shown()[-1] == full


def test_the_wait_is_shown_and_ends(shown):
    progress = Progress(show=True)
    progress.open()
    progress.page(events=1, done=0.5)
    progress.waiting(30.2)
    assert re.search(r", 1 page, rate limit: waiting 30 s until \d\d:\d\d:\d\d\]$", shown()[-1])
    progress.waiting(0.0)
    assert shown()[-1].endswith(", 1 page]")
    progress.close()


def test_a_share_that_nobody_knows_is_not_shown(shown):
    progress = Progress(show=True)
    progress.open()
    for _ in range(3):
        progress.page(events=5)
    progress.close()
    states = shown()
    assert states[-1] == "fetching: 15 events [00:00, 3 pages]"
    assert not [state for state in states if "%" in state or "█" in state]


@given(st.lists(st.floats(-1, 2) | st.none(), max_size=8))
def test_any_share_at_all_keeps_the_bar_valid(shares):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", written := io.StringIO())
        progress = Progress(show=True)
        progress.open()
        for share in shares:
            progress.page(events=1, done=share)
        progress.close()
    told = [share for share in shares if share is not None]
    percent = re.findall(r"(\d+)%", written.getvalue())
    assert bool(percent) == bool(told)
    if told:
        assert int(percent[-1]) == round(100 * min(max(told[-1], 0), 1))


def test_nothing_is_shown_where_nobody_looks(shown):
    for show in (False, None):
        progress = Progress(show=show)
        progress.open()
        progress.page(events=1, done=0.5)
        progress.waiting(5)
        progress.close()
    assert shown() == []


CELL = """
import warnings; warnings.simplefilter("ignore")  # about how this cell finds the widgets
from ipywidgets import FloatProgress, HTML, Widget
from te_audit_frames.client.progress import Progress

def state():
    bars = [widget for widget in Widget.widgets.values() if isinstance(widget, FloatProgress)]
    texts = [widget.value.replace("\u2007", " ") for widget in Widget.widgets.values() if isinstance(widget, HTML)]
    return bars[-1].value / bars[-1].max, bars[-1].bar_style, " ".join(texts[-2:])

def run(*shares):
    progress = Progress(show=None)
    progress.open()
    states = [state()]
    for share in shares:
        progress.page(events=500, done=share)
        states.append(state())
    progress.close()
    return [*states, state()]

"""


@pytest.fixture(scope="module")
def in_a_notebook():
    """Return what the bar showed at each step of three fetches, which one kernel draws."""
    for name in ("nbformat", "nbclient", "ipykernel", "ipywidgets"):
        pytest.importorskip(name, reason="the extra test-engines brings what runs notebooks")
    import nbformat
    from nbclient import NotebookClient

    calls = {"whole": "run(0.25, None, 1.0)", "broken off": "run(0.25)", "unknown": "run(None, None)"}
    cells = [CELL, *(f"print({call})" for call in calls.values())]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    states = {}
    for call, cell in zip(calls, notebook.cells[1:], strict=True):
        assert "application/vnd.jupyter.widget-view+json" in cell.outputs[0].data, "no widget was shown"
        states[call] = eval(next(output.text for output in cell.outputs if output.get("name") == "stdout"))
    return states


@pytest.mark.full  # it starts a kernel
def test_in_a_notebook_the_bar_fills_with_the_share_that_is_done(in_a_notebook):
    states = in_a_notebook["whole"]
    assert [value for value, _, _ in states] == [0, 0.25, 0.25, 1, 1]
    assert [style for _, style, _ in states] == ["", "", "", "", "success"]
    assert "0 events" in states[0][2]
    assert "25%" in states[1][2]
    assert "1,500 events" in states[-1][2]
    assert "3 pages" in states[-1][2]


@pytest.mark.full  # it starts a kernel
def test_in_a_notebook_a_fetch_that_broke_off_is_red_and_not_full(in_a_notebook):
    *_, (value, style, text) = in_a_notebook["broken off"]
    assert (value, style) == (0.25, "danger")
    assert "25%" in text


@pytest.mark.full  # it starts a kernel
def test_in_a_notebook_a_share_that_nobody_knows_is_an_empty_bar(in_a_notebook):
    states = in_a_notebook["unknown"]
    assert {value for value, _, _ in states} == {0}
    assert "danger" not in {style for _, style, _ in states}
    assert "1,000 events" in states[-1][2]
